"""The sound encoder, after it learned sounds: it learns to hear what is said.

Beside sounds it unlearns sounds; after them it is asked one thing of each frame of read sentences, which fact is being
told, if any. On composed scenes its frames are held near where they were, so what it knows of sounds it goes on
knowing. Not in the paper, whose Whisper knows words; why not the speech encoder of this size: DECISIONS.md.
"""

import copy
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn import functional

from model.audio.fbank import fbank
from model.encoders.beats import BEATs
from model.encoders.conv import ConvEncoder
from training.config import DataConfig, ListeningConfig
from training.data.bank import Bank
from training.data.composer import Pool, compose, recorded
from training.data.features import FRAME_SAMPLES
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

    def losses(self, step: int) -> Mapping[str, Tensor]:
        """Cross-entropy of what is said in each frame, and how far scenes' frames are from those of before.

        The latter is a squared distance, in units of how much those vary.
        """
        rng = np.random.default_rng([6, step])
        config, scene = self.config, self.data.scene
        drawn = [draw_sentences(self.bank, rng, config.seconds, config.speeds) for _ in range(config.optim.batch_size)]
        read = np.stack([recorded(samples, scene, rng) for samples, _ in drawn])
        said = torch.from_numpy(np.stack([frames for _, frames in drawn]))
        scenes = np.stack([compose(self.pool, scene, rng).samples for _ in range(config.scenes)])
        logits = self.head(self.sound.encode(self._banks(read), said.shape[1]))
        told = functional.cross_entropy(logits.float().flatten(0, 1), said.flatten())
        banks, num_frames = self._banks(scenes), scenes.shape[1] // FRAME_SAMPLES
        with torch.no_grad():
            wanted = self.before.encode(banks, num_frames).float()
        held = (self.sound.encode(banks, num_frames) - wanted).square().mean() / wanted.var()
        return {"loss": told + config.held_weight * held, "told": told, "held": held}

    @torch.no_grad()
    def _banks(self, samples: npt.NDArray[np.float32]) -> Tensor:
        """Filter banks, of each row a band lost."""
        return mask_bands(fbank(torch.from_numpy(samples)), 2, self.config.mask_bins)


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
