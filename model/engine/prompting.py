"""Turns questions about encoded recordings into sequences of the slot engine, and their completions into answers."""

from collections.abc import Sequence as Items
from dataclasses import replace
from functools import cached_property

import torch
from jaxtyping import Float
from torch import Tensor

from model.confidence import Calibration, Features, features_of
from model.engine.biases import ChoiceBias, TimeBias
from model.engine.caption_bias import CaptionBias, CaptionTrie
from model.engine.engine import SlotEngine
from model.engine.interval_weights import IntervalWeights
from model.engine.search import Path
from model.engine.sequence import Prefix, Sequence
from model.engine.updates import ParsedAnswer
from model.evidence import FRAMES_PER_TENTH, Evidence, WordVectors
from model.known_captions import KnownCaptions
from model.language.decoding import Decoding
from model.language.prompt import prompt_ids, query_of
from model.language.tokenizer import Tokenizer
from model.timeaudio import TimeAudio
from model.timeline.event import Event, by_caption
from model.timeline.grammar import Grammar
from model.timeline.interval import Interval
from model.timeline.parser import Parser, parse
from model.timeline.task import Task

ANNOUNCING = " seconds,"
"""The text between an interval and its caption."""


class Question:
    """One question about one recording while the engine processes it.

    Attributes:
        sequence: the answer that the engine is generating.
        events: events that are complete so far. Empty during beam search, since another beam may still win.
        embeddings: whether each interval gets an embedding. Set it before the first step.
        query: the words of the request; the whole question if it has no query.
    """

    def __init__(
        self,
        sequence: Sequence,
        tokenizer: Tokenizer,
        task: Task,
        calibration: Calibration | None,
        evidence: Evidence,
        question: str,
    ) -> None:
        self.sequence = sequence
        self.events: list[Event] = []
        self.embeddings = False
        self._tokenizer = tokenizer
        self._task = task
        self._calibration = calibration
        self._evidence = evidence
        self.query = query_of(question)
        self._parser = Parser(task, evidence.duration)
        self._markers = tokenizer.vocabulary.marker_ids
        self._num_read = 0
        self._after_marker = False
        self._text = ""

    def new_events(self) -> list[Event]:
        """Return the events that the last step completed. An event ends at the first marker of the next one."""
        path = self.sequence.search
        if not isinstance(path, Path):
            return []
        begins = None
        for place, token in enumerate(path.tokens_from(self._num_read), self._num_read):
            is_marker = token in self._markers
            if is_marker and not self._after_marker:
                begins = place
            self._after_marker = is_marker
        self._num_read = path.num_tokens
        if begins is None:
            return []
        ids = path.ids[: begins + 1]
        before, text = self._text, self._tokenizer.decode(ids)
        # Text up to a marker does not depend on what follows. If it does with some tokenizer, events come at the end.
        if not text.startswith(before):
            return []
        self._text = text
        found = self._parser.feed(text[len(before) :])
        if found:
            written = [*self.events, *found]
            found = self._with_confidence(written, ids, path.grammar_log_probs[: len(ids)])[len(self.events) :]
            found = self._with_embeddings(found)
            self.events += found
        return found

    def answer(self) -> ParsedAnswer:
        """Return the answer. The sequence must be complete."""
        completion = self.sequence.completion
        assert completion is not None, "the sequence has not ended"
        text = self._tokenizer.decode(completion.ids)
        events = self._with_confidence(
            parse(text, self._task, self._evidence.duration), completion.ids, completion.grammar_log_probs
        )
        events = self._with_embeddings(events)
        return ParsedAnswer(
            events=tuple(by_caption(events) if self._task == "dense_caption" else events),
            separate=tuple(events),
            written=text,
            num_prompt_tokens=self.sequence.num_prompt_tokens,
            num_completion_tokens=len(completion.ids),
            generate_s=self.sequence.seconds,
            num_interventions=completion.num_interventions,
            is_cut=completion.is_cut,
        )

    def _with_confidence(self, events: list[Event], ids: Items[int], log_probs: Items[float]) -> list[Event]:
        """Return all events so far, with confidence if the checkpoint is calibrated."""
        if self._calibration is None or self._task not in self._calibration.tasks:
            return events
        return self._calibration.with_confidence(events, self.features(events, ids, log_probs), self._task)

    def _with_embeddings(self, events: list[Event]) -> list[Event]:
        """Return the events, with an embedding for each interval if the request wants them."""
        if not self.embeddings:
            return events
        return [
            Event(tuple(replace(i, embedding=self._evidence.embedding(i)) for i in event.intervals), event.caption)
            for event in events
        ]

    def features(self, events: Items[Event], ids: Items[int], log_probs: Items[float]) -> list[tuple[Features, ...]]:
        """Return the features of each interval of the answer's events; see `features_of`."""
        query_ids = word_ids(self._tokenizer, self.query) if self._task in ("ground", "ask") else None

        def evidence(event: Event, interval: Interval) -> float:
            return self._evidence(
                word_ids(self._tokenizer, event.caption) if query_ids is None else query_ids, interval
            )

        return features_of(events, ids, log_probs, self._tokenizer.vocabulary, self._task, evidence)


