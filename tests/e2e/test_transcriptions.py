"""`/v1/audio/transcriptions` with a real server: the official `openai` client, and one that is written without it."""

import html
import io
import math
from collections.abc import Callable, Iterator
from typing import Any

import openai
import pytest
import srt
import webvtt
from xinference_client.client.restful.restful_client import RESTfulAudioModelHandle

from tests.e2e.conftest import running

SOUND = '[a dog says "wow" --> twice]'
CUE = '[a dog says "wow" -> twice]'
"""How SubRip has it, which cannot escape an arrow."""


@pytest.fixture(scope="module")
def client(four_tasks: Any) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"{four_tasks.url}/v1", api_key="none", max_retries=0) as client:
        yield client


@pytest.fixture(scope="module")
def sounds_only(scripted: Any) -> Iterator[openai.OpenAI]:
    """A client of a model without summaries, as the embedded one."""
    with openai.OpenAI(base_url=f"{scripted.url}/v1", api_key="none", max_retries=0) as client:
        yield client


@pytest.fixture(scope="module")
def recording(tone_wav: Callable[..., bytes]) -> bytes:
    return tone_wav(4.0)


def transcribe(client: openai.OpenAI, recording: bytes, **more: Any) -> Any:
    file = ("street.wav", io.BytesIO(recording), "audio/wav")
    return client.audio.transcriptions.create(file=file, model=more.pop("model", "scripted"), **more)


def test_sounds_are_in_brackets_and_speech_is_plain_in_order_of_time(client: openai.OpenAI, recording: bytes) -> None:
    whole = transcribe(client, recording)
    assert whole.text.splitlines() == ["Hello.", SOUND, SOUND, "Goodbye."]
    assert (whole.usage.type, whole.usage.input_tokens, whole.usage.output_tokens) == ("tokens", 24, 14)
    assert whole.usage.total_tokens == 38


def test_a_model_without_summaries_writes_only_sounds(sounds_only: openai.OpenAI, recording: bytes) -> None:
    assert transcribe(sounds_only, recording).text == "[all of it]"
    assert transcribe(sounds_only, recording, response_format="text") == "[all of it]\n"


def test_subtitles_are_read_by_their_libraries(client: openai.OpenAI, recording: bytes) -> None:
    cues = list(srt.parse(transcribe(client, recording, response_format="srt")))
    assert [cue.content for cue in cues] == ["Hello.", CUE, CUE, "Goodbye."]
    assert [cue.start.total_seconds() for cue in cues] == [0.0, 0.0, 1.9, 2.0]
    captions = webvtt.from_string(transcribe(client, recording, response_format="vtt"))
    assert [html.unescape(caption.text) for caption in captions] == ["Hello.", SOUND, SOUND, "Goodbye."]


def test_verbose_json_has_segments(client: openai.OpenAI, recording: bytes) -> None:
    whole = transcribe(client, recording, response_format="verbose_json", temperature=0.5)
    assert (whole.duration, whole.language, whole.words) == (4.0, "english", None)
    assert (whole.usage.type, whole.usage.seconds) == ("duration", 4.0)
    assert "\n".join(segment.text for segment in whole.segments) == whole.text
    last = whole.segments[-1]
    assert (last.id, last.start, last.end, last.text, last.temperature) == (3, 2.0, 4.0, "Goodbye.", 0.5)
    # The scripted model is not calibrated: nothing there that makes a client drop the segment.
    assert (last.avg_logprob, last.no_speech_prob, last.model_extra) == (0.0, 0.0, {"confidence": None})
    assert 0 < last.compression_ratio < 2.4


def test_granularities_choose_the_lists(client: openai.OpenAI, recording: bytes) -> None:
    choices: list[tuple[list[Any], tuple[int | None, int | None]]] = [
        (["segment"], (4, None)),
        (["word"], (None, 4)),
        (["word", "segment"], (4, 4)),
    ]
    for wanted, has in choices:
        whole = transcribe(client, recording, response_format="verbose_json", timestamp_granularities=wanted)
        assert tuple(found and len(found) for found in (whole.segments, whole.words)) == has
        for word in whole.words or []:
            assert word.start < word.end
            assert word.word in whole.text.splitlines()


def test_granularities_have_the_name_that_a_library_gives_to_a_list(four_tasks: Any, recording: bytes) -> None:
    for name in ("timestamp_granularities", "timestamp_granularities[]", "timestamp_granularities[0]"):
        fields = {"model": "scripted", "response_format": "verbose_json", name: "word"}
        with four_tasks.client() as http:
            whole = http.post("/v1/audio/transcriptions", data=fields, files={"file": recording}).json()
        assert ("words" in whole, "segments" in whole) == (True, False), name


def test_a_part_of_the_recording(client: openai.OpenAI, recording: bytes) -> None:
    whole = transcribe(client, recording, response_format="verbose_json", extra_body={"start": 1.0, "end": 3.0})
    assert (whole.duration, whole.segments[0].start, whole.segments[-1].end) == (2.0, 1.0, 3.0)


