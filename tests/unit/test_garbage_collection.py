"""The collector pauses while a checkpoint is loaded, and runs again afterwards, even after an error."""

import gc

import pytest

from model.garbage_collection import postponed


@pytest.fixture(autouse=True)
def _thawed():
    yield
    gc.unfreeze()


def test_the_collector_skips_what_was_created_while_it_was_postponed():
    frozen = gc.get_freeze_count()
    with postponed():
        assert not gc.isenabled()
        created = [[] for _ in range(1000)]
    assert gc.isenabled()
    assert gc.get_freeze_count() >= frozen + len(created)


def test_the_collector_runs_again_after_an_error():
    with pytest.raises(OSError, match="damaged"), postponed():
        raise OSError("damaged")
    assert gc.isenabled()
