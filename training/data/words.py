"""What people call the sounds: captions, queries and keywords of each kind.

Every caption holds a keyword of its kind and of no other, so that a caption names its kind to a reader and to the
metric (`training.metrics.captions.kind_of`).
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Wording:
    """The words of one kind of sound.

    `keywords` are stems; `captions` are whole sentences, `queries` noun phrases or clauses without a full stop.
    """

    keywords: tuple[str, ...]
    captions: tuple[str, ...]
    queries: tuple[str, ...]


WORDS: dict[str, Wording] = {
    "chainsaw": Wording(
        ("chainsaw", "chain saw"),
        (
            "A chainsaw is running.",
            "A chainsaw revs loudly.",
            "A chainsaw cuts through wood.",
            "Someone works with a chainsaw.",
            "The engine of a chainsaw roars.",
            "A chainsaw buzzes.",
            "A chainsaw is used to cut a tree.",
            "The loud drone of a chainsaw.",
        ),
        (
            "chainsaw", "a chainsaw", "a chainsaw running", "a chainsaw cutting wood", "chain saw",
            "a revving chainsaw", "the engine of a chainsaw", "someone sawing with a motor saw", "a motor saw",
            "the buzz of a chainsaw",
            "chainsaw noise", "a chainsaw being used", "a chain saw cutting a tree", "a loud chainsaw",
            "someone using a chainsaw", "a petrol saw", "logging with a chainsaw", "a tree being cut down",
        ),
    ),
    "clock_tick": Wording(
        ("clock", "tick"),
        (
            "A clock is ticking.",
            "A clock ticks steadily.",
            "The ticking of a clock.",
            "A clock ticks in a quiet room.",
            "The regular tick of a clock.",
            "A wall clock ticks.",
            "A mechanical clock ticks away.",
            "A watch or clock is ticking.",
        ),
        (
            "clock tick", "a clock", "a clock ticking", "a ticking clock", "ticking", "the ticking of a clock",
            "a watch ticking", "the tick of a clock", "clock", "a mechanical clock",
            "clock ticking", "a tick-tock", "the second hand of a clock", "a wall clock", "an alarm clock ticking",
            "a stopwatch ticking", "a ticking watch", "tick tock",
        ),
    ),
    "crackling_fire": Wording(
        ("fire", "flame", "crackl"),
        (
            "A fire is crackling.",
            "A fire crackles and pops.",
            "The crackling of a fire.",
            "Wood burns in a crackling fire.",
            "A campfire crackles.",
            "Flames crackle in a fireplace.",
            "A log fire burns and crackles.",
            "The crackle of burning wood in a fire.",
        ),
        (
            "crackling fire", "a fire", "a fire crackling", "a crackling fire", "a burning fire", "a campfire",
            "flames", "fire", "the crackling of burning wood", "a fireplace",
            "fire crackling", "wood burning", "a log fire", "a bonfire", "crackling flames", "burning logs",
            "a fire burning in a fireplace", "the crackle of a fire",
        ),
    ),
    "crying_baby": Wording(
        ("baby", "infant"),
        (
            "A baby is crying.",
            "A baby cries.",
            "A baby cries loudly.",
            "The crying of a baby.",
            "An infant is crying.",
            "A baby wails.",
            "An upset baby cries.",
            "A small baby screams and cries.",
        ),
        (
            "crying baby", "a baby", "a baby crying", "a crying baby", "an infant crying", "a baby wailing", "baby",
            "a crying infant", "the cry of a baby", "a newborn crying",
            "baby crying", "an infant", "a wailing infant", "a baby screaming", "a newborn baby", "a child crying",
            "a toddler crying", "crying",
        ),
    ),
    "dog": Wording(
        ("dog", "bark"),
        (
            "A dog is barking.",
            "A dog barks.",
            "A dog barks loudly.",
            "The barking of a dog.",
            "A dog barks again and again.",
            "Barks of a dog.",
            "An excited dog barks.",
            "A dog can be heard barking.",
        ),
        (
            "dog", "a dog", "a dog barking", "a barking dog", "barking", "the bark of a dog", "a dog's bark",
            "dog barks", "a hound barking", "a puppy barking",
            "dog barking", "a dog that barks", "a barking puppy", "barks", "a dog woofing", "a yapping dog",
            "a canine", "woof",
        ),
    ),
    "helicopter": Wording(
        ("helicopter", "chopper"),
        (
            "A helicopter is flying.",
            "A helicopter flies overhead.",
            "The rotor of a helicopter.",
            "A helicopter passes by.",
            "The blades of a helicopter are spinning.",
            "A helicopter hovers.",
            "A helicopter can be heard in the sky.",
            "The steady chop of a helicopter.",
        ),
        (
            "helicopter", "a helicopter", "a helicopter flying", "a helicopter overhead", "the rotor of a helicopter",
            "helicopter blades", "a chopper", "a hovering helicopter", "a helicopter passing by", "rotor blades",
            "helicopter flying", "a helicopter hovering", "helicopter noise", "the blades of a helicopter",
            "a helicopter flying overhead", "a flying helicopter", "a rotorcraft", "the chop of rotor blades",
        ),
    ),
    "rain": Wording(
        ("rain",),
        (
            "It is raining.",
            "Rain is falling.",
            "Rain falls steadily.",
            "The sound of rain.",
            "Heavy rain pours down.",
            "Rain patters on the ground.",
            "Rain drops are falling.",
            "Steady rain can be heard.",
        ),
        (
            "rain", "rain falling", "the sound of rain", "falling rain", "heavy rain", "raindrops", "rainfall",
            "rain pouring down", "a rain shower", "it is raining",
            "raining", "rain pattering", "a downpour", "pouring rain", "rain drops", "drizzle", "the patter of rain",
            "light rain",
        ),
    ),
    "rooster": Wording(
        ("rooster", "cock"),
        (
            "A rooster is crowing.",
            "A rooster crows.",
            "A rooster crows loudly.",
            "The crow of a rooster.",
            "A rooster calls on a farm.",
            "A rooster crows in the morning.",
            "A rooster can be heard crowing.",
            "The loud call of a rooster.",
        ),
        (
            "rooster", "a rooster", "a rooster crowing", "a crowing rooster", "the crow of a rooster", "a cock crowing",
            "a cockerel", "the call of a rooster", "cock-a-doodle-doo", "a rooster's call",
            "rooster crowing", "a rooster that crows", "crowing", "a cock", "the crowing of a cock",
            "a cockerel crowing", "a cock's crow", "a farmyard rooster",
        ),
    ),
    "sea_waves": Wording(
        ("wave", "sea", "surf", "ocean"),
        (
            "Waves are breaking on the shore.",
            "Sea waves roll in.",
            "Waves wash up on a beach.",
            "The sound of sea waves.",
            "Ocean waves crash on the shore.",
            "The surf of the sea.",
            "Waves of the sea come and go.",
            "Sea waves can be heard.",
        ),
        (
            "sea waves", "waves", "the sea", "ocean waves", "waves breaking on the shore", "the sound of the sea",
            "waves on a beach", "the ocean", "surf", "waves crashing",
            "sea", "the waves of the sea", "breaking waves", "waves rolling in", "the surf", "an ocean beach",
            "waves washing up on the shore", "the seashore",
        ),
    ),
    "sneezing": Wording(
        ("sneez",),
        (
            "Someone is sneezing.",
            "Someone sneezes.",
            "A person sneezes.",
            "A person sneezes loudly.",
            "A sneeze is heard.",
            "A man or a woman sneezes.",
            "Somebody sneezes suddenly.",
            "The sneeze of a person.",
        ),
        (
            "sneezing", "a sneeze", "someone sneezing", "a person sneezing", "somebody sneezes", "sneeze",
            "the sneeze of a person", "a man sneezing", "a woman sneezing", "a loud sneeze",
            "a person who sneezes", "achoo", "somebody sneezing", "someone sneezes", "a sneezing person",
            "a human sneeze", "people sneezing", "the sound of sneezing",
        ),
    ),
}  # fmt: skip

DENSE_CAPTION_INSTRUCTIONS = (
    "Which sound events occur, and what are their time intervals and descriptions?",
    "What sounds are heard? Give their start and end times with descriptions.",
    "Describe every sound event in the recording with its time intervals.",
    "List the sounds of this audio with the times at which they happen.",
    "What happens in this recording, and when?",
    "Which events can you hear? Say when each starts and ends.",
)
"""Six instructions of the task, as the paper's data set has. The first is the one that the server asks."""

GROUND_INSTRUCTIONS = (
    "What are the start and end times of audio matching '{query}'?",
    "When does '{query}' happen in the recording?",
    "Find the time intervals in which '{query}' can be heard.",
    "At what times is '{query}' heard?",
    "Locate '{query}' in the audio.",
    "Give the start and end times of '{query}'.",
)
"""Six instructions of the task; `{query}` is the caller's words. The first is the one that the server asks."""

PARAPHRASE_INSTRUCTION = "What sound is '{query}'?"
"""Stage 0 alone asks this."""

QUERY_FRAMES = (
    "the sound of {}",
    "sound of {}",
    "{} in the background",
    "{} nearby",
    "the noise of {}",
    "{} being heard",
)
"""What people put around a query."""
