"""MIDI maps as YAML files: every problem is named with its place, and the good rest is used."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

import msgspec

from controllers.midi_map import (
    Cc,
    Cc14,
    DeviceMap,
    Feedback,
    Mapping,
    Nrpn,
    Source,
    device_rows,
    mode_for,
)
from controllers.midi_map_fields import (
    BESIDE_SOURCE,
    DEVICE,
    FEEDBACK,
    MAPPING,
    MATCH,
    SOURCES,
    Field,
)
from controllers.midi_map_sense import sensible, shadowed
from engine.controls import Controls, Parameter, Trigger
from engine.errors import ControlError, SettingError
from engine.option_readers import shown
from engine.yaml_file import Document, Place, read_yaml

_ID: Final = re.compile(r"[a-z0-9][a-z0-9-]{0,31}")


@dataclass(frozen=True, slots=True)
class MapFile:
    """What a map file says.

    `problems` are lines for the performer, in the file's order, about what is left out; `warnings`
    are about what is there and may yet not do what was meant.
    """

    devices: tuple[DeviceMap, ...]
    problems: list[str]
    warnings: list[str] = field(default_factory=list)


def read_map(path: Path, controls: Controls) -> MapFile:
    """Read a map file. `controls` says what its mappings may name; it is not changed.

    Raises `SettingError` where the file cannot be read, or is no YAML mapping.
    """
    document = read_yaml(path)
    value = {} if document.value is None else document.value
    if not isinstance(value, dict):
        raise SettingError(
            f"{document.where()}: found {shown(value)}; allowed: devices: and a list of them"
        )
    reader = _Reader(document, controls)
    devices = tuple(reader.devices(value))
    return MapFile(
        devices, document.in_order(document.problems), document.in_order(reader.warnings)
    )


@dataclass
class _Reader:
    document: Document
    controls: Controls
    ids: set[str] = field(default_factory=set)
    warnings: list[str] = field(default_factory=list)

    def problem(self, place: Place, text: str) -> None:
        self.document.problems.append(f"{self.document.where(*place)}: {text}")

    def devices(self, value: dict[str, object]) -> Iterator[DeviceMap]:
        self._unknown((), value, ("devices",))
        for place, raw in self._items(("devices",), value.get("devices"), "devices"):
            if (device := self._device(place, raw)) is not None:
                yield device

    def _items(self, place: Place, raw: object, what: str) -> Iterator[tuple[Place, object]]:
        if raw is None:
            return
        if not isinstance(raw, list):
            self.problem(place, f"{what} is {shown(raw)}; allowed: a list of {what}")
            return
        for index, item in enumerate(raw):
            yield (*place, index), item

    def _device(self, place: Place, raw: object) -> DeviceMap | None:
        if not isinstance(raw, dict):
            self.problem(place, f"a device is {shown(raw)}; allowed: id:, match: and mappings:")
            return None
        self._unknown(place, raw, ("id", "match", "mappings", *DEVICE))
        id = raw.get("id")
        if not isinstance(id, str) or not _ID.fullmatch(id):
            self.problem(
                (*place, "id") if "id" in raw else place,
                f"id is {shown(id)}; allowed: up to 32 of a-z 0-9 - (as text)",
            )
            return None
        if id in self.ids:
            self.problem((*place, "id"), f"the id {id!r} is there already; give another one")
            return None
        match = raw.get("match")
        if isinstance(match, str):
            match = {"input": match}
        if not isinstance(match, dict) or not match:
            self.problem(
                (*place, "match") if "match" in raw else place,
                f'match of {id} is {shown(match)}; allowed: {{input: "NAME*", output: "NAME*"}}',
            )
            return None
        self.ids.add(id)
        self._unknown((*place, "match"), match, tuple(MATCH))
        ports, _ = self._fields((*place, "match"), match, MATCH)
        rest, _ = self._fields(place, raw, DEVICE)
        own = {row.name: row for row in device_rows(id) if not row.read_only}
        mappings: list[Mapping] = []
        places: list[Place] = []
        for at, item in self._items((*place, "mappings"), raw.get("mappings"), "mappings"):
            mapping = self._mapping(at, item, own)
            if mapping is None:
                continue
            if any(
                (m.on, m.to, m.bank) == (mapping.on, mapping.to, mapping.bank) for m in mappings
            ):
                self.problem(at, f"this plays {mapping.to} a second time; leave one")
                continue
            mappings.append(mapping)
            places.append(at)
        for at, mapping in zip(places, mappings, strict=True):
            if warning := shadowed(mapping, mappings):
                self.warnings.append(f"{self.document.where(*at, 'on')}: {warning}")
        input = ports.get("input", "")
        return DeviceMap(id, input, ports.get("output", input), tuple(mappings), **rest)

    def _mapping(self, place: Place, raw: object, own: dict[str, Parameter]) -> Mapping | None:
        """A mapping; None where it has a problem, but for its lights: it plays without those."""
        if not isinstance(raw, dict):
            self.problem(place, f"a mapping is {shown(raw)}; allowed: on:, to: and more")
            return None
        good = self._unknown(place, raw, ("on", "to", "feedback", *MAPPING))
        on = self._source((*place, "on"), raw.get("on"))
        fields, read = self._fields(place, raw, MAPPING)
        to = raw.get("to")
        if not isinstance(to, str):
            self.problem(
                (*place, "to") if "to" in raw else place,
                f"to is {shown(to)}; allowed: a control's name, see artflow controls",
            )
            return None
        try:
            target = own.get(to) or (
                self.controls.trigger(to)
                if self.controls.is_trigger(to)
                else self.controls.parameter(to)
            )
        except ControlError as error:
            self.problem((*place, "to"), str(error))
            return None
        if on is None or not good or not read:
            return None
        mapping = Mapping(on, to, **fields)
        wrong = False
        for key, text in sensible(mapping, target):
            wrong = True
            self.problem((*place, key) if key in raw else place, text)
        if wrong:
            return None
        lights = tuple(self._lights((*place, "feedback"), raw.get("feedback"), mapping, target))
        return replace(mapping, feedback=lights)

    def _source(self, place: Place, raw: object) -> Source | None:
        kinds = tuple(SOURCES)
        if not isinstance(raw, dict):
            at = place if self.document.lines.get(place) else place[:-1]
            self.problem(at, f"on is {shown(raw)}; allowed: one of {', '.join(kinds)}")
            return None
        good = self._unknown(place, raw, (*kinds, *BESIDE_SOURCE))
        named = [kind for kind in kinds if kind in raw]
        if len(named) != 1:
            found = " and ".join(named) or "none"
            self.problem(place, f"on names {found}; allowed: one of {', '.join(kinds)}")
            return None
        kind = named[0]
        row, make = SOURCES[kind]
        fields, read = self._fields(place, raw, {kind: row, **BESIDE_SOURCE})
        if not (good and read):
            return None
        if "relative" in fields and kind != "cc":
            self.problem((*place, "relative"), f"relative goes with cc, not {kind}; leave it out")
            return None
        source = make(fields.pop(kind))
        return replace(source, **fields)

    def _lights(
        self, place: Place, raw: object, mapping: Mapping, target: Parameter | Trigger
    ) -> Iterator[Feedback]:
        if raw is None:
            return
        many = isinstance(raw, list)
        for index, item in enumerate(raw if isinstance(raw, list) else [raw]):
            at = (*place, index) if many else place
            if not isinstance(item, dict) or ("cc" in item) == ("note" in item):
                found = (
                    "both cc and note" if isinstance(item, dict) and "cc" in item else shown(item)
                )
                self.problem(
                    at, f"feedback is {found}; allowed: {{cc: N}} or {{note: N}}, and more"
                )
                continue
            good = self._unknown(at, item, tuple(FEEDBACK))
            fields, read = self._fields(at, item, FEEDBACK)
            if good and read:
                yield Feedback(
                    **({"show": "value"} if _ring(mapping, target, fields) else {}) | fields
                )

    def _fields(
        self, place: Place, raw: dict[str, Any], rows: dict[str, Field]
    ) -> tuple[dict[str, Any], bool]:
        """What `raw` says of the `rows`, and whether all of it could be read."""
        read: dict[str, Any] = {}
        good = True
        for name, row in rows.items():
            if name not in raw:
                continue
            try:
                read[name] = row.read(msgspec.convert(raw[name], type=row.type))
            except (msgspec.ValidationError, ValueError):
                good = False
                self.problem(
                    (*place, name), f"{name} is {shown(raw[name])}; allowed: {row.allowed}"
                )
        return read, good

    def _unknown(self, place: Place, raw: dict[str, Any], known: tuple[str, ...]) -> bool:
        """Tell of keys that mean nothing; whether there was none."""
        unknown = [key for key in raw if key not in known]
        for key in unknown:
            near = difflib.get_close_matches(key, known, n=1)
            hint = f"did you mean {near[0]}?" if near else f"allowed: {', '.join(known)}"
            self.problem((*place, key), f"unknown key {shown(key)}; {hint}")
        return not unknown


def _ring(mapping: Mapping, target: Parameter | Trigger, light: dict[str, Any]) -> bool:
    """Whether a light that does not say what it shows is a ring: a controller at a knob."""
    knob = isinstance(mapping.on, (Cc, Cc14, Nrpn)) and mode_for(mapping, target) == "knob"
    return knob and "cc" in light
