"""Video feedback: the last painted picture, turned, zoomed and tinted, back into the input."""

from __future__ import annotations

from math import cos, pi, sin
from typing import Final

import torch
from torch import Tensor
from torch.nn import functional

from engine.painter.buffers import write
from engine.painter.settings import Settings


def turn_and_zoom(zoom: float, degrees: float, width: int, height: int) -> list[float]:
    """The 2x3 matrix for `affine_grid`, row by row: enlarged by `zoom`, turned anticlockwise.

    It maps places of the result to places of the original, in coordinates of -1..1 on both axes,
    so it is the inverse of what one sees, corrected for pictures that are not square.
    """
    angle = degrees * pi / 180.0
    c, s = cos(angle) / zoom, sin(angle) / zoom
    return [c, -s * height / width, 0.0, s * width / height, c, 0.0]


_GREY: Final = (0.213, 0.715, 0.072)
_COSINE: Final = ((0.787, -0.715, -0.072), (-0.213, 0.285, -0.072), (-0.213, -0.715, 0.928))
_SINE: Final = ((-0.213, -0.715, 0.928), (0.143, 0.140, -0.283), (-0.787, 0.715, 0.072))


def turn_hue(degrees: float) -> list[float]:
    """The 3x3 RGB matrix, row by row, that turns hues and keeps luminance and greys.

    W3C Filter Effects Module Level 1, `feColorMatrix` with `type="hueRotate"`.
    """
    angle = degrees * pi / 180.0
    c, s = cos(angle), sin(angle)
    return [
        grey + c * cosine + s * sine
        for rows in zip(_COSINE, _SINE, strict=True)
        for grey, cosine, sine in zip(_GREY, *rows, strict=True)
    ]


class Feedback:
    """The knobs as tensors in fixed storage, and the mix itself, all on the device."""

    def __init__(self, width: int, height: int, device: torch.device) -> None:
        self._size = (width, height)
        self.amount = torch.zeros((), device=device)
        self.matrix = torch.zeros((1, 2, 3), device=device)
        self.hue = torch.zeros((3, 3), device=device)
        self._held: tuple[float, float, float, float] | None = None

    def apply(self, settings: Settings) -> None:
        """Write the knobs in place. Called between frames."""
        wanted = (
            settings.feedback_amount,
            settings.feedback_zoom,
            settings.feedback_rotate,
            settings.feedback_hue,
        )
        if wanted == self._held:
            return
        self._held = wanted
        amount, zoom, rotate, hue = wanted
        self.amount.fill_(amount)
        write(self.matrix, turn_and_zoom(zoom, rotate, *self._size))
        write(self.hue, turn_hue(hue))

    def mix(self, signal: Tensor, painted: Tensor) -> Tensor:
        """`signal` and `painted` (1, 3, h, w) float32 in -1..1; the mix likewise.

        Where the moved picture does not reach (zoomed out, turned), the input shows through.
        """
        grid = functional.affine_grid(self.matrix, list(painted.shape), align_corners=False)
        moved = functional.grid_sample(
            painted, grid, mode="bilinear", padding_mode="border", align_corners=False
        )
        # Each row of the hue matrix sums to 1, so it may act on -1..1 as well as on 0..1.
        tinted = torch.einsum("oc,nchw->nohw", self.hue, moved).clamp(-1.0, 1.0)
        inside = (grid.abs() <= 1.0).all(-1).unsqueeze(1)
        return torch.lerp(signal, tinted, self.amount * inside)
