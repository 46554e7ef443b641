"""Stage 0, second half: a small causal language model for those who cannot download one.

A large language model knows from its texts what a timeline is. A small one that saw only captions would not, so it
learns from written timelines (`training.data.timelines`): in the place of each audio token stands what sounds, begins
and ends in its window, through one linear map. Times are plain digits; it meets no marker and no sound.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from transformers import LlamaConfig, LlamaForCausalLM

from model.audio.waveform import SAMPLE_RATE
from model.config import MergeConfig, PromptConfig
from model.language.markers import add_markers
from model.language.tokenizer import Tokenizer
from model.timeline.markers import MARKERS
from training.batch import AnswerLoss, BatchBuilder
from training.config import DataConfig, LanguagePhase, LanguageStageConfig
from training.data import answers, tasks
from training.data.bulletins import FACT_NAMES, FACTS, combinations
from training.data.composer import PlacedEvent, Pool, SceneConfig, plan, shifted
from training.data.more_words import GROUPS
from training.data.timelines import LAST_START, WINDOW_SAMPLES, Columns, merged_timeline, written_timeline
from training.loop import fit, groups_of
from training.tokenizer import tokenizer_of


def timeline_columns(kinds: Sequence[str]) -> Columns:
    """What a timeline tells of: these kinds, sounds of which only the group is known, spoken sections; and facts."""
    return Columns((*sorted(kinds), *GROUPS, answers.SECTION), FACT_NAMES, teller=answers.SECTION)


class LanguageTrainer:
    """Losses of the language model's stage 0 as a function of the step."""

    def __init__(
        self, config: LanguageStageConfig, data: DataConfig, pool: Pool, prompt: PromptConfig, tokenizer: Tokenizer
    ) -> None:
        self.config, self.data = config, data
        self.columns = timeline_columns((*pool.parts, *pool.others))
        # Only how long they last matters here. What only its group is known of lasts as long as anything else.
        unknown = [part for parts in pool.others.values() for part in parts[:: len(data.speeds)]]
        self.pool = Pool(pool.parts, {**pool.others, **{group: unknown for group in GROUPS if unknown}})
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
        self._write(answers.PLAIN, [tokenizer.encode(str(d))[0] for d in range(10)])
        # At these sizes plain attention trains a fifth faster on CPUs than the fused kernel, whose backward is slow.
        self.llm.set_attn_implementation("eager")
        self.timeline = nn.Linear(self.columns.width, self.llm.config.hidden_size)

    def _write(self, writing: answers.Writing, time_ids: Sequence[int]) -> None:
        """From here on, times are written so."""
        config, tokenizer, size = self.config, self.builder.tokenizer, self.llm.config.vocab_size
        self.writing = writing
        self.answer_loss = AnswerLoss.of(
            tokenizer, size, time_ids, time_weight=config.time_weight, presence_weight=config.presence_weight
        )
        # What is told in a summary are its words: they must not drown in the digits.
        self.spoken_loss = AnswerLoss.of(tokenizer, size, time_ids)

    def write_markers(self) -> None:
        """From here on, times are written as markers, whose rows start from the digits' (Eq. 1)."""
        tokenizer = self.builder.tokenizer
        add_markers(self.llm, tokenizer)
        self._write(answers.MARKED, tokenizer.marker_ids)

    def losses(self, step: int) -> Mapping[str, Tensor]:
        """Cross-entropy of the answers about scenes that are only planned, not mixed."""
        rng = np.random.default_rng([1, step])
        phase = self._phase(step)
        speech = rng.random() < phase.speech_share
        scene, count = self.data.scene, self.config.optim.batch_size
        scene = replace(scene, max_events=min(scene.max_events, phase.most_events))
        if speech or rng.random() < phase.long_share:
            seconds = phase.longest_seconds if rng.random() < phase.longest_share else self.data.long_seconds
            ratio = rng.uniform(1.0, seconds / scene.seconds)
            count = max(2, round(count / min(ratio, 6.0)))
            most = round(scene.max_events * min(ratio, 1 + ratio / 3))
            seconds = round(scene.seconds * ratio, 1)
            scene = replace(scene, seconds=seconds, max_events=most, repeat_probability=0.3)
        num_samples = round(scene.seconds * SAMPLE_RATE)
        first = int(rng.integers(0, LAST_START)) if scene.seconds <= 30 and rng.random() < phase.shifted_share else 0
        begin = first * WINDOW_SAMPLES
        audio, examples = [], []
        for _ in range(count):
            events = planned_bulletin(scene.seconds, rng) if speech else self._events(phase, scene, rng)
            ask = tasks.draw_spoken_example if speech else tasks.draw_example
            examples.append(ask(shifted(events, begin), begin + num_samples, rng, phase.shares, self.writing))
            timeline = written_timeline(events, self.columns, num_samples, rng, first=first)
            audio.append(merged_timeline(timeline, rng, MergeConfig()).told)
        tokens = [self.timeline(torch.from_numpy(a)) for a in audio]
        batches = self.builder.build(self.llm.get_input_embeddings(), tokens, examples)
        return (self.spoken_loss if speech else self.answer_loss)(self.llm, batches)

    def _events(self, phase: LanguagePhase, scene: SceneConfig, rng: np.random.Generator) -> list[PlacedEvent]:
        if rng.random() < 0.02:
            return []
        if rng.random() < phase.one_event_share:
            scene = replace(scene, min_events=1, max_events=1)
        elif rng.random() < phase.repeated_share:
            scene = replace(scene, min_events=3, max_events=max(5, scene.max_events), repeat_probability=0.8)
        return [p.event for p in plan(self.pool, scene, rng)]

    def _phase(self, step: int) -> LanguagePhase:
        for phase in self.config.phases[:-1]:
            if step < phase.steps:
                return phase
            step -= phase.steps
        return self.config.phases[-1]


