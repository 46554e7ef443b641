"""Evidence that words describe a recording: how much its audio tokens resemble them.

The connector learns to make each window's token resemble the embeddings of the words for what sounds in it (see
`training.aligner`). The language model reads the same tokens, but it makes mistakes on other recordings than this
comparison does. So a calibration may weigh both: to decide whether a query occurs (`model.presence`), and for
confidence.

Source: ours, docs/decisions/0042 and 0045.
"""

from collections.abc import Sequence
from functools import cached_property

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from model.connector.anchors import FRAME_MS
from model.connector.window import num_windows
from model.timeline.interval import Interval
from model.word_map import WordMap

NUM_NEAREST = 3
"""The number of nearest tokens that count: three windows are one second."""
FRAMES_PER_TENTH = 100 // FRAME_MS


class WordVectors:
    """Represents words in the space of the language model's input embeddings.

    Args:
        embedding: the language model's input embeddings.
        marker_ids: ids of the time markers.
    """

    def __init__(self, embedding: Float[Tensor, "vocabulary dim"], marker_ids: Sequence[int]) -> None:
        self._embedding = embedding
        self._marker_ids = list(marker_ids)

    @cached_property
    def mean(self) -> Float[Tensor, " dim"]:
        """The mean of the vocabulary, which does not depend on a recording."""
        return self._embedding.mean(dim=0, dtype=torch.float32)

    def __call__(self, ids: Sequence[int]) -> Float[Tensor, " dim"]:
        """Return the mean embedding of words, relative to the mean of the vocabulary."""
        return self._embedding[torch.tensor(ids, device=self._embedding.device)].float().mean(dim=0) - self.mean

    def is_marker(self, tokens: Float[Tensor, "tokens dim"]) -> Tensor:
        """Return which tokens are embeddings of time markers (`model.connector.anchors`)."""
        markers = self._embedding[self._marker_ids].to(tokens.dtype)
        return (tokens[:, None] == markers).all(dim=2).any(dim=1)


class Evidence:
    """The audio tokens of one recording, to be compared with words.

    Args:
        vectors: represents the words.
        audio_tokens: of the recording, perhaps with times among them.
        duration: of the recording, in tenths of a second.
        window_frames: frames per window.
        word_map: turns words towards the names of sounds; without it, words are compared as they are.
    """

    def __init__(
        self,
        vectors: WordVectors,
        audio_tokens: Float[Tensor, "tokens dim"],
        duration: int,
        window_frames: int,
        word_map: WordMap | None = None,
    ) -> None:
        self.duration = duration
        self._vectors = vectors
        self._audio_tokens = audio_tokens
        self._num_windows = num_windows(duration * FRAMES_PER_TENTH, window_frames)
        self._window_frames = window_frames
        self._map = word_map

    @cached_property
    def sounds(self) -> Float[Tensor, "tokens dim"]:
        """The tokens of sound, without times."""
        return self._audio_tokens[~self._vectors.is_marker(self._audio_tokens)].float()

    @cached_property
    def _centred(self) -> Float[Tensor, "tokens dim"]:
        """The tokens of sound relative to a centre.

        The centre lies halfway between the mean of this recording's tokens and that of many recordings. The first mean
        alone would remove a sound that fills its recording; the second alone would keep what all tokens of this
        recording share.
        """
        mean = self.sounds.mean(dim=0)
        return self.sounds - (mean if self._map is None else (mean + self._map.centre) / 2)

    @torch.inference_mode()
    def __call__(self, ids: Sequence[int], part: Interval | None = None) -> float:
        """Return the mean cosine similarity of words with their nearest tokens, from -1 to 1.

        With `part`, only the windows that it overlaps count, unless the tokens are merged and have no single window.
        """
        if not ids or not len(self.sounds):
            return 0.0
        tokens = self._centred
        if part is not None and self._has_windows:
            tokens = tokens[self._windows(part)]
        similarity = F.normalize(tokens, dim=1) @ self.direction(ids)
        return float(similarity.topk(min(NUM_NEAREST, len(similarity))).values.mean())

    def direction(self, ids: Sequence[int]) -> Float[Tensor, " dim"]:
        """Return the direction in which the audio tokens of these words lie, of length 1."""
        words = self._vectors(ids)
        return F.normalize(words, dim=0) if self._map is None else self._map(words)

    @torch.inference_mode()
    def compare(self, directions: Float[Tensor, "words dim"], parts: Sequence[Interval]) -> list[float] | None:
        """Return the cosine similarity of each direction with the mean token of parts; None if tokens are merged."""
        if not len(self.sounds) or not self._has_windows:
            return None
        windows = sorted({window for part in parts for window in range(len(self.sounds))[self._windows(part)]})
        similarities: list[float] = (directions @ F.normalize(self._centred[windows].mean(dim=0), dim=0)).tolist()
        return similarities

    @torch.inference_mode()
    def by_tenth(self, ids: Sequence[int]) -> list[float] | None:
        """Return the cosine similarity of words with what sounds in each tenth of a second of the recording.

        Each similarity is that of a window and its neighbours together. None if the tokens are merged.
        """
        if not ids or not len(self.sounds) or not self._has_windows:
            return None
        padded = F.pad(self._centred.T, (1, 1), mode="replicate")
        smooth = F.normalize(F.avg_pool1d(padded, 3, stride=1).T, dim=1) @ self.direction(ids)
        windows = torch.arange(self.duration) * FRAMES_PER_TENTH // self._window_frames
        return smooth[windows.clamp(max=len(smooth) - 1).to(smooth.device)].tolist()

    @torch.inference_mode()
    def embedding(self, part: Interval) -> tuple[float, ...] | None:
        """Return what sounds in a part: the direction of its tokens from the mean of the vocabulary, [dim], length 1.

        Unlike in the comparison with words, the recording's own mean is not subtracted: it differs between recordings,
        and nothing would be left of a sound that fills its recording. None if the tokens are merged.
        """
        if not len(self.sounds) or not self._has_windows:
            return None
        total = self.sounds[self._windows(part)].mean(dim=0) - self._vectors.mean
        return tuple(F.normalize(total, dim=0).tolist())

    @property
    def _has_windows(self) -> bool:
        """Whether each token of sound is one window. A merged token stands for several windows."""
        return abs(len(self.sounds) - self._num_windows) <= 1

    def _windows(self, part: Interval) -> slice:
        """Return the windows that a part overlaps, at least one."""
        first = part.start * FRAMES_PER_TENTH // self._window_frames
        last = num_windows(part.end * FRAMES_PER_TENTH, self._window_frames)
        return slice(min(first, len(self.sounds) - 1), last)
