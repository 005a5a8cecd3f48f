"""Panels at their places, and how they are kept: one is drawn anew only when it looks different."""

from __future__ import annotations

from collections.abc import Callable, Container, Hashable
from dataclasses import dataclass

import pygame


@dataclass(frozen=True, slots=True, eq=False)
class Placed:
    """A panel at a place, in pixels. The same surface at the same place needs no drawing."""

    slot: str
    surface: pygame.Surface
    left: int
    top: int


class Kept:
    """The newest surface of each slot."""

    def __init__(self) -> None:
        self._made: dict[str, tuple[Hashable, pygame.Surface]] = {}

    def surface(
        self, slot: str, key: Hashable, make: Callable[[], pygame.Surface]
    ) -> pygame.Surface:
        """The slot's surface, made anew if `key`, all that it shows, is another than before."""
        known = self._made.get(slot)
        if known is None or known[0] != key:
            known = self._made[slot] = (key, make())
        return known[1]

    def clear(self, but: Container[str] = ()) -> None:
        """Forget all slots but these."""
        self._made = {slot: made for slot, made in self._made.items() if slot in but}
