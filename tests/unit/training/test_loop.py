from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from training.config import OptimConfig, RunConfig
from training.loop import Group, fit, learning_rate
from training.recipe import CONFIGS
from training.run_file import ConfigError, load_config

CONFIG = OptimConfig(steps=6, learning_rate=0.05, warmup_steps=2, save_every=2, bfloat16=False)


class Stopped(Exception):
    """Somebody pulled the plug."""


def losses_of(net, stop_at=None):
    def losses(step):
        if step == stop_at:
            raise Stopped
        data = torch.from_numpy(np.random.default_rng(step).standard_normal((4, 3)).astype(np.float32))
        # Dropout: the random state has to be a function of the step too.
        return {"loss": (nn.functional.dropout(net(data), 0.5) - 1).square().mean()}

    return losses


def new_net():
    torch.manual_seed(0)
    return nn.Linear(3, 2)


def train(net, run, stop_at=None):
    fit({"net": net}, [Group(list(net.parameters()))], losses_of(net, stop_at), CONFIG, run, title="test")


def test_a_run_that_is_stopped_and_resumed_ends_where_an_unbroken_one_does(tmp_path):
    whole = new_net()
    train(whole, tmp_path / "whole")
    for stop_at in (1, 3, 5):  # saved at 2 and 4: some steps are done twice
        with pytest.raises(Stopped):
            train(new_net(), tmp_path / "parts", stop_at)  # a new process knows nothing but the run's folder
    parts = new_net()
    train(parts, tmp_path / "parts")
    assert all(torch.equal(a, b) for a, b in zip(whole.parameters(), parts.parameters(), strict=True))


def test_a_loss_that_is_no_number_ends_the_run_and_leaves_its_last_state(tmp_path):
    net = new_net()
    groups = [Group(list(net.parameters()))]

    def losses(step):
        return {"loss": net(torch.ones(1, 3)).sum() * (float("nan") if step == 3 else 1.0)}

    with pytest.raises(FloatingPointError, match="at step 3"):
        fit({"net": net}, groups, losses, CONFIG, tmp_path, title="test")
    state = torch.load(tmp_path / "resume.pt", weights_only=True)
    assert state["step"] == 2
    assert torch.isfinite(state["modules"]["net"]["weight"]).all()


def test_a_finished_run_is_not_trained_again(tmp_path):
    net = new_net()
    train(net, tmp_path)
    again = new_net()
    train(again, tmp_path)
    assert torch.equal(net.weight, again.weight)


def test_the_rate_warms_up_peaks_and_falls():
    rates = [
        learning_rate(s, OptimConfig(steps=100, learning_rate=1.0, final_learning_rate=0.1, warmup_steps=10))
        for s in range(101)
    ]
    assert rates[0] == pytest.approx(0.1)
    assert rates[9] == max(rates) == 1.0
    assert rates[100] == pytest.approx(0.1)
    assert all(a >= b for a, b in zip(rates[10:], rates[11:], strict=False))


@pytest.mark.parametrize("path", sorted(CONFIGS.glob("*.toml")), ids=lambda p: p.name)
def test_every_shipped_run_file_describes_a_run(path):
    assert load_config(RunConfig, path).name


def test_all_faults_of_a_run_file_are_told_at_once(tmp_path):
    path = tmp_path / "run.toml"
    path.write_text('name = 3\nextra = 1\n[data]\nspeeds = ["fast"]\n')
    with pytest.raises(ConfigError) as caught:
        load_config(RunConfig, path)
    assert {"extra is not known", "name must be str, not 3", "data.speeds must be float, not 'fast'"} <= set(
        caught.value.problems
    )
    assert "encoders is missing" in caught.value.problems


@pytest.mark.parametrize("has_it", [True, False])
def test_bfloat16_is_for_cpus_that_compute_in_it(tmp_path, monkeypatch, has_it):
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: has_it)
    net, met = new_net(), []

    def losses(step):
        said = net(torch.ones(1, 3))
        met.append(said.dtype)
        return {"loss": said.float().square().mean()}

    fit({"net": net}, [Group(list(net.parameters()))], losses, replace(CONFIG, bfloat16=True), tmp_path, title="test")
    assert set(met) == {torch.bfloat16 if has_it else torch.float32}
