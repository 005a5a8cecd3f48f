"""MIDI maps as text, as `midi_map_file` reads it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import fields
from typing import Any, Final

from controllers.midi_map import (
    Aftertouch,
    Cc,
    Cc14,
    DeviceMap,
    Feedback,
    Mapping,
    Note,
    Nrpn,
    Pitch,
    Program,
    Source,
)

_PLAIN: Final = re.compile(r"[A-Za-z][A-Za-z0-9/_-]*")
_WORDS: Final = frozenset({"true", "false", "null"})


def write_map(devices: Iterable[DeviceMap]) -> str:
    """A whole map file; reading it gives the same devices."""
    return "".join(["devices:\n", *map(device_text, devices)])


def device_text(device: DeviceMap) -> str:
    """One device, as an item of `devices:`; its mappings a line each, last."""
    match = {"input": device.input, "output": device.output}
    lines = [f"  - id: {_flow(device.id)}", f"    match: {_flow(match)}"]
    if device.clock != "in":
        lines.append(f"    clock: {device.clock}")
    for key, messages in (("setup", device.setup), ("farewell", device.farewell)):
        if messages:
            hex = ", ".join(json.dumps(message.hex(" ").upper()) for message in messages)
            lines.append(f"    {key}: [{hex}]")
    lines.append("    mappings:")
    lines += [f"      - {mapping_line(mapping)}" for mapping in device.mappings]
    return "\n".join(lines) + "\n"


def mapping_line(mapping: Mapping) -> str:
    """One mapping on one line, without what is as it is by default."""
    said: dict[str, Any] = {"on": source_keys(mapping.on), "to": mapping.to}
    said |= _changed(mapping, {"on", "to", "feedback"})
    lights = [_light(light) for light in mapping.feedback]
    if lights:
        said["feedback"] = lights[0] if len(lights) == 1 else lights
    return _flow(said)


def source_keys(source: Source) -> dict[str, Any]:
    """A source as `on:` names it."""
    keys: dict[str, Any]
    match source:
        case Cc(number):
            keys = {"cc": number}
        case Cc14(high, low):
            keys = {"cc14": [high, low]}
        case Nrpn(number):
            keys = {"rpn" if source.registered else "nrpn": number}
        case Pitch():
            keys = {"pitch": "*"}
        case Aftertouch(note):
            keys = {"aftertouch": "*" if note is None else note}
        case Note(number):
            keys = {"note": number}
        case Program(program):
            keys = {"program": "*" if program is None else program}
    if isinstance(source, Cc) and source.relative is not None:
        keys["relative"] = source.relative
    if source.channel is not None:
        keys["channel"] = source.channel
    return keys


def source_name(source: Source) -> str:
    """A source in words, such as `cc 16` or `note 36 channel 10`."""
    words = []
    for key, value in source_keys(source).items():
        if key == "cc14":
            value = "/".join(map(str, value))
        words.append(key if value == "*" else f"{key} {value}" if key != "relative" else "")
    return " ".join(filter(None, words))


def _light(light: Feedback) -> dict[str, Any]:
    said = {"show": light.show} | _changed(light, {"show", "busy"})
    if light.busy != "blink":
        said["busy"] = "none" if light.busy is None else light.busy
    place = {key: said.pop(key) for key in ("cc", "note") if key in said}
    return place | said


def _changed(thing: Mapping | Feedback, without: set[str]) -> dict[str, Any]:
    """The fields that are not as by default."""
    return {
        row.name: getattr(thing, row.name)
        for row in fields(thing)
        if row.name not in without and getattr(thing, row.name) != row.default
    }


def _flow(value: Any) -> str:
    """YAML's flow style, in plain words where they stay what they are."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {_flow(item)}" for key, item in value.items()) + "}"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(map(_flow, value)) + "]"
    if isinstance(value, str):
        if _PLAIN.fullmatch(value) and value.lower() not in _WORDS:
            return value
        quoted = json.dumps(value, ensure_ascii=False)
        return "".join(c if c.isprintable() else f"\\U{ord(c):08X}" for c in quoted)
    return json.dumps(value)
