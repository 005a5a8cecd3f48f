"""Saving: everything as it is, as a scene that brings it back."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from engine.controls import Controls, Value
from engine.errors import SettingError
from engine.sources.spec import NamedFiles
from scenes.scene import Scene

SOURCE: Final = "input/source"

_WEIGHT: Final = re.compile("preset/[a-z0-9-]+/weight")


def scene_now(
    controls: Controls,
    pending: Mapping[str, Value],
    weights: Mapping[str, float],
    files: NamedFiles,
) -> Scene:
    """The scene that everything is on its way to: all that can be set, and presets by weight.

    `pending` is what will be set yet; `weights` are those of presets that are not 0. A source that
    is none of `files` is left out: it was asked for, and will be refused, and a scene may name any.
    """
    values = {
        row.name: pending.get(row.name, controls.get(row.name))
        for row in controls.parameters()
        if not (row.read_only or _WEIGHT.fullmatch(row.name))
    }
    try:
        files.resolve(str(values.get(SOURCE, "test-card")))
    except SettingError:
        del values[SOURCE]
    return Scene("", set=values, presets=dict(weights))
