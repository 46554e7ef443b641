"""A name on the hub becomes a directory: the real client of `huggingface_hub`, in its own process, against a local hub.

The library reads its environment when it is imported, so each case is a process of its own.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from huggingface_hub import ModelCard

from model.checkpoint import EMBEDDED
from model.hub import fetch_checkpoint, shown
from tests.local_hub import TOKEN, local_hub

ROOT = Path(__file__).parents[3]
FETCH = """
import sys
from pathlib import Path
from model.errors import CheckpointError
from model.hub import fetch_checkpoint, fetch_pretrained
try:
    print(globals()[sys.argv[1]](Path(sys.argv[2])))
except CheckpointError as error:
    sys.exit(f"refused: {error}")
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


def fetch(hub, tmp_path, name, function="fetch_checkpoint", **environment):
    """Run a fetch in a directory without any other files, and return what it printed, or its error."""
    own = {key: value for key, value in os.environ.items() if not key.startswith(("HF_", "HUGGING"))}
    (cwd := tmp_path / "cwd").mkdir(exist_ok=True)
    return subprocess.run(
        [sys.executable, "-c", FETCH, function, name], capture_output=True, text=True, cwd=cwd,
        env=own | {"PYTHONPATH": str(ROOT)} | hub.environment(tmp_path / "home") | environment,
    )  # fmt: skip


def refusal(ended):
    """Return the one line of an error."""
    assert ended.returncode == 1, ended.stdout
    [line] = [line for line in ended.stderr.splitlines() if line.startswith("refused: ")]
    assert ended.stderr.splitlines()[-1] == line
    assert "Traceback" not in ended.stderr
    return line


def test_only_files_of_a_checkpoint_are_fetched_and_the_cache_is_used_again(hub, tmp_path, folder):
    sha = hub.add("lab/ears", folder)
    ended = fetch(hub, tmp_path, "lab/ears")
    found = Path(ended.stdout.strip())
    assert ended.returncode == 0, ended.stderr
    assert found == tmp_path / "home" / "hub" / "models--lab--ears" / "snapshots" / sha
    assert {path.relative_to(found).as_posix() for path in found.rglob("*") if path.is_file()} == set(LAYOUT)
    assert hub.downloads() == set(LAYOUT)
    assert (found / "llm" / "config.json").read_text() == "content of llm/config.json"
    assert shown(found) == f"lab/ears@{sha}"
    hub.requests.clear()
    assert fetch(hub, tmp_path, "lab/ears").stdout == ended.stdout
    assert hub.downloads() == set()
    hub.requests.clear()
    assert fetch(hub, tmp_path, "lab/ears", HF_HUB_OFFLINE="1").stdout == ended.stdout
    assert hub.requests == []
    hub.url = "http://127.0.0.1:9"  # nobody listens: the cache answers, as for transformers
    assert fetch(hub, tmp_path, "lab/ears").stdout == ended.stdout


def test_a_revision_is_a_branch_a_tag_or_a_commit(hub, tmp_path, folder):
    hub.add("lab/ears", folder)
    sha = hub.add("lab/ears", write(tmp_path / "other", ("config.json", "model.safetensors")), "refs/pr/1")
    for revision in ("refs/pr/1", sha):
        assert Path(fetch(hub, tmp_path, f"lab/ears@{revision}").stdout.strip()).name == sha
    said = refusal(fetch(hub, tmp_path, "lab/ears@v9"))
    assert "lab/ears on the hub has no revision v9: give one of its branches, tags or commits." in said


def test_a_private_model_needs_the_token_from_its_usual_places(hub, tmp_path, folder):
    hub.add("lab/secret", folder)
    hub.private.add("lab/secret")
    assert "no model of that name that you may read" in refusal(fetch(hub, tmp_path, "lab/secret"))
    (tmp_path / "home" / "token").write_text(TOKEN)
    assert fetch(hub, tmp_path, "lab/secret").returncode == 0
    (tmp_path / "home" / "token").unlink()
    hub.requests.clear()
    assert fetch(hub, tmp_path, "lab/secret", HF_TOKEN=TOKEN).returncode == 0
    assert all(has_token for _, _, has_token in hub.requests)


@pytest.mark.parametrize(
    ("name", "environment", "said"),
    [
        ("lab/none", {}, "There is no directory lab/none, and the hub has no model of that name that you may read"),
        ("lab/none", {"HF_TOKEN": TOKEN}, "check the name; if it is private, log in with `hf auth login`"),
        ("lab/gated", {}, "The hub does not let you read lab/gated yet: ask for access on its page there, then log in"),
        ("lab/ears", {"HF_HUB_OFFLINE": "1"}, "the hub's cache does not have all of it, and HF_HUB_OFFLINE is set"),
        ("lab/ears", {"HF_ENDPOINT": "http://127.0.0.1:9"}, "lab/ears cannot be fetched from the hub"),
        ("lab/ears", {"HF_HOME": "/proc/nowhere"}, "lab/ears cannot be stored in the hub's cache"),
        ("lab/cut", {}, "lab/cut cannot be fetched from the hub"),
        ("lab/pickles", {}, "lab/pickles on the hub has no weights as safetensors or GGUF"),
    ],
    ids=["not found", "not found with a token", "gated", "offline", "no network", "no disk", "cut off", "pickles"],
)
def test_an_error_is_one_sentence_that_says_what_to_do(hub, tmp_path, folder, name, environment, said):
    for known in ("lab/ears", "lab/gated", "lab/cut"):
        hub.add(known, folder)
    hub.add("lab/pickles", write(tmp_path / "pickles", ("config.json", "pytorch_model.bin")))
    hub.gated.add("lab/gated")
    hub.cut.add("lab/cut")
    assert said in refusal(fetch(hub, tmp_path, name, **environment))


def test_a_pretrained_model_is_fetched_without_its_other_formats(hub, tmp_path):
    theirs = ("config.json", "generation_config.json", "model.safetensors", "tokenizer.json", "merges.txt")
    others = ("model.fp32-00001-of-00002.safetensors", "tf_model.h5", "pytorch_model.bin", "onnx/model.onnx")
    hub.add("lab/whisper", write(tmp_path / "repository", (*theirs, *others)))
    assert fetch(hub, tmp_path, "lab/whisper", "fetch_pretrained").returncode == 0
    assert hub.downloads() == set(theirs)


def test_what_exists_here_wins_and_other_paths_stay_as_they_are(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "lab" / "ears").mkdir(parents=True)
    paths = ["lab/ears", "ears", "a/b/c", str(tmp_path / "gone"), "../lab/none", "my--lab/x"]
    assert [fetch_checkpoint(Path(path)) for path in paths] == [Path(path) for path in paths]


def test_a_path_of_this_machine_loads_no_client_of_the_hub(tmp_path):
    code = "import sys; from pathlib import Path; from model.hub import fetch_checkpoint as f; f(Path('x')); "
    ended = subprocess.run([sys.executable, "-c", code + "print('huggingface_hub' in sys.modules)"], capture_output=True, text=True, cwd=ROOT)  # fmt: skip
    assert ended.stdout == "False\n", ended.stderr


def test_the_card_of_the_embedded_checkpoint_is_valid_for_the_hub():
    card = ModelCard.load(EMBEDDED / "README.md")
    assert card.data.license == "apache-2.0"
