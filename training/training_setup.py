"""The objects that a stage trains with."""

from dataclasses import dataclass

from accelerate import Accelerator

from training.rehearsal import MixedBatches
from training.run_state import Writes
from training.stage_data import BatchSampler, FeatureExtractor
from training.stages import StageConfig
from training.trained_module import TrainedModule


@dataclass(frozen=True, slots=True)
class TrainingSetup:
    """The objects that a stage trains with."""

    learner: TrainedModule
    batches: BatchSampler | MixedBatches
    features: FeatureExtractor
    config: StageConfig
    accelerator: Accelerator

    @property
    def is_sharded(self) -> bool:
        """Whether tensors are sharded across processes."""
        return self.config.sharding and self.accelerator.num_processes > 1

    @property
    def writes(self) -> Writes:
        """What this process does when the state is saved: the main one writes, all gather sharded tensors."""
        if self.accelerator.is_main_process:
            return "yes"
        return "gathers" if self.is_sharded else "no"
