"""Typical mistakes with downloads: each error names the file and says what to do."""

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
def import_error(tmp_path, capsys):
    """`import_error(downloads)`: the message of `timeaudio import`, which must exit with 2 and write nothing."""

    def run(downloads, *options):
        given = [f"--{option}={path}" for option, path in dataclasses.asdict(downloads).items()]
        out = tmp_path / "out"
        assert main(["import", *given, "--out", str(out), "--qformer-heads", str(HEADS), *options]) == 2
        output = capsys.readouterr()
        assert output.out == ""
        assert "Traceback" not in output.err
        assert not list(tmp_path.glob("out*"))
        return output.err

    return run


def cut(path, share=0.6):
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * share)])


def last_line(text):
    return text.strip().splitlines()[-1]


def test_a_smaller_whisper(tmp_path, import_error, downloads):
    parts = released_parts()
    narrow = {n: t[tuple(slice(0, size // 2 if size in (64, 128) else size) for size in t.shape)].clone()
              for n, t in parts.state.items() if n.startswith("speech_encoder.")}  # fmt: skip
    smaller = parts.configs | {"whisper": parts.configs["whisper"] | {"d_model": 32, "encoder_ffn_dim": 64}}
    write_whisper(tmp_path / "whisper-tiny", narrow, smaller)
    message = import_error(dataclasses.replace(downloads, whisper=tmp_path / "whisper-tiny"))
    assert "whisper-tiny has width 32" in message
    assert "was trained with width 64: give whisper-large-v2." in last_line(message)


def test_whisper_large_v3(import_error, downloads):
    path = downloads.whisper / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"num_mel_bins": 128}))
    assert "takes 128 mel bands, as large-v3 does" in last_line(import_error(downloads))


def test_beats_without_its_config(import_error, downloads):
    torch.save(torch.load(downloads.beats)["model"], downloads.beats)
    message = last_line(import_error(downloads))
    assert f"--beats {downloads.beats} has no cfg" in message
    assert "give BEATs_iter3_plus_AS2M_finetuned_on_AS2M_cpt2.pt" in message


def test_a_different_beats(import_error, downloads):
    held = torch.load(downloads.beats)
    held["model"]["encoder.layers.0.self_attn.relative_attention_bias.weight"] += 0.5
    torch.save(held, downloads.beats)
    assert f"{downloads.beats} is not the BEATs that" in last_line(import_error(downloads))


def test_swapped_files(import_error, downloads):
    swapped = dataclasses.replace(downloads, beats=downloads.checkpoint, checkpoint=downloads.beats)
    assert f"--beats {downloads.checkpoint} is a checkpoint of TimeAudio" in last_line(import_error(swapped))
    both = dataclasses.replace(downloads, checkpoint=downloads.beats)
    assert f"--checkpoint {downloads.beats} is a BEATs file: give it as --beats" in last_line(import_error(both))


def test_swapped_directories(import_error, downloads):
    assert "vicuna-7b-v1.5 holds a model of type 'llama'" in import_error(
        dataclasses.replace(downloads, whisper=downloads.llm)
    )
    assert "is a Whisper: give it as --whisper" in import_error(dataclasses.replace(downloads, llm=downloads.whisper))


def test_a_file_with_only_adapters(tmp_path, import_error):
    def lora_only(state):
        for name in [name for name in state if ".lora_" not in name]:
            del state[name]

    message = import_error(write_downloads(tmp_path / "lora", change=lora_only))
    assert "adapters without the Q-Former: give the whole .pth file" in last_line(message)
    assert "connector.qformer.query" in message


def test_a_file_without_embedding_and_head(tmp_path, import_error):
    def without(state):
        for name in (LANGUAGE + "model.embed_tokens.weight", LANGUAGE + "lm_head.weight"):
            del state[name]

    message = import_error(write_downloads(tmp_path / "stage", change=without))
    assert "timeaudio.pth lacks the embedding or the head" in last_line(message)
    assert "lm_head.weight" in message


def test_a_checkpoint_of_salmonn(tmp_path, import_error):
    message = import_error(
        write_downloads(tmp_path / "s", change=lambda state: state.pop("abs_time_position_embedding"))
    )
    assert "It looks like SALMONN's: `timeaudio init --from-salmonn FILE`" in last_line(message)


def test_a_file_without_its_config(tmp_path, import_error):
    assert "has no config" in last_line(import_error(write_downloads(tmp_path / "bare", beside={})))
    downloads = write_downloads(tmp_path / "tensors")
    torch.save({"a": torch.zeros(1)}, downloads.checkpoint)
    assert "is not a checkpoint of the authors' training" in last_line(import_error(downloads))


