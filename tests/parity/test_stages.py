"""Compare every stage of `model.reference` with the numbers of the released code."""

import json

import pytest
import torch
import torch.nn.functional as F

from model.audio.fbank import fbank
from model.language.decoding import Decoding
from model.language.prompt import splice
from tests.synthetic import CLIPS, clip

TOLERANCE = 1e-4
LOGITS_TOLERANCE = 1e-3
LOGITS_KEPT = [*range(10), *range(-24, 0)]
"""Positions of the prompt whose logits are stored."""


def agree(ours, stored, tolerance=TOLERANCE):
    torch.testing.assert_close(ours, stored, atol=tolerance, rtol=0)


@pytest.fixture(scope="module")
def ours(released):
    """Map the name of each clip to its stages, which are computed once."""
    return {name: released.stages(clip(name)) for name in CLIPS}


@pytest.fixture(scope="module")
def merged(released, theirs):
    return released.stages(clip("d62"), picks=theirs["d62_picks"])


@pytest.mark.parametrize("name", ["s10", "s6"])
def test_features(name, ours, theirs):
    agree(ours[name]["mel"][..., : theirs[f"{name}_mel"].shape[2]], theirs[f"{name}_mel"], 1e-6)
    agree(ours[name]["fbank"], theirs[f"{name}_fbank"].float(), 1e-3)


def test_features_in_float32(ours, theirs):
    agree(ours["s10"]["fbank"][:, ::8], theirs["s10_fbank_every_8th"], 2e-5)


@pytest.mark.parametrize("name", ["s10", "s6"])
def test_a_clip_from_whisper_to_projection(name, ours, theirs):
    stages = ours[name]
    agree(stages["whisper"][:, ::10], theirs[f"{name}_whisper_every_10th"])
    agree(stages["beats"], theirs[f"{name}_beats"])
    assert torch.equal(stages["time_index"], theirs[f"{name}_time_index"])
    for stage in ("qformer", "projected"):
        agree(stages[stage], theirs[f"{name}_{stage}"])


def test_the_shorter_encoder_is_padded_with_zeros_after_its_norm(ours, theirs):
    assert ours["s10"]["fused"][0, 496:, 64:].eq(0).all()
    assert ours["d62"]["whisper"].shape[1] == 3000, "Whisper drops the tail of 2.3 s"
    assert ours["d62"]["beats"].shape[1] == 3112, "BEATs keeps it"
    agree(ours["d62"]["fused"][:, 2990:3010], theirs["d62_fused_2990_to_3009"])


def test_windows_are_fused_frames_plus_their_time_encoding(ours, released):
    for name, frames in (("s10", 1496), ("d62", 3111)):
        stages, rows = ours[name], released.model.connector.time_encoding.weight
        windows = stages["fused"][:, :frames].unflatten(1, (-1, 17)) + rows[stages["time_index"]][:, :, None]
        agree(stages["windows"], windows, 0)


def test_the_q_formers_norms_have_berts_epsilon(released, data):
    """Use small values: with the large stored tensors, a wrong epsilon makes no visible difference."""
    epsilon = json.loads((data / "tiny_configs.json").read_text())["bert"]["layer_norm_eps"]
    norms = [module for module in released.model.connector.qformer.modules() if isinstance(module, torch.nn.LayerNorm)]
    quiet = 1e-4 * torch.randn(5, 64, generator=torch.Generator().manual_seed(0))
    assert len(norms) == 1 + 3 * len(released.model.connector.qformer.layers)
    for norm in norms:
        agree(norm(quiet), F.layer_norm(quiet, norm.normalized_shape, norm.weight, norm.bias, eps=epsilon))


def test_a_clip_over_a_minute_unmerged(ours, theirs):
    stages = ours["d62"]
    agree(stages["whisper"][:, ::50], theirs["d62_whisper_every_50th"])
    agree(stages["beats"][:, ::50], theirs["d62_beats_every_50th"])
    assert torch.equal(stages["time_index"], theirs["d62_time_index"])
    agree(stages["qformer"], theirs["d62_qformer"])
    agree(stages["projected"], theirs["d62_projected_plain"])
    assert torch.equal(stages["merged"], stages["qformer"]), "nothing is merged by default"


