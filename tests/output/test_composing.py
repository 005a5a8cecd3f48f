from __future__ import annotations

import numpy as np
import pytest

from engine.composing import NEUTRAL, Composer, Inputs, Look
from engine.controls import Controls
from engine.latest import Frame, Picture
from engine.parameters import PARAMETERS


def plain(level: int, width: int = 6, height: int = 4) -> Picture:
    return np.full((height, width, 3), level, np.uint8)


PAINTED = Frame(plain(100), 7, 1000, 5)
SOURCE = Frame(plain(40), 3, 2000)


def level(frame: Frame | None) -> int:
    assert frame is not None
    assert (frame.picture == frame.picture[0, 0, 0]).all()
    return int(frame.picture[0, 0, 0])


def composed(look: Look, painted: Frame | None = PAINTED, faulty: bool = False) -> Frame | None:
    return Composer().compose(Inputs(painted, SOURCE, faulty), look, 0.0)


def test_the_look_of_an_untouched_show_is_neutral() -> None:
    controls = Controls()
    controls.declare(*PARAMETERS)
    assert Look.of(controls.commit()) == NEUTRAL
    controls.set("output/rotate", 90)
    controls.set("output/flip", "both")
    controls.set("output/blackout", 1)
    assert Look.of(controls.commit()) == Look(rotate=90, flip="both", blackout=True)


def test_neutral_passes_the_painted_frame_itself() -> None:
    assert composed(NEUTRAL) is PAINTED


def test_before_the_first_painted_picture_the_input_is_shown() -> None:
    assert composed(NEUTRAL, painted=None) is SOURCE
    assert composed(Look(mix=0.0), painted=None) is SOURCE
    assert Composer().compose(Inputs(None, None), NEUTRAL, 0.0) is None


@pytest.mark.parametrize(("mix", "expected"), [(1.0, 100), (0.0, 40), (0.5, 70)])
def test_mix(mix: float, expected: int) -> None:
    frame = composed(Look(mix=mix))
    assert level(frame) == expected
    assert frame is not None
    assert frame.snapshot_seq == 5


def test_an_input_of_another_size_is_left_out_for_a_moment() -> None:
    frame = Composer().compose(Inputs(PAINTED, Frame(plain(0, 3, 3), 1, 0)), Look(mix=0.5), 0.0)
    assert frame is PAINTED
    assert Composer().compose(Inputs(PAINTED, None), Look(mix=0.5), 0.0) is PAINTED


@pytest.mark.parametrize(("on_fault", "expected"), [("hold", 100), ("input", 40), ("black", 0)])
def test_what_is_seen_during_a_fault(on_fault: str, expected: int) -> None:
    assert level(composed(Look(on_fault=on_fault), faulty=True)) == expected
    assert level(composed(Look(on_fault=on_fault), faulty=False)) == 100
    # a painter that was told to stop is no fault
    assert level(composed(Look(on_fault=on_fault, active=False), faulty=True)) == 100


def test_a_fault_without_an_input_holds() -> None:
    assert Composer().compose(Inputs(PAINTED, None, True), Look(on_fault="input"), 0.0) is PAINTED


def test_a_fault_cuts_even_while_smoothing() -> None:
    composer = Composer()
    look = Look(smooth_s=2.0, on_fault="black")
    assert level(composer.compose(Inputs(PAINTED, SOURCE), look, 0.0)) == 100
    assert level(composer.compose(Inputs(PAINTED, SOURCE, True), look, 0.01)) == 0
    assert level(composer.compose(Inputs(PAINTED, SOURCE), look, 0.02)) == 100
    look = Look(smooth_s=2.0, on_fault="input")
    assert level(composer.compose(Inputs(PAINTED, SOURCE, True), look, 0.03)) == 40


def test_the_first_painted_picture_fades_in_where_smoothing_is_on() -> None:
    composer = Composer()
    look = Look(smooth_s=1.0)
    composer.compose(Inputs(None, SOURCE), look, 0.0)
    frame = composer.compose(Inputs(PAINTED, SOURCE), look, float(np.log(2)))
    assert level(frame) == 70
    assert composer.moving(look)
    assert not composer.moving(Look(smooth_s=1.0, freeze=True))
    assert not composer.moving(Look(smooth_s=1.0, blackout=True))
    composer.compose(Inputs(PAINTED, SOURCE), look, 10.0)
    assert not composer.moving(look)


