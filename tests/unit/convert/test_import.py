"""`timeaudio import`: what it writes, how it resumes, and what it does not overwrite."""

import json
import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from model.checkpoint import load_checkpoint
from model.convert.importer import import_released
from model.errors import CheckpointError
from tests.released_files import HEADS, released_parts, write_downloads

LANGUAGE = "llama_model.base_model.model."


@pytest.fixture
def downloads(tmp_path):
    return write_downloads(tmp_path / "downloads")


def run(downloads, out, **options):
    return import_released(downloads, out, num_heads=HEADS, **options)


def language_model(directory):
    index = json.loads((directory / "llm" / "model.safetensors.index.json").read_text())["weight_map"]
    weights = {}
    for file in sorted(set(index.values())):
        held = load_file(directory / "llm" / file)
        assert held.keys() == {name for name, place in index.items() if place == file}
        weights |= held
    return weights


def contents(directory):
    return {str(path.relative_to(directory)): path.read_bytes() for path in directory.rglob("*") if path.is_file()}


@pytest.mark.parametrize("shards", ["safetensors", "bin"])
def test_embedding_and_head_are_copied_and_adapters_merged_in_float32(tmp_path, shards):
    done = run(write_downloads(tmp_path / "downloads", shards=shards), tmp_path / "small")
    assert (done.num_kept, done.num_files) == (0, 4)
    state, weights = released_parts().state, language_model(tmp_path / "small")
    assert {t.dtype for t in weights.values()} == {torch.bfloat16}
    for name in ("model.embed_tokens.weight", "lm_head.weight"):
        assert torch.equal(weights[name], state[LANGUAGE + name].bfloat16())
    prefix = "model.layers.1.self_attn.v_proj."
    a, b = (state[f"{LANGUAGE}{prefix}lora_{half}.default.weight"] for half in "AB")
    exact = state[f"{LANGUAGE}{prefix}base_layer.weight"] + 32 / 8 * b @ a
    assert torch.equal(weights[prefix + "weight"], exact.bfloat16())
    assert torch.equal(weights["model.norm.weight"], state[LANGUAGE + "model.norm.weight"].bfloat16())
    assert not any("inv_freq" in name or "lora" in name for name in weights)


def test_encoders_and_connector_are_stored_unchanged(tmp_path, downloads):
    run(downloads, tmp_path / "small")
    for file in ("model.safetensors", "speech_encoder/model.safetensors", "sound_encoder/model.safetensors"):
        assert {t.dtype for t in load_file(tmp_path / "small" / file).values()} == {torch.float32}
    model, tokenizer = load_checkpoint(tmp_path / "small")
    assert next(model.llm.parameters()).dtype == torch.bfloat16
    assert model.config.name == "small"
    assert tokenizer.library.convert_tokens_to_ids("[PAD]") == 620
    assert tokenizer.marker_ids == tuple(range(621, 641))
    assert "CC BY-NC" in (tmp_path / "small" / "README.md").read_text()
    assert str(tmp_path) not in (tmp_path / "small" / "README.md").read_text()
    assert not (tmp_path / "small.partial").exists()
    assert all(path.stat().st_mode & 0o444 == 0o444 for path in (tmp_path / "small").rglob("*.safetensors"))


def test_a_killed_import_resumes(tmp_path, downloads):
    program = """
        import os, signal, sys
        from pathlib import Path
        from model.convert.importer import Downloads, import_released
        def start(total):
            done = []
            def report(num_bytes, name):
                done.append(name)
                if len(done) == 3:
                    os.kill(os.getpid(), signal.SIGKILL)
            return report
        paths = dict(zip(("whisper", "beats", "llm", "checkpoint"), map(Path, sys.argv[2:])))
        import_released(Downloads(**paths), Path(sys.argv[1]), num_heads=4, start=start)
    """
    out = tmp_path / "small"
    paths = [downloads.whisper, downloads.beats, downloads.llm, downloads.checkpoint]
    code = textwrap.dedent(program)
    root = Path(__file__).parents[3]
    killed = subprocess.run(
        [sys.executable, "-c", code, str(out), *map(str, paths)], cwd=root, env=os.environ | {"PYTHONPATH": str(root)}
    )
    assert killed.returncode == -signal.SIGKILL
    assert not out.exists()
    written = {path: path.stat().st_mtime_ns for path in (tmp_path / "small.partial").rglob("*.safetensors")}
    assert len(written) == 3
    done = run(downloads, out)
    assert (done.num_kept, done.num_files) == (3, 4)
    for path, time in written.items():
        assert (out / path.relative_to(tmp_path / "small.partial")).stat().st_mtime_ns == time, (
            "the file was written twice"
        )
    run(downloads, tmp_path / "at-once" / "small")
    assert contents(out) == contents(tmp_path / "at-once" / "small")


class Stop(Exception):
    pass


def stopped(downloads, out, after, **options):
    def start(total):
        done = []

        def report(num_bytes, name):
            done.append(name)
            if len(done) == after:
                raise Stop

        return report

    with pytest.raises(Stop):
        run(downloads, out, start=start, **options)


def test_a_file_that_was_damaged_meanwhile_is_rewritten(tmp_path, downloads):
    stopped(downloads, tmp_path / "small", after=3)
    path = tmp_path / "small.partial" / "model.safetensors"
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    assert run(downloads, tmp_path / "small").num_kept == 2
    load_checkpoint(tmp_path / "small")


def test_files_from_other_inputs_or_precisions_are_not_kept(tmp_path, downloads):
    stopped(downloads, tmp_path / "small", after=3)
    stopped(downloads, tmp_path / "small", after=3, dtype="float32")
    os.utime(downloads.beats, ns=(1, 1))
    assert run(downloads, tmp_path / "small", dtype="float32").num_kept == 0


def test_the_progress_covers_all_bytes(tmp_path, downloads):
    progress = []

    def start(total):
        progress.append(total)
        return lambda num_bytes, name: progress.append(num_bytes)

    done = run(downloads, tmp_path / "small", start=start)
    assert progress[0] == done.num_bytes == sum(progress[1:])
    stored = sum(p.stat().st_size for p in (tmp_path / "small").rglob("*.safetensors"))
    assert 0.95 * stored < done.num_bytes < stored, "headers are not counted"


def test_nothing_is_overwritten(tmp_path, downloads):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("years of work")
    with pytest.raises(CheckpointError, match=r"mine exists: remove it"):
        run(downloads, tmp_path / "mine")
    (tmp_path / "small.partial").mkdir()
    with pytest.raises(CheckpointError, match=r"small\.partial exists and was not created"):
        run(downloads, tmp_path / "small")
    assert (tmp_path / "mine" / "thesis.txt").read_text() == "years of work"


def test_a_disk_that_is_too_small_is_an_error_before_anything_is_written(tmp_path, downloads, monkeypatch):
    monkeypatch.setattr("shutil.disk_usage", lambda _: type("Usage", (), {"free": 1_000_000}))
    with pytest.raises(CheckpointError, match=r"needs 0\.0 GB more, but its disk has only 0\.0 GB free"):
        run(downloads, tmp_path / "small")
    assert not list((tmp_path / "small.partial").rglob("*.safetensors"))
