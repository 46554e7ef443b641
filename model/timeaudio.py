"""The whole model: two encoders, the connector, a causal language model."""

import torch
from jaxtyping import Float
from torch import Tensor, nn
from transformers import PreTrainedModel

from model.audio.segment import SEGMENT_SAMPLES, Segment
from model.config import ModelConfig
from model.connector.connector import Connector
from model.encoders.beats import BEATs
from model.encoders.conv import ConvEncoder
from model.encoders.fuse import Fusion
from model.encoders.whisper import SpeechEncoder

FRAME_SAMPLES = 320
"""Samples in a frame: 20 ms."""

ENCODER_BATCH = 4
"""Segments that go through the encoders together: bounds memory, whatever a recording's length."""


class TimeAudio(nn.Module):
    """From waveforms to the tokens that the language model hears.

    Source: paper, Figure 2.
    """

    def __init__(
        self, config: ModelConfig, speech: SpeechEncoder, sound: ConvEncoder | BEATs, llm: PreTrainedModel
    ) -> None:
        super().__init__()
        self.config = config
        self.speech = speech
        self.sound = sound
        self.fusion = Fusion(speech.dim, sound.dim)
        self.connector = Connector(config, self.fusion.dim, llm.config.hidden_size)
        self.llm = llm

    def encode_segments(
        self, segments: list[Segment]
    ) -> tuple[Float[Tensor, "1 frames speech"], Float[Tensor, "1 frames sound"]]:
        """Both encoders' frames of a recording, segment after segment.

        Each segment runs at its true length, filled up to a whole frame; segments of one length run together.
        """
        device = next(self.parameters()).device
        speech: list[Tensor] = []
        sound: list[Tensor] = []
        for batch in _same_length(segments):
            num_frames = batch[0].num_frames
            waveforms = torch.zeros(len(batch), num_frames * FRAME_SAMPLES, device=device)
            for row, segment in zip(waveforms, batch, strict=True):
                row[: len(segment.samples)] = torch.from_numpy(segment.samples)
            speech += self._speech_frames(waveforms, num_frames).unbind()
            sound += self.sound.encode_frames(waveforms)[:, :num_frames].unbind()
        return torch.cat(speech)[None], torch.cat(sound)[None]

    def _speech_frames(self, waveforms: Tensor, num_frames: int) -> Tensor:
        if self.config.pad_segments:
            waveforms = nn.functional.pad(waveforms, (0, SEGMENT_SAMPLES - waveforms.shape[1]))
        return self.speech(waveforms)[:, :num_frames]

    def audio_tokens(
        self, speech: Float[Tensor, "batch frames speech"], sound: Float[Tensor, "batch frames sound"]
    ) -> Float[Tensor, "batch tokens dim"]:
        """What the language model hears of recordings of one length."""
        return self.connector(self.fusion(speech, sound))


def _same_length(segments: list[Segment]) -> list[list[Segment]]:
    """Runs of neighbouring segments with equally many frames, at most `ENCODER_BATCH` long."""
    batches: list[list[Segment]] = []
    for segment in segments:
        last = batches[-1] if batches else []
        if last and len(last) < ENCODER_BATCH and last[0].num_frames == segment.num_frames:
            last.append(segment)
        else:
            batches.append([segment])
    return batches
