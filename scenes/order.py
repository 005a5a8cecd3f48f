"""Order: which scene comes after which. Decisions on values."""

from __future__ import annotations

from collections.abc import Sequence


def neighbour(count: int, place: int | None, step: int, *, wrap: bool) -> int | None:
    """The place that is `step` (1 or -1) from `place` among `count`; None where it stops.

    From nowhere it is the first, or the last.
    """
    if not count:
        return None
    if place is None:
        return 0 if step > 0 else count - 1
    there = place + step
    return there % count if wrap else there if 0 <= there < count else None


def listed(names: Sequence[str], most_bytes: int = 1000) -> str:
    """The names with commas between; of more than fits, the first and how many follow."""
    text = ", ".join(names)
    if len(text.encode()) <= most_bytes:
        return text
    kept: list[str] = []
    room = most_bytes - len(f", +{len(names)}")
    for name in names:
        room -= len(name.encode()) + 2
        if room < 0:
            break
        kept.append(name)
    return ", ".join([*kept, f"+{len(names) - len(kept)}"])
