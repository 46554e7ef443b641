"""Fully sharded training (FSDP2): each process keeps a shard of every tensor, where DDP keeps a full copy.

This uses torch's `fully_shard` directly: accelerate 1.15 disables its FSDP on CPUs, so tests could not run the code
path that GPUs use. The encoders never train and are not sharded.

Saved states hold whole tensors, so a run can continue with another number of processes, or without sharding.
"""

from typing import Any

import torch
from torch import Tensor, nn
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import FSDPModule, fully_shard
from torch.distributed.tensor import DTensor, distribute_tensor

from training.learner import Learner


def shard(learner: Learner, num_processes: int) -> None:
    """Shard the learner's tensors in place: each layer of the language model by itself, then the rest.

    A layer's tensors are gathered when it runs and freed afterwards. Parameters become new objects, so call
    `learner.groups()` again. Every process must call this.
    """
    device = learner.marker_ids.device.type
    mesh = init_device_mesh(device, (num_processes,))
    layers: nn.ModuleList = learner.llm.get_decoder().layers
    for layer in layers:
        fully_shard(layer, mesh=mesh)
    fully_shard(learner, mesh=mesh)
    for module in learner.modules() if device == "cpu" else ():
        if isinstance(module, FSDPModule):
            module.set_force_sum_reduction_for_comms(True)  # gloo does not support mean reduction


def set_gradient_sync(module: nn.Module, *, now: bool) -> None:
    """Set whether the next backward pass reduces gradients across processes or only accumulates them locally."""
    assert isinstance(module, FSDPModule)
    module.set_requires_gradient_sync(now)


def gather(value: Any) -> Any:
    """Return the nested value with sharded tensors gathered, on the CPU. Every process must call this."""
    if isinstance(value, DTensor):
        return value.full_tensor().detach().cpu()
    if isinstance(value, Tensor):
        return value.detach().cpu().clone()
    if isinstance(value, dict):
        return {key: gather(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [gather(inner) for inner in value]
    return value


def load_gathered(optimizer: torch.optim.Optimizer, stored: dict[str, Any]) -> None:
    """Load an optimizer state of whole tensors. Each process takes its shard of the tensors of a sharded parameter."""
    parameters = [p for group in optimizer.param_groups for p in group["params"]]
    for place, values in stored["state"].items():
        parameter = parameters[place]
        if isinstance(parameter, DTensor):
            stored["state"][place] = {
                name: _shard_like(tensor, parameter) if tensor.shape == parameter.shape else tensor
                for name, tensor in values.items()
            }
    optimizer.load_state_dict(stored)


def _shard_like(tensor: Tensor, like: DTensor) -> Tensor:
    """Shard a tensor without communication: every process has already read the whole tensor."""
    tensor = tensor.to(like.device)
    return distribute_tensor(tensor, like.device_mesh, like.placements, src_data_rank=None)
