"""Controls: the one address space that everything plays and everything reads.

A *parameter* holds a value, a *trigger* happens. Both are declared once, in a table; OSC addresses,
MIDI targets, scene keys and the printed reference derive from the declaration.

One task owns a `Controls` (the conductor's trio thread): only it sets and fires. Other threads read
`committed`, an immutable snapshot that is replaced whole between the conductor's turns, so that a
bundle of changes is never seen half done.
"""

from __future__ import annotations

import difflib
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import NamedTuple

from engine.declarations import FORMS as FORMS
from engine.declarations import MAX_TEXT_BYTES as MAX_TEXT_BYTES
from engine.declarations import Parameter as Parameter
from engine.declarations import Trigger as Trigger
from engine.declarations import Value as Value
from engine.errors import ControlError, UnknownControl


class Change(NamedTuple):
    """A parameter has a new value. `origin` is whoever asked; `clamped` if it got another value."""

    parameter: Parameter
    value: Value
    origin: object
    clamped: bool


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Every parameter's value at one moment; `seq` grows with each change."""

    seq: int
    values: Mapping[str, Value]

    def number(self, name: str) -> float:
        value = self.values[name]
        assert not isinstance(value, str), name
        return value

    def text(self, name: str) -> str:
        return str(self.values[name])


ChangeListener = Callable[[Change], None]
TriggerHandler = Callable[[tuple[Value, ...], object], None]
Report = Callable[[str, str, object], None]
"""(address, one line of text, origin): something was refused or went wrong."""


