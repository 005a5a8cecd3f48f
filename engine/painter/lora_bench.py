"""What LoRAs cost while they are played: one change of a weight, a load, a ride.

All goes the painter's own way, staging included, with LoRAs made here of noise: speed does not
depend on what is in them. Any painter will do, and any model whose layers are given.
"""

from __future__ import annotations

import itertools
import math
import tempfile
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from safetensors.torch import save_file
from torch import Tensor

from engine.errors import LoraError
from engine.latest import Picture
from engine.mixing import LoraFile
from engine.painter import protocol
from engine.painter.loop import Painter
from engine.painter.lora_tensors import ModelLayers, Place
from engine.painter.settings import Settings
from engine.painter.staging import Staging
from engine.progress import waiting_for

RANKS: Final = (8, 32, 64, 128)
LIVE_RANK: Final = 32
"""Of the LoRA that is loaded and ridden."""
CHANGES: Final = 10
LOADS: Final = 5
FADE_FRAMES: Final = 10
ID: Final = "bench"
NONE: Final[Mapping[str, LoraFile]] = {}

_ATTENTION: Final = ("_to_q", "_to_k", "_to_v", "_to_out_0")


@dataclass(frozen=True)
class Ground:
    """What is measured: a warm painter and the layers of its model; `wait` for its device."""

    painter: Painter
    layers: ModelLayers
    pictures: Sequence[Picture]
    settings: Settings
    wait: Callable[[], None] = lambda: None


def bench_loras(ground: Ground, frames: int, ranks: Sequence[int] = RANKS) -> dict[str, Any]:
    """Recompositions at each of `ranks`, a load and a ride of `frames`. Times in ms."""
    kinds = extents(ground.layers)
    with tempfile.TemporaryDirectory(prefix="artflow-bench-") as folder:
        maker = Maker(ground.layers, Path(folder))
        changes, live = [], []
        for (name, places), rank in itertools.product(kinds.items(), ranks):
            with waiting_for(f"mixing rank {rank}, {name}"):
                changes.append({"layers": name, **recomposition(ground, maker, places, rank)})
        for name, places in kinds.items():
            with waiting_for(f"playing rank {LIVE_RANK}, {name}, {frames} frames"):
                file = maker.file(places, LIVE_RANK)
                live.append({"layers": name, "rank": LIVE_RANK, **Play(ground, file).run(frames)})
    return {"recomposition": changes, "live": live}


def extents(layers: ModelLayers) -> dict[str, list[Place]]:
    """The layers of the unet that LoRAs are trained for: attention's four, and the convolutions."""
    unet = {place: module for place, module in layers.modules.items() if place.component == "unet"}
    attention = [place for place in unet if place.path.endswith(_ATTENTION)]
    convolutions = [place for place, each in unet.items() if isinstance(each, torch.nn.Conv2d)]
    return {"attention": attention, "attention and conv": attention + convolutions}


