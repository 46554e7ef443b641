"""Commands whose models are names on the hub, with the library's real client and a local hub."""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from transformers import LlamaConfig

from model.checkpoint import save_checkpoint
from tests import factories
from tests.e2e.conftest import running
from tests.local_hub import TOKEN, commit, local_hub
from tests.released_files import HEADS, write_downloads

ROOT = Path(__file__).parents[2]
LLM = {"hidden_size": 64, "intermediate_size": 96, "num_hidden_layers": 2, "num_attention_heads": 4}
RUN = """
import contextlib, io, json, sys
from timeaudio.cli import main
ended = []
for words in json.loads(sys.argv[1]):
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        status = main(words)
    ended.append([status, out.getvalue(), err.getvalue()])
print(json.dumps(ended))
"""


@pytest.fixture(scope="module")
def hub():
    with local_hub() as hub:
        yield hub


@pytest.fixture(scope="module")
def parts(hub, tmp_path_factory):
    """Put a checkpoint, a language model and a Whisper on the hub, and return the other downloads."""
    folder = tmp_path_factory.mktemp("parts")
    model, tokenizer = factories.small_model()
    save_checkpoint(folder / "small", model, tokenizer, dtype=torch.float32)
    factories.save_language_model(
        folder / "llm", LlamaConfig(vocab_size=500, eos_token_id=1, **LLM), factories.library_tokenizer(500)
    )
    downloads = write_downloads(folder / "downloads")
    for name, held in (("small", folder / "small"), ("llm", folder / "llm"), ("whisper", downloads.whisper)):
        hub.add(f"lab/{name}", held)
    return downloads


@pytest.mark.timeout(400)  # loads torch, and a model three times
def test_commands_take_names_on_the_hub(hub, parts, tmp_path, tone_wav):
    (tmp_path / "clip.wav").write_bytes(tone_wav(2.0))
    init = ["init", f"--beats={parts.beats}", "--whisper=lab/whisper", "--dtype=float32", f"--qformer-heads={HEADS}"]
    commands = {
        "caption": ["caption", "clip.wav", "--model", "lab/small@main", "--json"],
        "init": [*init, "--llm=lab/llm", "--out=start"],
        "pack": ["pack", "lab/small", "--out", "packed", "--llm", "float16"],
        "calibrate": ["calibrate", "--data", "ESC-50", "--model", "lab/small"],
        "caption, none": ["caption", "clip.wav", "--model", "lab/none"],
        "init, none": [*init, "--llm=lab/none", "--out=other"],
        "train, none": ["train", "--data", "my.jsonl", "--from", "lab/none"],
        "evaluate, none": ["evaluate", "--data", "my.jsonl", "--model", "lab/none"],
        "batch, none": ["batch", ".", "-o", "rows.jsonl", "--model", "lab/none"],
        "bench, none": ["bench", "--model", "lab/none"],
        "demo, none": ["demo", "--model", "lab/none"],
    }
    (tmp_path / "my.jsonl").write_text(json.dumps({"audio": "clip.wav", "task": "ground", "query": "a dog"}))
    ended = subprocess.run(
        [sys.executable, "-c", RUN, json.dumps(list(commands.values()))], capture_output=True, text=True, cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(ROOT)} | hub.environment(tmp_path / "home"),
    )  # fmt: skip
    assert ended.returncode == 0, ended.stderr
    results = dict(zip(commands, json.loads(ended.stdout.splitlines()[-1]), strict=True))
    status, out, err = results["caption"]
    assert status == 0, err
    assert json.loads(out)["model"] == "small"
    status, _, err = results["init"]
    assert status == 0, err
    card = (tmp_path / "start" / "README.md").read_text()
    assert f"| llm | `lab/llm@{commit('lab/llm', 'main')}` |" in card
    assert f"| whisper | `lab/whisper@{commit('lab/whisper', 'main')}` |" in card
    status, _, err = results["pack"]
    assert status == 0, err
    assert (tmp_path / "packed" / "config.json").is_file()
    assert results["calibrate"][0] == 2
    assert "--model lab/small is on the hub, and its copy in the cache must not change" in results["calibrate"][2]
    for name, expected in {
        "caption": 1,
        "batch": 1,
        "bench": 1,
        "demo": 1,
        "init": 2,
        "train": 2,
        "evaluate": 2,
    }.items():
        status, out, err = results[f"{name}, none"]
        assert (status, out) == (expected, ""), err
        assert "lab/none is neither a directory nor a model on the hub" in " ".join(err.split())


def test_the_server_fetches_before_its_worker_starts(hub, parts, tmp_path):
    scripted = {"TIMEAUDIO_WORKER__PIPELINE": "scripted_pipeline", "SCRIPTED_LOAD": "refuse"}
    with running("--model", "lab/small", ready=False, **scripted, **hub.environment(tmp_path / "home")) as server:
        assert server.wait_end() == 1
        snapshot = tmp_path / "home" / "hub" / "models--lab--small" / "snapshots" / commit("lab/small", "main")
        assert f"{snapshot} holds no config.json." in server.text()
        assert (snapshot / "llm" / "config.json").is_file()


def test_a_server_without_its_model_says_why_in_one_line(hub, tmp_path):
    with running("--model", "lab/none", ready=False, **hub.environment(tmp_path / "home")) as server:
        assert server.wait_end() == 1
        [line] = server.text().splitlines()
        assert "lab/none is neither a directory nor a model on the hub that you may read" in line


@pytest.mark.timeout(400)  # loads a model five times
def test_the_commands_on_the_page(hub, parts, tmp_path):
    page = (ROOT / "docs" / "hub.md").read_text(encoding="utf-8")
    commands = "".join(re.findall(r"^```sh\n(.*?)^```", page, re.MULTILINE | re.DOTALL)).splitlines()
    small = hub.repositories["lab/small", "main"]
    for name, revision, held in (
        ("ORG/NAME", "main", small),
        ("ORG/NAME", "v1", small),
        ("ORG/PRIVATE", "main", small),
        ("HuggingFaceTB/SmolLM2-135M-Instruct", "main", hub.repositories["lab/llm", "main"]),
        ("openai/whisper-base", "main", parts.whisper),
    ):
        hub.add(name, held, revision)
    hub.private.add("ORG/PRIVATE")
    shutil.copy(ROOT / "server/recordings/dog-barking.flac", tmp_path / "street.flac")
    shutil.copy(parts.beats, tmp_path / "BEATs.pt")
    environment = os.environ | {"PYTHONPATH": str(ROOT)} | hub.environment(tmp_path / "home")
    programs = {"timeaudio": [sys.executable, "-m", "timeaudio"], "hf": [str(Path(sys.executable).with_name("hf"))]}
    more = {"init": ["--dtype=float32", f"--qformer-heads={HEADS}"], "upload": ["--help"]}  # the parts here are small
    for command in commands:
        words = shlex.split(command)
        set_here = dict(word.split("=", 1) for word in words if re.match("[A-Z_]+=", word))
        if "HF_TOKEN" in set_here:
            set_here["HF_TOKEN"] = TOKEN
        program, *rest = words[len(set_here) :]
        done = subprocess.run(
            [*programs[program], *rest, *more.get(rest[0], [])],
            cwd=tmp_path, env=environment | set_here, capture_output=True, text=True,
        )  # fmt: skip
        assert done.returncode == 0, f"{command}: {done.stderr}"
    assert len(commands) == 6
    assert "LOCAL_PATH" in done.stdout  # a directory, to a name
    assert "`openai/whisper-base@" in (tmp_path / "start" / "README.md").read_text()
