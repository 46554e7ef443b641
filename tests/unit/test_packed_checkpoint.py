"""A packed checkpoint is smaller, loads like any other, and gives nearly the same numbers."""

import pytest
import torch
from peft import LoraConfig, get_peft_model
from safetensors.torch import load_file, save_file

from model.audio.waveform import Waveform
from model.checkpoint import CALIBRATION, WORDS, load_checkpoint, save_checkpoint
from model.confidence import Calibration
from model.errors import CheckpointError
from model.packing import pack, sizes
from model.pipeline import Decoding, Pipeline
from tests.factories import identity_map, small_model
from tests.synthetic import sound
from timeaudio.cli import main


@pytest.fixture
def checkpoint(tmp_path):
    model, tokenizer = small_model()
    save_checkpoint(tmp_path / "small", model, tokenizer, dtype=torch.float32)
    (tmp_path / "small" / "README.md").write_text("# small\n")
    Calibration({}).write(tmp_path / "small" / CALIBRATION, {})
    identity_map().write(tmp_path / "small" / WORDS)
    return tmp_path / "small"


def test_a_packed_checkpoint_is_smaller_with_nearly_the_same_audio_tokens(tmp_path, checkpoint):
    done = pack(checkpoint, tmp_path / "packed")
    assert done.after == sizes(tmp_path / "packed")
    assert done.before["all"] == sum(size for part, size in done.before.items() if part != "all")
    assert done.after["speech encoder"] < 0.6 * done.before["speech encoder"]
    assert not list((tmp_path / "packed" / "llm").glob("*.safetensors*"))
    assert all(t.dtype != torch.float32 for t in load_file(tmp_path / "packed" / "model.safetensors").values())
    waveform = Waveform((sound(2.0, 1) / 32768).astype("float32"))
    prompts = []
    for folder in (checkpoint, tmp_path / "packed"):
        pipeline = Pipeline.load(folder)
        recording = pipeline.encode(waveform)
        prompts.append(recording.audio_tokens)
        pipeline.dense_caption(recording, Decoding(max_new_tokens=8))
        assert pipeline.model.calibration is not None
    assert (prompts[0] - prompts[1]).abs().max() < 0.01 * prompts[0].abs().max()
    assert "language model in q8_0" in (tmp_path / "packed" / "README.md").read_text()


def test_encoders_can_be_packed_in_eight_bits(tmp_path, checkpoint):
    done = pack(checkpoint, tmp_path / "packed", others="q8_0")
    assert done.after["speech encoder"] < 0.45 * done.before["speech encoder"]
    before, after = (load_checkpoint(folder)[0].state_dict() for folder in (checkpoint, tmp_path / "packed"))
    for name, tensor in before.items():
        if tensor.is_floating_point():
            assert after[name].shape == tensor.shape
            assert (after[name] - tensor).abs().max() <= 0.01 * tensor.abs().max(), name
    model, tokenizer = load_checkpoint(tmp_path / "packed")
    save_checkpoint(tmp_path / "packed", model, tokenizer, dtype=torch.float32)
    assert not list((tmp_path / "packed").rglob("*.gguf"))


def test_an_adapter_is_not_merged_into_four_bits(tmp_path, checkpoint):
    model, tokenizer = load_checkpoint(checkpoint)
    config = LoraConfig(r=4, target_modules=["q_proj", "down_proj"], init_lora_weights=False)
    get_peft_model(model.llm, config).save_pretrained(checkpoint / "adapter")
    pack(checkpoint, tmp_path / "packed", llm="q4_1")
    assert (tmp_path / "packed" / "adapter" / "adapter_model.safetensors").is_file()
    base, adapted = (load_checkpoint(tmp_path / "packed", adapted=a)[0].llm.state_dict() for a in (False, True))
    merged = load_checkpoint(checkpoint)[0].llm.state_dict()
    plain = load_checkpoint(checkpoint, adapted=False)[0].llm.state_dict()
    name = "model.layers.0.self_attn.q_proj.weight"
    torch.testing.assert_close(adapted[name] - base[name], merged[name] - plain[name], atol=1e-3, rtol=1e-2)
    pack(checkpoint, tmp_path / "eight", llm="q4_1", others="q8_0")
    rounded = load_checkpoint(tmp_path / "eight")[0].llm.state_dict()
    assert (tmp_path / "eight" / "adapter" / "model.gguf").is_file()
    torch.testing.assert_close(rounded[name] - base[name], adapted[name] - base[name], atol=2e-2, rtol=2e-2)
    pack(checkpoint, tmp_path / "merged")
    assert not (tmp_path / "merged" / "adapter").exists()
    torch.testing.assert_close(
        load_checkpoint(tmp_path / "merged")[0].llm.state_dict()[name], merged[name], atol=2e-2, rtol=2e-2
    )


