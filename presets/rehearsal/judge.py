"""A classifier trained on drawn pictures alone, to say what a painted one shows, and how."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.nn import functional as F  # noqa: N812

from presets.rehearsal import networks
from presets.rehearsal.canvas import Rng
from presets.rehearsal.dataset import Pictures
from presets.rehearsal.denoiser import BASE
from presets.rehearsal.stages import Workbench, rate, set_rate
from presets.rehearsal.subjects import SUBJECTS


@dataclass(frozen=True, slots=True)
class JudgePlan:
    steps: int
    batch: int = 32


class JudgeStage:
    """Styles and subjects of real drawn pictures. Writes <folder>/judge.pt.

    It sees pictures as drawn, never painted ones: a painter cannot be trained to please it. Blur,
    noise and colour shifts keep it from judging by what a decoder leaves out.
    """

    name = "judge"

    def __init__(self, plan: JudgePlan, pictures: Pictures, bench: Workbench) -> None:
        self.steps, self._plan, self._pictures, self._bench = plan.steps, plan, pictures, bench
        torch.manual_seed(bench.seed)
        self._judge = networks.Judge(BASE, len(SUBJECTS)).to(bench.device)
        self._subjects = np.array([spec.subject for spec in pictures.specs])
        self._optimizer = torch.optim.AdamW(self._judge.parameters(), lr=2e-3, weight_decay=0.02)

    @property
    def parts(self) -> Mapping[str, Any]:
        return {"judge": self._judge, "optimizer": self._optimizer}

    def step(self, step: int, rng: Rng) -> Mapping[str, float]:
        device = self._bench.device
        scenes = rng.integers(len(self._pictures), size=self._plan.batch)
        styles = rng.integers(BASE, size=self._plan.batch)
        pixels = np.stack(
            [self._pictures.pixels[scene, style]
             for scene, style in zip(scenes, styles, strict=True)]
        )  # fmt: skip
        picture = networks.pictures_to_tensor(pixels, device)
        if rng.random() < 0.5:
            picture = picture.flip(3)
        if rng.random() < 0.5:
            side = int(rng.integers(64, 224))
            picture = F.interpolate(picture, size=(side, side), mode="bilinear", antialias=True)
            picture = F.interpolate(picture, size=(256, 256), mode="bilinear")
        picture = picture * float(rng.uniform(0.85, 1.1)) + float(rng.uniform(-0.08, 0.08))
        picture = picture + torch.randn_like(picture) * float(rng.uniform(0, 0.08))
        set_rate(self._optimizer, rate(step, self.steps, 2e-3))
        with self._bench.mixed():
            style, subject = self._judge(picture.contiguous(memory_format=torch.channels_last))
        subjects = torch.from_numpy(self._subjects[scenes]).to(device)
        loss = F.cross_entropy(style.float(), torch.from_numpy(styles).to(device))
        loss = loss + F.cross_entropy(subject.float(), subjects, label_smoothing=0.05)
        self._optimizer.zero_grad(set_to_none=True)
        loss.backward()
        self._optimizer.step()
        right = (subject.argmax(1) == subjects).float().mean()
        return {"loss": float(loss.detach()), "subjects": float(right)}

    def finish(self) -> None:
        torch.save(self._judge.state_dict(), self._bench.folder / "judge.pt")


def load(file: Path, device: torch.device) -> networks.Judge:
    """The judge that a stage has left, ready to judge."""
    judge = networks.Judge(BASE, len(SUBJECTS)).to(device)
    judge.load_state_dict(torch.load(file, map_location=device, weights_only=True))
    return judge.eval().requires_grad_(False)
