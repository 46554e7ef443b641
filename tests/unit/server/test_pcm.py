"""The samples of live sound: a few damaged ones change nothing else."""

import numpy as np

from model.audio.scale import LOUDEST
from server.grpc_api.pcm import PcmReader
from timeaudio.v1 import timeaudio_pb2 as pb


def test_a_few_samples_far_beyond_full_scale_are_clipped() -> None:
    samples = np.full(16_000, 0.25, "<f4")
    samples[100:140] = 1e30  # too few for a wrong scale; the encoders would compute infinities
    samples[200] = np.inf
    reader = PcmReader(pb.LiveAudio(sample_rate=16_000, channels=1, encoding=pb.ENCODING_F32LE))
    mono = np.concatenate([np.frombuffer(block, "<f4") for block in reader.add(samples.tobytes())])
    assert np.abs(mono).max() <= LOUDEST
    np.testing.assert_allclose(mono[1000:], 0.25, rtol=1e-5)