def test_packing_again_changes_nothing(tmp_path, checkpoint):
    pack(checkpoint, tmp_path / "once")
    pack(tmp_path / "once", tmp_path / "twice")
    once, twice = (load_checkpoint(tmp_path / name)[0].state_dict() for name in ("once", "twice"))
    for name, tensor in once.items():
        torch.testing.assert_close(twice[name], tensor, atol=1e-4, rtol=1e-3, msg=name)


def test_saving_over_a_packed_checkpoint_replaces_its_weights(tmp_path, checkpoint):
    pack(checkpoint, tmp_path / "packed")
    with pytest.raises(CheckpointError, match="already packed in fewer bits"):
        load_checkpoint(tmp_path / "packed", quantize="int8")
    model, tokenizer = load_checkpoint(tmp_path / "packed")
    model.llm.get_input_embeddings().weight.data.fill_(0.5)
    save_checkpoint(tmp_path / "packed", model, tokenizer, dtype=torch.float32)
    assert (load_checkpoint(tmp_path / "packed")[0].llm.get_input_embeddings().weight == 0.5).all()


def test_the_command_prints_the_sizes(tmp_path, checkpoint, capsys):
    assert main(["pack", str(checkpoint), "--out", str(tmp_path / "half"), "--llm", "float16"]) == 0
    output = capsys.readouterr().out
    assert "language model" in output
    assert " MB -> " in output
    held = load_file(tmp_path / "half" / "llm" / "model.safetensors")
    assert {tensor.dtype for tensor in held.values()} == {torch.float16}
    assert main(["pack", str(checkpoint), "--out", str(tmp_path / "half")]) == 2
    assert "exists: remove it" in capsys.readouterr().err
    assert main(["pack", str(tmp_path / "none"), "--out", str(tmp_path / "other")]) == 2
    assert sorted(path.name for path in tmp_path.iterdir()) == ["half", "small"], "no incomplete output is left"


def test_the_error_names_numbers_that_are_too_large(tmp_path, checkpoint):
    model, tokenizer = load_checkpoint(checkpoint)
    model.connector.projection.bias.data[3] = 1e6
    save_checkpoint(checkpoint, model, tokenizer, dtype=torch.float32)
    with pytest.raises(CheckpointError, match=r"projection\.bias has numbers too large for torch.float16"):
        pack(checkpoint, tmp_path / "packed")
    pack(checkpoint, tmp_path / "packed", others="bfloat16")


def test_an_adapter_that_cannot_be_merged(checkpoint):
    model, _ = load_checkpoint(checkpoint)
    get_peft_model(model.llm, LoraConfig(r=4, target_modules=["q_proj"])).save_pretrained(checkpoint / "adapter")
    weights = checkpoint / "adapter" / "adapter_model.safetensors"
    whole, tensors = weights.read_bytes(), load_file(weights)
    save_file({name.replace("layers.0", "layers.7"): tensor for name, tensor in tensors.items()}, weights)
    with pytest.raises(CheckpointError, match="adapter"):
        load_checkpoint(checkpoint)
    weights.write_bytes(whole[:100])
    with pytest.raises(CheckpointError, match="adapter"):
        load_checkpoint(checkpoint)
    weights.unlink()
    with pytest.raises(CheckpointError, match="adapter"):
        load_checkpoint(checkpoint)
