"""The overlay on a window: which panels lie where. A panel is drawn anew only when it changes."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import replace
from typing import Final

import pygame

from engine.layout import Area
from engine.menu import Menu
from engine.overlay import Overlay
from engine.window import panels
from engine.window.menu_view import MenuView
from engine.window.placing import Kept, Placed
from engine.window.typeface import GREY, RED, Typeface

MenuRoom = Callable[[Area], Area]
"""Of the room above the board, the part that is the menu's, below the badges."""
Keys = tuple[tuple[str, str], ...]
"""(key, what it does), in the order they are listed."""
_MENU_AT_LEAST: Final = 14
"""In units: a lower menu would show too little."""


class OverlayView:
    """Lays the overlay out over `area`: the board below, badges above, the rest between."""

    def __init__(self, keys: Keys, menu_room: MenuRoom = lambda between: between) -> None:
        self._keys = keys
        self._menu_room = menu_room
        self._typeface = Typeface(0)
        self._kept = Kept()
        self._menu = MenuView()

    def placed(
        self,
        overlay: Overlay,
        area: Area,
        now_s: float,
        *,
        board: bool,
        help: bool,
        menu: bool = False,
    ) -> tuple[Placed, ...]:
        """The panels to draw, lowest first."""
        unit = panels.unit_for(area.width, area.height)
        if unit != self._typeface.unit:
            self._typeface = Typeface(unit)
            self._kept.clear()
        margin = round(unit * 0.7)
        inner = Area(
            area.left + margin,
            area.top + margin,
            max(1, area.width - 2 * margin),
            max(1, area.height - 2 * margin),
        )
        placed = self._board(overlay, inner) if board else []
        # between pictures and board, a row for messages
        bottom = placed[0].top - margin // 2 if board else inner.top + inner.height
        shown = overlay.menu if menu else None
        messages: list[Placed] = []
        if board or (shown is not None and not shown.everywhere):
            messages = self._messages(overlay, inner, bottom, now_s)
            placed += messages
        top = inner.top
        if board and panels.flagged(overlay):
            badges = self._badges(overlay, inner)
            top += badges.surface.height + margin // 2
            placed.append(badges)
        if shown is not None:
            line = bottom - round(1.7 * unit)
            lowest = min([line, *(panel.top - unit // 3 for panel in messages)])
            placed += self._menu_between(shown, inner, top, lowest)
        if help and self._keys:
            placed.append(self._help(area, placed[0].top - area.top if board else area.height))
        return tuple(placed)

    def _board(self, overlay: Overlay, inner: Area) -> list[Placed]:
        board = self._cached(
            "board",
            (inner.width, _board_key(overlay)),
            lambda f: panels.board(overlay, inner.width, f),
        )
        return [Placed("board", board, inner.left, inner.top + inner.height - board.height)]

    def _badges(self, overlay: Overlay, inner: Area) -> Placed:
        flags = (overlay.recording, int(overlay.record_s), overlay.frozen, overlay.blackout)
        badges = self._cached("badges", flags, lambda f: panels.badges(overlay, f))
        return Placed("badges", badges, inner.left + inner.width - badges.width, inner.top)

    def _menu_between(self, menu: Menu, inner: Area, top: int, bottom: int) -> list[Placed]:
        unit = self._typeface.unit
        if bottom - top < _MENU_AT_LEAST * unit:
            top, bottom = inner.top, inner.top + inner.height  # over the board
        room = self._menu_room(replace(inner, height=bottom - inner.top))
        top = max(top, room.top)
        height = room.top + room.height - top
        return self._menu.placed(menu, replace(room, top=top, height=height), unit)

    def _help(self, area: Area, room: int) -> Placed:
        """The table of keys: above the board where there is room for it."""
        table = self._cached("help", None, lambda f: panels.help_table(self._keys, f))
        if table.height > room:
            room = area.height
        left = area.left + (area.width - table.width) // 2
        return Placed("help", table, left, area.top + max(0, (room - table.height) // 2))

    def _messages(self, overlay: Overlay, inner: Area, bottom: int, now_s: float) -> list[Placed]:
        """The error on the left, the notice on the right: in one row, or else in two."""
        placed: list[Placed] = []
        used, top = 0, bottom
        for slot, text, tone, shows in (
            ("error", overlay.error, RED, overlay.error_shows(now_s)),
            ("notice", overlay.notice, GREY, overlay.notice_shows(now_s)),
        ):
            alpha = round(shows, 1)
            if alpha <= 0:
                continue
            key = (text, alpha, inner.width)
            line = self._cached(slot, key, _message(text, tone, alpha, inner.width))
            if used and used + line.width + self._typeface.unit > inner.width:
                bottom = top - self._typeface.unit // 3
                used = 0
            left = inner.left + (inner.width - line.width if used else 0)
            top = bottom - line.height
            placed.append(Placed(slot, line, left, top))
            used += line.width
        return placed

    def _cached(
        self, slot: str, key: Hashable, make: Callable[[Typeface], pygame.Surface]
    ) -> pygame.Surface:
        return self._kept.surface(slot, key, lambda: make(self._typeface))


def _message(
    text: str, tone: tuple[int, int, int], alpha: float, width: int
) -> Callable[[Typeface], pygame.Surface]:
    return lambda typeface: panels.message(text, tone, alpha, width, typeface)


def _board_key(overlay: Overlay) -> Overlay:
    """The overlay without what the board does not show, to the digits that it shows."""
    return replace(
        overlay,
        painted_fps=round(overlay.painted_fps, 1 if overlay.painted_fps < 10 else None),
        latency_ms=round(overlay.latency_ms),
        strength=round(overlay.strength, 2),
        painter_progress=round(overlay.painter_progress, 2),
        playing=tuple((name, round(weight, 2)) for name, weight in overlay.playing),
        recording=False,
        record_s=0.0,
        error="",
        notice="",
        error_at_s=0.0,
        notice_at_s=0.0,
        frozen=False,
        blackout=False,
        menu=None,
    )
