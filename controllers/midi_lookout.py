"""What is plugged in, looked at from a thread of its own: a MIDI system may take its time."""

from __future__ import annotations

import contextlib
import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import trio

from controllers.midi_ports import MidiSystem, PortName
from engine.errors import MidiError

OUTPUTS_EVERY: Final = 4
"""Outputs are looked at in every so manieth look only, unless inputs just changed."""
FAREWELL_S: Final = 0.5
"""So long closing waits for a look that is under way."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Ports:
    """All ports there are, ours left out."""

    inputs: tuple[PortName, ...] = ()
    outputs: tuple[PortName, ...] = ()


class Lookout:
    """Looks whenever it is asked to. Made in the conductor.

    `ports` is what was there at the last look. `changed` is called in the conductor when that is
    other than it was before. A MIDI system that does not answer holds up nobody but this thread
    (rtmidi holds the interpreter while it asks, but what it asks of ALSA and JACK lies in memory).
    """

    def __init__(self, system: MidiSystem, changed: Callable[[], None]) -> None:
        self.ports = Ports()
        self._system = system
        self._changed = changed
        self._token = trio.lowlevel.current_trio_token()
        self._hasty = OUTPUTS_EVERY
        self._looks = 0
        self._asked = threading.Event()
        self._closing = False
        self._thread = threading.Thread(target=self._run, name="midi lookout", daemon=True)

    async def open(self) -> None:
        """Look for the first time, and stand by."""
        await trio.to_thread.run_sync(self._look)
        self._thread.start()

    def ask(self) -> None:
        """Look once more, soon. Costs a microsecond or two."""
        self._asked.set()

    def close(self) -> bool:
        """Look no more; False where the MIDI system still has not answered. Blocks a moment."""
        self._closing = True
        self._asked.set()
        if self._thread.ident is not None:
            self._thread.join(FAREWELL_S)
        return not self._thread.is_alive()

    def _run(self) -> None:
        while True:
            self._asked.wait()
            self._asked.clear()
            if self._closing:
                return
            before = self.ports
            self._look()
            if self.ports != before:
                with contextlib.suppress(trio.RunFinishedError):
                    self._token.run_sync_soon(self._changed)

    def _look(self) -> None:
        try:
            inputs = self._system.inputs()
            if inputs != self.ports.inputs:
                self._hasty = OUTPUTS_EVERY  # its output may come a little later than its input
            outputs = self.ports.outputs
            self._looks += 1
            if self._hasty > 0 or self._looks % OUTPUTS_EVERY == 0:
                self._hasty -= 1
                outputs = self._system.outputs()
            self.ports = Ports(inputs, outputs)
        except MidiError as error:  # it stays as it was
            log.warning("%s", error)  # twice a second, should it stay so: not for the performer
        except Exception:  # what escapes here would leave nobody to look
            log.exception("looking for MIDI ports failed")
