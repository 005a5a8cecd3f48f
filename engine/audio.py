"""Audio: what is heard, as the controls `audio/*`, which modulators follow.

The show listens to what it was told to, and to nothing by itself: a microphone is somebody's ear.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import Final

import trio

from engine.controls import Change, Controls
from engine.errors import SoundError
from engine.hearing import Heard
from engine.modulators import AUDIO
from engine.motion import next_tick
from engine.parameters import HEARD, MODULATORS
from engine.sounds import Sound, open_sound

log = logging.getLogger(__name__)

TOLD_PER_S: Final = 60

TRIED_EVERY_S: Final = 5.0
"""How often a sound that is gone, or was never there, is tried again."""

SHAPED: Final = frozenset(f"mod/{number}/shape" for number in MODULATORS)

DEAF: Final = "nothing is listened to; start the show with --audio default, or with a file:PATH"


class Audio:
    """Listens to `wanted` ("" = nothing) and tells what is heard. Missing sound ends no show.

    `open` makes a `Sound` of `wanted`, in a thread; it may block, and raise `SoundError`.
    """

    def __init__(
        self,
        controls: Controls,
        wanted: str,
        *,
        notice: Callable[[str], None] = lambda _line: None,
        open: Callable[[str], Sound] = open_sound,
    ) -> None:
        self._controls = controls
        self._wanted = wanted
        self._notice = notice
        self._open = open
        self._told = ""
        if not wanted:
            controls.listen(self._on_change)
            for number in MODULATORS:
                self._judge(f"mod/{number}/shape", None)

    def _on_change(self, change: Change) -> None:
        if change.parameter.name in SHAPED:
            self._judge(change.parameter.name, change.origin)

    def _judge(self, name: str, origin: object) -> None:
        """Somebody lets a modulator follow the sound, and there is none."""
        if self._controls.get(name) in AUDIO:
            self._controls.report(name, DEAF, origin)

    async def run(self) -> None:
        """Listen, and again when the sound has gone, until cancelled."""
        while self._wanted:
            sound = await self._opened()
            if sound is not None:
                try:
                    await self._tell(sound)
                finally:
                    self._say(Heard())
                    with trio.CancelScope(shield=True):
                        await trio.to_thread.run_sync(sound.close)
            self._controls.publish("audio/state", "lost")
            await trio.sleep(TRIED_EVERY_S)

    async def _opened(self) -> Sound | None:
        try:
            sound = await self._open_beside()
        except SoundError as error:
            self._once(f"audio: {error}")
            return None
        except Exception as error:  # somebody else's driver: the show does not end for it
            log.exception("opening the sound")
            self._once(f"audio: it cannot be opened: {type(error).__name__}: {error}")
            return None
        self._once(f"audio: hears {sound.name}")
        return sound

    async def _open_beside(self) -> Sound:
        """Open it in a thread that the end of the show does not wait for: drivers hang."""
        wanted, lock, late = self._wanted, threading.Lock(), False
        found: list[Sound] = []

        def open() -> None:
            sound = self._open(wanted)
            with lock:
                found.append(sound)
                if not late:
                    return
            sound.close()

        try:
            await trio.to_thread.run_sync(open, abandon_on_cancel=True)
        except trio.Cancelled:
            with lock:
                late = True
                unheard = tuple(found)
            for sound in unheard:
                sound.close()
            raise
        return found[0]

    def _once(self, line: str) -> None:
        """Tell it, unless it is what was told last: it is tried again and again."""
        if line != self._told:
            self._told = line
            self._notice(line)

    async def _tell(self, sound: Sound) -> None:
        """Publish what is heard until the sound ends by itself."""
        self._controls.publish("audio/state", "live")
        while (reason := sound.lost) is None:
            self._say(sound.heard)
            await trio.sleep_until(next_tick(trio.current_time() + 0.5 / TOLD_PER_S))
        self._once(f"audio: {reason}; it is tried again")

    def _say(self, heard: Heard) -> None:
        for name in HEARD:
            # rounded: what nobody could see wakes nobody
            self._controls.publish(f"audio/{name}", round(getattr(heard, name), 3))
