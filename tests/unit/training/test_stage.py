"""Stages on a manifest, with a whole model at the smallest sizes: real files, real steps, real processes."""

import json
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace

import pytest
import torch
from accelerate import Accelerator
from accelerate.state import AcceleratorState
from safetensors.torch import load_file

from model.audio.decode import decode_audio
from model.audio.segment import split
from model.checkpoint import load_checkpoint
from model.pipeline import Pipeline
from tests.small_stage import arguments, environment, write_stage
from training.data.manifest import Annotation, Row
from training.learner import Learner
from training.run_log import read_log
from training.stage_command import main as train
from training.stage_data import BatchSampler, FeatureExtractor
from training.stage_loop import train_stage
from training.stage_rows import usable_rows
from training.stages import StageConfig
from training.training_setup import TrainingSetup


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A small random checkpoint, and recordings of 1 to 3 s with something to say about each."""
    return write_stage(tmp_path_factory.mktemp("stage"))


def losses(run):
    return {int(line["step"]): line["loss"] for line in read_log(run) if "loss" in line}


def weights(run):
    return torch.load(run / "resume.pt", weights_only=True)["learner"]


@pytest.fixture(scope="module")
def unbroken(folder):
    """A run of six steps, dropout and all."""
    run = folder / "unbroken"
    assert train(arguments(folder, run)) == 0
    return run


def test_losses_fall_and_the_checkpoint_is_served(folder, unbroken):
    seen = losses(unbroken)
    assert seen[5] < seen[0]
    pipeline = Pipeline.load(unbroken / "checkpoint")
    assert pipeline.name == "unbroken"
    recording = pipeline.encode(decode_audio((folder / "2.wav").read_bytes(), max_seconds=9.0))
    assert pipeline.ground(recording, "a dog").text
    figures = next(read_log(unbroken))
    assert figures["samples_per_s"] > 0
    assert 0 <= 1 - figures["device_share"] <= figures["feature_share"] <= 1
    assert 0 <= figures["padding_share"] < 0.5
    assert "mfu" not in figures, "it means nothing on a CPU"
    assert list(unbroken.glob("events.out.tfevents.*")), "TensorBoard reads these"


def test_adapters_may_stay_apart(folder):
    found = {}
    for merge in ("true", "false"):
        run = folder / f"merge-{merge}"
        assert train(arguments(folder, run, lora=f"{{merge = {merge}}}")) == 0
        assert (run / "checkpoint" / "adapter").is_dir() == (merge == "false")
        found[merge] = load_checkpoint(run / "checkpoint")[0].llm.state_dict()
    base = load_checkpoint(folder / "merge-false" / "checkpoint", adapted=False)[0].llm.state_dict()
    name = "model.layers.0.self_attn.q_proj.weight"
    start = load_checkpoint(folder / "start")[0].llm.state_dict()
    torch.testing.assert_close(base[name], start[name], atol=1e-4, rtol=1e-3)
    assert not torch.equal(found["true"][name], base[name])
    for key, tensor in found["true"].items():
        torch.testing.assert_close(found["false"][key], tensor, atol=1e-3, rtol=1e-2, msg=key)


def test_a_stage_that_keeps_adapters_apart_trains_those_of_its_start_further(folder, capsys):
    """Otherwise the base of the language model would change, and a packed checkpoint would round it again."""
    lora = "{merge = false, dropout = 0.0}"
    first, second = folder / "first", folder / "second"
    assert train(arguments(folder, first, lora=lora, dropout="false")) == 0

    def further(run, settings):
        words = arguments(folder, run, lora=settings, dropout="false")
        words[words.index("--from") + 1] = str(first / "checkpoint")
        return words

    assert train(further(folder / "other", "{merge = false, rank = 4}")) == 2
    assert "with lora.merge = false trains it further, so set the same values" in capsys.readouterr().err
    assert train(further(second, lora)) == 0
    assert losses(second)[0] < losses(first)[0] - 0.1, "it goes on where the first stage stopped"
    bases = [load_checkpoint(run / "checkpoint", adapted=False)[0].llm.state_dict() for run in (first, second)]
    name = "model.layers.0.self_attn.q_proj.weight"
    assert torch.equal(bases[0][name], bases[1][name])
    adapters = [load_file(run / "checkpoint" / "adapter" / "adapter_model.safetensors") for run in (first, second)]
    assert adapters[0].keys() == adapters[1].keys()
    assert any(not torch.equal(adapters[0][key], adapters[1][key]) for key in adapters[0])


def test_a_run_that_is_killed_goes_on_exactly(folder, unbroken):
    run = folder / "killed"
    process = subprocess.Popen(
        [sys.executable, "-m", "training", *arguments(folder, run)], env=environment(),
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    while not (run / "resume.pt").is_file() and process.poll() is None:
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.wait()
    stopped_at = torch.load(run / "resume.pt", weights_only=True)["step"]
    assert train(arguments(folder, run)) == 0
    assert stopped_at in (2, 4, 6)
    assert losses(run) == losses(unbroken)
    ours, theirs = weights(run), weights(unbroken)
    assert all(torch.equal(ours[name], theirs[name]) for name in theirs)


def test_another_run_does_not_go_on_in_the_same_folder(folder, unbroken, capsys):
    assert train(arguments(folder, unbroken, learning_rate=1e-3)) == 2
    assert "holds a run that differs in learning_rate: name another folder" in capsys.readouterr().err
    before = weights(unbroken)
    assert train(arguments(folder, unbroken)) == 0
    assert all(torch.equal(tensor, before[name]) for name, tensor in weights(unbroken).items())


def test_nothing_but_a_checkpoint_is_replaced(folder, unbroken, tmp_path, capsys):
    (tmp_path / "diary.txt").write_text("mine")
    for out, reason in ((tmp_path, "holds something other than a checkpoint"), (unbroken, "is inside")):
        assert train([*arguments(folder, unbroken), "--out", str(out)]) == 2
        assert reason in capsys.readouterr().err
    assert (tmp_path / "diary.txt").is_file()


def in_two_processes(folder, run, **changes):
    """A run by two processes that speak gloo."""
    launch = [sys.executable, "-m", "torch.distributed.run", "--nproc_per_node=2", "--rdzv-backend=c10d"]
    done = subprocess.run(
        [*launch, "--rdzv-endpoint=localhost:0", "-m", "training", *arguments(folder, run, **changes)],
        env=environment(), capture_output=True, text=True, timeout=280, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]


SAME = {"dropout": "false", "steps": 4, "evaluate_every": 2, "validation_rows": 2}


@pytest.fixture(scope="module")
def one(folder):
    """Four steps of one process, two rows at a time, measured."""
    run = folder / "one"
    assert train(arguments(folder, run, **SAME)) == 0
    return run


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize("checkpointing", ["false", "true"])
@pytest.mark.parametrize("sharding", ["false", "true"])
def test_two_processes_learn_what_one_does(folder, one, sharding, checkpointing):
    """DDP and FSDP; each process adds up the gradients of two micro-batches of one row."""
    two = folder / f"two-{sharding}-{checkpointing}"
    in_two_processes(
        folder, two, **SAME, sharding=sharding, activation_checkpointing=checkpointing, micro_batch_size=1
    )  # fmt: skip
    assert losses(two) == pytest.approx(losses(one), rel=1e-4)
    ours, theirs = weights(two), weights(one)
    assert ours.keys() == theirs.keys()
    assert all(torch.allclose(ours[name], theirs[name], atol=2e-4) for name in theirs)
    measured = [[line["metric"] for line in read_log(run) if "metric" in line] for run in (one, two)]
    assert len(measured[0]) == 2
    assert measured[0] == pytest.approx(measured[1])
    written = [load_checkpoint(run / "checkpoint")[0].state_dict() for run in (one, two)]
    assert all(torch.allclose(written[0][name], written[1][name], atol=1e-3) for name in written[0])


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_a_sharded_run_goes_on_from_what_one_process_left_and_leaves_the_same(folder, one):
    """The first two steps' rates are the warm-up's, so a run of two steps is the beginning of one of four."""
    begun, two = folder / "begun", folder / "goes-on"
    assert train(arguments(folder, begun, **SAME | {"steps": 2})) == 0
    two.mkdir()
    shutil.copy(begun / "resume.pt", two / "resume.pt")
    in_two_processes(folder, two, **SAME, sharding="true")
    assert losses(two) == pytest.approx({step: loss for step, loss in losses(one).items() if step >= 2}, rel=1e-4)
    states = [torch.load(run / "resume.pt", weights_only=True)["optimizer"]["state"] for run in (one, two)]
    assert states[0].keys() == states[1].keys()
    for place, expected in states[0].items():
        assert expected["exp_avg"].shape == states[1][place]["exp_avg"].shape
        assert torch.allclose(expected["exp_avg"], states[1][place]["exp_avg"], atol=1e-4)


def learner_of(folder, **changes):
    model, tokenizer = load_checkpoint(folder / "start")
    torch.manual_seed(0)
    config = StageConfig(dropout=False, **changes)
    return model, Learner(model, tokenizer, config), config


def rows_of(folder, *numbers):
    return [
        Row(
            id=str(n),
            audio=f"{n}.wav",
            task="ground",
            query="a dog",
            duration=1.0 + n % 3,
            events=(Annotation(((0.2, 0.8),)),),
        )
        for n in numbers
    ]


def loss_of(learner, features, rows):
    examples = [learner.example(row) for row in rows]
    return learner(features.frames(rows), [round(16_000 * row.duration) for row in rows], examples)


def test_the_loss_of_a_batch_is_the_sum_of_its_examples_whatever_their_lengths(folder):
    model, learner, _ = learner_of(folder)
    features = FeatureExtractor(model, folder, None)
    rows = rows_of(folder, 0, 1, 2, 3)
    learner.eval()
    whole = loss_of(learner, features, rows)
    assert float(whole.detach()) == pytest.approx(
        sum(float(loss_of(learner, features, [r]).detach()) for r in rows), rel=1e-5
    )


def test_activation_checkpointing_changes_memory_alone(folder):
    found = []
    for on in (False, True):
        model, learner, _ = learner_of(folder, activation_checkpointing=on)
        loss = loss_of(learner.train(), FeatureExtractor(model, folder, None), rows_of(folder, 0, 1))
        loss.backward()
        found.append((float(loss.detach()), [p.grad for g in learner.groups() for p in g.parameters]))
    assert found[0][0] == pytest.approx(found[1][0])
    assert all(torch.allclose(a, b, atol=1e-5) for a, b in zip(found[0][1], found[1][1], strict=True))


def test_each_part_learns_at_a_rate_of_its_own(folder):
    run = folder / "rates"
    assert train(arguments(folder, run, steps=2, rates="{lora = 0.0}", bfloat16="true")) == 0
    model, _ = load_checkpoint(folder / "start")
    kept, begun = weights(run), model.connector.state_dict()
    lora = [tensor for name, tensor in kept.items() if ".lora_B" in name]
    assert lora
    assert not any(tensor.any() for tensor in lora), "they start at 0, and stay there"
    assert not torch.equal(kept["connector.projection.weight"], begun["projection.weight"])


def setup_of(folder, **changes):
    settings = {"steps": 2, "batch_size": 2, "micro_batch_size": 2, "warmup_steps": 0, "learning_rate": 1e-2}
    model, learner, config = learner_of(folder, bfloat16=False, weight_decay=0.0, **settings, **changes)
    AcceleratorState._reset_state()
    batches = BatchSampler(rows_of(folder, 0, 1, 2, 3), config.batch_size, config.seed)
    return TrainingSetup(learner, batches, FeatureExtractor(model, folder, None), config, Accelerator(cpu=True))


def test_a_run_ends_in_its_best_state_which_may_not_be_its_last(folder, tmp_path):
    setup = setup_of(folder, evaluate_every=1)
    states, values = [], iter([0.5, 0.2])

    def measure():
        states.append(setup.learner.connector.projection.weight.detach().clone())
        return next(values)

    state = train_stage(setup, tmp_path, measure)
    assert (state.step, state.best) == (2, 0.5)
    assert not torch.equal(*states)
    assert torch.equal(setup.learner.connector.projection.weight, states[0])


def test_gradients_are_clipped(folder, tmp_path):
    setup = setup_of(folder, clip_norm=1e-14)  # far below AdamW's epsilon: what is left of them moves nothing
    before = setup.learner.connector.projection.weight.detach().clone()
    train_stage(setup, tmp_path, None)
    assert torch.allclose(setup.learner.connector.projection.weight, before, atol=1e-6)
    assert next(read_log(tmp_path))["norm"] > 1e-3


def test_absent_queries_are_left_out_where_the_stage_says_so(folder):
    _, learner, config = learner_of(folder)
    rows = [*rows_of(folder, 0, 1), Row(id="n", audio="0.wav", task="ground", query="a cat", duration=1.0)]
    assert usable_rows(rows, learner, config)[0] == rows
    kept, left_out = usable_rows(rows, learner, replace(config, absent_queries=False))
    assert kept == rows[:2]
    assert left_out.endswith("1 absent queries.")


def test_what_is_written_answers_as_what_was_trained(folder):
    model, learner, _ = learner_of(folder)
    with torch.no_grad():
        for parameter in learner.parameters():
            if parameter.requires_grad:
                parameter.add_(torch.randn_like(parameter) * 0.02)
    learner.eval()
    features, rows = FeatureExtractor(model, folder, None), rows_of(folder, 0, 4)
    before = float(loss_of(learner, features, rows).detach())
    learner.finish()
    assert not any("lora" in name for name in model.llm.state_dict())
    _, fresh, _ = learner_of(folder)  # a learner around what was written, with adapters that do nothing yet
    again = Learner(model, fresh._tokenizer, StageConfig(dropout=False)).eval()
    assert float(loss_of(again, features, rows).detach()) == pytest.approx(before, rel=1e-4)


def test_a_part_that_trains_alone_changes_alone(folder):
    belongs = {
        "connector": lambda n: n.startswith(("fusion", "connector")) and "time_encoding" not in n,
        "time_encoding": lambda n: "time_encoding" in n,
        "markers": lambda n: n in ("embedding_rows", "head_rows"),
        "lora": lambda n: "lora_" in n,
    }
    for part, is_its_own in belongs.items():
        model, learner, _ = learner_of(folder, trains=(part,))
        before = {name: p.clone() for name, p in learner.named_parameters()}
        optimizer = torch.optim.SGD([p for g in learner.groups() for p in g.parameters], lr=1.0)
        loss_of(learner, FeatureExtractor(model, folder, None), rows_of(folder, 0)).backward()
        optimizer.step()
        changed = {name for name, p in learner.named_parameters() if not torch.equal(p, before[name])}
        assert changed, part
        assert [name for name in changed if not is_its_own(name)] == []


def test_groups_have_rates_of_their_own(folder):
    _, learner, config = learner_of(folder, rates={"lora": 0.2, "markers": 3.0})
    scales = {g.scale for g in learner.groups()}
    assert scales == {0.2, 1.0, 3.0}
    trained = [id(p) for g in learner.groups() for p in g.parameters]
    assert len(trained) == len(set(trained)) == sum(p.requires_grad for p in learner.parameters())
    assert config.rates["lora"] == 0.2


def test_a_digit_loss_knows_how_far_off_a_digit_is(folder):
    _, learner, _ = learner_of(folder, digit_weight=1.0)
    ids = learner.marker_ids.tolist()
    labels = torch.tensor([ids[4], ids[14], 5])  # <a_4>, <f_4>, and a word, which has no digit

    def far(digit):
        logits = torch.full((3, len(learner.marker_places)), -50.0)
        for row in range(2):
            logits[row, ids[10 * row + digit]] = 50.0
        return float(learner._digit_distance(logits, labels))

    assert [far(4), far(3), far(9)] == pytest.approx([0.0, 2.0, 10.0])


def test_kept_features_are_those_of_the_encoders(folder, tmp_path):
    model, _, _ = learner_of(folder)
    rows = rows_of(folder, 0, 1)
    fresh = FeatureExtractor(model, folder, None).frames(rows)
    first = FeatureExtractor(model, folder, tmp_path)
    first.frames(rows)
    assert len(list(tmp_path.glob("*.npz"))) == 2
    kept = FeatureExtractor(model, folder, tmp_path).frames(rows)
    for a, b in zip(fresh, kept, strict=True):
        assert all(torch.allclose(x, y, atol=5e-3) for x, y in zip(a, b, strict=True))
    segments = split(decode_audio((folder / "0.wav").read_bytes(), max_seconds=9.0))
    speech, _ = model.encode_segments(segments)
    assert torch.allclose(fresh[0][0], speech, atol=1e-5)
    with torch.no_grad():
        model.sound.state_dict()[next(iter(model.sound.state_dict()))].add_(1.0)
    assert (
        FeatureExtractor(model, folder, tmp_path)._cache_path(rows[0]).is_file() is False
    )  # other weights, other features


def test_errors_are_reported_without_a_traceback(folder, tmp_path, capsys):
    (tmp_path / "bad.jsonl").write_text(json.dumps({"audio": "gone.wav", "task": "ground"}) + "\n")
    assert train(["--data", str(tmp_path / "bad.jsonl"), "--from", str(folder / "start")]) == 2
    assert "gone.wav is not a readable recording" in capsys.readouterr().err
    assert train(arguments(folder, tmp_path / "run", most_seconds=0.5)) == 2
    assert "raise most_seconds" in capsys.readouterr().err
    assert train(["--data", str(folder / "m.jsonl"), "--from", str(tmp_path / "nothing")]) == 2
