"""The model in this process gives the same results as Client. A scripted pipeline replaces the trained one."""

import importlib.util
import sys
from pathlib import Path

import pytest

from tests.timed_files import bursts, tracks
from timeaudio.cli import main
from timeaudio.errors import LocalModelError
from timeaudio.local import LIMIT_S, LocalModel

SCRIPTED = Path(__file__).parents[2] / "local_pipeline.py"


@pytest.fixture
def model(monkeypatch):
    spec = importlib.util.spec_from_file_location("model.pipeline", SCRIPTED)
    scripted = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "model.pipeline", scripted)
    spec.loader.exec_module(scripted)
    return LocalModel()


@pytest.fixture
def clip(tmp_path, tone_wav):
    path = tmp_path / "tone.wav"
    path.write_bytes(tone_wav(3.0))
    return path


def test_dense_caption(model, clip):
    result = model.dense_caption(clip)
    (event,) = result.events
    assert event.caption == "All of it."
    assert [(interval.start, interval.end, interval.confidence) for interval in event.intervals] == [(0.0, 3.0, None)]
    assert result.model == "scripted"
    assert (result.audio.start, result.audio.duration, result.usage.audio_seconds) == (0.0, 3.0, 3.0)
    assert (result.usage.audio_tokens, result.usage.prompt_tokens, result.usage.completion_tokens) == (9, 12, 7)


def test_ground_keeps_the_order_of_the_queries_and_sums_their_tokens(model, clip):
    result = model.ground(clip, ["nothing", "a dog barks"])
    assert [(found.query, found.present) for found in result.results] == [("nothing", False), ("a dog barks", True)]
    assert [(interval.start, interval.end) for interval in result.results[1].intervals] == [(0.1, 1.5)]
    assert result.usage.completion_tokens == 14


def test_summarize(model, clip):
    result = model.summarize(clip)
    assert [(s.start, s.end, s.summary) for s in result.segments] == [(0.0, 1.0, "Hello."), (1.0, 3.0, "Goodbye.")]


def test_ask(model, clip):
    result = model.ask(clip, "How often?")
    assert (result.question, result.answer) == ("How often?", "0.5: HOW OFTEN?")
    assert [(interval.start, interval.end) for interval in result.intervals] == [(0.5, 1.0)]


def test_bytes_give_the_same_result_as_their_file(model, clip):
    assert model.dense_caption(clip.read_bytes()).events == model.dense_caption(clip).events


def test_an_unsupported_task_is_rejected(model, clip, monkeypatch):
    monkeypatch.setattr(type(model._pipeline), "tasks", ("dense_caption", "ground"))
    for refuse in (lambda: model.summarize(clip), lambda: model.ask(clip, "How often?")):
        with pytest.raises(LocalModelError, match="trained for dense_caption, ground"):
            refuse()


def test_the_time_adds_up(model, clip):
    timing = model.ground(clip, ["sleep 0.3"]).timing
    assert timing.generate_s >= 0.3
    assert timing.queue_s == 0
    assert timing.total_s >= timing.decode_s + timing.encode_s + timing.generate_s


def test_an_invalid_recording_raises_an_error(model, tmp_path):
    path = tmp_path / "bad.wav"
    path.write_bytes(b"no sound")
    with pytest.raises(LocalModelError, match=r"\w+"):
        model.dense_caption(path)


def test_a_part_has_the_times_of_the_file(model, clip):
    whole, part = model.dense_caption(clip), model.dense_caption(clip, start=1.06, end=2.5)
    assert (part.audio.start, part.audio.duration) == (1.0, 1.5)  # as a server: the start is rounded down to a tenth
    assert [(i.start, i.end) for event in part.events for i in event.intervals] == [(1.0, 2.5)]
    assert model.dense_caption(clip, start=None, end=None, min_confidence=None).events == whole.events
    assert [(s.start, s.end) for s in model.summarize(clip, start=1.0).segments] == [(1.0, 2.0), (2.0, 4.0)]
    answer = model.ask(clip, "How often?", start=1.0)
    assert [(i.start, i.end) for i in answer.intervals] == [(1.5, 2.0)]
    assert answer.answer == "1.5: HOW OFTEN?"


def test_the_progress_of_a_recording_of_several_passes_can_be_followed(model, clip, tmp_path, tone_wav):
    path, progress = tmp_path / "long.wav", []
    path.write_bytes(tone_wav(40.0, rate=8000))
    model.on_progress = lambda done, passes: progress.append((done, passes))
    whole = model.dense_caption(path)
    assert progress == [(done, 4) for done in range(1, 5)]
    model.dense_caption(clip)  # one pass
    assert len(progress) == 4
    model.on_progress = None
    assert model.dense_caption(path).events == whole.events


