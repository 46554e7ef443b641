"""Damage bytes as networks, faulty programs and attackers do. The same generator gives the same damage."""

from collections.abc import Callable, Sequence

import numpy as np

Generator = np.random.Generator
INTERESTING = (b"\0\0\0\0", b"\xff\xff\xff\xff", b"\x7f\xff\xff\xff", b"\xff\xff\xff\x7f", b"\x80\0\0\0", b"\0\0\0\x80")
HEAD = 512  # size of the headers, which get half of all damage


def place(data: bytearray, random: Generator) -> int:
    """Return a random position, often near the start."""
    reach = min(HEAD, len(data)) if random.random() < 0.5 else len(data)
    return int(random.integers(0, max(1, reach)))


def flip(data: bytearray, random: Generator) -> None:
    for _ in range(int(random.integers(1, 20))):
        at = place(data, random)
        data[at] ^= 1 << int(random.integers(0, 8))


def overwrite(data: bytearray, random: Generator) -> None:
    at = place(data, random)
    number = INTERESTING[int(random.integers(0, len(INTERESTING)))]
    data[at : at + 4] = number[: max(0, len(data) - at)]


def forge(data: bytearray, random: Generator) -> None:
    """Change a 32-bit number, as sizes, rates and times are, by a little or by a power of two."""
    at, order = place(data, random), ("big", "little")[int(random.integers(0, 2))]
    number = int.from_bytes(data[at : at + 4], order)
    change = int(random.integers(-9, 10))
    forged = number + change if random.random() < 0.5 else int(number * 2.0**change)
    data[at : at + 4] = (forged & 0xFFFF_FFFF).to_bytes(4, order)[: len(data) - at]


def fill(data: bytearray, random: Generator) -> None:
    at, length = place(data, random), int(random.integers(1, 300))
    byte = (b"\0", b"\xff", bytes([int(random.integers(0, 256))]))[int(random.integers(0, 3))]
    data[at : at + length] = byte * len(data[at : at + length])


def delete(data: bytearray, random: Generator) -> None:
    at = place(data, random)
    del data[at : at + int(random.integers(1, 300))]


def repeat(data: bytearray, random: Generator) -> None:
    at, length = place(data, random), int(random.integers(1, 300))
    data[at:at] = data[at : at + length] * int(random.integers(1, 4))


def insert(data: bytearray, random: Generator) -> None:
    at = place(data, random)
    data[at:at] = random.bytes(int(random.integers(1, 64)))


def cut(data: bytearray, random: Generator) -> None:
    del data[int(random.integers(0, len(data))) :]


KINDS: tuple[Callable[[bytearray, Generator], None], ...] = (flip, overwrite, forge, fill, delete, repeat, insert, cut)


def mutated(seeds: Sequence[bytes], random: Generator) -> bytes:
    """Return a seed, or the head of one and the tail of another, with one to three kinds of damage."""
    data = bytearray(seeds[int(random.integers(0, len(seeds)))])
    if random.random() < 0.1:
        other = seeds[int(random.integers(0, len(seeds)))]
        data[int(random.integers(0, len(data))) :] = other[int(random.integers(0, len(other))) :]
    for _ in range(int(random.integers(1, 4))):
        if data:
            KINDS[int(random.integers(0, len(KINDS)))](data, random)
    return bytes(data)
