"""A workshop in miniature: a handful of scenes, networks with their first weights."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from presets.rehearsal import networks
from presets.rehearsal.captions import vocabulary
from presets.rehearsal.dataset import Pictures
from presets.rehearsal.denoiser import Painter
from presets.rehearsal.latents import Latents
from presets.rehearsal.scene import draw, paint, spec_of
from presets.rehearsal.stages import Workbench
from presets.rehearsal.styles import BASE_STYLES, INPUT_STYLES, Style

CPU = torch.device("cpu")
LONG_AGO = 0.0


def bench(folder: Path, deadline: float | None = None) -> Workbench:
    return Workbench(folder, CPU, deadline=deadline)


@cache
def pictures(styles: Sequence[Style] = BASE_STYLES + INPUT_STYLES, count: int = 4) -> Pictures:
    """The first scenes as `dataset.render` gives them; read-only, as if mapped from a file."""
    scenes = [draw(spec_of(number)) for number in range(count)]
    pixels = np.array([[paint(scene, style) for style in styles] for scene in scenes])
    pixels.flags.writeable = False
    return Pictures(
        pixels,
        tuple(scene.spec for scene in scenes),
        tuple(scene.words for scene in scenes),
        tuple(style.name for style in styles),
    )


def latents(styles: Sequence[Style] = BASE_STYLES + INPUT_STYLES, count: int = 4) -> Latents:
    """Of the first scenes, all chance."""
    chance = torch.Generator().manual_seed(count)
    z = torch.randn(count, len(styles), 4, 32, 32, generator=chance).half()
    specs = tuple(spec_of(number) for number in range(count))
    return Latents(z, specs, ((),) * count, tuple(style.name for style in styles))


def painter() -> Painter:
    """As `Painter.load` gives it, but untrained."""
    torch.manual_seed(0)
    denoiser, words = networks.denoiser(), vocabulary()
    text = networks.text_encoder(len(words))
    return Painter(
        denoiser.eval().requires_grad_(False), text.eval().requires_grad_(False), words, 2.0
    )


def autoencoder() -> Any:
    torch.manual_seed(0)
    return networks.autoencoder().eval().requires_grad_(False)


def weights(*parts: Any) -> list[Tensor]:
    """Copies of all weights and buffers."""
    return [value.detach().clone() for part in parts for value in part.state_dict().values()]


def same(one: Iterable[Tensor], other: Iterable[Tensor]) -> bool:
    return all(torch.equal(mine, its) for mine, its in zip(one, other, strict=True))
