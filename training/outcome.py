"""The outcome of a finished stage: whether it kept its start, and what the user should know."""

from training.run_state import RunState
from training.stages import StageConfig


def remark(state: RunState, config: StageConfig) -> str:
    """Return what the user should know about the state that was written."""
    if config.rehearsal_share:
        return f"It is the state after step {state.best_step}; the loss of your held-out clips is {-state.best:.3f}."
    if not config.evaluate_every:
        return "It is the last state: this stage measures none."
    if state.best:
        return f"It is the state after step {state.best_step}; its validation score is {100 * state.best:.1f}."
    return (
        "Its validation score is 0.0: no answer to the validation rows was even partly right, so do not expect it to"
        " work. Train for longer, lower learning_rate, or check the captions and times of the manifest."
    )


def keeps_start(state: RunState, config: StageConfig) -> bool:
    """Return whether no state of a stage that rehearses was better than the checkpoint that it started from."""
    return config.rehearsal_share > 0 and state.best_step == 0
