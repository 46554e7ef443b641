"""What an image carries is pinned, all of it."""

import re
import tomllib
from importlib.metadata import PackageNotFoundError, requires
from pathlib import Path

from packaging.requirements import Requirement

ROOT = Path(__file__).parents[2]
OF_CUDA = re.compile(r"nvidia-|cuda-|triton")  # torch's own metadata pins them, and they are not installed beside a CPU


def carried(name: str, extras: frozenset[str], found: set[str]) -> None:
    """The names of all that a package needs here, itself included."""
    key = re.sub(r"[-_.]+", "-", name).lower()
    found.add(key)
    try:
        needed = requires(key) or []
    except PackageNotFoundError:  # of another platform
        return
    for requirement in map(Requirement, needed):
        if any(requirement.marker is None or requirement.marker.evaluate({"extra": extra}) for extra in {"", *extras}):
            below = re.sub(r"[-_.]+", "-", requirement.name).lower()
            if below not in found or requirement.extras:
                carried(below, frozenset(requirement.extras), found)


def test_the_image_installs_nothing_unpinned() -> None:
    installed = re.findall(r'"\.\[(.*?)\]"', (ROOT / "Dockerfile").read_text())
    assert len(set(installed)) == 1  # CPU and CUDA alike
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    found: set[str] = set()
    needed = [*project["dependencies"], *(text for extra in installed[0].split(",") for text in extras[extra])]
    for requirement in map(Requirement, needed):
        if requirement.name != "timeaudio":
            carried(requirement.name, frozenset(requirement.extras), found)
    lines = (ROOT / "deploy" / "image" / "constraints.txt").read_text().splitlines()
    pinned = {line.partition("==")[0] for line in lines if "==" in line}
    assert {name for name in found - pinned if not OF_CUDA.match(name)} == set()
