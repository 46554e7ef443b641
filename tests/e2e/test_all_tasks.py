"""All four tasks with a real model in a real worker, over every transport.

The model has random weights, so its text is nonsense. The weights of its time markers are scaled up, so its answers
contain many times. It is calibrated for summaries but not for questions.
"""

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from model.checkpoint import CALIBRATION, WORDS, save_checkpoint
from model.confidence import Calibration, Logistic
from model.timeline.task import TASKS
from tests.e2e.conftest import free_port
from tests.e2e.test_transports import ROUTES, WAYS, over_rest
from tests.factories import identity_map, small_model
from timeaudio import ApiError, Client
from timeaudio.cli import main
from timeaudio.formats import write
from timeaudio.results import AnyAnswer, QuestionAnswer, Summary

SECONDS = 11.0
PART = {"start": 1.0, "max_new_tokens": 120}
LOUDER = 4.0


@pytest.fixture(scope="module")
def talkative(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("talkative")
    model, tokenizer = small_model(seed=5, name="talkative", tasks=TASKS)
    loud = [*tokenizer.vocabulary.marker_ids, *tokenizer.vocabulary.separator_ids]
    with torch.no_grad():
        model.llm.get_output_embeddings().weight[sorted(set(loud))] *= LOUDER
    save_checkpoint(folder, model, tokenizer, dtype=torch.float32)
    Calibration({"summarize": Logistic(0.5, (0.05, 0.05, 0.05, 0.0, 0.3, 0.0))}).write(folder / CALIBRATION, {})
    identity_map().write(folder / WORDS)
    return folder


@pytest.fixture(scope="module")
def server(run_server: Callable[..., Any], talkative: Path) -> Iterator[Any]:
    # With passes of 20 s, a test of several passes needs only a short recording.
    more = {"TIMEAUDIO_PASSES__WHOLE_S": "20"}
    with run_server("--model", str(talkative), "--grpc-port", str(free_port()), **more) as server:
        yield server


@pytest.fixture(scope="module")
def sound(tone_wav: Callable[..., bytes]) -> bytes:
    return tone_wav(SECONDS)


@pytest.fixture(scope="module")
def answers(server: Any, sound: bytes) -> dict[str, Any]:
    return {task: over_rest(server, task, sound, PART) for task in ("summarize", "ask")}


def test_a_summary_is_consecutive_segments_with_words_and_confidence(answers: dict[str, Any]) -> None:
    segments = answers["summarize"].segments
    assert len(segments) >= 2
    assert segments[0].start >= PART["start"]
    assert segments[-1].end <= SECONDS
    assert all(s.start < s.end and s.summary and 0 < s.confidence < 1 for s in segments)
    assert all(s.end <= after.start for s, after in zip(segments, segments[1:], strict=False))


def test_an_answer_to_a_question_has_intervals_without_confidence(answers: dict[str, Any]) -> None:
    answer = answers["ask"]
    assert answer.question == ROUTES["ask"][2]["question"]
    assert answer.intervals
    for interval in answer.intervals:
        assert PART["start"] <= interval.start < interval.end <= SECONDS
        assert interval.confidence is None
        assert re.search(rf"{interval.start:.1f} ?- ?{interval.end:.1f}", answer.answer)  # same times in the text


@pytest.mark.parametrize("way", ["gRPC", "stream http", "stream grpc"])  # test_transports.py has them all
def test_every_transport_gives_the_same_answer(
    server: Any, sound: bytes, answers: dict[str, AnyAnswer], way: str
) -> None:
    for task, first in answers.items():
        answer = WAYS[way](server, task, sound, PART)
        assert answer.model_copy(update={"id": first.id, "timing": first.timing}) == first


def test_every_format_equals_the_output_of_its_writer(server: Any, sound: bytes, answers: dict[str, AnyAnswer]) -> None:
    different = []
    for task, first in answers.items():
        path, _, words, _ = ROUTES[task]
        for name in ["srt", "tsv", "jams"]:
            fields = words | PART | {"response_format": name, "name": "talk"}
            with server.client() as client:
                response = client.post(path, data=fields, files={"file": sound})
            assert response.status_code == 200, response.text
            text = response.text
            at = text.find("ta-")
            text = text if at < 0 else text.replace(text[at : at + 35], first.id)
            if text != write(first, name, name="talk"):
                different.append((task, name, text))
    assert different == []


def test_min_confidence_works_only_for_the_calibrated_task(server: Any, sound: bytes, answers: dict[str, Any]) -> None:
    segments = answers["summarize"].segments
    least = sorted(s.confidence for s in segments)[len(segments) // 2]
    with Client(server.url) as client:
        kept = client.summarize(sound, min_confidence=least, **PART).segments
        assert kept == tuple(s for s in segments if s.confidence >= least)
        assert 0 < len(kept) < len(segments)
        with pytest.raises(ApiError, match="not calibrated for ask"):
            client.ask(sound, "how often?", min_confidence=0.1)


def test_the_chat_route_supports_both_tasks(server: Any, sound: bytes, answers: dict[str, Any]) -> None:
    import base64

    audio = {"type": "input_audio", "input_audio": {"data": base64.b64encode(sound).decode(), "format": "wav"}}
    for text, task in (("Summarize the talk.", "summarize"), ("how often?", "ask")):
        body = {
            "model": "talkative",
            "messages": [{"role": "user", "content": [{"type": "text", "text": text}, audio]}],
        }
        more = {"task": task, "start": PART["start"], "max_completion_tokens": PART["max_new_tokens"]}
        with server.client() as client:
            completion = client.post("/v1/chat/completions", json=body | more).json()
        field = ROUTES[task][3]
        assert completion["task"] == task
        assert completion["result"][field] == answers[task].model_dump(mode="json")[field]
        assert completion["choices"][0]["message"]["content"]


def test_a_long_recording_is_summarized_but_questions_about_it_are_rejected(
    server: Any, tone_wav: Callable[..., bytes]
) -> None:
    talk = tone_wav(33.0, rate=8000)
    with Client(server.url) as client:
        with client.stream_summarize(talk, max_new_tokens=120) as stream:
            pieces = list(stream)
            whole = stream.answer().segments
        assert sorted(pieces, key=lambda s: s.start) == list(whole)
        assert whole[-1].end > 20.0
        assert all(s.end <= after.start for s, after in zip(whole, whole[1:], strict=False))
        with pytest.raises(ApiError, match="select a part with start and end"):
            client.ask(talk, "how often?")


def test_the_command_line_answers_with_and_without_a_server(
    server: Any, talkative: Path, sound: bytes, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "talk.wav"
    file.write_bytes(sound)
    for words, kind in ((["summarize", str(file)], Summary), (["ask", str(file), "how often?"], QuestionAnswer)):
        results = []
        for where in (["--server", server.url], ["--model", str(talkative)]):
            assert main([*words, "--json", *where]) == 0
            results.append(kind.model_validate_json(capsys.readouterr().out))
        remote, local = results
        assert local.model_copy(update={"id": remote.id, "timing": remote.timing}) == remote
