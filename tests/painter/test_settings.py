"""Settings are the painter's part of the table of controls, and nothing else."""

from __future__ import annotations

from dataclasses import FrozenInstanceError, fields

import pytest

from engine.painter.settings import CONTROLS, MAX_STEPS, Settings
from engine.parameters import PARAMETERS


def test_defaults_are_those_of_the_contract() -> None:
    assert Settings.from_values({}) == Settings()
    assert Settings() == Settings(
        "", "", 0.0, "", 0.5, 1, 1.0, "none", 1.0, 2, 3, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0
    )


def test_defaults_are_those_of_the_table() -> None:
    table = {row.name: row for row in PARAMETERS}
    assert Settings.from_values({name: table[name].default for name in CONTROLS}) == Settings()
    assert table["paint/steps"].high == MAX_STEPS


def test_every_field_is_one_control() -> None:
    assert len(CONTROLS) == len(fields(Settings)) == 19
    assert {"prompt/a", "paint/guidance-mode", "paint/seed-b", "feedback/zoom"} <= CONTROLS


@pytest.mark.parametrize(
    ("control", "value", "field", "expected"),
    [
        ("prompt/a", "neon", "prompt_a", "neon"),
        ("prompt/b", "ink", "prompt_b", "ink"),
        ("prompt/mix", 0.25, "prompt_mix", 0.25),
        ("prompt/negative", "blurry", "negative", "blurry"),
        ("paint/strength", 1, "strength", 1.0),
        ("paint/steps", 3.0, "steps", 3),
        ("paint/guidance", 2, "guidance", 2.0),
        ("paint/guidance-mode", "full", "guidance_mode", "full"),
        ("paint/delta", 0.5, "delta", 0.5),
        ("paint/seed", 7, "seed", 7),
        ("paint/seed-b", 8, "seed_b", 8),
        ("paint/seed-mix", 0.5, "seed_mix", 0.5),
        ("paint/skip-similar", 0.9, "skip_similar", 0.9),
        ("feedback/amount", 0.4, "feedback_amount", 0.4),
        ("feedback/zoom", 2, "feedback_zoom", 2.0),
        ("feedback/rotate", -90, "feedback_rotate", -90.0),
        ("feedback/hue", 120, "feedback_hue", 120.0),
        ("prompt/coming", "red cat", "coming", "red cat"),
    ],
)
def test_from_values(control: str, value: object, field: str, expected: object) -> None:
    settings = Settings.from_values({control: value, "output/fade": 0.5})
    found = getattr(settings, field)
    assert (found, type(found)) == (expected, type(expected))
    others = [each.name for each in fields(Settings) if each.name != field]
    assert all(getattr(settings, name) == getattr(Settings(), name) for name in others)


def test_settings_are_frozen() -> None:
    with pytest.raises(FrozenInstanceError):
        Settings().seed = 1  # type: ignore[misc]