def test_a_track_can_be_chosen(model, tmp_path):
    path = tmp_path / "film.mkv"
    path.write_bytes(tracks("matroska", [(bursts(seconds=2), "flac", False), (bursts(seconds=3), "flac", True)]))
    assert [model.dense_caption(path, track=track).audio.duration for track in (None, 0, 1)] == [3.0, 2.0, 3.0]
    with pytest.raises(LocalModelError, match="has 2 audio tracks, so track 2 does not exist"):
        model.dense_caption(path, track=2)


@pytest.mark.parametrize(("start", "end", "fits"), [(1.0, 1.1, True), (1.0, 1.09, False)])
def test_a_part_has_at_least_a_tenth(model, clip, start, end, fits):
    if fits:
        assert model.dense_caption(clip, start=start, end=end).audio.duration == 0.1
    else:
        with pytest.raises(LocalModelError, match="0.1 s after the start"):
            model.dense_caption(clip, start=start, end=end)


def test_a_part_has_finite_times(model, clip):
    for part in (
        {"start": float("inf")},
        {"start": float("nan")},
        {"start": -1.0},
        {"end": float("nan")},
        {"end": float("inf")},
    ):
        with pytest.raises(LocalModelError, match="The (start|end) must"):
            model.dense_caption(clip, **part)
    assert model.dense_caption(clip, start=0.2, end=0.3).audio.duration == 0.1


def test_a_start_after_the_end_of_the_file(model, clip):
    with pytest.raises(LocalModelError, match="3.00 s long"):
        model.dense_caption(clip, start=5.0)


def test_intervals_below_the_least_confidence_are_left_out(model, clip):
    assert model.ground(clip, ["a dog"], min_confidence=0.0).results[0].present
    [found] = model.ground(clip, ["a dog"], min_confidence=0.5).results  # the scripted intervals have no confidence
    assert (found.present, found.intervals) == (False, ())
    with pytest.raises(LocalModelError, match="not calibrated for dense_caption"):
        model.dense_caption(clip, min_confidence=0.5)


def test_a_part_of_a_long_recording_is_analysed(model, tmp_path, tone_wav, capsys):
    path = tmp_path / "long.wav"
    path.write_bytes(tone_wav(LIMIT_S + 20, rate=8000))
    with pytest.raises(LocalModelError, match="--start and --end"):
        model.ask(path, "How often?")
    assert model.ask(path, "How often?", start=20.0).audio.start == 20.0


@pytest.mark.parametrize(("seconds", "fits"), [(LIMIT_S, True), (LIMIT_S + 0.1, False)])
def test_the_length_limit(model, tmp_path, tone_wav, seconds, fits):
    path = tmp_path / "long.wav"
    path.write_bytes(tone_wav(seconds, rate=8000))
    if fits:
        assert model.dense_caption(path).audio.duration == round(seconds, 1)
    else:
        with pytest.raises(LocalModelError, match="150 s"):
            model.dense_caption(path)


def test_a_missing_file_is_an_os_error(model, tmp_path):
    with pytest.raises(FileNotFoundError):
        model.dense_caption(tmp_path / "nothing.wav")


@pytest.mark.usefixtures("model")
def test_the_error_names_a_checkpoint_that_cannot_be_loaded(monkeypatch, clip, capsys):
    monkeypatch.setenv("SCRIPTED_LOAD", "refuse")
    assert main(["caption", str(clip), "--model", "some/deep/folder"]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line == "timeaudio: The checkpoint some/deep/folder cannot be loaded: some/deep/folder holds no config.json."


@pytest.mark.usefixtures("model")
def test_the_command_line_runs_the_model_without_a_server(clip, capsys):
    assert main(["caption", str(clip)]) == 0
    assert "All of it." in capsys.readouterr().out


def test_the_passes_of_a_long_recording_are_joined(model, tmp_path, tone_wav):
    path = tmp_path / "long.wav"
    path.write_bytes(tone_wav(20.0, rate=8000))
    result = model.dense_caption(path)  # two passes of 12 s that share 4 s
    (event,) = result.events
    assert [(interval.start, interval.end) for interval in event.intervals] == [(0.0, 20.0)]
    assert (result.usage.prompt_tokens, result.usage.completion_tokens) == (24, 14)
    found = model.ground(path, ["nothing", "a dog barks"]).results
    assert [(interval.start, interval.end) for interval in found[1].intervals] == [(0.1, 6.0), (8.1, 14.0)]
    assert not found[0].present
    [found] = model.ground(path, ["everywhere"]).results  # each pass knows the number of passes
    assert [(interval.start, interval.end) for interval in found.intervals] == [(0.0, 20.0)]


def test_the_error_for_a_question_about_two_passes_says_what_to_do(model, tmp_path, tone_wav, monkeypatch):
    path = tmp_path / "talk.wav"
    path.write_bytes(tone_wav(11.0))
    assert model.ask(path, "How often?").answer == "0.5: HOW OFTEN?"
    monkeypatch.setenv("TIMEAUDIO_PASSES__WHOLE_S", "10")
    with pytest.raises(LocalModelError, match="TIMEAUDIO_PASSES__WHOLE_S; select a part with start and end"):
        type(model)().ask(path, "How often?")
