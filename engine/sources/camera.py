"""Cameras: v4l2 on Linux, avfoundation on macOS, dshow on Windows.

Written from FFmpeg's documentation and kept thin: no camera was at hand to try it on. Everything
behind the opening (newest picture only, scaling, loss and return) is shared with the screen, which
was tried.
"""

from __future__ import annotations

import contextlib
import re
import sys
from pathlib import Path
from typing import Final

from engine.errors import SourceError
from engine.sources.av_reader import AvReader, LiveReader

_SYSFS: Final = Path("/sys/class/video4linux")
_LIVE: Final = {"fflags": "nobuffer", "framerate": "30"}


def list_cameras() -> list[tuple[str, str]]:
    """(id, name) of each camera that is plugged in; `camera:ID` opens it. Never raises."""
    if sys.platform in ("darwin", "win32"):  # pragma: no cover - macOS, Windows
        return _enumerated()
    return linux_cameras(_SYSFS)


def linux_cameras(folder: Path) -> list[tuple[str, str]]:
    """What the kernel lists there: /sys/class/video4linux, by number."""
    found = []
    for node in folder.glob("video*"):
        number = re.fullmatch(r"video(\d+)", node.name)
        # one camera has several nodes; the first takes pictures, the others tell about them
        if number and _line(node / "index", "0") == "0":
            found.append((int(number[1]), _line(node / "name", node.name)))
    return [(str(number), name) for number, name in sorted(found)]


def open_camera(asked: str, size: tuple[int, int]) -> LiveReader:
    """The camera of that number or name (a part of it will do; "" is the first).

    Raises `SourceError` where there is none, or where it cannot be opened.
    """
    cameras = list_cameras()
    camera, name = choose(asked, cameras)
    what = f"camera {name}"
    attempts = _attempts(camera)
    for number, (url, format, options) in enumerate(attempts, 1):
        try:
            reader = AvReader(what, url, format=format, options=options)
        except SourceError:
            # not every camera has every rate and size: the last attempt leaves all to it
            if number == len(attempts):
                raise
        else:  # pragma: no cover - no camera here
            return LiveReader(reader, size)
    raise AssertionError("no way to open a camera")  # pragma: no cover


def choose(asked: str, cameras: list[tuple[str, str]]) -> tuple[str, str]:
    """(id, name) of the camera that `asked` means. Only listed cameras can be named."""
    name = asked.casefold()
    if not asked:
        found = cameras
    elif asked.isdecimal():
        found = [camera for camera in cameras if camera[0] == asked]
        if not any(number.isdecimal() for number, _ in cameras):  # dshow has names only: count
            found = cameras[int(asked) : int(asked) + 1]
    else:
        found = [camera for camera in cameras if name == camera[1].casefold()]
        found += [camera for camera in cameras if name in camera[1].casefold()]
    if found:
        return found[0]
    if not cameras:
        raise SourceError("no camera found; plug one in, or see artflow devices")
    listed = ", ".join(f"{number} ({name})" for number, name in cameras)
    raise SourceError(f"no camera {asked!r}; there is {listed}")


def _attempts(camera: str) -> list[tuple[str, str, dict[str, str]]]:
    if sys.platform == "darwin":  # pragma: no cover - macOS
        system, url, wish = "avfoundation", f"{camera}:none", {"video_size": "1280x720"}
        return [(url, system, _LIVE | wish), (url, system, {"framerate": "30"})]
    if sys.platform == "win32":  # pragma: no cover - Windows
        url = f"video={camera}"
        return [(url, "dshow", _LIVE | {"rtbufsize": "64M"}), (url, "dshow", {})]
    device = f"/dev/video{camera}"
    return [
        # compressed, because USB 2 carries raw HD at 10 pictures a second at best
        (device, "v4l2", _LIVE | {"input_format": "mjpeg", "video_size": "1280x720"}),
        (device, "v4l2", _LIVE),
        (device, "v4l2", {}),
    ]


def _line(path: Path, default: str) -> str:
    with contextlib.suppress(OSError, UnicodeDecodeError):
        return path.read_text().strip() or default
    return default


def _enumerated() -> list[tuple[str, str]]:  # pragma: no cover - macOS, Windows
    from av.device import enumerate_input_devices

    system = "avfoundation" if sys.platform == "darwin" else "dshow"
    try:
        devices = enumerate_input_devices(system)
    except Exception:  # a listing that fails is an empty one
        return []
    return [
        (device.name, device.description or device.name)
        for device in devices
        if "video" in device.media_types and "capture screen" not in device.description.lower()
    ]
