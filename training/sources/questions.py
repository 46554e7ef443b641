"""Read data sets with free-text answers: OpenAQA, AudioCaps, Clotho.

Files: OpenAQA's `open_ended/all_open_qa.json` (a list of `instruction`, `audio_id`, `dataset`, `task`, `output`);
AudioCaps' `train.csv` (audiocap_id, youtube_id, start_time, caption); Clotho's `clotho_captions_development.csv`
(file_name, caption_1 ... caption_5).

Answers stay unchanged: a number in an OpenAQA answer may be a time, a count or a year, and the files do not say which.
(The authors' code turns every `number - number` into a time.)

Source: Gong et al. 2023; paper, appendix A, "Audio Temporal Question Answer".
"""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from training.data.instructions import CAPTION_INSTRUCTIONS, pick
from training.data.manifest import Row
from training.data.recordings import DataError, read_table
from training.options.data import OPEN_AQA_ROWS
from training.sources.reading import RecordingIndex, read_json

_TEMPORAL = re.compile(
    r"\b(how many|how often|number of|count|times|how long|duration|lasts?(?! name)|long|shortest|longest"
    r"|first(?! name)|before|after|order|sequence|simultaneous\w*|same time|start|end|begin\w*|timestamps?|when)\b",
    re.IGNORECASE,
)


def is_temporal(question: str) -> bool:
    """Return whether a question's words suggest a count, a duration, an order or a time. There are false positives."""
    return _TEMPORAL.search(question) is not None


def open_aqa(questions: Path, recordings: RecordingIndex, count: int = OPEN_AQA_ROWS) -> Iterator[Row]:
    """Yield `count` temporal questions that have a recording, spread evenly over the file.

    Raises:
        DataError: the file is missing or has another format.
    """
    value: Any = read_json(questions)
    needed = {"instruction", "audio_id", "output"}
    if not isinstance(value, list) or not all(isinstance(q, dict) and needed <= q.keys() for q in value):
        raise DataError(f"{questions} is not a list of objects with instruction, audio_id and output.")
    chosen = [(place, q) for place, q in enumerate(value) if is_temporal(q["instruction"])]
    found = []
    for place, question in chosen:
        name = Path(question["audio_id"]).name
        audio = recordings.find(name, Path(name).stem)
        if audio is not None:
            found.append((place, question, audio))
    step = max(1.0, len(found) / count)
    for place, question, audio in (found[int(i * step)] for i in range(min(count, len(found)))):
        yield Row(
            id=f"openaqa-{place}", audio=audio, task="ask", question=question["instruction"],
            answer=escaped(question["output"]), source="openaqa",
        )  # fmt: skip


def audiocaps(captions: Path, recordings: RecordingIndex) -> Iterator[Row]:
    """Yield a row for each caption of AudioCaps."""
    for row in read_table(captions, ("audiocap_id", "youtube_id", "start_time", "caption")):
        video, start = row["youtube_id"], row["start_time"]
        audio = recordings.find(f"{video}_{start}", f"{video}_{int(float(start)) * 1000}", f"Y{video}", video)
        yield from _captioned(f"audiocaps-{row['audiocap_id']}", audio, [row["caption"]], "audiocaps")


def clotho(captions: Path, recordings: RecordingIndex) -> Iterator[Row]:
    """Yield a row for each of the five captions of a Clotho recording."""
    columns = [f"caption_{number}" for number in range(1, 6)]
    for row in read_table(captions, ("file_name", *columns)):
        audio = recordings.find(row["file_name"], Path(row["file_name"]).stem)
        yield from _captioned(f"clotho-{Path(row['file_name']).stem}", audio, [row[c] for c in columns], "clotho")


def _captioned(name: str, audio: str | None, captions: Iterable[str], source: str) -> Iterator[Row]:
    for place, caption in enumerate(captions):
        if audio is not None and caption.strip():
            yield Row(
                id=f"{name}-{place}", audio=audio, task="ask", question=pick(CAPTION_INSTRUCTIONS, name, str(place)),
                answer=escaped(" ".join(caption.split())), source=source,
            )  # fmt: skip


def escaped(text: str) -> str:
    """Escape braces, so that they are not placeholders for times."""
    return text.replace("{", "{{").replace("}", "}}")
