"""The mistakes that people make with downloads: each is told in a sentence that names the file and what to do."""

import dataclasses
import json
import pickle

import pytest
import torch
from safetensors.torch import load_file, save_file

from tests.factories import small_tokenizer
from tests.released_files import HEADS, released_parts, write_downloads, write_whisper
from timeaudio.cli import main

LANGUAGE = "llama_model.base_model.model."


@pytest.fixture
def downloads(tmp_path):
    return write_downloads(tmp_path / "d")


@pytest.fixture
def refused(tmp_path, capsys):
    """`refused(downloads)`: what `timeaudio import` says, after it ended with status 2 and wrote nothing."""

    def run(downloads, *options):
        given = [f"--{option}={path}" for option, path in dataclasses.asdict(downloads).items()]
        out = tmp_path / "out"
        assert main(["import", *given, "--out", str(out), "--qformer-heads", str(HEADS), *options]) == 2
        told = capsys.readouterr()
        assert told.out == ""
        assert "Traceback" not in told.err
        assert not list(tmp_path.glob("out*"))
        return told.err

    return run


def cut(path, share=0.6):
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * share)])


def last_line(text):
    return text.strip().splitlines()[-1]


def test_another_whisper(tmp_path, refused, downloads):
    parts = released_parts()
    narrow = {n: t[tuple(slice(0, size // 2 if size in (64, 128) else size) for size in t.shape)].clone()
              for n, t in parts.state.items() if n.startswith("speech_encoder.")}  # fmt: skip
    smaller = parts.configs | {"whisper": parts.configs["whisper"] | {"d_model": 32, "encoder_ffn_dim": 64}}
    write_whisper(tmp_path / "whisper-tiny", narrow, smaller)
    told = refused(dataclasses.replace(downloads, whisper=tmp_path / "whisper-tiny"))
    assert "whisper-tiny has width 32" in told
    assert "was trained with width 64: give whisper-large-v2." in last_line(told)


def test_whisper_large_v3(refused, downloads):
    path = downloads.whisper / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"num_mel_bins": 128}))
    assert "takes 128 mel bands, as large-v3 does" in last_line(refused(downloads))


def test_beats_without_its_config(refused, downloads):
    torch.save(torch.load(downloads.beats)["model"], downloads.beats)
    told = last_line(refused(downloads))
    assert f"--beats {downloads.beats} has no cfg" in told
    assert "give BEATs_iter3_plus_AS2M_finetuned_on_AS2M_cpt2.pt" in told


def test_another_beats(refused, downloads):
    held = torch.load(downloads.beats)
    held["model"]["encoder.layers.0.self_attn.relative_attention_bias.weight"] += 0.5
    torch.save(held, downloads.beats)
    assert f"{downloads.beats} is not the BEATs that" in last_line(refused(downloads))


def test_files_given_in_each_others_place(refused, downloads):
    swapped = dataclasses.replace(downloads, beats=downloads.checkpoint, checkpoint=downloads.beats)
    assert f"--beats {downloads.checkpoint} is a checkpoint of TimeAudio" in last_line(refused(swapped))
    both = dataclasses.replace(downloads, checkpoint=downloads.beats)
    assert f"--checkpoint {downloads.beats} is a BEATs file: give it as --beats" in last_line(refused(both))


def test_directories_given_in_each_others_place(refused, downloads):
    assert "vicuna-7b-v1.5 holds a model of type 'llama'" in refused(
        dataclasses.replace(downloads, whisper=downloads.llm)
    )
    assert "is a Whisper: give it as --whisper" in refused(dataclasses.replace(downloads, llm=downloads.whisper))


def test_adapters_alone(tmp_path, refused):
    def lora_only(state):
        for name in [name for name in state if ".lora_" not in name]:
            del state[name]

    told = refused(write_downloads(tmp_path / "lora", change=lora_only))
    assert "adapters without the Q-Former: give the whole .pth file" in last_line(told)
    assert "connector.qformer.query" in told


def test_a_file_without_embedding_and_head(tmp_path, refused):
    def without(state):
        for name in (LANGUAGE + "model.embed_tokens.weight", LANGUAGE + "lm_head.weight"):
            del state[name]

    told = refused(write_downloads(tmp_path / "stage", change=without))
    assert "timeaudio.pth lacks the embedding or the head" in last_line(told)
    assert "lm_head.weight" in told


def test_salmonns_checkpoint(tmp_path, refused):
    told = refused(write_downloads(tmp_path / "s", change=lambda state: state.pop("abs_time_position_embedding")))
    assert "It looks like SALMONN's: `timeaudio init --from-salmonn FILE`" in last_line(told)


def test_a_file_without_its_config(tmp_path, refused):
    assert "has no config" in last_line(refused(write_downloads(tmp_path / "bare", beside={})))
    downloads = write_downloads(tmp_path / "tensors")
    torch.save({"a": torch.zeros(1)}, downloads.checkpoint)
    assert "is not a checkpoint of the authors' training" in last_line(refused(downloads))