class Prompter:
    """Submits questions to the slot engine of a model, in the prompt format of its checkpoint."""

    def __init__(self, model: TimeAudio, tokenizer: Tokenizer, engine: SlotEngine) -> None:
        self._model = model
        self._tokenizer = tokenizer
        self._engine = engine
        self._prompt = model.config.prompt
        self._known: tuple[KnownCaptions, CaptionTrie, Tensor] | None = None

    @torch.inference_mode()
    def prefix(self, audio_tokens: Float[Tensor, "tokens dim"]) -> Prefix:
        """Return the prefix that all questions about a recording share."""
        before = self._embedded(self._ids_before, audio_tokens.device)
        return Prefix(torch.cat([before, audio_tokens.to(before.dtype)]))

    @torch.inference_mode()
    def ask(
        self, prefix: Prefix, evidence: Evidence, task: Task, question: str, decoding: Decoding, *, num_passes: int = 1
    ) -> Question:
        """Queue a question about a recording, given its prefix and evidence. The answer follows the grammar of `task`.

        Raises:
            ContextTooLong: the recording and the question leave no room for an answer.
        """
        after = prompt_ids(self._tokenizer, self._prompt, question)[1]
        grammar = Grammar(self._tokenizer.vocabulary, task, evidence.duration)
        calibration = self._model.calibration
        sequence = self._engine.add(prefix, self._embedded(after, prefix.embeds.device), decoding, grammar)
        if calibration is not None and task in calibration.presence:
            ids = word_ids(self._tokenizer, query_of(question))
            presence, whole = calibration.presence[task], evidence(ids)
            sequence.search.choice = ChoiceBias(presence.absent, presence.present, -presence.bias_of(whole, num_passes))
            sequence.search.times = self._time_bias(calibration, task, evidence.by_tenth(ids), whole)
        if calibration is not None and calibration.captions is not None and task == "dense_caption":
            sequence.search.captions = self._caption_bias(calibration.captions, evidence)
        return Question(sequence, self._tokenizer, task, calibration, evidence, question)

    def _time_bias(
        self, calibration: Calibration, task: Task, similarities: Items[float] | None, whole: float
    ) -> TimeBias | None:
        occurrence = calibration.occurrence.get(task)
        if occurrence is None or similarities is None:
            return None
        tenths_per_window = self._model.config.window.num_frames / FRAMES_PER_TENTH
        weights = IntervalWeights(occurrence.by_tenth(similarities, whole, tenths_per_window))
        # A question may be about the time of another sound than the one it names, unless its answer begins like this.
        openings = calibration.presence[task].present if task == "ask" else ()
        return TimeBias(weights, openings, calibration.continuation.get(task))

    def _caption_bias(self, known: KnownCaptions, evidence: Evidence) -> CaptionBias:
        if self._known is None or self._known[0] is not known:
            ids = [
                (self._tokenizer.encode(f"{ANNOUNCING} {caption}"), sound)
                for sound, captions in enumerate((*known.captions.values(), known.unknown))
                for caption in captions
            ]
            directions = [evidence.direction(word_ids(self._tokenizer, name)) for name in known.captions]
            trie = CaptionTrie(ids, len(self._tokenizer.encode(ANNOUNCING)))
            self._known = known, trie, torch.stack(directions)
        _, trie, stacked = self._known

        def similarities(parts: tuple[Interval, ...]) -> list[float] | None:
            of_names = evidence.compare(stacked, parts)
            return of_names and [*of_names, known.unknown_similarity]

        return CaptionBias(trie, similarities, known.weight, known.floor)

    def evidence(self, audio_tokens: Float[Tensor, "tokens dim"], duration: int) -> Evidence:
        """Return a recording's audio tokens for comparison with words. Units: `duration` in tenths of a second."""
        model = self._model
        return Evidence(self._vectors, audio_tokens, duration, model.config.window.num_frames, model.word_map)

    @cached_property
    def _ids_before(self) -> list[int]:
        return prompt_ids(self._tokenizer, self._prompt, "")[0]

    @cached_property
    def _vectors(self) -> WordVectors:
        weight: Tensor = self._engine.embed.get_parameter("weight")
        return WordVectors(weight.detach(), self._tokenizer.marker_ids)

    def _embedded(self, ids: list[int], device: torch.device) -> Tensor:
        embeds: Tensor = self._engine.embed(torch.tensor(ids, device=device))
        return embeds


def word_ids(tokenizer: Tokenizer, words: str) -> list[int]:
    """Return the ids of words as they stand within a sentence."""
    return tokenizer.encode(f" {words.rstrip('.').lower()}")
