"""A small start checkpoint from larger parts: fewer layers, fewer tokens, a narrower connector, aiSFX for BEATs."""

import json

import pytest
import torch
from safetensors.torch import load_file, save_file
from tokenizers import AddedToken, Tokenizer, models, pre_tokenizers
from transformers import (
    GPT2Config,
    LlamaConfig,
    PreTrainedTokenizerFast,
    Qwen3Config,
)

from model.audio.waveform import Waveform
from model.checkpoint import load_checkpoint
from model.convert.cuts import Cuts, first_pieces, fresh_qformer, layer_numbers
from model.convert.init import NativeParts, init_native
from model.encoders.aisfx import AisfxConfig, AisfxEncoder
from model.errors import CheckpointError
from model.pipeline import Decoding, Pipeline
from tests import factories
from tests.released_files import write_downloads
from tests.synthetic import sound
from timeaudio.cli import main

PIECES = 500
SIZES = {
    "vocab_size": PIECES, "hidden_size": 64, "intermediate_size": 96, "num_hidden_layers": 6, "num_attention_heads": 4,
    "num_key_value_heads": 2, "bos_token_id": 0, "eos_token_id": 1, "pad_token_id": 1, "initializer_range": 0.2,
    "head_dim": 16,
}  # fmt: skip
FAMILIES = {
    "llama, tied": LlamaConfig(tie_word_embeddings=True, **SIZES),
    "qwen3, untied": Qwen3Config(**SIZES),
}


@pytest.fixture(scope="module")
def downloads(tmp_path_factory):
    return write_downloads(tmp_path_factory.mktemp("d"))


@pytest.fixture(scope="module")
def aisfx(tmp_path_factory):
    torch.manual_seed(5)
    file = tmp_path_factory.mktemp("aisfx") / "embedding.safetensors"
    state = AisfxEncoder(AisfxConfig(channels=(4, 4, 8, 8))).state_dict()
    save_file({name: tensor.contiguous() for name, tensor in state.items()}, file)
    return file


@pytest.fixture(scope="module")
def library_tokenizer():
    return factories.library_tokenizer(PIECES)


@pytest.mark.parametrize("family", FAMILIES)
def test_a_small_start_has_the_kept_parts_and_answers(tmp_path, downloads, aisfx, library_tokenizer, family):
    theirs = factories.save_language_model(tmp_path / "llm", FAMILIES[family], library_tokenizer)
    options = [
        f"--llm={tmp_path / 'llm'}", f"--whisper={downloads.whisper}", f"--aisfx={aisfx}", "--whisper-layers=1",
        "--llm-layers=0-1,3,5", "--llm-vocabulary=400", "--connector-dim=32", "--qformer-heads=2", "--no-pad",
        "--dtype=float32", f"--out={tmp_path / 'start'}", "--tasks=ask,dense_caption",
    ]  # fmt: skip
    assert main(["init", *options]) == 0
    model, tokenizer = load_checkpoint(tmp_path / "start")
    assert model.config.tasks == ("dense_caption", "ask")

    assert tokenizer.marker_ids == tuple(range(400, 420))
    for before, after in (
        (theirs.get_input_embeddings(), model.llm.get_input_embeddings()),
        (theirs.get_output_embeddings(), model.llm.get_output_embeddings()),
    ):
        assert after.weight.shape == (420, 64)
        assert torch.equal(after.weight[:400], before.weight[:400])
        assert torch.equal(after.weight[403], before.weight[tokenizer.encode("3")[-1]])
    assert model.llm.config.num_hidden_layers == 4
    for place, layer in enumerate((0, 1, 3, 5)):
        for name, tensor in theirs.model.layers[layer].state_dict().items():
            assert torch.equal(model.llm.model.layers[place].state_dict()[name], tensor), name

    whole = load_file(downloads.whisper / "model.safetensors")
    assert json.loads((tmp_path / "start" / "speech_encoder" / "config.json").read_text())["encoder_layers"] == 1
    for name, tensor in model.speech.encoder.state_dict().items():
        if name.startswith("layer_norm."):
            assert torch.equal(tensor, torch.full_like(tensor, float("weight" in name))), "it starts as an identity"
        else:
            assert torch.equal(tensor, whole[f"model.encoder.{name}"]), name
    assert model.config.sound_encoder == "aisfx"
    assert all(torch.equal(tensor, load_file(aisfx)[name]) for name, tensor in model.sound.state_dict().items())
    assert model.config.qformer.dim == 32
    assert model.config.qformer.num_heads == 2
    assert model.config.qformer.feed_forward_dim == 128
    assert not model.config.pad_segments

    pipeline = Pipeline(model, tokenizer)
    recording = pipeline.encode(Waveform((sound(2.0, 1) / 32768).astype("float32")))
    assert recording.num_audio_tokens == 6
    pipeline.dense_caption(recording, Decoding(max_new_tokens=10))
    card = (tmp_path / "start" / "README.md").read_text()
    assert "layers 0-1,3,5" in card
    assert "CC BY 4.0" in card


