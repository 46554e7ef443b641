"""The words of nature, of things and of machines, but for those in `training.data.words`."""

from training.data.words import Wording

THING_WORDS: dict[str, Wording] = {
    "can_opening": Wording(
        ("a can", "tin can", "soda can"),
        ("A can is opened.", "Someone opens a can.", "The opening of a can.", "A can opens with a hiss."),
        (
            "can opening", "a can being opened", "someone opening a can", "opening a can", "a soda can", "a beer can",
            "the hiss of an opened can", "a tin can being opened",
        ),
    ),
    "car_horn": Wording(
        ("horn", "honk"),
        ("A car horn is heard.", "A car honks.", "The horn of a car.", "A car honks its horn."),
        (
            "car horn", "a car horn", "a car honking", "honking", "a horn", "the horn of a car", "a driver honking",
            "a honking car",
        ),
    ),
    "church_bells": Wording(
        ("bell",),
        ("Church bells are ringing.", "Church bells ring.", "The bells of a church.", "Bells can be heard."),
        (
            "church bells", "a church bell", "bells ringing", "church bells ringing", "bells", "a ringing church bell",
            "the bells of a church", "a bell tower",
        ),
    ),
    "clock_alarm": Wording(
        ("alarm",),
        ("An alarm is beeping.", "An alarm rings.", "The beep of an alarm.", "An alarm can be heard."),
        (
            "alarm clock", "an alarm clock", "an alarm", "an alarm clock ringing", "a beeping alarm", "beeping",
            "an alarm beeping", "an alarm going off",
        ),
    ),
    "door_wood_creaks": Wording(
        ("creak",),
        ("A door is creaking.", "A door creaks.", "The creak of a wooden door.", "A creaking door is heard."),
        (
            "creaking door", "a creaking door", "a door creaking", "creaking", "the creak of a door",
            "a squeaking door", "a wooden door creaking", "creaking hinges",
        ),
    ),
    "door_wood_knock": Wording(
        ("knock",),
        ("Someone knocks on a door.", "A knock on a door.", "Knocking is heard.", "Someone is knocking."),
        (
            "door knock", "a knock on a door", "knocking", "someone knocking on a door", "a knock", "knocks on wood",
            "somebody knocking", "someone at the door",
        ),
    ),
    "engine": Wording(
        ("motor", "an engine", "car engine"),
        ("A car engine is running.", "An engine runs.", "A motor is running.", "The motor of a car."),
        (
            "engine", "an engine", "a car engine", "an engine running", "a running motor", "a motor",
            "the engine of a car", "an idling engine",
        ),
    ),
    "fireworks": Wording(
        ("firework",),
        ("Fireworks are exploding.", "Fireworks explode.", "Fireworks are heard.", "The bang of fireworks."),
        (
            "fireworks", "a firework", "fireworks exploding", "exploding fireworks", "a fireworks display",
            "the bang of fireworks", "firecrackers", "firework rockets",
        ),
    ),
    "glass_breaking": Wording(
        ("shatter", "glass is break", "glass break", "breaking glass"),
        ("Glass is breaking.", "Glass breaks.", "A glass shatters.", "The sound of breaking glass."),
        (
            "breaking glass", "glass breaking", "glass shattering", "a glass breaking", "shattering glass",
            "a window breaking", "broken glass", "a bottle shattering",
        ),
    ),
    "hand_saw": Wording(
        ("hand saw", "handsaw", "saw"),
        ("A hand saw cuts wood.", "Someone saws wood by hand.", "A hand saw is used.", "A hand saw is heard."),
        (
            "hand saw", "a hand saw", "sawing by hand", "someone sawing wood by hand", "a handsaw",
            "wood being sawn by hand", "a hand saw cutting wood", "hand sawing",
        ),
    ),
    "keyboard_typing": Wording(
        ("keyboard", "typ"),
        ("Someone types on a keyboard.", "Someone is typing.", "A keyboard is used.", "Typing is heard."),
        (
            "keyboard typing", "someone typing", "typing on a keyboard", "a keyboard", "typing", "a computer keyboard",
            "someone typing on a keyboard", "the keys of a keyboard",
        ),
    ),
    "mouse_click": Wording(
        ("mouse", "click"),
        ("A mouse is clicking.", "A mouse clicks.", "The click of a mouse.", "Someone clicks with a mouse."),
        (
            "mouse click", "a mouse click", "a computer mouse", "clicking", "someone clicking with a mouse",
            "a mouse clicking", "the click of a mouse", "mouse clicks",
        ),
    ),
    "pouring_water": Wording(
        ("water is pour", "being pour", "pour water", "water pour", "pour a drink"),
        ("Water is poured.", "Someone pours water.", "Water is pouring into a cup.", "The sound of pouring water."),
        (
            "pouring water", "water being poured", "someone pouring water", "water poured into a cup",
            "pouring a drink", "the pouring of water", "a cup being filled", "a liquid being poured",
        ),
    ),
    "siren": Wording(
        ("siren",),
        ("A siren is wailing.", "A siren wails.", "A siren is heard.", "The siren of a police car."),
        (
            "siren", "a siren", "a siren wailing", "a wailing siren", "a police siren", "an ambulance siren",
            "an emergency siren", "a fire engine",
        ),
    ),
    "thunderstorm": Wording(
        ("thunder", "thunderstorm"),
        ("Thunder is heard.", "Thunder rolls.", "The thunder of a storm.", "A thunderstorm is heard."),
        (
            "thunderstorm", "a thunderstorm", "thunder", "a clap of thunder", "rolling thunder", "a storm with thunder",
            "the rumble of thunder", "lightning and thunder",
        ),
    ),
    "toilet_flush": Wording(
        ("toilet", "flush"),
        ("A toilet is flushed.", "A toilet flushes.", "The flush of a toilet.", "Someone flushes a toilet."),
        (
            "toilet flush", "a toilet flushing", "a toilet", "flushing", "someone flushing a toilet",
            "the flush of a toilet", "a flushing toilet", "a toilet being flushed",
        ),
    ),
    "train": Wording(
        ("train", "railway"),
        ("A train is passing.", "A train passes by.", "The sound of a train.", "A train can be heard."),
        (
            "train", "a train", "a train passing", "a passing train", "a train on rails", "a railway", "a locomotive",
            "a train driving by",
        ),
    ),
    "vacuum_cleaner": Wording(
        ("vacuum", "vacuum cleaner"),
        (
            "A vacuum cleaner is running.", "A vacuum cleaner runs.", "Someone uses a vacuum cleaner.",
            "The drone of a vacuum cleaner.",
        ),
        (
            "vacuum cleaner", "a vacuum cleaner", "vacuuming", "a vacuum cleaner running", "someone vacuuming",
            "a hoover", "the noise of a vacuum cleaner", "a carpet being vacuumed",
        ),
    ),
    "washing_machine": Wording(
        ("washing machine", "washer", "laundry"),
        (
            "A washing machine is running.", "A washing machine runs.", "The drone of a washing machine.",
            "A washing machine is heard.",
        ),
        (
            "washing machine", "a washing machine", "a washing machine running", "laundry being washed",
            "a running washing machine", "a washer", "the spin of a washing machine", "clothes in a washing machine",
        ),
    ),
    "water_drops": Wording(
        ("water drop", "drip", "dripp", "drop of water"),
        ("Water is dripping.", "Water drips.", "Water drops are heard.", "The drip of water."),
        (
            "water drops", "dripping water", "water dripping", "a water drop", "a dripping tap", "drops of water",
            "a drip", "a leaking tap",
        ),
    ),
    "wind": Wording(
        ("wind", "gust"),
        ("The wind is blowing.", "The wind blows.", "Strong wind is heard.", "The wind howls."),
        (
            "wind", "the wind", "wind blowing", "the wind blowing", "howling wind", "strong wind", "a gust of wind",
            "windy weather",
        ),
    ),
}  # fmt: skip
