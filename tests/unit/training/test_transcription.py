"""A transcriber: it starts from Whisper's upper layers, learns letters by CTC, and its words become a summary."""

import dataclasses
import json

import numpy as np
import pytest
import torch
from transformers import WhisperConfig, WhisperForConditionalGeneration

from model.audio.waveform import Waveform
from model.checkpoint import load_checkpoint, save_checkpoint
from model.confidence import FEATURES
from model.encoders.transcriber import SYMBOLS, Transcriber, TranscriberConfig
from model.encoders.whisper import SpeechEncoder
from model.engine.summary import read_words, summarize
from model.engine.updates import Answered, Done, Encoded, Found, Started
from model.errors import CheckpointError
from model.packing import pack
from model.pipeline import Pipeline
from model.task_params import TaskParams
from model.timeline.lexicon import Lexicon
from model.timeline.words import Word
from tests.factories import identity_map, small_model
from tests.small_recordings import noise
from training.data.manifest import Annotation, Row, SpokenWord, write_manifest
from training.data.recordings import DataError
from training.data.wav import write_wav
from training.score_command import main as evaluate
from training.stage_command import main as train
from training.stages import StageConfig
from training.transcription import TranscriptionLearner, transcribed_rows
from training.upper_layers import upper_layers

SIZE = TranscriberConfig(dim=32, num_layers=1, num_heads=4, feed_forward_dim=64)


@pytest.fixture(scope="module")
def whisper(tmp_path_factory):
    """Return a whole random Whisper with four encoder layers, of the width of the tests' model, which has two."""
    torch.manual_seed(1)
    config = WhisperConfig(
        d_model=32, encoder_layers=4, encoder_attention_heads=4, encoder_ffn_dim=64, decoder_layers=1,
        decoder_attention_heads=4, decoder_ffn_dim=64, num_mel_bins=80, vocab_size=60, pad_token_id=1, bos_token_id=1,
        eos_token_id=1, decoder_start_token_id=2,
    )  # fmt: skip
    folder = tmp_path_factory.mktemp("whisper")
    WhisperForConditionalGeneration(config).save_pretrained(folder)
    return folder


def lower_layers(whisper):
    """Return a speech encoder of the first two layers of a Whisper, with a norm that changes nothing."""
    config = WhisperConfig.from_pretrained(whisper)
    whole = SpeechEncoder(config).eval()
    state = WhisperForConditionalGeneration.from_pretrained(whisper).model.encoder.state_dict()
    whole.encoder.load_state_dict(state)
    lower = SpeechEncoder(WhisperConfig.from_pretrained(whisper, encoder_layers=2)).eval()
    kept = {name: state[name] for name in lower.encoder.state_dict() if not name.startswith("layer_norm")}
    lower.encoder.load_state_dict(kept | {"layer_norm.weight": torch.ones(32), "layer_norm.bias": torch.zeros(32)})
    return whole, lower


def test_the_upper_layers_continue_the_lower_ones(whisper):
    whole, lower = lower_layers(whisper)
    upper = upper_layers(whisper, lower).eval()
    assert len(upper.layers) == 2
    sound = torch.from_numpy(noise(2.0, seed=3))[None]
    with torch.no_grad():
        hidden = lower(sound) * upper.scale + upper.shift
        for layer in upper.layers:
            hidden = layer(hidden, None)
        ours, theirs = upper.norm(hidden), whole(sound)
    assert torch.nn.functional.cosine_similarity(ours, theirs, dim=-1).min() > 0.99


def test_only_a_deeper_whisper_of_the_same_width_has_upper_layers(whisper, tmp_path):
    whole, _ = lower_layers(whisper)
    with pytest.raises(DataError, match="needs more than the 4 layers"):
        upper_layers(whisper, whole)
    with pytest.raises(DataError, match="is not a Whisper checkpoint"):
        upper_layers(tmp_path, whole)


def frames_of(length, seed):
    rng = torch.Generator().manual_seed(seed)
    return torch.randn(1, length, 32, generator=rng), torch.empty(1, 0, 0)


def row(text, *, seconds=2.0, label="speech"):
    words = tuple(SpokenWord(word, 0.1 * place, 0.1 * place + 0.1) for place, word in enumerate(text.split()))
    return Row(
        id=text or "none", audio=text or "none", task="dense_caption", duration=seconds, words=words,
        events=(Annotation(((0.0, 1.0),), "Something.", label),),
    )  # fmt: skip


def test_letters_are_learned_and_read_back_whatever_else_is_in_the_batch():
    torch.manual_seed(0)
    learner = TranscriptionLearner(Transcriber(SIZE), StageConfig(objective="transcription", dropout=False))
    texts = ["the dog", "a", "", "isn't it"]
    frames = [frames_of(length, seed) for seed, length in enumerate((60, 40, 50, 45))]
    examples = [learner.example(row(text)) for text in texts]
    assert learner.loss_weight(examples) == 7 + 1 + 0 + 8 + 4
    optimizer = torch.optim.AdamW([{"params": g.parameters, "lr": 2e-3 * g.scale} for g in learner.groups()])
    for _ in range(150):
        loss = learner(frames, [], examples) / learner.loss_weight(examples)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    said = [" ".join(word.text for word in read_words(learner.transcriber.eval(), each[0])) for each, _ in frames]
    assert said == texts


