"""The overlay on a window: which panels lie where. A panel is drawn anew only when it changes."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass, replace

import pygame

from engine.layout import Area
from engine.overlay import Overlay
from engine.window import panels
from engine.window.typeface import GREY, RED, Typeface

Keys = tuple[tuple[str, str], ...]
"""(key, what it does), in the order they are listed."""


@dataclass(frozen=True, slots=True, eq=False)
class Placed:
    """A panel at a place, in pixels. The same surface at the same place needs no drawing."""

    slot: str
    surface: pygame.Surface
    left: int
    top: int


class OverlayView:
    """Lays the overlay out over `area`: the board below, badges above, messages between."""

    def __init__(self, keys: Keys) -> None:
        self._keys = keys
        self._typeface = Typeface(0)
        self._made: dict[str, tuple[Hashable, pygame.Surface]] = {}

    def placed(
        self, overlay: Overlay, area: Area, now_s: float, *, board: bool, help: bool
    ) -> tuple[Placed, ...]:
        """The panels to draw, lowest first."""
        unit = panels.unit_for(area.width, area.height)
        if unit != self._typeface.unit:
            self._typeface = Typeface(unit)
            self._made.clear()
        placed = [*self._board(overlay, area, now_s)] if board else []
        if help and self._keys:
            table = self._cached("help", None, lambda f: panels.help_table(self._keys, f))
            # above the board where there is room for it
            room = (placed[0].top - area.top) if placed else area.height
            if table.height > room:
                room = area.height
            left = area.left + (area.width - table.width) // 2
            top = area.top + max(0, (room - table.height) // 2)
            placed.append(Placed("help", table, left, top))
        return tuple(placed)

    def _board(self, overlay: Overlay, area: Area, now_s: float) -> list[Placed]:
        margin = round(self._typeface.unit * 0.7)
        inner = Area(
            area.left + margin,
            area.top + margin,
            max(1, area.width - 2 * margin),
            max(1, area.height - 2 * margin),
        )
        board = self._cached(
            "board",
            (inner.width, _board_key(overlay)),
            lambda f: panels.board(overlay, inner.width, f),
        )
        top = inner.top + inner.height - board.height
        placed = [Placed("board", board, inner.left, top)]
        placed += self._messages(overlay, inner, top - margin // 2, now_s)
        flags = (overlay.recording, int(overlay.record_s), overlay.frozen, overlay.blackout)
        if panels.flagged(overlay):
            badges = self._cached("badges", flags, lambda f: panels.badges(overlay, f))
            right = inner.left + inner.width - badges.width
            placed.append(Placed("badges", badges, right, inner.top))
        return placed

    def _messages(self, overlay: Overlay, inner: Area, bottom: int, now_s: float) -> list[Placed]:
        """The error on the left, the notice on the right: in one row, or else in two."""
        placed: list[Placed] = []
        used = 0
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
                bottom -= line.height + self._typeface.unit // 3
                used = 0
            left = inner.left + (inner.width - line.width if used else 0)
            placed.append(Placed(slot, line, left, bottom - line.height))
            used += line.width
        return placed

    def _cached(
        self, slot: str, key: Hashable, make: Callable[[Typeface], pygame.Surface]
    ) -> pygame.Surface:
        known = self._made.get(slot)
        if known is None or known[0] != key:
            known = self._made[slot] = (key, make(self._typeface))
        return known[1]


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
        recording=False,
        record_s=0.0,
        error="",
        notice="",
        error_at_s=0.0,
        notice_at_s=0.0,
        frozen=False,
        blackout=False,
    )