def test_over_a_minute_merged_with_the_references_picks(merged, theirs):
    agree(merged["merged"], theirs["d62_merged"])
    agree(merged["projected"], theirs["d62_projected_merged"])


def test_the_reference_picks_have_the_highest_scores(released, theirs):
    assert torch.equal(released.picks_of_scores(theirs["d62_merge_scores"][0]), theirs["d62_picks"])
    assert theirs["d62_merge_scores"].std() < 1e-8, "the scores are constant, so rounding noise decided"


def test_logits(ours, merged, theirs):
    for stages, stored in (
        (ours["s10"], theirs["batch_logits"][:1]),
        (ours["d62"], theirs["d62_logits_plain"]),
        (merged, theirs["d62_logits_merged"]),
    ):
        agree(stages["logits"][:, LOGITS_KEPT], stored, LOGITS_TOLERANCE)


@pytest.mark.parametrize(("search", "num_beams"), [("greedy", 1), ("beam4", 4)])
def test_the_generated_ids(search, num_beams, ours, merged, released, theirs):
    decoding = Decoding(num_beams=num_beams, max_new_tokens=40)
    for stages, kind in ((ours["d62"], "plain"), (merged, "merged")):
        ids = released.answer(stages["projected"][0], decoding)
        assert ids == theirs[f"d62_{search}_ids_{kind}"][0].tolist()


def test_generate_from_the_waveform(released, theirs):
    assert released.generate(clip("s10")) == theirs["batch_greedy_ids"][0].tolist()


def test_the_ids_of_the_prompt(released, theirs):
    before, after = theirs["before_ids"].tolist(), theirs["after_ids"].tolist()
    given = released.stages(clip("s6"), prompt=([1, *before], after))
    agree(given["logits"], released.stages(clip("s6"))["logits"], 0)


def test_a_batch_of_two_equals_the_single_clips(ours, released, theirs):
    """Rows of a batch are independent here, unlike in the reference (see the next test)."""
    model, names = released.model, ("s10", "s6")
    fused = torch.cat([ours[name]["fused"] for name in names])
    with torch.inference_mode():
        projected = model.connector(fused, [len(clip(name)) for name in names])
    for row, name in enumerate(names):
        agree(projected[row : row + 1], theirs[f"{name}_projected"])
    agree(projected[:1], theirs["batch_projected"][:1])


def test_the_reference_batch_treats_padding_as_sound(ours, released, theirs):
    """Its BEATs attends to 8 tokens of padding, and its windows include tokens after the end of the clip."""
    model = released.model
    waves = [torch.from_numpy(clip(name) / 32768) for name in ("s10", "s6")]
    padded = torch.stack([F.pad(wave, (0, 160_000 - len(wave))) for wave in waves])
    with torch.inference_mode():
        sound = model.sound(fbank(padded, dtype=torch.float64), theirs["batch_padding_mask"])
        fused = model.fusion(torch.cat([ours[name]["whisper"] for name in ("s10", "s6")]), sound)
        agree(model.connector(fused, [len(wave) for wave in waves]), theirs["batch_projected"])


def test_the_language_model_in_batches(released, theirs):
    """Compare the logits of both rows as a batch, and their greedy ids, from the stored projected tokens."""
    llm = released.model.llm
    before, after = [1, *theirs["before_ids"].tolist()], theirs["after_ids"].tolist()
    prompts = [splice(llm.get_input_embeddings(), before, row, after) for row in theirs["batch_projected"]]
    with torch.inference_mode():
        logits = llm(inputs_embeds=torch.stack(prompts)).logits
    agree(logits[:, LOGITS_KEPT], theirs["batch_logits"], LOGITS_TOLERANCE)
    for row, projected in enumerate(theirs["batch_projected"]):
        ids = released.answer(projected, Decoding(max_new_tokens=40))
        assert ids == theirs["batch_greedy_ids"][row].tolist()
