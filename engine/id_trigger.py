"""Triggers that ask for one of a list: by id, or by its number."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from engine.controls import Trigger, Value
from engine.errors import ControlError
from engine.option_readers import shown


def numbered(number: float, ids: Sequence[str]) -> str:
    """The id of that number in the order of the list. Raises `ControlError` where there is none."""
    if number not in range(len(ids)):
        allowed = f"0 to {len(ids) - 1}" if ids else "none, the list is empty"
        # (whoever reports it says of which control)
        raise ControlError(f"nothing has the number {number:g}; allowed: {allowed}")
    return ids[int(number)]


@dataclass(frozen=True)
class IdTrigger(Trigger):
    """A trigger whose first argument is an id, or its number in the order of the list."""

    ids: Callable[[], Sequence[str]] = field(default=tuple, compare=False, repr=False)

    def coerce(self, raw: tuple[object, ...]) -> tuple[Value, ...] | None:
        if raw and isinstance(raw[0], (int, float)):
            raw = (numbered(raw[0], self.ids()), *raw[1:])
        return super().coerce(raw)

    def doubt(self, arguments: tuple[Value, ...]) -> str:
        """Where nothing has this id; the list may be longer later. Nothing where it is unknown."""
        ids = self.ids()
        id = arguments[0] if arguments else ""
        if not ids or not isinstance(id, str) or id in ("", *ids):
            return ""
        near = difflib.get_close_matches(id, ids, n=1)
        family = self.name.partition("/")[0]
        hint = f"did you mean {near[0]}?" if near else f"it plays once there is such a {family}"
        return f"unknown {family} {shown(id)}; {hint}"
