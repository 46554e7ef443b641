"""Label Studio's regions: intervals of an audio object, each with labels, a text, or both."""

from dataclasses import dataclass
from typing import Any

from timeaudio.labels import LabelledInterval


@dataclass(frozen=True, slots=True)
class RegionTags:
    """The names of a labeling configuration's tags. None: the project lacks the tag, so that part is not written."""

    audio: str
    labels: str | None
    words: str | None


def region(
    region_id: str, label: str, span: LabelledInterval, length_s: float, tags: RegionTags
) -> list[dict[str, Any]]:
    """Return the parts of a region: its label, and its text, `span.label`. The shared id makes them one region.

    `length_s` is the length of the whole recording in seconds.
    """
    where = {"start": span.start_ms / 1000, "end": span.end_ms / 1000, "channel": 0}
    shared: dict[str, Any] = {"id": region_id, "to_name": tags.audio, "original_length": length_s}
    if span.confidence is not None:
        shared["score"] = span.confidence
    parts = []
    if tags.labels is not None:
        parts.append({**shared, "from_name": tags.labels, "type": "labels", "value": {**where, "labels": [label]}})
    if tags.words is not None:
        parts.append({**shared, "from_name": tags.words, "type": "textarea", "value": {**where, "text": [span.label]}})
    return parts
