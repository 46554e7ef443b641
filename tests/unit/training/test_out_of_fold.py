"""A connector that imitates another one, also from other encoders, and rows whose audio tokens come from it."""

import dataclasses

import pytest
import torch

from model.checkpoint import load_checkpoint, save_checkpoint
from model.encoders.transcriber import Transcriber, TranscriberConfig
from model.encoders.yamnet import YamnetConfig, YamnetEncoder
from model.timeaudio import TimeAudio
from tests.alignments import SECONDS
from tests.factories import small_model
from tests.small_recordings import noise
from training.data.manifest import Annotation, Row, write_manifest
from training.data.wav import write_wav
from training.imitator import Imitator
from training.learner import Learner
from training.out_of_fold import load_out_of_fold
from training.run_log import read_log
from training.stage_command import main as train
from training.stages import StageConfig
from training.start import with_encoders

SAMPLES = round(SECONDS * 16_000)


def frames_of(model, seed):
    rng = torch.Generator().manual_seed(seed)
    return tuple(torch.randn(1, 153, dim, generator=rng) for dim in (model.speech.dim, model.sound.dim))


def test_a_fresh_connector_learns_to_give_the_starts_tokens():
    model, _ = small_model()
    fusion, connector = model.fusion, model.connector
    frames = [frames_of(model, seed) for seed in range(4)]
    before = {name: p.clone() for name, p in connector.named_parameters()}
    torch.manual_seed(0)
    imitator = Imitator(model, StageConfig(objective="imitation", trains=("connector",), dropout=False))
    assert model.connector is imitator.connector, "the checkpoint gets the fresh one"
    examples = [imitator.example(Row(id="x", audio="x", task="dense_caption"))] * len(frames)
    optimizer = torch.optim.AdamW([p for g in imitator.groups() for p in g.parameters], lr=5e-3)
    losses = []
    for _ in range(60):
        loss = imitator(frames, [SAMPLES] * len(frames), examples) / imitator.loss_weight(examples)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < 0.3 * losses[0]
    assert all(torch.equal(p, before[name]) for name, p in connector.named_parameters()), "the start's does not train"
    assert torch.equal(imitator.connector.time_encoding.weight, connector.time_encoding.weight)
    assert not any(p is imitator.connector.time_encoding.weight for g in imitator.groups() for p in g.parameters)
    with torch.no_grad():
        ours = imitator.connector(imitator.fusion(*frames[0]), [SAMPLES], may_merge=False)
        wanted = connector(fusion(*frames[0]), [SAMPLES], may_merge=False)
    assert float((ours - wanted).square().mean() / wanted.square().mean()) == pytest.approx(losses[-1], rel=0.9)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A start, its imitation, and a manifest of each half of four recordings."""
    folder = tmp_path_factory.mktemp("halves")
    save_checkpoint(folder / "start", *small_model(), dtype=torch.float32)
    for half in (0, 1):
        rows = []
        for n in (half, half + 2):
            write_wav(folder / f"{n}.wav", noise(SECONDS, seed=n))
            events = (Annotation(((0.3 * n, 0.3 * n + 1.0),), "A dog barks.", "dog"),)
            rows.append(Row(id=str(n), audio=f"{n}.wav", task="dense_caption", duration=SECONDS, events=events))
            rows.append(Row(id=f"g{n}", audio=f"{n}.wav", task="ground", query="a cat", duration=SECONDS))
        write_manifest(folder / f"{half}.jsonl", rows)
    assert train(arguments(folder, "imitate")) == 0
    return folder


def arguments(folder, stage, *more):
    settings = ["steps=3", "batch_size=4", "micro_batch_size=4", "warmup_steps=0", "bfloat16=false"]
    return [
        "--data", str(folder / "0.jsonl"), "--from", str(folder / "start"), "--stage", stage, "--device", "cpu",
        "--run", str(folder / stage), *(f"--set={setting}" for setting in settings), *more,
    ]  # fmt: skip


def test_the_imitation_is_the_start_with_another_connector(folder):
    start, imitation = (load_checkpoint(path)[0] for path in (folder / "start", folder / "imitate" / "checkpoint"))
    before, after = start.state_dict(), imitation.state_dict()
    changed = {n.partition(".")[0] for n in after if not torch.equal(after[n].half(), before[n].half())}
    assert changed == {"fusion", "connector"}
    losses = [line["loss"] for line in read_log(folder / "imitate")]
    assert losses[-1] < losses[0]


def test_tokens_of_out_of_fold_rows_come_from_the_imitation(folder):
    model, tokenizer = load_checkpoint(folder / "start")
    config = StageConfig(trains=("lora",), feature_dropout=0.5)
    learner = Learner(model, tokenizer, config)
    rows, learner.out_of_fold = load_out_of_fold(
        folder / "1.jsonl", folder / "imitate" / "checkpoint", set(), model, config, torch.device("cpu")
    )
    assert {row.audio for row in rows} == {str(folder / "1.wav"), str(folder / "3.wav")}
    assert not [name for name, _ in learner.named_parameters() if "out_of_fold" in name], (
        "it neither trains nor is saved"
    )
    own = Row(id="x", audio=str(folder / "0.wav"), task="ground", query="a dog", duration=SECONDS)
    frames = frames_of(model, 1)
    copies = [tuple(side.clone() for side in frames) for _ in range(2)]
    examples = [learner.example(rows[0]), learner.example(own)]
    tokens = learner.eval()._audio(copies, [SAMPLES] * 2, examples)
    imitation = load_checkpoint(folder / "imitate" / "checkpoint")[0]
    with torch.no_grad():
        torch.testing.assert_close(tokens[0], imitation.audio_tokens(*frames, [SAMPLES])[0])
        torch.testing.assert_close(tokens[1], model.audio_tokens(*frames, [SAMPLES])[0])


def test_a_stage_trains_on_both_manifests(folder, capsys):
    more = ["--out-of-fold", str(folder / "1.jsonl"), "--imitation", str(folder / "imitate" / "checkpoint")]
    assert train(arguments(folder, "small-1", *more)) == 0
    assert "8 rows to train on" in capsys.readouterr().out
    start, trained = (load_checkpoint(path)[0] for path in (folder / "start", folder / "small-1" / "checkpoint"))
    for name, tensor in trained.connector.state_dict().items():
        assert torch.equal(tensor.float(), start.connector.state_dict()[name].half().float()), "it keeps its connector"


def test_what_does_not_go_together_is_refused(folder, capsys):
    halves = ["--out-of-fold", str(folder / "1.jsonl")], ["--imitation", str(folder / "start")]
    for some in halves:
        assert train(arguments(folder, "small-1", *some)) == 2
        assert "belong together" in capsys.readouterr().err
    for stage in ("align", "adapt"):
        assert train(arguments(folder, stage, *halves[0], *halves[1])) == 2
        assert "such as small-1" in capsys.readouterr().err
    same = ["--out-of-fold", str(folder / "0.jsonl"), "--imitation", str(folder / "imitate" / "checkpoint")]
    run = ["--run", str(folder / "same")]
    assert train(arguments(folder, "small-1", *same, *run)) == 2
    assert "2 recordings are in --data and in --out-of-fold" in capsys.readouterr().err
    assert train(arguments(folder, "small-1", *halves[0], *same[2:], *run)) == 0, (
        "the mistake has not claimed the folder"
    )
    model, tokenizer = small_model()
    torch.nn.init.normal_(model.connector.time_encoding.weight)
    save_checkpoint(folder / "other", model, tokenizer, dtype=torch.float32)
    another = ["--imitation", str(folder / "other"), "--run", str(folder / "another")]
    assert train(arguments(folder, "small-1", *halves[0], *another)) == 2
    assert "imitates another checkpoint's connector" in capsys.readouterr().err


def test_a_run_does_not_go_on_with_other_rows(folder, capsys):
    more = ["--out-of-fold", str(folder / "1.jsonl"), "--imitation", str(folder / "imitate" / "checkpoint")]
    given = arguments(folder, "small-1", "--run", str(folder / "rows"))
    assert train([*given, *more]) == 0
    assert train(given) == 2
    assert "differs in out_of_fold, imitation" in capsys.readouterr().err


def test_the_imitation_may_have_other_encoders(folder, capsys):
    model, tokenizer = small_model(seed=5)
    sound = YamnetEncoder(YamnetConfig(channels=(2, 2, 3, 3, 4, 4, 5, 5, 5, 5, 5, 5, 6)))
    other = TimeAudio(dataclasses.replace(model.config, sound_encoder="yamnet"), model.speech, sound, model.llm)
    save_checkpoint(folder / "encoders", other, tokenizer, dtype=torch.float32)
    more = ["--encoders", str(folder / "encoders"), "--run", str(folder / "exchange")]
    assert train(arguments(folder, "imitate", *more)) == 0
    result, start = (load_checkpoint(path)[0] for path in (folder / "exchange" / "checkpoint", folder / "start"))
    assert isinstance(result.sound, YamnetEncoder)
    for ours, theirs in ((result.sound, other.sound), (result.speech, other.speech)):
        wanted = theirs.state_dict()
        assert all(torch.equal(tensor, wanted[name].half().float()) for name, tensor in ours.state_dict().items())
    assert (folder / "exchange" / "checkpoint" / "model.safetensors").stat().st_mode & 0o044 == 0o044, "others may read"
    llm = "llm/model.safetensors"
    assert (folder / "exchange" / "checkpoint" / llm).read_bytes() == (folder / "start" / llm).read_bytes()
    clock, before = result.connector.time_encoding.weight, start.connector.time_encoding.weight
    assert clock.shape[1] == start.speech.dim + 6
    assert torch.equal(clock[:, : start.speech.dim], before[:, : start.speech.dim].half().float())
    assert not clock[:, start.speech.dim :].any()
    losses = [line["loss"] for line in read_log(folder / "exchange")]
    assert losses[-1] < losses[0]
    assert train(arguments(folder, "align", *more)) == 2
    assert "--encoders is for the stage `imitate`" in capsys.readouterr().err


def test_a_transcriber_stays_with_its_speech_encoder(tmp_path):
    for seed, stays in ((0, True), (5, False)):
        model, _ = small_model()
        sizes = TranscriberConfig(dim=model.speech.dim, num_layers=1, num_heads=2, feed_forward_dim=8)
        model.transcriber = Transcriber(sizes)
        model.config = dataclasses.replace(model.config, tasks=("dense_caption", "summarize"))
        save_checkpoint(tmp_path / str(seed), *small_model(seed=seed), dtype=torch.float16)
        exchanged = with_encoders(model, tmp_path / str(seed), "cpu")
        assert (exchanged.transcriber is not None) == stays
        assert ("summarize" in exchanged.config.tasks) == stays
