"""Training in stages that can be cut off anywhere and go on where they were.

A stage's every step draws its chances from (seed, stage, step), so that a run that was interrupted
ends with the very weights of one that was not (on one machine, with one number of threads).
"""

from __future__ import annotations

import os
import sys
import time
import zlib
from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Protocol

import numpy as np
import torch

from presets.rehearsal.canvas import Rng

_SAVE_EVERY_S: Final = 90.0
_TELL_EVERY_S: Final = 20.0


class OutOfTime(Exception):
    """The time asked for is over; run the same command again to go on."""


class Stage(Protocol):
    """Something trained for a number of steps.

    `parts`: everything with state_dict and load_state_dict that a checkpoint must hold. `step` does
    one step and returns figures to show. `finish` runs once after the last step and writes what the
    stage is for.
    """

    name: str
    steps: int

    @property
    def parts(self) -> Mapping[str, Any]: ...

    def step(self, step: int, rng: Rng) -> Mapping[str, float]: ...

    def finish(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Workbench:
    """Where and on what the training runs. deadline: `time.monotonic()` seconds, or None."""

    folder: Path
    device: torch.device
    seed: int = 0
    deadline: float | None = None

    def done(self, name: str) -> Path:
        """The mark of a finished stage."""
        return self.folder / f"{name}.done"

    def mixed(self) -> AbstractContextManager[Any]:
        """bfloat16 where the networks run: several times faster, on CPUs too."""
        return torch.autocast(self.device.type, torch.bfloat16)

    def out_of_time(self) -> bool:
        return self.deadline is not None and time.monotonic() > self.deadline


def run(stage: Stage, bench: Workbench) -> None:
    """Train the stage to its end, from its checkpoint where there is one. Raises `OutOfTime`."""
    checkpoint = bench.folder / f"{stage.name}.checkpoint"
    first = _restore(stage, checkpoint, bench.device) if checkpoint.exists() else 0
    saved = told = time.monotonic()
    begun, shown = told, dict[str, float]()
    for step in range(first, stage.steps):
        chance = (bench.seed, zlib.crc32(stage.name.encode()), step)
        torch.manual_seed(int(np.random.SeedSequence(chance).generate_state(1)[0]))
        figures = stage.step(step, np.random.default_rng(chance))
        for name, figure in figures.items():
            shown[name] = shown.get(name, figure) * 0.98 + figure * 0.02
        now = time.monotonic()
        if now - told > _TELL_EVERY_S or step + 1 == stage.steps:
            told = now
            pace = (now - begun) / (step + 1 - first)
            _tell(stage, step + 1, pace, shown)
        if bench.out_of_time() or now - saved > _SAVE_EVERY_S:
            saved = now
            _save(stage, checkpoint, step + 1)
        if bench.out_of_time() and step + 1 < stage.steps:
            raise OutOfTime(f"{stage.name}: {step + 1} of {stage.steps} steps")
    stage.finish()
    bench.done(stage.name).touch()
    checkpoint.unlink(missing_ok=True)


def _tell(stage: Stage, steps: int, pace: float, figures: Mapping[str, float]) -> None:
    left = int((stage.steps - steps) * pace)
    told = "  ".join(f"{name} {figure:.4g}" for name, figure in figures.items())
    print(
        f"{stage.name} {steps}/{stage.steps}  {pace:.3f} s a step, "
        f"{left // 60}:{left % 60:02d} left  {told}",
        file=sys.stderr,
        flush=True,
    )


def _save(stage: Stage, checkpoint: Path, step: int) -> None:
    part = checkpoint.with_suffix(".part")
    states = {name: part_.state_dict() for name, part_ in stage.parts.items()}
    torch.save({"step": step, "parts": states}, part)
    os.replace(part, checkpoint)


def _restore(stage: Stage, checkpoint: Path, device: torch.device) -> int:
    kept = torch.load(checkpoint, map_location=device, weights_only=True)
    for name, part in stage.parts.items():
        part.load_state_dict(kept["parts"][name])
    return int(kept["step"])


def rate(step: int, steps: int, peak: float, warm: int = 100) -> float:
    """The learning rate: up for `warm` steps, then down to 2 % of `peak`."""
    left = max(1 - step / steps, 0.0)
    return peak * min(1.0, (step + 1) / warm) * max(left**0.8, 0.02)


def set_rate(optimizer: torch.optim.Optimizer, value: float) -> None:
    for group in optimizer.param_groups:
        group["lr"] = value
