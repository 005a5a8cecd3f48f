"""Who sits where: which map plays which port, as plain functions of what is there."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from controllers.midi_map import (
    Aftertouch,
    Cc,
    Cc14,
    DeviceMap,
    Mapping,
    Note,
    Nrpn,
    Pitch,
    Program,
    Source,
    bank_name,
)
from controllers.midi_ports import PortName, matches

MAX_ID: Final = 28
"""Letters of an id made from a name; a map file allows 32, and "-2" may follow."""

_NO_ID: Final = re.compile(r"[^a-z0-9]+")

_BOTH_WAYS: Final = re.compile(r"\b(midi)?(in|out|input|output|capture|playback)(?=\b|_|\d)")
"""What tells a device's output from its input in their names."""


@dataclass(frozen=True, slots=True)
class Maps:
    """The maps of a show, by where they come from.

    `files` are the performer's own, one tuple for each file: the devices in a file take a port
    each, files lie over one another. `learned` lie over those. `bundled` lie beneath learned ones,
    for ports that no file names.
    """

    files: tuple[tuple[DeviceMap, ...], ...] = ()
    learned: tuple[DeviceMap, ...] = ()
    bundled: tuple[DeviceMap, ...] = ()


@dataclass(frozen=True, slots=True)
class Seat:
    """A device that is plugged in: its ports, the map that plays it, and what it is called.

    `device.id` is the seat's own, `label` what its port is called. `mapped` is False where no map
    names it, and there is nothing but to learn from it. `files` are those of the maps, the lowest
    first; `doubled` those of them of which nobody expects several, two of the performer's own or
    two learned ones.
    """

    label: str
    input: PortName | None
    output: PortName | None
    device: DeviceMap
    mapped: bool = True
    files: tuple[str, ...] = ()
    doubled: tuple[str, ...] = ()

    @property
    def id(self) -> str:
        return self.device.id


def seats(
    inputs: Sequence[PortName],
    outputs: Sequence[PortName],
    maps: Maps,
    everything: bool = False,
) -> tuple[Seat, ...]:
    """A seat for each port that a map names, in the order of the ports.

    With `everything` also for those inputs that none does. The second port that one map plays
    gets the map's id with "-2".
    """
    free = list(outputs)
    taken: dict[str, int] = {}
    sharing = _Sharing(maps)
    found: list[Seat] = []
    for port in inputs:
        layers = sharing.layers(port.label)
        if layers is None and not everything:
            continue
        device = _named(_merged(layers) if layers else _nobody(port.label), taken)
        learned_only = layers is not None and not layers[0]
        output = _twin(port.label, free) if learned_only else _output(device, free)
        below, learned = map(_files, layers or ((), ()))
        doubled = (*(below if len(below) > 1 else ()), *(learned if len(learned) > 1 else ()))
        mapped = layers is not None
        found.append(Seat(port.label, port, output, device, mapped, (*below, *learned), doubled))
    for file in maps.files:
        for device in file:
            if device.input:
                continue
            for port in [port for port in free if matches(device.output, port.label)]:
                free.remove(port)
                named = _named(device, taken)
                found.append(Seat(port.label, None, port, named, files=_files([device])))
    return tuple(found)


def _files(devices: Iterable[DeviceMap]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(device.path for device in devices if device.path))


def device_id(label: str) -> str:
    """What a device is called that no map names: its port's name in small letters."""
    # "nanoKONTROL2:nanoKONTROL2 MIDI 1" says its name twice
    client, _, port = label.partition(":")
    name = port if port.casefold().startswith(client.casefold()) else label
    return _NO_ID.sub("-", name.casefold()).strip("-")[:MAX_ID].rstrip("-") or "midi"


