"""`artflow doctor`: whether a show can run on this machine, and what to do where it cannot."""

from __future__ import annotations

import functools
import os
import platform
import shutil
import socket
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from importlib import metadata
from pathlib import Path
from typing import Final

import msgspec

from engine import devices
from engine.data_folder import open_data_folder
from engine.errors import ArtflowError, MidiError
from engine.memory_need import Played, judge
from engine.progress import waiting_for

PACKAGES: Final = (
    *("av", "mido", "msgspec", "numpy", "pygame-ce", "python-osc", "python-rtmidi"),
    *("trio", "typer"),
)
PAINTER_PACKAGES: Final = ("diffusers", "transformers", "streamdiffusion")
ROOMY_BYTES: Final = 2_000_000_000
GPU_ADVICE: Final = (
    "install PyTorch's CUDA build from PyTorch's own package index: the selector on pytorch.org "
    "gives the command"
)


class Finding(msgspec.Struct, frozen=True):
    """One thing looked at. `status`: ok, warn (the show runs with less) or fail (it cannot run).

    `found` and `do` are for the performer; `do` is empty where nothing need be done.
    """

    check: str
    status: str
    found: str
    do: str = ""


Check = Callable[[], Iterable[Finding]]
"""Looks at something. An `ArtflowError` it raises becomes a failed finding."""


def examine(checks: Sequence[tuple[str, Check]]) -> list[Finding]:
    """The findings of all checks, in order."""
    findings: list[Finding] = []
    for name, check in checks:
        try:
            with waiting_for(f"looking at: {name}"):
                findings += check()
        except ArtflowError as error:
            found, _, todo = str(error).partition("; ")
            findings.append(Finding(name, "fail", found, todo))
    return findings


def can_run(findings: Iterable[Finding]) -> bool:
    """Whether nothing stands in the way of a show."""
    return all(finding.status != "fail" for finding in findings)


def checks(
    data: Path,
    osc_host: str,
    osc_port: int,
    model: Check,
    played: Callable[[], Played | None],
    midi_inputs: Callable[[], Sequence[str]],
) -> list[tuple[str, Check]]:
    """What there is to look at, for a show with this data folder and OSC port.

    `model` looks for the base model, `played` tells of it (also of one that is not here yet),
    `midi_inputs` names the MIDI inputs; the engine knows neither the catalogue nor MIDI.
    """
    ask = functools.cache(devices.ask_torch)
    return [
        ("python", check_python),
        ("packages", check_packages),
        ("painter", lambda: check_painter(ask)),
        ("model", model),
        ("memory", lambda: check_memory(played, ask)),
        ("display", check_display),
        ("camera", check_camera),
        ("midi", lambda: check_midi(midi_inputs)),
        ("osc port", lambda: check_port("osc port", osc_host, osc_port)),
        ("data folder", lambda: check_data(data)),
        ("shared memory", check_shared_memory),
    ]


def check_python(version: tuple[int, int] | None = None) -> Iterable[Finding]:
    version = version or sys.version_info[:2]
    found = f"Python {platform.python_version()}, {platform.system()} {platform.machine()}"
    if version >= (3, 11):
        return [Finding("python", "ok", found)]
    return [Finding("python", "fail", found, "install Python 3.11 or newer")]


def check_packages(packages: Sequence[str] = PACKAGES) -> Iterable[Finding]:
    versions, absent = [], []
    for name in packages:
        try:
            versions.append(f"{name} {metadata.version(name)}")
        except metadata.PackageNotFoundError:
            absent.append(name)
    if absent:
        return [
            Finding(
                "packages",
                "fail",
                f"not installed: {', '.join(absent)}",
                f"pip install {' '.join(absent)}, or install artflow again",
            )
        ]
    return [Finding("packages", "ok", ", ".join(versions))]


def check_painter(ask: Callable[[Sequence[str]], devices.TorchReport]) -> Iterable[Finding]:
    """The packages that paint, imported in a process of their own, and what they can paint on."""
    try:
        report = ask(PAINTER_PACKAGES)
    except ArtflowError as error:
        yield Finding("painter", "fail", str(error), "install artflow again, or torch alone")
        return
    versions = ", ".join(f"{name} {version}" for name, version in report.packages.items())
    yield Finding("painter", "ok", versions)
    for name, reason in report.broken.items():
        yield Finding("painter", "fail", f"{name} cannot be imported: {reason}", _again(name))
    yield _gpu(report.devices)


def _again(package: str) -> str:
    return f"install {package} in the version that artflow asks for: install artflow again"


def _gpu(found: Sequence[devices.ComputeDevice]) -> Finding:
    fast = [device for device in found if device.id != "cpu"]
    if fast:
        return Finding("gpu", "ok", ", ".join(f"{device.id}: {device.name}" for device in fast))
    on = f"none that torch can use; painting on the CPU with {found[0].name if found else 'it'}"
    if devices.nvidia_driver() and not devices.torch_has_cuda():
        return Finding("gpu", "warn", "an NVIDIA GPU, but torch was built without it", GPU_ADVICE)
    return Finding("gpu", "warn", on, "the rehearsal model runs so; larger models want a GPU")


