"""The whole model: two encoders, the connector, a causal language model."""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn
from transformers import PreTrainedModel

from model.audio.segment import SEGMENT_SAMPLES, Segment
from model.confidence import Calibration
from model.config import ModelConfig
from model.connector.anchors import Anchors, anchors_of
from model.connector.connector import Connector
from model.connector.window import num_windows
from model.encoders.aisfx import AisfxEncoder
from model.encoders.beats import BEATs
from model.encoders.conv import ConvEncoder
from model.encoders.fuse import Fusion
from model.encoders.whisper import SpeechEncoder
from model.encoders.whole import encode_whole

FRAME_SAMPLES = 320
"""Samples in a frame: 20 ms."""

SoundEncoder = ConvEncoder | BEATs | AisfxEncoder
"""What `ModelConfig.sound_encoder` chooses among."""

ENCODER_BATCH = 4
"""Segments that go through the encoders together: bounds memory, whatever a recording's length."""

Frames = tuple[Tensor | None, Tensor | None]
"""A segment's frames from the speech encoder and from the sound encoder, [frames, dim]; None where one does not hear
it by itself."""


class TimeAudio(nn.Module):
    """From waveforms to the tokens that the language model hears.

    Source: paper, Figure 2.

    Attributes:
        calibration: how the confidence of its answers is reckoned, where a checkpoint says it.
        marker_ids: of the time markers, anchors first: needed where times stand among the audio tokens.
    """

    def __init__(self, config: ModelConfig, speech: SpeechEncoder, sound: SoundEncoder, llm: PreTrainedModel) -> None:
        super().__init__()
        self.config = config
        self.speech = speech
        self.sound = sound
        self.fusion = Fusion(speech.dim, sound.dim)
        self.connector = Connector(config, self.fusion.dim, llm.config.hidden_size)
        self.llm = llm
        self.calibration: Calibration | None = None
        self.marker_ids: tuple[int, ...] = ()

    def encode_segments(
        self, segments: list[Segment]
    ) -> tuple[Float[Tensor, "1 speech_frames speech"], Float[Tensor, "1 sound_frames sound"]]:
        """Both encoders' frames of a recording, segment after segment.

        Each segment runs at its true length, filled up to a whole frame; segments of one length run together. The
        released code's ways, and with them other numbers of frames, are chosen by `config.encoding`.
        """
        return self.joined(
            segments, [frames for batch in _same_length(segments) for frames in self.encode_batch(batch)]
        )

    def encode_batch(self, segments: list[Segment]) -> list[Frames]:
        """Both encoders' frames of segments that have equally many, whatever recordings they are of."""
        num_frames = segments[0].num_frames
        waveforms = self._waveforms(segments)
        speech: list[Tensor | None] = [None] * len(segments)
        sound: list[Tensor | None] = [None] * len(segments)
        if heard := [row for row, segment in enumerate(segments) if self.hears_speech(segment)]:
            for row, frames in zip(heard, self._speech_frames(waveforms[heard], num_frames), strict=True):
                speech[row] = frames
        if not self.config.encoding.whole_sound:
            sound = list(self.sound.encode_frames(waveforms)[:, :num_frames])
        return list(zip(speech, sound, strict=True))

    def joined(
        self, segments: list[Segment], frames: list[Frames]
    ) -> tuple[Float[Tensor, "1 speech_frames speech"], Float[Tensor, "1 sound_frames sound"]]:
        """The frames of a recording, from those of each of its segments."""
        speech = torch.cat([part for part, _ in frames if part is not None])[None]
        if self.config.encoding.whole_sound:
            assert isinstance(self.sound, BEATs)
            return speech, encode_whole(self.sound, segments)
        return speech, torch.cat([part for _, part in frames if part is not None])[None]

    def _waveforms(self, batch: list[Segment]) -> Tensor:
        device = next(self.parameters()).device
        waveforms = torch.zeros(len(batch), batch[0].num_frames * FRAME_SAMPLES, device=device)
        for row, segment in zip(waveforms, batch, strict=True):
            row[: len(segment.samples)] = torch.from_numpy(segment.samples)
        return waveforms

    def hears_speech(self, segment: Segment) -> bool:
        """Whether the speech encoder hears a segment: the first always, later ones if they are long enough."""
        return segment.start == 0 or segment.num_samples >= self.config.encoding.min_tail_samples

    def _speech_frames(self, waveforms: Tensor, num_frames: int) -> Tensor:
        if self.config.pad_segments:
            waveforms = nn.functional.pad(waveforms, (0, SEGMENT_SAMPLES - waveforms.shape[1]))
        frames: Tensor = self.speech(waveforms)
        return frames if self.config.encoding.keep_padding else frames[:, :num_frames]

    def audio_tokens(
        self,
        speech: Float[Tensor, "batch speech_frames speech"],
        sound: Float[Tensor, "batch sound_frames sound"],
        num_samples: Sequence[int] | None = None,
    ) -> Float[Tensor, "batch tokens dim"]:
        """What the language model hears of recordings of one length.

        `num_samples` is each one's true length; checkpoints of the released code depend on it.
        """
        frames = self.fusion(speech, sound)
        if not (anchors := self.anchors(frames.shape[1])).ids:
            return self.connector(frames, num_samples)
        ids = torch.tensor(anchors.ids, device=frames.device)
        return self.connector(frames, num_samples, anchors=(self.llm.get_input_embeddings()(ids), anchors.windows))

    def anchors(self, num_frames: int) -> Anchors:
        """The times that stand among the tokens of so many frames; none, unless the checkpoint has them."""
        every = self.config.anchors.every_seconds
        if not every:
            return Anchors((), ())
        window_frames = self.config.window.num_frames
        return anchors_of(num_windows(num_frames, window_frames), window_frames, every, self.marker_ids)


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
