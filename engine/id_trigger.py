"""Triggers that ask for one of a list: by id, or by its number."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from engine.controls import Trigger, Value
from engine.errors import ControlError


@dataclass(frozen=True)
class IdTrigger(Trigger):
    """A trigger whose first argument is an id, or its number in the order of the list."""

    ids: Callable[[], Sequence[str]] = field(default=tuple, compare=False, repr=False)

    def coerce(self, raw: tuple[object, ...]) -> tuple[Value, ...] | None:
        if raw and isinstance(raw[0], (int, float)):
            raw = (self._numbered(raw[0]), *raw[1:])
        return super().coerce(raw)

    def _numbered(self, number: float) -> str:
        ids = self.ids()
        if number not in range(len(ids)):
            allowed = f"0 to {len(ids) - 1}" if ids else "none, the list is empty"
            raise ControlError(
                f"{self.name}: nothing has the number {number:g}; allowed: {allowed}"
            )
        return ids[int(number)]
