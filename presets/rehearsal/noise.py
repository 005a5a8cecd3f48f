"""The diffusion's noise levels, as the show's schedulers have them (scaled linear, 1,000 steps)."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import torch
from diffusers import LCMScheduler
from torch import Tensor


def scheduler() -> Any:
    """The scheduler that is saved with the model."""
    return LCMScheduler(
        beta_start=0.00085,
        beta_end=0.012,
        beta_schedule="scaled_linear",
        clip_sample=False,
        set_alpha_to_one=False,
        steps_offset=1,
        prediction_type="v_prediction",
    )


@lru_cache
def _levels() -> Tensor:
    return scheduler().alphas_cumprod.float()


def levels(t: Tensor) -> tuple[Tensor, Tensor]:
    """How much of the picture and how much noise is in it at step t; (n,) to two (n, 1, 1, 1)."""
    share = _levels().to(t.device)[t]
    return share.sqrt().view(-1, 1, 1, 1), (1 - share).sqrt().view(-1, 1, 1, 1)


def noised(latent: Tensor, t: Tensor, noise: Tensor) -> Tensor:
    """The latent at step t."""
    signal, sigma = levels(t)
    return (signal * latent + sigma * noise).contiguous(memory_format=torch.channels_last)


def clean(v: Tensor, noisy: Tensor, t: Tensor) -> Tensor:
    """The picture that a v prediction means (Salimans and Ho, 2022): sqrt(a) x - sqrt(1 - a) v."""
    signal, sigma = levels(t)
    return signal * noisy - sigma * v
