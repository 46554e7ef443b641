"""Mixes channels to mono without losing sound that has opposite signs in the channels."""

import numpy as np
import numpy.typing as npt

CANCELLED = 10**-1.5
"""A mix whose energy is below this share of the channels' mean energy (-15 dB) has cancelled. Ordinary recordings stay
above it: one active channel of eight loses 9 dB, two uncorrelated channels lose 3 dB."""

FADE_S = 0.01
"""How long it takes to change from the mix to a channel and back."""

_AS_LOUD = 0.999
"""A channel with at least this share of the loudest channel's energy is equally loud. The first of these is chosen."""

_STAYS = 2.0
"""How many times louder another channel must be to take over from the one in use."""

Samples = npt.NDArray[np.float32]


class Downmix:
    """Mixes the blocks of one recording. Each decision depends only on the block and the one before it.

    The mix is the mean of all channels or, in a block where they cancel, the loudest channel.
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
        with np.errstate(over="ignore", invalid="ignore"):  # infinities and NaN are refused later
            energies = np.array([_energy(channel) for channel in channels])
            energy_of_mean = _energy(mean)
        same = np.full(len(channels), 1 / len(channels), np.float32)
        if not np.isfinite(energies).all() or energy_of_mean >= CANCELLED * energies.mean():
            return same
        loudest = int((energies >= _AS_LOUD * energies.max()).argmax())
        if len(self._weights) == len(channels) and self._weights.max() == 1:
            current = int(self._weights.argmax())
            loudest = current if energies[loudest] < _STAYS * energies[current] else loudest
        return np.eye(len(channels), dtype=np.float32)[loudest]


def _energy(samples: Samples) -> np.float32:
    """Return the energy of the samples around their mean. An offset is not sound, and channels do not cancel it."""
    return np.float32(np.dot(samples, samples) - len(samples) * np.square(samples.mean(dtype=np.float64)))
