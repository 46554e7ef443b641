"""Alignment: a window's token learns what sounds in it, and the language model stays as it was."""

import numpy as np
import pytest
import torch

from model.checkpoint import load_checkpoint, save_checkpoint
from tests.alignments import SECONDS, fit, loss_of
from tests.factories import small_model
from tests.small_recordings import noise
from training import state_saver
from training.aligner import Aligner
from training.data.manifest import Annotation, Row, write_manifest
from training.data.recordings import DataError
from training.data.wav import write_wav
from training.run_log import read_log
from training.run_state import RESUME
from training.stage_command import main as train
from training.stages import StageConfig


def row_of(name, *events):
    annotations = tuple(Annotation((span,), f"A {label} is heard.", label) for label, span in events)
    return Row(id=name, audio=f"{name}.wav", task="dense_caption", duration=SECONDS, events=annotations)


def aligner_of(rows, **changes):
    model, tokenizer = small_model()
    settings = {"objective": "alignment", "trains": ("connector", "time_encoding"), "dropout": False}
    config = StageConfig(**(settings | changes))
    torch.manual_seed(0)
    return Aligner(model, tokenizer, config, rows), model


@pytest.fixture
def toy():
    """Rows of two labels, and features in which each label adds a direction of its own while it sounds."""
    rng = torch.Generator().manual_seed(1)
    model, _ = small_model()
    directions = {label: torch.randn(model.speech.dim, generator=rng) for label in ("dog", "rain")}
    rows, frames = [], []
    for n in range(6):
        events = [("dog", (0.34 * n, 0.34 * n + 1.02)), ("rain", (2.38 - 0.34 * n, 3.06 - 0.34 * n))]
        rows.append(row_of(str(n), *events[: 1 + n % 2]))
        speech = 0.1 * torch.randn(1, 153, model.speech.dim, generator=rng)
        for label, (start, end) in events[: 1 + n % 2]:
            speech[0, round(start * 50) : round(end * 50)] += directions[label]
        frames.append((speech, 0.1 * torch.randn(1, 153, model.sound.dim, generator=rng)))
    return rows, frames


def test_a_window_wants_the_share_that_sounds_and_the_edges_in_it():
    row = Row(
        id="x", audio="x", task="dense_caption", duration=SECONDS,
        events=(
            Annotation(((0.17, 0.68),), "It rains.", "rain"), Annotation(((0.0, 0.34), (0.68, 3.06)), "A dog.", "dog"),
        ),
    )  # fmt: skip
    aligner, _ = aligner_of([row])
    assert aligner.labels == {"dog": 0, "rain": 1}
    targets = aligner._targets(aligner.example(row), 9)
    assert targets.active.T.tolist() == [
        pytest.approx([1, 0] + [1] * 7, abs=1e-4), pytest.approx([0.5, 1] + [0] * 7, abs=1e-4),
    ]  # fmt: skip
    begins, ends = ([torch.nonzero(side[:, label]).flatten().tolist() for label in (0, 1)] for side in targets.edges)
    assert begins == [[0, 2], [0]]
    assert ends == [[1, 8], [2]], "an end at an edge of windows is in the later one, and one at the last's in the last"
    assert targets.times[1].tolist() == [-1, 3, 7, -1, -1, -1, -1, -1, 31]
    assert pytest.approx(17 * 0.02) == aligner.window_s


def test_captions_stand_for_labels_where_there_are_none():
    rows = [
        Row(id="x", audio="x", task="dense_caption", duration=1.0, events=(Annotation(((0.1, 0.5),), "A Dog barks."),))
    ]
    assert list(aligner_of(rows)[0].labels) == ["a dog barks"]
    assert list(aligner_of([row_of("y", ("crying_baby", (0.0, 1.0)))])[0].labels) == ["crying baby"]


def test_a_manifest_without_events_is_refused():
    with pytest.raises(DataError, match="dense captions"):
        aligner_of([Row(id="x", audio="x", task="dense_caption", duration=1.0)])


def test_the_loss_falls_and_the_tokens_say_what_sounds(toy):
    rows, frames = toy
    aligner, model = aligner_of(rows)
    before = {name: p.clone() for name, p in model.llm.state_dict().items()}
    losses = fit(aligner, rows, frames, 60)
    assert losses[-1] < 0.6 * losses[0]
    with torch.no_grad():
        aligner.eval()
        fused = aligner.fusion(*(torch.cat(side) for side in zip(*frames, strict=True)))
        predicted = aligner.active(aligner.connector(fused, may_merge=False)) > 0
    targets = torch.stack([aligner._targets(aligner.example(row), 9).active for row in rows]) > 0.5
    assert (predicted == targets).float().mean() > 0.9
    assert all(torch.equal(p, before[name]) for name, p in model.llm.state_dict().items())


def test_recordings_of_other_lengths_do_not_change_each_others_loss(toy):
    rows, frames = toy
    aligner, _ = aligner_of(rows)
    aligner.eval()
    longer = tuple(torch.cat([side, side[:, :40]], dim=1) for side in frames[1])
    apart = [loss_of(aligner, [row], [f]) for row, f in ((rows[0], frames[0]), (rows[1], longer), (rows[2], frames[2]))]
    together = loss_of(aligner, rows[:3], [frames[0], longer, frames[2]])
    assert float(together.detach()) == pytest.approx(sum(float(x.detach()) for x in apart) / 3, rel=1e-5)


