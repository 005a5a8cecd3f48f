"""Plays the controls from one device: what its map says of each gesture, done.

The player keeps no time and sends nothing: messages and the time they came at are handed in.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Final

import mido

from controllers.midi_curves import Span, span_of
from controllers.midi_decode import Chosen, Decoder, Gesture, Moved, Pressed, Released, Turned
from controllers.midi_map import (
    DeviceMap,
    Mapping,
    Mode,
    Source,
    bank_name,
    mode_of,
    pickup_name,
)
from controllers.midi_map_text import source_name
from controllers.midi_takeover import Grip, distance, moved
from engine.controls import Change, Controls, Trigger, Value
from engine.errors import ArtflowError

log = logging.getLogger(__name__)

TICKS: Final = 128
"""Ticks of an encoder over the range, where its map gives no step."""
FAST_S: Final = 0.05
"""Ticks closer together than this are accelerated."""
REPEAT_S: Final = 1.0
"""A refusal that keeps coming is reported once in so long."""


@dataclass(frozen=True, slots=True)
class Touched:
    """The control that a knob last reached for: where the knob stands, and the value.

    `held`: the knob has it, and they are the same but for rounding.
    """

    control: str
    knob: Value
    value: Value
    held: bool


@dataclass(slots=True)
class _Play:
    """A mapping while it is played. `span` is None where its control has no range."""

    mapping: Mapping
    mode: Mode
    span: Span | None
    grip: Grip = field(default_factory=Grip)
    down: bool = False

    @property
    def name(self) -> str:
        return self.mapping.to


class MidiPlayer:
    """Plays `device` on `controls`. Nothing that comes in makes it raise.

    The rows of `device_rows` are declared before. `tell` gets a line for what `due` did, as `take`
    returns for what a message did: for the monitor. Times are seconds on any one clock.
    """

    def __init__(
        self,
        device: DeviceMap,
        controls: Controls,
        tell: Callable[[str], None] = lambda _: None,
    ) -> None:
        self.device = device
        self.origin: Final = object()
        """Who asks when this device plays."""
        self._controls = controls
        self._tell = tell
        self._plays: dict[Source, list[_Play]] = {}
        self._targets: dict[str, list[_Play]] = {}
        for mapping in device.mappings:
            self._add(mapping)
        self._decoder = Decoder(self._plays)
        self._bank = self._bank_now()
        self._playing: _Play | None = None
        self._touched: _Play | None = None
        self._refused: dict[tuple[str, str], float] = {}
        self._end = controls.listen(self._on_change)

    def take(self, message: mido.Message, at_s: float) -> list[str]:
        """Do what a message asks for; one line for each thing done or refused."""
        return self._play(self._decoder.take(message, at_s), at_s)

    def due(self, at_s: float) -> float | None:
        """Do what was waiting for its second half until now; when to be called next."""
        for line in self._play(self._decoder.due(at_s), at_s):
            self._tell(line)
        return self._decoder.due_s

    def disconnected(self) -> None:
        """The device is gone: keys that were held are let go, and its knobs may come back moved."""
        self._decoder.forget()
        self._let_all_go()
        for play in self._all():
            play.grip = play.grip.unseen(None)
        self._show()

    def close(self) -> None:
        """Listen no more. Keys that are held are let go: whoever follows knows nothing of them."""
        self._let_all_go()
        self._end()

    def _let_all_go(self) -> None:
        for source, plays in self._plays.items():
            if any(play.down for play in plays):
                self._play([Released(source)], -math.inf)

    @property
    def touched(self) -> Touched | None:
        """What a knob last reached for; None before, and where nobody knows how it stands."""
        play = self._touched
        if play is None or play.span is None or play.grip.knob is None:
            return None
        knob = play.span.value(play.grip.knob)
        return Touched(play.name, knob, self._controls.get(play.name), play.grip.held)

    def _add(self, mapping: Mapping) -> None:
        controls = self._controls
        try:
            mode = mode_of(mapping, controls)
            trigger = controls.is_trigger(mapping.to)
            span = None if trigger else span_of(mapping, controls.parameter(mapping.to))
        except ArtflowError as error:
            # a map is read before, but what it names may have gone since
            controls.report(f"midi/{self.device.id}", str(error), self)
            return
        play = _Play(mapping, mode, span)
        self._plays.setdefault(mapping.on, []).append(play)
        self._targets.setdefault(mapping.to, []).append(play)

    def _all(self) -> Iterable[_Play]:
        return (play for plays in self._plays.values() for play in plays)

    def _bank_now(self) -> int:
        name = bank_name(self.device.id)
        bank = self._controls.get(name) if self._controls.is_parameter(name) else 1
        assert not isinstance(bank, str)
        return int(bank)

    def _on_change(self, change: Change) -> None:
        name = change.parameter.name
        if name == bank_name(self.device.id):
            self._bank = self._bank_now()
        for play in self._targets.get(name, ()):
            if change.origin is self.origin and play is self._playing:
                continue
            play.grip = play.grip.rearmed()
            if play is self._touched:
                self._show()

    def _show(self) -> None:
        """Publish how far the knob last touched is from its value."""
        name = pickup_name(self.device.id)
        if not self._controls.is_parameter(name):
            return
        play = self._touched
        away = 0.0
        if play is not None and play.span is not None:
            away = distance(play.grip, play.span.place_of(self._controls.get(play.name)))
        self._controls.publish(name, away)

    def _play(self, gestures: Iterable[Gesture], at_s: float) -> list[str]:
        lines: list[str] = []
        for gesture in gestures:
            bank = self._bank  # a key that turns the page is played to its end on the page it left
            for play in self._plays[gesture.source]:
                here = play.mapping.bank in (None, bank)
                line = self._guarded(play, gesture, here, at_s)
                if line:
                    lines.append(f"{source_name(gesture.source)}{line}")
        return lines

    def _guarded(self, play: _Play, gesture: Gesture, here: bool, at_s: float) -> str:
        self._playing = play
        try:
            return self._one(play, gesture) if here else self._elsewhere(play, gesture)
        except ArtflowError as error:
            text = str(error)
        except Exception as error:
            log.exception("playing %s failed", play.name)
            text = f"{play.name} failed: {error!r}"
        finally:
            self._playing = None
        play.grip = play.grip.rearmed()  # the value is not where the knob would have brought it
        self._report(play.name, text, at_s)
        return f" -> refused: {text}"

    def _report(self, name: str, text: str, at_s: float) -> None:
        last_s = self._refused.get((name, text), -math.inf)
        if at_s - last_s >= REPEAT_S or last_s == -math.inf:
            self._refused = {
                key: then_s for key, then_s in self._refused.items() if at_s - then_s < REPEAT_S
            }
            self._refused[name, text] = at_s
            self._controls.report(name, text, self.origin)

    def _elsewhere(self, play: _Play, gesture: Gesture) -> str:
        """A gesture on another page: only what was begun on this one is ended."""
        if isinstance(gesture, Moved) and play.span is not None:
            play.grip = play.grip.unseen(play.span.place(gesture.position))
        if play.down and (isinstance(gesture, Released) or _rose(gesture) is False):
            return self._let_go(play)
        return ""

    def _one(self, play: _Play, gesture: Gesture) -> str:
        match gesture:
            case Moved(_, position, rose):
                if play.mode == "knob":
                    return self._knob(play, position)
                if rose is True:
                    return self._pressed(play, position)
                return self._let_go(play) if rose is False else ""
            case Turned():
                return self._turned(play, gesture)
            case Pressed(_, velocity):
                return self._pressed(play, velocity)
            case Released():
                return self._let_go(play)
            case Chosen(_, number):
                return self._chosen(play, number)

    def _knob(self, play: _Play, position: float) -> str:
        span = play.span
        if span is None:
            return ""
        place = span.place(position)
        value = self._controls.get(play.name)
        few = span.parameter.kind != "f"
        mode = play.mapping.takeover
        play.grip, goal = moved(
            mode, play.grip, place, span.place_of(value), same=few and span.value(place) == value
        )
        self._touched = play
        if goal is None:
            self._show()
            return f" {position:.3f} -> {play.name} waits at {_told(value)}"
        line = self._set(play, span.value(goal))
        self._show()
        return f" {position:.3f}{line}"

    def _turned(self, play: _Play, turned: Turned) -> str:
        span = play.span
        if span is None or play.mode != "knob":
            return ""
        hurry = max(0.0, 1 - turned.interval_s / FAST_S)
        ticks = turned.ticks * (1 + play.mapping.acceleration * hurry)
        by = ticks * _step(play.mapping, span) / abs(span.high - span.low)
        here = play.grip.aim
        if here is None:
            here = span.place_of(self._controls.get(play.name))
        goal = here + (-by if span.invert else by)
        if span.parameter.wrap and play.mapping.range is None:
            goal %= 1.0
        else:
            # a value out of the range is not pulled in: it can only be turned back there
            goal = max(min(0.0, here), min(max(1.0, here), goal))
        play.grip = Grip(aim=goal)
        self._touched = play
        line = self._set(play, span.value(goal))
        self._show()
        return f" {turned.ticks:+d}{line}"

    def _pressed(self, play: _Play, velocity: float) -> str:
        play.down = True
        match play.mode:
            case "trigger":
                return self._fired(play, velocity, whole=False)
            case "set":
                assert play.mapping.value is not None
                return self._set(play, play.mapping.value)
            case _ if play.span is None:
                return ""
            case "toggle":
                up = play.span.place_of(self._controls.get(play.name)) >= 0.5
                return self._set(play, play.span.value(0.0 if up else 1.0))
            case "momentary":
                return self._set(play, play.span.value(play.span.place(1.0)))
            case _:
                return self._set(play, play.span.value(play.span.place(velocity)))

    def _let_go(self, play: _Play) -> str:
        down, play.down = play.down, False
        if not down or play.mode != "momentary" or play.span is None:
            return ""
        return self._set(play, play.span.value(play.span.place(0.0)))

    def _chosen(self, play: _Play, number: int) -> str:
        if play.mode == "trigger":
            return self._fired(play, number, whole=True)
        if play.mode == "set":
            assert play.mapping.value is not None
            return self._set(play, play.mapping.value)
        span = play.span
        if span is None:
            return ""
        if span.parameter.kind == "f" or play.mapping.range is not None:
            return self._set(play, span.value(span.place(number / 127)))
        # of numbered things, a program's number is their number
        return self._set(play, span.parameter.coerce(number))

    def _fired(self, play: _Play, number: float, *, whole: bool) -> str:
        arguments = play.mapping.arguments
        if not arguments and _takes(self._controls.trigger(play.name), whole):
            arguments = (number,)
        self._controls.fire(play.name, arguments, self.origin)
        return f" -> {' '.join([play.name, *map(_told, arguments)])}"

    def _set(self, play: _Play, value: Value) -> str:
        if value != self._controls.get(play.name):
            value = self._controls.set(play.name, value, self.origin)
        return f" -> {play.name} {_told(value)}"


def _takes(trigger: Trigger, whole: bool) -> bool:
    """Whether a trigger wants a number, first of all: a whole one also as a count or an id's.

    One that wants nothing is not given any: a lone 0 is how a button says that it was let go.
    """
    first = trigger.arguments.partition("[")[0][:1]
    return first in ("f", "*") or (whole and first in ("i", "s"))


def _step(mapping: Mapping, span: Span) -> float:
    """What a tick changes, as a number of the span."""
    if mapping.step is not None:
        return mapping.step
    if span.parameter.choices is not None:
        return 1.0
    step = abs(span.high - span.low) / TICKS
    return step if span.parameter.kind == "f" else max(1.0, float(round(step)))


def _rose(gesture: Gesture) -> bool | None:
    return gesture.rose if isinstance(gesture, Moved) else None


def _told(value: Value) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
