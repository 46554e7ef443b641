"""Stage 1, temporal token alignment, and the connector's start before it.

The paper starts from SALMONN's trained Q-Former and language model. Without a download, the connector first learns to
say what the written timelines of stage 0 say (`warm_up`): then the frozen language model understands it from the start.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from peft import LoraConfig, get_peft_model
from torch import Tensor, nn

from model.config import MergeConfig, ModelConfig, QFormerConfig, TimeEncodingConfig
from model.language.markers import add_markers, train_only_rows
from model.language.tokenizer import Tokenizer
from model.timeaudio import TimeAudio
from training.batch import AnswerLoss, BatchBuilder
from training.config import AlignmentStageConfig
from training.data import tasks
from training.data.composer import PlacedEvent
from training.data.features import FeatureSet
from training.data.timelines import TIME_WIDTH, WINDOW_SAMPLES, timeline_width, written_timeline
from training.encoders import EncoderTrainer
from training.language import LanguageTrainer
from training.loop import Group, fit

SCALE_SCENES = 256
"""Scenes from which it is read how much the numbers of a timeline vary."""

LAST_START = 738
"""Windows before which a shifted recording begins, so that its 30 windows find rows among the 768."""


@dataclass(frozen=True, slots=True)
class Features:
    """Scenes of 10 s, and scenes of 30 s of which longer recordings are made."""

    short: FeatureSet
    long: FeatureSet


@dataclass(frozen=True, slots=True)
class Draw:
    """A batch of recordings of one length.

    Attributes:
        frames: [batch, frames, dim].
        events: what happens in each, in samples from its first frame.
        num_samples: of each.
        first_window: the number of the first window, where a recording is taken for a part of a longer one.
    """

    frames: Tensor
    events: list[tuple[PlacedEvent, ...]]
    num_samples: int
    first_window: int = 0


def draw(features: Features, config: AlignmentStageConfig, size: int, rng: np.random.Generator) -> Draw:
    """A step's recordings: 10 s, or 30 s, or some segments of 30 s one after the other, in batches of about equal work.

    Segments go through the encoders one by one, so a long recording's frames are its segments' frames. Some batches
    of 10 s begin anywhere on the clock, so that every row of the time encoding is learned.
    """
    chance = rng.random()
    if chance >= config.long_share:
        short = features.short
        index = rng.integers(0, len(short), size)
        first = int(rng.integers(0, LAST_START)) if rng.random() < config.shifted_share else 0
        return Draw(short.take(index), [short.events[i] for i in index], short.num_samples, first)
    long = features.long
    parts = 1 if chance >= config.long_share * config.very_long_share else int(rng.integers(2, 6))
    rows = max(2, round(size / (3 * parts)))
    picks = rng.integers(0, len(long), (rows, parts))
    frames = torch.stack([long.take(row).flatten(0, 1) for row in picks])
    events = [
        tuple(e for n, scene in enumerate(row) for e in shifted(long.events[scene], n * long.num_samples))
        for row in picks
    ]
    return Draw(frames, events, parts * long.num_samples)


def shifted(events: Sequence[PlacedEvent], samples: int) -> tuple[PlacedEvent, ...]:
    """The events so many samples later."""
    return tuple(PlacedEvent(e.kind, e.start + samples, e.end + samples) for e in events)


def build_model(
    config: AlignmentStageConfig, name: str, encoders: EncoderTrainer, language: LanguageTrainer
) -> TimeAudio:
    """The stage-0 nets and a new connector."""
    torch.manual_seed(2)
    model_config = ModelConfig(
        name=name,
        tasks=("dense_caption", "ground"),
        sound_encoder="beats" if encoders.config.sound_encoder == "beats" else "conv",
        time_encoding=TimeEncodingConfig(num_rows=768 if config.time_encoding else 0),
        qformer=QFormerConfig(**config.qformer),
        merge=MergeConfig(),
    )
    return TimeAudio(model_config, encoders.speech, encoders.sound, language.llm)


class WarmUpTrainer(nn.Module):
    """The connector learns to write the timelines that the language model learned to read.

    `head` turns its tokens into the numbers of a written timeline; `join` then puts the language model's own map of
    those numbers behind it. So this needs no language model, and may run beside that one's training.
    """

    def __init__(
        self, model: TimeAudio, kinds: Sequence[str], features: Features, config: AlignmentStageConfig
    ) -> None:
        super().__init__()
        self.model, self.kinds, self.features, self.config = model, tuple(kinds), features, config
        self.head = nn.Linear(model.config.qformer.dim, timeline_width(len(self.kinds)))
        short = features.short
        few = [self._written(events, short.num_samples, 0) for events in short.events[:SCALE_SCENES]]
        # A number's own variance would not do: the hundreds of a clock hardly ever vary, and would weigh without bound.
        blocks = np_tensor(few).split([len(self.kinds)] * 3 + [TIME_WIDTH] * 2, dim=-1)
        scale = torch.cat([torch.full((b.shape[-1],), float(b.var().rsqrt())) for b in blocks])
        self.register_buffer("scale", scale, persistent=False)

    def losses(self, step: int) -> Mapping[str, Tensor]:
        """Squared distance to the written timeline, each kind of number in units of how much it varies."""
        rng = np.random.default_rng([3, step])
        drawn = draw(self.features, self.config, self.config.warm_up.batch_size, rng)
        wanted = np_tensor([self._written(events, drawn.num_samples, drawn.first_window) for events in drawn.events])
        connector = self.model.connector
        windows = connector.windows(fuse(self.model, drawn, self.config.feature_dropout), None, drawn.first_window)
        tokens, _ = connector.unmerged(connector.heard(*windows))
        said = self.head(tokens)
        return {"loss": ((said - wanted).float() * self.scale).square().mean()}

    def _written(self, events: Sequence[PlacedEvent], num_samples: int, first: int) -> npt.NDArray[np.float32]:
        named = [e for e in events if e.kind in self.kinds]
        return written_timeline(named, self.kinds, num_samples, first=first)

    @torch.no_grad()
    def join(self, timeline: nn.Linear) -> None:
        """Make the connector's projection the head followed by the language model's map of timelines."""
        projection = self.model.connector.projection
        projection.weight.copy_(timeline.weight @ self.head.weight)
        projection.bias.copy_(timeline(self.head.bias))


def np_tensor(rows: Sequence[npt.NDArray[np.float32]]) -> Tensor:
    """Arrays of one shape as one tensor."""
    return torch.from_numpy(np.stack(rows))


def fuse(model: TimeAudio, drawn: Draw, dropout: float) -> Tensor:
    """Fused frames of stored ones; some features are dropped, as the nets are surer of recordings they know."""
    frames = nn.functional.dropout(drawn.frames, dropout)
    fused: Tensor = model.fusion(*frames.split([model.speech.dim, model.sound.dim], dim=-1))
    return fused


class AlignmentTrainer:
    """Losses of stage 1 as a function of the step."""

    def __init__(
        self, model: TimeAudio, tokenizer: Tokenizer, features: Features, config: AlignmentStageConfig
    ) -> None:
        self.model, self.features, self.config = model, features, config
        self.builder = BatchBuilder(tokenizer, model.config.prompt)
        self.answer_loss = AnswerLoss.of(
            tokenizer, len(tokenizer), tokenizer.marker_ids, config.time_weight, config.presence_weight
        )

    def losses(self, step: int) -> Mapping[str, Tensor]:
        """Cross-entropy of the answers' tokens."""
        rng = np.random.default_rng([4, step])
        drawn = draw(self.features, self.config, self.config.optim.batch_size, rng)
        fused = fuse(self.model, drawn, self.config.feature_dropout)
        audio = self.model.connector(fused, first_window=drawn.first_window)
        # Where the clock begins late, the answers do: what happened before is not heard, and not told.
        begin = drawn.first_window * WINDOW_SAMPLES
        examples = [self._example(shifted(e, begin), begin + drawn.num_samples, rng) for e in drawn.events]
        embeds, mask, labels = self.builder.build(self.model.llm.get_input_embeddings(), list(audio), examples)
        return self.answer_loss(self.model.llm, embeds, mask, labels)

    def _example(self, events: Sequence[PlacedEvent], num_samples: int, rng: np.random.Generator) -> tasks.Example:
        ask = tasks.ground if rng.random() < self.config.ground_share else tasks.dense_caption
        return ask(events, num_samples, rng)


