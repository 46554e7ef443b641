"""The words of the kinds outside of ESC-10, of two voices, and of sounds that can only be told by their group.

The style is that of `training.data.words`, with fewer wordings and few different words, as a language model of a few
million parameters has to learn to write them all.
"""

from dataclasses import dataclass

from training.data.living_words import LIVING_WORDS
from training.data.thing_words import THING_WORDS
from training.data.words import WORDS, Wording


@dataclass(frozen=True, slots=True)
class Group:
    """Kinds that one wording names together.

    Each of the `queries` is true of every one of `kinds`. Of `unsure` kinds people would disagree: where one of those
    is heard and none of `kinds`, the query should not be asked. `captions` are humble: they name no kind.
    """

    kinds: tuple[str, ...]
    queries: tuple[str, ...]
    captions: tuple[str, ...] = ()
    unsure: tuple[str, ...] = ()


MORE_WORDS: dict[str, Wording] = LIVING_WORDS | THING_WORDS

_ANIMALS = (
    "cat", "chirping_birds", "cow", "crickets", "crow", "dog", "frog", "hen", "insects", "pig", "rooster", "sheep",
)  # fmt: skip
_NATURE = ("crackling_fire", "pouring_water", "rain", "sea_waves", "thunderstorm", "water_drops", "wind")
_BODY = (
    "breathing", "brushing_teeth", "clapping", "coughing", "crying_baby", "drinking_sipping", "footsteps", "laughing",
    "sneezing", "snoring",
)  # fmt: skip
_OBJECTS = (
    "can_opening", "church_bells", "clock_alarm", "clock_tick", "door_wood_creaks", "door_wood_knock", "fireworks",
    "glass_breaking", "hand_saw", "keyboard_typing", "mouse_click", "toilet_flush",
)  # fmt: skip
_MACHINES = (
    "car_horn", "chainsaw", "engine", "helicopter", "siren", "train", "vacuum_cleaner", "washing_machine",
)  # fmt: skip
_SPEECH = ("man_speaking", "woman_speaking")

GROUPS: dict[str, Group] = {
    "some_animal": Group(
        _ANIMALS,
        (
            "animal", "an animal", "some animal", "an animal sound", "animals", "the sound of an animal",
            "a sound made by an animal", "an animal calling", "the voice of an animal", "an animal making noise",
            "any animal", "a living creature that is not human", "animal noise", "wildlife or farm animals",
        ),
        ("An unidentified animal sound.", "An unidentified animal is heard.", "Some animal can be heard."),
    ),
    "some_nature": Group(
        _NATURE,
        (
            "water, fire or weather", "nature or water", "the elements", "some sound of the elements",
            "fire, water, wind or weather", "weather, water or fire", "something of the elements",
            "the sound of water, fire or weather", "a natural element", "one of the elements",
            "any water, fire or wind",
            "the elements being heard",
        ),
        ("An unidentified natural sound.", "An unidentified sound of nature is heard.", "Some nature can be heard."),
        ("toilet_flush", "drinking_sipping", "washing_machine", "fireworks", *_ANIMALS),
    ),
    "some_person": Group(
        _BODY,
        (
            "human sound", "a human sound", "some human sound", "a person", "somebody", "a human being",
            "a sound made by a person", "a human noise", "someone being heard", "people", "any human sound",
            "a human but no speech", "a sound of the human body", "a person who does not speak",
        ),
        ("An unidentified human sound.", "An unidentified human noise is heard.", "Some human noise can be heard."),
        (
            "can_opening", "door_wood_knock", "hand_saw", "keyboard_typing", "mouse_click", "pouring_water",
            "toilet_flush", *_SPEECH,
        ),
    ),
    "some_object": Group(
        _OBJECTS,
        (
            "object", "an object", "some object", "the sound of an object", "a thing made by people",
            "an everyday object", "a sound made by an object", "some man-made object", "objects", "any object",
            "an object being used", "a thing that is not a machine",
        ),
        ("An unidentified sound of an object.", "An unidentified object is heard.", "Some object can be heard."),
        ("brushing_teeth", "drinking_sipping", "pouring_water", *_MACHINES),
    ),
    "some_machine": Group(
        _MACHINES,
        (
            "something mechanical", "a machine", "a vehicle or machine", "some machine", "a mechanical sound",
            "machine noise", "a machine or a vehicle", "the sound of a machine", "machinery", "any machine",
            "some mechanical sound", "a machine at work", "vehicles or machines", "a technical sound",
        ),
        ("An unidentified mechanical sound.", "An unidentified machine is heard.", "Some machine can be heard."),
        ("clock_alarm", "clock_tick", "hand_saw", "keyboard_typing", "mouse_click", "toilet_flush"),
    ),
    "some_voice": Group(
        _SPEECH,
        (
            "speech", "someone speaking", "a voice", "somebody talking", "a person speaking", "a speaker",
            "the sound of speech", "human speech", "some voice", "spoken words", "talking", "a person talking",
            "somebody who speaks", "an adult speaking",
        ),
        ("An unidentified voice is heard.", "Someone is speaking.", "Some voice can be heard."),
        ("crying_baby", "laughing"),
    ),
}  # fmt: skip
"""Every kind is in exactly one. The keys name sounds of which only the group is known."""


def lexicon() -> dict[str, tuple[str, ...]]:
    """The keywords of every kind, for `training.metrics.captions.kind_of`. Groups have none."""
    return {kind: words.keywords for kind, words in (WORDS | MORE_WORDS).items()}


def wording(kind: str) -> Wording:
    """The words of a kind, or those of a group (`some_animal`), which have no keywords.

    Raises:
        KeyError: there is no such kind or group.
    """
    if kind in GROUPS:
        return Wording((), GROUPS[kind].captions, GROUPS[kind].queries)
    return WORDS[kind] if kind in WORDS else MORE_WORDS[kind]