def test_everything_that_does_not_fit_stands_in_one_table(tmp_path, refused, monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")

    def change(state):
        del state["speech_llama_proj.bias"]
        state["ln_vision.weight"] = torch.zeros(2)
        for layer in (0, 1):
            name = f"{LANGUAGE}model.layers.{layer}.self_attn.q_proj.lora_A.default.weight"
            state[name] = state[name][:4].clone()

    downloads = write_downloads(tmp_path / "d", change=change)
    told = refused(downloads)
    assert told.count("What does not fit") == 1
    rows = [[cell.strip() for cell in line.split("│")[1:-1]] for line in told.splitlines() if line.startswith("│")]
    assert [row[:3] for row in rows] == [
        ["missing", "timeaudio.pth", "connector.projection.bias"],
        ["unexpected", "timeaudio.pth", "ln_vision.weight"],
        ["wrong shape", "timeaudio.pth", "llm.model.layers.{0..1}.self_attn.q_proj.lora_A"],
    ]
    assert rows[2][3] == "found [4, 64], expected [8, 64]"


@pytest.mark.parametrize("kind", ["checkpoint", "beats"])
@pytest.mark.parametrize("share", [0.02, 0.6, 0.99])
def test_an_interrupted_download_of_torchs(refused, downloads, kind, share):
    path = getattr(downloads, kind)
    cut(path, share)
    told = last_line(refused(downloads))
    assert f"{path} is cut off after {path.stat().st_size:,} bytes: the download was interrupted." in told


@pytest.mark.parametrize("shards", ["safetensors", "bin"])
def test_an_interrupted_download_of_a_shard(tmp_path, refused, shards):
    downloads = write_downloads(tmp_path / "d", shards=shards)
    path = next(downloads.llm.glob(f"*-00002-of-00002.{shards}"))
    cut(path)
    told = last_line(refused(downloads))
    assert f"{path} is cut off" in told
    assert "Download it again." in told
    path.unlink()
    assert f"lacks {path.name}" in last_line(refused(downloads))


def test_an_interrupted_download_of_whisper(refused, downloads):
    cut(downloads.whisper / "model.safetensors")
    assert f"{downloads.whisper / 'model.safetensors'} is cut off" in last_line(refused(downloads))


def test_what_is_no_weights_at_all(refused, downloads):
    for content, told in (
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0", "is a Git LFS pointer"),
        (b"<!DOCTYPE html><html>Sign in</html>", "is a web page"),
        (b"", "is empty"),
        (b"just some bytes", "is damaged"),
    ):
        downloads.checkpoint.write_bytes(content)
        assert f"{downloads.checkpoint} {told}" in last_line(refused(downloads))
    downloads.checkpoint.unlink()
    assert f"{downloads.checkpoint} is missing" in last_line(refused(downloads))


def test_code_in_a_download_is_not_run(tmp_path, refused, downloads):
    class Bomb:
        def __reduce__(self):
            return (open, (str(tmp_path / "it-ran"), "w"))

    torch.save({"cfg": Bomb(), "model": {}}, downloads.beats)
    told = last_line(refused(downloads))
    assert "contains code" in told
    assert "never run" in told
    downloads.beats.write_bytes(pickle.dumps(Bomb()))
    assert "is damaged" in last_line(refused(downloads))
    assert not (tmp_path / "it-ran").exists()


@pytest.mark.parametrize("option", ["whisper", "llm"])
def test_a_directory_without_its_config(refused, downloads, option):
    path = getattr(downloads, option)
    (path / "config.json").unlink()
    assert f"--{option} {path} has no config.json: give the whole directory" in last_line(refused(downloads))
    assert "is a file; it takes a directory" in refused(dataclasses.replace(downloads, **{option: downloads.beats}))


def test_a_directory_without_weights(refused, downloads):
    (downloads.whisper / "model.safetensors").unlink()
    assert "holds no weights" in last_line(refused(downloads))


def test_a_language_model_with_other_layers(refused, downloads):
    path = downloads.llm / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"num_hidden_layers": 3}))
    told = refused(downloads)
    assert "missing" in told
    assert "model.layers.2." in told


def test_a_language_model_with_another_rotation(refused, downloads):
    path = downloads.llm / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"rope_theta": 500_000.0}))
    assert "rotary embedding" in last_line(refused(downloads))


def test_another_tokenizer(refused, downloads):
    (downloads.llm / "tokenizer.model").unlink()
    small_tokenizer().library.save_pretrained(downloads.llm)
    assert "give the tokenizer.model of vicuna-7b-v1.5" in last_line(refused(downloads))


def test_heads_that_do_not_fit(tmp_path, downloads, capsys):
    given = [f"--{option}={path}" for option, path in dataclasses.asdict(downloads).items()]
    assert main(["import", *given, "--out", str(tmp_path / "out")]) == 2
    assert "--qformer-heads" in capsys.readouterr().err


def test_a_missing_tensor_of_whisper(refused, downloads):
    path = downloads.whisper / "model.safetensors"
    weights = load_file(path)
    del weights["model.encoder.layers.1.fc1.bias"]
    save_file(weights, path)
    told = refused(downloads)
    assert "layers.1.fc1.bias is missing" in last_line(told)
