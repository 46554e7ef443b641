"""Select the best state of a stage by generating answers to the validation rows and scoring them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from model.language.tokenizer import Tokenizer
from model.pipeline import Decoding, Pipeline
from model.timeaudio import TimeAudio
from training.data.manifest import Row
from training.learner import Learner
from training.run_state import load_trained, trained_state
from training.scoring import Score, score
from training.training_setup import TrainingSetup
from training.variants import ANSWERING_TOKENS, generate_answers

SELECTION = ("dense Eb-F1", "ground mean recall", "summary mIoU", "ask ROUGE-L")
"""The best state has the highest mean of these scores; those that do not apply to the validation rows are left out."""


def selection_score(scores: Sequence[Score]) -> float:
    """Return the mean of the scores in `SELECTION`."""
    values = [s.value for s in scores if s.name in SELECTION]
    return sum(values) / len(values) if values else 0.0


@dataclass(frozen=True, slots=True)
class Validation:
    """The validation rows, the folder that their audio paths are relative to, and a function that prints scores."""

    rows: Sequence[Row]
    folder: Path
    log: Callable[..., None]

    def measure(self, model: TimeAudio, tokenizer: Tokenizer, learner: Learner) -> float:
        """Score the learner in its current state."""
        learner.write_markers()
        model.eval()
        try:
            pipeline = Pipeline(model, tokenizer, num_slots=2, slot_tokens=ANSWERING_TOKENS, most_beams=1)
            decoding = Decoding(num_beams=1, max_new_tokens=200)
            grammar = learner.has_markers
            answers = generate_answers(pipeline, self.rows, self.folder, decoding, grammar=grammar, quiet=True)
            scores = score(self.rows, answers)
        finally:
            learner.train()
        value = selection_score(scores)
        shown = ", ".join(f"{s.name} {100 * s.value:.1f}" for s in scores if s.name in SELECTION)
        self.log(f"validation: {shown} -> {100 * value:.1f}")
        return value

    def measure_unsharded(
        self, setup: TrainingSetup, build: Callable[[str], tuple[TimeAudio, Tokenizer, Learner]]
    ) -> Callable[[], float]:
        """Return a function that scores a sharded learner.

        The main process loads the state into an unsharded learner from `build` and scores that; the others wait.
        """
        accelerator = setup.accelerator
        built: tuple[TimeAudio, Tokenizer, Learner] | None = None

        def measure() -> float:
            nonlocal built
            trained = trained_state(setup.learner)
            value = torch.zeros((), device=accelerator.device)
            if accelerator.is_main_process:
                built = built or build(str(accelerator.device))
                load_trained(built[2], trained)
                value += self.measure(*built)
            return float(accelerator.reduce(value, "sum"))

        return measure
