"""The controls that scenes are read with in tests: the built-in ones, and three presets'."""

from __future__ import annotations

from engine.controls import Controls, Parameter
from engine.parameters import PARAMETERS, TRIGGERS

STYLES = ("neon", "oil-painting", "ink")


def controls() -> Controls:
    table = Controls()
    weights = (Parameter(f"preset/{id}/weight", "f", 0.0, "", low=-2, high=2) for id in STYLES)
    table.declare(*PARAMETERS, *TRIGGERS, *weights)
    return table
