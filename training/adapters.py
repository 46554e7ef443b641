"""Read and write the low-rank adapters that a stage keeps separate from the language model, in peft's layout."""

from pathlib import Path

import torch
from peft import LoraConfig, get_peft_model_state_dict, set_peft_model_state_dict
from safetensors.torch import save_file
from torch import nn
from transformers import PreTrainedModel

from model.adapter import PREFIX, WEIGHTS, read_adapter
from model.checkpoint import ADAPTER
from training.data.recordings import DataError
from training.stages import StageConfig


def continues_adapter(start: Path, config: StageConfig) -> bool:
    """Return whether a stage continues to train its start's adapter, instead of adding one of its own on top.

    It continues if both the stage and its start keep their adapters separate from the language model.

    Raises:
        DataError: the two adapters differ in rank, alpha or targets.
    """
    if config.lora.merge or "lora" not in config.trains or not (start / ADAPTER).is_dir():
        return False
    found, wanted = LoraConfig.from_pretrained(str(start / ADAPTER)), config.lora
    have = (found.r, found.lora_alpha, sorted(found.target_modules or ()))
    if have != (wanted.rank, wanted.alpha, sorted(wanted.targets)):
        raise DataError(
            f"{start / ADAPTER} has rank {found.r}, alpha {found.lora_alpha} and targets {', '.join(have[2])}. A stage "
            "with lora.merge = false trains it further, so set the same values; or set lora.merge=true."
        )
    return True


def load_adapter(llm: nn.Module, folder: Path) -> None:
    """Set the adapters of a language model to those of the folder."""
    set_peft_model_state_dict(llm, read_adapter(folder))


def write_adapter(llm: PreTrainedModel, folder: Path) -> None:
    """Write the adapters of a language model in float16."""
    config: LoraConfig = llm.peft_config["default"]
    config.save_pretrained(str(folder))
    weights = {f"{PREFIX}{name}": t for name, t in get_peft_model_state_dict(llm).items()}
    save_file({name: t.to(torch.float16).contiguous().cpu() for name, t in weights.items()}, folder / WEIGHTS)
