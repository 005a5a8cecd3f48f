"""Scenes as text, as `scene_file` reads it; what stood in an older file stays where it can."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import yaml

from engine.controls import Controls, Value
from engine.errors import SettingError
from engine.yaml_file import parse_yaml
from scenes.scene import Mod, Scene, Span
from scenes.scene_file import SUFFIX, scene_of
from scenes.scene_keys import MOD_FIELDS
from scenes.yaml_edit import comments, edited, flow

_BLOCKS: Final = ("set", "presets", "fades")
"""Mappings that are written an entry a line."""


def scene_text(
    scene: Scene, controls: Controls, earlier: str | None = None, path: Path | None = None
) -> str:
    """`scene` as a file's text. Reading that gives the same scene.

    `earlier` is the text of the file at `path` that it takes the place of: its comments stay, and
    where nothing changes its words and layout, too. Raises `SettingError` where that cannot be
    read: written anew it would lose what its owner was about to mend.
    """
    new = plain(scene)
    if earlier is None:
        return _fresh(new)
    where = path or Path(f"{scene.name}{SUFFIX}")
    try:
        old, _ = scene_of(parse_yaml(earlier, where), scene.name, controls)
    except SettingError as error:
        raise SettingError(f"{error}, or save under another name") from error
    if old is not None:
        text = edited(earlier, plain(old), new)
        if text is not None and _says(text, where, scene, controls):
            return text
    try:
        kept = [earlier[start:end] + "\n" for start, end in comments(earlier)]
    except yaml.YAMLError:  # what can be read can be scanned; a slip here costs only comments
        kept = []
    return "".join(kept) + _fresh(new)


def _says(text: str, path: Path, scene: Scene, controls: Controls) -> bool:
    try:
        found, _ = scene_of(parse_yaml(text, path), scene.name, controls)
    except SettingError:
        return False
    return found == scene


def plain(scene: Scene) -> dict[str, Any]:
    """What a scene's file says: its keys, without those that are as they are when left out."""
    said: dict[str, Any] = {
        "description": scene.description or None,
        "fade": _span(scene.fade),
        "quantize": scene.quantize,
        "set": _all_written(scene.set) or None,
        "presets": None if scene.presets is None else _all_written(scene.presets),
        "mods": None if scene.mods is None else [_mod(mod) for mod in scene.mods],
        "fades": {name: _span(span) for name, span in scene.fades.items()} or None,
        "after": _span(scene.after),
        "next": scene.next,
        "notes": scene.notes or None,
    }
    return {key: value for key, value in said.items() if value is not None}


def _span(span: Span | None) -> Value | None:
    """As a scene file says it: `2.5`, `4 beats`, `1 bar`."""
    if span is None or span.unit == "s":
        return None if span is None else _written(span.amount)
    unit = span.unit[:-1] if span.amount == 1 else span.unit
    # every float has a form without an exponent; a file's reader takes nine places
    amount = f"{span.amount:.9f}".rstrip("0").rstrip(".")
    return f"{amount} {unit}"


def _mod(mod: Mod) -> dict[str, Any]:
    usual = Mod(mod.target)
    fields = {name: getattr(mod, name) for name in MOD_FIELDS}
    changed = {
        name: _written(value) for name, value in fields.items() if value != getattr(usual, name)
    }
    return {"target": mod.target} | changed


def _written(value: Value) -> Value:
    """`value` as one would write it by hand: 1 for 1.0."""
    return int(value) if isinstance(value, float) and value == int(value) else value


def _all_written(values: Mapping[str, Value]) -> dict[str, Value]:
    return {name: _written(value) for name, value in values.items()}


def _fresh(said: dict[str, Any]) -> str:
    lines: list[str] = []
    for key, value in said.items():
        if key in _BLOCKS and value:
            lines.append(f"{key}:")
            lines += [f"  {flow(name)}: {flow(item)}" for name, item in value.items()]
        elif key == "mods" and value:
            lines.append(f"{key}:")
            lines += [f"  - {flow(mod)}" for mod in value]
        else:
            lines.append(f"{key}: {flow(value)}")
    return "".join(line + "\n" for line in lines)