def test_the_error_names_an_unknown_task(tmp_path, capsys):
    options = [f"--llm={tmp_path}", f"--whisper={tmp_path}", f"--out={tmp_path / 'start'}", "--tasks=ask,sing"]
    assert main(["init", *options]) == 2
    assert "'sing' is not one of dense_caption, ground, summarize, ask." in capsys.readouterr().err


def test_cuts_that_remove_nothing_change_nothing(tmp_path, downloads, library_tokenizer):
    factories.save_language_model(tmp_path / "llm", FAMILIES["llama, tied"], library_tokenizer)
    parts = NativeParts(llm=tmp_path / "llm", whisper=downloads.whisper, beats=downloads.beats)
    layers = json.loads((downloads.whisper / "config.json").read_text())["encoder_layers"]
    init_native(parts, tmp_path / "a" / "start")
    cuts = Cuts(whisper_layers=layers, llm_layers="0-5", llm_vocabulary=PIECES, connector_dim=768)
    init_native(parts, tmp_path / "b" / "start", cuts=cuts)
    files = sorted(path.relative_to(tmp_path / "a") for path in (tmp_path / "a").rglob("*.safetensors"))
    assert len(files) > 4
    for name in files:
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes(), name


def test_a_stopped_start_with_other_cuts_is_not_resumed(tmp_path, downloads, library_tokenizer):
    factories.save_language_model(tmp_path / "llm", FAMILIES["llama, tied"], library_tokenizer)
    parts = NativeParts(llm=tmp_path / "llm", whisper=downloads.whisper, beats=downloads.beats)

    def stop(num_bytes):
        def after(size, name):
            if name.startswith("llm/"):
                raise KeyboardInterrupt

        return after

    with pytest.raises(KeyboardInterrupt):
        init_native(parts, tmp_path / "start", cuts=Cuts(llm_layers="0-2"), start=stop)
    assert init_native(parts, tmp_path / "start", cuts=Cuts(llm_layers="3-5")).num_kept == 0


@pytest.mark.parametrize(
    ("given", "message"),
    [({}, "one of them is needed"), ({"beats": "b.pt", "aisfx": "a.safetensors"}, "not several")],
)
def test_exactly_one_sound_encoder_is_required(tmp_path, downloads, library_tokenizer, given, message):
    factories.save_language_model(tmp_path / "llm", FAMILIES["llama, tied"], library_tokenizer)
    with pytest.raises(CheckpointError, match=message):
        init_native(NativeParts(llm=tmp_path / "llm", whisper=downloads.whisper, **given), tmp_path / "start")


def test_another_file_is_not_aisfx(tmp_path, downloads, library_tokenizer):
    factories.save_language_model(tmp_path / "llm", FAMILIES["llama, tied"], library_tokenizer)
    file = downloads.whisper / "model.safetensors"
    with pytest.raises(CheckpointError, match="is not aiSFX's network"):
        init_native(NativeParts(llm=tmp_path / "llm", whisper=downloads.whisper, aisfx=file), tmp_path / "start")


def test_salmonn_requires_whole_parts(tmp_path, downloads, library_tokenizer):
    factories.save_language_model(tmp_path / "llm", FAMILIES["llama, tied"], library_tokenizer)
    parts = NativeParts(
        llm=tmp_path / "llm", whisper=downloads.whisper, beats=downloads.beats, salmonn=downloads.checkpoint
    )
    with pytest.raises(CheckpointError, match="--from-salmonn is for whole parts"):
        init_native(parts, tmp_path / "start", cuts=Cuts(llm_layers="0-2"))


