"""Wraps any tokenizer of the library and adds the twenty time markers as tokens."""

import json
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path

from tokenizers import AddedToken
from transformers import AutoTokenizer, PreTrainedTokenizerBase

from model.errors import CheckpointError
from model.language.sentencepiece_file import load_pieces
from model.timeline.markers import MARKERS
from model.timeline.vocabulary import Vocabulary


def library_tokenizer(path: Path) -> PreTrainedTokenizerBase:
    """Load the library's tokenizer from a directory, or from a sentencepiece file if there is nothing else.

    Raises:
        CheckpointError: there is no tokenizer.
    """
    if path.is_file():
        return load_pieces(path)
    pieces = path / "tokenizer.model"
    if pieces.is_file() and not (path / "tokenizer.json").is_file():
        return load_pieces(pieces, **_special_tokens(path / "tokenizer_config.json"))
    try:
        return AutoTokenizer.from_pretrained(path, local_files_only=True, trust_remote_code=False)
    except Exception as error:  # a damaged tokenizer.json has many kinds of errors
        raise CheckpointError(f"{path} holds no tokenizer (tokenizer.json or tokenizer.model): {error}") from None


def _special_tokens(path: Path) -> dict[str, str]:
    """Return the special tokens that a tokenizer's config names."""
    if not path.is_file():
        return {}
    config = json.loads(path.read_text(encoding="utf-8"))
    names = {"bos": config.get("bos_token"), "eos": config.get("eos_token"), "unknown": config.get("unk_token")}
    named = {key: name.get("content") if isinstance(name, dict) else name for key, name in names.items()}
    return {key: name for key, name in named.items() if name}


class Tokenizer:
    """Converts text to ids and back.

    It adds the markers to the given tokenizer. Markers that the tokenizer already has keep their ids.
    """

    def __init__(self, tokenizer: PreTrainedTokenizerBase) -> None:
        self.library = tokenizer
        tokenizer.add_tokens([AddedToken(m, normalized=False, special=False) for m in MARKERS])
        if tokenizer.eos_token_id is None:
            raise CheckpointError("The tokenizer has no end-of-sequence token: set eos_token in its config.")
        self.eos_id: int = tokenizer.eos_token_id
        self.bos_id: int | None = tokenizer.bos_token_id
        self.marker_ids: tuple[int, ...] = tuple(tokenizer.convert_tokens_to_ids(list(MARKERS)))

    @classmethod
    def load(cls, directory: Path) -> "Tokenizer":
        """Load the tokenizer from a checkpoint directory."""
        return cls(library_tokenizer(directory))

    def __len__(self) -> int:
        return len(self.library)

    def encode(self, text: str) -> list[int]:
        """Return the ids of a text, without special tokens around them."""
        ids: list[int] = self.library.encode(text, add_special_tokens=False)
        return ids

    def decode(self, ids: Sequence[int]) -> str:
        """Return the text of ids, with markers and without special tokens."""
        text: str = self.library.decode(list(ids), skip_special_tokens=True, clean_up_tokenization_spaces=False)
        return text

    @cached_property
    def vocabulary(self) -> Vocabulary:
        """The classes of ids that the grammar distinguishes."""
        anchors, offsets = self.marker_ids[:10], self.marker_ids[10:]
        # The ids that this tokenizer gives to " - " between two markers.
        around = self.encode(f"{MARKERS[10]} - {MARKERS[0]}")
        first, last = around.index(offsets[0]), around.index(anchors[0])
        pieces = {i: self.library.decode([i]) for i in range(len(self))}
        wordless = frozenset(
            i for i, piece in pieces.items()
            if i not in self.marker_ids and i != self.eos_id and not any(c.isalpha() for c in piece)
        )  # fmt: skip
        separator = tuple(around[first + 1 : last])
        return Vocabulary(
            anchor_ids=tuple(anchors),
            offset_ids=tuple(offsets),
            separator_ids=separator,
            eos_id=self.eos_id,
            size=len(self),
            wordless_ids=wordless - set(self.library.all_special_ids),
        )
