"""Stage 0, first half: the two encoders learn, from nothing, to name the sounds of each frame.

Both see the same scenes. Each has a head of its own, so that neither leans on the other, and the heads are thrown away.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional
from transformers import WhisperConfig

from model.audio.fbank import fbank
from model.audio.log_mel import log_mel
from model.checkpoint import sound_encoder
from model.encoders.aisfx import AisfxEncoder
from model.encoders.conv import ConvEncoder
from model.encoders.whisper import SpeechEncoder
from model.timeaudio import SoundEncoder
from training.config import DataConfig, EncoderStageConfig
from training.data.composer import Pool, Scene, compose
from training.frame_head import FrameHead, frame_targets
from training.loop import fit, groups_of

FRAME_SAMPLES = 320
HEAD_STEPS = 150
"""What two linear layers need."""


def make_speech_encoder(config: EncoderStageConfig) -> SpeechEncoder:
    """A Whisper encoder of the run's size, with random weights."""
    return SpeechEncoder(WhisperConfig(decoder_layers=1, decoder_ffn_dim=4, **config.speech))


def make_sound_encoder(config: EncoderStageConfig) -> SoundEncoder:
    """The run's sound encoder, with random weights."""
    return sound_encoder(config.sound_encoder, config.sound)


def draw_scenes(pool: Pool, data: DataConfig, step: int, batch_size: int, seed: int = 0) -> list[Scene]:
    """The scenes of a step: all 10 s long, or all `long_seconds` long and fewer. A pure function of its arguments."""
    rng = np.random.default_rng([seed, step])
    config = data.scene
    if rng.random() < data.long_share:
        ratio = data.long_seconds / config.seconds
        batch_size = max(1, round(batch_size / ratio))
        config = replace(
            config,
            seconds=data.long_seconds,
            max_events=round(config.max_events * ratio),
            repeat_probability=0.3,
        )
    return [compose(pool, config, rng) for _ in range(batch_size)]


