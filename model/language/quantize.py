"""The language model in fewer bits: its linear layers' weights, not its embedding, head or activations.

int8: a scale per row, by torchao. int4: NormalFloat with a scale per 64 weights, by bitsandbytes (Dettmers et al. 2023,
"QLoRA", section 3). Each quantises while it loads; computation stays in the language model's precision.
"""

from typing import Any, Literal

import torch

from model.errors import CheckpointError

Quantization = Literal["int8", "int4"]


def quantization_config(kind: Quantization, dtype: torch.dtype) -> Any:
    """What transformers' `from_pretrained` takes as `quantization_config`.

    Raises:
        CheckpointError: the library is not installed.
    """
    try:
        if kind == "int8":
            from torchao.quantization import Int8WeightOnlyConfig
            from transformers import TorchAoConfig

            return TorchAoConfig(Int8WeightOnlyConfig())
        import bitsandbytes  # noqa: F401  transformers would only say so later, and less plainly
        from transformers import BitsAndBytesConfig

        return BitsAndBytesConfig(load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_compute_dtype=dtype)
    except ModuleNotFoundError as error:
        library = (error.name or "").partition(".")[0]
        raise CheckpointError(f"{kind} needs {library}: pip install 'timeaudio[quantize]'.") from None
