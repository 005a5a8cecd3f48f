"""Noise levels: which timesteps a strength means, and the constants of each timestep."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

# Schedules with zero terminal signal end in an alpha of 0, by which the x0 formula divides.
_LEAST_ALPHA = 2.0**-24


def timesteps_of(strength: float, steps: int) -> tuple[int, ...]:
    """The timesteps of a stream batch, first and noisiest first.

    The first is t = round(999 x strength); of n steps the k-th (from 0) is t x (n-k) / n, rounded,
    halves up: models know whole timesteps only.
    """
    first = int(999 * min(max(strength, 0.0), 1.0) + 0.5)
    return tuple(int(first * (steps - k) / steps + 0.5) for k in range(steps))


@dataclass(frozen=True, slots=True)
class Schedule:
    """Per timestep of training, (1000,) each, on the device and in the dtype of the stream.

    `alpha` = sqrt(a) and `beta` = sqrt(1 - a), with a = alphas_cumprod; `c_skip` and `c_out` are
    the boundary-condition scalings of latent consistency models (Luo et al. 2023, eq. 9).
    """

    alpha: Tensor
    beta: Tensor
    c_skip: Tensor
    c_out: Tensor
    v_prediction: bool

    @classmethod
    def of(cls, scheduler: Any, device: torch.device, dtype: torch.dtype) -> Schedule:
        """From a diffusers `LCMScheduler`; computed in float32, rounded once, as upstream does."""
        product = scheduler.alphas_cumprod.to("cpu", torch.float32).clamp_min(_LEAST_ALPHA)
        c_skip, c_out = scheduler.get_scalings_for_boundary_condition_discrete(
            torch.arange(len(product))
        )
        return cls(
            alpha=product.sqrt().to(device, dtype),
            beta=(1 - product).sqrt().to(device, dtype),
            c_skip=c_skip.to(device, dtype),
            c_out=c_out.to(device, dtype),
            v_prediction=scheduler.config.prediction_type == "v_prediction",
        )
