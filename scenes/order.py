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
    """The names, one a line; of more than fit in a message, the first and how many follow.

    A message has up to five bytes more for each of its texts.
    """
    sizes = [len(name.encode()) + 5 for name in names]
    if sum(sizes) <= most_bytes:
        return "\n".join(names)
    room, kept = most_bytes - len(f"+{len(names)}") - 5, 0
    while sizes[kept] <= room:
        room -= sizes[kept]
        kept += 1
    return "\n".join([*names[:kept], f"+{len(names) - kept}"])
