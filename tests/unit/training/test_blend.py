"""Weights part of the way from the start of a stage."""

import pytest
import torch
from torch import nn

from training.blend import Blend


class Adapted(nn.Module):
    """A layer, and an adapter whose second factor starts as zero."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.connector = nn.Linear(3, 2)
        self.lora_A = nn.Linear(3, 1, bias=False)
        self.lora_B = nn.Linear(1, 2, bias=False)
        nn.init.zeros_(self.lora_B.weight)
        self.frozen = nn.Linear(1, 1).requires_grad_(False)

    def delta(self) -> torch.Tensor:
        return self.lora_B.weight @ self.lora_A.weight


@pytest.fixture
def trained() -> tuple[Adapted, Blend, torch.Tensor]:
    """A module whose weights have changed, its blend, and the weight of the connector at the start."""
    module = Adapted()
    blend, start = Blend(module, 0.7), module.connector.weight.detach().clone()
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.add_(torch.randn_like(parameter))
    return module, blend, start


def test_weights_and_adapters_go_part_of_the_way(trained: tuple[Adapted, Blend, torch.Tensor]) -> None:
    module, blend, start = trained
    end, delta, frozen = module.connector.weight.detach().clone(), module.delta().detach(), module.frozen.weight.clone()
    blend.apply()
    torch.testing.assert_close(module.connector.weight, start + 0.7 * (end - start))
    torch.testing.assert_close(module.delta(), 0.7 * delta)
    assert torch.equal(module.frozen.weight, frozen)


def test_the_trained_weights_come_back_exactly(trained: tuple[Adapted, Blend, torch.Tensor]) -> None:
    module, blend, _ = trained
    before = {name: value.clone() for name, value in module.state_dict().items()}
    with blend.applied():
        assert not torch.equal(module.connector.weight, before["connector.weight"])
    assert all(torch.equal(value, before[name]) for name, value in module.state_dict().items())
