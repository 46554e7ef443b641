"""Words in an alignment: the tokens of their windows learn them, sounds keep theirs, and other tokens stay."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from model.checkpoint import save_checkpoint
from tests.alignments import SECONDS, fit, loss_of
from tests.factories import small_model
from tests.small_recordings import noise
from training.aligner import WINDOW_S, Aligner
from training.data.manifest import Annotation, Row, SpokenWord, write_manifest
from training.data.wav import write_wav
from training.score_command import main as evaluate
from training.stage_command import main as train
from training.stages import StageConfig
from training.word_recall import NEAREST, _count
from training.word_targets import WORD_WEIGHT, WordTargets, cosines

WORDS = ("bridge", "storm", "harbour")


def spoken_row(name, *words, label="speech"):
    times = tuple(SpokenWord(word, start, end) for word, start, end in words)
    events = (Annotation(((0.0, 3.0),), "Someone is speaking.", label),)
    return Row(
        id=name, audio=f"{name}.wav", task="dense_caption", duration=SECONDS, events=events, words=times, source=name
    )


def aligner_of(rows, **changes):
    model, tokenizer = small_model()
    settings = {"objective": "alignment", "trains": ("connector",), "dropout": False}
    torch.manual_seed(0)
    return Aligner(model, tokenizer, StageConfig(**(settings | changes)), rows)


def test_a_word_is_in_the_windows_that_it_overlaps():
    row = spoken_row("a", ("storm", 0.17, 0.51), ("bridge", 2.9, 3.3))
    targets = aligner_of([row]).words
    windows, words, shares = targets.overlaps([(), targets.example(row)], 9, WINDOW_S)
    assert windows.tolist() == [9, 10, 17], "of the second recording; the last window takes what lies beyond it"
    assert words.tolist() == [1, 1, 0]
    assert shares.tolist() == pytest.approx([0.5, 0.5, (3.06 - 2.9) / 0.34], abs=1e-5)
    nothing = targets.overlaps([(), ()], 9, WINDOW_S)
    assert len(nothing.window) == 0
    assert targets.loss(torch.randn(18, 32), nothing).detach() == 0.0


def test_frequent_words_weigh_less_and_cost_nothing_by_their_frequency():
    row = spoken_row("a", *[("the", 0.1, 0.2)] * 99, ("bridge", 0.3, 0.4))
    model, tokenizer = small_model()
    targets = WordTargets(model.llm.get_input_embeddings().weight, tokenizer, [row])
    assert targets.words == {"bridge": 0, "the": 1}
    assert targets.log_share.exp().tolist() == pytest.approx([0.01, 0.99])
    assert targets.weight.tolist() == pytest.approx([1.0, (0.5 / 0.99) ** 0.5])
    spoken = targets.overlaps([targets.example(replace(row, words=row.words[98:]))], 9, WINDOW_S)
    vectors, weight = targets.sums(spoken, 9)
    heavy = targets.weight * torch.tensor([0.04, 0.1]) / 0.34  # "bridge" ends in the second window
    expected = (heavy[0] * targets.vectors[0] + heavy[1] * targets.vectors[1]) / heavy.sum()
    assert torch.allclose(vectors[0] / weight[0], expected, atol=1e-4)
    assert not vectors[2:].any()
    tokens = torch.randn(9, 32)
    frequency = torch.tensor([0.01, 0.99])
    likely = frequency * (targets.scale * cosines(tokens, targets.vectors, targets.centre)).exp()
    missed = -(likely / likely.sum(dim=1, keepdim=True)).log()
    shares = torch.tensor([0.04, 0.1]) / 0.14  # of the words in the first window
    first = (targets.weight * shares * missed[0]).sum()
    loss = targets.loss(tokens, spoken)
    assert torch.allclose(loss, WORD_WEIGHT * (first + missed[1, 0]) / 9, rtol=1e-3)


@pytest.fixture
def toy():
    """Spoken rows and a row of a dog, and features in which each word and each label adds a direction of its own."""
    rng = torch.Generator().manual_seed(1)
    model, _ = small_model()
    directions = {name: torch.randn(model.speech.dim, generator=rng) for name in (*WORDS, "speech", "dog")}
    rows, frames = [], []
    for n in range(6):
        spans = [(WORDS[(n + k) % 3], 1.02 * k, 1.02 * k + 1.0) for k in range(3)]
        row = spoken_row(str(n), *spans) if n < 5 else spoken_row("5", label="dog")
        speech = 0.1 * torch.randn(1, 153, model.speech.dim, generator=rng)
        speech += directions[row.events[0].label]
        for word in row.words:
            speech[0, round(word.start * 50) : round(word.end * 50)] += directions[word.text]
        rows.append(row)
        frames.append((speech, 0.1 * torch.randn(1, 153, model.sound.dim, generator=rng)))
    return rows, frames


def test_the_tokens_learn_the_words_and_sounds_stay_known(toy):
    rows, frames = toy
    aligner = aligner_of(rows)
    losses = fit(aligner, rows, frames, 80)
    assert losses[-1] < 0.6 * losses[0]
    with torch.no_grad():
        fused = aligner.eval().fusion(*(torch.cat(side) for side in zip(*frames, strict=True)))
        tokens = aligner.connector(fused, may_merge=False)
        sounds = aligner.active(tokens).argmax(-1)
    nearest = cosines(tokens[:5], aligner.words.vectors, aligner.words.centre).argmax(-1)
    expected = torch.tensor([[aligner.words.words[w.text] for w in row.words for _ in range(3)] for row in rows[:5]])
    assert (nearest == expected).float().mean() > 0.9
    assert sounds[5].tolist() == [aligner.labels["dog"]] * 9
    assert (sounds[:5] == aligner.labels["speech"]).float().mean() > 0.9


def test_rows_without_words_train_as_before(toy):
    rows, frames = toy
    silent = [replace(row, words=()) for row in rows]
    aligner = aligner_of(silent)
    assert aligner.words is None
    both = aligner_of(rows)
    assert float(loss_of(both, rows[5:], frames[5:]).detach()) == pytest.approx(
        float(loss_of(aligner, silent[5:], frames[5:]).detach())
    )
    assert float(loss_of(both, rows[:5], frames[:5]).detach()) > float(
        loss_of(aligner, silent[:5], frames[:5]).detach()
    )


def test_what_is_kept_is_the_start_where_no_word_is_spoken(toy):
    rows, frames = toy
    aligner, free = (aligner_of(rows, keep_weight=weight).eval() for weight in (1.0, 0.0))
    names = [name for name, _ in aligner.named_parameters()]
    assert names == [name for name, _ in free.named_parameters()], "the copy neither trains nor is saved"
    assert float(loss_of(aligner, rows, frames).detach()) == pytest.approx(float(loss_of(free, rows, frames).detach()))
    with torch.no_grad():
        for module in (aligner, free):
            module.connector.projection.bias += 1.0
    kept = [
        float(loss_of(aligner, [row], [f]).detach()) - float(loss_of(free, [row], [f]).detach())
        for row, f in zip(rows, frames, strict=True)
    ]
    assert kept[0] == pytest.approx(0.0, abs=1e-4), "all of its windows have words"
    assert kept[5] == pytest.approx(32 / float(aligner.label_vectors.square().sum(-1).mean()), rel=1e-3)


def test_a_word_counts_where_its_window_says_it():
    nearest = torch.tensor([[3, 1, 2], [0, 4, 5]])
    words = [SpokenWord(text, start, start + 0.3) for text, start in (("bridge", 0.0), ("storm", 0.0), ("the", 0.4))]
    found = _count(nearest, words, [3, 2, 0], WINDOW_S)
    assert NEAREST == (1, 3)
    assert found == (2, (1, 2)), "an article is not a content word"
    late = _count(nearest, [SpokenWord("harbour", 0.9, 1.2)], [4], WINDOW_S)
    assert late == (1, (0, 1)), "beyond the last window counts as in it"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("words")
    save_checkpoint(folder / "start", *small_model(), dtype=torch.float32)
    rows = [spoken_row(str(n), (WORDS[n % 3], 0.3, 1.0), ("the", 1.0, 1.2)) for n in range(4)]
    for row in rows:
        write_wav(folder / row.audio, noise(SECONDS, seed=int(row.id)))
    write_manifest(folder / "spoken.jsonl", rows)
    write_manifest(folder / "silent.jsonl", [replace(row, words=()) for row in rows])
    return folder


def test_the_stage_trains_and_the_words_are_measured(folder, capsys):
    settings = {"steps": 2, "batch_size": 4, "micro_batch_size": 2, "bfloat16": "false", "save_every": 1}
    assert train([
        "--data", str(folder / "spoken.jsonl"), "--from", str(folder / "start"), "--stage", "words", "--device", "cpu",
        "--run", str(folder / "run"), *[f"--set={key}={value}" for key, value in settings.items()],
    ]) == 0  # fmt: skip
    given = ["--data", str(folder / "spoken.jsonl"), "--model", str(folder / "run" / "checkpoint"), "--device", "cpu"]
    capsys.readouterr()
    assert evaluate([*given, "--words", str(folder / "spoken.jsonl"), "--json", str(folder / "w.json")]) == 0
    shown = capsys.readouterr().out
    assert all(part in shown for part in ("words: nearest word", "words: 3 nearest words", "control", "4 readers"))
    scores = json.loads((folder / "w.json").read_text())["scores"]
    assert scores["words: nearest word"]["count"] == 4
    values = [scores[f"words: {name}"]["value"] for name in ("nearest word", "3 nearest words")]
    assert 0 <= values[0] <= values[1] <= 1
    assert np.isfinite(values).all()
    silent = ["--data", str(folder / "silent.jsonl"), *given[2:], "--words", str(folder / "spoken.jsonl")]
    assert evaluate(silent) == 2
    assert "no spoken words: `timeaudio data spoken` writes them" in capsys.readouterr().err
