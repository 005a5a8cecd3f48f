"""What a MIDI map says: devices, and what each of their knobs, pads and lights means.

These are values only. `midi_map_file` reads and writes them as YAML, `midi_player` plays them,
`midi_lights` shows them. Channels are 1 to 16, as performers and manuals count them; None means
any. Controller, note and program numbers are 0 to 127.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from engine.controls import Controls, Parameter, Trigger, Value

Relative = Literal["twos-complement", "offset-binary", "signed-bit"]
Curve = Literal["lin", "exp", "log", "s"]
TakeoverMode = Literal["pickup", "scale", "jump"]
Mode = Literal["knob", "trigger", "toggle", "momentary", "velocity", "set"]
ClockUse = Literal["in", "out", "none"]

BANKS: Final = 16
"""A device has at most so many banks (pages)."""


DATA_ENTRY: Final = (6, 38, 96, 97)
"""Controllers that change the selected NRPN or RPN: high half, low half, step up, step down."""
PARAMETER_SELECT: Final = (98, 99, 100, 101)
"""Controllers that select one: an NRPN by its low and high half, an RPN likewise."""


@dataclass(frozen=True, slots=True)
class Cc:
    """A controller: a knob or fader, a switch (on from 64), or an encoder where `relative`."""

    number: int
    channel: int | None = None
    relative: Relative | None = None


@dataclass(frozen=True, slots=True)
class Cc14:
    """A controller in two halves: `high` (0-31) and `low`, as a rule high + 32."""

    high: int
    low: int
    channel: int | None = None


@dataclass(frozen=True, slots=True)
class Nrpn:
    """A non-registered parameter number, 0 to 16383; a registered one (RPN) where so marked."""

    number: int
    channel: int | None = None
    registered: bool = False


@dataclass(frozen=True, slots=True)
class Pitch:
    """The pitch wheel, or a touch fader that speaks like one."""

    channel: int | None = None


@dataclass(frozen=True, slots=True)
class Aftertouch:
    """Pressure: of the whole channel, or of one `note`."""

    note: int | None = None
    channel: int | None = None


@dataclass(frozen=True, slots=True)
class Note:
    """A key or a pad."""

    number: int
    channel: int | None = None


@dataclass(frozen=True, slots=True)
class Program:
    """A program change: to one number, or (None) to any."""

    number: int | None = None
    channel: int | None = None


Source = Cc | Cc14 | Nrpn | Pitch | Aftertouch | Note | Program
"""What moves on the device. Equal sources are the same knob."""


@dataclass(frozen=True, slots=True)
class Feedback:
    """A light of the device, and what it shows.

    Sent to controller `cc` or to `note` (exactly one is given) on `channel` (None: that of the
    mapping, or 1). `show` "value" sends `off` + place x (`on` - `off`), rounded, for the control's
    place in the mapping's range (a ring); "state" sends `on` or `off`. `busy` says how it shows
    that something is under way: it blinks between `on` and `off`, or has a value of its own (a
    colour), or nothing.
    """

    cc: int | None = None
    note: int | None = None
    channel: int | None = None
    show: Literal["state", "value"] = "state"
    on: int = 127
    off: int = 0
    busy: Literal["blink"] | int | None = "blink"


@dataclass(frozen=True, slots=True)
class Mapping:
    """One knob, one control.

    `to` names a parameter or a trigger. `range` is in the parameter's own values (None: all of it),
    from the knob's low end to its high end, the first above the second where it runs downwards; of
    an enumerated text, two of its choices. `invert` turns the knob round before the curve.
    `mode` None is what suits source and target: see `mode_of`. `value` is what mode "set" sets.
    `arguments` are handed to a trigger; without them, one that takes a number gets the velocity
    (0..1) or the program's number. `step` is what one tick of an encoder changes, in the
    parameter's own values (None: 1/128 of the range, at least 1 of a whole number, one choice), and
    a tick that comes hard upon another changes up to 1 + `acceleration` times as much.
    `bank` is where it is heard and lit, from 1 (None: everywhere).
    """

    on: Source
    to: str
    range: tuple[Value, Value] | None = None
    curve: Curve = "lin"
    invert: bool = False
    takeover: TakeoverMode = "pickup"
    mode: Mode | None = None
    value: Value | None = None
    arguments: tuple[Value, ...] = ()
    step: float | None = None
    acceleration: float = 0.0
    bank: int | None = None
    feedback: tuple[Feedback, ...] = ()


@dataclass(frozen=True, slots=True)
class DeviceMap:
    """A device and its mappings.

    `input` and `output` are globs that its ports' names are held against ("" : it has none).
    `setup` messages (whole ones, as bytes) are sent when it appears, `farewell` when the show ends:
    most pad boxes want to be told by SysEx who lights their pads. `clock` "in": it may drive the
    tempo; "out": it is sent the tempo.
    """

    id: str
    input: str
    output: str = ""
    mappings: tuple[Mapping, ...] = ()
    clock: ClockUse = "in"
    setup: tuple[bytes, ...] = ()
    farewell: tuple[bytes, ...] = ()

    @property
    def banks(self) -> int:
        """How many banks the mappings name, at least 1."""
        return max((mapping.bank or 1 for mapping in self.mappings), default=1)


def device_rows(id: str) -> tuple[Parameter, ...]:
    """The controls that a device brings along. A map's mappings may name `midi/<id>/bank`, too."""
    return (
        Parameter(
            bank_name(id), "i", 1, f"page of {id}: which of its mappings count", low=1, high=BANKS
        ),
        Parameter(
            pickup_name(id),
            "f",
            0.0,
            f"the knob of {id} last touched, minus the value; 0 = the knob has it",
            low=-1.0,
            high=1.0,
            read_only=True,
        ),
    )


def bank_name(id: str) -> str:
    return f"midi/{id}/bank"


def pickup_name(id: str) -> str:
    return f"midi/{id}/pickup"


def is_switch(parameter: Parameter) -> bool:
    """Whether it is either off or on."""
    return parameter.kind == "i" and (parameter.low, parameter.high) == (0, 1)


def mode_of(mapping: Mapping, controls: Controls) -> Mode:
    """How a mapping is played: see `mode_for`. Raises `UnknownControl`."""
    if controls.is_trigger(mapping.to):
        return mode_for(mapping, controls.trigger(mapping.to))
    return mode_for(mapping, controls.parameter(mapping.to))


def mode_for(mapping: Mapping, target: Parameter | Trigger) -> Mode:
    """How a mapping is played on what it is `to`: as it says, or as suits source and target.

    Triggers are triggered and a given value is set. A note or a controller toggles a switch. To
    anything else a note plays its velocity, and a knob moves it.
    """
    if isinstance(target, Trigger):
        return "trigger"
    if mapping.mode is not None:
        return mapping.mode
    if mapping.value is not None:
        return "set"
    button = isinstance(mapping.on, Note) or (
        isinstance(mapping.on, Cc) and mapping.on.relative is None
    )
    if button and is_switch(target):
        return "toggle"
    return "velocity" if isinstance(mapping.on, Note) else "knob"
