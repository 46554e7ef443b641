"""Turn a source's labels into sentences: appendix A's steps I and II.

The default writer is deterministic and uses templates; the other asks an OpenAI-compatible endpoint. Neither receives a
time, so neither can change one: times go from the source's files into the manifest as numbers.

Source: paper, appendix A, "Step I: Instruction Construction", "Step II: Answer Generation".
"""

import hashlib
import json
import os
import re
import threading
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx

from training.data.instructions import pick
from training.data.recordings import DataError

TEMPLATES = (
    "The sound of {x} can be heard.",
    "{X} can be heard.",
    "{X} is heard in the recording.",
    "There is the sound of {x}.",
    "The recording holds {x}.",
    "{X} sounds.",
    "One hears {x}.",
    "{X} is audible.",
)
SUMMARY_WORDS = 16
MAX_CHARACTERS = 300


def plain_label(label: str) -> str:
    """Return a class label as it would appear in a sentence.

    `Male speech, man speaking` -> `man speaking`; `Wind noise (microphone)` -> `wind noise`; `R&B` stays.
    """
    parts = [part.strip() for part in re.sub(r"\s*\([^)]*\)", "", label).split(",")]
    words = parts[-1] or parts[0] or label
    return words if words[:2].isupper() or not words[:1].isupper() or "&" in words else words[0].lower() + words[1:]


class Writer:
    """Writes sentences from templates, chosen by recording and label: the same on every machine."""

    parallel = 1
    """How many recordings the writer describes at once."""

    def describe(self, labels: Sequence[str], key: str) -> list[str]:
        """Return a sentence for each class label of the recording `key`, in the order of the labels."""
        plain = [plain_label(label) for label in labels]
        return [
            pick(TEMPLATES, "describe", key, label).format(x=x, X=x[0].upper() + x[1:])
            for label, x in zip(labels, plain, strict=True)
        ]

    def summarise(self, text: str, key: str) -> str:
        """Return a summary of a stretch of speech: its first sentence, or its first sixteen words."""
        first = re.split(r"(?<=[.!?])\s+", text.strip())[0].split()
        words = " ".join(first[:SUMMARY_WORDS]).rstrip(".,;:!?")
        words = words.lower() if words.isupper() else words
        return words[:1].upper() + words[1:] + "."

    def rephrase(self, instruction: str, count: int) -> list[str]:
        """Return other wordings of an instruction, for people to choose from: none, since templates cannot rephrase."""
        return []


class EndpointWriter(Writer):
    """Asks `POST {url}/chat/completions`; a file keeps the answers, so that the same build gives the same data.

    Templates replace an unusable answer (not a JSON list, wrong length, digits that the label does not have);
    `num_replaced` counts those. `OPENAI_API_KEY` in the environment is the API key, if one is needed.

    Args:
        url: URL of the API, including `/v1`.
        model: the model's name in the API.
        memory: JSONL file of the answers so far.
    """

    parallel = 8

    def __init__(self, url: str, model: str, memory: Path) -> None:
        key = os.environ.get("OPENAI_API_KEY", "")
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        self._client = httpx.Client(base_url=url.rstrip("/") + "/", headers=headers, timeout=120.0)
        self._url, self._model = url, model
        self._memory = memory
        self._known: dict[str, str] = {}
        if memory.is_file():
            lines = memory.read_text(encoding="utf-8").rstrip("\n").split("\n")
            self._known = {entry["asked"]: entry["answer"] for entry in map(json.loads, lines)}
        self._lock = threading.Lock()
        self.num_replaced = 0

    def describe(self, labels: Sequence[str], key: str) -> list[str]:
        """Describe all labels of a recording with one request."""
        prompt = (
            "Write one natural English sentence for each of these sounds of one recording, saying that it is heard."
            f" No times, no numbers. Answer with a JSON list of {len(labels)} strings, in the same order.\n"
            + json.dumps(list(labels), ensure_ascii=False)
        )
        sentences = self._ask_for_list(prompt)
        if len(sentences) != len(labels) or not all(map(_is_sentence, sentences, labels)):
            self.num_replaced += 1
            return super().describe(labels, key)
        return sentences

    def summarise(self, text: str, key: str) -> str:
        """Ask for a one-sentence summary of the text."""
        prompt = f"Sum up this part of a speech in one sentence of at most 20 words. Answer with it alone.\n{text}"
        summary = " ".join(self._ask(prompt).split())
        if not _is_sentence(summary, text):
            self.num_replaced += 1
            return super().summarise(text, key)
        return summary

    def rephrase(self, instruction: str, count: int) -> list[str]:
        """Ask for other wordings, and return those that keep the placeholders."""
        prompt = (
            f"Give {count} other wordings of this instruction to a system that hears audio. Keep everything in braces"
            f" as it is. Answer with a JSON list of strings.\n{instruction}"
        )
        placeholders = sorted(re.findall(r"{\w+}", instruction))
        return [text for text in self._ask_for_list(prompt) if sorted(re.findall(r"{\w+}", text)) == placeholders]

    def _ask_for_list(self, prompt: str) -> list[str]:
        answer = self._ask(prompt)
        start, end = answer.find("["), answer.rfind("]")
        try:
            value: Any = json.loads(answer[start : end + 1])
        except ValueError:
            return []
        return [" ".join(text.split()) for text in value if isinstance(text, str)] if isinstance(value, list) else []

    def _ask(self, prompt: str) -> str:
        name = hashlib.sha256(f"{self._model}\0{prompt}".encode()).hexdigest()
        if name not in self._known:
            body = {"model": self._model, "temperature": 0, "messages": [{"role": "user", "content": prompt}]}
            try:
                reply = self._client.post("chat/completions", json=body)
                reply.raise_for_status()
                answer = str(reply.json()["choices"][0]["message"]["content"])
            except (httpx.HTTPError, ValueError, KeyError, IndexError) as error:
                raise DataError(
                    f"{self._url} gave no answer ({error}). The answers so far are in {self._memory}:"
                    " run the same command again, or leave out --endpoint."
                ) from None
            with self._lock:
                self._known[name] = answer
                self._remember(name, answer)
        return self._known[name]

    def _remember(self, name: str, answer: str) -> None:
        with self._memory.open("a", encoding="utf-8") as file:
            file.write(json.dumps({"asked": name, "answer": answer}, ensure_ascii=False) + "\n")


def describe_all(writer: Writer, recordings: Iterable[tuple[Sequence[str], str]]) -> Iterator[list[str]]:
    """Yield the writer's sentences for the labels of many recordings, in order, with several requests in flight."""
    if writer.parallel == 1:
        yield from (writer.describe(labels, key) for labels, key in recordings)
        return
    threads = ThreadPoolExecutor(writer.parallel)
    try:
        yield from threads.map(lambda recording: writer.describe(*recording), recordings)
    finally:
        threads.shutdown(cancel_futures=True)


def _is_sentence(text: str, about: str) -> bool:
    """Return whether the text has letters, is not too long, and has no numbers that `about` does not have."""
    invented = set(re.findall(r"\d+", text)) - set(re.findall(r"\d+", about))
    return any(c.isalpha() for c in text) and len(text) <= MAX_CHARACTERS and not invented
