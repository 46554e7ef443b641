"""The voices of synthesizers, and which of them training never hears."""

from dataclasses import dataclass
from typing import Literal

Engine = Literal["f5-tts", "espeak-ng", "flite", "festival", "tones"]
ENGINES: tuple[Engine, ...] = ("f5-tts", "espeak-ng", "flite", "festival", "tones")
"""Best first."""
Sex = Literal["man", "woman"]


@dataclass(frozen=True, slots=True)
class Voice:
    """One of an engine's voices, by the engine's own name for it."""

    engine: Engine
    name: str
    sex: Sex

    def __str__(self) -> str:
        return f"{self.engine}:{self.name}"


def _voices(engine: Engine, sex: Sex, *names: str) -> tuple[Voice, ...]:
    return tuple(Voice(engine, name, sex) for name in names)


VOICES: tuple[Voice, ...] = (
    *_voices("espeak-ng", "man", "en-us", "en-us+m3", "en-us+m7", "en", "en+m1", "en+m5", "en-gb-scotland"),
    *_voices("espeak-ng", "man", "en-gb-scotland+m3", "en-029", "en-029+m2", "en-gb-x-rp", "en-gb-x-rp+m4"),
    *_voices("espeak-ng", "man", "en-gb-x-gbclan+m6"),
    *_voices("espeak-ng", "woman", "en-us+f1", "en-us+f2", "en-us+f4", "en+f2", "en+f4", "en-gb-scotland+f3"),
    *_voices("espeak-ng", "woman", "en-029+f2", "en-gb-x-rp+f1", "en-gb-x-gbcwmd+f5"),
    *_voices("flite", "man", "kal16", "awb", "rms"),
    *_voices("flite", "woman", "slt"),
    *_voices("festival", "man", "kal_diphone", "ked_diphone"),
    *_voices("festival", "woman", "cmu_us_slt_arctic_hts"),
    *_voices("tones", "man", "low", "middle"),
    *_voices("tones", "woman", "high"),
)

UNSEEN = ("flite:rms", "festival:ked_diphone", "espeak-ng:en-gb-x-gbcwmd+f5", "espeak-ng:en-gb-x-gbclan+m6")
UNSEEN_VOICES = tuple(voice for voice in VOICES if str(voice) in UNSEEN)
TRAINING_VOICES = tuple(voice for voice in VOICES if str(voice) not in UNSEEN and voice.engine != "tones")
"""Of every engine, the one or two that no training hears; and those that it hears."""