def warm_up(trainer: WarmUpTrainer, run: Path) -> None:
    """Train the connector alone, from nothing or from where `run` stands."""
    model = trainer.model
    modules: dict[str, nn.Module] = {"fusion": model.fusion, "connector": model.connector, "head": trainer.head}
    model.train()
    groups = [
        *_groups([model.fusion, model.connector.qformer, trainer.head]),
        Group([model.connector.time_encoding.weight], weight_decay=False),
    ]
    fit(modules, groups, trainer.losses, trainer.config.warm_up, run, title="stage 0, connector")


def align(trainer: AlignmentTrainer, tokenizer: Tokenizer, run: Path, *, stop_after_s: float | None = None) -> None:
    """Stage 1: train, then merge the adapters into the language model."""
    model, config = trainer.model, trainer.config
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
    groups = [
        *_groups([model.fusion, model.connector.qformer, model.connector.projection]),
        Group([model.connector.time_encoding.weight], weight_decay=False),
        Group(lora),
        Group(matrices, weight_decay=False),
    ]
    modules: dict[str, nn.Module] = {"fusion": model.fusion, "connector": model.connector, "llm": adapters}
    fit(modules, groups, trainer.losses, config.optim, run, title="stage 1, alignment", stop_after_s=stop_after_s)
    model.llm = adapters.merge_and_unload()
    model.eval()


def _groups(modules: Sequence[nn.Module]) -> list[Group]:
    """Matrices with weight decay; biases, norms and lone vectors without."""
    parameters = [p for m in modules for p in m.parameters()]
    return [
        Group([p for p in parameters if p.ndim > 1]),
        Group([p for p in parameters if p.ndim <= 1], weight_decay=False),
    ]
