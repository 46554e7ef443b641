"""Bulletins as recordings: what somebody's microphone makes of them."""

import numpy as np

from training.data.bank import Bank
from training.data.composer import PlacedEvent, Scene, SceneConfig, recorded
from training.data.newsroom import draw_bulletin
from training.data.voices import VOICES

SPOKEN_SPEEDS = (0.88, 1.15)
VOICE_KINDS = {str(voice): f"{voice.sex}_speaking" for voice in VOICES}


def spoken_scene(bank: Bank, seconds: float, scene: SceneConfig, rng: np.random.Generator) -> Scene:
    """A bulletin as somebody's recording of it: at any speed, level and colour, over some noise.

    Its first event is the voice, from the first section to the last.
    """
    bulletin = draw_bulletin(bank, rng, seconds, speeds=SPOKEN_SPEEDS)
    samples = recorded(bulletin.samples, scene, rng)
    voice = PlacedEvent(VOICE_KINDS[bulletin.voice], bulletin.sections[0].start, bulletin.sections[-1].end)
    return Scene(samples, (voice, *bulletin.events))
