"""Type and rounded shapes for panels, in pygame's bundled font, cached."""

from __future__ import annotations

from collections import OrderedDict
from typing import Final

import pygame

Color = tuple[int, int, int]
WHITE: Final[Color] = (242, 245, 248)
GREY: Final[Color] = (150, 160, 174)
GREEN: Final[Color] = (92, 214, 150)
AMBER: Final[Color] = (255, 184, 76)
RED: Final[Color] = (255, 92, 88)
BLUE: Final[Color] = (104, 178, 255)

_CACHED: Final = 256
_FINER: Final = 4  # shapes are drawn so much larger, then scaled down: smooth edges
_FINER_TEXT: Final = 3  # and text: at its final size, hinting would space the letters unevenly


class Typeface:
    """Text in a few sizes relative to `unit`, the height in pixels of the main text."""

    def __init__(self, unit: int) -> None:
        self.unit = unit
        self._fonts: dict[int, pygame.Font] = {}
        self._texts: OrderedDict[tuple[str, float, Color], pygame.Surface] = OrderedDict()

    def _font(self, size: float) -> pygame.Font:
        pixels = max(8, round(self.unit * size)) * _FINER_TEXT
        if pixels not in self._fonts:
            self._fonts[pixels] = pygame.font.Font(None, pixels)
        return self._fonts[pixels]

    def text(self, text: str, size: float = 1.0, color: Color = WHITE) -> pygame.Surface:
        """One line of text on nothing; the same surface for the same text."""
        key = (text, size, color)
        surface = self._texts.get(key)
        if surface is None:
            large = self._font(size).render(_printable(text) or " ", True, color)
            small = (-(-large.width // _FINER_TEXT), -(-large.height // _FINER_TEXT))
            surface = self._texts[key] = pygame.transform.smoothscale(large, small)
            if len(self._texts) > _CACHED:
                self._texts.popitem(last=False)
        self._texts.move_to_end(key)
        return surface

    def fitted(
        self, text: str, width: int, size: float = 1.0, color: Color = WHITE
    ) -> pygame.Surface:
        """`text` cut to `width` pixels, with an ellipsis where something was cut."""
        text = _printable(text)
        if not self._fits(text, width, size):
            text = self._beginning(text, width, size, "…").rstrip() + "…"
        return self.text(text, size, color)

    def wrapped(
        self, text: str, width: int, most: int, size: float = 1.0, color: Color = WHITE
    ) -> list[pygame.Surface]:
        """`text` in at most `most` lines of `width` pixels; an ellipsis only where more is left."""
        rest = _printable(text).strip()
        lines: list[pygame.Surface] = []
        while len(lines) < most - 1 and not self._fits(rest, width, size):
            beginning = self._beginning(rest, width, size)
            space = rest.rfind(" ", 0, len(beginning) + 1)
            # what has no spaces, such as a path, is broken anywhere
            cut = space if space > len(beginning) // 2 else max(1, len(beginning))
            lines.append(self.text(rest[:cut].rstrip(), size, color))
            rest = rest[cut:].lstrip()
        return [*lines, self.fitted(rest, width, size, color)]

    def _fits(self, text: str, width: int, size: float) -> bool:
        return self._font(size).size(text)[0] <= width * _FINER_TEXT

    def _beginning(self, text: str, width: int, size: float, end: str = "") -> str:
        """As much of `text` as has room in `width` pixels, together with `end`."""
        low, high = 0, len(text)
        while low < high:
            middle = (low + high + 1) // 2
            if self._fits(text[:middle].rstrip() + end, width, size):
                low = middle
            else:
                high = middle - 1
        return text[:low]


def _printable(text: str) -> str:
    """Without what a font refuses (NUL, half a character) or has no glyph for (a line break)."""
    return "".join(c if c.isprintable() else " " for c in text)


def plate(width: int, height: int, radius: int, color: tuple[int, int, int, int]) -> pygame.Surface:
    """A rounded, translucent rectangle with smooth corners."""
    surface = pygame.Surface((width, height), pygame.SRCALPHA)
    radius = min(radius, width // 2, height // 2)
    surface.fill(color)
    if radius < 1:
        return surface
    large = pygame.Surface((2 * radius * _FINER,) * 2, pygame.SRCALPHA)
    large.fill((*color[:3], 0))
    pygame.draw.circle(large, color, (radius * _FINER,) * 2, radius * _FINER)
    disc = pygame.transform.smoothscale(large, (2 * radius,) * 2)
    for x, from_x in ((0, 0), (width - radius, radius)):
        for y, from_y in ((0, 0), (height - radius, radius)):
            corner = pygame.Rect(from_x, from_y, radius, radius)
            surface.fill((0, 0, 0, 0), (x, y, radius, radius))
            surface.blit(disc, (x, y), corner, pygame.BLEND_RGBA_ADD)
    return surface


def bar(width: int, height: int, share: float, color: Color) -> pygame.Surface:
    """A filled level between 0 and 1 on a faint track."""
    surface = plate(width, height, height // 2, (255, 255, 255, 46))
    filled = round(width * max(0.0, min(1.0, share)))
    if filled >= height:
        surface.blit(plate(filled, height, height // 2, (*color, 255)), (0, 0))
    elif filled > 0:
        surface.blit(plate(height, height, height // 2, (*color, 255)), (0, 0))
    return surface
