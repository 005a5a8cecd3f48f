"""The terminal of a headless show: one live line of status, one line per event that matters.

The conductor only hands over what is to be written; the printer's thread owns the console.
"""

from __future__ import annotations

import io
import sys
import time
from collections.abc import Callable
from functools import partial
from typing import Final, TextIO, cast

import trio
from rich.console import Console
from rich.text import Text

from engine.beneath import Beneath
from engine.controls import Change, Controls, Snapshot
from engine.logs import PRINTER, Direct, Printer

REFRESH_S: Final = 0.25
BAR_WIDTH: Final = 20
REPEAT_S: Final = 5.0
"""An error that keeps coming is printed once in so many seconds."""

_TROUBLE: Final = frozenset({"stalled", "restarting", "failed", "lost"})
_STATES: Final = ("painter/state", "input/state")


class Terminal:
    """Shows what the controls say; it never changes them.

    On a terminal a status line is redrawn four times a second beneath the printed lines; elsewhere
    (a pipe, a service's log) only lines are printed. A terminal that takes nothing holds up
    nobody: lines wait with `printer`, of the status only the newest. `clock` gives seconds.
    """

    def __init__(
        self,
        controls: Controls,
        console: Console | None = None,
        *,
        printer: Printer = PRINTER,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._controls = controls
        self._console = console or Console(file=cast(TextIO, Direct(sys.stderr or io.StringIO())))
        self._printer = printer
        self._beneath = Beneath(self._console, printer)
        self._clock = clock
        self._printed: dict[str, float] = {}
        self._ends = (controls.listen(self._on_change), controls.on_report(self._on_report))

    def notice(self, text: str) -> None:
        """Print one line about something that happened."""
        self._print(Text(text))

    async def run(self) -> None:
        """Keep the status line until cancelled, then take it away."""
        try:
            if not self._console.is_terminal:
                await trio.sleep_forever()
            while True:
                self._beneath.draw(status(self._controls.snapshot))
                await trio.sleep(REFRESH_S)
        finally:
            for end in self._ends:
                end()
            self._beneath.close()

    def _on_change(self, change: Change) -> None:
        name, value = change.parameter.name, str(change.value)
        # the status line shows the state; only trouble is worth a line beside it
        if name in _STATES and (value in _TROUBLE or not self._console.is_terminal):
            self._print(Text(f"{name}: {value}", "yellow" if value in _TROUBLE else ""))

    def _on_report(self, address: str, text: str, _origin: object) -> None:
        line = f"{address}: {text}"
        now = self._clock()
        self._printed = {old: at for old, at in self._printed.items() if now < at + REPEAT_S}
        if line not in self._printed:
            self._printed[line] = now
            self._print(Text(line, "red"))

    def _print(self, line: Text) -> None:
        write = partial(self._console.print, line, soft_wrap=True)
        self._printer.put(write, cast(TextIO, self._console.file))


def status(snapshot: Snapshot) -> Text:
    """The status line: state (with a bar while loading), fps, latency, source, prompt.

    The prompt stands last and is cut where the terminal is narrow.
    """
    state = snapshot.text("painter/state")
    line = Text(no_wrap=True, overflow="ellipsis")
    line.append(state, "bold red" if state in _TROUBLE else "bold")
    if state == "loading":
        _bar(line, snapshot.number("painter/progress"))
    for id in _fetched(snapshot):
        line.append(f"  {id}", "bold")
        _bar(line, snapshot.number(f"model/{id}/progress"))
        line.append(f" {snapshot.number(f'model/{id}/rate'):.1f} MB/s")
    line.append(f"  {snapshot.number('painter/fps'):.1f} fps")
    line.append(f"  {snapshot.number('painter/latency-ms'):.0f} ms")
    line.append(f"  {snapshot.text('input/source')[:40]}  ", "cyan")
    return line.append(_prompt(snapshot), "italic")


def _bar(line: Text, share: float) -> None:
    share = min(1.0, max(0.0, share))
    done = round(share * BAR_WIDTH)
    line.append("  ").append("━" * done, "green").append("─" * (BAR_WIDTH - done), "dim")
    line.append(f" {share:.0%}")


def _fetched(snapshot: Snapshot) -> list[str]:
    """The base models that are being downloaded."""
    states = (name for name in snapshot.values if name.startswith("model/"))
    return [
        name.split("/")[1]
        for name in states
        if name.endswith("/state") and snapshot.text(name) in ("downloading", "verifying")
    ]


def _prompt(snapshot: Snapshot) -> str:
    """The prompt of the deck that weighs more."""
    deck = "prompt/b" if snapshot.number("prompt/mix") > 0.5 else "prompt/a"
    # one line, whatever a client typed into it
    return " ".join(snapshot.text(deck).split()) or "(the model's own prompt)"
