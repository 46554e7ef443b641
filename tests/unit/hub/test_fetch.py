"""A name on the hub becomes a directory: the real client of `huggingface_hub`, in its own process, against a local hub.

The library reads its environment when it is imported, so each case is a process of its own.
"""

import contextlib
import inspect
import os
import subprocess
import sys
import termios
from pathlib import Path

import pytest
from huggingface_hub import ModelCard, ModelCardData

from model.checkpoint import EMBEDDED
from model.convert.card import native_card, released_card
from model.errors import CheckpointError
from model.hub import fetch_checkpoint, fetch_pretrained, shown
from tests.local_hub import TOKEN, commit, local_hub

ROOT = Path(__file__).parents[3]
FETCH = """
import sys
from pathlib import Path
from model import hub
from model.errors import CheckpointError
for name in sys.argv[2:]:
    try:
        print(getattr(hub, sys.argv[1])(Path(name)))
    except CheckpointError as error:
        print("refused:", error)
"""
LAYOUT = (
    "config.json", "model.safetensors", "README.md", "tokenizer.json", "speech_encoder/config.json",
    "speech_encoder/model.gguf", "sound_encoder/config.json", "sound_encoder/model.safetensors", "llm/config.json",
    "llm/model-00001-of-00002.safetensors", "llm/model.safetensors.index.json", "adapter/adapter_config.json",
    "adapter/adapter_model.safetensors",
)  # fmt: skip
NEVER = (
    "pytorch_model.bin", "llm/pytorch_model.bin", "adapter/adapter_model.bin", "modeling_time.py", "llm/modeling.py",
    "model.pth", "weights.pkl", "llm/original/consolidated.safetensors", "train.sh",
)  # fmt: skip


@pytest.fixture
def hub():
    with local_hub() as hub:
        yield hub


@pytest.fixture
def folder(tmp_path):
    return write(tmp_path / "repository", (*LAYOUT, *NEVER))


def write(folder, names):
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(f"content of {name}")
    return folder


def fetch(hub, tmp_path, *names, function="fetch_checkpoint", **environment):
    """Fetch in a new process, in a directory without other files. Return what it printed: a line for each name."""
    own = {key: value for key, value in os.environ.items() if not key.startswith(("HF_", "HUGGING"))}
    (cwd := tmp_path / "cwd").mkdir(exist_ok=True)
    ended = subprocess.run(
        [sys.executable, "-c", FETCH, function, *names], capture_output=True, text=True, cwd=cwd,
        env=own | {"PYTHONPATH": str(ROOT)} | hub.environment(tmp_path / "home") | environment,
    )  # fmt: skip
    assert ended.returncode == 0, ended.stderr
    lines = ended.stdout.splitlines()
    assert len(lines) == len(names), "an error is one line"
    return lines


def test_only_files_of_a_checkpoint_are_fetched_and_the_cache_is_used_again(hub, tmp_path, folder):
    sha = hub.add("lab/ears", folder)
    found = tmp_path / "home" / "hub" / "models--lab--ears" / "snapshots" / sha
    assert fetch(hub, tmp_path, "lab/ears") == [str(found)]
    assert {path.relative_to(found).as_posix() for path in found.rglob("*") if path.is_file()} == set(LAYOUT)
    assert hub.downloads() == set(LAYOUT)
    assert (found / "llm" / "config.json").read_text() == "content of llm/config.json"
    assert shown(found) == f"lab/ears@{sha}"
    hub.requests.clear()
    assert fetch(hub, tmp_path, "lab/ears", HF_HUB_OFFLINE="1") == [str(found)]
    assert hub.requests == []
    assert fetch(hub, tmp_path, "lab/ears") == [str(found)]
    assert hub.downloads() == set()


def test_a_revision_is_a_branch_a_tag_or_a_commit(hub, tmp_path, folder):
    hub.add("lab/ears", folder)
    sha = hub.add("lab/ears", write(tmp_path / "other", ("config.json", "model.safetensors")), "refs/pr/1")
    by_name, by_commit, none = fetch(hub, tmp_path, "lab/ears@refs/pr/1", f"lab/ears@{sha}", "lab/ears@v9")
    assert by_name == by_commit
    assert Path(by_name).name == sha
    assert none == "refused: lab/ears on the hub has no revision v9: give one of its branches, tags or commits."


@pytest.mark.parametrize("place", ["variable", "file"])
def test_a_private_model_needs_the_token_from_its_usual_places(hub, tmp_path, folder, place):
    hub.add("lab/secret", folder)
    hub.private.add("lab/secret")
    if place == "file":
        (tmp_path / "home").mkdir()
        (tmp_path / "home" / "token").write_text(TOKEN)
    [found, none] = fetch(
        hub, tmp_path, "lab/secret", "lab/none", **({"HF_TOKEN": TOKEN} if place == "variable" else {})
    )
    assert found.endswith(commit("lab/secret", "main"))
    assert none.startswith("refused: lab/none is neither a directory")
    assert all(has_token for _, path, has_token in hub.requests if "/lab/" in path)


