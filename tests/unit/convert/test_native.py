"""A start checkpoint for training, from any causal language model and any Whisper."""

import json

import pytest
import torch
from safetensors.torch import load_file
from transformers import (
    LlamaConfig,
    MistralConfig,
    Qwen2Config,
    Qwen3Config,
    WhisperConfig,
    WhisperForConditionalGeneration,
)

from model.audio.waveform import Waveform
from model.checkpoint import load_checkpoint
from model.convert.init import NativeParts, init_native
from model.errors import CheckpointError, WeightsDoNotFit
from model.pipeline import Decoding, Pipeline
from tests import factories
from tests.released_files import HEADS, write_downloads
from tests.synthetic import sound
from timeaudio.cli import main

SMALL = {
    "hidden_size": 64, "intermediate_size": 96, "num_hidden_layers": 2, "num_attention_heads": 4,
    "num_key_value_heads": 2, "bos_token_id": 0, "eos_token_id": 1, "pad_token_id": 1, "initializer_range": 0.2,
}  # fmt: skip
PIECES = 500
FAMILIES = {
    "llama": LlamaConfig(vocab_size=PIECES, **SMALL),
    "mistral": MistralConfig(vocab_size=PIECES, sliding_window=64, head_dim=16, **SMALL),
    "qwen2, tied, padded": Qwen2Config(vocab_size=PIECES + 28, tie_word_embeddings=True, **SMALL),
    "qwen3, untied, padded a little": Qwen3Config(vocab_size=PIECES + 4, head_dim=16, **SMALL),
}


@pytest.fixture(scope="module")
def library_tokenizer():
    return factories.library_tokenizer(PIECES)


@pytest.fixture(scope="module")
def downloads(tmp_path_factory):
    return write_downloads(tmp_path_factory.mktemp("d"))


@pytest.mark.parametrize("family", FAMILIES)
def test_markers_are_added_to_any_family_by_equation_one(tmp_path, downloads, library_tokenizer, family):
    theirs = factories.save_language_model(tmp_path / "llm", FAMILIES[family], library_tokenizer)
    parts = NativeParts(llm=tmp_path / "llm", whisper=downloads.whisper, beats=downloads.beats)
    done = init_native(parts, tmp_path / "start", dtype="float32")
    assert done.num_files > 4, "the language model is in several shards"
    model, tokenizer = load_checkpoint(tmp_path / "start")
    llm = model.llm
    assert type(llm) is type(theirs)
    first = tokenizer.marker_ids[0]
    assert tokenizer.marker_ids == tuple(range(first, first + 20))
    assert first >= PIECES, "transformers may add a token of the family before them"
    tied = FAMILIES[family].tie_word_embeddings
    assert (llm.get_input_embeddings().weight is llm.get_output_embeddings().weight) == tied
    point = tokenizer.encode(".")[-1]
    for ours, before in (
        (llm.get_input_embeddings().weight, theirs.get_input_embeddings().weight),
        (llm.get_output_embeddings().weight, theirs.get_output_embeddings().weight),
    ):
        assert len(ours) == max(len(before), first + 20) == llm.config.vocab_size
        assert torch.equal(ours[:PIECES], before[:PIECES])
        for digit in range(10):
            row = before[tokenizer.encode(str(digit))[-1]]
            assert torch.equal(ours[first + digit], row)
            torch.testing.assert_close(ours[first + 10 + digit], (row + before[point]) / 2)
    for name, tensor in theirs.model.layers.state_dict().items():
        assert torch.equal(llm.model.layers.state_dict()[name], tensor), name


def test_a_start_checkpoint_answers_and_can_be_trained(tmp_path, downloads, library_tokenizer):
    factories.save_language_model(tmp_path / "llm", FAMILIES["qwen2, tied, padded"], library_tokenizer)
    options = [f"--llm={tmp_path / 'llm'}", f"--whisper={downloads.whisper}", f"--beats={downloads.beats}"]
    assert main(["init", *options, f"--out={tmp_path / 'start'}", "--dtype", "float32"]) == 0
    model, tokenizer = load_checkpoint(tmp_path / "start")
    assert model.config.time_encoding.index == "window"
    assert not model.connector.time_encoding.weight.any()
    assert model.config.pad_segments
    waveform = Waveform((sound(2.0, 1) / 32768).astype("float32"))
    pipeline = Pipeline(model, tokenizer)
    answer = pipeline.dense_caption(pipeline.encode(waveform), Decoding(max_new_tokens=20))
    assert all(0 <= interval.start < interval.end <= 20 for interval in answer.intervals)
    assert "has not been trained" in (tmp_path / "start" / "README.md").read_text()
    frames = torch.randn(1, 34, model.fusion.dim)
    model.llm(inputs_embeds=model.connector(frames)).logits.logsumexp(-1).sum().backward()
    learns = {name for name, p in model.connector.named_parameters() if p.grad is not None and p.grad.any()}
    assert {"time_encoding.weight", "projection.weight", "qformer.query"} <= learns


