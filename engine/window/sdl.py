"""What pygame cannot do with the SDL it brings: present a picture without holding the GIL.

`Renderer.present` of pygame-ce 2.5 keeps the GIL while the driver draws and, with vsync, until the
screen's next refresh: the conductor would stand still for most of the time (measured on a software
1080p screen: another thread's 0.2 ms sleep took 7.6 ms more than asked for; with this, 0.08 ms).
A call through ctypes gives the GIL away. Where SDL is not found this way, `presenter` is None and
the window presents through pygame, without vsync.
"""

from __future__ import annotations

import ctypes
import functools
import glob
import os
import sys
from collections.abc import Callable, Iterator

import pygame


def _candidates() -> Iterator[str]:
    """Where the SDL 2 that pygame uses may be; the right one is the one that knows our window."""
    if sys.platform == "win32":  # pragma: no cover - not tried: no such machine here
        yield os.path.join(os.path.dirname(pygame.__file__), "SDL2.dll")
    elif sys.platform == "darwin":  # pragma: no cover - not tried: no such machine here
        libraries = os.path.join(os.path.dirname(pygame.__file__), ".dylibs", "libSDL2-2*.dylib")
        yield from glob.glob(libraries)
    else:
        # it is loaded already, whether from the wheel or from the system
        with open("/proc/self/maps") as maps:
            for line in maps:
                path = line.rstrip("\n").partition("/")[2]
                if "libSDL2-2" in path:
                    yield "/" + path


@functools.cache
def library() -> ctypes.CDLL | None:
    """pygame's own SDL 2, typed as far as it is used here; None where it is not found."""
    for path in _candidates():
        try:
            sdl = ctypes.CDLL(path)
            sdl.SDL_GetWindowFromID.argtypes = [ctypes.c_uint32]
            sdl.SDL_GetWindowFromID.restype = ctypes.c_void_p
            sdl.SDL_GetRenderer.argtypes = [ctypes.c_void_p]
            sdl.SDL_GetRenderer.restype = ctypes.c_void_p
            sdl.SDL_RenderPresent.argtypes = [ctypes.c_void_p]
            sdl.SDL_RenderPresent.restype = None
            sdl.SDL_GetWindowDisplayIndex.argtypes = [ctypes.c_void_p]
        except (OSError, AttributeError):
            continue
        return sdl
    return None


def presenter(window: pygame.Window) -> Callable[[], None] | None:
    """A function that presents this window's renderer with the GIL free, or None.

    Valid as long as that renderer lives.
    """
    sdl = library()
    if sdl is None:
        return None
    # a second copy of SDL would know no windows, and answer with null
    handle = sdl.SDL_GetWindowFromID(window.id)
    renderer = sdl.SDL_GetRenderer(handle) if handle else None
    if not renderer:
        return None
    return functools.partial(sdl.SDL_RenderPresent, renderer)


def display_of(window: pygame.Window) -> int | None:
    """The number of the display that the window is on; None where SDL cannot be asked."""
    sdl = library()
    handle = sdl.SDL_GetWindowFromID(window.id) if sdl is not None else None
    if sdl is None or not handle:
        return None
    number = int(sdl.SDL_GetWindowDisplayIndex(handle))
    return number if number >= 0 else None
