"""The JSON schema of scene files, for editors; and the key tables of docs/SCENES.md.

Made from the same tables that files are read by. JSON Schema, draft 2020-12.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any, Final

from engine.controls import FORMS, MAX_TEXT_BYTES, Parameter, Trigger
from engine.modulators import unfit
from scenes.scene import QUANTIZE, Unit
from scenes.scene_keys import (
    LEAST_AFTER,
    MOD_FIELDS,
    MOST_AFTER,
    MOST_FADE,
    MOST_MODS,
    NONE_LEAST,
    SCENE_KEYS,
    Key,
)

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"

_PRESET: Final = "^[a-z0-9-]+$"
_WEIGHT: Final = "^preset/[a-z0-9-]+/weight$"
_BEATS: Final = r"^ *([0-9]+(\.[0-9]*)?|\.[0-9]+) *([Ss]|[Ss]econds?|[Bb]eats?|[Bb]ars?) *$"


def scene_schema(rows: Iterable[Parameter | Trigger]) -> dict[str, Any]:
    """The schema of `scenes/*.yaml`; `rows` are all controls, `<id>` standing for any preset."""
    parameters = [row for row in rows if isinstance(row, Parameter) and not row.read_only]
    named = {row.name: _value(row) for row in parameters if "<" not in row.name}
    weight = next(row for row in parameters if row.name == "preset/<id>/weight")
    weights = _value(weight)
    moved = [row.name for row in parameters if "<" not in row.name and unfit(row) is None]
    target = {"anyOf": [{"enum": moved}, {"type": "string", "pattern": _WEIGHT}]}
    keys: dict[str, dict[str, Any]] = {
        "description": {"type": "string"},
        "notes": {"type": "string"},
        "fade": _span(MOST_FADE),
        "quantize": {"enum": [*QUANTIZE]},
        "set": _mapping(named, {_WEIGHT: weights}),
        "presets": _mapping({}, {_PRESET: _bounds(weight)}),
        "mods": {
            "type": "array",
            "maxItems": MOST_MODS,
            "items": _mapping({"target": target, **_mod_fields(parameters)}, {})
            | {"required": ["target"]},
        },
        "fades": _mapping({name: _span(MOST_FADE) for name in named}, {_WEIGHT: _span(MOST_FADE)}),
        "after": _span(MOST_AFTER, LEAST_AFTER),
        "next": {"type": "string"},
    }
    said = {key.name: {"description": key.help, **keys.pop(key.name)} for key in SCENE_KEYS}
    assert not keys
    return {
        "$schema": DIALECT,
        "title": "ArtFlow Live scene",
        **_mapping(said, {}),
    }


def _mapping(named: Mapping[str, Any], patterns: Mapping[str, Any]) -> dict[str, Any]:
    schema: dict[str, Any] = {"type": "object", "properties": dict(named)}
    if patterns:
        schema["patternProperties"] = dict(patterns)
    return schema | {"additionalProperties": False}


def _mod_fields(parameters: Iterable[Parameter]) -> dict[str, Any]:
    rows = {row.name: row for row in parameters}
    return {name: _value(rows[f"mod/1/{name}"]) for name in MOD_FIELDS}


def _value(row: Parameter) -> dict[str, Any]:
    told = f"{row.help} ({row.unit})" if row.unit else row.help
    return {"description": told, "default": row.default, **_bounds(row)}


def _bounds(row: Parameter) -> dict[str, Any]:
    if row.choices is not None:
        return {"enum": [*row.choices]}
    if row.kind == "s":
        # in characters; the reader counts bytes
        return {"type": "string", "maxLength": MAX_TEXT_BYTES} | _form(row.form)
    switch = row.kind == "i" and (row.low, row.high) == (0, 1)
    kind: str | list[str] = "integer" if row.kind == "i" else "number"
    limits = {"minimum": row.low, "maximum": row.high}
    return {"type": [kind, "boolean"] if switch else kind} | {
        name: limit for name, limit in limits.items() if limit is not None
    }


def _form(form: str) -> dict[str, str]:
    return {"pattern": f"^{FORMS[form].pattern}$"} if form else {}


def _span(most: Mapping[Unit, float], least: Mapping[Unit, float] = NONE_LEAST) -> dict[str, Any]:
    return {
        "anyOf": [
            {"type": "number", "minimum": least["s"], "maximum": most["s"]},
            {"type": "string", "pattern": _BEATS},
        ]
    }


def as_json(rows: Iterable[Parameter | Trigger]) -> str:
    """The schema's file."""
    return json.dumps(scene_schema(rows), indent=1, ensure_ascii=False) + "\n"


def key_table(keys: Iterable[Key]) -> str:
    """A table of keys in Markdown."""
    lines = ["| key | allowed | what it does |", "| --- | --- | --- |"]
    lines += [f"| `{key.name}` | {key.allowed} | {key.help} |" for key in keys]
    return "\n".join(lines) + "\n"
