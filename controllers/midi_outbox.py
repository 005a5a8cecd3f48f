"""What is sent to a device: from a thread of its own, so that a slow one holds nobody up."""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from typing import Any, Final

import mido

from controllers.midi_ports import Sender
from engine.errors import MidiError

MAX_EVENTS: Final = 256
"""A device that takes nothing keeps so many clock messages waiting; older ones are dropped."""
MAX_STATE: Final = 4096
"""As many as a device has lights, and more; of what is still new then, the oldest is dropped."""
FAREWELL_S: Final = 0.3
"""So long closing waits for the last messages to leave."""
LINGER_S: Final = 0.05
"""A system that hands messages on in periods (JACK) loses what came in the last before closing."""

_CHANNELLED: Final = {
    "note_on": "note",
    "note_off": "note",
    "polytouch": "note",
    "control_change": "control",
}

log = logging.getLogger(__name__)


class Outbox:
    """Messages for one output. Of a light only the newest waits, so that nothing piles up.

    `put` never blocks. `failure` says why the output died, once it has ("" while it lives); from
    then on messages are dropped.
    """

    def __init__(self, port: Sender, name: str = "") -> None:
        self.failure = ""
        self._port = port
        self._state: dict[object, mido.Message] = {}
        self._events: deque[mido.Message] = deque(maxlen=MAX_EVENTS)
        self._wanted = threading.Condition()
        self._closing = False
        self._thread = threading.Thread(target=self._send, name=f"midi out {name}", daemon=True)
        self._thread.start()

    def put(self, message: mido.Message) -> None:
        """Send it soon. Lights replace their own waiting messages; clock keeps its order."""
        with self._wanted:
            if self.failure or self._closing:
                return
            if message.is_realtime or message.type == "songpos":
                self._events.append(message)
            else:
                key = _key(message)
                self._state.pop(key, None)  # the newest comes last, whenever its first one came
                self._state[key] = message
                if len(self._state) > MAX_STATE:
                    del self._state[next(iter(self._state))]
            self._wanted.notify()

    def close(self, wait_s: float = FAREWELL_S) -> None:
        """Let what waits leave, for `wait_s` at most, and close the port.

        A port that is stuck in its driver is left to its thread, which closes it should it return.
        """
        with self._wanted:
            self._closing = True
            self._wanted.notify()
        self._thread.join(wait_s)

    def _send(self) -> None:
        try:
            while (message := self._next()) is not None:
                self._port.send(message.bin())
            time.sleep(LINGER_S)
        except MidiError as error:
            log.warning("%s", error)
            with self._wanted:
                self.failure = str(error)
                self._state.clear()
                self._events.clear()
        finally:
            try:
                self._port.close()
            except Exception as error:  # of a device that is gone
                log.info("closing a MIDI output: %r", error)

    def _next(self) -> mido.Message | None:
        """The message to send now, waited for; None once there is none and we close."""
        with self._wanted:
            while not (self._events or self._state or self._closing):
                self._wanted.wait()
            if self._events:
                return self._events.popleft()
            if self._state:
                return self._state.pop(next(iter(self._state)))
            return None


def _key(message: Any) -> object:
    """What the message is the state of: two with one key show the same light."""
    kind = "note" if message.type in ("note_on", "note_off") else message.type
    if message.type == "sysex":
        return bytes(message.data)
    number = getattr(message, _CHANNELLED.get(message.type, ""), None)
    return (kind, getattr(message, "channel", None), number)
