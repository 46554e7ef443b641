"""Group frames into windows, in integer arithmetic."""

import torch
from jaxtyping import Bool, Float
from torch import Tensor


def num_windows(num_frames: int, window_frames: int) -> int:
    """Return how many windows cover `num_frames` frames; the last one may be partly filled.

    With windows of 17: 1 -> 1, 17 -> 1, 18 -> 2, 500 (10 s) -> 30, 1500 (30 s) -> 89.
    """
    return -(-num_frames // window_frames)


def to_windows(
    frames: Float[Tensor, "batch frames dim"], window_frames: int, *, drop_rest: bool = False
) -> tuple[Float[Tensor, "batch windows window_frames dim"], Bool[Tensor, "windows window_frames"]]:
    """Return consecutive windows without overlap, and which of their frames are padding.

    Window n covers frames 17 n to 17 n + 16, so it begins exactly n x 0.34 s into the recording.

    Differs: the released code drops the frames after the last whole window, as `drop_rest` does; by default the last
        window is padded and masked.
    """
    if drop_rest and (rest := frames.shape[1] % window_frames):
        frames = frames[:, :-rest]
    batch, num_frames, dim = frames.shape
    count = num_windows(num_frames, window_frames)
    padding = count * window_frames - num_frames
    padded = torch.nn.functional.pad(frames, (0, 0, 0, padding))
    place = torch.arange(count * window_frames, device=frames.device)
    is_padding = (place >= num_frames).view(count, window_frames)
    return padded.view(batch, count, window_frames, dim), is_padding
