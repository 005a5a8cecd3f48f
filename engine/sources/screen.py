"""The screen as a source: x11grab on Linux, gdigrab on Windows, avfoundation on macOS.

Tried on X11 (Xvfb) only. Under Wayland, X11 sees nothing but the windows of X programs.
"""

from __future__ import annotations

import contextlib
import os
import re
import socket
import struct
import sys
import time
from typing import Final

from engine.errors import SourceError
from engine.latest import Picture
from engine.sources.av_reader import AvReader, LiveReader

_OPTIONS: Final = {"framerate": "30", "draw_mouse": "0", "fflags": "nobuffer"}
_LOOK_S: Final = 0.25
_SOCKETS: Final = "/tmp/.X11-unix/X"
_CREDENTIALS: Final = struct.Struct("3i")  # process, user, group


def has_screen() -> bool:
    """Whether there is a screen to take pictures of."""
    return bool(os.environ.get("DISPLAY")) or sys.platform in ("win32", "darwin")


def open_screen(number: str, size: tuple[int, int]) -> LiveReader:
    """Screen `number` ("" is the first) of this machine, without its mouse pointer.

    On X11 that is a screen of $DISPLAY, or else the X server of that number. Raises `SourceError`.
    """
    if sys.platform == "win32":  # pragma: no cover - Windows
        return LiveReader(_grab("desktop", "gdigrab"), size)
    if sys.platform == "darwin":  # pragma: no cover - macOS
        return LiveReader(_grab(f"Capture screen {number or 0}:none", "avfoundation"), size)
    displays = displays_for(number, os.environ.get("DISPLAY", ""))
    if not displays:
        raise SourceError(
            "no screen to take: DISPLAY is not set; start from a desktop, or name screen:N"
        )
    for display in displays[:-1]:
        with contextlib.suppress(SourceError):
            return X11Screen(display, size)
    return X11Screen(displays[-1], size)


def displays_for(number: str, here: str) -> list[str]:
    """The X11 display names to try, in order, for screen `number` where DISPLAY is `here`."""
    server = re.sub(r"(:\d+)\.\d+$", r"\1", here)
    if not number:
        return [here] if here else []
    named = f":{number}"
    if not server:
        return [named]
    return [server] if named == server else [f"{server}.{number}", named]


class X11Screen(LiveReader):
    """An X screen; notices when its server ends, which FFmpeg does not.

    (FFmpeg takes pictures out of memory shared with the server, and finds the last one there for
    ever.)
    """

    def __init__(self, display: str, size: tuple[int, int]) -> None:
        self._display = display
        self._server = server_of(display)  # asked first: a server that ends now will be missed
        super().__init__(_grab(display, "x11grab"), size)
        self._looked = time.monotonic()

    def read(self) -> Picture | None:
        if time.monotonic() - self._looked > _LOOK_S:
            self._looked = time.monotonic()
            if self._server is not None and server_of(self._display) not in (self._server, None):
                raise SourceError(f"screen {self._display} is gone: its X server has ended")
        return super().read()


def server_of(display: str) -> int | None:
    """The process that serves a local X display; -1 for none, None where that cannot be known."""
    local = re.fullmatch(r"(?:unix)?:(\d+)(?:\.\d+)?", display)
    if local is None or not hasattr(socket, "SO_PEERCRED"):
        return None
    path = _SOCKETS + local[1]
    for address in (path, f"\0{path}"):  # containers see the socket without its file
        with socket.socket(socket.AF_UNIX) as knock:
            knock.settimeout(0.2)
            try:
                knock.connect(address)
                found = knock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
            except (TimeoutError, BlockingIOError):  # it is busy; the pictures will tell
                return None
            except OSError:
                continue
            pid: int = _CREDENTIALS.unpack(found)[0]
            return pid
    return -1


def _grab(name: str, format: str) -> AvReader:
    return AvReader(f"screen {name}", name, format=format, options=_OPTIONS)
