"""Every package in an image is pinned."""

import re
import tomllib
from importlib.metadata import PackageNotFoundError, requires
from pathlib import Path

from packaging.requirements import Requirement

ROOT = Path(__file__).parents[2]
OF_CUDA = re.compile(r"nvidia-|cuda-|triton")  # pinned by torch's metadata, only in the CUDA image


def add_requirements(name: str, extras: frozenset[str], found: set[str]) -> None:
    """Add the names of a package and of everything that it requires on this platform to `found`."""
    key = re.sub(r"[-_.]+", "-", name).lower()
    found.add(key)
    try:
        needed = requires(key) or []
    except PackageNotFoundError:  # only for another platform
        return
    for requirement in map(Requirement, needed):
        if any(requirement.marker is None or requirement.marker.evaluate({"extra": extra}) for extra in {"", *extras}):
            below = re.sub(r"[-_.]+", "-", requirement.name).lower()
            if below not in found or requirement.extras:
                add_requirements(below, frozenset(requirement.extras), found)


def test_every_package_in_the_image_is_pinned() -> None:
    installed = re.findall(r'"\.\[(.*?)\]"', (ROOT / "Dockerfile").read_text())
    assert len(set(installed)) == 1  # the same for CPU and CUDA
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    found: set[str] = set()
    needed = [*project["dependencies"], *(text for extra in installed[0].split(",") for text in extras[extra])]
    for requirement in map(Requirement, needed):
        if requirement.name != "timeaudio":
            add_requirements(requirement.name, frozenset(requirement.extras), found)
    lines = (ROOT / "deploy" / "image" / "constraints.txt").read_text().splitlines()
    pinned = {line.partition("==")[0] for line in lines if "==" in line}
    assert {name for name in found - pinned if not OF_CUDA.match(name)} == set()