class _Sharing:
    """Hands out maps port by port: of one file's devices each takes a port of its own."""

    def __init__(self, maps: Maps) -> None:
        self._maps = maps
        self._used: set[tuple[int, int]] = set()

    def layers(self, label: str) -> tuple[list[DeviceMap], list[DeviceMap]] | None:
        """(maps, learned maps) for a port, the lowest first; None where nothing names it."""
        below = [
            device
            for number, file in enumerate(self._maps.files)
            if (device := self._of(number, file, label)) is not None
        ]
        learned = [one for one in self._maps.learned if one.input and matches(one.input, label)]
        if not below:
            below = [one for one in self._maps.bundled if matches(one.input, label)][:1]
        return (below, learned) if below or learned else None

    def _of(self, number: int, file: Sequence[DeviceMap], label: str) -> DeviceMap | None:
        named = [at for at, one in enumerate(file) if one.input and matches(one.input, label)]
        if not named:
            return None
        at = next((at for at in named if (number, at) not in self._used), named[0])
        self._used.add((number, at))
        return file[at]


def _merged(layers: tuple[list[DeviceMap], list[DeviceMap]]) -> DeviceMap:
    below, learned = layers
    first, *others = [*below, *learned]
    result = first
    for device in others:
        result = laid_over(result, _called(device, result.id), learned=device in learned)
    return result


def laid_over(lower: DeviceMap, upper: DeviceMap, *, learned: bool) -> DeviceMap:
    """One map of two. What `upper` says of a knob or pad, `lower` no longer does.

    Where it was `learned`, the control leaves the knob that it had.
    """
    kept = tuple(old for old in lower.mappings if not _replaced(old, upper.mappings, learned))
    return replace(
        lower,
        output=upper.output or lower.output,
        mappings=(*kept, *upper.mappings),
        clock=upper.clock if upper.clock != "in" else lower.clock,
        setup=(*lower.setup, *upper.setup),
        farewell=(*lower.farewell, *upper.farewell),
    )


def _replaced(old: Mapping, by: Iterable[Mapping], learned: bool) -> bool:
    return any(
        _meet(old.bank, new.bank)
        and (
            _same_source(old, new)
            or (learned and (old.to, old.arguments) == (new.to, new.arguments))
        )
        for new in by
    )


def _same_source(one: Mapping, other: Mapping) -> bool:
    """Whether the same thing on the device moves both."""
    return _meet(one.on.channel, other.on.channel) and any(
        mine[0] == theirs[0] and _meet(mine[1], theirs[1])
        for mine in _moved(one.on)
        for theirs in _moved(other.on)
    )


def _moved(source: Source) -> list[tuple[str, int | None]]:
    """What messages of a source speak of: their kind and number, None for any."""
    match source:
        case Cc(number=number):
            return [("cc", number)]
        case Cc14(high=high, low=low):
            return [("cc", high), ("cc", low)]
        case Nrpn(number=number, registered=registered):
            return [("rpn" if registered else "nrpn", number)]
        case Note(number=number):
            return [("note", number)]
        case Aftertouch(note=None):
            return [("pressure", None)]
        case Aftertouch(note=note):
            return [("touch", note)]
        case Program(number=number):
            return [("program", number)]
        case Pitch():
            return [("pitch", None)]


def _meet(one: int | None, other: int | None) -> bool:
    return one is None or other is None or one == other


def _named(device: DeviceMap, taken: dict[str, int]) -> DeviceMap:
    """The map under an id of its own: the second under "id-2"."""
    number = taken[device.id] = taken.get(device.id, 0) + 1
    return _called(device, device.id if number == 1 else f"{device.id}-{number}")


def _called(device: DeviceMap, id: str) -> DeviceMap:
    """The map under another id; its own page buttons turn its own pages."""
    if id == device.id:
        return device
    bank = bank_name(device.id)
    mappings = tuple(
        replace(mapping, to=bank_name(id)) if mapping.to == bank else mapping
        for mapping in device.mappings
    )
    return replace(device, id=id, mappings=mappings)


def _output(device: DeviceMap, free: list[PortName]) -> PortName | None:
    """The first output that fits and that no other seat has."""
    if not device.output:
        return None
    for port in free:
        if matches(device.output, port.label):
            free.remove(port)
            return port
    return None


def _twin(label: str, free: list[PortName]) -> PortName | None:
    """The output of the same name, but for the "in" or "out" in it; nobody wrote down which."""
    for port in free:
        if _BOTH_WAYS.sub("", port.label.casefold()) == _BOTH_WAYS.sub("", label.casefold()):
            free.remove(port)
            return port
    return None


def _nobody(label: str) -> DeviceMap:
    return DeviceMap(device_id(label), label)
