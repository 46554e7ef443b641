"""Stage 0, second half: a tokenizer and a small causal language model for those who cannot download one.

A large language model knows from its texts what a timeline is. A small one that saw only captions would not, so it
learns from written timelines (`training.data.timelines`): in the place of each audio token stands what sounds, begins
and ends in its window, through one linear map. Times are plain digits; it meets no marker and no sound.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from tokenizers import Tokenizer as LibraryTokenizer
from tokenizers import decoders, models, pre_tokenizers, trainers
from torch import Tensor, nn
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from model.audio.waveform import SAMPLE_RATE
from model.config import PromptConfig
from model.language.tokenizer import Tokenizer
from model.timeline.markers import MARKERS
from training.batch import AnswerLoss, BatchBuilder
from training.config import DataConfig, LanguagePhase, LanguageStageConfig
from training.data import tasks
from training.data.composer import PlacedEvent, Pool, plan
from training.data.timelines import timeline_width, written_timeline
from training.data.words import (
    DENSE_CAPTION_INSTRUCTIONS,
    GROUND_INSTRUCTIONS,
    PARAPHRASE_INSTRUCTION,
    QUERY_FRAMES,
    WORDS,
)
from training.loop import Group, fit


def train_tokenizer(size: int, prompt: PromptConfig) -> PreTrainedTokenizerFast:
    """A byte-level BPE tokenizer of the words that occur, each digit a piece; any other text falls back to bytes."""
    library = LibraryTokenizer(models.BPE())
    library.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)]
    )
    library.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=size,
        special_tokens=["<s>", "</s>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    library.train_from_iterator(_corpus(prompt), trainer)
    return PreTrainedTokenizerFast(
        tokenizer_object=library, bos_token="<s>", eos_token="</s>", clean_up_tokenization_spaces=False
    )


def _corpus(prompt: PromptConfig) -> list[str]:
    texts = [
        prompt.before_audio,
        prompt.after_audio.format(question=""),
        "0 1 2 3 4 5 6 7 8 9 0.1 - 2.3, 4.5 seconds, A",
    ]
    texts += [*DENSE_CAPTION_INSTRUCTIONS, PARAPHRASE_INSTRUCTION, *[tasks.NOTHING_HEARD, tasks.ABSENT] * 50]
    for words in WORDS.values():
        # As they stand in an answer (after a space), and as they stand in a question (quoted, either case).
        texts += [" " + c for c in words.captions] * 2
        texts += [
            g.format(query=q)
            for g in GROUND_INSTRUCTIONS
            for phrase in (*words.queries, *QUERY_FRAMES, *(c.rstrip(".") for c in words.captions))
            for q in (phrase.lower(), phrase[0].upper() + phrase[1:])
        ]
    return [*texts, *["The given query happens in 0.0 - 1.0 seconds."] * 50]


class LanguageTrainer:
    """Losses of the language model's stage 0 as a function of the step."""

    def __init__(
        self, config: LanguageStageConfig, data: DataConfig, pool: Pool, prompt: PromptConfig, tokenizer: Tokenizer
    ) -> None:
        self.config, self.data = config, data
        self.pool = Pool(pool.parts)
        self.kinds = tuple(pool.parts)
        self.builder = BatchBuilder(tokenizer, prompt)
        self.llm = LlamaForCausalLM(
            LlamaConfig(
                vocab_size=len(tokenizer) - len(MARKERS),
                bos_token_id=tokenizer.bos_id,
                eos_token_id=tokenizer.eos_id,
                pad_token_id=tokenizer.eos_id,
                **config.model,
            )
        )
        digits = [tokenizer.encode(str(d))[0] for d in range(10)]
        self.answer_loss = AnswerLoss.of(
            tokenizer, self.llm.config.vocab_size, digits, config.time_weight, config.presence_weight
        )
        # At these sizes plain attention trains a fifth faster on CPUs than the fused kernel, whose backward is slow.
        self.llm.set_attn_implementation("eager")
        self.timeline = nn.Linear(timeline_width(len(self.kinds)), self.llm.config.hidden_size)

    def losses(self, step: int) -> Mapping[str, Tensor]:
        """Cross-entropy of the answers about scenes that are only planned, not mixed."""
        rng = np.random.default_rng([1, step])
        phase = self._phase(step)
        scene, count = self.data.scene, self.config.optim.batch_size
        scene = replace(scene, max_events=min(scene.max_events, phase.most_events))
        if rng.random() < phase.long_share:
            ratio = rng.uniform(1.0, self.data.long_seconds / scene.seconds)
            count = round(count / ratio)
            most = round(scene.max_events * ratio)
            scene = replace(scene, seconds=round(scene.seconds * ratio, 1), max_events=most, repeat_probability=0.3)
        one_event = replace(scene, min_events=1, max_events=1)
        num_samples = round(scene.seconds * SAMPLE_RATE)
        audio, examples = [], []
        for _ in range(count):
            events = [
                p.event for p in plan(self.pool, one_event if rng.random() < phase.one_event_share else scene, rng)
            ]
            if rng.random() < 0.02:
                events = []
            examples.append(_example(phase, events, num_samples, rng))
            audio.append(written_timeline(events, self.kinds, num_samples, rng))
        tokens = [self.timeline(torch.from_numpy(a)) for a in audio]
        embeds, mask, labels = self.builder.build(self.llm.get_input_embeddings(), tokens, examples)
        return self.answer_loss(self.llm, embeds, mask, labels)

    def _phase(self, step: int) -> LanguagePhase:
        for phase in self.config.phases[:-1]:
            if step < phase.steps:
                return phase
            step -= phase.steps
        return self.config.phases[-1]


def _example(
    phase: LanguagePhase, events: Sequence[PlacedEvent], num_samples: int, rng: np.random.Generator
) -> tasks.Example:
    chance = rng.random()
    if chance < phase.paraphrase_share:
        return tasks.paraphrase(rng)
    if chance < phase.paraphrase_share + phase.ground_share:
        return tasks.ground(
            events, num_samples, rng, tasks.plain_interval,
            named_share=phase.named_share, absent_share=phase.absent_share,
        )  # fmt: skip
    return tasks.dense_caption(events, num_samples, rng, tasks.plain_interval)


def train_language_model(
    config: LanguageStageConfig, data: DataConfig, pool: Pool, run: Path, *, stop_after_s: float | None = None
) -> LanguageTrainer:
    """Stage 0 for the language model, from nothing or from where `run` stands. Its tokenizer has no marker yet."""
    torch.manual_seed(1)
    prompt = PromptConfig()
    tokenizer = Tokenizer(train_tokenizer(config.vocabulary, prompt))
    trainer = LanguageTrainer(config, data, pool, prompt, tokenizer)
    parameters = [*trainer.llm.parameters(), *trainer.timeline.parameters()]
    groups = [
        Group([p for p in parameters if p.ndim > 1]),
        Group([p for p in parameters if p.ndim <= 1], weight_decay=False),
    ]
    fit(
        {"llm": trainer.llm, "timeline": trainer.timeline}, groups, trainer.losses, config.optim, run,
        title="stage 0, language", stop_after_s=stop_after_s,
    )  # fmt: skip
    return trainer
