"""Something drawn beneath what a terminal prints, such as a status line or bars."""

from __future__ import annotations

from functools import partial
from typing import TextIO, cast

from rich.console import Console, RenderableType
from rich.live import Live

from engine.logs import Printer


class Beneath:
    """Draws in the printer's thread; whoever asks never waits. `close` takes the drawing away.

    Every drawing is whole, so of those that wait for the terminal only the newest counts.
    """

    def __init__(self, console: Console, printer: Printer) -> None:
        self._console, self._printer = console, printer
        self._live: Live | None = None  # touched by the printer's thread alone

    def draw(self, drawing: RenderableType) -> None:
        self._printer.draw(partial(self._draw, drawing), self._stream)

    def close(self) -> None:
        self._printer.draw(None, self._stream)
        self._printer.put(self._undraw, self._stream)

    @property
    def _stream(self) -> TextIO:
        return cast(TextIO, self._console.file)

    # in the printer's thread

    def _draw(self, drawing: RenderableType) -> None:
        if self._live is None:
            # its redirection of stdout would make whoever prints wait for the console
            self._live = Live(
                console=self._console,
                auto_refresh=False,
                transient=True,
                redirect_stdout=False,
                redirect_stderr=False,
            )
            self._live.start()
        self._live.update(drawing, refresh=True)

    def _undraw(self) -> None:
        if self._live is not None:
            self._live.stop()
            self._live = None
