"""Between pictures for people (uint8 RGB) and signals for models (-1..1, channels first)."""

from __future__ import annotations

import torch
from torch import Tensor


def to_signal(picture: Tensor, white: Tensor) -> Tensor:
    """(h, w, 3) uint8 -> (1, 3, h, w) float32 in -1..1: ``2 * (x / 255) - 1``.

    The same roundings as upstream's `VaeImageProcessor.preprocess`. `white` is 255 as a float32
    tensor on the picture's device: dividing by a Python number multiplies by its rounded
    reciprocal on CUDA, which is another number in the last bit.
    """
    # The batch axis goes first, or torch does not see that this is channels_last in memory.
    return picture.unsqueeze(0).permute(0, 3, 1, 2).to(torch.float32) / white * 2.0 - 1.0


def to_picture(signal: Tensor) -> Tensor:
    """(1, 3, h, w) in -1..1 -> (h, w, 3) uint8, clamped, then rounded half to even.

    ``round(clamp(x / 2 + 0.5, 0, 1) * 255)`` in float32, as upstream's `postprocess_image` does.
    """
    unit = (signal[0].to(torch.float32) / 2.0 + 0.5).clamp(0.0, 1.0)
    return (unit * 255.0).round().to(torch.uint8).permute(1, 2, 0)
