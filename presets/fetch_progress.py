"""How downloads are told on a terminal: bars where it is one, lines where it is none.

What a download's word becomes is decided in plain functions; the printer's thread draws, so that a
terminal that takes nothing holds up no download.
"""

from __future__ import annotations

import io
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import Final, Protocol, TextIO, cast

from rich.console import Console
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from engine.beneath import Beneath
from engine.logs import PRINTER, Direct, Printer, one_line
from engine.overlay import clock_text
from presets.wanted import CHECKED, FINAL, Progress, megabytes

BAR_WIDTH: Final = 20
LINES: Final = 10
"""So many on the way to the end."""
LINE_EVERY_BYTES: Final = 100_000_000
"""Where nobody knows yet how many there will be."""


class Tell(Protocol):
    """Is told how each download stands, by id."""

    def __call__(self, id: str, progress: Progress) -> None: ...


def new_console(stream: TextIO | None = None) -> Console:
    """A console on stdout (or `stream`) for the printer's thread to own."""
    taken = stream or sys.stdout or io.StringIO()
    return Console(file=cast(TextIO, Direct(taken)), highlight=False)


@contextmanager
def telling(console: Console | None = None, printer: Printer = PRINTER) -> Iterator[Tell]:
    """Tell of downloads while the block runs; what it yields is called with every word of them."""
    console = console or new_console()
    lines = Lines(lambda line: say(line, console, printer))
    if not console.is_terminal:
        yield lines.tell
        return
    bars = Bars(console, printer)

    def tell(id: str, progress: Progress) -> None:
        bars.tell(id, progress)
        if progress.state in FINAL:
            lines.tell(id, progress)

    try:
        yield tell
    finally:
        bars.close()
        printer.flush()


def say(text: str, console: Console | None = None, printer: Printer = PRINTER) -> None:
    """Print a line, in turn with all that is told."""
    console = console or new_console()
    write = partial(console.print, Text(one_line(text)), soft_wrap=True)
    printer.put(write, cast(TextIO, console.file))


class Lines:
    """A line at each change of state, and at each tenth of the way."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self._say = say
        self._states: dict[str, tuple[str, str]] = {}
        self._steps: dict[str, int] = {}

    def tell(self, id: str, progress: Progress) -> None:
        # of the many that are asked, only the mirror that gives it is worth a line
        mirror = progress.mirror if progress.state == "downloading" else ""
        state, step = (progress.state, mirror), _step(progress)
        before = self._states.get(id), self._steps.get(id, 0)
        self._states[id], self._steps[id] = state, max(step, before[1])
        if state != before[0] or (progress.state == "downloading" and step > before[1]):
            self._say(f"{id}: {line(progress)}")


def _step(progress: Progress) -> int:
    if progress.total_bytes:
        return int(progress.share * LINES + 1e-6)
    return progress.received_bytes // LINE_EVERY_BYTES


def line(progress: Progress) -> str:
    """`downloading from HF Mirror, 10 %, 2.7 MB of 27.2 MB, 5.1 MB/s, 0:05 left`"""
    if progress.state != "downloading":
        return told(progress)
    share = f"{progress.share:.0%}".replace("%", " %") if progress.total_bytes else ""
    left = f"{clock_text(progress.eta_s)} left" if progress.eta_s else ""
    words = (told(progress), share, amount(progress), rate(progress), left)
    return ", ".join(word for word in words if word)


def told(progress: Progress) -> str:
    """The state, with what belongs to it."""
    match progress.state:
        case "resolving":
            return f"resolving {progress.mirror}".rstrip()
        case "downloading":
            return f"downloading from {progress.mirror}"
        case "installed":
            return f"installed; {CHECKED.get(progress.checked, 'checked')}"
        case "cancelled":
            return progress.error or "cancelled"
        case state:
            return state


def amount(progress: Progress) -> str:
    """`2.7 MB of 27.2 MB`; only what has arrived where the whole is not known."""
    total = f" of {megabytes(progress.total_bytes)}" if progress.total_bytes else ""
    return f"{megabytes(progress.received_bytes)}{total}" if progress.received_bytes else ""


def counted(progress: Progress) -> str:
    """As `amount`, in less room: `2.7/27.2 MB`."""
    total = f"/{progress.total_bytes / 1e6:,.1f}" if progress.total_bytes else ""
    return f"{progress.received_bytes / 1e6:,.1f}{total} MB"


def rate(progress: Progress) -> str:
    return f"{megabytes(round(progress.rate))}/s" if progress.rate else ""


def bars(standing: Mapping[str, Progress]) -> Table:
    """The downloads beneath one another: id, bar, MB, rate, time left, mirror or state."""
    table = Table.grid(padding=(0, 1))
    table.add_column(no_wrap=True, overflow="ellipsis")
    table.add_column(max_width=BAR_WIDTH)  # where the terminal is narrow, the bar gives way
    for _ in range(4):
        table.add_column(no_wrap=True, overflow="ellipsis")
    for id, progress in standing.items():
        moving = progress.state == "downloading"
        table.add_row(
            Text(one_line(id), "bold"),
            ProgressBar(1.0, progress.share),
            counted(progress),
            rate(progress) if moving else "",
            clock_text(progress.eta_s) if moving and progress.eta_s else "",
            Text(one_line(progress.mirror if moving else told(progress)), "cyan"),
        )
    return table


class Bars:
    """Draws the downloads that are on their way, beneath what is printed, until `close`."""

    def __init__(self, console: Console, printer: Printer = PRINTER) -> None:
        self._standing: dict[str, Progress] = {}
        self._beneath = Beneath(console, printer)

    def tell(self, id: str, progress: Progress) -> None:
        self._standing[id] = progress
        if progress.state in FINAL:
            del self._standing[id]
        self._beneath.draw(bars(self._standing))

    def close(self) -> None:
        self._beneath.close()
