"""Frames painted back to back, host to host: how many, how even, and where their time goes."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from itertools import chain
from typing import Any, Final

import numpy as np
import torch

from engine.latest import Picture
from engine.painter.diffusion import DiffusionPainter
from engine.painter.graphs import make_runner
from engine.painter.settings import Settings
from engine.painter.staging import Staging

SPLIT_REPEATS: Final = 20
PROMPTS: Final = 8
"""New texts, and as many known ones, whose first frames are timed."""


def noise_pictures(size: tuple[int, int], count: int = 8) -> list[Picture]:
    """Noise, each picture another; no two in a row are alike. `size` is (width, height)."""
    random = np.random.default_rng(0)
    return [random.integers(0, 256, (size[1], size[0], 3), dtype=np.uint8) for _ in range(count)]


def waiter(device: torch.device) -> Callable[[], None]:
    """What waits until a device has done all it was given."""
    if device.type == "cuda":
        return lambda: torch.cuda.synchronize(device)
    if device.type == "mps":
        return torch.mps.synchronize
    return lambda: None


def order_statistics(seconds: Sequence[float]) -> dict[str, float]:
    """Interpolated percentiles and the worst, in ms."""
    p50, p95, p99 = np.percentile(np.array(seconds) * 1e3, (50, 95, 99))
    found = {"p50": p50, "p95": p95, "p99": p99, "worst": max(seconds) * 1e3}
    return {name: round(float(value), 3) for name, value in found.items()}


def steady(
    paint: Callable[[Picture], object], pictures: Sequence[Picture], seconds: float
) -> list[float]:
    """Seconds of each frame, painting for about `seconds`; one at least. The first are left out."""
    for picture in pictures[:3]:
        paint(picture)
    took: list[float] = []
    began = last = time.perf_counter()
    while last - began < seconds or not took:
        paint(pictures[len(took) % len(pictures)])
        now = time.perf_counter()
        took.append(now - last)
        last = now
    return took


def measure(
    painter: DiffusionPainter, pictures: Sequence[Picture], steps: int, seconds: float
) -> dict[str, Any]:
    """Steady frame times with `steps`, painting for `seconds`, and where the time goes; ms."""
    settings = Settings(steps=steps)
    took = steady(lambda picture: painter.paint(picture, settings), pictures, seconds)
    return {
        "steps": steps,
        "frames": len(took),
        "fps": round(len(took) / sum(took), 2),
        "frame_ms": order_statistics(took),
        "split_ms": split(painter, pictures[0], settings, min(SPLIT_REPEATS, len(took))),
    }


def split(
    painter: DiffusionPainter, picture: Picture, settings: Settings, repeats: int
) -> dict[str, float]:
    """Medians of the parts of a frame, with the device brought to a stop between them; ms.

    So their sum may exceed the frame, in which they overlap. The parts run as frames do: where
    frames are replayed, these are captured for the purpose.
    """
    stream = painter.stream
    device = stream.output.device
    wait, runner = waiter(device), make_runner(device)
    stream.frame()
    denoised = torch.empty_like(stream.latent)

    @torch.no_grad()
    def denoise() -> None:
        denoised.copy_(stream.denoise())

    device_parts: dict[str, Callable[[], None]] = {
        "encode": stream.encode,
        "denoise": denoise,
        "decode": lambda: stream.give_out(denoised),
    }
    for name, part in device_parts.items():
        runner.capture(name, part, stream.written())
    parts: dict[str, Callable[[], object]] = {
        "upload": lambda: painter.transfers.send(picture),
        **{name: partial(runner.run, name, part) for name, part in device_parts.items()},
        "download": lambda: painter.transfers.leave().collect(),
    }
    took: dict[str, list[float]] = {name: [] for name in parts}
    for _ in range(repeats):
        for name, act in parts.items():
            wait()
            begun = time.perf_counter()
            act()
            wait()
            took[name].append(time.perf_counter() - begun)
    painter.paint(255 - picture, settings)  # so that it knows again what its input holds
    return {name: round(statistics.median(each) * 1e3, 3) for name, each in took.items()}


def prompt_changes(
    painter: DiffusionPainter, pictures: Sequence[Picture], settings: Settings
) -> dict[str, Any]:
    """Frames as the painter's loop makes them: without a change, from a prompt never seen before
    until it is heard, and the first of prompts seen before; ms. `late` is the worst as a multiple
    of the median without a change, `heard_after` the median number of frames.
    """
    budget_ms = Staging.budget_ms(painter.frame_s)
    painted = 0

    def frame(prompt: str) -> tuple[float, bool]:
        """Seconds from one picture to the next, and whether anything is left to encode."""
        nonlocal painted
        asked = replace(settings, prompt_a=prompt)
        painted += 1
        begun = time.perf_counter()
        finish = painter.begin(pictures[painted % len(pictures)], asked)
        left = painter.look_ahead(asked, budget_ms)
        finish()
        return time.perf_counter() - begun, left

    def change(prompt: str) -> list[float]:
        took = [frame(prompt)]
        while took[-1][1]:
            took.append(frame(prompt))
        return [seconds for seconds, _ in (*took, frame(prompt))]

    texts = [f"oil city {number}" for number in range(PROMPTS)]
    change("sky")
    still = [frame("sky")[0] for _ in range(4 * PROMPTS)]
    new = [change(text) for text in texts]
    known = [frame(text)[0] for text in texts]
    painter.paint(pictures[0], settings)
    median = statistics.median(still)
    found: dict[str, Any] = {}
    for name, each in (("unchanged", still), ("new", list(chain(*new))), ("known", known)):
        figures = order_statistics(each)
        found[name] = {"p50": figures["p50"], "worst": figures["worst"]}
        found[name]["late"] = round(max(each) / median, 2)
    found["new"]["heard_after"] = statistics.median(len(each) - 1 for each in new)
    return found
