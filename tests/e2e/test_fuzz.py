"""A short run of `make fuzz`: damaged files, bodies and messages get client errors, and the server keeps working."""

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.e2e.conftest import free_port
from tests.fuzz.attack import attack_bodies, attack_files, attack_grpc, holdings

PORT = free_port()


@pytest.fixture(scope="module")
def server(run_scripted: Callable[..., contextlib.AbstractContextManager[Any]]) -> Iterator[Any]:
    with run_scripted("--grpc-port", str(PORT)) as server:
        yield server


def test_damaged_files(server: Any) -> None:
    report = attack_files(server.url, range(60), seed=0)
    assert report.kept == []
    assert {"200", "415", "422"} <= set(report.answers)  # some files are still valid, some are not


def test_damaged_bodies(server: Any) -> None:
    report = attack_bodies(server.url, range(60), seed=0)
    assert report.kept == []
    assert {"200", "400", "422"} <= set(report.answers)


def test_damaged_messages(server: Any) -> None:
    report = attack_grpc(f"127.0.0.1:{PORT}", range(60), seed=0)
    assert report.kept == []
    assert {"OK", "INVALID_ARGUMENT", "no message"} <= set(report.answers)


def test_the_server_keeps_no_memory_or_files(server: Any) -> None:
    before = holdings(server)
    attack_files(server.url, range(20), seed=1)
    after = holdings(server)
    assert before.keys() == after.keys() == {"front end", "worker"}
    for role, (mib, files) in after.items():
        assert files <= before[role][1] + 8
        assert mib < before[role][0] + 64
    assert server.process.poll() is None
    assert server.metric("timeaudio_worker_restarts_total") == 0
