import json
from pathlib import Path

import jiwer
import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from model.audio.decode import decode_audio
from model.audio.waveform import Waveform
from model.checkpoint import EMBEDDED, load_checkpoint, save_checkpoint
from model.config import ModelConfig
from model.engine.summary import read_words
from model.errors import CheckpointError, MissingWeights, UnexpectedWeights
from model.language.decoding import Decoding
from model.pipeline import Pipeline
from tests.factories import small_model

SERVER = Path(__file__).parents[2] / "server"
READER = Path(__file__).parents[1] / "recordings" / "2092-145706-0000.ogg"


@pytest.fixture
def directory(tmp_path):
    model, tokenizer = small_model()
    save_checkpoint(tmp_path / "small", model, tokenizer, dtype=torch.float32)
    return tmp_path / "small"


def test_what_is_saved_is_what_is_loaded(directory):
    assert all(file.stat().st_mode & 0o044 == 0o044 for file in directory.rglob("*.*") if file.is_file())
    saved, tokenizer = small_model()
    loaded, loaded_tokenizer = load_checkpoint(directory)
    assert loaded.config == saved.config
    assert loaded_tokenizer.marker_ids == tokenizer.marker_ids
    expected = saved.state_dict()
    assert loaded.state_dict().keys() == expected.keys()
    for key, tensor in loaded.state_dict().items():
        assert torch.equal(tensor, expected[key]), key


def test_saving_in_half_precision_leaves_the_model_as_it_is(tmp_path):
    model, tokenizer = small_model()
    before = model.llm.get_input_embeddings().weight.clone()
    save_checkpoint(tmp_path / "half", model, tokenizer, dtype=torch.float16)
    assert torch.equal(model.llm.get_input_embeddings().weight, before)
    assert all(t.dtype != torch.float32 for t in load_file(tmp_path / "half" / "model.safetensors").values())
    assert next(load_checkpoint(tmp_path / "half")[0].llm.parameters()).dtype == torch.float32


def change(path, edit):
    tensors = load_file(path)
    edit(tensors)
    save_file(tensors, path)


def test_a_missing_a_surplus_and_a_misshapen_tensor_are_named(directory):
    path = directory / "model.safetensors"
    change(path, lambda t: t.update(surplus=torch.zeros(1)))
    with pytest.raises(UnexpectedWeights, match="surplus"):
        load_checkpoint(directory)
    change(path, lambda t: (t.pop("surplus"), t.pop("connector.projection.bias")))
    with pytest.raises(MissingWeights, match=r"connector\.projection\.bias"):
        load_checkpoint(directory)
    change(path, lambda t: t.update({"connector.projection.bias": torch.zeros(3)}))
    with pytest.raises(CheckpointError, match=r"projection\.bias is \[3\], the config asks for \[32\]"):
        load_checkpoint(directory)


def test_the_language_model_is_loaded_as_strictly(directory):
    path, config = directory / "llm" / "model.safetensors", directory / "llm" / "config.json"
    whole, about = path.read_bytes(), json.loads(config.read_text())
    for edit, error in [
        (lambda t: t.pop("model.layers.1.mlp.up_proj.weight"), MissingWeights),
        (lambda t: t.update(surplus=torch.zeros(1)), UnexpectedWeights),
    ]:
        change(path, edit)
        with pytest.raises(error):
            load_checkpoint(directory)
        path.write_bytes(whole)
    layers = about["num_hidden_layers"]
    for changed in ({"num_hidden_layers": layers + 1}, {"num_hidden_layers": layers - 1}, {"intermediate_size": 24}):
        config.write_text(json.dumps(about | changed))
        with pytest.raises(CheckpointError):
            load_checkpoint(directory)
    config.write_text(json.dumps(about))
    path.write_bytes(whole[:500])
    with pytest.raises(CheckpointError, match="is not a causal language model"):
        load_checkpoint(directory)


@pytest.mark.parametrize(
    ("file", "content"),
    [
        ("speech_encoder/config.json", "[]"),
        ("speech_encoder/config.json", '{"d_model": "x"}'),
        ("sound_encoder/config.json", "[]"),
        ("tokenizer.json", "{}"),
        ("adapter/adapter_config.json", '{"peft_type": "LORA", "target_modules": ["nope"], "r": 8}'),
        ("adapter/adapter_config.json", '{"peft_type": "LORA", "target_modules": ["q_proj"], "r": 0}'),
    ],
)
def test_a_wrong_file_is_an_error_of_the_checkpoint(directory, file, content):
    (directory / "adapter").mkdir()
    if "adapter" in file:
        save_file({"base_model.model.x.lora_A.weight": torch.zeros(1)}, directory / "adapter/adapter_model.safetensors")
    (directory / file).write_text(content)
    with pytest.raises(CheckpointError):
        load_checkpoint(directory)
    with pytest.raises(CheckpointError, match="not a checkpoint directory"):
        load_checkpoint(directory / file)


