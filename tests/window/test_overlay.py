from __future__ import annotations

import pytest

from engine.controls import Value
from engine.overlay import (
    ERROR_LASTS_S,
    NOTICE_LASTS_S,
    Overlay,
    clock_text,
    knob_text,
    learning_text,
    scene_text,
)


def test_messages_fade_by_themselves() -> None:
    overlay = Overlay(error="no camera", error_at_s=100.0, notice="saved", notice_at_s=100.0)
    assert overlay.error_shows(100.0) == 1
    assert overlay.error_shows(100.0 + ERROR_LASTS_S - 0.5) == pytest.approx(0.5)
    assert overlay.error_shows(100.0 + ERROR_LASTS_S) == 0
    assert overlay.notice_shows(100.0 + NOTICE_LASTS_S - 2) == 1
    assert overlay.notice_shows(100.0 + NOTICE_LASTS_S + 2) == 0
    assert Overlay(error_at_s=100.0).error_shows(100.0) == 0


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.9, "0:00"), (7, "0:07"), (754.2, "12:34"), (3723, "1:02:03")]
)
def test_the_length_of_a_recording(seconds: float, text: str) -> None:
    assert clock_text(seconds) == text


@pytest.mark.parametrize(
    ("knob", "value", "text"),
    [
        (0.309, 0.5, "x 0.31 < 0.50, turn up"),
        (0.8, 0.5, "x 0.80 > 0.50, turn down"),
        (3, 7, "x 3 < 7, turn up"),
        (7, 7, "x 7"),
        ("none", "both", "x none, waiting at both"),
    ],
)
def test_a_knob_that_waits_says_which_way(knob: Value, value: Value, text: str) -> None:
    assert knob_text("x", knob, value) == text


def test_what_is_learned() -> None:
    assert learning_text("", "cc 1") == ""
    assert learning_text("paint/strength", "") == "paint/strength: move a knob or a pad"
    assert learning_text("paint/strength", "cc 1") == "paint/strength: cc 1?"


@pytest.mark.parametrize(
    ("current", "progress", "coming", "text"),
    [
        ("", 0.0, "", ""),
        ("", 0.0, "sunrise", "sunrise"),
        ("sunrise", 0.4, "", "sunrise 40 %"),
        ("sunrise", 1.0, "", "sunrise"),
        ("sunrise", 0.4, "moonrise", "sunrise 40 %, then moonrise"),
    ],
)
def test_the_scene_and_its_fade(current: str, progress: float, coming: str, text: str) -> None:
    assert scene_text(current, progress, coming) == text
