"""One device that is plugged in: its ports opened, its player, its lights."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Final

import mido
import trio

from controllers.midi_clock import CLOCK_TYPES, MidiClock
from controllers.midi_clock_out import MidiClockOut
from controllers.midi_inbox import Inbox
from controllers.midi_learn import Learn
from controllers.midi_lights import Lights
from controllers.midi_map import DeviceMap
from controllers.midi_monitor import Monitor
from controllers.midi_outbox import Outbox
from controllers.midi_player import MidiPlayer
from controllers.midi_ports import Closable, MidiSystem
from controllers.midi_seats import Seat
from controllers.midi_wire import Wire
from engine.controls import Controls
from engine.tempo import Tempo

_IDLE: Final = frozenset({"active_sensing", "reset", "tune_request"})


class Ears:
    """Who hears what devices say, beside their own players."""

    def __init__(
        self,
        clock: MidiClock | None = None,
        learn: Learn | None = None,
        monitor: Monitor | None = None,
    ) -> None:
        self.clock = clock
        self.learn = learn
        self.monitor = monitor


class Device:
    """A seat that is taken. `open` and `close` block, `take` and `tick` belong to the conductor."""

    def __init__(
        self,
        seat: Seat,
        controls: Controls,
        ears: Ears,
        *,
        tempo: Tempo | None,
        wake: Callable[[], None],
        heard: Callable[[Device, float], None],
    ) -> None:
        self.seat = seat
        self._controls = controls
        self._ears = ears
        self._tempo = tempo
        self._wake = wake
        self._heard = heard
        self._now_s = 0.0
        self._wire = Wire()
        self._input: Closable | None = None
        self._outbox: Outbox | None = None
        self._clock_out: trio.CancelScope | None = None
        self._play(seat.device)

    def _play(self, device: DeviceMap) -> None:
        self.player = MidiPlayer(device, self._controls, self._told)
        self._lights = Lights(device, self._controls, self._send, self._wake)

    def open(self, system: MidiSystem, inbox: Inbox) -> None:
        """Open its ports; raises `MidiError`, and then none is."""
        if self.seat.output is not None:
            self._outbox = Outbox(system.open_output(self.seat.output), self.seat.label)
        try:
            if self.seat.input is not None:
                self._input = system.open_input(self.seat.input, inbox.door(self.take))
        except BaseException:
            self._close_ports()
            raise

    def begin(self, at_s: float, parts: trio.Nursery) -> None:
        """Its ports are open: set it up, show its lights, give it the clock."""
        for data in self.seat.device.setup:
            self._send(mido.Message.from_bytes(data))
        self._lights.redraw(at_s)
        if self.seat.device.clock == "out" and self._tempo is not None:
            parts.start_soon(self._tick_out, MidiClockOut(self._tempo, self._send))

    async def _tick_out(self, clock: MidiClockOut) -> None:
        with trio.CancelScope() as self._clock_out:
            await clock.run()

    def remap(self, seat: Seat, at_s: float) -> None:
        """Play the same ports by another map, from now on."""
        before = self._lights
        self._end_play()
        self.seat = seat
        self._play(seat.device)
        before.dark(but=self._lights.places)
        self._lights.redraw(at_s)

    @property
    def failure(self) -> str:
        """Why its output died; "" while it lives."""
        return self._outbox.failure if self._outbox is not None else ""

    def end(self) -> None:
        """The show ends, or the device is gone: what belongs to the conductor, closed."""
        if self._clock_out is not None:
            self._clock_out.cancel()
        self.player.disconnected()
        self._lights.dark()
        for data in self.seat.device.farewell:
            self._send(mido.Message.from_bytes(data))
        self._end_play()

    def forget(self) -> None:
        """It could not be opened."""
        self._end_play()

    def _end_play(self) -> None:
        self._lights.close()
        self.player.close()

    def close(self) -> None:
        """Close its ports; the last messages get a moment to leave."""
        self._close_ports()

    def _close_ports(self) -> None:
        if self._input is not None:
            with suppress(Exception):  # of a device that is gone
                self._input.close()
        if self._outbox is not None:
            self._outbox.close()

    def _send(self, message: mido.Message) -> None:
        if self._outbox is not None:
            self._outbox.put(message)

    def _told(self, line: str) -> None:
        if self._ears.monitor is not None:
            self._ears.monitor.tell(self._now_s, self.seat.label, line)

    # what comes in

    def take(self, at_s: float, data: Sequence[int]) -> None:
        """Bytes that came at `at_s` (`time.perf_counter()`)."""
        for message in self._wire.feed(data):
            did = self._do(message, at_s)
            if self._ears.monitor is not None:
                self._ears.monitor.take(at_s, self.seat.label, message, did)

    def _do(self, message: mido.Message, at_s: float) -> Sequence[str]:
        if message.type in _IDLE:
            return ()
        if message.type in CLOCK_TYPES:
            return self._keep_time(message, at_s)
        learn = self._ears.learn
        if (
            learn is not None
            and learn.learning
            # a press from before is ended
            and not self.player.may_let_go(message)
            and learn.hear(self.seat.label, self.seat.id, message, at_s)
        ):
            return ("learning",)
        self._heard(self, at_s)
        self._lights.heard(message, at_s)
        return self.player.take(message, at_s)

    def _keep_time(self, message: mido.Message, at_s: float) -> Sequence[str]:
        if self._ears.clock is None or self.seat.device.clock != "in":
            return ()
        self._ears.clock.take(message, at_s, self.seat.id)
        return ("clock",)

    def tick(self, at_s: float) -> float | None:
        """Do what is due; when it wants to be called next, None if only after `wake`."""
        self._now_s = at_s
        times = [self.player.due(at_s), self._lights.tick(at_s)]
        return min((time for time in times if time is not None), default=None)
