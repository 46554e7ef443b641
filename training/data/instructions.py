"""Six instructions for each task, as in the paper's data set. The server uses the first.

Source: paper, appendix A, Step I, describes them; the wordings are ours.
"""

import hashlib
from collections.abc import Sequence
from typing import TypeVar

from model.timeline.task import Task
from training.data.manifest import Row

Item = TypeVar("Item")

DENSE_CAPTION_INSTRUCTIONS = (
    "Which sound events occur, and what are their time intervals and descriptions?",
    "What sounds are heard? Give their start and end times with descriptions.",
    "Describe every sound event in the recording with its time intervals.",
    "List the sounds of this audio with the times at which they happen.",
    "What happens in this recording, and when?",
    "Which events can you hear? Say when each starts and ends.",
)
"""The server uses the first."""

GROUND_INSTRUCTIONS = (
    "What are the start and end times of audio matching '{query}'?",
    "When does '{query}' happen in the recording?",
    "Find the time intervals in which '{query}' can be heard.",
    "At what times is '{query}' heard?",
    "Locate '{query}' in the audio.",
    "Give the start and end times of '{query}'.",
)
"""`{query}` is replaced by the caller's words. The server uses the first."""

SUMMARIZE_INSTRUCTIONS = (
    "Can you provide the speech summary with key points at specific time intervals?",
    "Summarise the speech section by section, each with its start and end time.",
    "What are the main points of this talk, and when is each of them made?",
    "Divide the speech into consecutive parts and sum up each of them in one sentence.",
    "Give a timeline of the speech: time intervals, each with a short summary.",
    "Which things are said, and from when to when? Answer with one sentence per part.",
)

CAPTION_INSTRUCTIONS = (
    "Describe the audio in one sentence.",
    "What can be heard in this recording?",
    "Write a caption for this sound.",
    "Say in a sentence what this recording contains.",
    "Summarise what you hear.",
    "Give a short description of the audio.",
)

TRANSCRIBE_INSTRUCTIONS = (
    "Write down what is said.",
    "Transcribe the speech.",
    "What does the speaker say, word for word?",
    "Recognise the speech and give its text.",
    "Please transcribe this recording.",
    "Turn the spoken words into text.",
)

COUNT_INSTRUCTIONS = (
    "How many times does {query} occur?",
    "How often is {query} heard?",
    "Count the occurrences of {query} in the audio.",
    "What is the number of times that {query} happens?",
    "How many separate instances of {query} are there?",
    "Tell me how many times {query} can be heard.",
)

DURATION_INSTRUCTIONS = (
    "How long does {query} last in total?",
    "What is the total duration of {query}?",
    "For how many seconds is {query} heard?",
    "How much time does {query} take up in the recording?",
    "Over how many seconds does {query} go on?",
    "Tell me the duration of {query}.",
)

ORDER_INSTRUCTIONS = (
    "Which is heard first, {query} or {other}?",
    "Does {query} or {other} come first?",
    "What happens earlier: {query} or {other}?",
    "Of {query} and {other}, which begins first?",
    "Which begins earlier, {query} or {other}?",
    "Is it {query} or {other} that is heard first?",
)

AT_INSTRUCTIONS = (
    "What happens at {time} seconds?",
    "What can be heard at {time} s?",
    "Which sounds are there at second {time}?",
    "What is going on {time} seconds into the recording?",
    "Tell me what is heard at {time} seconds.",
    "Which sound events happen around second {time}?",
)

INSTRUCTIONS: dict[Task, tuple[str, ...]] = {
    "dense_caption": DENSE_CAPTION_INSTRUCTIONS,
    "ground": GROUND_INSTRUCTIONS,
    "summarize": SUMMARIZE_INSTRUCTIONS,
}
"""Instructions of the tasks that do not take the user's own question."""


def pick(options: Sequence[Item], *key: str) -> Item:
    """Choose one of the options by a hash of the key, the same on every machine."""
    digest = hashlib.sha256("\0".join(key).encode()).digest()
    return options[int.from_bytes(digest[:8], "big") % len(options)]


def question_of_row(row: Row) -> str:
    """Return the row's own question, or one of its task's six instructions, chosen by its id."""
    if row.question or row.task == "ask":
        return row.question.replace("{query}", row.query)
    return pick(INSTRUCTIONS[row.task], "instruction", row.id).format(query=row.query.rstrip("."))
