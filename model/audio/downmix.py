"""Mix channels to one, without losing a sound that is in all of them but with opposite signs."""

import numpy as np
import numpy.typing as npt

CANCELLED = 10**-1.5
"""A mix below this share of the channels' mean energy (15 dB less) has cancelled. Honest channels never do: eight of
which one sounds lose 9 dB, and two that have nothing in common lose 3 dB."""

FADE_S = 0.01
"""How long it takes to change from the mix to a channel and back."""

_STAYS = 2.0
"""How many times louder another channel must be to take over from the one in use."""

Samples = npt.NDArray[np.float32]


class Downmix:
    """Mix blocks of one recording. Each is decided by itself and by the one before, so that it can be streamed.

    The mix is the mean of all channels. If they cancel in a block, its loudest channel stands for all of them.
    """

    def __init__(self) -> None:
        self._weights: Samples = np.zeros(0, np.float32)

    def mix(self, channels: Samples, rate: int) -> Samples:
        """Return one channel, float32 [n], of a block [channels, n] at `rate` samples per second."""
        if len(channels) == 1:
            return channels[0]
        mean: Samples = channels.mean(axis=0, dtype=np.float32)
        before, weights = self._weights, self._choose(channels, mean)
        self._weights = weights
        mixed = mean if weights.max() < 1 else channels[int(weights.argmax())]
        if len(before) == len(weights) and not np.array_equal(before, weights):
            num_fading = min(round(FADE_S * rate), len(mixed))
            ramp = np.linspace(0, 1, num_fading, endpoint=False, dtype=np.float32)
            earlier = before @ channels[:, :num_fading]
            mixed = np.concatenate((earlier + ramp * (mixed[:num_fading] - earlier), mixed[num_fading:]))
        return mixed

    def _choose(self, channels: Samples, mean: Samples) -> Samples:
        """Return the weight of each channel: all the same, or 1 for one of them."""
        with np.errstate(over="ignore", invalid="ignore"):  # what is not finite is refused later
            energies = np.array([np.dot(channel, channel) for channel in channels])
            energy_of_mean = np.dot(mean, mean)
        same = np.full(len(channels), 1 / len(channels), np.float32)
        if not np.isfinite(energies).all() or energy_of_mean >= CANCELLED * energies.mean():
            return same
        loudest = int(energies.argmax())
        if len(self._weights) == len(channels) and self._weights.max() == 1:
            current = int(self._weights.argmax())
            loudest = current if energies[loudest] < _STAYS * energies[current] else loudest
        return np.eye(len(channels), dtype=np.float32)[loudest]
