"""What the running show tells its operator: in the terminal, and in the overlay's lines."""

from __future__ import annotations

import logging
import sys
import time
from typing import Final

import trio

from controllers.terminal import Terminal
from engine.controls import Controls
from engine.logs import notice, show_notices_with
from engine.overlay import Said
from presets.fetch_progress import Lines, Tell, new_console, say, telling
from presets.wanted import Progress

log = logging.getLogger(__name__)

PREVIEW_AFTER_S: Final = 1.0
"""Headless, a preview is saved once painting has gone on for this long."""


class Told:
    """Lines for the operator, and the newest of them for the overlay.

    `error` and `noticed` come with the `time.monotonic()` they were said at. Lines may come before
    the terminal runs and after it; they are then printed as they are.
    """

    def __init__(self, controls: Controls) -> None:
        self.error: Said = ("", 0.0)
        self.noticed: Said = ("", 0.0)
        self._controls = controls
        self._terminal: Terminal | None = None
        self._tell_fetch: Tell = _unheard
        controls.on_report(self._reported)

    def notice(self, text: str) -> None:
        """Something that a performer wants to know once."""
        self.noticed = (text, time.monotonic())
        notice(text)

    def refused(self, address: str, text: str) -> None:
        """OSC that could not be understood: the sender was told, the operator should see it too."""
        told = f"{address}: {text}" if address else text
        self.error = (told, time.monotonic())
        notice(f"OSC refused: {told}", logging.WARNING)

    def fetched(self, id: str, progress: Progress) -> None:
        """How a download stands."""
        self._tell_fetch(id, progress)

    def _reported(self, address: str, text: str, origin: object) -> None:  # noqa: ARG002
        self.error = (f"{address}: {text}", time.monotonic())
        if self._terminal is not None:  # it hears of it by itself
            log.warning("%s: %s", address, text)
        else:
            notice(f"{address}: {text}", logging.WARNING)

    async def run(self, *, windowed: bool) -> None:
        """With a window, tell how a model arrives. Without one, keep a live status line, and save
        a preview of what is painted.
        """
        try:
            await (self._bars() if windowed else self._status())
        finally:
            self._terminal, self._tell_fetch = None, _unheard
            show_notices_with(None)

    async def _bars(self) -> None:
        console = new_console(sys.stderr)
        if console.is_terminal:
            show_notices_with(lambda line: say(line, console))  # above the bars, not into them
        with telling(console) as self._tell_fetch:
            await trio.sleep_forever()

    async def _status(self) -> None:
        self._terminal = terminal = Terminal(self._controls)
        self._tell_fetch = Lines(terminal.notice).tell
        show_notices_with(terminal.notice)
        async with trio.open_nursery() as parts:
            parts.start_soon(terminal.run)
            parts.start_soon(self._preview)

    async def _preview(self) -> None:
        controls = self._controls
        while controls.get("painter/state") != "painting" or not controls.get("painter/fps"):
            await trio.sleep(0.1)
        await trio.sleep(PREVIEW_AFTER_S)
        controls.fire("snapshot", ("preview",))


def _unheard(id: str, progress: Progress) -> None:
    """While there is no terminal to tell it to."""