def test_what_the_hub_refuses_is_one_sentence_that_says_what_to_do(hub, tmp_path, folder):
    for known in ("lab/gated", "lab/secret"):
        hub.add(known, folder)
    hub.gated.add("lab/gated")
    hub.private.add("lab/secret")
    hub.add("lab/pickles", write(tmp_path / "pickles", ("config.json", "pytorch_model.bin")))
    assert fetch(hub, tmp_path, "lab/none", "lab/secret", "lab/gated", "lab/pickles") == [
        "refused: lab/none is neither a directory nor a model on the hub that you may read. Check the "
        "name; if the model is private, log in with `hf auth login`, or set HF_TOKEN.",
        "refused: lab/secret is neither a directory nor a model on the hub that you may read. Check the "
        "name; if the model is private, log in with `hf auth login`, or set HF_TOKEN.",
        "refused: The hub does not let you read lab/gated yet: ask for access on its page there, then log in with "
        "`hf auth login`, or set HF_TOKEN.",
        "refused: lab/pickles on the hub has no weights as safetensors or GGUF where this command looks for them, and "
        "nothing else is fetched: choose another model, or give a directory.",
    ]


@pytest.mark.parametrize(
    ("environment", "message"),
    [
        (
            {"HF_HUB_OFFLINE": "1"},
            "the hub's cache does not hold all of that model. HF_HUB_OFFLINE is set: unset it, or",
        ),
        ({"HF_ENDPOINT": "http://127.0.0.1:9"}, "cannot be fetched from the hub"),
        ({"HF_HOME": "/proc/nowhere"}, "cannot be stored in the hub's cache"),
    ],
    ids=["offline", "no network", "no disk"],
)
def test_without_the_hub_or_a_disk_too(hub, tmp_path, folder, environment, message):
    hub.add("lab/ears", folder)
    [line] = fetch(hub, tmp_path, "lab/ears", **environment)
    assert line.startswith("refused: ")
    assert message in line


def test_a_pretrained_model_is_fetched_without_its_other_formats(hub, tmp_path):
    theirs = ("config.json", "generation_config.json", "model.safetensors", "tokenizer.json", "merges.txt")
    others = ("model.fp32-00001-of-00002.safetensors", "tf_model.h5", "pytorch_model.bin", "onnx/model.onnx")
    hub.add("lab/whisper", write(tmp_path / "repository", (*theirs, *others)))
    assert "refused" not in fetch(hub, tmp_path, "lab/whisper", function="fetch_pretrained")[0]
    assert hub.downloads() == set(theirs)


def test_what_exists_here_wins_and_other_paths_stay_as_they_are(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "lab" / "ears").mkdir(parents=True)
    paths = ["lab/ears", "ears", "a/b/c", str(tmp_path / "gone"), "../lab/none", "my--lab/x"]
    assert [fetch_checkpoint(Path(path)) for path in paths] == [Path(path) for path in paths]


@pytest.mark.parametrize("fetched", [fetch_checkpoint, fetch_pretrained])
def test_an_address_is_refused_with_what_to_give_instead(fetched):
    for address in ("https://huggingface.co/lab/ears/tree/main", "s3://ears/model"):
        with pytest.raises(CheckpointError, match=f"^{address} is an address. Give the model's name"):
            fetched(Path(address))


def test_progress_is_shown_on_a_terminal_only(hub, tmp_path, folder):
    hub.add("lab/ears", folder)
    command = [sys.executable, "-c", FETCH, "fetch_checkpoint", "lab/ears"]
    here = os.environ | {"PYTHONPATH": str(ROOT)}
    ended = subprocess.run(command, capture_output=True, text=True, env=here | hub.environment(tmp_path / "a"))
    assert "it/s" not in ended.stderr
    terminal, inside = os.openpty()
    termios.tcsetwinsize(inside, (24, 100))
    process = subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=inside, env=here | hub.environment(tmp_path / "b")
    )
    os.close(inside)
    output = b""
    with contextlib.suppress(OSError):  # the end of a terminal
        while piece := os.read(terminal, 4096):
            output += piece
    os.close(terminal)
    assert process.wait() == 0
    assert f"Fetching {len(LAYOUT)} files" in output.decode()


def test_a_path_of_this_machine_loads_no_client_of_the_hub():
    code = "import sys, pathlib, model.hub; model.hub.fetch_checkpoint(pathlib.Path('x')); print(*sys.modules)"
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True)
    assert "model.hub" in ended.stdout.split()
    assert "huggingface_hub" not in ended.stdout.split()


@pytest.mark.parametrize(
    "text",
    [
        (EMBEDDED / "README.md").read_text(encoding="utf-8"),
        native_card("start", {"llm": Path("llm")}, "float32"),
        released_card("timeaudio-7b", {"llm": Path("llm")}, "bfloat16"),
    ],
    ids=["embedded", "init", "import"],
)
def test_the_metadata_of_a_card_are_those_of_the_hub(text):
    data = ModelCard(text).data  # raises if a field of the hub's has a wrong value
    known = set(inspect.signature(ModelCardData).parameters)
    assert set(data.to_dict()) <= known, "a misspelt field would be kept as an extra one"
    assert data.library_name == "timeaudio"
    assert data.pipeline_tag == "audio-text-to-text"
    assert data.license


def test_a_card_names_the_commit_of_a_part_from_the_hub():
    part = Path("/home/me/.cache/huggingface/hub/models--lab--my-ears/snapshots") / ("0" * 40)
    assert f"| llm | `lab/my-ears@{'0' * 40}` |" in native_card("start", {"llm": part}, "float32")
