"""Compose scenes with known times from recordings. Source: the recipe of AudioTime (Xie et al. 2025)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from scipy.fft import irfft, next_fast_len, rfft

from model.audio.waveform import SAMPLE_RATE
from training.data.acoustics import Samples, add_reverberation, hum, loop_to_length, quantise_to_8_bits
from training.data.draws import choose
from training.data.recordings import active_region, is_active


@dataclass(frozen=True, slots=True)
class PlacedEvent:
    """One recording's active part in a scene: half-open [start, end) in samples of the scene."""

    kind: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Scene:
    """A composed waveform (float32 [num_samples], 16 kHz mono) and its events, ordered by start."""

    samples: Samples
    events: tuple[PlacedEvent, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SceneConfig:
    """How scenes are drawn. Levels are in dB relative to full scale, lengths in seconds."""

    seconds: float = 10.0
    min_events: int = 1
    max_events: int = 4
    min_event_s: float = 0.3
    """Active parts are not cut to less than this."""
    cut_probability: float = 0.3
    """Probability that a long active part is cut to a random part of itself."""
    kind_exponent: float = 0.0
    """A kind is drawn in proportion to its number of recordings to this power: kinds such as music sound in many ways.
    0 draws all kinds equally often."""
    repeat_probability: float = 0.12
    """Probability that the next event is of a kind that the scene already has."""
    event_rms_db: tuple[float, float] = (-32.0, -14.0)
    noise_probability: float = 0.6
    noise_rms_db: tuple[float, float] = (-68.0, -42.0)
    other_share: float = 0.0
    """Probability that the next event is of one of the pool's other kinds."""
    equaliser_db: float = 0.0
    """Maximum gain of a random equaliser on each recording, in dB; 0 leaves recordings unchanged."""
    room_probability: float = 0.0
    """Probability that a recording is placed in a room (`add_reverberation`)."""
    eight_bit_probability: float = 0.0
    hum_probability: float = 0.0
    """Probability that the background noise includes mains hum or a tone, at the noise's level."""
    loop_probability: float = 0.0
    """Probability that a steady sound is extended beyond its recording, up to the whole scene."""
    most_event_s: float = 1e9
    """Longer active parts are always cut to a random length up to this."""
    avoid_overlap_probability: float = 0.5


def plain_scenes(lengths_s: Sequence[float], *, max_events: int = 4) -> list[SceneConfig]:
    """Return the configs of evaluation scenes: dry mixtures of up to `max_events` in 10 s, more in longer scenes."""
    counts = [max(2, round(max_events * max(1.0, length / 20))) for length in lengths_s]
    return [SceneConfig(seconds=length, max_events=count) for length, count in zip(lengths_s, counts, strict=True)]


STEADY = frozenset(
    {
        "airplane", "chainsaw", "crackling_fire", "crickets", "engine", "helicopter", "insects", "rain", "sea_waves",
        "train", "vacuum_cleaner", "washing_machine", "wind",
    }
)  # fmt: skip
"""Kinds whose recordings may be looped, because they are steady."""


@dataclass(slots=True)
class Pool:
    """Active parts of recordings (float32 [num_samples]), by kind; `others` are the parts of unknown kinds."""

    parts: Mapping[str, Sequence[Samples]]
    others: Mapping[str, Sequence[Samples]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Placement:
    """One active part (float32 [num_samples]) and its start in the scene, in samples."""

    kind: str
    start: int
    part: Samples

    @property
    def end(self) -> int:
        """The end, in samples."""
        return self.start + len(self.part)

    @property
    def event(self) -> PlacedEvent:
        """The event without its waveform."""
        return PlacedEvent(self.kind, self.start, self.end)


def plan(pool: Pool, config: SceneConfig, rng: np.random.Generator) -> list[Placement]:
    """Plan a scene's events, ordered by start: 1 to 4 (by default), each wholly inside `config.seconds`.

    Two events of one kind are at least 0.5 s apart.
    """
    num_samples = round(config.seconds * SAMPLE_RATE)
    placed: list[Placement] = []
    for _ in range(int(rng.integers(config.min_events, config.max_events + 1))):
        parts = pool.others if pool.others and rng.random() < config.other_share else pool.parts
        kind = _draw_kind(parts, [e.kind for e in placed if e.kind in parts], config, rng)
        placed += _placement(parts[kind], kind, num_samples, placed, config, rng)
    return sorted(placed, key=lambda p: (p.start, p.end))


def compose(pool: Pool, config: SceneConfig, rng: np.random.Generator) -> Scene:
    """Plan and mix a scene."""
    return mix(plan(pool, config, rng), config, rng)


def mix(placements: Sequence[Placement], config: SceneConfig, rng: np.random.Generator) -> Scene:
    """Mix a planned scene: every part gets a random level and colouring, over background noise."""
    samples = _background(round(config.seconds * SAMPLE_RATE), config, rng)
    for placement in placements:
        level = rng.uniform(*config.event_rms_db)
        part = at_level(_simulate_recording(placement.part, config, rng), level)[: len(samples) - placement.start]
        samples[placement.start : placement.start + len(part)] += part  # a room's decay outlasts the event
    peak = float(np.abs(samples).max())
    if peak > 0.99:
        samples *= 0.99 / peak
    return Scene(samples, tuple(p.event for p in placements))


def _draw_kind(
    parts: Mapping[str, Sequence[Samples]], used: list[str], config: SceneConfig, rng: np.random.Generator
) -> str:
    unused = [k for k in parts if k not in used]
    if used and (not unused or rng.random() < config.repeat_probability):
        return choose(used, rng)
    if not config.kind_exponent:
        return choose(unused, rng)
    weights = np.array([len(parts[kind]) ** config.kind_exponent for kind in unused])
    return unused[int(rng.choice(len(unused), p=weights / weights.sum()))]


def _placement(
    parts: Sequence[Samples],
    kind: str,
    num_samples: int,
    placed: Sequence[Placement],
    config: SceneConfig,
    rng: np.random.Generator,
) -> list[Placement]:
    """Place one of `parts`; return nothing if twenty tries find no place."""
    part = choose(parts, rng)
    if kind in STEADY and len(part) > SAMPLE_RATE and rng.random() < config.loop_probability:
        part = loop_to_length(part, int(rng.integers(min(len(part), num_samples), num_samples + 1)), rng)
    else:
        part = _cut(part, config, rng)[:num_samples]
    avoid = rng.random() < config.avoid_overlap_probability
    for attempt in range(20):
        start = int(rng.integers(0, num_samples - len(part) + 1))
        end = start + len(part)
        if _near_same_kind(kind, start, end, placed):
            continue
        if avoid and attempt < 15 and any(start < p.end and p.start < end for p in placed):
            continue
        return [Placement(kind, start, part)]
    return []


def _near_same_kind(kind: str, start: int, end: int, placed: Sequence[Placement]) -> bool:
    gap = SAMPLE_RATE // 2
    return any(p.kind == kind and start < p.end + gap and p.start < end + gap for p in placed)


def _cut(part: Samples, config: SceneConfig, rng: np.random.Generator) -> Samples:
    min_length, max_length = round(config.min_event_s * SAMPLE_RATE), round(config.most_event_s * SAMPLE_RATE)
    if len(part) <= 2 * min_length or (len(part) <= max_length and rng.random() >= config.cut_probability):
        return part
    for _ in range(20):  # avoid a cut that is only a gap between two barks
        length = int(rng.integers(min_length, min(len(part), max_length + 1)))
        start = int(rng.integers(0, len(part) - length + 1))
        cut = part[start : start + length].copy()
        if is_active(cut, part):
            break
    fade = min(len(cut) // 4, SAMPLE_RATE // 100)
    ramp = np.linspace(0.0, 1.0, fade, dtype=np.float32)
    cut[:fade] *= ramp
    cut[-fade:] *= ramp[::-1]
    # The cut may begin or end in a gap between two barks, but an event must start and end with sound.
    first, last = active_region(cut)
    return cut[first:last]


def at_level(part: Samples, rms_db: float) -> Samples:
    """Scale the part so that its loudest half second has the given RMS, but peaks stay below full scale."""
    block = min(len(part), SAMPLE_RATE // 2)
    energy = np.concatenate([[0.0], np.cumsum(part.astype(np.float64) ** 2)])
    loudest = float(np.sqrt((energy[block:] - energy[:-block]).max() / block))
    gain = 10 ** (rms_db / 20) / max(loudest, 1e-6)
    peak = float(np.abs(part).max()) * gain
    return (part * min(gain, gain * 0.95 / max(peak, 0.95))).astype(np.float32)


def _simulate_recording(part: Samples, config: SceneConfig, rng: np.random.Generator) -> Samples:
    """Return the part as another microphone, room and converter would record it."""
    part = _equalise(part, config, rng)
    if config.room_probability and rng.random() < config.room_probability:
        part = add_reverberation(part, rng)
    if config.eight_bit_probability and rng.random() < config.eight_bit_probability:
        part = quantise_to_8_bits(part, rng)
    return part


def _equalise(part: Samples, config: SceneConfig, rng: np.random.Generator) -> Samples:
    """Apply a random smooth equaliser, as if from another microphone and room."""
    if config.equaliser_db <= 0:
        return part
    size = next_fast_len(len(part), real=True)
    spectrum = rfft(part, n=size)
    knots = rng.uniform(-config.equaliser_db, config.equaliser_db, size=6)
    frequencies = np.linspace(0, 1, len(spectrum)) ** 0.5
    gain = (10 ** (np.interp(frequencies, np.linspace(0, 1, 6), knots) / 20)).astype(np.float32)
    return irfft(spectrum * gain, n=size)[: len(part)]


def _background(num_samples: int, config: SceneConfig, rng: np.random.Generator) -> Samples:
    """Return noise of a random colour between white and brown, or silence."""
    if rng.random() >= config.noise_probability:
        return np.zeros(num_samples, dtype=np.float32)
    spectrum = rfft(rng.standard_normal(num_samples, dtype=np.float32))
    slope = np.float32(rng.uniform(0.0, 1.0))
    spectrum /= np.maximum(np.arange(len(spectrum), dtype=np.float32), 1.0) ** slope
    noise = irfft(spectrum, n=num_samples)
    level = 10 ** (rng.uniform(*config.noise_rms_db) / 20)
    noise *= level / max(float(noise.std()), 1e-9)
    if config.hum_probability and rng.random() < config.hum_probability:
        noise += hum(num_samples, rng) * level
    return noise.astype(np.float32)