def test_fields_that_change_nothing_are_accepted(sounds_only: openai.OpenAI, recording: bytes) -> None:
    whole = transcribe(
        sounds_only,
        recording,
        prompt="ZyntriQix, Digique Plus",
        language="de",
        temperature=0,
        include=["logprobs"],
        chunking_strategy="auto",
        extra_body={"vad_filter": True, "user": ""},
    )
    assert whole.text == "[all of it]"


def test_a_stream_has_a_delta_per_caption_and_then_the_whole_text(client: openai.OpenAI, recording: bytes) -> None:
    *deltas, done = transcribe(client, recording, stream=True)
    assert {event.type for event in deltas} == {"transcript.text.delta"}
    assert [event.delta for event in deltas] == ["", "Hello.", "\nGoodbye.", f"\n{SOUND}", f"\n{SOUND}"]
    assert (done.type, done.text) == ("transcript.text.done", "".join(event.delta for event in deltas))
    assert done.usage.total_tokens == transcribe(client, recording).usage.total_tokens


def test_the_server_takes_as_many_places_as_there_are_answers(run_scripted: Any, recording: bytes) -> None:
    # A model without summaries needs one place, so one is enough.
    with (
        run_scripted(TIMEAUDIO_LIMITS__QUEUED_REQUESTS="1") as server,
        openai.OpenAI(base_url=f"{server.url}/v1", api_key="none", max_retries=0) as client,
    ):
        assert [transcribe(client, recording).text for _ in range(3)] == ["[all of it]"] * 3


def test_a_recording_may_fill_the_queue_alone_although_it_is_analysed_twice(recording: bytes) -> None:
    with (
        running(module="tests.scripted_engine", TIMEAUDIO_LIMITS__QUEUED_AUDIO_SECONDS="5") as server,
        openai.OpenAI(base_url=f"{server.url}/v1", api_key="none", max_retries=0) as client,
    ):
        assert "Hello." in transcribe(client, recording).text
        with pytest.raises(openai.NotFoundError):
            transcribe(client, recording, model="whisper-2")
        assert server.metric("timeaudio_request_failure_total") == 1


def test_whisper_1_is_the_loaded_model_and_an_unknown_model_is_not_found(
    client: openai.OpenAI, recording: bytes
) -> None:
    assert transcribe(client, recording, model="whisper-1").text == transcribe(client, recording).text
    with pytest.raises(openai.NotFoundError, match="Ask for 'scripted'") as caught:
        transcribe(client, recording, model="whisper-2")
    assert caught.value.code == "model_not_found"


UNUSABLE: list[tuple[dict[str, Any], str]] = [
    ({"response_format": "diarized_json"}, "response_format"),
    ({"temperature": 1.5}, "temperature"),
    ({"timestamp_granularities": ["word"]}, "timestamp_granularities[]"),
    ({"response_format": "srt", "stream": True}, "response_format"),
    ({"extra_body": {"start": 2.0, "end": 1.0}}, "end"),
    ({"extra_body": {"min_confidence": 0.5}}, "min_confidence"),
]


def test_the_error_names_a_field_that_cannot_be_used(client: openai.OpenAI, recording: bytes) -> None:
    problems = []
    for more, param in UNUSABLE:
        with pytest.raises(openai.BadRequestError) as caught:
            transcribe(client, recording, **more)
        error = caught.value
        if (error.param, error.code, error.type) != (param, "invalid_field", "invalid_request_error"):
            problems.append((more, error))
    assert problems == []


def test_what_is_not_audio_has_an_http_error(client: openai.OpenAI) -> None:
    for stream in (False, True):
        with pytest.raises(openai.APIStatusError) as caught:
            transcribe(client, b"no sound at all, but long enough", stream=stream)
        assert (caught.value.status_code, caught.value.code) == (400, "unsupported_audio")


def test_bodies_that_are_no_such_form(four_tasks: Any) -> None:
    path = "/v1/audio/transcriptions"
    with four_tasks.client() as http:
        for response, code in (
            (http.post(path, json={"model": "scripted"}), "unsupported_body"),
            (http.post(path, data={"model": "scripted"}, files={"other": b"x"}), "invalid_field"),
            (http.post(path, files={"file": b"x"}), "invalid_field"),
            (http.post(path, data={"model": ["scripted", "b"]}, files={"file": b"x"}), "invalid_field"),
            (http.post(path, data={"model": "scripted"}, files={"file": b""}), "empty_audio"),
            (http.get(path), "method_not_allowed"),
        ):
            assert response.json()["error"]["code"] == code, response.text
        error = http.post(path, files={"file": b"x"}).json()["error"]
    assert (error["message"], error["param"]) == ("model: missing; it is required", "model")


def test_an_independent_client(four_tasks: Any, recording: bytes) -> None:
    model = RESTfulAudioModelHandle("scripted", four_tasks.url, {})
    assert model.transcriptions(recording, language="en", prompt="x")["text"].splitlines()[0] == "Hello."
    whole = model.transcriptions(
        recording, response_format="verbose_json", timestamp_granularities=["word", "segment"], temperature=0.2
    )
    assert [word["word"] for word in whole["words"]] == [segment["text"] for segment in whole["segments"]]
    assert math.isclose(whole["segments"][-1]["end"], 4.0)
    with pytest.raises(RuntimeError, match="400"):
        model.transcriptions(recording, temperature=7)
