"""Scenes as latents: what the denoiser is trained on."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from presets.rehearsal import networks
from presets.rehearsal.canvas import SIDE
from presets.rehearsal.dataset import Pictures
from presets.rehearsal.progress import progress
from presets.rehearsal.scene import Spec
from presets.rehearsal.stages import Workbench

_BATCH = 32


@dataclass(frozen=True, slots=True)
class Latents:
    """z: (scenes, styles, 4, 32, 32) half floats, unscaled, on the training device."""

    z: Tensor
    specs: tuple[Spec, ...]
    words: tuple[tuple[str, ...], ...]
    styles: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.specs)

    def few(self, scenes: int) -> Latents:
        """Only the first so many scenes."""
        return replace(
            self, z=self.z[:scenes], specs=self.specs[:scenes], words=self.words[:scenes]
        )

    def style(self, name: str) -> int:
        return self.styles.index(name)


def encode(pictures: Pictures, network: Any, file: Path, bench: Workbench) -> Latents:
    """All pictures through the encoder, kept in `file`."""
    if not file.exists():
        flat = pictures.pixels.reshape(-1, SIDE, SIDE, 3)
        made = []
        for start in progress(range(0, len(flat), _BATCH), -(-len(flat) // _BATCH), file.stem):
            with torch.inference_mode(), bench.mixed():
                batch = networks.pictures_to_tensor(flat[start : start + _BATCH], bench.device)
                made.append(network.encode(batch).latents.half().cpu())
        z = torch.cat(made).unflatten(0, pictures.pixels.shape[:2]).clone()
        part = file.with_suffix(".part")
        torch.save(z, part)
        os.replace(part, file)
    return Latents(
        z=torch.load(file, map_location=bench.device, weights_only=True),
        specs=pictures.specs,
        words=pictures.words,
        styles=pictures.styles,
    )


def spread_of(latents: Latents, base: int) -> float:
    """Standard deviation of the first `base` styles' latents, from a thousand scenes."""
    return float(latents.z[:1000, :base].float().std())
