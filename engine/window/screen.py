"""One window on one screen: a renderer, its textures, and how to get them back when lost."""

from __future__ import annotations

import contextlib
import logging
import os
import sys
import time
from collections.abc import Callable
from typing import Final

import numpy as np
import pygame
from pygame._sdl2.video import SCALEQUALITY_LINEAR, Renderer, Texture

from engine.errors import OutputError
from engine.latest import Picture
from engine.layout import Area
from engine.window import sdl

log = logging.getLogger(__name__)

USUAL_REFRESH_HZ: Final = 60
_ALPHA_BLEND: Final = 1  # SDL_BLENDMODE_BLEND
_ON_DISPLAY: Final = 0x2FFF0000  # SDL_WINDOWPOS_CENTERED_DISPLAY(n) = this | n
_OF_DESKTOP: Final = 0.9  # leaves room for title bars and panels
_BLACK: Final = (0, 0, 0)


def open_displays() -> None:
    """Start SDL's video and fonts, nothing else. Raises `OutputError` if there is no display."""
    if not _driver_was_chosen() and _unix_without_a_screen():
        raise _no_display("no display is named by DISPLAY or WAYLAND_DISPLAY")
    try:
        pygame.display.init()
        pygame.font.init()
    except pygame.error as error:
        raise _no_display(str(error)) from error
    # without a screen SDL falls back to drivers that show nothing; fine only if they were asked for
    driver = pygame.display.get_driver()
    if driver in ("offscreen", "dummy", "evdev") and not _driver_was_chosen():
        close_displays()
        raise _no_display("no screen found")


def close_displays() -> None:
    pygame.font.quit()
    pygame.display.quit()


def _driver_was_chosen() -> bool:
    return bool(os.environ.get("SDL_VIDEODRIVER"))


def _unix_without_a_screen() -> bool:
    # SDL would look into every corner, and complain on stderr of what it does not find there
    named = os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
    return sys.platform.startswith(("linux", "freebsd")) and not named


def _no_display(reason: str) -> OutputError:
    return OutputError(f"cannot open a window: {reason}")


def check_display(number: int) -> None:
    """Raises `OutputError` if there is no display of this number."""
    count = pygame.display.get_num_displays()
    if not 0 <= number < count:
        allowed = "only display 0 is there" if count == 1 else f"allowed: 0 to {count - 1}"
        raise OutputError(f"there is no display {number}; {allowed} (see artflow devices)")


def _fitting(size: tuple[int, int], desktop: tuple[int, int]) -> tuple[int, int]:
    """The size of a window that a desktop has room for: shrunk in proportion if it had not."""
    if size[0] <= desktop[0] and size[1] <= desktop[1]:
        return size
    scale = _OF_DESKTOP * min(desktop[0] / size[0], desktop[1] / size[1])
    return max(1, round(size[0] * scale)), max(1, round(size[1] * scale))


