"""Stage 1, temporal token alignment."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from peft import LoraConfig, get_peft_model
from torch import Tensor, nn

from model.config import MergeConfig, ModelConfig, QFormerConfig, TimeEncodingConfig
from model.connector.qformer import Attended, QFormerLayer
from model.language.markers import add_markers, train_only_rows
from model.language.tokenizer import Tokenizer
from model.timeaudio import TimeAudio
from model.timeline.task import TASKS, Task
from training.batch import AnswerLoss, Batch, BatchBuilder
from training.clock import ClockReader, settle_digits, share_digits
from training.config import AlignmentStageConfig
from training.connecting import fuse, missed_landmarks, np_tensor
from training.data import tasks
from training.data.answers import MARKED, Example, by_kind
from training.data.bulletins import FACT_NAMES
from training.data.composer import shifted
from training.data.timelines import WINDOW_SAMPLES, Columns, Timeline, edges_of, written_timeline
from training.draws import TEN_SECONDS, Draw, Features, draw
from training.encoders import EncoderTrainer
from training.fact_reader import FactReader, attention_of
from training.language import LanguageTrainer
from training.looking_up import not_looked_up, shown, tellers
from training.loop import Group, fit, groups_of

FACT_BATCH = 32
"""Tens of seconds of bulletins from which a step reads facts."""


def tasks_of(config: AlignmentStageConfig) -> tuple[Task, ...]:
    """What stage 1 teaches: summaries only where there are bulletins to sum up."""
    return TASKS if config.bulletins else tuple(task for task in TASKS if task != "summarize")


def build_model(
    config: AlignmentStageConfig, name: str, encoders: EncoderTrainer, language: LanguageTrainer
) -> TimeAudio:
    """The stage-0 nets and a new connector."""
    torch.manual_seed(2)
    model_config = ModelConfig(
        name=name,
        tasks=tasks_of(config),
        sound_encoder=encoders.kind_of_sound,
        time_encoding=TimeEncodingConfig(num_rows=768 if config.time_encoding else 0),
        qformer=QFormerConfig(**config.qformer),
        merge=MergeConfig(),
    )
    return TimeAudio(model_config, encoders.speech, encoders.sound, language.llm)


class AlignmentTrainer:
    """Losses of stage 1 as a function of the step."""

    def __init__(
        self,
        model: TimeAudio,
        tokenizer: Tokenizer,
        columns: Columns,
        features: Features,
        config: AlignmentStageConfig,
        seed: int = 4,
    ) -> None:
        self.model, self.columns, self.features, self.config, self.seed = model, columns, features, config, seed
        spoken = features.spoken is not None
        self.shares = config.shares if spoken else replace(config.shares, summarize=0.0)
        self.builder = BatchBuilder(tokenizer, model.config.prompt)
        self.answer_loss = AnswerLoss.of(
            tokenizer, len(tokenizer), tokenizer.marker_ids, time_weight=config.time_weight,
            presence_weight=config.presence_weight, list_weight=config.list_weight,
        )  # fmt: skip
        self.spoken_loss = AnswerLoss.of(tokenizer, len(tokenizer), tokenizer.marker_ids)
        torch.manual_seed(3)
        self.clock = ClockReader(model.config.qformer.dim)
        self.facts = FactReader(model.config.qformer.dim)

    def losses(self, step: int) -> Mapping[str, Tensor]:
        """Cross-entropy of the answers' tokens, and of what else the connector is taught."""
        rng = np.random.default_rng([self.seed, step])
        losses = self.of_draw(draw(self.features, self.config, self.config.optim.batch_size, rng), rng)
        if self.features.spoken is None or not self.config.fact_weight:
            return losses
        facts = self.facts_of(rng)
        return {**losses, "loss": losses["loss"] + self.config.fact_weight * facts, "facts": facts}

    def facts_of(self, rng: np.random.Generator) -> Tensor:
        """The loss of facts in bulletins of which nothing is asked: without the language model they cost little."""
        drawn, timelines = self._bulletins(rng)
        layer = self.model.connector.qformer.layers[-1]
        assert isinstance(layer, QFormerLayer)
        with attention_of(layer.self_attention) as matrices:
            segments = self._heard(drawn, self.config.feature_dropout)
        return self.facts.loss(segments, timelines, drawn.events, matrices)

    @torch.no_grad()
    def telling_tokens(self, rng: np.random.Generator) -> Tensor:
        """The tokens [tokens, dim] of windows of some bulletins where sections begin that tell a fact."""
        drawn, timelines = self._bulletins(rng)
        tokens = torch.cat([part for part, _ in self._heard(drawn, dropout=0.0)], dim=1)
        return tokens[np_tensor([timeline.told for timeline in timelines])[:, :, -len(FACT_NAMES) :].any(dim=2)]

    def _bulletins(self, rng: np.random.Generator) -> tuple[Draw, list[Timeline]]:
        drawn = draw(self.features, replace(self.config, speech_share=1.0), FACT_BATCH, rng)
        return drawn, self._timelines(drawn)

    def _timelines(self, drawn: Draw) -> list[Timeline]:
        return [written_timeline(e, self.columns, drawn.num_samples, first=drawn.first_window) for e in drawn.events]

    def _heard(self, drawn: Draw, dropout: float) -> list[tuple[Tensor, Attended]]:
        """What the Q-Former makes of recordings, segment by segment."""
        connector = self.model.connector
        return connector.heard(*connector.windows(fuse(self.model, drawn, dropout), None, drawn.first_window))

    def of_draw(self, drawn: Draw, rng: np.random.Generator) -> Mapping[str, Tensor]:
        """The losses of these recordings, and of questions about them that `rng` draws."""
        segments, connector = self._heard(drawn, self.config.feature_dropout), self.model.connector
        kept, places = connector.merged(segments)
        audio = connector.projection(kept)
        asked = [(tokens, self._ask(drawn, row, rng)) for row, tokens in enumerate(audio)]
        heard = [tokens for tokens, examples in asked for _ in examples]
        examples = [example for _, some in asked for example in some]
        batches = self.builder.build(self.model.llm.get_input_embeddings(), heard, examples)
        if drawn.is_spoken and self.config.lookup_weight:
            losses = self._of_bulletins(drawn, places, batches, [example.task for example in examples])
        else:
            losses = (self.spoken_loss if drawn.is_spoken else self.answer_loss)(self.model.llm, batches)
        if not self.config.landmark_weight and not self.config.clock_weight:
            return losses
        wanted = self._timelines(drawn)
        missed = missed_landmarks(segments, np_tensor([w.landmarks for w in wanted]))
        clock = self.clock.loss(segments, drawn.first_window, [edges_of(w, self.columns) for w in wanted])
        taught = self.config.landmark_weight * missed + self.config.clock_weight * clock
        return {**losses, "loss": losses["loss"] + taught, "landmarks": missed, "clock": clock}

    def _of_bulletins(
        self, drawn: Draw, places: Tensor, batches: list[Batch], asked: list[str]
    ) -> Mapping[str, Tensor]:
        """The losses of bulletins' answers, and of where they are looked up; `asked` is the examples' tasks."""
        with attention_of(shown(self.model.llm)) as matrices:
            losses = self.spoken_loss(self.model.llm, batches)
        told = [tellers(*row) for row in zip(drawn.events, self._timelines(drawn), places, strict=True)]
        each = len(asked) // len(told)
        wanted = [told[place // each] if task == "summarize" else None for place, task in enumerate(asked)]
        first, time_ids = self.builder.num_before, self.spoken_loss.time_ids
        missed = not_looked_up(matrices, batches, wanted, first_token=first, time_ids=time_ids)
        return {**losses, "loss": losses["loss"] + self.config.lookup_weight * missed, "looking up": missed}

    def _ask(self, drawn: Draw, row: int, rng: np.random.Generator) -> list[Example]:
        """The questions about a recording: hearing it costs more than answering."""
        # Where the clock begins late, the answers do: what happened before is not heard, and not told.
        begin = drawn.first_window * WINDOW_SAMPLES
        events, end = shifted(drawn.events[row], begin), begin + drawn.num_samples
        is_long = drawn.num_samples > TEN_SECONDS
        ask = tasks.draw_spoken_example if drawn.is_spoken else tasks.draw_example
        examples = [ask(events, end, rng, self.shares, MARKED) for _ in range(self.config.questions * (1 + is_long))]
        if is_long and not drawn.is_spoken:
            examples[0] = tasks.dense_caption(by_kind(events, end), rng, MARKED)
        return examples


def align(trainer: AlignmentTrainer, tokenizer: Tokenizer, run: Path) -> None:
    """Stage 1: train, then merge the adapters into the language model."""
    model, config = trainer.model, trainer.config
    if model.llm.get_input_embeddings().num_embeddings < len(tokenizer):  # or it knows them from stage 0
        add_markers(model.llm, tokenizer, initialise=config.initialise_markers)
    adapters = get_peft_model(
        model.llm,
        LoraConfig(
            r=config.lora.rank,
            lora_alpha=config.lora.alpha,
            lora_dropout=config.lora.dropout,
            target_modules=list(config.lora.targets),
        ),
    )
    for frozen in (model.speech, model.sound):
        frozen.requires_grad_(False)
    model.train()
    llm = adapters.get_base_model()
    matrices = [llm.get_input_embeddings().weight, llm.get_output_embeddings().weight]
    lora = [p for p in adapters.parameters() if p.requires_grad]
    for weight in matrices:
        train_only_rows(weight, list(tokenizer.marker_ids))
    encoding = model.connector.time_encoding
    if config.time_encoding:
        share_digits(encoding)
    groups = [
        *groups_of([model.fusion, model.connector.qformer, model.connector.projection, trainer.clock, trainer.facts]),
        Group(list(encoding.parameters()), weight_decay=False),
        Group(lora),
        Group(matrices, weight_decay=False),
    ]
    modules: dict[str, nn.Module] = {
        "fusion": model.fusion, "connector": model.connector, "clock": trainer.clock,
        "facts": trainer.facts, "llm": adapters,
    }  # fmt: skip
    fit(modules, groups, trainer.losses, config.optim, run, title="stage 1, alignment")
    if config.time_encoding:
        settle_digits(encoding)
    model.llm = adapters.merge_and_unload()
    model.eval()
