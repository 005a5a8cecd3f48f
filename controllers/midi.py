"""The MIDI server: opens what is plugged in, plays it, and goes on when a device comes and goes."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

import trio

from controllers.midi_device import Device, Ears
from controllers.midi_inbox import Inbox
from controllers.midi_lookout import Lookout, Ports
from controllers.midi_map import DeviceMap, device_rows
from controllers.midi_player import Touched
from controllers.midi_ports import MidiSystem, open_system
from controllers.midi_seats import Maps, Seat, seats
from engine.controls import Controls
from engine.errors import MidiError
from engine.tempo import Tempo

LOOK_S: Final = 0.5
"""How often it is looked what is plugged in: what comes back plays within a second."""
RETRY_S: Final = 2.0
"""A port that cannot be opened (another program holds it) is tried again after so long."""
TOUCH_LASTS_S: Final = 3.0
"""So long after its last move it is told where a knob stands."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Picture:
    """What decides who sits where."""

    ports: Ports
    maps: Maps
    everything: bool


class MidiServer:
    """Plays `controls` by what MIDI devices send, and shows on them what is.

    `maps` say what plays; `ears` also hear it. `notice` gets one line when a device comes or goes.
    One task owns it, the owner of `controls`. Without a MIDI system it says so once and rests.
    `clock` is the one that MIDI is stamped with, in seconds.
    """

    def __init__(
        self,
        controls: Controls,
        maps: Maps,
        ears: Ears,
        *,
        tempo: Tempo | None = None,
        notice: Callable[[str], None] = lambda _: None,
        system: Callable[[], MidiSystem] = open_system,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        self._controls = controls
        self._maps = maps
        self._ears = ears
        self._tempo = tempo
        self._notice = notice
        self._open_system = system
        self._clock = clock
        self._devices: dict[str, Device] = {}
        self._last: Device | None = None
        self._last_s = -math.inf
        self._failed: dict[str, float] = {}  # until when a seat is left alone
        self._seen: _Picture | None = None
        self._news = trio.Event()
        self._look_now = trio.Event()

    def learned(self, device: DeviceMap) -> None:
        """Play this map from now on instead of the one of its id that was learned before."""
        others = tuple(one for one in self._maps.learned if one.id != device.id)
        mine = (device,) if device.mappings else ()
        self._maps = replace(self._maps, learned=(*others, *mine))
        if self._seen is not None:
            # at once: a knob that was turned meanwhile means the new thing already
            self._remap(self._wanted(replace(self._seen, maps=self._maps)))
        self._look_now.set()

    def wake(self) -> None:
        """Something is due, or learning began or ended."""
        self._news.set()
        if self._seen is not None and self._seen.everything != self._wants_all():
            self._look_now.set()

    @property
    def touched(self) -> Touched | None:
        """What the knob that moved last reached for, for a few seconds; from any thread."""
        device = self._last
        if device is None or self._clock() - self._last_s > TOUCH_LASTS_S:
            return None
        return device.player.touched

    async def run(self, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Play until cancelled. Has started once everything that is plugged in plays."""
        try:
            system = await trio.to_thread.run_sync(self._open_system)
        except MidiError as error:
            self._notice(f"{error}; the show goes on without MIDI")
            task_status.started()
            return
        lookout = Lookout(system, lambda: self._look_now.set())
        try:
            inbox = Inbox(self.wake)
            await lookout.open()
            async with trio.open_nursery() as nursery:
                await self._look(lookout.ports, system, inbox, nursery)
                task_status.started()
                nursery.start_soon(self._keep_time)
                nursery.start_soon(self._watch, lookout, system, inbox, nursery)
        finally:
            await self._leave(list(self._devices))
            with trio.CancelScope(shield=True):
                if await trio.to_thread.run_sync(lookout.close):
                    await trio.to_thread.run_sync(system.close)

    # who is there

    async def _watch(
        self, lookout: Lookout, system: MidiSystem, inbox: Inbox, nursery: trio.Nursery
    ) -> None:
        while True:
            self._controls.publish("midi/received", inbox.received)
            self._controls.publish("midi/lost", inbox.lost)
            with trio.move_on_after(LOOK_S) as pause:
                await self._look_now.wait()
            self._look_now = trio.Event()
            if pause.cancelled_caught:
                lookout.ask()
            await self._look(lookout.ports, system, inbox, nursery)

    def _wants_all(self) -> bool:
        """Whether devices that no map names are listened to as well."""
        ears = self._ears
        learning = ears.learn is not None and ears.learn.learning
        follows = ears.clock is not None and self._controls.get("tempo/source") == "midi"
        return learning or follows or ears.monitor is not None

    async def _look(
        self, ports: Ports, system: MidiSystem, inbox: Inbox, nursery: trio.Nursery
    ) -> None:
        """Open what came, close what went, and what has another map play by that."""
        seen = _Picture(ports, self._maps, self._wants_all())
        now = self._clock()
        dead = [id for id, device in self._devices.items() if device.failure]
        retry = [id for id, until in self._failed.items() if until <= now]
        if seen == self._seen and not dead and not retry:
            return
        self._seen = seen
        try:
            await self._settle(self._wanted(seen), dead, system, inbox, nursery)
            self._publish()
        except Exception as error:  # what escapes here would end the show
            log.exception("looking after MIDI devices failed")
            self._controls.report("midi", f"this went wrong inside: {error!r}; see the log")

    def _wanted(self, seen: _Picture) -> dict[str, Seat]:
        found = seats(seen.ports.inputs, seen.ports.outputs, seen.maps, seen.everything)
        return {seat.id: seat for seat in found}

    def _remap(self, wanted: dict[str, Seat]) -> None:
        """Where the ports stay, let another map play."""
        for id, device in self._devices.items():
            seat = wanted.get(id)
            if seat is not None and seat != device.seat and _same_ports(seat, device.seat):
                self._declare(seat.device)
                device.remap(seat, self._clock())
                self._news.set()

    async def _settle(
        self,
        wanted: dict[str, Seat],
        dead: list[str],
        system: MidiSystem,
        inbox: Inbox,
        nursery: trio.Nursery,
    ) -> None:
        gone = [
            id
            for id, device in self._devices.items()
            if id in dead or id not in wanted or not _same_ports(device.seat, wanted[id])
        ]
        for id in gone:
            seat = self._devices[id].seat
            if id not in wanted and seat.mapped:
                self._notice(f"MIDI: {seat.label} is gone; plugged in again, it goes on")
        await self._leave(gone)
        now = self._clock()
        self._failed = {id: until for id, until in self._failed.items() if id in wanted}
        for id, seat in wanted.items():
            if id not in self._devices and self._failed.get(id, -math.inf) <= now:
                await self._come(seat, system, inbox, nursery)
        self._remap(wanted)

    async def _come(
        self, seat: Seat, system: MidiSystem, inbox: Inbox, nursery: trio.Nursery
    ) -> None:
        self._declare(seat.device)
        device = Device(
            seat, self._controls, self._ears, tempo=self._tempo, wake=self.wake, heard=self._heard
        )
        try:
            # some systems take tens of milliseconds for it
            await trio.to_thread.run_sync(device.open, system, inbox)
        except MidiError as error:
            device.forget()
            if seat.id not in self._failed:
                self._controls.report(f"midi/{seat.id}", f"{error}; it is tried again and again")
            self._failed[seat.id] = self._clock() + RETRY_S
            return
        self._failed.pop(seat.id, None)
        self._devices[seat.id] = device
        device.begin(self._clock(), nursery)
        self.wake()
        if seat.mapped:
            self._notice(f"MIDI: {seat.label} plays as {seat.id}")

    def _declare(self, device: DeviceMap) -> None:
        for row in device_rows(device.id):
            if not self._controls.is_parameter(row.name):
                self._controls.declare(row)

    async def _leave(self, ids: list[str]) -> None:
        """Close devices; at the end of the show, too, when everything is cancelled already."""
        devices = [self._devices.pop(id) for id in ids]
        for device in devices:
            device.end()
        if self._last in devices:
            self._last = None
        with trio.CancelScope(shield=True):
            for device in devices:
                await trio.to_thread.run_sync(device.close)

    def _publish(self) -> None:
        mapped = [device.seat.id for device in self._devices.values() if device.seat.mapped]
        self._controls.publish("midi/devices", ", ".join(sorted(mapped)))

    # time

    def _heard(self, device: Device, at_s: float) -> None:
        self._last, self._last_s = device, at_s

    async def _keep_time(self) -> None:
        while True:
            self._news = trio.Event()
            now = self._clock()
            ticks = [device.tick for device in self._devices.values()]
            if self._ears.learn is not None:
                ticks.append(self._ears.learn.tick)
            due = min((_ticked(tick, now) for tick in ticks), default=math.inf)
            with trio.move_on_after(max(0.0, due - self._clock())):
                await self._news.wait()


def _ticked(tick: Callable[[float], float | None], now: float) -> float:
    """When to be called next; what fails is tried again a little later."""
    try:
        due = tick(now)
    except Exception:  # what escapes here would end the show
        log.exception("MIDI: %r failed", tick)
        return now + RETRY_S
    return math.inf if due is None else due


def _same_ports(one: Seat, other: Seat) -> bool:
    """Whether only the map differs, and that in nothing that is sent when a device comes."""
    return (one.input, one.output, one.device.clock, one.device.setup) == (
        other.input,
        other.output,
        other.device.clock,
        other.device.setup,
    )
