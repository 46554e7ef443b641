"""Compares the tensors in files with those that the architecture needs, and lists every difference."""

import re
from collections.abc import Iterable, Iterator, Mapping
from itertools import groupby
from pathlib import Path

from model.convert.downloads import Shape
from model.errors import WeightFault


def compare(expected: Mapping[str, Shape], found: Mapping[str, Shape], file: Path) -> Iterator[WeightFault]:
    """Yield every difference between `expected` and `found`, sorted by name."""
    for name in sorted(expected.keys() | found.keys()):
        if name not in found:
            yield WeightFault("missing", str(file), name, f"expected {list(expected[name])}")
        elif name not in expected:
            yield WeightFault("unexpected", str(file), name, f"found {list(found[name])}")
        elif tuple(found[name]) != tuple(expected[name]):
            yield WeightFault(
                "wrong shape", str(file), name, f"found {list(found[name])}, expected {list(expected[name])}"
            )


def folded(faults: Iterable[WeightFault]) -> list[WeightFault]:
    """Return the faults sorted, with equal faults in several layers folded into one."""

    def key(fault: WeightFault) -> tuple[str, str, str, str]:
        return fault.kind, fault.file, re.sub(r"\.\d+\.", ".{}.", fault.name), fault.detail

    lines = []
    for _, group in groupby(sorted(faults, key=key), key):
        first, *others = alike = list(group)
        if not others:
            lines.append(first)
            continue
        layers = sorted({int(number) for fault in alike for number in re.findall(r"\.(\d+)\.", fault.name)[:1]})
        is_run = layers == [*range(layers[0], layers[-1] + 1)]
        numbers = f"{layers[0]}..{layers[-1]}" if is_run else ",".join(map(str, layers))
        name = re.sub(r"\.\d+\.", f".{{{numbers}}}.", first.name, count=1)
        lines.append(WeightFault(first.kind, first.file, name, first.detail))
    return lines