@cache
def _allowed() -> list[dict[str, str]]:
    return combinations(held_out=False)


def planned_bulletin(seconds: float, rng: np.random.Generator) -> list[PlacedEvent]:
    """The sections, facts and voice of a bulletin that nobody reads, of the combinations that may be trained on."""
    num_samples, allowed = round(seconds * SAMPLE_RATE), _allowed()
    place, events = round(rng.uniform(0, 1.0) * SAMPLE_RATE), []
    while place + 3 * SAMPLE_RATE < num_samples:
        start, length = place, rng.uniform(3.0, 13.0)
        end = min(num_samples, start + round(length * SAMPLE_RATE))
        events.append(PlacedEvent(answers.SECTION, start, end))
        spoken = start + round(rng.uniform(0, 0.8) * SAMPLE_RATE)
        told = allowed[int(rng.integers(len(allowed)))]
        for key in rng.permutation(list(FACTS)):
            phrase = round(rng.uniform(0.4, 1.2) * SAMPLE_RATE)
            if spoken + phrase >= end:
                break
            events.append(PlacedEvent(f"{key}:{told[key]}", spoken, spoken + phrase))
            spoken += phrase
        place = end + round(rng.uniform(0.15, 0.5) * SAMPLE_RATE)
    sections = [e for e in events if e.kind == answers.SECTION]
    voice = ("man_speaking", "woman_speaking")[int(rng.integers(2))]
    # First, so that where it begins together with a section, the section's digits stand.
    return [PlacedEvent(voice, sections[0].start, sections[-1].end), *events] if sections else []


def train_language_model(config: LanguageStageConfig, data: DataConfig, pool: Pool, run: Path) -> LanguageTrainer:
    """Stage 0 for the language model, from nothing or from where `run` stands: digits first, then markers if told to.

    Markers are learned in its second folder, `run`'s `markers`, from perfect timelines: what stage 1 would have to
    teach with sounds is learned here at a tenth of the cost. Not in the paper, whose language model is given.
    """
    torch.manual_seed(1)
    prompt = PromptConfig()
    tokenizer = Tokenizer(tokenizer_of(run, config.vocabulary, prompt))
    trainer = LanguageTrainer(config, data, pool, prompt, tokenizer)
    modules: dict[str, nn.Module] = {"llm": trainer.llm, "timeline": trainer.timeline}
    fit(modules, groups_of(modules.values()), trainer.losses, config.optim, run, title="stage 0, language")
    if config.markers is not None:
        trainer.write_markers()
        first = config.optim.steps  # the scenes go on where the digits' ended
        fit(
            modules, groups_of(modules.values()), lambda step: trainer.losses(first + step), config.markers,
            run / "markers", title="stage 0, markers",
        )  # fmt: skip
    return trainer
