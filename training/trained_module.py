"""The modules that a stage can train, by the stage's objective."""

from training.aligner import Aligner
from training.imitator import Imitator
from training.learner import Learner
from training.transcription import TranscriptionLearner

TrainedModule = Learner | Aligner | Imitator | TranscriptionLearner
"""`answers`: the language model's text; `alignment` and `imitation`: the connector alone;
`transcription`: the transcriber alone."""