def test_rows_without_a_known_text_are_left_out():
    rows = [row("the dog"), row("chapter 13"), row("", label="speech"), row("the dog")]
    rows.append(Row(id="music", audio="m", task="dense_caption", events=(Annotation(((0, 1),), "Music.", "music"),)))
    assert [each.id for each in transcribed_rows(rows)] == ["the dog", "music"]
    scene = Annotation(((0.0, 1.0),), "Something.", "speech")
    rows = [  # other rows about unknown speech are not taken for silence
        Row(id="query", audio="scene.wav", task="ground", query="a dog"),
        Row(id="question", audio="scene.wav", task="ask", question="Is there a dog?", answer="No."),
        Row(id="captions", audio="scene.wav", task="dense_caption", events=(scene,)),
        Row(id="another query", audio="rain.wav", task="ground", query="a dog"),
        Row(id="rain", audio="rain.wav", task="dense_caption"),
    ]
    assert [each.id for each in transcribed_rows(rows)] == ["rain"]


def test_words_keep_their_frames_beyond_a_segment():
    torch.manual_seed(0)
    transcriber = Transcriber(SIZE)
    with torch.no_grad():  # a frame says the symbol of its largest number
        transcriber.layers = torch.nn.ModuleList()
        transcriber.norm = torch.nn.Identity()
        transcriber.output.weight.copy_(20 * torch.eye(1 + len(SYMBOLS), 32))
        transcriber.output.bias.zero_()
    symbols = torch.zeros(1600, dtype=torch.long)
    for frame, symbol in ((10, "a"), (12, "b"), (1498, "c"), (1503, "d"), (1510, "d"), (1512, "d")):
        symbols[frame] = 1 + SYMBOLS.index(symbol)
    words = read_words(transcriber, torch.nn.functional.one_hot(symbols, 32).float())
    assert [(word.text, word.start, word.end) for word in words] == [("abc", 10, 1499), ("ddd", 1503, 1513)]


def said_checkpoint(folder, lexicon=None):
    """Save a model with a random transcriber, which recognises nonsense."""
    model, tokenizer = small_model(tasks=("dense_caption", "summarize"))
    torch.manual_seed(5)
    model.transcriber = Transcriber(SIZE).eval()
    model.transcriber.lexicon = lexicon
    save_checkpoint(folder, model, tokenizer, dtype=torch.float32)
    return folder


@pytest.mark.parametrize("lexicon", [None, Lexicon(["the", "dog"])])
def test_a_session_summarizes_like_the_pipeline(tmp_path, lexicon):
    pipeline = Pipeline.load(said_checkpoint(tmp_path / "said", lexicon))
    waveform = Waveform(noise(31.0, seed=2))
    recording = pipeline.encode(waveform)
    alone = pipeline.answer(recording, "summarize", "What is said?")
    assert alone.events, "nonsense is long enough to have a section"
    session = pipeline.session()
    request = session.submit(waveform, TaskParams(task="summarize"))
    updates = []
    while not session.is_idle:
        updates += session.step()
    assert {asked for asked, _ in updates} == {request}
    found = [update for _, update in updates]
    assert [type(update) for update in found if not isinstance(update, Started)] == [
        Encoded, *[Found] * len(alone.events), Answered, Done,
    ]  # fmt: skip
    answered = next(update for update in found if isinstance(update, Answered))
    assert answered.answer.events == alone.events
    assert answered.answer.written == alone.written
    session.submit(waveform, TaskParams(task="summarize", verbatim=True))
    while not session.is_idle:
        updates += session.step()
    whole = [update for _, update in updates if isinstance(update, Answered)][-1].answer
    assert sum(len(event.caption) for event in whole.events) > sum(len(event.caption) for event in alone.events)


def test_a_summary_of_nothing():
    answer = summarize([], 100, None)
    assert (answer.events, answer.written, answer.present) == ((), "", False)


def test_a_transcriber_is_saved_packed_and_loaded(tmp_path):
    folder = said_checkpoint(tmp_path / "said", Lexicon(["the", "dog"]))
    model, _ = load_checkpoint(folder)
    assert model.transcriber is not None
    four = pack(folder, tmp_path / "four", transcriber="q4_1")
    packed = pack(folder, tmp_path / "packed", others="q8_0")
    assert four.after["transcriber"] < 0.8 * packed.after["transcriber"]
    assert 0 < packed.after["transcriber"] < 0.5 * packed.before["transcriber"]
    assert load_checkpoint(tmp_path / "packed")[0].transcriber.lexicon.words == ("the", "dog")
    again, tokenizer = load_checkpoint(tmp_path / "packed")
    assert again.transcriber is not None
    difference = again.transcriber.output.weight - model.transcriber.output.weight
    assert difference.abs().max() < 0.01 * model.transcriber.output.weight.abs().max() + 1e-6
    again.transcriber = None
    save_checkpoint(tmp_path / "packed", again, tokenizer, dtype=torch.float32)
    assert not (tmp_path / "packed" / "transcriber").exists()


