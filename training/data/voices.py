"""The text-to-speech engines and their voices."""

from dataclasses import dataclass
from typing import Literal

Engine = Literal["f5-tts", "espeak-ng", "flite", "festival", "tones"]
ENGINES: tuple[Engine, ...] = ("f5-tts", "espeak-ng", "flite", "festival", "tones")
"""Best first."""


@dataclass(frozen=True, slots=True)
class Voice:
    """A voice of an engine, with the engine's name for it."""

    engine: Engine
    name: str


def _voices(engine: Engine, *names: str) -> tuple[Voice, ...]:
    return tuple(Voice(engine, name) for name in names)


VOICES: tuple[Voice, ...] = (
    *_voices("espeak-ng", "en-us", "en-us+m3", "en-us+m7", "en", "en+m1", "en+m5", "en-gb-scotland"),
    *_voices("espeak-ng", "en-gb-scotland+m3", "en-029", "en-029+m2", "en-gb-x-rp", "en-gb-x-rp+m4"),
    *_voices("espeak-ng", "en-gb-x-gbclan+m6", "en-us+f1", "en-us+f2", "en-us+f4", "en+f2", "en+f4"),
    *_voices("espeak-ng", "en-gb-scotland+f3", "en-029+f2", "en-gb-x-rp+f1", "en-gb-x-gbcwmd+f5"),
    *_voices("flite", "kal16", "awb", "rms", "slt"),
    *_voices("festival", "kal_diphone", "ked_diphone", "cmu_us_slt_arctic_hts"),
    *_voices("tones", "low", "middle", "high"),
)

ENGLISH = "en"

HELD_OUT: frozenset[Voice] = frozenset(
    (
        *_voices("espeak-ng", "en+m1", "en-029+m2", "en-gb-x-gbclan+m6", "en-gb-x-gbcwmd+f5"),
        *_voices("flite", "rms"),
        *_voices("festival", "ked_diphone"),
        *_voices("tones", "high"),
    )
)
"""Voices for validation only. None is a variant of a training voice or shares its speaker: two engines have `slt`."""


def voices_of(language: str, side: str) -> list[Voice]:
    """Return espeak-ng's voices of one side for a language other than English, given as its code (`de`, `pt-br`)."""
    variants = ("+m1", "+f5") if side == "validate" else ("", "+m3", "+m7", "+f1", "+f2", "+f4")
    return [Voice("espeak-ng", f"{language}{variant}") for variant in variants]
