"""Quantises the weights of the language model's linear layers, but not its embedding, head or activations.

int8: a scale per row, by torchao. int4: NormalFloat with a scale per 64 weights, by bitsandbytes (Dettmers et al. 2023,
"QLoRA", section 3). Both quantise while loading; computation stays in the language model's precision.
"""

from typing import Any, Literal

import torch

from model.errors import CheckpointError

Quantization = Literal["int8", "int4"]


def quantization_config(kind: Quantization, dtype: torch.dtype) -> Any:
    """Return the `quantization_config` for transformers' `from_pretrained`.

    Raises:
        CheckpointError: the library is not installed.
    """
    try:
        if kind == "int8":
            from torchao.quantization import Int8WeightOnlyConfig
            from transformers import TorchAoConfig

            return TorchAoConfig(Int8WeightOnlyConfig())
        import bitsandbytes  # noqa: F401  transformers would report it later, and less clearly
        from transformers import BitsAndBytesConfig

        return BitsAndBytesConfig(load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_compute_dtype=dtype)
    except ModuleNotFoundError as error:
        library = (error.name or "").partition(".")[0]
        raise CheckpointError(
            f"{kind} needs {library}: run pip install -e '.[quantize]' in a clone of TimeAudio."
        ) from None