class Screen:
    """A resizable or fullscreen window that shows pictures and panels.

    A frame is `clear`, then any of `picture` and `panel`, then `present`. All may raise
    `pygame.error` when the graphics driver has dropped the renderer; `recover` makes a new one.
    """

    def __init__(
        self,
        title: str,
        size: tuple[int, int],
        *,
        fullscreen: bool = False,
        display: int = 0,
        vsync: bool = True,
    ) -> None:
        check_display(display)
        self._title = title
        self._display = display
        self.fullscreen = fullscreen
        rates = pygame.display.get_desktop_refresh_rates()
        rate = rates[display] if display < len(rates) else 0
        self.refresh_hz = rate or USUAL_REFRESH_HZ
        # a screen without a rate is no real one; and vsync must not hold the GIL
        self.vsync = vsync and rate > 0 and sdl.library() is not None
        self.present_ms = 0.0
        size = _fitting(size, pygame.display.get_desktop_sizes()[display])
        self._size = size
        middle = _ON_DISPLAY | display
        self._windowed: tuple[tuple[int, int], tuple[int, int]] = (size, (middle, middle))
        self._renderer: Renderer | None = None
        self._pictures: dict[str, tuple[Texture, Picture]] = {}
        self._panels: dict[str, tuple[Texture, pygame.Surface]] = {}
        self._drawn: set[str] = set()
        try:
            self._open()
        except pygame.error as error:
            raise _no_display(str(error)) from error

    def _open(self) -> None:
        place = _ON_DISPLAY | self._display
        self.window = pygame.Window(
            self._title, self._size, (place, place), resizable=True, allow_high_dpi=True
        )
        if self.fullscreen:
            self._fill(self._display)
        self._open_renderer()

    def _fill(self, display: int) -> None:
        """Fullscreen on this display, at its own resolution and without a border."""
        with contextlib.suppress(pygame.error):
            # where no window manager runs, nobody else makes the window that large
            self.window.position = (_ON_DISPLAY | display, _ON_DISPLAY | display)
            self.window.size = pygame.display.get_desktop_sizes()[display]
            self.window.position = (_ON_DISPLAY | display, _ON_DISPLAY | display)
        self.window.set_fullscreen(True)

    def _open_renderer(self) -> None:
        renderer = Renderer(self.window, vsync=self.vsync)
        self._present: Callable[[], None] = sdl.presenter(self.window) or renderer.present
        self._renderer = renderer

    @property
    def _live(self) -> Renderer:
        if self._renderer is None:
            raise pygame.error("the renderer is lost")
        return self._renderer

    # where things are

    @property
    def pixels(self) -> Area:
        """The whole window in pixels."""
        if self._renderer is None:
            return Area(0, 0, *self._size)
        view = self._renderer.get_viewport()
        return Area(0, 0, view.width, view.height)

    def pixel(self, x: float, y: float) -> tuple[float, float]:
        """The pixel at a point of the window; they differ on screens of high density."""
        width, height = self.window.size
        pixels = self.pixels
        return x * pixels.width / max(1, width), y * pixels.height / max(1, height)

    # one frame

    def clear(self, color: tuple[int, int, int] = _BLACK) -> None:
        self._live.draw_color = color
        self._live.clear()
        self._drawn.clear()

    def picture(self, slot: str, picture: Picture, area: Area) -> None:
        """Draw a picture scaled to `area`; uploaded only if it is another than the slot's last."""
        if area.width <= 0 or area.height <= 0:
            return
        height, width, _ = picture.shape
        texture, last = self._pictures.get(slot, (None, None))
        if texture is None or (texture.width, texture.height) != (width, height):
            texture = Texture(
                self._live,
                (width, height),
                streaming=True,
                scale_quality=SCALEQUALITY_LINEAR,
            )
        if picture is not last:
            pixels = np.ascontiguousarray(picture).data
            texture.update(pygame.image.frombuffer(pixels, (width, height), "RGB"))
            self._pictures[slot] = (texture, picture)
        texture.draw(dstrect=(area.left, area.top, area.width, area.height))

    def panel(self, slot: str, surface: pygame.Surface, left: int, top: int) -> None:
        """Draw a translucent surface at its own size; uploaded only if it is another one."""
        texture, last = self._panels.get(slot, (None, None))
        if texture is None or surface is not last:
            texture = Texture.from_surface(self._live, surface)
            texture.blend_mode = _ALPHA_BLEND
            self._panels[slot] = (texture, surface)
        self._drawn.add(slot)
        texture.draw(dstrect=(left, top, texture.width, texture.height))

    def present(self) -> None:
        """Show the frame; panels that it did without are forgotten."""
        for slot in self._panels.keys() - self._drawn:
            del self._panels[slot]
        start_s = time.perf_counter()
        self._present()
        self.present_ms = (time.perf_counter() - start_s) * 1e3

    # its life

    def toggle_fullscreen(self) -> None:
        """Borderless over the whole of the display the window is on, or back."""
        self.fullscreen = not self.fullscreen
        if self.fullscreen:
            self._windowed = (self.window.size, self.window.position)
            display = sdl.display_of(self.window)
            self._fill(self._display if display is None else display)
            return
        self.window.set_windowed()
        size, place = self._windowed
        self.window.size = size
        with contextlib.suppress(pygame.error):  # some window systems place windows themselves
            self.window.position = place

    def forget(self) -> None:
        """Drop the textures: the driver has emptied them."""
        self._pictures.clear()
        self._panels.clear()

    def recover(self) -> None:
        """Make a new renderer, or else a new window; raises `pygame.error` if neither can be."""
        self._drop_renderer()
        try:
            self._size = self.window.size
            self._open_renderer()
        except pygame.error:
            log.warning("the window has to be opened anew")
            self.window.destroy()
            self._open()

    def _drop_renderer(self) -> None:
        self.forget()
        self._present = _nothing
        self._renderer = None  # destroyed with its last reference

    def close(self) -> None:
        self._drop_renderer()
        self.window.destroy()


def _nothing() -> None:
    """Presents nothing: there is no renderer."""
