"""Every control of presets and models, for those who read about them or write them down."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from engine.controls import Controls, Parameter, Trigger
from presets import model_controls, preset_controls
from presets.catalogue import Preset

ANY: Final = "<id>"
"""Stands for every preset's id, or every model's."""

_WEIGHT: Final = re.compile(r"preset/([a-z0-9-]+)/weight")


def table() -> tuple[Parameter | Trigger, ...]:
    """The rows in the order of the reference."""
    return (
        *preset_controls.PARAMETERS,
        *preset_controls.rows(_preset(ANY), str),
        *preset_controls.triggers(tuple),
        *model_controls.rows(ANY),
        *model_controls.triggers(()),
    )


def preset_rows(presets: Iterable[Preset]) -> tuple[Parameter, ...]:
    """The rows of these presets, whether or not they can be played now."""
    return tuple(row for preset in presets for row in preset_controls.rows(preset, str))


class Written(Controls):
    """Controls as a file may name them: the weight of any preset, too.

    Whether there is such a preset shows when the show starts.
    """

    def parameter(self, name: str) -> Parameter:
        match = _WEIGHT.fullmatch(name)
        if match is None:
            return super().parameter(name)
        return preset_controls.rows(_preset(match[1]), str)[0]


def _preset(id: str) -> Preset:
    return Preset(id, id, ())
