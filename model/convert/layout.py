"""Writes a checkpoint directory: the planned weight files, then configs, tokenizer and model card."""

import dataclasses
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from transformers import GenerationConfig, PretrainedConfig, WhisperConfig

from model.config import ModelConfig
from model.convert.nets import SoundConfig
from model.convert.shards import PartialDirectory, require_space
from model.convert.writing import INDEX, PlannedFile, Progress, language_index, write_files
from model.language.tokenizer import Tokenizer

Start = Callable[[int], Progress]
"""Called with the number of bytes before writing starts; returns the callback to call after every file."""


def silent(num_bytes: int) -> Progress:
    """A `Start` that reports nothing."""
    return lambda *_: None


@dataclass(frozen=True, slots=True)
class WriteResult:
    """Result of writing: `num_kept` of the `num_files` weight files already existed from an earlier call."""

    directory: Path
    num_files: int
    num_kept: int
    num_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """Everything in a checkpoint directory besides the weights."""

    config: ModelConfig
    speech: WhisperConfig
    sound: SoundConfig
    llm: PretrainedConfig
    tokenizer: Tokenizer
    card: str

    def write(
        self, out: Path, files: Sequence[PlannedFile], read: Sequence[Path], start: Start, **choices: object
    ) -> WriteResult:
        """Write the directory. Resume from `OUT.partial` if it came from the same files and choices.

        Raises:
            CheckpointError: OUT exists, or its disk has too little space.
        """
        total = sum(file.num_bytes for file in files)
        origin = {"files": [[p.name, p.stat().st_size, p.stat().st_mtime_ns] for p in read], "name": self.config.name}
        place = PartialDirectory(out, origin | choices)
        require_space(place.folder, total - place.num_bytes)
        kept = write_files(files, place, start(total))
        self._write_beside(place.folder, files)
        place.finish()
        return WriteResult(out, len(files), kept, total)

    def _write_beside(self, folder: Path, files: Sequence[PlannedFile]) -> None:
        self.tokenizer.library.save_pretrained(folder)
        _write_json(folder / "speech_encoder" / "config.json", self.speech.to_diff_dict())
        _write_json(folder / "sound_encoder" / "config.json", dataclasses.asdict(self.sound))
        self.llm.dtype = self.config.language_dtype
        self.llm.save_pretrained(folder / "llm")
        # Only the special tokens: each request sets its own decoding options.
        GenerationConfig(
            bos_token_id=self.llm.bos_token_id,
            eos_token_id=self.llm.eos_token_id,
            pad_token_id=self.tokenizer.eos_id,
        ).save_pretrained(folder / "llm")
        _write_json(folder / INDEX, language_index(files))
        (folder / "README.md").write_text(self.card, encoding="utf-8")
        self.config.write(folder / "config.json")


def _write_json(path: Path, fields: Mapping[str, object]) -> None:
    path.write_text(json.dumps(fields, indent=2) + "\n", encoding="utf-8")
