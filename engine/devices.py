"""What this machine has to play with: displays and compute devices; cameras its sources know.

torch and pygame are asked in processes of their own, so that neither comes into this one.
"""

from __future__ import annotations

import importlib.util
import platform
import re
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final, TypeVar

import msgspec

from engine.errors import ArtflowError, PainterError
from engine.painter_process import painter_environment

ANSWER_WITHIN_S: Final = 180.0  # importing torch from a cold disk is slow

T = TypeVar("T")


class ComputeDevice(msgspec.Struct, frozen=True):
    """A device that torch can compute on. `id` as in --devices; `memory_mb` is all its memory and
    `free_mb` what others leave of it now, 0 where unknown."""

    id: str
    name: str
    memory_mb: float = 0.0
    capability: str = ""
    free_mb: float = 0.0


class TorchReport(msgspec.Struct, frozen=True):
    """What `python -m engine.painter.devices` answers. `packages` maps names to versions.

    A package that cannot be imported has its reason in `broken`.
    """

    devices: tuple[ComputeDevice, ...] = ()
    packages: dict[str, str] = {}
    broken: dict[str, str] = {}


class Display(msgspec.Struct, frozen=True):
    """A screen: its number for --display, its size in pixels and its refresh rate (0 unknown)."""

    number: int
    width: int
    height: int
    refresh_hz: int = 0


def ask_torch(packages: Sequence[str] = ()) -> TorchReport:
    """The compute devices; with `packages`, also whether those can be imported.

    Raises `PainterError` where torch cannot be asked.
    """
    command = [sys.executable, "-P", "-m", "engine.painter.devices", *packages]
    return _answer(command, TorchReport, "torch")


_ASK_PYGAME: Final = """
import json, os
os.environ["PYGAME_HIDE_SUPPORT_PROMPT"] = "1"
import pygame
answer = []
try:
    pygame.display.init()
    if pygame.display.get_driver() not in ("offscreen", "dummy"):
        rates = getattr(pygame.display, "get_desktop_refresh_rates", lambda: [])()
        for number, (width, height) in enumerate(pygame.display.get_desktop_sizes()):
            rate = rates[number] if number < len(rates) else 0
            answer.append([number, width, height, rate])
except pygame.error:
    pass
print(json.dumps(answer))
"""


def list_displays() -> tuple[Display, ...]:
    """The displays a window could open on. Raises `PainterError` where pygame cannot be asked."""
    command = [sys.executable, "-P", "-c", _ASK_PYGAME]
    return tuple(Display(*row) for row in _answer(command, list[list[int]], "pygame"))


def nvidia_driver() -> bool:
    """Whether an NVIDIA driver is running, found without asking torch."""
    if sys.platform == "win32":  # pragma: no cover - asked on Windows only
        return Path(r"C:\Windows\System32\nvcuda.dll").exists()
    return Path("/proc/driver/nvidia/version").exists()


def torch_has_cuda() -> bool:
    """Whether the torch that is installed was built for CUDA, read from its version file."""
    spec = importlib.util.find_spec("torch")
    if spec is None or spec.origin is None:
        return False
    try:
        said = (Path(spec.origin).parent / "version.py").read_text()
    except OSError:
        return False
    return re.search(r"^cuda\b[^=]*= *['\"]", said, re.MULTILINE) is not None


def gpu_ready() -> bool:
    """Whether the painter will find a GPU, judged in no time: torch is not imported for it."""
    if sys.platform == "darwin":  # pragma: no cover - MPS comes with every torch for Apple chips
        return platform.machine() == "arm64"
    return nvidia_driver() and torch_has_cuda()


def _answer(command: Sequence[str], kind: type[T], whom: str) -> T:
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=ANSWER_WITHIN_S,
            env=painter_environment(),
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise PainterError(f"{whom} did not answer within {ANSWER_WITHIN_S:g} s") from error
    lines = done.stdout.splitlines()  # the last is the answer: packages may chatter before it
    try:
        return msgspec.json.decode(lines[-1] if lines else b"", type=kind)
    except msgspec.DecodeError as error:
        said = done.stderr.decode(errors="replace").strip().splitlines()
        reason = said[-1] if said else f"it ended with code {done.returncode}"
        raise PainterError(f"{whom} cannot be asked: {reason}") from error


def print_devices(midi_rows: Callable[[], list[tuple[str, ...]]]) -> None:
    """What `artflow devices` shows: a table for each kind, or why there is none.

    `midi_rows` gives (port, direction, what it plays); the engine knows nothing of MIDI.
    """
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console(highlight=False)

    def show(title: str, head: Sequence[str], rows: Callable[[], list[tuple[str, ...]]]) -> None:
        console.print(title, style="bold", markup=False)
        try:
            found = rows()
        except ArtflowError as error:
            console.print(f"  {error}", markup=False)
            return
        if not found:
            console.print("  none")
            return
        table = Table(*head, box=None, padding=(0, 2), header_style="dim")
        for row in found:
            table.add_row(*map(Text, row))
        console.print(table)

    show("Cameras", ("--source", "name"), _camera_rows)
    show("Displays", ("--display", "size", "refresh"), _display_rows)
    show("MIDI ports", ("port", "", "in a show"), midi_rows)
    show("Compute", ("device", "name", "memory", "capability"), _compute_rows)


def _camera_rows() -> list[tuple[str, ...]]:
    from engine.sources.camera import list_cameras

    return [(f"camera:{id}", name) for id, name in list_cameras()]


def _display_rows() -> list[tuple[str, ...]]:
    return [
        (
            str(display.number),
            f"{display.width}x{display.height}",
            f"{display.refresh_hz} Hz" if display.refresh_hz else "",
        )
        for display in list_displays()
    ]


def _compute_rows() -> list[tuple[str, ...]]:
    return [
        (
            device.id,
            device.name,
            f"{device.memory_mb:,.0f} MB" if device.memory_mb else "",
            device.capability,
        )
        for device in ask_torch().devices
    ]