def test_parts_train_as_the_stage_says(toy):
    rows, _ = toy
    aligner, _ = aligner_of(rows, rates={"time_encoding": 3.0, "connector": 0.5})
    clock = aligner.connector.time_encoding.weight
    assert {g.scale for g in aligner.groups() if any(p is clock for p in g.parameters)} == {3.0}
    assert {g.scale for g in aligner.groups() if not any(p is clock for p in g.parameters)} == {0.5}
    trained = [id(p) for g in aligner.groups() for p in g.parameters]
    assert len(trained) == len(set(trained)) == sum(p.requires_grad for p in aligner.parameters())
    for changes in ({"time_encoding": False}, {"trains": ("connector",)}):
        aligner, _ = aligner_of(rows, **changes)
        still = aligner.connector.time_encoding.weight
        assert not any(p is still for g in aligner.groups() for p in g.parameters)
    assert {m.p for m in aligner.modules() if isinstance(m, torch.nn.Dropout)} == {0.0}, "dropout = false is of all"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("align")
    save_checkpoint(folder / "start", *small_model(), dtype=torch.float32)
    rows = []
    for n in range(5):
        write_wav(folder / f"{n}.wav", noise(SECONDS, seed=n))
        rows.append(row_of(str(n), (("dog", "rain")[n % 2], (0.3 * n, 0.3 * n + 1.0))))
        rows.append(Row(id=f"g{n}", audio=f"{n}.wav", task="ground", query="a dog", duration=SECONDS))
    write_manifest(folder / "m.jsonl", rows)
    return folder


def arguments(folder, run, **changes):
    settings = {
        "steps": 4, "batch_size": 4, "micro_batch_size": 2, "save_every": 2, "bfloat16": "false", "warmup_steps": 0,
        "learning_rate": 3e-3,
    }  # fmt: skip
    return [
        "--data", str(folder / "m.jsonl"), "--from", str(folder / "start"), "--stage", "align", "--device", "cpu",
        "--run", str(run), "--cache", str(folder / "kept"),
        *[f"--set={key}={value}" for key, value in (settings | changes).items()],
    ]  # fmt: skip


def losses(run):
    return {int(line["step"]): line["loss"] for line in read_log(run)}


@pytest.fixture(scope="module")
def unbroken(folder):
    """Four steps, feature dropout and all."""
    assert train(arguments(folder, folder / "unbroken")) == 0
    return folder / "unbroken"


def test_a_run_that_was_stopped_goes_on_exactly(folder, unbroken, monkeypatch):
    run, save = folder / "stopped", state_saver.save

    def save_and_stop(*given):
        save(*given)
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(state_saver, "save", save_and_stop)
        assert train(arguments(folder, run)) == 130
    assert list(losses(run)) == [0, 1]
    assert train(arguments(folder, run)) == 0
    assert losses(run) == losses(unbroken)
    ours, theirs = (torch.load(r / RESUME, weights_only=True)["learner"] for r in (run, unbroken))
    assert ours.keys() == theirs.keys()
    assert all(torch.equal(ours[name], theirs[name]) for name in theirs)


def test_the_checkpoint_has_another_connector_and_the_same_language_model_and_encoders(folder, unbroken):
    start, end = (load_checkpoint(path)[0] for path in (folder / "start", unbroken / "checkpoint"))
    before, after = start.state_dict(), end.state_dict()
    assert before.keys() == after.keys(), "none of the maps is part of the model"
    changed = {name for name in after if not torch.equal(after[name].half(), before[name].half())}
    assert {name.partition(".")[0] for name in changed} == {"fusion", "connector"}
    assert "connector.time_encoding.weight" in changed
    assert np.isfinite(list(losses(unbroken).values())).all()


def test_the_adapter_of_the_start_stays_apart(folder, tmp_path):
    rows = ["--data", str(folder / "m.jsonl"), "--device", "cpu"]
    settings = ["steps=1", "batch_size=2", "micro_batch_size=2", "bfloat16=false"]
    adapted, run = tmp_path / "adapted", tmp_path / "run"
    apart = [f"--set={setting}" for setting in (*settings, "lora.merge=false")]
    assert train([*rows, "--from", str(folder / "start"), "--stage", "small-1", "--run", str(adapted), *apart]) == 0
    start = adapted / "checkpoint"
    aligned = [f"--set={setting}" for setting in settings]
    assert train([*rows, "--from", str(start), "--stage", "align", "--run", str(run), *aligned]) == 0
    for kept in ("adapter", "llm"):
        for file in (start / kept).iterdir():
            assert file.read_bytes() == (run / "checkpoint" / kept / file.name).read_bytes()


def test_an_alignment_cannot_change_the_markers(folder, tmp_path, capsys):
    assert train([*arguments(folder, tmp_path / "run"), "--set=markers='random'"]) == 2
    assert 'markers "random" needs objective "answers"' in capsys.readouterr().err


def test_dense_captions_alone_align(folder, tmp_path, capsys):
    assert train(arguments(folder, tmp_path / "run", steps=1)) == 0
    assert "5 rows to train on, 0 to choose the best state by." in capsys.readouterr().out
    lines = [line for line in (folder / "m.jsonl").read_text().splitlines() if '"ground"' in line]
    (folder / "ground.jsonl").write_text("\n".join(lines))
    given = arguments(folder, tmp_path / "other")
    assert train([str(folder / "ground.jsonl") if g == str(folder / "m.jsonl") else g for g in given]) == 2
    assert "Alignment needs dense captions" in capsys.readouterr().err
