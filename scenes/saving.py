"""Saving: everything as it is, as a scene that brings it back."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Final

from engine.controls import Controls, Value
from engine.errors import SettingError
from engine.modulators import unfit
from engine.parameters import MODULATORS
from engine.sources.spec import NamedFiles
from scenes.scene import Mod, Scene
from scenes.slots import ASPECTS, slot_values

SOURCE: Final = "input/source"

_WEIGHT: Final = re.compile("preset/[a-z0-9-]+/weight")


def scene_now(
    controls: Controls,
    pending: Mapping[str, Value],
    weights: Mapping[str, float],
    files: NamedFiles,
) -> Scene:
    """The scene that everything is on its way to: all that can be set, modulators, presets.

    `pending` is what will be set yet; `weights` are those of presets that are not 0. A source that
    is none of `files` is left out: it was asked for, and will be refused, and a scene may name any.
    """
    values = {
        row.name: pending.get(row.name, controls.get(row.name))
        for row in controls.parameters()
        if not (row.read_only or _WEIGHT.fullmatch(row.name))
    }
    try:
        files.resolve(source := str(values.get(SOURCE, "test-card")))
        if SOURCE in values:
            values[SOURCE] = files.whole(source)
    except SettingError:
        del values[SOURCE]
    mods = _mods(values, controls)
    if mods is not None:
        for name in slot_values(mods):  # said by the modulators
            values.pop(name)
    return Scene("", set=values, presets=dict(weights), mods=mods)


def look(
    now: Scene, controls: Controls, start: Mapping[str, Value], named: Collection[str] = ()
) -> Scene:
    """Of a whole `scene_now`, what is worth a line in a file.

    On a show that has just been started likewise it brings back the same: what is left out is as
    it was in `start`, and either of the moment (a tempo, a blackout: `Parameter.moment`) or of a
    modulator that does not move anything. What is `named` stays in any case.
    """

    def said(name: str, value: Value) -> bool:
        row = controls.parameter(name)
        passing = row.moment or (now.mods is not None and name.startswith("mod/"))
        return name in named or not passing or value != start.get(name, row.default)

    return replace(now, set={name: value for name, value in now.set.items() if said(name, value)})


def _mods(values: Mapping[str, Value], controls: Controls) -> tuple[Mod, ...] | None:
    """The active modulators, where they are the first ones, and each moves something."""
    active = [number for number in MODULATORS if values[f"mod/{number}/active"]]
    if active != list(MODULATORS)[: len(active)]:
        return None
    mods = [
        Mod(*(values[f"mod/{number}/{aspect}"] for aspect in ASPECTS[:-1]))  # type: ignore[arg-type]
        for number in active
    ]
    fit = (controls.is_parameter(mod.target) for mod in mods)
    if not all(fit) or any(unfit(controls.parameter(mod.target)) for mod in mods):
        return None
    return tuple(mods)
