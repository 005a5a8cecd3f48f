"""Writes down what was learned: behind the show's back, in a thread, in the order it came."""

from __future__ import annotations

import logging
from collections import deque
from pathlib import Path
from typing import Final

import trio

from controllers.midi_learned import Edit, Forgotten, TakenBack, Taught
from controllers.midi_learned_files import LearnedFiles
from controllers.midi_map import DeviceMap
from engine.controls import Controls
from engine.errors import SettingError

ORIGIN: Final = "midi-learn"
"""Who asks, where a file or a knob has something to say about learning."""

_ADDRESS: Final[dict[type[Edit | TakenBack], str]] = {
    Taught: "midi/learn",
    Forgotten: "midi/forget",
    TakenBack: "midi/learn-undo",
}

log = logging.getLogger(__name__)


class LearnedKeeper:
    """Keeps what was learned in the files of `folder`. What cannot be kept is reported.

    `put` never waits: a disk may take its time, and the show does not.
    """

    def __init__(self, folder: Path, controls: Controls) -> None:
        self._controls = controls
        self._files = LearnedFiles(folder, controls)
        self._waiting: deque[Edit | TakenBack] = deque()
        self._news = trio.Event()

    def devices(self) -> list[DeviceMap]:
        """What the files say; blocks."""
        return self._files.devices()

    def put(self, edit: Edit | TakenBack) -> None:
        """Write this down soon, after what was put before."""
        self._waiting.append(edit)
        self._news.set()

    async def run(self) -> None:
        """Write until cancelled; what was put by then is still written."""
        try:
            while True:
                self._news = trio.Event()
                await self._write()
                await self._news.wait()
        finally:
            with trio.CancelScope(shield=True):
                await self._write()

    async def _write(self) -> None:
        while self._waiting:
            edit = self._waiting[0]
            problem = await trio.to_thread.run_sync(self._problem, edit)
            self._waiting.popleft()  # only now: cancelled before the thread began, it waits on
            if problem:
                text = f"{problem}; in this show it counts all the same"
                self._controls.report(_ADDRESS[type(edit)], text, ORIGIN)

    def _problem(self, edit: Edit | TakenBack) -> str:
        """Write it down; why that cannot be, "" where it could."""
        try:
            self._files.write(edit)
        except SettingError as error:
            return str(error)
        except Exception as error:  # what escapes here would end the show
            log.exception("keeping %r failed", edit)
            return f"this went wrong inside: {error!r}; see the log"
        return ""