def mask_bands(spectrogram: Float[Tensor, "batch a b"], dim: int, widest: int) -> Float[Tensor, "batch a b"]:
    """One random band of each row's frequency axis `dim` set to the row's mean. Source: SpecAugment (Park et al.)."""
    size = spectrogram.shape[dim]
    width = torch.randint(0, widest * size // 128 + 1, (len(spectrogram), 1))
    first = (torch.rand(len(spectrogram), 1) * (size - width)).long()
    index = torch.arange(size)[None]
    masked = (index >= first) & (index < first + width)
    masked = masked[:, None, :] if dim == 2 else masked[:, :, None]
    return torch.where(masked, spectrogram.mean(dim=(1, 2), keepdim=True), spectrogram)


class EncoderTrainer:
    """Losses of stage 0 as a function of the step."""

    def __init__(self, config: EncoderStageConfig, data: DataConfig, pool: Pool) -> None:
        self.config, self.data, self.pool = config, data, pool
        self.kinds = tuple(sorted({*pool.parts, *pool.others}))
        self.speech = make_speech_encoder(config)
        self.sound = make_sound_encoder(config)
        # Convolutions on CPUs are a tenth faster so.
        self.sound.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # torch's stubs lack it
        self.speech_head = FrameHead(self.speech.dim, len(self.kinds))
        self.sound_head = FrameHead(self.sound.dim, len(self.kinds))

    @property
    def kind_of_sound(self) -> Literal["beats", "conv", "aisfx"]:
        """What `ModelConfig.sound_encoder` calls its sound encoder."""
        if isinstance(self.sound, AisfxEncoder):
            return "aisfx"
        return "conv" if isinstance(self.sound, ConvEncoder) else "beats"

    @property
    def modules(self) -> dict[str, nn.Module]:
        """What trains."""
        return {
            "speech": self.speech,
            "sound": self.sound,
            "speech_head": self.speech_head,
            "sound_head": self.sound_head,
        }

    def losses(self, step: int) -> Mapping[str, Tensor]:
        """Binary cross-entropy of each encoder's frames."""
        scenes = draw_scenes(self.pool, self.data, step, self.config.optim.batch_size)
        waveforms = torch.from_numpy(np.stack([s.samples for s in scenes]))
        num_frames = waveforms.shape[1] // FRAME_SAMPLES
        targets = torch.from_numpy(np.stack([frame_targets(s.events, self.kinds, num_frames) for s in scenes]))
        said = {"sound": self.sound_head(self.sound_frames(waveforms, augment=True))}
        if step % self.config.speech_every == 0:
            said["speech"] = self.speech_head(self.speech_frames(waveforms, augment=True))
        losses = {
            name: functional.binary_cross_entropy_with_logits(logits.float(), targets) * len(self.kinds)
            for name, logits in said.items()
        }
        return {"loss": torch.stack(list(losses.values())).sum(), **losses}

    def features(self, waveforms: Float[Tensor, "batch samples"], *, augment: bool = False) -> tuple[Tensor, Tensor]:
        """Both encoders' frames."""
        return self.speech_frames(waveforms, augment=augment), self.sound_frames(waveforms, augment=augment)

    def speech_frames(self, waveforms: Float[Tensor, "batch samples"], *, augment: bool) -> Tensor:
        """The speech encoder's frames; with augmentation a band is lost and the positions are shifted."""
        with torch.no_grad():
            mel = log_mel(waveforms, num_mels=self.speech.num_mels)
            if augment:
                mel = mask_bands(mel, 1, self.config.mask_bins)
        most = self.speech.encoder.config.max_source_positions - waveforms.shape[1] // FRAME_SAMPLES
        return self.speech.encode(mel, int(torch.randint(0, most + 1, ())) if augment else 0)

    def sound_frames(self, waveforms: Float[Tensor, "batch samples"], *, augment: bool) -> Tensor:
        """The sound encoder's frames; with augmentation a band is lost, but to aiSFX, whose bands are its own."""
        if isinstance(self.sound, AisfxEncoder):
            return self.sound.encode_frames(waveforms)
        with torch.no_grad():
            banks = fbank(waveforms)
            if augment:
                banks = mask_bands(banks, 2, self.config.mask_bins)
        return self.sound.encode(banks, waveforms.shape[1] // FRAME_SAMPLES)


@torch.no_grad()
def frame_scores(trainer: EncoderTrainer, scenes: Sequence[Scene], kinds: Sequence[str]) -> dict[str, float]:
    """Frame F1 at 0.5 over `kinds` of each encoder's head and of their mean, and the share of recordings named right.

    A recording is named by the kind with the highest mean activity over its event's frames.
    """
    for module in trainer.modules.values():
        module.eval()
    index = [trainer.kinds.index(k) for k in kinds]
    counts: dict[str, np.ndarray] = {}
    named: dict[str, list[bool]] = {}
    for scene in scenes:
        num_frames = len(scene.samples) // FRAME_SAMPLES
        truth = frame_targets(scene.events, trainer.kinds, num_frames)[:, index] > 0.5
        speech, sound = trainer.features(torch.from_numpy(scene.samples)[None])
        logits = {"speech": trainer.speech_head(speech)[0], "sound": trainer.sound_head(sound)[0]}
        logits["both"] = (logits["speech"] + logits["sound"]) / 2
        for name, value in logits.items():
            scores = value.float().numpy()[:, index]
            said = scores > 0
            count = np.array([(said & truth).sum(), (said & ~truth).sum(), (~said & truth).sum()])
            counts[name] = counts.get(name, 0) + count
            for event in scene.events:
                first, last = (
                    event.start // FRAME_SAMPLES,
                    max(event.start // FRAME_SAMPLES + 1, event.end // FRAME_SAMPLES),
                )
                best = kinds[int(scores[first:last].mean(axis=0).argmax())]
                named.setdefault(name, []).append(best == event.kind)
    for module in trainer.modules.values():
        module.train()
    result = {}
    for name, (hits, false, missed) in counts.items():
        result[f"{name}_frame_f1"] = float(2 * hits / max(1, 2 * hits + false + missed))
        result[f"{name}_named"] = float(np.mean(named[name]))
    return result


def train_encoders(config: EncoderStageConfig, data: DataConfig, pool: Pool, run: Path) -> EncoderTrainer:
    """Stage 0 for both encoders, from nothing or from where `run` stands."""
    torch.manual_seed(0)
    trainer = EncoderTrainer(config, data, pool)
    for module in trainer.modules.values():
        module.train()
    groups = groups_of(trainer.modules.values())
    fit(trainer.modules, groups, trainer.losses, config.optim, run, title="stage 0, encoders")
    return trainer


def train_heads(
    config: EncoderStageConfig,
    data: DataConfig,
    pool: Pool,
    run: Path,
    speech: SpeechEncoder,
    sound: SoundEncoder,
) -> EncoderTrainer:
    """New heads on encoders that have learned already, which stay as they are: a checkpoint has no heads."""
    torch.manual_seed(0)
    trainer = EncoderTrainer(config, data, pool)
    trainer.speech, trainer.sound = speech, sound
    for encoder in (speech, sound):
        encoder.eval().requires_grad_(False)
    heads = {"speech_head": trainer.speech_head, "sound_head": trainer.sound_head}
    optim = replace(config.optim, steps=HEAD_STEPS, learning_rate=5e-3)
    fit(heads, groups_of(heads.values()), trainer.losses, optim, run, title="heads of the encoders")
    return trainer
