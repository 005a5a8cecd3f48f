"""Stage one: the autoencoder, on pixels alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812

from presets.rehearsal import networks
from presets.rehearsal.canvas import SIDE, Bytes, Rng
from presets.rehearsal.dataset import Pictures
from presets.rehearsal.natural import dead_leaves
from presets.rehearsal.stages import Workbench, rate, set_rate


@dataclass(frozen=True, slots=True)
class AutoencoderPlan:
    steps: int
    batch: int
    crop: int = 128


class AutoencoderStage:
    """Reconstruction: absolute and squared error, and the same of the gradients at two sizes.

    Latents are pulled to mean 0 and variance 1 and trained with a little noise on them, so that the
    denoiser's small errors stay small in the picture. Writes <folder>/autoencoder.
    """

    name = "autoencoder"

    def __init__(
        self, plan: AutoencoderPlan, pictures: Sequence[Pictures], bench: Workbench
    ) -> None:
        self.steps, self._plan, self._pictures, self._bench = (
            plan.steps, plan, pictures, bench,
        )  # fmt: skip
        torch.manual_seed(bench.seed)
        self._network = networks.autoencoder().to(bench.device)
        self._optimizer = torch.optim.AdamW(
            self._network.parameters(), lr=2e-3, betas=(0.9, 0.99), weight_decay=1e-4
        )
        self._average = networks.Average([self._network], 0.998)

    @property
    def parts(self) -> Mapping[str, Any]:
        return {
            "network": self._network,
            "optimizer": self._optimizer,
            "average": self._average,
        }

    def step(self, step: int, rng: Rng) -> Mapping[str, float]:
        crops = np.stack(
            [_crop(self._pictures, rng, self._plan.crop) for _ in range(self._plan.batch)]
        )
        picture = networks.pictures_to_tensor(crops, self._bench.device)
        set_rate(self._optimizer, rate(step, self.steps, 2e-3))
        with self._bench.mixed():
            latent = self._network.encode(picture).latents
            again = self._network.decode(latent + torch.randn_like(latent) * 0.04).sample
        latent, again = latent.float(), again.float()
        error = reconstruction(again, picture)
        mean, variance = latent.mean((0, 2, 3)), latent.var((0, 2, 3))
        tidy = 0.01 * (mean.pow(2).sum() + (variance - 1).pow(2).sum())
        tidy = tidy + 0.002 * F.relu(latent.abs() - 2.5).mean()
        self._optimizer.zero_grad(set_to_none=True)
        (error + tidy).backward()
        torch.nn.utils.clip_grad_norm_(self._network.parameters(), 1.0)
        self._optimizer.step()
        self._average.update(step)
        return {"error": float(error.detach()), "psnr": float(psnr(again.detach(), picture).mean())}

    def finish(self) -> None:
        self._average.swap()
        networks.save(self._network, self._bench.folder / self.name)


def reconstruction(made: Tensor, real: Tensor) -> Tensor:
    """The loss between two batches of pictures, (n, 3, h, w) in -1..1."""
    error = F.l1_loss(made, real) + 0.5 * F.mse_loss(made, real)
    for size in (1, 2):
        one = made if size == 1 else F.avg_pool2d(made, size)
        other = real if size == 1 else F.avg_pool2d(real, size)
        across = F.l1_loss(one[..., 1:] - one[..., :-1], other[..., 1:] - other[..., :-1])
        down = F.l1_loss(one[..., 1:, :] - one[..., :-1, :], other[..., 1:, :] - other[..., :-1, :])
        error = error + 0.5 * (across + down)
    return error


def psnr(made: Tensor, real: Tensor) -> Tensor:
    """Peak signal to noise ratio of each picture in dB, both (n, 3, h, w) in -1..1."""
    return -10 * torch.log10(((made.clamp(-1, 1) - real) / 2).pow(2).mean((1, 2, 3)))


def _crop(pictures: Sequence[Pictures], rng: Rng, side: int) -> Bytes:
    """A piece of a picture, or one with natural statistics, or both on top of one another."""
    if rng.random() < 0.22:
        return _turned(dead_leaves(rng, side), rng)
    crop = _piece(pictures, rng, side)
    mixing = rng.random()
    if mixing < 0.12:
        share = float(rng.uniform(0.4, 0.8))
        other = dead_leaves(rng, side) if mixing < 0.06 else _piece(pictures, rng, side)
        crop = np.asarray(cv2.addWeighted(crop, share, other, 1 - share, 0), np.uint8)
    return _turned(crop, rng)


def _piece(pictures: Sequence[Pictures], rng: Rng, side: int) -> Bytes:
    """Cut out, or the whole made small."""
    pixels = pictures[int(rng.integers(len(pictures)))].pixels
    picture = pixels[int(rng.integers(pixels.shape[0])), int(rng.integers(pixels.shape[1]))]
    if rng.random() < 0.2:
        return np.asarray(cv2.resize(picture, (side, side), interpolation=cv2.INTER_AREA), np.uint8)
    top, left = rng.integers(0, SIDE - side + 1, 2)
    return np.asarray(picture[top : top + side, left : left + side])


def _turned(crop: Bytes, rng: Rng) -> Bytes:
    if rng.random() < 0.25:
        crop = crop[..., rng.permutation(3)]
    return crop[:, ::-1] if rng.random() < 0.5 else crop


def load(folder: Path, device: torch.device) -> Any:
    """The autoencoder that a stage has left, frozen."""
    from diffusers import AutoencoderTiny

    network = AutoencoderTiny.from_pretrained(folder, local_files_only=True)
    network = network.to(device, memory_format=torch.channels_last)
    return network.eval().requires_grad_(False)
