"""The JSON formats: the answer itself, the answer with flat segments, JAMS, and Label Studio's tasks."""

import json
from typing import Any

from timeaudio.formats.prose import prose
from timeaudio.formats.regions import RegionTags, region
from timeaudio.formats.tracks import end_ms, spans, tracks
from timeaudio.labels import LabelledInterval, one_line
from timeaudio.results import AnyAnswer, DenseCaption, Grounding, QuestionAnswer, Summary

TASKS = {DenseCaption: "dense_caption", Grounding: "ground", Summary: "summarize", QuestionAnswer: "ask"}

LABELING_CONFIG = """\
<View>
  <Labels name="label" toName="audio">
    <Label value="event"/><Label value="query"/><Label value="segment"/><Label value="answer"/>
  </Labels>
  <Audio name="audio" value="$audio"/>
  <TextArea name="words" toName="audio" perRegion="true" editable="true"/>
</View>
"""
"""The labeling configuration that a Label Studio project needs to show the tasks of `label_studio`."""
_TAGS = RegionTags(audio="audio", labels="label", words="words")


def plain_json(answer: AnyAnswer, name: str) -> str:
    """Write the answer as the server sends it."""
    return answer.model_dump_json()


def verbose_json(answer: AnyAnswer, name: str) -> str:
    """Write the answer plus the fields of OpenAI's `verbose_json`: `task`, `duration`, `text`, flat `segments`.

    A summary has segments already: they gain `id` and `text`.
    """
    whole = answer.model_dump(mode="json")
    if isinstance(answer, Summary):
        in_order = sorted(whole["segments"], key=lambda segment: (segment["start"], segment["end"]))
        flat = [{"id": i, "text": one_line(segment["summary"])} | segment for i, segment in enumerate(in_order)]
    else:
        flat = [
            {"id": i, "start": s.start_ms / 1000, "end": s.end_ms / 1000, "text": s.label, "confidence": s.confidence}
            for i, s in enumerate(spans(answer))
        ]
    fields = {"task": TASKS[type(answer)], "duration": answer.audio.duration, "text": prose(answer)}
    return _dump(fields | whole | {"segments": flat})


def jams(answer: AnyAnswer, name: str) -> str:
    """Write JAMS, with one `segment_open` annotation per track. Source: https://jams.readthedocs.io, "JAMS structure".

    If only a part was analysed, the file's duration is unknown; the end of that part stands for it.
    """
    annotations = [
        {
            "namespace": "segment_open",
            "annotation_metadata": {"annotation_tools": "TimeAudio", "annotator": {"model": answer.model}},
            "time": answer.audio.start,
            "duration": answer.audio.duration,
            "data": [_observation(span) for span in track.spans],
            "sandbox": {"kind": track.kind, "name": track.name},
        }
        for track in tracks(answer)
    ]
    metadata = {
        "title": one_line(name), "artist": "", "release": "", "duration": end_ms(answer) / 1000, "identifiers": {},
        "jams_version": "0.3.5",
    }  # fmt: skip
    return _dump({"file_metadata": metadata, "annotations": annotations, "sandbox": {"timeaudio_id": answer.id}})


def label_studio(answer: AnyAnswer, name: str) -> str:
    """Write a list of one Label Studio task: predicted regions, labelled by kind, each with its text.

    `data.audio` is the recording's name: change it to the address at which the project finds the file. Absent queries
    have no region; `data.absent` lists them.
    """
    data: dict[str, Any] = {"audio": one_line(name)}
    if isinstance(answer, Grounding):
        data["absent"] = [found.query for found in answer.results if not found.present]
    length_s = end_ms(answer) / 1000
    result = [
        part
        for number, (kind, span) in enumerate((track.kind, span) for track in tracks(answer) for span in track.spans)
        for part in region(f"{answer.id}-{number}", kind, span, length_s, _TAGS)
    ]
    return _dump([{"data": data, "predictions": [{"model_version": answer.model, "result": result}]}])


def _observation(span: LabelledInterval) -> dict[str, Any]:
    length_ms = span.end_ms - span.start_ms
    return {
        "time": span.start_ms / 1000, "duration": length_ms / 1000, "value": span.label, "confidence": span.confidence
    }  # fmt: skip


def _dump(tree: object) -> str:
    return json.dumps(tree, ensure_ascii=False, separators=(",", ":"))
