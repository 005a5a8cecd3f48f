"""What the tests compare with: upstream's own class, brought to the same settings as ours."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from streamdiffusion import StreamDiffusion
from torch import Tensor

from engine.painter.schedule import timesteps_of
from engine.painter.settings import Settings
from engine.painter.stream import LiveStream
from engine.parameters import PARAMETERS
from tests.painter import tiny

_MODES = next(row.choices for row in PARAMETERS if row.name == "paint/guidance-mode")
GUIDANCE_MODES = [str(mode) for mode in _MODES or ()]


def live(pipe: Any, **options: Any) -> LiveStream:
    return LiveStream(pipe, width=tiny.SIZE, height=tiny.SIZE, **options)


def upstream(
    pipe: Any, settings: Settings, before: Any = None, timesteps: Sequence[int] | None = None
) -> Any:
    """A StreamDiffusion prepared with `settings`; `before`'s buffers and generator carried over.

    Only what upstream has is taken from the settings: deck a, seed a. The pipelines' schedulers
    reach every whole timestep, t at index 999 - t.
    """
    levels = timesteps or timesteps_of(settings.strength, settings.steps)
    stream = StreamDiffusion(
        pipe,
        [999 - t for t in levels],
        torch_dtype=torch.float32,
        width=tiny.SIZE,
        height=tiny.SIZE,
        cfg_type=settings.guidance_mode,
    )
    stream.prepare(
        settings.prompt_a,
        negative_prompt=settings.negative,
        num_inference_steps=1000,
        guidance_scale=settings.guidance,
        delta=settings.delta,
        generator=torch.Generator(),
        seed=settings.seed,
    )
    assert stream.sub_timesteps_tensor.tolist() == list(levels)
    if before is not None:
        stream.x_t_latent_buffer = before.x_t_latent_buffer
        stream.stock_noise = before.stock_noise
        stream.generator = before.generator
    return stream


@torch.no_grad()
def paint(stream: Any, signal: Tensor) -> tuple[Tensor, Tensor]:
    """One frame of either class: the denoised latent and the picture."""
    latent = stream.predict_x0_batch(stream.encode_image(signal))
    return latent.clone(), stream.decode_image(latent).clone()


def assert_same_frames(ours: Any, theirs: Any, frames: int, seed: int = 0) -> None:
    """Bit for bit, latents and pictures."""
    for number, signal in enumerate(tiny.signals(frames, seed)):
        (our_latent, our_picture), (latent, picture) = paint(ours, signal), paint(theirs, signal)
        assert torch.equal(our_latent, latent), f"latents of frame {number} differ"
        assert torch.equal(our_picture, picture), f"pictures of frame {number} differ"
