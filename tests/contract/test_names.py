"""Rules for the code that ruff does not have: no module shadows another, no file is long, networks name a source."""

import ast
import sys
from importlib.metadata import packages_distributions, requires
from pathlib import Path

from packaging.requirements import Requirement

ROOT = Path(__file__).parents[2]
PACKAGES = ("model", "server", "timeaudio", "training")
GENERATED = {ROOT / "server" / "pb", ROOT / "timeaudio" / "v1"}
SOURCES = sorted(
    path for package in PACKAGES for path in (ROOT / package).rglob("*.py") if not GENERATED & set(path.parents)
)
TESTS = sorted((ROOT / "tests").rglob("*.py"))

MAX_LINES = 250
MAX_TEST_LINES = 400
LONG_ON_PURPOSE = {"model/encoders/beats.py": "one published network, whole"}


def relative(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def dependency_modules() -> set[str]:
    """Return the top-level modules of all packages in pyproject.toml."""
    wanted = {Requirement(text).name.lower().replace("_", "-") for text in requires("timeaudio") or []} - {"timeaudio"}
    return {
        module
        for module, distributions in packages_distributions().items()
        if wanted & {name.lower().replace("_", "-") for name in distributions}
    }


def test_there_is_something_to_check():
    assert len(SOURCES) > 20
    assert {"torch", "fastapi", "httpx", "grpc"} <= dependency_modules()


def test_no_module_is_named_like_the_standard_library_or_a_dependency():
    # A script in the same folder would import our module instead.
    taken = set(sys.stdlib_module_names) | dependency_modules()
    named = {(part, relative(path)) for path in SOURCES for part in (path.stem, path.parent.name)}
    clashes = {where for name, where in named if name in taken and not name.startswith("__")}
    assert clashes == set()


def test_no_module_has_a_vague_name():
    vague = {"utils", "util", "common", "helpers", "helper", "misc", "base", "core"}
    named = {relative(path) for path in SOURCES if vague & set(path.relative_to(ROOT).with_suffix("").parts)}
    assert named == set()


def test_files_are_short():
    lengths = {path: len(path.read_text(encoding="utf-8").splitlines()) for path in (*SOURCES, *TESTS)}
    limits = {path: MAX_TEST_LINES if path in TESTS else MAX_LINES for path in lengths}
    long = {relative(path) for path, length in lengths.items() if length > limits[path]}
    assert long <= LONG_ON_PURPOSE.keys()


def test_exceptions_to_the_maximum_length_are_still_needed():
    short = [name for name in LONG_ON_PURPOSE if len((ROOT / name).read_text().splitlines()) <= MAX_LINES]
    assert short == []


def test_a_file_with_networks_names_their_source():
    without = [relative(path) for path in SOURCES if path.is_relative_to(ROOT / "model") and not _names_source(path)]
    assert without == []


def _names_source(path: Path) -> bool:
    """Return whether a file has no networks, or a docstring with their source."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    networks = [
        node
        for node in tree.body
        if isinstance(node, ast.ClassDef) and any(ast.unparse(base) == "nn.Module" for base in node.bases)
    ]
    docstrings = [ast.get_docstring(node) or "" for node in (tree, *networks)]
    return not networks or any("Source:" in text for text in docstrings)
