"""The whole model: two encoders, the connector and a causal language model."""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn
from transformers import PreTrainedModel

from model.audio.segment import FRAME_SAMPLES, SEGMENT_SAMPLES, Segment
from model.confidence import Calibration
from model.config import ModelConfig
from model.connector.anchors import Anchors, anchors_of
from model.connector.connector import Connector
from model.connector.window import num_windows
from model.encoders.aisfx import AisfxEncoder
from model.encoders.beats import BEATs
from model.encoders.conv import ConvEncoder
from model.encoders.fuse import Fusion
from model.encoders.transcriber import Transcriber
from model.encoders.whisper import SpeechEncoder
from model.encoders.whole import encode_whole
from model.encoders.yamnet import YamnetEncoder
from model.word_map import WordMap

SoundEncoder = ConvEncoder | BEATs | AisfxEncoder | YamnetEncoder
"""The choices of `ModelConfig.sound_encoder`."""

ENCODER_BATCH = 4
"""The most segments in one encoder batch. It bounds memory for recordings of any length."""

Frames = tuple[Tensor | None, Tensor | None]
"""A segment's frames from the speech encoder and from the sound encoder, [frames, dim]; None if that encoder does not
process the segment on its own."""


class TimeAudio(nn.Module):
    """Turns waveforms into the language model's audio tokens.

    Source: paper, Figure 2.

    Attributes:
        transcriber: reads the words that are spoken; None if the checkpoint has none.
        calibration: computes the confidence of answers; None if the checkpoint has no calibration.
        word_map: maps words to the directions of audio tokens; None without a calibration.
        marker_ids: ids of the time markers, anchors first. Needed if times stand among the audio tokens.
        autocast_dtype: the precision of products in the encoders and the connector; their results are float32.
    """

    def __init__(self, config: ModelConfig, speech: SpeechEncoder, sound: SoundEncoder, llm: PreTrainedModel) -> None:
        super().__init__()
        self.config = config
        self.speech = speech
        self.sound = sound
        self.fusion = Fusion(speech.dim, sound.dim)
        self.connector = Connector(config, self.fusion.dim, llm.config.hidden_size)
        self.llm = llm
        self.transcriber: Transcriber | None = None
        self.calibration: Calibration | None = None
        self.word_map: WordMap | None = None
        self.marker_ids: tuple[int, ...] = ()
        self.autocast_dtype = torch.float32

    def compute_in(self, dtype: torch.dtype) -> None:
        """Round the language model's weights to `dtype`, and the products of the encoders and the connector."""
        self.llm.to(dtype)
        self.autocast_dtype = dtype

    def encode_segments(
        self, segments: list[Segment]
    ) -> tuple[Float[Tensor, "1 speech_frames speech"], Float[Tensor, "1 sound_frames sound"]]:
        """Return both encoders' frames of a recording, segment after segment.

        Each segment runs at its true length, padded to a whole frame; segments of one length run together.
        `config.encoding` can select the released code's behaviour, which yields other numbers of frames.
        """
        return self.joined(
            segments, [frames for batch in _same_length(segments) for frames in self.encode_batch(batch)]
        )

    def encode_batch(self, segments: list[Segment]) -> list[Frames]:
        """Return both encoders' frames of segments with equally many frames, from any recordings."""
        num_frames = segments[0].num_frames
        waveforms = self._waveforms(segments)
        speech: list[Tensor | None] = [None] * len(segments)
        sound: list[Tensor | None] = [None] * len(segments)
        if rows := [row for row, segment in enumerate(segments) if self.encodes_speech(segment)]:
            for row, frames in zip(rows, self._speech_frames(waveforms[rows], num_frames), strict=True):
                speech[row] = frames
        if not self.config.encoding.whole_sound:
            with self._autocast():
                frames = self.sound.encode_frames(waveforms)
            sound = list(frames[:, :num_frames].float())
        return list(zip(speech, sound, strict=True))

    def encode_speech(self, segments: list[Segment]) -> Float[Tensor, "segments frames dim"]:
        """Return the speech encoder's frames of segments with equally many frames, from any recordings."""
        return self._speech_frames(self._waveforms(segments), segments[0].num_frames)

    def joined(
        self, segments: list[Segment], frames: list[Frames]
    ) -> tuple[Float[Tensor, "1 speech_frames speech"], Float[Tensor, "1 sound_frames sound"]]:
        """Join the frames of a recording's segments."""
        speech = torch.cat([part for part, _ in frames if part is not None])[None]
        if self.config.encoding.whole_sound:
            assert isinstance(self.sound, BEATs)
            with self._autocast():
                return speech, encode_whole(self.sound, segments).float()
        return speech, torch.cat([part for _, part in frames if part is not None])[None]

    def _waveforms(self, batch: list[Segment]) -> Tensor:
        device = next(self.parameters()).device
        waveforms = torch.zeros(len(batch), batch[0].num_frames * FRAME_SAMPLES, device=device)
        for row, segment in zip(waveforms, batch, strict=True):
            row[: len(segment.samples)] = torch.from_numpy(segment.samples)
        return waveforms

    def encodes_speech(self, segment: Segment) -> bool:
        """Whether the speech encoder processes a segment: always the first, later ones if they are long enough."""
        return segment.start == 0 or segment.num_samples >= self.config.encoding.min_tail_samples

    def _speech_frames(self, waveforms: Tensor, num_frames: int) -> Tensor:
        if self.config.pad_segments:
            waveforms = nn.functional.pad(waveforms, (0, SEGMENT_SAMPLES - waveforms.shape[1]))
        with self._autocast():
            frames: Tensor = self.speech(waveforms)
        return (frames if self.config.encoding.keep_padding else frames[:, :num_frames]).float()

    def _autocast(self) -> torch.autocast:
        device_type = next(self.parameters()).device.type
        return torch.autocast(device_type, self.autocast_dtype, enabled=self.autocast_dtype != torch.float32)

    def audio_tokens(
        self,
        speech: Float[Tensor, "batch speech_frames speech"],
        sound: Float[Tensor, "batch sound_frames sound"],
        num_samples: Sequence[int] | None = None,
    ) -> Float[Tensor, "batch tokens dim"]:
        """Return the audio tokens of recordings of one length.

        `num_samples` is the true length of each; checkpoints of the released code depend on it.
        """
        with self._autocast():
            frames = self.fusion(speech, sound)
            if not (anchors := self.anchors(frames.shape[1])).ids:
                return self.connector(frames, num_samples).float()
            ids = torch.tensor(anchors.ids, device=frames.device)
            times = self.llm.get_input_embeddings()(ids)
            return self.connector(frames, num_samples, anchors=(times, anchors.windows)).float()

    def anchors(self, num_frames: int) -> Anchors:
        """Return the times to insert among the tokens of `num_frames` frames; none if the checkpoint has no anchors."""
        every = self.config.anchors.every_seconds
        if not every:
            return Anchors((), ())
        window_frames = self.config.window.num_frames
        return anchors_of(num_windows(num_frames, window_frames), window_frames, every, self.marker_ids)


def _same_length(segments: list[Segment]) -> list[list[Segment]]:
    """Group neighbouring segments with equally many frames, at most `ENCODER_BATCH` in a group."""
    batches: list[list[Segment]] = []
    for segment in segments:
        last = batches[-1] if batches else []
        if last and len(last) < ENCODER_BATCH and last[0].num_frames == segment.num_frames:
            last.append(segment)
        else:
            batches.append([segment])
    return batches
