"""Captions for the deaf: brackets around sounds, and measures of trust from the confidence."""

import json
import math

from server.api.transcription_schema import TranscriptionForm
from server.rest.transcript import Captioner, in_brackets, written
from tests.answers import CAPTIONS, SUMMARY
from timeaudio.results import CaptionedEvent, Interval, SummarySegment


def test_a_sound_is_in_brackets() -> None:
    for caption, subtitle in [
        ("A dog barks.", "[a dog barks]"),
        ("DJ scratches.", "[DJ scratches]"),
        ("I", "[i]"),
        ("Wait...", "[wait]"),
        ("two\nlines", "[two lines]"),
        ("雨が降る", "[雨が降る]"),
        ("", "[?]"),
    ]:
        assert in_brackets(caption) == subtitle


def test_someone_speaking_is_left_out_where_the_words_are() -> None:
    captioner = Captioner()
    said = SummarySegment(start=1.0, end=4.0, summary="It rains.")
    speaking = CaptionedEvent(
        intervals=(Interval(start=0.5, end=5.0), Interval(start=3.0, end=6.0)), caption="A woman is speaking."
    )
    rain = CaptionedEvent(intervals=(Interval(start=1.0, end=4.0),), caption="Rain is falling.")
    written_down = [event for piece in (said, speaking, rain) for event in captioner.captions(piece)]
    assert [(event.caption, *(i.start for i in event.intervals)) for event in written_down] == [
        ("It rains.", 1.0), ("[a woman is speaking]", 3.0), ("[rain is falling]", 1.0),
    ]  # fmt: skip


def test_openai_measures_follow_the_confidence() -> None:
    form = TranscriptionForm(model="any", response_format="verbose_json")
    whole = json.loads(written([SUMMARY, CAPTIONS], form)[0])
    texts = [segment["text"] for segment in whole["segments"]]
    assert texts == [
        "[a dog barks]", "The speaker welcomes the audience.", "[rain falls]", "[a dog barks]", "She names her subject."
    ]  # fmt: skip
    unknown, known = whole["segments"][0], whole["segments"][3]
    assert (unknown["confidence"], unknown["avg_logprob"], unknown["no_speech_prob"]) == (None, 0.0, 0.0)
    assert (known["confidence"], known["no_speech_prob"]) == (0.75, 0.25)
    assert math.isclose(known["avg_logprob"], math.log(0.75))


def test_no_confidence_at_all_is_still_a_number_in_json() -> None:
    [dog, _] = CAPTIONS.events
    never = dog.model_copy(update={"intervals": (dog.intervals[0].model_copy(update={"confidence": 0.0}),)})
    form = TranscriptionForm(model="any", response_format="verbose_json")
    [segment] = json.loads(written([CAPTIONS.model_copy(update={"events": (never,)})], form)[0])["segments"]
    assert segment["avg_logprob"] < -1  # where whisper clients begin to doubt
    assert segment["no_speech_prob"] == 1.0
