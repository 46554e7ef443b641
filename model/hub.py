"""Turns the name of a model on the Hugging Face hub into a directory, by the rules of transformers.

`ORG/NAME` or `ORG/NAME@REVISION` is fetched into the hub's cache. The library's environment applies: HF_HOME, HF_TOKEN,
HF_HUB_OFFLINE, HF_ENDPOINT. Only files of known names are fetched: weights as safetensors or GGUF, JSON and text, never
pickles or code.
"""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from model.errors import CheckpointError

_NAME = re.compile(r"(\w[\w.-]*/\w[\w.-]*)(?:@(\S+))?", re.ASCII)
_ADDRESS = re.compile(r"([a-z][a-z0-9+.-]+:)/+")  # a Path has one slash of "https://"
_TOKENIZER = (
    "tokenizer.json", "tokenizer_config.json", "tokenizer.model", "special_tokens_map.json", "added_tokens.json",
    "vocab.json", "merges.txt", "chat_template.jinja",
)  # fmt: skip
_WEIGHTS = ("model.safetensors", "model.safetensors.index.json", "model-*-of-*.safetensors")
_PARTS = ("speech_encoder", "sound_encoder", "transcriber", "llm")
_PRETRAINED = ("config.json", "generation_config.json", *_WEIGHTS, *_TOKENIZER)
_CHECKPOINT = (
    "config.json", "model.safetensors", "calibration.json", "words.safetensors",
    "README.md", "ATTRIBUTION.csv", "EXPERIMENTS.md", *_TOKENIZER,
    *(f"{part}/{name}" for part in _PARTS for name in ("config.json", "generation_config.json", *_WEIGHTS)),
    *(f"{part}/{name}" for part in _PARTS for name in ("model.gguf", "model-*-of-*.gguf")),
    "transcriber/lexicon.txt", "adapter/adapter_config.json", "adapter/adapter_model.safetensors", "adapter/model.gguf",
)  # fmt: skip
_LOG_IN = "log in with `hf auth login`, or set HF_TOKEN"


def fetch_checkpoint(given: Path) -> Path:
    """Return the directory of a checkpoint of this project, fetched if `given` is its name on the hub.

    A path that exists or cannot be such a name is returned unchanged.

    Raises:
        CheckpointError: the hub does not have it, does not give it to this user, or cannot be reached; or `given` is
            an address.
    """
    return _fetch(given, _CHECKPOINT)


def fetch_pretrained(given: Path) -> Path:
    """Return the directory of a model in the layout of transformers. Otherwise as `fetch_checkpoint`."""
    return _fetch(given, _PRETRAINED)


def shown(path: Path) -> str:
    """Return what to call a file or directory: `ORG/NAME@COMMIT` for a copy in the hub's cache, else its own name."""
    repository, folder, commit = ("", "", "", *path.parts)[-3:]
    if folder == "snapshots" and repository.startswith("models--"):
        return f"{repository.removeprefix('models--').replace('--', '/', 1)}@{commit}"
    return path.name


def _fetch(given: Path, files: Sequence[str]) -> Path:
    found = _NAME.fullmatch(given.as_posix())
    if _ADDRESS.match(given.as_posix()) and not given.exists():
        address = _ADDRESS.sub(r"\1//", given.as_posix(), count=1)
        raise CheckpointError(
            f"{address} is an address. Give the model's name on the hub, as ORG/NAME, or a directory."
        )
    if found is None or given.exists():
        return given
    from huggingface_hub import snapshot_download  # takes a second: only for a name on the hub
    from huggingface_hub.errors import HFValidationError
    from huggingface_hub.utils.tqdm import tqdm

    class Bar(tqdm):
        def __init__(self, *args: Any, **options: Any) -> None:
            # None: shown on a terminal, left out of a log
            super().__init__(*args, **{"disable": None, **options})  # type: ignore[no-untyped-call]

    name, revision = found.groups()
    try:
        fetched = snapshot_download(name, revision=revision, allow_patterns=list(files), tqdm_class=Bar)
    except HFValidationError:
        return given
    except Exception as error:  # also those of the HTTP library, which differs between versions
        raise CheckpointError(_reason(error, name, revision)) from error
    directory = Path(fetched)
    if not any(path.suffix in (".safetensors", ".gguf") for path in directory.rglob("*")):
        raise CheckpointError(
            f"{name} on the hub has no weights as safetensors or GGUF where this command looks for them, and nothing "
            "else is fetched: choose another model, or give a directory."
        )
    return directory


def _reason(error: Exception, name: str, revision: str | None) -> str:
    """Return what went wrong, and what to do."""
    from huggingface_hub import errors

    if isinstance(error, errors.LocalEntryNotFoundError) and isinstance(error.__cause__, Exception):
        error = error.__cause__  # why it was not fetched; it is not in the cache either
    status = error.response.status_code if isinstance(error, errors.HfHubHTTPError) else None
    if isinstance(error, errors.RevisionNotFoundError):
        return f"{name} on the hub has no revision {revision}: give one of its branches, tags or commits."
    if isinstance(error, errors.GatedRepoError):
        return f"The hub does not let you read {name} yet: ask for access on its page there, then {_LOG_IN}."
    if isinstance(error, errors.RepositoryNotFoundError):
        return (
            f"{name} is neither a directory nor a model on the hub that you may read. Check the name; if the model is "
            f"private, {_LOG_IN}."
        )
    if status in (401, 403):
        return f"The hub does not let you read {name} (status {status}): {_LOG_IN}, with a token that may read it."
    if isinstance(error, errors.OfflineModeIsEnabled):
        return (
            f"{name} is not a directory, and the hub's cache does not hold all of that model. HF_HUB_OFFLINE is set: "
            "unset it, or give a directory."
        )
    if isinstance(error, OSError) and status is None and not isinstance(error, ConnectionError):
        return f"{name} cannot be stored in the hub's cache ({error}): make room, or set HF_HOME to another folder."
    first = next(iter(str(error).splitlines()), "").rstrip(".:")
    return (
        f"{name} cannot be fetched from the hub ({first or type(error).__name__}): check the network and run this "
        "again, which keeps what has arrived, or give a directory."
    )
