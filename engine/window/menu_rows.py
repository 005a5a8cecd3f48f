"""The lines of the menu as surfaces, in aligned columns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import pygame

from engine.menu import MenuRow
from engine.overlay import clock_text
from engine.window.typeface import AMBER, BLUE, GREEN, GREY, RED, WHITE, Color, Typeface, bar, plate

LINE: Final = 1.5
HEAD: Final = 1.75
"""The heights of a line, and of the one above all, in units."""
DIM: Final[Color] = (112, 121, 134)
VIOLET: Final[Color] = (196, 140, 255)
_PALE_RED: Final[Color] = (255, 168, 162)
_TONES: Final[dict[str, Color]] = {
    "active": GREEN,
    "loading": AMBER,
    "queued": AMBER,
    "resolving": AMBER,
    "downloading": AMBER,
    "verifying": AMBER,
    "installed": WHITE,
    "failed": RED,
}
"""Of a state's dot; the others have a pale one."""
_SELECTED: Final = (255, 255, 255, 34)
_ASKING: Final = (255, 92, 88, 84)
_CAPTION: Final = 0.66

# widths in units
_NUMBER: Final = 1.9
_SIZE: Final = 3.0
_STATE: Final = 9.8
_WIDE_STATE: Final = 15.0
_LEVEL: Final = 4.6
_FIGURE: Final = 2.1
_GAP: Final = 0.7
_NAME: Final = 6.7
_WIDE_NAME: Final = 10.0


@dataclass(frozen=True, slots=True)
class Columns:
    """Where the columns begin and end, in pixels; `size` or `level` is 0 wide for lack of room."""

    width: int
    pad: int
    name: tuple[int, int]
    size: tuple[int, int]
    state: tuple[int, int]
    level: tuple[int, int]
    figure: tuple[int, int]


def columns(width: int, unit: int) -> Columns:
    """The columns of a line so many pixels wide: what is needed least goes first, then names."""
    pad, gap = round(unit * 0.5), round(unit * _GAP)
    wide = {"size": _SIZE, "state": _STATE, "level": _LEVEL, "figure": _FIGURE}
    start = pad + round(unit * _NUMBER)
    for spared, left in (("size", 0.0), ("state", 5.0), ("level", 0.0), ("state", 0.0)):
        needed = sum(round(unit * w) + gap for w in wide.values() if w)
        spare = width - pad - start - needed - round(unit * _NAME)
        if spare >= 0:
            # names first, then states: what went wrong takes words
            more = max(0, spare - round(unit * (_WIDE_NAME - _NAME)))
            wide["state"] = min(wide["state"] + more / unit, _WIDE_STATE) if wide["state"] else 0.0
            break
        wide[spared] = left
    places, right = {}, width - pad
    for column in reversed(wide):
        room = min(round(unit * wide[column]), max(0, right - start))
        places[column] = (right - room, right)
        right -= room + gap if room else 0
    return Columns(width, pad, (start, max(start, right)), **places)


def head_line(title: str, subtitle: str, at: Columns, typeface: Typeface) -> pygame.Surface:
    """What the menu is, and what its columns are."""
    line = pygame.Surface((at.width, round(typeface.unit * HEAD)), pygame.SRCALPHA)
    words = typeface.fitted(title, at.width - 2 * at.pad, 1.4)
    line.blit(words, (at.pad, 0))
    # letters of all sizes stand on one line
    foot = words.height * 0.8
    heads = [(subtitle, (2 * at.pad + words.width, at.size[0]), False, 0.9, GREY)]
    for caption, place, ends in (
        ("MB", at.size, True),
        ("STATE", at.state, False),
        ("WEIGHT", at.level, False),
    ):
        heads.append((caption, place, ends, _CAPTION, DIM))
    for text, (left, right), ends, size, color in heads:
        if right > left:
            head = typeface.fitted(text, right - left, size, color)
            x = right - head.width if ends else left
            line.blit(head, (x, round(foot - head.height * 0.8)))
    return line


