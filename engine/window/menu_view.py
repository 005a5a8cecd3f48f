"""The menu on a window: which of its lines show, and where. A changed line is drawn alone."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Final

import pygame

from engine.layout import Area
from engine.menu import Menu, MenuRow, first_shown
from engine.window.menu_rows import (
    DIM,
    HEAD,
    LINE,
    Columns,
    columns,
    group_line,
    head_line,
    row_line,
)
from engine.window.panels import key_caps
from engine.window.placing import Kept, Placed
from engine.window.typeface import GREY, WHITE, Typeface, plate

SLOT: Final = "menu"
_SHADE: Final = (13, 15, 20, 232)
_WIDTH: Final = 46
_LARGER: Final = 1.15
"""Read from further away than the board, where there is room."""
_AT_LEAST: Final = 34
"""So many units of the text's size the panel is wide, or else the text is smaller."""
_LINE_OF_TEXT: Final = 1.05
_KEYS: Final = 1.4
_LEAST_LINES: Final = 2
"""Of text below the rows, so that they stay where they are; three where it takes them."""
_MOST_LINES: Final = 3


class MenuView:
    """Lays a menu out at the bottom of an area."""

    def __init__(self) -> None:
        self._typeface = Typeface(0)
        self._kept = Kept()

    def placed(self, menu: Menu, area: Area, unit: int) -> list[Placed]:
        """Its panels, lowest first; `unit` is the size of the window's main text."""
        unit = max(8, min(round(unit * _LARGER), area.width // _AT_LEAST))
        if unit != self._typeface.unit:
            self._typeface = Typeface(unit)
            self._kept.clear()
        lines = menu.lines
        pad, step = round(unit * 0.9), round(unit * LINE)
        width = min(area.width, unit * _WIDTH)
        inner = max(1, width - 2 * pad)
        below = self._kept.surface(
            f"{SLOT} foot",
            (menu.about, menu.detail, menu.keys, inner),
            lambda: _foot(menu, inner, self._typeface),
        )
        head, foot = round(unit * HEAD), below.height
        most = (area.height - head - foot - 2 * pad) // step
        room = max(1, min(len(lines), most))
        height = min(area.height, head + room * step + foot + 2 * pad)
        left = area.left + (area.width - width) // 2
        top = area.top + area.height - height
        at = columns(inner, unit)
        placed = [
            self._place("", (width, height), lambda: plate(width, height, unit, _SHADE), left, top),
            self._place(
                "head",
                (menu.title, menu.subtitle, at),
                lambda: head_line(menu.title, menu.subtitle, at, self._typeface),
                left + pad,
                top + pad,
            ),
        ]
        selected = _place_of(menu, lines)
        first = first_shown(len(lines), selected, room)
        y = top + pad + head
        for line in lines[first : first + room]:
            placed.append(self._line(line, menu, at, left + pad, y))
            y += step
        if room < len(lines):
            thumb = (first, room, len(lines))
            placed.append(
                self._place(
                    "thumb",
                    (thumb, step),
                    lambda: _thumb(*thumb, room * step, max(3, unit // 6)),
                    left + width - round(pad * 0.6),
                    top + pad + head,
                )
            )
        if height >= head + room * step + foot + 2 * pad:
            placed.append(Placed(f"{SLOT} foot", below, left + pad, top + height - pad - foot))
        self._kept.clear(but={panel.slot for panel in placed})
        return placed

    def _line(self, line: str | MenuRow, menu: Menu, at: Columns, left: int, top: int) -> Placed:
        if isinstance(line, str):
            return self._place(
                f"group {line}", at, lambda: group_line(line, at, self._typeface), left, top
            )
        selected = line.id == menu.selected
        question = menu.question if selected else ""
        return self._place(
            f"row {line.id}",
            (line, at, selected, question),
            lambda: row_line(line, at, self._typeface, selected=selected, question=question),
            left,
            top,
        )

    def _place(
        self,
        what: str,
        key: Hashable,
        make: Callable[[], pygame.Surface],
        left: int,
        top: int,
    ) -> Placed:
        slot = f"{SLOT} {what}".rstrip()
        return Placed(slot, self._kept.surface(slot, key, make), left, top)


def _place_of(menu: Menu, lines: tuple[str | MenuRow, ...]) -> int:
    for place, line in enumerate(lines):
        if isinstance(line, MenuRow) and line.id == menu.selected:
            return place
    return 0


def _foot(menu: Menu, width: int, typeface: Typeface) -> pygame.Surface:
    """More about what is selected, and what can be pressed."""
    unit = typeface.unit
    left = pad = round(unit * 0.5)
    texts = _texts(menu, width - 2 * pad, typeface)
    step, top = round(unit * _LINE_OF_TEXT), round(unit * 0.75)
    count = max(_LEAST_LINES, len(texts))
    size = (width, top + count * step + round(unit * _KEYS))
    foot = pygame.Surface(size, pygame.SRCALPHA)
    foot.fill((255, 255, 255, 28), (0, round(unit * 0.35), width, max(1, unit // 16)))
    for place, words in enumerate(texts):
        foot.blit(words, (left, top + place * step))
    for keys, what in menu.keys:
        caps, words = key_caps(keys, typeface), typeface.text(what, 0.85, GREY)
        middle = foot.height - caps.height // 2 - 1
        gap = round(unit * 0.35)
        if left + caps.width + gap + words.width > width - pad:
            break  # the less needed stand last
        foot.blit(caps, (left, middle - caps.height // 2))
        foot.blit(words, (left + caps.width + gap, middle - words.height // 2))
        left += caps.width + gap + words.width + round(unit * 1.1)
    return foot


def _texts(menu: Menu, width: int, typeface: Typeface) -> list[pygame.Surface]:
    """What it is in one line and how it stands in full; trouble that takes them gets all lines."""
    detail = typeface.wrapped(menu.detail, width, _MOST_LINES, 0.85, WHITE) if menu.detail else []
    if not menu.about or len(detail) == _MOST_LINES:
        return detail
    return [typeface.fitted(menu.about, width, 0.85, GREY), *detail]


def _thumb(first: int, room: int, count: int, height: int, width: int) -> pygame.Surface:
    """Which part of a long list shows."""
    track = plate(width, height, width // 2, (255, 255, 255, 30))
    length = max(width, round(height * room / count))
    top = round((height - length) * first / max(1, count - room))
    track.blit(plate(width, length, width // 2, (*DIM, 255)), (0, top))
    return track
