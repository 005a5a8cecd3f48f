"""Saving: everything as it is, as a scene that brings it back."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from engine.controls import Controls, Value
from scenes.scene import Scene

_WEIGHT: Final = re.compile("preset/[a-z0-9-]+/weight")


def scene_now(
    controls: Controls, pending: Mapping[str, Value], weights: Mapping[str, float]
) -> Scene:
    """The scene that everything is on its way to: all that can be set, and presets by weight.

    `pending` is what will be set yet; `weights` are those of presets that are not 0.
    """
    values = {
        row.name: pending.get(row.name, controls.get(row.name))
        for row in controls.parameters()
        if not (row.read_only or _WEIGHT.fullmatch(row.name))
    }
    return Scene("", set=values, presets=dict(weights))