def test_more_layers_than_whisper_has_are_rejected(tmp_path, downloads, aisfx, library_tokenizer):
    factories.save_language_model(tmp_path / "llm", FAMILIES["llama, tied"], library_tokenizer)
    parts = NativeParts(llm=tmp_path / "llm", whisper=downloads.whisper, aisfx=aisfx)
    with pytest.raises(CheckpointError, match=r"--whisper-layers 99: .* has \d encoder layers"):
        init_native(parts, tmp_path / "start", cuts=Cuts(whisper_layers=99))


def test_lists_of_layers():
    texts = ("0", "0-2,8", " 3 - 4 , 9", "0-9")
    assert [layer_numbers(text, 10) for text in texts] == [(0,), (0, 1, 2, 8), (3, 4, 9), tuple(range(10))]


def test_invalid_lists_of_layers():
    for text, message in [
        ("", "neither a layer nor a range"),
        ("0,x", "'x' is neither"),
        ("-1", "neither"),
        ("1-", "neither"),
        ("4-2", "ends before it begins"),
        ("0,10", "the model has no layer 10; the layers are 0 to 9"),
        ("0-99999999999", "no layer 99999999999"),
        ("1,1", "layer 1 is named twice"),
        ("0-3,2", "layer 2 is named twice"),
        ("3,1", "rising"),
    ]:
        with pytest.raises(CheckpointError, match=message):
            layer_numbers(text, 10)


def test_layers_with_other_names_are_rejected(tmp_path, downloads, aisfx, library_tokenizer):
    config = GPT2Config(vocab_size=PIECES, n_embd=64, n_layer=2, n_head=4, bos_token_id=0, eos_token_id=1)
    factories.save_language_model(tmp_path / "llm", config, library_tokenizer)
    parts = NativeParts(llm=tmp_path / "llm", whisper=downloads.whisper, aisfx=aisfx)
    with pytest.raises(CheckpointError, match="like Llama's; .*gpt2.* has other names"):
        init_native(parts, tmp_path / "start", cuts=Cuts(llm_layers="0"))


def test_a_cut_tokenizer_encodes_every_text_with_the_first_tokens(library_tokenizer):
    cut = first_pieces(library_tokenizer, 300)
    assert len(cut) == 300
    shared = 0
    for text in ("A dog barks at 3.14 s.", "naïve über Привет 你好 🐶\n\t", 'the the " <|'):
        ids = cut.encode(text, add_special_tokens=False)
        assert max(ids) < 300
        assert cut.decode(ids) == text
        whole = library_tokenizer.encode(text, add_special_tokens=False)
        shared += len(set(ids) & set(whole))
        assert all(cut.convert_ids_to_tokens(i) == library_tokenizer.convert_ids_to_tokens(i) for i in ids)
    assert shared > 20
    assert cut.eos_token_id == library_tokenizer.eos_token_id


def test_the_byte_tokens_of_a_tokenizer_are_not_removed(library_tokenizer):
    needed = max(library_tokenizer.get_vocab()[piece] for piece in pre_tokenizers.ByteLevel.alphabet())
    assert len(first_pieces(library_tokenizer, needed + 1)) == needed + 1
    with pytest.raises(CheckpointError, match=f"give at least {needed + 1}"):
        first_pieces(library_tokenizer, needed)
    with pytest.raises(CheckpointError, match="only 500 pieces"):
        first_pieces(library_tokenizer, 501)


def test_a_special_token_is_not_removed():
    tokenizer = factories.library_tokenizer(PIECES)
    tokenizer.add_tokens([AddedToken("<late>", special=True)])
    with pytest.raises(CheckpointError, match="'<late>' with id 500: give at least 501"):
        first_pieces(tokenizer, 400)


def test_only_a_byte_level_bpe_tokenizer_can_be_cut():
    words = Tokenizer(models.WordLevel({"<unk>": 0, "dog": 1}, unk_token="<unk>"))
    with pytest.raises(CheckpointError, match="needs a byte-level BPE tokenizer"):
        first_pieces(PreTrainedTokenizerFast(tokenizer_object=words), 1)


def test_the_width_of_the_connector_is_divided_among_its_heads():
    assert fresh_qformer(None, None).num_heads == 12
    assert fresh_qformer(256, None).num_heads == 4
    assert fresh_qformer(40, 5).feed_forward_dim == 160
    with pytest.raises(CheckpointError, match="give --qformer-heads"):
        fresh_qformer(40, None)
    with pytest.raises(CheckpointError, match="among 7 heads"):
        fresh_qformer(40, 7)