def check_memory(
    played: Callable[[], Played | None], ask: Callable[[Sequence[str]], devices.TorchReport]
) -> Iterable[Finding]:
    """Whether the model has room on the fastest device; nothing where either is not known."""
    model = played()
    try:
        found = ask(PAINTER_PACKAGES).devices
    except ArtflowError:  # the painter's check has told of it
        return
    if model is not None and found:
        yield Finding("memory", *judge(model, found[0]))


def check_display() -> Iterable[Finding]:
    found = devices.list_displays()
    if not found:
        todo = "artflow runs headless here; for a window, start it in a desktop session"
        return [Finding("display", "warn", "no display", todo)]
    sizes = ", ".join(f"{display.width}x{display.height}" for display in found)
    return [Finding("display", "ok", sizes)]


def check_camera() -> Iterable[Finding]:
    from engine.sources.camera import list_cameras

    found = list_cameras()
    if not found:
        return [Finding("camera", "warn", "none", "plug one in, or use another source")]
    return [Finding("camera", "ok", ", ".join(name for _, name in found))]


def check_midi(inputs: Callable[[], Sequence[str]]) -> Iterable[Finding]:
    """What can be played from. A show can do without: no MIDI system is a warning, too."""
    try:
        found = inputs()
    except MidiError as error:
        reason, _, todo = str(error).partition("; ")
        return [Finding("midi", "warn", reason.removeprefix("MIDI: "), todo)]
    if not found:
        return [Finding("midi", "warn", "no device", "plug one in, at any time, or play over OSC")]
    return [Finding("midi", "ok", ", ".join(found))]


def check_port(check: str, host: str, port: int) -> Iterable[Finding]:
    """Whether this UDP port can be listened on; a show can do without TCP's of the same number."""
    if reason := _held(host, port, socket.SOCK_DGRAM):
        found = f"UDP {host}:{port} cannot be opened ({reason})"
        todo = "end the program that holds it, or start with --osc-port N (0 = any free)"
        return [Finding(check, "fail", found, todo)]
    if reason := _held(host, port, socket.SOCK_STREAM):
        found = f"UDP {host}:{port} is free, TCP is not ({reason})"
        todo = "the show plays: this version listens to UDP only"
        return [Finding(check, "warn", found, todo)]
    return [Finding(check, "ok", f"{host}:{port} is free")]


def _held(host: str, port: int, kind: socket.SocketKind) -> str:
    """Why this port cannot be listened on; empty where it can."""
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=kind)[0]
        with socket.socket(family, kind) as probe:
            if kind == socket.SOCK_STREAM and os.name == "posix":
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except (OSError, UnicodeError) as error:
        return str(getattr(error, "strerror", None) or error)
    return ""


def check_data(data: Path) -> Iterable[Finding]:
    root = open_data_folder(data).root
    yield Finding("data folder", "ok", str(root))
    free = shutil.disk_usage(root).free
    found = f"{free / 1e9:.1f} GB free"
    if free < ROOMY_BYTES:
        yield Finding("disk", "warn", found, "make room: recordings and models need some GB")
    else:
        yield Finding("disk", "ok", found)


def check_shared_memory() -> Iterable[Finding]:
    """Send a picture through a mailbox, as source and painter do, and compare what arrives."""
    import numpy as np

    from engine.frames import FrameMailbox

    try:
        mailbox = FrameMailbox.create(512, 512)
    except OSError as error:
        reason = error.strerror or error
        todo = "give the temporary folder (or the container's memory) some room"
        return [Finding("shared memory", "fail", f"cannot be had ({reason})", todo)]
    sent = np.random.default_rng(1).integers(0, 256, (512, 512, 3), np.uint8)
    try:
        mailbox.put(sent, time.monotonic_ns())
        frame = mailbox.take()
    finally:
        mailbox.close()
    if frame is None or not np.array_equal(frame.picture, sent):
        found = "a frame is lost" if frame is None else "a frame arrives damaged"
        todo = "restart the computer; if it says so again, its memory may be faulty"
        return [Finding("shared memory", "fail", found, todo)]
    return [Finding("shared memory", "ok", "frames travel")]


def print_findings(findings: Sequence[Finding], *, as_json: bool) -> None:
    """Show the findings: a table, or JSON for tools."""
    if as_json:
        print(msgspec.json.format(msgspec.json.encode(findings)).decode())
        return
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    style = {"ok": "green", "warn": "yellow", "fail": "bold red"}
    table = Table("", "check", "found, and what to do", box=None, padding=(0, 1))
    for finding in findings:
        said = Text(finding.found)
        if finding.do:
            said.append(f"\n-> {finding.do}", style=style[finding.status])
        table.add_row(Text(finding.status, style=style[finding.status]), finding.check, said)
    console = Console(highlight=False)
    console.print(table)
    console.print("A show can run here." if can_run(findings) else "A show cannot run here.")