@dataclass
class Controls:
    """The address space: values, their listeners, triggers and their handlers.

    `set` stores the *target* of a parameter. Where a parameter slews, `moving` is asked to bring
    the snapshot's value there in time; without it every change arrives at once.
    """

    _parameters: dict[str, Parameter] = field(default_factory=dict)
    _triggers: dict[str, Trigger] = field(default_factory=dict)
    _values: dict[str, Value] = field(default_factory=dict)
    _live: dict[str, Value] = field(default_factory=dict)
    _offsets: dict[str, float] = field(default_factory=dict)
    _shares: dict[str, float] = field(default_factory=dict)
    _handlers: dict[str, TriggerHandler] = field(default_factory=dict)
    _listeners: list[ChangeListener] = field(default_factory=list)
    _reporters: list[Report] = field(default_factory=list)
    _snapshot: Snapshot = field(default_factory=lambda: Snapshot(0, MappingProxyType({})))
    _stale: bool = False
    _untold: deque[Change] = field(default_factory=deque)
    _telling: bool = False
    _seq: int = 0
    moving: Callable[[Parameter, Value, Value], bool] | None = None
    wake: Callable[[], None] = lambda: None
    """Called when something changed since the last `commit`."""
    committed: Snapshot = field(default_factory=lambda: Snapshot(0, MappingProxyType({})))
    """The newest whole snapshot. Safe to read from any thread."""

    # declaring

    def declare(self, *entries: Parameter | Trigger) -> None:
        """Add rows to the address space. A name can be declared once."""
        for entry in entries:
            if entry.name in self._parameters or entry.name in self._triggers:
                raise ValueError(f"{entry.name} is declared twice")
            if isinstance(entry, Trigger):
                self._triggers[entry.name] = entry
                continue
            self._parameters[entry.name] = entry
            self._values[entry.name] = self._live[entry.name] = entry.default
        self._touch()

    def on(self, trigger: str, handler: TriggerHandler) -> None:
        """Let `handler(arguments, origin)` answer a declared trigger; one handler each."""
        if trigger not in self._triggers:
            raise ValueError(f"{trigger} is not a declared trigger")
        if trigger in self._handlers:
            raise ValueError(f"{trigger} already has a handler")
        self._handlers[trigger] = handler

    def listen(self, listener: ChangeListener) -> Callable[[], None]:
        """Call `listener(change)` after every change; returns a function that ends it."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    def on_report(self, reporter: Report) -> Callable[[], None]:
        """Call `reporter(address, text, origin)` when something went wrong; returns an end."""
        self._reporters.append(reporter)
        return lambda: self._reporters.remove(reporter)

    def report(self, address: str, text: str, origin: object = None) -> None:
        """Tell the performer, in one line, that something was refused or went wrong."""
        for reporter in tuple(self._reporters):
            reporter(address, text, origin)

    # reading

    def parameter(self, name: str) -> Parameter:
        """The declaration of `name`; raises `UnknownControl` with the nearest names."""
        try:
            return self._parameters[name]
        except KeyError:
            raise self._unknown(name) from None

    def trigger(self, name: str) -> Trigger:
        try:
            return self._triggers[name]
        except KeyError:
            raise self._unknown(name) from None

    def parameters(self) -> Iterator[Parameter]:
        return iter(tuple(self._parameters.values()))

    def triggers(self) -> Iterator[Trigger]:
        return iter(tuple(self._triggers.values()))

    def is_parameter(self, name: str) -> bool:
        return name in self._parameters

    def is_trigger(self, name: str) -> bool:
        return name in self._triggers

    def get(self, name: str) -> Value:
        """The value last set (where a slewing value is heading)."""
        self.parameter(name)
        return self._values[name]

    def at(self, name: str) -> Value:
        """Where a value is now, half-way where it slews; without what rides on it."""
        self.parameter(name)
        return self._live[name]

    @property
    def snapshot(self) -> Snapshot:
        """Every value as it is now, slewing ones half-way and ridden ones off; for the owner."""
        if self._stale:
            self._stale = False
            values = dict(self._live)
            for name, offset in self._offsets.items():
                shown = offset * self._shares.get(name, 1.0)
                values[name] = self._parameters[name].ridden(values[name], shown)
            self._snapshot = Snapshot(self._seq, MappingProxyType(values))
        return self._snapshot

    def commit(self) -> Snapshot:
        """Show the world every change made so far, at once."""
        self.committed = self.snapshot
        return self.committed

    # playing

    def set(self, name: str, raw: object, origin: object = None) -> Value:
        """Store what `raw` asks for, clamped, and tell the listeners; returns the stored value."""
        parameter = self._parameters.get(name) or self.parameter(name)
        if parameter.read_only:
            raise ControlError(f"{name} is a reported value and cannot be set")
        value = parameter.coerce(raw)
        clamped = raw != value and _differs(parameter, raw, value)
        self._store(parameter, value, origin, clamped)
        return value

    def set_normalized(self, name: str, raw: object, origin: object = None) -> Value:
        """Set from 0..1 over the range."""
        return self.set(name, self.parameter(name).denormalized(raw), origin)

    def reset(self, name: str, origin: object = None) -> Value:
        """Back to the default."""
        return self.set(name, self.parameter(name).default, origin)

    def publish(self, name: str, value: Value) -> None:
        """Set a read-only parameter: what the engine reports."""
        parameter = self.parameter(name)
        if value != self._values[name]:
            self._store(parameter, value, None, False)

    def fire(self, name: str, raw: tuple[object, ...] = (), origin: object = None) -> bool:
        """Let a trigger happen now; False where a button's release asked for nothing.

        Raises `ControlError` on wrong arguments, or where the part that answers it is not running.
        """
        trigger = self.trigger(name)
        arguments = trigger.coerce(raw)
        if arguments is None:
            return False
        handler = self._handlers.get(name)
        if handler is None:
            raise ControlError(f"{name} has no part of this show to answer it")
        handler(arguments, origin)
        return True

    def travel(self, values: Mapping[str, Value]) -> None:
        """Put moving parameters where motion has brought them; targets stay as they are."""
        self._live.update(values)
        self._touch()

    def ride(self, offsets: Mapping[str, float]) -> None:
        """Let the snapshot show these float parameters off their values by so much, and no others.

        Offsets are in the parameters' own units. What is set and what moves stay as they are, so
        nothing is left of an offset that is no longer named.
        """
        if offsets != self._offsets:
            self._offsets = dict(offsets)
            self._touch()

    def rides(self, name: str) -> bool:
        """Whether the snapshot shows the parameter off its value."""
        return bool(self._offsets.get(name))

    def let_ride(self, name: str, share: float) -> None:
        """Let only this share (0..1) of what rides on a parameter show, until another is told."""
        if self._shares.get(name, 1.0) != share:
            self._shares[name] = share
            self._touch()

    def _store(self, parameter: Parameter, value: Value, origin: object, clamped: bool) -> None:
        name = parameter.name
        self._values[name] = value
        # asked even where it is there already, or does not slew: it may be on its way elsewhere
        travels = self.moving is not None and self.moving(parameter, self._live[name], value)
        if not travels:
            self._live[name] = value
        self._touch()
        change = Change(parameter, value, origin, clamped)
        self._untold.append(change)
        if self._telling:
            return  # a listener made this one: it is told after the one under way
        self._telling = True
        try:
            while self._untold:
                change = self._untold.popleft()
                for listener in tuple(self._listeners):
                    listener(change)
        finally:
            self._telling = False

    def _touch(self) -> None:
        self._seq += 1
        self._stale = True
        self.wake()

    def _unknown(self, name: str) -> UnknownControl:
        near = difflib.get_close_matches(name, [*self._parameters, *self._triggers], n=3)
        hint = f"; did you mean {' or '.join(near)}?" if near else "; see artflow controls"
        return UnknownControl(f"unknown control {name!r}{hint}")


def _differs(parameter: Parameter, raw: object, value: Value) -> bool:
    """Whether `raw` asked for another value than it got; an index within its list did not."""
    if isinstance(value, str):
        if parameter.choices is not None and isinstance(raw, (int, float)):
            return not 0 <= raw <= len(parameter.choices) - 1
        return raw != value
    return isinstance(raw, (int, float)) and float(raw) != float(value)
