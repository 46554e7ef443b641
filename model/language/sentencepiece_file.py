"""Reads a sentencepiece `tokenizer.model` as a library tokenizer, without the sentencepiece package.

Vicuna and the first Llamas come with this file only. The sentencepiece package pins a different protobuf version than
gRPC does. The message is small, so this module parses it.

Source: sentencepiece's `sentencepiece_model.proto` (fields by number) and protobuf's wire format. At every step, a
byte-pair model merges the pair whose merged piece has the highest score, which reflects its position in the file.
"""

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from transformers import LlamaTokenizer, PreTrainedTokenizerBase

from model.errors import CheckpointError

_NORMAL, _BYTE_PAIR = 1, 2


def load_pieces(path: Path, *, bos: str = "<s>", eos: str = "</s>", unknown: str = "<unk>") -> PreTrainedTokenizerBase:
    """Load the tokenizer from a sentencepiece file of Llama's kind: byte-pair merges with byte fallback.

    It differs from sentencepiece for text that begins with a space or a marker: it does not add a second space before
    the first word.

    Raises:
        CheckpointError: the file is not a sentencepiece model, or not a byte-pair model.
    """
    try:
        message = path.read_bytes()
    except OSError as error:
        raise CheckpointError(f"{path} cannot be read: {error}") from None
    try:
        pieces = [_piece(value) for number, value in _fields(message) if number == 1]
        trainer = dict(field for number, value in _fields(message) if number == 2 for field in _fields(value))
    except (IndexError, KeyError, TypeError, ValueError, struct.error):
        raise CheckpointError(f"{path} is not a sentencepiece model: download it again.") from None
    if not pieces or trainer.get(3) != _BYTE_PAIR:
        raise CheckpointError(f"{path} is not a byte-pair model like Llama's: give a directory with a tokenizer.json.")
    vocabulary = {text: number for number, (text, _, _) in enumerate(pieces)}
    return LlamaTokenizer(
        vocab=vocabulary,
        merges=_merges(pieces, vocabulary),
        legacy=False,
        bos_token=bos,
        eos_token=eos,
        unk_token=unknown,
    )


def _merges(pieces: list[tuple[str, float, int]], vocabulary: dict[str, int]) -> list[tuple[str, str]]:
    """Return the pairs of pieces that merge into a piece, best first."""
    found = []
    for text, score, kind in pieces:
        if kind != _NORMAL:
            continue
        pairs = [(text[:cut], text[cut:]) for cut in range(1, len(text))]
        known = [pair for pair in pairs if pair[0] in vocabulary and pair[1] in vocabulary]
        found += [(-score, vocabulary[left], vocabulary[right], left, right) for left, right in known]
    return [(left, right) for _, _, _, left, right in sorted(found)]


def _piece(message: bytes) -> tuple[str, float, int]:
    fields: dict[int, Any] = dict(_fields(message))
    return fields[1].decode(), struct.unpack("<f", fields[2])[0] if 2 in fields else 0.0, fields.get(3, _NORMAL)


def _fields(message: bytes) -> Iterator[tuple[int, Any]]:
    """Yield number and value of each field: an int, or bytes."""
    at = 0
    while at < len(message):
        tag, at = _varint(message, at)
        kind = tag & 7
        if kind == 0:
            value, at = _varint(message, at)
            yield tag >> 3, value
            continue
        if kind == 2:
            length, at = _varint(message, at)
        elif kind in (1, 5):
            length = 8 if kind == 1 else 4
        else:
            raise ValueError(f"wire type {kind}")
        if at + length > len(message):
            raise ValueError("cut off")
        yield tag >> 3, message[at : at + length]
        at += length


def _varint(message: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = message[at]
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            return value, at
