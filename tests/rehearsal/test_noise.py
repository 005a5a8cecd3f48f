"""The noise levels, against diffusers' other schedulers and the formula they are named after."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from diffusers import DDIMScheduler, DDPMScheduler
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from presets.rehearsal.noise import clean, levels, noised, scheduler
from tests.helpers.program import ROOT

CONFIG: dict[str, Any] = {
    "num_train_timesteps": 1000,
    "beta_start": 0.00085,
    "beta_end": 0.012,
    "beta_schedule": "scaled_linear",
    "prediction_type": "v_prediction",
    "clip_sample": False,
}
DDPM: Any = DDPMScheduler(**CONFIG)
STEPS = st.lists(st.integers(0, 999), min_size=1, max_size=4)


def drawn(count: int, seed: int) -> tuple[Tensor, Tensor]:
    chance = torch.Generator().manual_seed(seed)
    latent, noise = torch.randn(2, count, 4, 8, 8, generator=chance)
    return latent, noise


def test_levels_are_the_scaled_linear_ones() -> None:
    signal, sigma = levels(torch.arange(1000))
    betas = np.linspace(0.00085**0.5, 0.012**0.5, 1000) ** 2
    kept = np.cumprod(1 - betas)
    assert signal.shape == sigma.shape == (1000, 1, 1, 1)
    np.testing.assert_allclose(signal.flatten(), kept**0.5, atol=1e-5)
    np.testing.assert_allclose(sigma.flatten(), (1 - kept) ** 0.5, atol=1e-5)


@settings(deadline=None)
@given(STEPS, st.integers(0, 99))
def test_noise_is_added_as_diffusers_adds_it(steps: list[int], seed: int) -> None:
    latent, noise = drawn(len(steps), seed)
    t = torch.tensor(steps)
    torch.testing.assert_close(noised(latent, t, noise), DDPM.add_noise(latent, noise, t))


@settings(deadline=None)
@given(STEPS, st.integers(0, 99))
def test_the_true_v_leads_back_to_the_latent(steps: list[int], seed: int) -> None:
    latent, noise = drawn(len(steps), seed)
    t = torch.tensor(steps)
    v = DDPM.get_velocity(latent, noise, t)
    torch.testing.assert_close(clean(v, noised(latent, t, noise), t), latent, atol=1e-4, rtol=1e-4)


@settings(deadline=None)
@given(st.integers(0, 999), st.integers(0, 99))
def test_any_v_means_the_picture_that_diffusers_reads_in_it(step: int, seed: int) -> None:
    v, noisy = drawn(1, seed)
    ddim: Any = DDIMScheduler(**CONFIG)
    ddim.set_timesteps(1000)
    expected = ddim.step(v, step, noisy).pred_original_sample
    torch.testing.assert_close(
        clean(v, noisy, torch.tensor([step])), expected, atol=1e-5, rtol=1e-5
    )


@pytest.mark.parametrize("key", sorted(CONFIG))
def test_the_scheduler_that_is_saved_says_so(key: str) -> None:
    assert scheduler().config[key] == CONFIG[key]


def test_the_show_paints_at_these_levels() -> None:
    bundled: Any = DDPMScheduler.from_pretrained(
        ROOT / "presets" / "models" / "rehearsal" / "scheduler"
    )
    torch.testing.assert_close(bundled.alphas_cumprod, scheduler().alphas_cumprod)
