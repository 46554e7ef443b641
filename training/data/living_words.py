"""The words of animals, of people and of their voices, but for those in `training.data.words`."""

from training.data.words import Wording

LIVING_WORDS: dict[str, Wording] = {
    "breathing": Wording(
        ("breath",),
        ("Someone is breathing.", "A person breathes.", "A person breathes heavily.", "The breathing of a person."),
        (
            "breathing", "someone breathing", "a person breathing", "heavy breathing", "a breath", "somebody breathes",
            "the breath of a person", "breathing in and out",
        ),
    ),
    "brushing_teeth": Wording(
        ("teeth", "toothbrush"),
        ("Someone is brushing teeth.", "A person brushes teeth.", "Teeth are being brushed.", "A toothbrush is heard."),
        (
            "brushing teeth", "someone brushing teeth", "a toothbrush", "a person brushing their teeth",
            "tooth brushing", "teeth being brushed", "somebody cleaning their teeth", "the sound of a toothbrush",
        ),
    ),
    "cat": Wording(
        ("cat", "meow"),
        ("A cat is meowing.", "A cat meows.", "The meow of a cat.", "A cat can be heard."),
        ("cat", "a cat", "a cat meowing", "a meowing cat", "meowing", "the meow of a cat", "a kitten", "meow"),
    ),
    "chirping_birds": Wording(
        ("bird", "birdsong"),
        ("Birds are chirping.", "Birds sing.", "The song of birds.", "Birds can be heard."),
        (
            "chirping birds", "birds chirping", "birds", "birds singing", "birdsong", "a bird singing",
            "a chirping bird", "the song of a bird",
        ),
    ),
    "clapping": Wording(
        ("clapp", "people clap", "person clap", "someone clap", "hand clap", "applause", "applaud"),
        ("People are clapping.", "People clap.", "Someone claps.", "Applause is heard."),
        (
            "clapping", "people clapping", "applause", "someone clapping", "clapping hands", "an audience applauding",
            "hands clapping", "a crowd clapping",
        ),
    ),
    "coughing": Wording(
        ("cough",),
        ("Someone is coughing.", "A person coughs.", "A person coughs loudly.", "A cough is heard."),
        (
            "coughing", "someone coughing", "a cough", "a person coughing", "somebody coughs", "a man coughing",
            "a coughing person", "a woman coughing",
        ),
    ),
    "cow": Wording(
        ("cow", "moo"),
        ("A cow is mooing.", "A cow moos.", "The moo of a cow.", "A cow can be heard."),
        ("cow", "a cow", "a cow mooing", "a mooing cow", "mooing", "the moo of a cow", "cattle", "moo"),
    ),
    "crickets": Wording(
        ("cricket",),
        ("Crickets are chirping.", "Crickets chirp.", "The song of crickets.", "Crickets can be heard."),
        (
            "crickets", "a cricket", "crickets chirping", "chirping crickets", "a cricket chirping",
            "the chirp of crickets", "crickets at night", "grasshoppers",
        ),
    ),
    "crow": Wording(
        ("caw", "raven"),
        ("A crow is cawing.", "A crow caws.", "The caw of a crow.", "A crow can be heard cawing."),
        ("crow", "a crow", "a crow cawing", "a cawing crow", "cawing", "the caw of a crow", "crows", "a raven"),
    ),
    "drinking_sipping": Wording(
        ("is drink", "person drink", "sip", "sipp"),
        ("Someone is drinking.", "A person drinks.", "Someone sips a drink.", "The sip of a person."),
        (
            "drinking", "someone drinking", "sipping", "a person drinking", "someone sipping", "a sip",
            "somebody taking a sip", "a person sipping a drink",
        ),
    ),
    "footsteps": Wording(
        ("footstep", "walk", "step"),
        ("Someone is walking.", "A person walks.", "Footsteps are heard.", "The steps of a person."),
        (
            "footsteps", "someone walking", "a person walking", "steps", "walking", "the footsteps of a person",
            "somebody walks", "a footstep",
        ),
    ),
    "frog": Wording(
        ("frog", "croak"),
        ("A frog is croaking.", "A frog croaks.", "The croak of a frog.", "A frog can be heard."),
        ("frog", "a frog", "a frog croaking", "a croaking frog", "croaking", "the croak of a frog", "frogs", "a toad"),
    ),
    "hen": Wording(
        ("hen", "cluck", "chicken"),
        ("A hen is clucking.", "A hen clucks.", "The cluck of a hen.", "A hen can be heard."),
        ("hen", "a hen", "a hen clucking", "a clucking hen", "clucking", "a chicken", "chickens", "the cluck of a hen"),
    ),
    "insects": Wording(
        ("insect", "bee"),
        ("Insects are buzzing.", "An insect buzzes.", "The buzz of an insect.", "Insects can be heard."),
        (
            "insects", "an insect", "insects buzzing", "a buzzing insect", "a buzzing fly", "bees", "a bee buzzing",
            "the buzz of insects",
        ),
    ),
    "laughing": Wording(
        ("laugh", "laughter"),
        ("Someone is laughing.", "A person laughs.", "A person laughs loudly.", "Laughter is heard."),
        (
            "laughing", "someone laughing", "laughter", "a person laughing", "a laugh", "somebody laughs",
            "people laughing", "a giggle",
        ),
    ),
    "pig": Wording(
        ("pig", "grunt", "oink"),
        ("A pig is grunting.", "A pig grunts.", "The grunt of a pig.", "A pig can be heard."),
        ("pig", "a pig", "a pig grunting", "a grunting pig", "oinking", "pigs", "the grunt of a pig", "a hog"),
    ),
    "sheep": Wording(
        ("sheep", "bleat", "lamb"),
        ("A sheep is bleating.", "A sheep bleats.", "The bleat of a sheep.", "A sheep can be heard."),
        (
            "sheep", "a sheep", "a sheep bleating", "a bleating sheep", "bleating", "a lamb", "the bleat of a sheep",
            "baa",
        ),
    ),
    "snoring": Wording(
        ("snor",),
        ("Someone is snoring.", "A person snores.", "A person snores loudly.", "The snoring of a person."),
        (
            "snoring", "someone snoring", "a person snoring", "a snore", "a snoring person", "somebody snores",
            "a man snoring", "the snore of a person",
        ),
    ),
    "man_speaking": Wording(
        ("man is speak", "man speak", "man is talk", "man talk", "voice of a man", "male voice"),
        ("A man is speaking.", "A man speaks.", "A man is talking.", "The voice of a man."),
        (
            "man speaking", "a man speaking", "a man talking", "a male voice", "the voice of a man", "a man's voice",
            "male speech", "a man who speaks",
        ),
    ),
    "woman_speaking": Wording(
        ("woman is speak", "woman speak", "woman is talk", "woman talk", "voice of a woman", "female voice"),
        ("A woman is speaking.", "A woman speaks.", "A woman is talking.", "The voice of a woman."),
        (
            "woman speaking", "a woman speaking", "a woman talking", "a female voice", "the voice of a woman",
            "a woman's voice", "female speech", "a woman who speaks",
        ),
    ),
}  # fmt: skip
