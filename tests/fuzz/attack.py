"""Send damaged files, bodies and messages to a running server. Count the responses, and keep the wrong ones."""

import os
import re
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

from model.audio.decode import decode_audio
from model.errors import AudioError
from tests.e2e.conftest import descendants, resident
from tests.fuzz import seeds
from tests.fuzz.mutations import mutated

LIMIT_S = 10.0
"""Longest recording for `attack_decoder`, in seconds."""

CALLERS_FAULT = {200, 400, 404, 413, 415, 422}
"""Allowed statuses for a damaged request. 5xx is not allowed."""
CALLERS_FAULT_GRPC = {grpc.StatusCode.OK, grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.NOT_FOUND}


@dataclass
class Report:
    """The responses. `kept` has the requests that got a wrong response."""

    answers: Counter[str] = field(default_factory=Counter)
    kept: list[tuple[str, bytes]] = field(default_factory=list)

    def add(self, answer: str, sent: bytes, is_right: bool) -> None:
        self.answers[answer] += 1
        if not is_right:
            self.kept.append((answer, sent))

    @property
    def num_sent(self) -> int:
        return sum(self.answers.values())


def attack_decoder(numbers: range, *, seed: int) -> Report:
    """Decode damaged audio files in this process. The part that an error offers must be readable."""
    sounds, report = seeds.files(), Report()
    for number in numbers:
        data = mutated(sounds, np.random.default_rng([seed, number]))
        try:
            outcome, is_right = _decode(data)
        except Exception as error:
            outcome, is_right = f"{type(error).__name__}: {error}", False
        report.add(outcome, data, is_right=is_right)
    return report


def _decode(data: bytes) -> tuple[str, bool]:
    """Return what happened, and whether that may happen."""
    try:
        waveform = decode_audio(data, max_seconds=LIMIT_S)
    except AudioError as error:
        outcome, offer = type(error).__name__, re.search(r"end at (\d+\.\d) s or before", str(error))
        if offer is None:
            return outcome, True
        end_s = float(offer[1])
        try:
            part = decode_audio(data, max_seconds=LIMIT_S, end_s=end_s)
        except AudioError as second:
            return f"{outcome}, and then {type(second).__name__}", False
        return outcome, part.duration_s == end_s
    return "decoded", bool(np.isfinite(waveform.samples).all()) and waveform.duration_s <= LIMIT_S


def attack_files(url: str, numbers: range, *, seed: int, threads: int = 2) -> Report:
    """Send damaged audio files as raw bodies."""
    sounds = seeds.files()

    def one(client: httpx.Client, number: int, report: Report) -> None:
        data = mutated(sounds, np.random.default_rng([seed, number]))
        report.add(*_post(client, "/v1/dense-caption", data, "audio/wav"))

    return _shared(url, numbers, one, threads)


def attack_bodies(url: str, numbers: range, *, seed: int, threads: int = 2) -> Report:
    """Send damaged forms and JSON."""
    whole = seeds.bodies()

    def one(client: httpx.Client, number: int, report: Report) -> None:
        random = np.random.default_rng([seed, number])
        path, media, body = whole[number % len(whole)]
        data = mutated([body], random)
        report.add(*_post(client, path, data, media))

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


def _post(client: httpx.Client, path: str, data: bytes, media: str) -> tuple[str, bytes, bool]:
    """Return the status, the data, and whether the response may be given to a damaged request."""
    try:
        response = client.post(path, content=data, headers={"content-type": media})
    except httpx.HTTPError as error:
        return type(error).__name__, data, False
    if response.status_code == 200 and not times_are_inside(response.json()):
        return "200 with times outside of the recording", data, False
    return str(response.status_code), data, response.status_code in CALLERS_FAULT


def times_are_inside(answer: dict[str, Any]) -> bool:
    """Whether all intervals of an answer are inside the analysed part. Times have one decimal."""
    if "audio" not in answer:  # a chat completion
        return True
    start = answer["audio"]["start"] - 0.05
    end = answer["audio"]["start"] + answer["audio"]["duration"] + 0.05
    groups = answer.get("events", answer.get("results", []))
    intervals = [interval for group in groups for interval in group["intervals"]]
    return all(start <= interval["start"] < interval["end"] <= end for interval in intervals)


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
