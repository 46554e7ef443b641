"""Fully sharded training (FSDP2): each process keeps its share of every tensor, where DDP keeps all of each.

By torch's `fully_shard` itself: accelerate 1.15 leaves its FSDP out where processes compute on CPUs, and the two would
then not be one path that a test can run. The encoders never train and stay whole in each process.

What is saved is whole tensors, so a run goes on with another number of processes, or without sharding.
"""

from typing import Any

import torch
from torch import Tensor, nn
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import FSDPModule, fully_shard
from torch.distributed.tensor import DTensor, distribute_tensor

from training.learner import Learner


def shard(learner: Learner, num_processes: int) -> None:
    """Share out the learner's tensors, in place: each layer of the language model by itself, then all the rest.

    A layer's tensors are gathered when it runs, and let go after it. Parameters become other objects: what trains has
    to be asked for anew. Every process calls it.
    """
    device = learner.marker_ids.device.type
    mesh = init_device_mesh(device, (num_processes,))
    layers: nn.ModuleList = learner.llm.get_decoder().layers
    for layer in layers:
        fully_shard(layer, mesh=mesh)
    fully_shard(learner, mesh=mesh)
    for module in learner.modules() if device == "cpu" else ():
        if isinstance(module, FSDPModule):
            module.set_force_sum_reduction_for_comms(True)  # gloo has no mean


def share_gradients(module: nn.Module, *, now: bool) -> None:
    """Whether the next backward pass shares gradients among the processes, or only adds them up in each."""
    assert isinstance(module, FSDPModule)
    module.set_requires_gradient_sync(now)


def whole(value: Any) -> Any:
    """The same nested value with whole tensors for shared ones, on the CPU. Every process calls it."""
    if isinstance(value, DTensor):
        return value.full_tensor().detach().cpu()
    if isinstance(value, Tensor):
        return value.detach().cpu().clone()
    if isinstance(value, dict):
        return {key: whole(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [whole(inner) for inner in value]
    return value


def load_whole(optimizer: torch.optim.Optimizer, stored: dict[str, Any]) -> None:
    """Load an optimizer's state of whole tensors; each process takes its share of those of a shared parameter."""
    parameters = [p for group in optimizer.param_groups for p in group["params"]]
    for place, values in stored["state"].items():
        parameter = parameters[place]
        if isinstance(parameter, DTensor):
            stored["state"][place] = {
                name: _shared(tensor, parameter) if tensor.shape == parameter.shape else tensor
                for name, tensor in values.items()
            }
    optimizer.load_state_dict(stored)


def _shared(tensor: Tensor, like: DTensor) -> Tensor:
    """Nothing is sent: every process has read the whole of it."""
    tensor = tensor.to(like.device)
    return distribute_tensor(tensor, like.device_mesh, like.placements, src_data_rank=None)
