"""A date that jumps while a file is decoded."""

import asyncio
import time
from pathlib import Path

import numpy as np
import pytest

from server.decoding.pool import DecodePool
from server.settings import Settings
from training.data.wav import write_wav

SECONDS = 1800


def test_a_date_that_jumps_ahead_does_not_make_a_file_too_costly(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_wav(tmp_path / "long.wav", np.zeros(SECONDS * 16_000, np.float32))
    real, ahead_s = time.time, [0.0]
    monkeypatch.setattr(time, "time", lambda: real() + ahead_s[0])

    async def decode() -> int:
        pool = DecodePool(Settings())
        await pool.start()
        try:
            decoding = asyncio.create_task(pool.decode(tmp_path / "long.wav"))
            written = tmp_path / "long.pcm"
            while not written.exists() or not written.stat().st_size:
                await asyncio.sleep(0.001)
            ahead_s[0] = 72 * 3600.0
            return (await decoding).num_samples
        finally:
            await pool.close()

    assert asyncio.run(decode()) == SECONDS * 16_000
