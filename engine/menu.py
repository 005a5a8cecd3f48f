"""A list that the performer chooses from: what it shows, as plain values, and where one stands."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class MenuRow:
    """One choice. `number` is the key that loads it, 0 for none.

    `fits`: it can be played now; others are dimmed. `note` says in words why not, or what failed,
    and stands where the rest would. Sizes in MB (0 = not known), `rate` in MB/s, `eta_s` in
    seconds. `progress` is 0..1, None where nothing is under way, and `received_mb` what of it has
    arrived; `weight` is None where it has none. `stays`: it is part of the program.
    """

    id: str
    name: str
    group: str = ""
    number: int = 0
    fits: bool = True
    state: str = ""
    note: str = ""
    size_mb: float = 0.0
    progress: float | None = None
    received_mb: float = 0.0
    rate: float = 0.0
    eta_s: float = 0.0
    weight: float | None = None
    stays: bool = False


@dataclass(frozen=True, slots=True)
class Menu:
    """An open menu. `rows` of one group stand together; `selected` is the id of one of them.

    `question` is asked in that row's place. `about` says what that row is, `detail` in full how it
    stands, and `keys` what can be pressed: (keys, what they do). `everywhere`: the audience shall
    see it, too.
    """

    title: str = ""
    subtitle: str = ""
    rows: tuple[MenuRow, ...] = ()
    selected: str = ""
    question: str = ""
    about: str = ""
    detail: str = ""
    keys: tuple[tuple[str, str], ...] = ()
    everywhere: bool = False

    @property
    def lines(self) -> tuple[str | MenuRow, ...]:
        """The rows, with its name before each group."""
        lines: list[str | MenuRow] = []
        group = None
        for row in self.rows:
            if row.group != group:
                lines.append(row.group)
                group = row.group
            lines.append(row)
        return tuple(lines)


@dataclass(frozen=True, slots=True)
class Cursor:
    """What is selected, and the place where it stood when that was last looked at."""

    id: str = ""
    place: int = 0

    def among(self, ids: Sequence[str]) -> Cursor:
        """The same one, wherever it stands now; of one that has gone, what stands in its place."""
        if self.id in ids:
            return Cursor(self.id, ids.index(self.id))
        if not ids:
            return Cursor()
        place = min(self.place, len(ids) - 1)
        return Cursor(ids[place], place)

    def moved(self, by: int, ids: Sequence[str]) -> Cursor:
        """So many further, at most to an end."""
        here = self.among(ids)
        if not ids:
            return here
        place = max(0, min(len(ids) - 1, here.place + by))
        return Cursor(ids[place], place)


def first_shown(count: int, selected: int, room: int) -> int:
    """The first of `count` lines to show where there is room for `room`, the selected one amid."""
    return max(0, min(selected - room // 2, count - room))
