"""Send damaged files, bodies and messages to a running server. Count the responses, and keep the wrong ones."""

import os
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

import grpc
import httpx
import numpy as np

from tests.e2e.conftest import descendants, resident
from tests.fuzz import seeds
from tests.fuzz.mutations import mutated

CALLERS_FAULT = {200, 400, 404, 413, 415, 422}
"""Allowed statuses for a damaged request. 5xx is not allowed."""
CALLERS_FAULT_GRPC = {grpc.StatusCode.OK, grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.NOT_FOUND}


@dataclass
class Report:
    """The responses. `kept` has the requests that got a wrong response."""

    answers: Counter[str] = field(default_factory=Counter)
    kept: list[tuple[str, bytes]] = field(default_factory=list)

    def add(self, answer: str, sent: bytes, *, is_right: bool) -> None:
        self.answers[answer] += 1
        if not is_right:
            self.kept.append((answer, sent))

    @property
    def num_sent(self) -> int:
        return sum(self.answers.values())


def attack_files(url: str, numbers: range, *, seed: int, threads: int = 2) -> Report:
    """Send damaged audio files as raw bodies."""
    sounds = seeds.files()

    def one(client: httpx.Client, number: int, report: Report) -> None:
        data = mutated(sounds, np.random.default_rng([seed, number]))
        answer = client.post("/v1/dense-caption", content=data, headers={"content-type": "audio/wav"})
        report.add(str(answer.status_code), data, is_right=answer.status_code in CALLERS_FAULT)

    return _shared(url, numbers, one, threads)


def attack_bodies(url: str, numbers: range, *, seed: int, threads: int = 2) -> Report:
    """Send damaged forms and JSON."""
    whole = seeds.bodies()

    def one(client: httpx.Client, number: int, report: Report) -> None:
        random = np.random.default_rng([seed, number])
        path, media, body = whole[number % len(whole)]
        data = mutated([body], random)
        answer = client.post(path, content=data, headers={"content-type": media})
        report.add(str(answer.status_code), data, is_right=answer.status_code in CALLERS_FAULT)

    return _shared(url, numbers, one, threads)


def attack_grpc(address: str, numbers: range, *, seed: int) -> Report:
    """Send damaged messages, and valid ones with damaged audio. The gRPC library rejects messages that do not parse."""
    sounds, report = seeds.files(), Report()
    with grpc.insecure_channel(address) as channel:
        for number in numbers:
            random = np.random.default_rng([seed, number])
            method, message = seeds.MESSAGES[number % len(seeds.MESSAGES)]
            # Two thirds are valid messages with damaged audio.
            data = message(mutated(sounds, random)) if number % 3 else mutated([message(sounds[0])], random)
            try:
                channel.unary_unary(method)(data, timeout=60)
                report.add("OK", data, is_right=True)
            except grpc.RpcError as error:
                code, undecoded = error.code(), "DecodeError" in (error.details() or "")
                outcome = "no message" if undecoded else code.name
                report.add(outcome, data, is_right=undecoded or code in CALLERS_FAULT_GRPC)
    return report


def _shared(url: str, numbers: range, one: Callable[[httpx.Client, int, Report], None], threads: int) -> Report:
    report, todo = Report(), iter(numbers)

    def work() -> None:
        with httpx.Client(base_url=url, timeout=120.0, trust_env=False) as client:
            while mine := list(islice(todo, 1)):
                one(client, mine[0], report)

    with ThreadPoolExecutor(threads) as pool:
        for done in [pool.submit(work) for _ in range(threads)]:
            done.result()
    return report


def holdings(server: Any) -> dict[str, tuple[float, int]]:
    """Return the resident MiB and the number of open files of the front end and of its worker."""
    pids = {"front end": server.process.pid}
    for pid in descendants(server.process.pid):
        if b"server.worker" in Path(f"/proc/{pid}/cmdline").read_bytes():
            pids["worker"] = pid
    return {role: (round(resident(pid) / 2**20, 1), len(os.listdir(f"/proc/{pid}/fd"))) for role, pid in pids.items()}
