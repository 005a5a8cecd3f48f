"""Pictures through the finished model, to be measured and looked at."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import cv2
import numpy as np
import torch
from torch import Tensor

from presets.rehearsal import networks
from presets.rehearsal.canvas import SIDE, Bytes
from presets.rehearsal.denoiser import Painter

# the noise of a show stands still on the screen: one for each of up to four steps
_SEED: Final = 2
_PHOTOGRAPHS: Final = ("astronaut", "coffee", "chelsea")


@dataclass(frozen=True, slots=True)
class Studio:
    """vae and painter as `export.open_model` gives them."""

    vae: Any
    painter: Painter

    @property
    def device(self) -> torch.device:
        return next(self.painter.denoiser.parameters()).device

    @torch.inference_mode()
    def encode(self, pictures: Bytes) -> Tensor:
        """(n, h, w, 3) bytes to scaled latents (n, 4, h/8, w/8)."""
        tensor = networks.pictures_to_tensor(pictures, self.device)
        return self.vae.encode(tensor).latents * self.painter.scale

    @torch.inference_mode()
    def decode(self, latent: Tensor) -> Tensor:
        """Scaled latents to (n, 3, h, w) in -1..1."""
        z = (latent / self.painter.scale).contiguous(memory_format=torch.channels_last)
        return self.vae.decode(z).sample.clamp(-1, 1)

    @torch.inference_mode()
    def paint(self, latent: Tensor, prompts: Sequence[str], steps: Sequence[int]) -> Tensor:
        """Scaled latents repainted, with a show's noise; steps t, noisiest first."""
        chance = torch.Generator().manual_seed(_SEED)
        high, wide = latent.shape[-2:]
        noise = [torch.randn(1, 4, high, wide, generator=chance).to(self.device) for _ in steps]
        return self.painter.paint(latent, prompts, steps, noise)

    def repaint(self, pictures: Bytes, prompts: Sequence[str], steps: Sequence[int]) -> Bytes:
        """Pictures in, pictures out, (n, h, w, 3) bytes."""
        painted = self.decode(self.paint(self.encode(pictures), prompts, steps))
        return networks.tensor_to_pictures(painted)


def square(picture: Bytes, side: int = SIDE) -> Bytes:
    """The middle of a picture, made side x side."""
    high, wide = picture.shape[:2]
    short = min(high, wide)
    top, left = (high - short) // 2, (wide - short) // 2
    middle = np.ascontiguousarray(picture[top : top + short, left : left + short])
    return np.asarray(cv2.resize(middle, (side, side), interpolation=cv2.INTER_AREA), np.uint8)


def photographs() -> dict[str, Bytes]:
    """Three photographs of scikit-image, (SIDE, SIDE, 3); never trained on, only looked at."""
    from skimage import data

    return {name: square(getattr(data, name)()) for name in _PHOTOGRAPHS}
