"""A checkpoint from `timeaudio import` gives the same numbers as the released code."""

import pytest
import torch

from model.convert.importer import import_released
from model.reference import Reference
from tests.released_files import HEADS, write_downloads
from tests.synthetic import clip


@pytest.fixture(scope="module")
def imported(tmp_path_factory):
    folder = tmp_path_factory.mktemp("import")
    import_released(write_downloads(folder), folder / "timeaudio-small", dtype="float32", num_heads=HEADS)
    return Reference.load(folder / "timeaudio-small")


def test_an_imported_checkpoint_has_the_released_codes_stages(imported, theirs):
    stages = imported.stages(clip("s10"))
    for name, tolerance in (("beats", 1e-4), ("qformer", 1e-4), ("projected", 1e-4)):
        torch.testing.assert_close(stages[name], theirs[f"s10_{name}"], atol=tolerance, rtol=0)
    torch.testing.assert_close(stages["logits"][:, :10], theirs["batch_logits"][:1, :10], atol=1e-3, rtol=0)


def test_an_imported_checkpoint_generates_the_released_codes_ids(imported, theirs):
    assert imported.generate(clip("s10")) == theirs["batch_greedy_ids"][0].tolist()
    assert imported.generate(clip("d62"), num_beams=4) == theirs["d62_beam4_ids_plain"][0].tolist()
