"""The menu in real windows on a virtual X screen."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from engine.events import KeyPressed
from engine.overlay import Overlay
from tests.helpers.pictures import Array, loaded
from tests.window import menu_picture
from tests.window.menu_picture import MENU
from tests.window.person import RED, Person
from tests.window.test_window import clean_picture

# The window is in the middle of the screen: 600x400 at (200, 150), its picture at (300, 150).


def test_without_a_desk_it_shows_in_the_only_window_and_goes_again(rig: Person) -> None:
    def script() -> None:
        clean = rig.sees(clean_picture)
        rig.overlay = Overlay(menu=MENU)
        rig.sees(lambda screen: (screen != clean)[200:500, 220:780].mean() > 0.9)
        rig.overlay = Overlay()
        rig.sees(lambda screen: (screen == clean).all())

    rig.play(script)


def test_with_a_desk_the_audience_sees_it_only_when_asked(rig: Person) -> None:
    def desk_shows(holds: Callable[[Array], object]) -> Array:
        rig.xdotool("windowraise", rig.handle(desk=True))
        return rig.sees(holds, rig.look_at_desk)

    def audience_sees(holds: Callable[[Array], object]) -> Array:
        rig.xdotool("windowraise", rig.handle())
        return rig.sees(holds)

    def script() -> None:
        # both pictures are there
        closed = desk_shows(lambda desk: (np.abs(desk.astype(int) - RED).max(2) <= 3).mean() > 0.1)
        rig.overlay = Overlay(menu=MENU)
        desk_shows(lambda desk: (desk != closed).mean() > 0.3)
        clean = audience_sees(clean_picture)
        rig.overlay = Overlay(menu=replace(MENU, everywhere=True))
        window = np.s_[150:550, 220:780]
        audience_sees(lambda screen: (screen != clean)[window].mean() > 0.7)
        rig.overlay = Overlay(menu=MENU)
        audience_sees(lambda screen: (screen == clean).all())

    rig.play(script, desk=True, board=True)


def test_what_a_key_did_shows_before_the_next_tenth(
    rig: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engine.window.window.OVERLAY_EVERY_S", 1000.0)

    def script() -> None:
        clean = rig.sees(clean_picture)
        rig.overlay = Overlay(menu=MENU)
        rig.focus()
        rig.xdotool("key", "p")
        rig.until(lambda: KeyPressed("p") in rig.events)
        before = rig.sees(lambda screen: (screen != clean)[200:500, 220:780].mean() > 0.9)
        # and while it is open, it follows
        rig.overlay = Overlay(menu=replace(MENU, selected="anime"))
        rig.until(lambda: (rig.look() != before).any())

    rig.play(script)


def test_the_picture_of_the_manual_can_be_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, display: str
) -> None:
    monkeypatch.setenv("DISPLAY", display)  # and put back afterwards
    out = tmp_path / "menu.png"
    menu_picture.main(out)
    assert out.stat().st_size < 300_000
    made, kept = loaded(out), loaded(menu_picture.KEPT)
    assert made.shape == kept.shape
    assert np.abs(made.astype(int) - kept).mean() < 3