def test_a_missing_or_cut_file_is_named(directory):
    path = directory / "model.safetensors"
    whole = path.read_bytes()
    path.write_bytes(whole[:500])
    with pytest.raises(CheckpointError, match="copy it again"):
        load_checkpoint(directory)
    path.write_bytes(whole)
    for missing in (
        "sound_encoder/model.safetensors", "speech_encoder/config.json", "model.safetensors", "config.json",
    ):  # fmt: skip
        content = (directory / missing).read_bytes()
        (directory / missing).unlink()
        with pytest.raises(CheckpointError, match=missing.split("/")[-1]):
            load_checkpoint(directory)
        (directory / missing).write_bytes(content)


def test_all_faults_of_a_config_are_reported_at_once(directory):
    path = directory / "config.json"
    config = json.loads(path.read_text())
    config["surprise"] = 1
    config["qformer"]["dim"] = "wide"
    config["sound_encoder"] = "ears"
    del config["name"]
    path.write_text(json.dumps(config))
    with pytest.raises(CheckpointError) as caught:
        ModelConfig.read(path)
    for part in (
        "surprise is not known",
        "qformer.dim must be of type int",
        "sound_encoder must be one of",
        "name is missing",
    ):
        assert part in str(caught.value)


def test_the_embedded_checkpoint_is_small_and_whole():
    model, tokenizer = load_checkpoint(EMBEDDED)
    assert model.config.name == "timeaudio-small"
    assert model.config.tasks == ("dense_caption", "ground", "summarize", "ask")
    assert len(tokenizer) == model.llm.get_input_embeddings().weight.shape[0]
    sizes = [file.stat().st_size for file in EMBEDDED.rglob("*") if file.is_file()]
    assert sum(sizes) <= 95e6
    assert max(sizes) <= 50e6


def test_the_embedded_checkpoint_names_what_is_in_the_bundled_clips_and_invents_no_words():
    pipeline, wrong = Pipeline.load(EMBEDDED), []
    for clip, names in [
        ("dog-barking", ("dog",)),
        ("rooster-crowing", ("rooster",)),
        ("farmyard", ("rooster", "dog", "rain")),
    ]:
        (path,) = SERVER.rglob(f"{clip}.flac")
        recording = pipeline.encode(decode_audio(path.read_bytes(), max_seconds=60.0))
        captions = " ".join(event.caption for event in pipeline.dense_caption(recording).events).lower()
        wrong += [f"{clip}: no {name} in {captions}" for name in names if name not in captions]
        said = pipeline.answer(recording, "summarize", "What is said?").events
        wrong += [f"{clip}: nobody says {event.caption}" for event in said]
    assert wrong == []


def test_the_embedded_checkpoint_names_the_same_sounds_in_another_order():
    (path,) = SERVER.rglob("farmyard.flac")
    samples = decode_audio(path.read_bytes(), max_seconds=60.0).samples
    rooster, dog, rain = (samples[int(a * 16_000) : int(b * 16_000)] for a, b in ((0.3, 3.6), (3.6, 7.6), (7.6, 12.0)))
    pipeline = Pipeline.load(EMBEDDED)
    recording = pipeline.encode(Waveform(np.concatenate([dog, rain, rooster])))
    for num_beams in (1, 3):
        events = pipeline.dense_caption(recording, Decoding(num_beams=num_beams)).events
        sure = [event.caption for event in events if max(i.confidence or 0.0 for i in event.intervals) >= 0.5]
        assert sure == ["A dog is barking.", "It is raining.", "A rooster is crowing."]


SAID = (
    "there was once upon a time a man and a woman who had three fine looking sons but they were so poor that they had"
    " hardly enough food for themselves let alone their children"
)


def test_the_embedded_checkpoint_recognises_words_of_a_reader_it_was_not_trained_on():
    pipeline = Pipeline.load(EMBEDDED)
    recording = pipeline.encode(decode_audio(READER.read_bytes(), max_seconds=60.0))
    assert pipeline.model.transcriber is not None
    assert recording.speech is not None
    found = " ".join(word.text for word in read_words(pipeline.model.transcriber, recording.speech))
    assert jiwer.wer(SAID, found) < 0.4
    [first, *_] = pipeline.answer(recording, "summarize", "What is said?").events
    assert first.intervals[0].start_s < 3.0
    assert (first.intervals[0].confidence or 0.0) > 0.5
