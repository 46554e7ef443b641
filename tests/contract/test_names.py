"""Rules for the code: no module shadows another, no file is long, every public name has a docstring."""

import ast
import sys
from importlib.metadata import packages_distributions, requires
from pathlib import Path

import pytest
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


@pytest.mark.parametrize("vague", ["utils", "util", "common", "helpers", "helper", "misc", "base", "core"])
def test_no_module_has_a_vague_name(vague):
    assert [relative(path) for path in SOURCES if vague in path.relative_to(ROOT).with_suffix("").parts] == []


@pytest.mark.parametrize("path", SOURCES, ids=relative)
def test_a_file_is_short(path):
    num_lines = len(path.read_text(encoding="utf-8").splitlines())
    assert num_lines <= MAX_LINES or relative(path) in LONG_ON_PURPOSE


@pytest.mark.parametrize("path", TESTS, ids=relative)
def test_a_test_file_is_short(path):
    assert len(path.read_text(encoding="utf-8").splitlines()) <= MAX_TEST_LINES


def test_exceptions_to_the_maximum_length_are_still_needed():
    short = [name for name in LONG_ON_PURPOSE if len((ROOT / name).read_text().splitlines()) <= MAX_LINES]
    assert short == []


def undocumented(tree: ast.Module) -> list[str]:
    """Return the public classes, functions and methods without a docstring, and the module if it has none."""
    missing = [] if ast.get_docstring(tree) else ["the module"]
    for node in ast.walk(tree):
        if not isinstance(node, ast.Module | ast.ClassDef) or (isinstance(node, ast.ClassDef) and node.name[0] == "_"):
            continue
        missing += [
            child.name
            for child in node.body
            if isinstance(child, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
            and not child.name.startswith("_")
            and not ast.get_docstring(child)
            and not _needs_none(child)
        ]
    return missing


def _needs_none(node: ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    """Return whether a function needs no docstring: `forward` of a network, an overload, an override or a setter."""
    decorators = {ast.unparse(decorator).rpartition(".")[2] for decorator in node.decorator_list}
    return node.name == "forward" or bool(decorators & {"overload", "override", "setter"})


@pytest.mark.parametrize("path", SOURCES, ids=relative)
def test_every_public_name_has_a_docstring(path):
    assert undocumented(ast.parse(path.read_text(encoding="utf-8"))) == []


def test_the_docstring_rule_finds_missing_docstrings():
    code = 'class A:\n    "Doc."\n    def f(self): ...\n    def _g(self): ...\n    def forward(self): ...\ndef h(): ...'
    assert undocumented(ast.parse(code)) == ["the module", "h", "f"]


@pytest.mark.parametrize("path", [path for path in SOURCES if path.is_relative_to(ROOT / "model")], ids=relative)
def test_a_file_with_networks_names_their_source(path):
    tree = ast.parse(path.read_text(encoding="utf-8"))
    networks = [
        node
        for node in tree.body
        if isinstance(node, ast.ClassDef) and any(ast.unparse(base) == "nn.Module" for base in node.bases)
    ]
    docstrings = [ast.get_docstring(node) or "" for node in (tree, *networks)]
    assert not networks or any("Source:" in text for text in docstrings)