def test_a_transcriber_that_does_not_fit(tmp_path):
    folder = said_checkpoint(tmp_path / "said")
    path = folder / "transcriber" / "config.json"
    right = path.read_text()
    for field, value in (("dim", 16), ("layers", 2)):
        path.write_text(right.replace('"dim": 32', f'"{field}": {value}'))
        with pytest.raises(CheckpointError, match="transcriber"):
            load_checkpoint(folder)


@pytest.fixture
def spoken(tmp_path):
    rng = np.random.default_rng(0)
    rows = []
    for number, text in enumerate(("the dog", "a cat", "", "rain")):
        write_wav(tmp_path / f"{number}.wav", (rng.standard_normal(32_000) * 0.1).astype(np.float32))
        rows.append(Row(
            id=str(number), audio=f"{number}.wav", task="dense_caption", duration=2.0, words=row(text).words,
            events=(Annotation(((0.0, 1.0),), "Something.", "speech" if text else "rain"),),
        ))  # fmt: skip
    write_manifest(tmp_path / "m.jsonl", rows)
    save_checkpoint(tmp_path / "start", *small_model(), dtype=torch.float32)
    return tmp_path


def words_stage(folder, *more):
    settings = ("steps=3", "batch_size=2", "micro_batch_size=2", "warmup_steps=1", "bfloat16=false")
    return train([
        "--data", str(folder / "m.jsonl"), "--from", str(folder / "start"), "--device", "cpu", "--stage", "words",
        "--state", str(folder / "run"), "--out", str(folder / "out"), *(f"--set={each}" for each in settings), *more,
    ])  # fmt: skip


def test_the_stage_adds_a_transcriber_and_the_task(spoken, whisper):
    (spoken / "lexicon.txt").write_text("the\ndog\n")
    start = spoken / "start"
    identity_map().write(start / "words.safetensors")
    (start / "calibration.json").write_text(json.dumps(
        {"features": FEATURES, "tasks": {}, "presence": {}, "occurrence": {}, "about": {}}
    ))  # fmt: skip
    assert words_stage(spoken, "--whisper", str(whisper), "--lexicon", str(spoken / "lexicon.txt")) == 0
    kept = [path for path in start.rglob("*") if path.is_file() and path.name != "config.json"]
    assert kept
    assert all((spoken / "out" / path.relative_to(start)).read_bytes() == path.read_bytes() for path in kept)
    model, _ = load_checkpoint(spoken / "out")
    assert "summarize" in model.config.tasks
    assert model.transcriber is not None
    assert model.transcriber.lexicon.words == ("the", "dog")


def test_what_the_stage_needs_is_said(spoken, whisper, capsys):
    assert evaluate(["--data", str(spoken / "m.jsonl"), "--words", "--model", str(spoken / "start")]) == 2
    assert "has no transcriber" in capsys.readouterr().err
    assert train([
        "--data", str(spoken / "m.jsonl"), "--from", str(spoken / "start"), "--stage", "adapt", "--device", "cpu",
        "--state", str(spoken / "run"), "--whisper", str(whisper),
    ]) == 2  # fmt: skip
    assert "for the stage `words`" in capsys.readouterr().err
    assert words_stage(spoken) == 2
    assert "--whisper" in capsys.readouterr().err
    manifest = spoken / "m.jsonl"
    manifest.write_text("".join(line + "\n" for line in manifest.read_text().splitlines() if "words" not in line))
    assert words_stage(spoken, "--whisper", str(whisper)) == 2
    assert "timeaudio data spoken" in capsys.readouterr().err


def test_words_are_scored_against_what_is_said(tmp_path, monkeypatch, capsys):
    folder = said_checkpoint(tmp_path / "said")
    write_wav(tmp_path / "a.wav", noise(2.0, seed=1))
    write_manifest(tmp_path / "m.jsonl", [dataclasses.replace(row("the big dog barks"), audio="a.wav")])
    heard = [Word(text, 10 * place, 10 * place + 5, -0.1) for place, text in enumerate(("the", "dog", "barks", "now"))]
    monkeypatch.setattr("training.word_errors.read_words", lambda *_: heard)
    assert evaluate(["--data", str(tmp_path / "m.jsonl"), "--words", "--model", str(folder)]) == 0
    said = capsys.readouterr().out
    assert "words right" in said
    assert "75.0" in said
    assert "25.0" in said
