"""The menu in real windows on a virtual X screen."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from engine.events import KeyPressed
from engine.overlay import Overlay
from tests.helpers.pictures import Array, loaded, screenshot
from tests.window import menu_picture
from tests.window.menu_picture import MENU
from tests.window.person import RED, WHITE, Person, close_to

# The window is in the middle of the screen: 600x400 at (200, 150), its picture at (300, 150).


def test_without_a_desk_it_shows_in_the_only_window_and_goes_again(rig: Person) -> None:
    def script() -> None:
        rig.settle()
        clean = rig.look()
        rig.overlay = Overlay(menu=MENU)
        time.sleep(0.3)
        assert (rig.look() != clean)[200:500, 220:780].mean() > 0.9
        rig.overlay = Overlay()
        time.sleep(0.3)
        assert (rig.look() == clean).all()

    rig.play(script)


def test_with_a_desk_the_audience_sees_it_only_when_asked(rig: Person) -> None:
    def desk() -> Array:
        return screenshot(rig.display, rig.folder / "desk.png", rig.handle(desk=True))

    def audience() -> Array:
        rig.xdotool("windowraise", rig.handle())
        rig.settle()
        return rig.look()[150:550, 200:800]

    def script() -> None:
        rig.settle()
        rig.xdotool("windowraise", rig.handle(desk=True))
        time.sleep(0.3)
        closed = desk()
        rig.overlay = Overlay(menu=MENU)
        time.sleep(0.3)
        assert (desk() != closed).mean() > 0.3
        clean = audience()
        assert close_to(clean[10, 110], RED)
        assert close_to(clean[390, 490], WHITE)
        assert not clean[:, :100].any()
        rig.overlay = Overlay(menu=replace(MENU, everywhere=True))
        time.sleep(0.3)
        assert (audience() != clean)[:, 20:-20].mean() > 0.7
        rig.overlay = Overlay(menu=MENU)
        time.sleep(0.3)
        assert (audience() == clean).all()

    rig.play(script, desk=True, board=True)


def test_what_a_key_did_shows_before_the_next_tenth(
    rig: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engine.window.window.OVERLAY_EVERY_S", 1000.0)

    def script() -> None:
        rig.settle()
        clean = rig.look()
        rig.overlay = Overlay(menu=MENU)
        rig.focus()
        rig.xdotool("key", "p")
        rig.until(lambda: KeyPressed("p") in rig.events)
        rig.until(lambda: (rig.look() != clean).any())
        # and while it is open, it follows
        before = rig.look()
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
