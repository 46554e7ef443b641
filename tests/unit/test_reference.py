"""`model.reference`, the public way to the released code's numbers: errors, and settings saved in a checkpoint."""

import dataclasses

import numpy as np
import pytest
import torch

from model.audio.segment import split
from model.audio.waveform import Waveform
from model.checkpoint import load_checkpoint, save_checkpoint
from model.config import EncodingConfig, ModelConfig
from model.convert.keys import DROPPED, our_name
from model.errors import AudioTooLong, CheckpointError, MissingWeights, UnexpectedWeights
from model.pipeline import Decoding, Pipeline
from model.reference import Reference, load_released
from tests.released_files import released_parts
from tests.synthetic import sound


@pytest.fixture(scope="module")
def parts():
    return released_parts()


@pytest.fixture(scope="module")
def reference(parts):
    return load_released(parts.state, parts.configs, tokenizer=parts.tokenizer)


def test_every_released_name_is_known(parts):
    assert [name for name in parts.state if our_name(name) is None] == []
    assert our_name("speech_Qformer.bert.embeddings.position_ids") == DROPPED
    assert our_name("some.other.weight") is None


def test_the_adapter_is_merged_with_alpha_over_rank(parts, reference):
    prefix = "llama_model.base_model.model.model.layers.0.self_attn.q_proj."
    a, b = (parts.state[f"{prefix}lora_{half}.default.weight"] for half in "AB")
    expected = parts.state[prefix + "base_layer.weight"] + 32 / 8 * b @ a
    torch.testing.assert_close(reference.model.llm.model.layers[0].self_attn.q_proj.weight, expected)


def test_the_error_names_missing_unknown_and_misshapen_tensors(parts):
    def load(**changes):
        state = {name: tensor for name, tensor in (parts.state | changes).items() if tensor is not None}
        return load_released(state, parts.configs)

    with pytest.raises(MissingWeights, match=r"connector\.projection\.bias"):
        load(**{"speech_llama_proj.bias": None})
    with pytest.raises(MissingWeights, match=r"time_encoding"):
        load(abs_time_position_embedding=None)
    with pytest.raises(UnexpectedWeights, match="ln_vision"):
        load(**{"ln_vision.weight": torch.zeros(2)})
    with pytest.raises(UnexpectedWeights, match="half an adapter"):
        load(**{"llama_model.base_model.model.model.layers.0.self_attn.q_proj.lora_A.default.weight": None})
    with pytest.raises(CheckpointError, match="projection"):
        load(**{"speech_llama_proj.bias": torch.zeros(3)})


def test_a_different_rotary_embedding_is_rejected(parts):
    name = next(name for name in parts.state if name.endswith("inv_freq"))
    with pytest.raises(CheckpointError, match="rotary"):
        load_released(parts.state | {name: parts.state[name] * 0.7}, parts.configs)


def test_a_config_that_was_never_released_is_rejected(parts):
    for key, value in (("num_speech_query_token", 4), ("second_stride", 0.1)):
        configs = parts.configs | {"model": parts.configs["model"] | {key: value}}
        with pytest.raises(CheckpointError, match=key):
            load_released(parts.state, configs)
    with pytest.raises(CheckpointError, match="--qformer-heads"):
        load_released(parts.state, {k: v for k, v in parts.configs.items() if k != "bert"})


def test_samples_are_read_like_in_the_released_loader(reference):
    samples = sound(1.3, 3)
    stages = [
        reference.stages(given)["projected"]
        for given in (samples, samples / 32768, np.stack([samples, samples[::-1]], axis=1), torch.from_numpy(samples))
    ]
    for given in stages[1:]:
        assert torch.equal(given, stages[0])


def test_a_given_duration_changes_only_the_time_index(reference):
    own, shortened = reference.stages(sound(2.0, 3)), reference.stages(sound(2.0, 3), duration_s=1.0)
    assert own["time_index"][0, :8].tolist() == [1, 2, 3, 4, 5, 6, 0, 0]
    assert shortened["time_index"][0, :8].tolist() == [1, 2, 3, 0, 0, 0, 0, 0]
    assert torch.equal(own["fused"], shortened["fused"])


def test_a_tail_under_five_seconds_is_not_given_to_whisper_and_a_short_sound_is_padded(reference):
    expected = {29: 1500, 34.9: 1500, 35: 3000, 64.9: 3000}
    found = {}
    for seconds in expected:
        samples = np.zeros(round(seconds * 16_000), dtype=np.float32)
        found[seconds] = reference.model.encode_segments(split(Waveform(samples)))[0].shape[1]
    assert found == expected
    assert reference.stages(sound(0.2, 3))["beats"].shape[1] == 8 * 6  # a second: 98 steps of 10 ms, six patches


def test_long_audio_is_cut_in_stages_and_rejected_by_the_pipeline(reference, monkeypatch):
    monkeypatch.setattr("model.convert.audio.MOST_SAMPLES", 16_000)
    assert torch.equal(reference.stages(sound(1.5, 3))["fbank"], reference.stages(sound(1.5, 3)[:16_000])["fbank"])
    monkeypatch.setattr("model.encoders.whole.MOST_SAMPLES", 16_000)
    pipeline = Pipeline(reference.model, reference.tokenizer)
    with pytest.raises(AudioTooLong, match="at most 1 s"):
        pipeline.encode(Waveform((sound(1.5, 3) / 32768).astype(np.float32)))


def test_a_saved_checkpoint_has_the_same_stages_and_answers(reference, tmp_path):
    save_checkpoint(tmp_path / "released", reference.model, reference.tokenizer, dtype=torch.float32)
    again = Reference.load(tmp_path / "released")
    samples = sound(3.0, 4)
    expected = reference.stages(samples)
    for name, tensor in again.stages(samples).items():
        torch.testing.assert_close(tensor, expected[name], atol=1e-4, rtol=0, msg=name)
    pipeline = Pipeline(*load_checkpoint(tmp_path / "released"))
    recording = pipeline.encode(Waveform((samples / 32768).astype(np.float32)))
    torch.testing.assert_close(recording.audio_tokens, expected["projected"][0], atol=1e-5, rtol=0)
    answer = pipeline.answer(recording, "dense_caption", "What is heard?", Decoding(max_new_tokens=20))
    assert all(interval.end <= 30 for interval in answer.intervals)


def test_a_long_recording_merged_without_picks_has_26_tokens_per_44_windows(reference):
    merge = dataclasses.replace(reference.model.connector.merge, enabled=True)
    reference.model.connector.merge = merge
    try:
        assert reference.stages(np.zeros(36 * 16_000))["merged"].shape[1] == 26 * (3000 // 17 // 44)
    finally:
        reference.model.connector.merge = dataclasses.replace(merge, enabled=False)


def test_contradicting_settings_are_rejected():
    with pytest.raises(CheckpointError, match="pad_segments"):
        ModelConfig(name="x", tasks=(), encoding=EncodingConfig(keep_padding=True))
    with pytest.raises(CheckpointError, match="whole_sound"):
        ModelConfig(name="x", tasks=(), sound_encoder="conv", encoding=EncodingConfig(whole_sound=True))


def test_an_old_config_without_these_settings_still_loads(tmp_path):
    (tmp_path / "config.json").write_text('{"name": "old", "tasks": ["ask"], "pad_segments": true}')
    config = ModelConfig.read(tmp_path / "config.json")
    assert config == ModelConfig(name="old", tasks=("ask",), pad_segments=True)
    config.write(tmp_path / "config.json")
    assert ModelConfig.read(tmp_path / "config.json") == config