def test_the_same_parts_give_the_same_start_checkpoint(tmp_path, downloads, library_tokenizer):
    factories.save_language_model(tmp_path / "llm", FAMILIES["llama"], library_tokenizer)
    parts = NativeParts(llm=tmp_path / "llm", whisper=downloads.whisper, beats=downloads.beats)
    for folder in ("a", "b"):
        init_native(parts, tmp_path / folder / "start")
    made = [(tmp_path / folder / "start" / "model.safetensors").read_bytes() for folder in ("a", "b")]
    assert made[0] == made[1]


def test_any_size_of_whisper(tmp_path, downloads, library_tokenizer):
    factories.save_language_model(tmp_path / "llm", FAMILIES["llama"], library_tokenizer)
    config = WhisperConfig(
        d_model=32, encoder_layers=1, decoder_layers=1, encoder_attention_heads=2, decoder_attention_heads=2,
        encoder_ffn_dim=64, decoder_ffn_dim=64, num_mel_bins=128, vocab_size=100, pad_token_id=1, bos_token_id=1,
        eos_token_id=1, decoder_start_token_id=1,
    )  # fmt: skip
    WhisperForConditionalGeneration(config).save_pretrained(tmp_path / "whisper-v3")
    parts = NativeParts(llm=tmp_path / "llm", whisper=tmp_path / "whisper-v3", beats=downloads.beats)
    init_native(parts, tmp_path / "start")
    pipeline = Pipeline.load(tmp_path / "start")
    assert pipeline.model.speech.num_mels == 128
    waveform = Waveform((sound(2.0, 1) / 32768).astype("float32"))
    assert pipeline.encode(waveform).num_audio_tokens == 6


def salmonn(folder, **changes):
    """Write SALMONN's file: without embedding, head and time encoding."""

    def remove(state):
        for name in [n for n in state if "embed_tokens" in n or "lm_head" in n or n.startswith("abs_time")]:
            del state[name]
        state |= changes

    return write_downloads(folder, change=remove)


def test_salmonn_initialises_the_connector_except_new_parameters(tmp_path, library_tokenizer):
    downloads = salmonn(tmp_path / "d")
    parts = NativeParts(
        llm=downloads.llm, whisper=downloads.whisper, beats=downloads.beats, salmonn=downloads.checkpoint
    )
    init_native(parts, tmp_path / "start", dtype="float32", num_heads=HEADS)
    model, tokenizer = load_checkpoint(tmp_path / "start")
    theirs = torch.load(downloads.checkpoint)["model"]
    assert torch.equal(model.connector.projection.weight, theirs["speech_llama_proj.weight"])
    assert torch.equal(model.connector.qformer.query, theirs["speech_query_tokens"].flatten())
    assert torch.equal(model.fusion.sound_norm.bias, theirs["ln_audio.bias"])
    assert not model.connector.time_encoding.weight.any()
    assert model.config.qformer.self_attention == "segment"
    assert tokenizer.marker_ids == tuple(range(620, 640))
    # Its adapters are for this language model, and are merged into it.
    prefix = "model.layers.0.self_attn.q_proj."
    a, b = (theirs[f"llama_model.base_model.model.{prefix}lora_{half}.default.weight"] for half in "AB")
    index = json.loads((downloads.llm / "model.safetensors.index.json").read_text())["weight_map"]
    before = load_file(downloads.llm / index[prefix + "weight"])[prefix + "weight"]
    torch.testing.assert_close(model.llm.state_dict()[prefix + "weight"], before + 4 * b @ a)

    other = tmp_path / "qwen"
    factories.save_language_model(other, FAMILIES["qwen2, tied, padded"], library_tokenizer)
    parts = NativeParts(llm=other, whisper=downloads.whisper, beats=downloads.beats, salmonn=downloads.checkpoint)
    init_native(parts, tmp_path / "other", dtype="float32", num_heads=HEADS)
    q_proj = load_checkpoint(tmp_path / "other")[0].llm.state_dict()["model.layers.0.self_attn.v_proj.weight"]
    assert any(torch.equal(q_proj, t) for f in other.glob("*.safetensors") for t in load_file(f).values())


def test_a_salmonn_with_other_encoders_is_rejected(tmp_path):
    downloads = salmonn(tmp_path / "d", **{"ln_audio.weight": torch.ones(7)})
    parts = NativeParts(
        llm=downloads.llm, whisper=downloads.whisper, beats=downloads.beats, salmonn=downloads.checkpoint
    )
    with pytest.raises(WeightsDoNotFit, match="SALMONN was trained with whisper-large-v2"):
        init_native(parts, tmp_path / "start", num_heads=HEADS)


def test_a_model_that_is_not_a_causal_language_model_is_rejected(tmp_path, downloads):
    (tmp_path / "clip").mkdir()
    (tmp_path / "clip" / "config.json").write_text('{"model_type": "clip"}')
    (tmp_path / "clip" / "model.safetensors").write_bytes((downloads.whisper / "model.safetensors").read_bytes())
    parts = NativeParts(llm=tmp_path / "clip", whisper=downloads.whisper, beats=downloads.beats)
    with pytest.raises(CheckpointError, match=r"not a causal language model|holds no tokenizer"):
        init_native(parts, tmp_path / "start")
