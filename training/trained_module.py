"""The modules that a stage can train, by the stage's objective."""

from training.aligner import Aligner
from training.imitator import Imitator
from training.learner import Learner

TrainedModule = Learner | Aligner | Imitator
"""`answers`: the language model's text; `alignment` and `imitation`: the connector alone."""
