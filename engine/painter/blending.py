"""Blending two decks along the sphere, so that a mix half way is as strong as either end."""

from __future__ import annotations

import torch
from torch import Tensor

# Below this sine (about half a degree) the spherical weights divide two tiny numbers, while the
# straight line differs from the arc by less than 2e-5 of its length.
_NEARLY_PARALLEL = 0.01


def slerp(a: Tensor, b: Tensor, share: float, dims: tuple[int, ...]) -> Tensor:
    """Spherical interpolation from `a` (share 0) to `b` (share 1), both of one shape and dtype.

    `dims` span one vector; everything else is a batch of them. With W the angle between the
    vectors: ``sin((1-share) W) / sin W * a + sin(share W) / sin W * b`` (K. Shoemake, "Animating
    rotation with quaternion curves", SIGGRAPH 1985), lengths not normalised, so they blend too.
    At 0 and 1 the very tensor of that end is returned.
    """
    if share <= 0.0:
        return a
    if share >= 1.0:
        return b
    x, y = a.float(), b.float()
    lengths = x.square().sum(dims, keepdim=True) * y.square().sum(dims, keepdim=True)
    cosine = (x * y).sum(dims, keepdim=True) / lengths.sqrt().clamp_min(1e-12)
    angle = cosine.clamp(-1.0, 1.0).acos()
    sine = angle.sin()
    arc = ((1.0 - share) * angle).sin() / sine * x + (share * angle).sin() / sine * y
    return torch.where(sine < _NEARLY_PARALLEL, torch.lerp(x, y, share), arc).to(a.dtype)