@dataclass
class Maker:
    """Writes LoRAs of noise, fp16 in kohya's form, into `folder`."""

    layers: ModelLayers
    folder: Path
    _noise: Tensor = field(
        default_factory=lambda: torch.randn(1 << 20, generator=torch.Generator().manual_seed(1))
    )

    def file(self, places: Iterable[Place], rank: int) -> LoraFile:
        """One of this rank for these layers of the unet, too faint to upset the model."""
        tensors = {}
        for place in places:
            out, *into = self.layers.weight(place).shape
            up, down = (out, rank, *[1] * len(into[1:])), (rank, *into)
            tensors[f"lora_unet_{place.path}.lora_up.weight"] = self._noisy(up)
            tensors[f"lora_unet_{place.path}.lora_down.weight"] = self._noisy(down)
        path = self.folder / "noise.safetensors"
        save_file(tensors, path)
        return LoraFile(str(path), self.layers.base)

    def _noisy(self, shape: Sequence[int]) -> Tensor:
        count = math.prod(shape)
        noise = self._noise.repeat(-(-count // len(self._noise)))[:count]
        return (0.01 * noise).half().reshape(*shape)


def recomposition(
    ground: Ground, maker: Maker, places: Sequence[Place], rank: int
) -> dict[str, Any]:
    """How long all the layers take to be written for a new weight, at one go.

    `stage_ms` is the reading and checking, beside the painting; `first_ms` the first writing, which
    also puts the pristine weights aside.
    """
    painter = ground.painter
    file = maker.file(places, rank)

    def took_ms(act: Callable[[], Any]) -> float:
        ground.wait()
        begun = time.perf_counter()
        act()
        ground.wait()
        return (time.perf_counter() - begun) * 1e3

    def change(to: float) -> float:
        return took_ms(lambda: painter.mix({ID: to}, None))

    stage_ms = took_ms(lambda: painter.add(ID, painter.stage(file)))
    first_ms = change(1.0)
    times_ms = [change(number / CHANGES) for number in range(1, CHANGES)]
    painter.remove(ID)
    painter.mix({}, None)
    return {
        "rank": rank,
        "count": len(places),
        "elements": sum(maker.layers.weight(place).numel() for place in places),
        "file_mb": round(Path(file.path).stat().st_size / 1e6, 1),
        "stage_ms": round(stage_ms, 3),
        "first_ms": round(first_ms, 3),
        "ms": {"p50": round(float(np.median(times_ms)), 3), "worst": round(max(times_ms), 3)},
    }


class Watched:
    """A painter as `Staging` sees it, of which it is known whether all is written."""

    def __init__(self, painter: Painter) -> None:
        self.stage, self.add, self.remove = painter.stage, painter.add, painter.remove
        self._mix = painter.mix
        self.whole = True

    def mix(self, weights: Mapping[str, float], budget_ms: float | None) -> bool:
        self.whole = self._mix(weights, budget_ms)
        return self.whole


class Play:
    """Frames as the painter's loop makes them, back to back; one LoRA comes, is ridden, goes."""

    def __init__(self, ground: Ground, file: LoraFile) -> None:
        self._ground, self._files = ground, {ID: file}
        self._mixer = Watched(ground.painter)
        self._told: list[protocol.FromPainter] = []
        self._staging = Staging(self._mixer, self._told.append)
        self._painted = 0

    def run(self, frames: int) -> dict[str, Any]:
        """Frame times without a LoRA, while it is loaded (`LOADS` times), in a ride that changes
        its weight in every frame, and while that stands still.

        `unfinished` counts the frames of the ride that were painted before the change had reached
        every layer, `moved_weights` the layers that are not where they were.
        """
        before = self._addresses()
        still = max(1, frames // 5)
        self._frames(NONE, 0.0, 3)
        quiet = self._frames(NONE, 0.0, still)
        load = [ms for _ in range(LOADS) for ms in self._load_and_leave()]
        self._load()
        ride, unfinished = [], 0
        for number in range(1, frames + 1):
            ride.append(self._frame(self._files, 0.5 + 0.5 * math.cos(number / 20)))
            unfinished += not self._mixer.whole
        self._until_whole(1.0)
        held = self._frames(self._files, 1.0, still)
        self._leave()
        quiet += self._frames(NONE, 0.0, still)  # before and after: what else runs here may change
        after = self._addresses()
        middle = float(np.median(quiet))
        return {
            "quiet": _figures(quiet, middle),
            "load": _figures(load, middle),
            "ride": _figures(ride, middle) | {"unfinished": unfinished},
            "held": _figures(held, middle),
            "moved_weights": sum(after[place] != each for place, each in before.items()),
        }

    def _load_and_leave(self) -> list[float]:
        times = self._load()
        self._leave()
        return times

    def _load(self) -> list[float]:
        """From the wish to full weight in all layers, faded in. Raises `LoraError`."""
        self._told.clear()
        times: list[float] = []
        while not self._told:
            times.append(self._frame(self._files, 0.0))
        for message in self._told:
            if isinstance(message, protocol.Unfit):
                raise LoraError(message.text)
        for number in range(FADE_FRAMES):
            times.append(self._frame(self._files, (number + 1) / FADE_FRAMES))
        return times + self._until_whole(1.0)

    def _leave(self) -> None:
        self._frame(NONE, 0.0)
        while not self._mixer.whole:
            self._frame(NONE, 0.0)

    def _until_whole(self, weight: float) -> list[float]:
        times = [self._frame(self._files, weight)]
        while not self._mixer.whole:
            times.append(self._frame(self._files, weight))
        return times

    def _frames(self, files: Mapping[str, LoraFile], weight: float, count: int) -> list[float]:
        return [self._frame(files, weight) for _ in range(count)]

    def _frame(self, files: Mapping[str, LoraFile], weight: float) -> float:
        """Mix and paint one, as the loop does; ms."""
        ground = self._ground
        picture = ground.pictures[self._painted % len(ground.pictures)]
        self._painted += 1
        begun = time.perf_counter()
        budget_ms = self._staging.budget_ms(ground.painter.frame_s)
        self._staging.turn(files, {ID: weight} if weight else {}, budget_ms)
        ground.painter.paint(picture, ground.settings)
        return (time.perf_counter() - begun) * 1e3

    def _addresses(self) -> dict[Place, int]:
        layers = self._ground.layers
        return {place: layers.weight(place).data_ptr() for place in layers.modules}


def _figures(times_ms: Sequence[float], quiet_p50_ms: float) -> dict[str, Any]:
    """Order statistics, and the worst as a multiple of the median frame without a LoRA."""
    worst = max(times_ms)
    return {
        "frames": len(times_ms),
        "p50": round(float(np.median(times_ms)), 3),
        "p95": round(float(np.percentile(times_ms, 95)), 3),
        "worst": round(worst, 3),
        "worst_by_quiet_p50": round(worst / quiet_p50_ms, 2),
    }


def lora_table(report: Mapping[str, Any]) -> list[str]:
    """The lines of the report for people."""
    lines = [
        "LoRA layers          rank  layers  M weights  stage ms  first ms  change ms: p50     worst"
    ]
    for row in report["recomposition"]:
        change = row["ms"]
        lines.append(
            f"{row['layers']:<20} {row['rank']:>4} {row['count']:>7} "
            f"{row['elements'] / 1e6:>10.1f} {row['stage_ms']:>9.1f} {row['first_ms']:>9.1f} "
            f"{change['p50']:>14.2f} {change['worst']:>9.2f}"
        )
    lines.append("played               phase  frames   p50 ms       p95     worst   by quiet's p50")
    for row in report["live"]:
        for phase in ("quiet", "load", "ride", "held"):
            each = row[phase]
            lines.append(
                f"{row['layers']:<20} {phase:<5} {each['frames']:>7} {each['p50']:>8.1f} "
                f"{each['p95']:>9.1f} {each['worst']:>9.1f} {each['worst_by_quiet_p50']:>16.2f}"
            )
        lines.append(
            f"{row['layers']:<20} {row['ride']['unfinished']} frames of the ride came before their "
            f"change was in every layer; {row['moved_weights']} weights have moved"
        )
    return lines