def test_all_mismatches_are_listed_in_one_table(tmp_path, import_error, monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")

    def change(state):
        del state["speech_llama_proj.bias"]
        state["ln_vision.weight"] = torch.zeros(2)
        for layer in (0, 1):
            name = f"{LANGUAGE}model.layers.{layer}.self_attn.q_proj.lora_A.default.weight"
            state[name] = state[name][:4].clone()

    downloads = write_downloads(tmp_path / "d", change=change)
    message = import_error(downloads)
    assert message.count("What does not fit") == 1
    rows = [[cell.strip() for cell in line.split("│")[1:-1]] for line in message.splitlines() if line.startswith("│")]
    assert [row[:3] for row in rows] == [
        ["missing", "timeaudio.pth", "connector.projection.bias"],
        ["unexpected", "timeaudio.pth", "ln_vision.weight"],
        ["wrong shape", "timeaudio.pth", "llm.model.layers.{0..1}.self_attn.q_proj.lora_A"],
    ]
    assert rows[2][3] == "found [4, 64], expected [8, 64]"


@pytest.mark.parametrize(
    ("kind", "share"), [("checkpoint", 0.02), ("checkpoint", 0.6), ("checkpoint", 0.99), ("beats", 0.6)]
)
def test_an_interrupted_download_of_a_torch_file(import_error, downloads, kind, share):
    path = getattr(downloads, kind)
    cut(path, share)
    message = last_line(import_error(downloads))
    assert f"{path} is cut off after {path.stat().st_size:,} bytes: the download was interrupted." in message


@pytest.mark.parametrize("shards", ["safetensors", "bin"])
def test_an_interrupted_download_of_a_shard(tmp_path, import_error, shards):
    downloads = write_downloads(tmp_path / "d", shards=shards)
    path = next(downloads.llm.glob(f"*-00002-of-00002.{shards}"))
    cut(path)
    message = last_line(import_error(downloads))
    assert f"{path} is cut off" in message
    assert "Download it again." in message
    path.unlink()
    assert f"lacks {path.name}" in last_line(import_error(downloads))


def test_an_interrupted_download_of_whisper(import_error, downloads):
    cut(downloads.whisper / "model.safetensors")
    assert f"{downloads.whisper / 'model.safetensors'} is cut off" in last_line(import_error(downloads))


def test_files_that_are_not_weights(import_error, downloads):
    for content, message in (
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0", "is a Git LFS pointer"),
        (b"<!DOCTYPE html><html>Sign in</html>", "is a web page"),
        (b"", "is empty"),
        (b"just some bytes", "is damaged"),
    ):
        downloads.checkpoint.write_bytes(content)
        assert f"{downloads.checkpoint} {message}" in last_line(import_error(downloads))
    downloads.checkpoint.unlink()
    assert f"{downloads.checkpoint} is missing" in last_line(import_error(downloads))


def test_code_in_a_download_is_not_run(tmp_path, import_error, downloads):
    class Bomb:
        def __reduce__(self):
            return (open, (str(tmp_path / "it-ran"), "w"))

    torch.save({"cfg": Bomb(), "model": {}}, downloads.beats)
    message = last_line(import_error(downloads))
    assert "contains code" in message
    assert "never run" in message
    downloads.beats.write_bytes(pickle.dumps(Bomb()))
    assert "is damaged" in last_line(import_error(downloads))
    assert not (tmp_path / "it-ran").exists()


@pytest.mark.parametrize("option", ["whisper", "llm"])
def test_a_directory_without_its_config(import_error, downloads, option):
    path = getattr(downloads, option)
    (path / "config.json").unlink()
    assert f"--{option} {path} has no config.json: give the whole directory" in last_line(import_error(downloads))
    assert "is a file; it takes a directory" in import_error(
        dataclasses.replace(downloads, **{option: downloads.beats})
    )


def test_a_directory_without_weights(import_error, downloads):
    (downloads.whisper / "model.safetensors").unlink()
    assert "holds no weights" in last_line(import_error(downloads))


def test_a_language_model_with_other_layers(import_error, downloads):
    path = downloads.llm / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"num_hidden_layers": 3}))
    message = import_error(downloads)
    assert "missing" in message
    assert "model.layers.2." in message


def test_a_language_model_with_another_rotary_embedding(import_error, downloads):
    path = downloads.llm / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"rope_theta": 500_000.0}))
    assert "rotary embedding" in last_line(import_error(downloads))


def test_a_different_tokenizer(import_error, downloads):
    (downloads.llm / "tokenizer.model").unlink()
    small_tokenizer().library.save_pretrained(downloads.llm)
    assert "give the tokenizer.model of vicuna-7b-v1.5" in last_line(import_error(downloads))


def test_an_invalid_number_of_heads(tmp_path, downloads, capsys):
    given = [f"--{option}={path}" for option, path in dataclasses.asdict(downloads).items()]
    assert main(["import", *given, "--out", str(tmp_path / "out")]) == 2
    assert "--qformer-heads" in capsys.readouterr().err


def test_a_missing_tensor_of_whisper(import_error, downloads):
    path = downloads.whisper / "model.safetensors"
    weights = load_file(path)
    del weights["model.encoder.layers.1.fc1.bias"]
    save_file(weights, path)
    message = import_error(downloads)
    assert "layers.1.fc1.bias is missing" in last_line(message)
