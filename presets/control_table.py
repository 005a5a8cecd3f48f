"""Every control of presets and models, for those who read about them or write them down."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace
from typing import Final

from engine.controls import Controls, Parameter, Trigger
from presets import model_controls, preset_controls
from presets.catalogue import Preset

ANY: Final = "<id>"
"""Stands for every preset's id, or every model's."""


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
    """Controls as a file may name them: what is declared for any id, for each.

    Whether there is such a preset, model or MIDI device shows when the show starts.
    """

    def parameter(self, name: str) -> Parameter:
        if not self.is_parameter(name):
            for row in self.parameters():
                if ANY in row.name and _of_any(row.name).fullmatch(name):
                    return replace(row, name=name)
        return super().parameter(name)


def _of_any(name: str) -> re.Pattern[str]:
    return re.compile(re.escape(name).replace(re.escape(ANY), "[a-z0-9-]+"))


def _preset(id: str) -> Preset:
    return Preset(id, id, ())
