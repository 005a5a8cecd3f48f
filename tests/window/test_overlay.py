from __future__ import annotations

import pytest

from engine.overlay import ERROR_LASTS_S, NOTICE_LASTS_S, Overlay, clock_text


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