def group_line(name: str, at: Columns, typeface: Typeface) -> pygame.Surface:
    """A group's name, and a line to the end."""
    line = pygame.Surface((at.width, round(typeface.unit * LINE)), pygame.SRCALPHA)
    words = typeface.fitted(name.upper(), at.width - 2 * at.pad, _CAPTION, GREY)
    middle = round(line.height * 0.6)
    line.blit(words, (at.pad, middle - words.height // 2))
    left = at.pad + words.width + round(typeface.unit * 0.6)
    rule = pygame.Rect(left, middle, max(0, at.width - at.pad - left), max(1, typeface.unit // 20))
    line.fill((255, 255, 255, 24), rule)
    return line


def row_line(
    row: MenuRow, at: Columns, typeface: Typeface, *, selected: bool, question: str = ""
) -> pygame.Surface:
    """One row; a question stands in the place of all but the number."""
    height = round(typeface.unit * LINE)
    line = pygame.Surface((at.width, height), pygame.SRCALPHA)
    if selected:
        color = _ASKING if question else _SELECTED
        line.blit(plate(at.width, height, round(typeface.unit * 0.35), color), (0, 0))
    if row.number:
        _put(line, _number_cap(row.number, typeface), at.pad)
    if question:
        _put(line, typeface.fitted(question, at.width - at.pad - at.name[0]), at.name[0])
        return line
    usable = row.fits and row.state not in ("absent", "cancelled")
    tone = WHITE if usable else (GREY if row.fits else DIM)
    _put(line, typeface.fitted(row.name, at.name[1] - at.name[0], 1.0, tone), at.name[0])
    if row.size_mb and at.size[1] > at.size[0]:
        room = at.size[1] - at.size[0]
        size = typeface.fitted(_megabytes(row.size_mb), room, 0.9, GREY if row.fits else DIM)
        _put(line, size, at.size[1] - size.width)
    if row.note:
        _put_note(line, row, at, typeface)
    else:
        _put_state(line, row, at, typeface)
        _put_level(line, row, at, typeface)
    return line


def _put(line: pygame.Surface, surface: pygame.Surface, left: int) -> None:
    line.blit(surface, (left, (line.height - surface.height) // 2))


def _number_cap(number: int, typeface: Typeface) -> pygame.Surface:
    side = round(typeface.unit * 1.18)
    cap = plate(side, side, round(typeface.unit * 0.25), (255, 255, 255, 44))
    digit = typeface.text(str(number), 0.85)
    cap.blit(digit, ((side - digit.width) // 2, (side - digit.height) // 2))
    return cap


def _megabytes(size: float) -> str:
    return f"{size:.1f}" if size < 100 else f"{size:,.0f}"


def _dot(row: MenuRow, typeface: Typeface) -> pygame.Surface:
    size = round(typeface.unit * 0.46)
    color = _TONES.get(row.state, DIM)
    if row.state in ("absent", "cancelled"):  # not here: an empty ring
        ring = pygame.Surface((4 * size, 4 * size), pygame.SRCALPHA)
        pygame.draw.circle(ring, GREY, (2 * size, 2 * size), 2 * size, max(1, round(0.7 * size)))
        return pygame.transform.smoothscale(ring, (size, size))
    return plate(size, size, size // 2, (*color, 255))


def _put_note(line: pygame.Surface, row: MenuRow, at: Columns, typeface: Typeface) -> None:
    left, right = at.state[0], at.width - at.pad
    color = DIM
    if row.fits and row.state == "failed":
        color = _PALE_RED
        dot = _dot(row, typeface)
        _put(line, dot, left)
        left += dot.width + round(typeface.unit * 0.4)
    if right > left:
        _put(line, typeface.fitted(row.note, right - left, 0.9, color), left)


def _put_state(line: pygame.Surface, row: MenuRow, at: Columns, typeface: Typeface) -> None:
    left, right = at.state
    dot = _dot(row, typeface)
    if right - left < dot.width:
        return
    _put(line, dot, left)
    left += dot.width + round(typeface.unit * 0.4)
    color = WHITE if row.state in ("active", "loading") else GREY
    if row.progress is not None:
        color = WHITE
    words = typeface.fitted(row.state, max(0, right - left), 0.95, color)
    _put(line, words, left)
    left += words.width + round(typeface.unit * 0.5)
    for pace in _paces(row):
        told = typeface.text(pace, 0.85, GREY)
        if told.width <= right - left:
            _put(line, told, left)
            break


def _paces(row: MenuRow) -> list[str]:
    """How much of it is here, how fast it arrives, how long until it is here: the first that fits.

    What is needed least stands first, and is left out first.
    """
    if row.progress is None:
        return []
    whole = f" of {_megabytes(row.size_mb)}" if row.size_mb else ""
    parts = [
        f"{_megabytes(row.received_mb)}{whole} MB" if row.received_mb else "",
        f"{row.rate:.1f} MB/s" if row.rate else "",
        clock_text(row.eta_s) if row.eta_s else "",
    ]
    told = [part for part in parts if part]
    return ["  ".join(told[first:]) for first in range(len(told))]


def _put_level(line: pygame.Surface, row: MenuRow, at: Columns, typeface: Typeface) -> None:
    """How much has arrived, or how much of it is in the mix: a bar and a figure."""
    width, height = at.level[1] - at.level[0], max(4, round(typeface.unit * 0.36))
    tone = WHITE
    if row.progress is not None:
        level, figure = bar(width, height, row.progress, AMBER), f"{row.progress:.0%}"
    elif row.weight is not None:
        level, figure = weight_bar(width, height, row.weight), f"{row.weight:.2f}"
        tone = WHITE if row.weight else GREY
    else:
        return
    _put(line, level, at.level[0])
    words = typeface.fitted(figure, max(0, at.figure[1] - at.figure[0]), 1.0, tone)
    _put(line, words, at.figure[1] - words.width)


def weight_bar(width: int, height: int, weight: float) -> pygame.Surface:
    """A weight on a track of 0..1: beyond 1 a second bar runs over the first.

    Below 0 they run from the right, in another colour.
    """
    over, color = abs(weight) - 1, BLUE if weight >= 0 else VIOLET
    level = bar(width, height, abs(weight), color)
    if over > 0:
        lap = plate(max(height, round(width * min(1.0, over))), height, height // 2, (*WHITE, 255))
        level.blit(lap, (0, 0))
    return level if weight >= 0 else pygame.transform.flip(level, True, False)