def test_freeze_holds_what_comes_before_it_and_the_rest_goes_on() -> None:
    composer = Composer()
    composer.compose(Inputs(PAINTED, SOURCE), NEUTRAL, 0.0)
    later = Inputs(Frame(plain(200), 8, 1100, 6), SOURCE)
    assert level(composer.compose(later, Look(freeze=True), 0.1)) == 100
    assert level(composer.compose(later, Look(freeze=True, fade=0.5), 0.2)) == 50
    assert level(composer.compose(later, Look(freeze=True, blackout=True), 0.3)) == 0
    assert level(composer.compose(later, NEUTRAL, 0.4)) == 200
    assert level(Composer().compose(later, Look(freeze=True), 0.0)) == 200


def test_the_order_is_grade_fade_flip_rotate() -> None:
    picture = plain(60)
    picture[:, 0] = 100
    painted = Frame(picture, 1, 0, 1)
    look = Look(brightness=1.5, fade=0.5, flip="horizontal", rotate=90)
    frame = Composer().compose(Inputs(painted, SOURCE), look, 0.0)
    assert frame is not None
    assert frame.picture.shape == (6, 4, 3)
    # the left edge went right, then to the bottom
    assert (frame.picture[-1] == 75).all()
    assert (frame.picture[:-1] == 45).all()


def test_blackout_keeps_the_size() -> None:
    frame = composed(Look(blackout=True, rotate=90))
    assert frame is not None
    assert frame.picture.shape == (6, 4, 3)
    assert level(frame) == 0


def test_when_the_input_matters() -> None:
    assert Inputs(None, SOURCE).needs_source(NEUTRAL)
    assert not Inputs(PAINTED, SOURCE).needs_source(NEUTRAL)
    assert Inputs(PAINTED, SOURCE).needs_source(Look(mix=0.9))
    assert Inputs(PAINTED, SOURCE, True).needs_source(Look(on_fault="input"))
    assert not Inputs(PAINTED, SOURCE, True).needs_source(Look(on_fault="black", mix=0.5))
    # asked for: whatever the painter does, and whatever its fault would show
    assert Inputs(PAINTED, SOURCE).needs_source(Look(mix=0))
    assert Inputs(PAINTED, SOURCE, True).needs_source(Look(on_fault="black", mix=0))
    assert not Inputs(PAINTED, None).needs_source(Look(on_fault="black"))


@pytest.mark.parametrize("on_fault", ["hold", "input", "black"])
@pytest.mark.parametrize("faulty", [False, True])
@pytest.mark.parametrize("active", [False, True])
def test_the_source_that_is_asked_for_is_shown_whatever_the_painter_does(
    on_fault: str, faulty: bool, active: bool
) -> None:
    look = Look(mix=0.0, on_fault=on_fault, active=active)
    larger = Frame(plain(40, 16, 12), 3, 2000)
    for source in (SOURCE, larger):  # sizes differ while models change
        frame = Composer().compose(Inputs(PAINTED, source, faulty), look, 0.0)
        assert frame is not None
        assert level(frame) == 40
        assert frame.picture.shape == source.picture.shape
        assert frame.snapshot_seq == 5, "a recording that waits for paint may begin"
    held = 0 if on_fault == "black" and faulty and active else 100
    assert level(Composer().compose(Inputs(PAINTED, None, faulty), look, 0.0)) == held


@pytest.mark.parametrize("mix", [0.0, 0.5, 1.0])
def test_smoothing_arrives_whatever_the_mix(mix: float) -> None:
    composer = Composer()
    look = Look(mix=mix, smooth_s=0.1)
    composer.compose(Inputs(None, Frame(plain(0), 1, 0)), look, 0.0)
    for tick in range(1, 200):
        frame = composer.compose(Inputs(PAINTED, SOURCE), look, tick / 60)
    assert level(frame) == {0.0: 40, 0.5: 70, 1.0: 100}[mix]
    assert not composer.moving(look)
    # and a change of any of the three makes another
    other = composer.compose(Inputs(Frame(plain(0), 8, 0), SOURCE), look, 10.0)
    assert mix == 0 or composer.moving(look), other
    again = Composer()
    assert level(again.compose(Inputs(PAINTED, SOURCE), Look(mix=0.5), 0.0)) == 70
    assert level(again.compose(Inputs(PAINTED, SOURCE), Look(mix=0.25), 0.0)) == 55
    brighter = Frame(plain(80), 4, 0)
    assert level(again.compose(Inputs(PAINTED, brighter), Look(mix=0.25), 0.0)) == 85
