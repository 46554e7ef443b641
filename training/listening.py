"""The sound encoder, after it learned sounds: it learns to hear what is said.

Beside sounds it unlearns sounds; after them it is asked one thing of each frame of read sentences, which fact is being
told, if any. On composed scenes its frames are held near where they were, so what it knows of sounds it goes on
knowing. Not in the paper, whose Whisper knows words; why not the speech encoder of this size: DECISIONS.md.
"""

import copy
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from model.audio.fbank import fbank
from model.encoders.beats import BEATs
from model.encoders.conv import ConvEncoder
from training.ahead import Ahead
from training.config import DataConfig, ListeningConfig
from training.data.bank import Bank
from training.data.composer import Pool, compose, recorded
from training.data.sentences import NUM_SAID, draw_sentences
from training.encoders import mask_bands
from training.loop import fit, groups_of


class ListeningTrainer:
    """Losses of an encoder that learns words as a function of the step."""

    def __init__(
        self, config: ListeningConfig, data: DataConfig, pool: Pool, bank: Bank, sound: ConvEncoder | BEATs
    ) -> None:
        self.config, self.data, self.pool, self.bank, self.sound = config, data, pool, bank, sound
        self.before = copy.deepcopy(sound).eval().requires_grad_(False)
        self.head = nn.Sequential(nn.LayerNorm(sound.dim), nn.Linear(sound.dim, NUM_SAID))
        self.drawn = Ahead(self._draw)

    def losses(self, step: int) -> Mapping[str, Tensor]:
        """Cross-entropy of what is said in each frame, and how far scenes' frames are from those of before.

        The latter is a squared distance, in units of how much those vary.
        """
        read, said, scenes = self.drawn(step)
        read, scenes = (mask_bands(banks, 2, self.config.mask_bins) for banks in (read, scenes))
        logits = self.head(self.sound.encode(read, said.shape[1]))
        told = functional.cross_entropy(logits.float().flatten(0, 1), said.flatten())
        num_frames = round(self.data.scene.seconds * 50)
        with torch.no_grad():
            wanted = self.before.encode(scenes, num_frames).float()
        held = (self.sound.encode(scenes, num_frames) - wanted).square().mean() / wanted.var()
        return {"loss": told + self.config.held_weight * held, "told": told, "held": held}

    def _draw(self, step: int) -> tuple[Tensor, Tensor, Tensor]:
        """Filter banks of read sentences, what is said in their frames, and filter banks of scenes."""
        rng = np.random.default_rng([6, step])
        config, scene = self.config, self.data.scene
        drawn = [draw_sentences(self.bank, rng, config.seconds, config.speeds) for _ in range(config.optim.batch_size)]
        read = np.stack([recorded(samples, scene, rng) for samples, _ in drawn])
        scenes = np.stack([compose(self.pool, scene, rng).samples for _ in range(config.scenes)])
        said = torch.from_numpy(np.stack([frames for _, frames in drawn]))
        with torch.no_grad():
            return fbank(torch.from_numpy(read)), said, fbank(torch.from_numpy(scenes))


def listen(
    config: ListeningConfig, data: DataConfig, pool: Pool, bank: Bank, run: Path, sound: ConvEncoder | BEATs
) -> None:
    """Train `sound` further, from where it or `run` stands. The head that reads its frames is thrown away.

    It stays in its mode of inference: what its norms know of sounds must not change to what they are of speech.
    """
    torch.manual_seed(0)
    sound.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # as in `training.encoders`
    trainer = ListeningTrainer(config, data, pool, bank, sound)
    sound.requires_grad_(True).eval()
    modules: dict[str, nn.Module] = {"sound": sound, "head": trainer.head}
    fit(modules, groups_of(modules.values()), trainer.losses, config.optim, run, title="stage 0, listening")
