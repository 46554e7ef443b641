"""What the front end holds of recordings: the passes that are being heard, and nothing once they are answered."""

import contextlib
from collections.abc import Callable
from typing import Any

Runner = Callable[..., contextlib.AbstractContextManager[Any]]

MIB = 1024 * 1024


def test_nothing_is_kept_of_a_pass_that_was_answered(run_scripted: Runner, tone_wav: Callable[..., bytes]) -> None:
    with run_scripted() as server, server.client(timeout=60.0) as client:  # its own: others would leave their traces

        def hear(sound: bytes, times: int) -> int:
            for _ in range(times):
                response = client.post("/v1/dense-caption", content=sound, headers={"content-type": "audio/wav"})
                assert response.status_code == 200, response.text
            return int(server.tree()[server.process.pid])

        before = hear(tone_wav(1.0), 3)
        assert hear(tone_wav(600.0), 4) - before < 16 * MIB  # of 92 passes, which are 168 MiB of samples
