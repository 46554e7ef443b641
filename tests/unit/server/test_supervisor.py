"""The pauses before a worker is started again."""

from pathlib import Path

from server.settings import Worker
from server.workers.process import WorkerCommand
from server.workers.supervisor import Supervisor


def test_the_pause_grows_to_its_limit_and_stays_there() -> None:
    command = WorkerCommand(
        checkpoint=Path("x"), device="cpu", threads=1, slots=None, slot_tokens=64, most_beams=1, pipeline="p",
        quantize=None, log_format="text",
    )  # fmt: skip
    supervisor = Supervisor(command, Worker(backoff_s=0.5), lambda: None)
    pauses = []
    for deaths in (1, 2, 3, 100, 5000):
        supervisor.deaths = deaths
        pauses.append(supervisor.backoff_s)
    assert pauses == [0.5, 1.0, 2.0, 30.0, 30.0]
