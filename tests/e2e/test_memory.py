"""The front end keeps a pass of a recording in memory only until it is answered."""

import contextlib
from collections.abc import Callable
from typing import Any

Runner = Callable[..., contextlib.AbstractContextManager[Any]]

MIB = 1024 * 1024


def test_the_memory_of_an_answered_pass_is_freed(run_scripted: Runner, tone_wav: Callable[..., bytes]) -> None:
    # A fresh server, because other tests change the memory of a shared one.
    with run_scripted() as server, server.client(timeout=60.0) as client:

        def memory_after(sound: bytes, times: int) -> int:
            for _ in range(times):
                response = client.post("/v1/dense-caption", content=sound, headers={"content-type": "audio/wav"})
                assert response.status_code == 200, response.text
            return int(server.tree()[server.process.pid])

        before = memory_after(tone_wav(1.0), 3)
        assert memory_after(tone_wav(600.0), 4) - before < 16 * MIB  # 92 passes have 168 MiB of samples
