"""The task of a batch."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from timeaudio.async_client import AsyncClient
from timeaudio.request_options import RequestOptions, checked_words
from timeaudio.results import AnyAnswer

Task = Literal["caption", "ground", "summarize", "ask"]


@dataclass(frozen=True, slots=True)
class TaskSpec:
    """A task, the text that it needs, and whether intervals get an embedding.

    Plain data, because Ray sends it to other machines.

    Raises:
        ValueError: the words do not fit the task.
    """

    task: Task
    words: Sequence[str] = ()
    embeddings: bool = False

    def __post_init__(self) -> None:
        if self.task == "ground" and not self.words:
            raise ValueError("say what to look for: -q 'a dog barks', once for each query")
        if self.task == "ask" and len(self.words) != 1:
            raise ValueError("ask exactly one question: -q 'How often does the dog bark?'")
        if self.task in ("caption", "summarize") and self.words:
            raise ValueError(f"{self.task} takes no -q: it is for ground and ask")
        for words in self.words:
            if not checked_words(words, "-q").strip():
                raise ValueError("-q is empty; is a variable of the shell unset?")

    def is_of(self, answer: Mapping[str, Any]) -> bool:
        """Return whether an answer is one of this task, to the same queries or question."""
        match self.task:
            case "caption":
                return "events" in answer
            case "summarize":
                return "segments" in answer
            case "ground":
                asked = [result["query"] for result in answer.get("results", ())]
            case "ask":
                asked = [answer.get("question", "")]
        return [words.strip() for words in asked] == [words.strip() for words in self.words]

    async def of(self, client: AsyncClient, path: Path) -> AnyAnswer:
        """Return the server's answer about one recording.

        Raises:
            ClientError, OSError: as AsyncClient.
        """
        options: RequestOptions = {"embeddings": True} if self.embeddings else {}
        match self.task:
            case "caption":
                return await client.dense_caption(path, **options)
            case "ground":
                return await client.ground(path, self.words, **options)
            case "summarize":
                return await client.summarize(path, **options)
            case "ask":
                return await client.ask(path, self.words[0], **options)
