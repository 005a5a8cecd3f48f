"""How much memory a model takes where it paints, against what is free there. No torch here.

Nothing in these tables is a guess: weights are the architectures' published counts, what frames
take was counted by `engine.painter.live_bytes` (tests count both again), and where a whole painter
was measured, that is told instead.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from engine.precision import has_fast_half

if TYPE_CHECKING:  # it needs the show's packages; a bare GPU machine counts these tables again
    from engine.devices import ComputeDevice

Size = tuple[int, int]

WEIGHTS: Final[Mapping[str, int]] = {
    "rehearsal": 6_568_900,
    "sd15": 982_581_444,
    "sd21": 1_206_298_564,
    "sdxl": 3_385_184_004,
}
"""Of the unet and the text encoders, by base."""

AUTOENCODER: Final[Mapping[bool, int]] = {True: 2_445_063, False: 83_653_863}
"""Weights of a tiny one, and of the models' own."""

FRAME: Final[Mapping[tuple[str, bool], tuple[Size, int]]] = {
    ("rehearsal", True): ((256, 256), 16_875_520),
    ("sd15", True): ((512, 512), 545_612_800),
    ("sd15", False): ((512, 512), 805_699_584),
    ("sd21", True): ((512, 512), 545_612_800),
    ("sd21", False): ((512, 512), 805_699_584),
    ("sdxl", True): ((512, 512), 330_744_832),
    ("sdxl", False): ((512, 512), 805_699_584),
}
"""The most bytes alive in a frame of four steps in fp32, by base and tiny autoencoder."""


@dataclass(frozen=True, slots=True)
class Measured:
    """The most that a whole painter process took, in bytes, and when."""

    most_bytes: int
    date: str


MEASURED: Final[Mapping[tuple[str, Size, str], Measured]] = {
    ("rehearsal", (256, 256), "cpu"): Measured(494_092_288, "2026-11-24"),
    ("sd21", (512, 512), "cpu"): Measured(6_183_837_696, "2026-11-24"),
}
"""By base, size and kind of device, with a tiny autoencoder, one and four steps."""


@dataclass(frozen=True, slots=True)
class Played:
    """What a show would paint with; `base` as in `ModelFolder`."""

    id: str
    base: str
    size: Size
    tiny_autoencoder: bool


@dataclass(frozen=True, slots=True)
class Need:
    """In bytes: what painting takes, what W0 of all layers takes in addition while LoRAs touch them
    all, and how that is known."""

    painting: int
    pristine: int
    known: str


def need_of(played: Played, device: str, *, half: bool) -> Need | None:
    """On a kind of device (cuda, mps, cpu), in fp16 or fp32; None for a base that nothing is known
    of.

    Counted twice is what frames take on CUDA: called, while warming up, and in recordings.
    """
    base, tiny = played.base, played.tiny_autoencoder
    if (base, tiny) not in FRAME:
        return None
    pristine = WEIGHTS[base] * (2 if half else 4)
    measured = MEASURED.get((base, played.size, device)) if tiny else None
    if measured is not None:
        return Need(measured.most_bytes, pristine, f"measured on a {device}, {measured.date}")
    # SDXL's own autoencoder overflows in half precision
    whole = not half or (base == "sdxl" and not tiny)
    size, frame = FRAME[base, tiny]
    pixels = played.size[0] * played.size[1] / (size[0] * size[1])
    frames = round(frame * pixels * (2 if device == "cuda" else 1) * (1.0 if whole else 0.5))
    weights = pristine + AUTOENCODER[tiny] * (4 if whole else 2)
    return Need(weights + frames, pristine, "calculated, not measured")


def judge(played: Played, device: ComputeDevice) -> tuple[str, str, str]:
    """Whether there is room: status (ok or warn), what was found, what to do."""
    kind = device.id.partition(":")[0]
    what = f"{played.id} at {played.size[0]}x{played.size[1]}"
    need = need_of(played, kind, half=kind == "cuda" and _has_fast_half(device.capability))
    if need is None:
        return "ok", f"{what}: nothing is known of what this kind of model needs", ""
    found = (
        f"{what} needs about {_gb(need.painting)} ({need.known}), up to {_gb(need.pristine)} more "
        f"while LoRAs play, and what their files take; "
    )
    if not device.free_mb:
        return "ok", f"{found}how much {device.id} has free cannot be told", ""
    free = device.free_mb * 1e6
    found += f"{device.id} has {_gb(free)} free"
    if free < need.painting:
        return "warn", found, "choose a smaller --size or --model, or close other programs"
    if free < need.painting + need.pristine:
        todo = "use --lowvram" if kind == "cuda" else "play without LoRAs, or close other programs"
        return "warn", found, todo
    return "ok", found, ""


def _has_fast_half(capability: str) -> bool:
    major, _, minor = capability.partition(".")
    return not capability or has_fast_half((int(major), int(minor)))


def _gb(size_bytes: float) -> str:
    return f"{size_bytes / 1e9:.1f} GB" if size_bytes >= 1e9 else f"{size_bytes / 1e6:.0f} MB"
