"""What to do with one recording. The front end, the worker's messages and the session share it."""

from dataclasses import dataclass

from model.language.decoding import Decoding
from model.timeline.task import Task


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskParams:
    """A task with its queries and options."""

    task: Task
    queries: tuple[str, ...] = ()
    """ground: one answer per query, in this order. ask: the one question. Other tasks have none."""
    decoding: Decoding = Decoding()
    embeddings: bool = False
    """Whether each interval gets an embedding, except in a summary of recognised words."""
    verbatim: bool = False
    """summarize: whether to return all spoken words, if the checkpoint recognises words."""
    num_passes: int = 1
    """The number of passes over a long recording, of which this is one."""
