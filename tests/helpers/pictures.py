"""Looking at what the program made: recordings, snapshots, screens."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray
from PIL import Image

Array = NDArray[Any]
CLOCK_WITHIN_S = 0.2
"""A few frames: what lies between the word of a beginning or an end and the tick it falls on."""


def recorded(path: Path) -> tuple[list[Array], list[float]]:
    """Every picture of a recording, RGB uint8, and its time in seconds."""
    pictures, moments = [], []
    with av.open(str(path)) as container:
        for frame in container.decode(video=0):
            pictures.append(frame.to_ndarray(format="rgb24"))
            assert frame.time is not None
            moments.append(float(frame.time))
    return pictures, moments


def loaded(path: Path) -> Array:
    with Image.open(path) as image:
        return np.asarray(image.convert("RGB"))


def screenshot(display: str, path: Path, window: str = "root") -> Array:
    """What an X screen shows now."""
    subprocess.run(
        ["import", "-display", display, "-window", window, f"png:{path}"], check=True, timeout=60
    )
    return loaded(path)


def small(picture: Array, side: int = 16) -> Array:
    """The picture averaged into side x side cells, float64."""
    image = Image.fromarray(picture).resize((side, side), Image.Resampling.BOX)
    return np.asarray(image).astype(np.float64)


def likeness(one: Array, other: Array) -> float:
    """Correlation of the two pictures' coarse contents, 1 = the same, 0 = nothing in common."""
    a, b = small(one).ravel(), small(other).ravel()
    a, b = a - a.mean(), b - b.mean()
    return float((a * b).sum() / max(1e-9, np.sqrt((a * a).sum() * (b * b).sum())))


def difference(one: Array, other: Array) -> float:
    """Mean absolute difference in 1/255."""
    return float(np.abs(one.astype(np.int16) - other.astype(np.int16)).mean())


def unbroken(moments: list[float], fps: float = 30.0) -> bool:
    """Whether the times step by exactly one frame throughout.

    They are counted, not measured: only `assert_clock` tells whether any frame is missing.
    """
    steps = np.diff(np.asarray(moments))
    return bool(len(steps) and np.abs(steps - 1 / fps).max() < 1e-3)


def assert_clock(
    recording: Path | list[float], elapsed_s: tuple[float, float], fps: float = 30.0
) -> None:
    """The recording, or the times of its frames, is unbroken and as long as it ran.

    `elapsed_s`: at least and at most, as known from outside, where a busy machine sees things late.
    """
    moments = recorded(recording)[1] if isinstance(recording, Path) else recording
    assert unbroken(moments, fps)
    length_s = moments[-1] - moments[0] + 1 / fps
    least_s, most_s = elapsed_s
    assert least_s - CLOCK_WITHIN_S <= length_s <= most_s + CLOCK_WITHIN_S, (length_s, elapsed_s)
