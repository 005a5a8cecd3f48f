"""The output stage: first turn by turn on a clock of our own, then as the thread it is."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import numpy as np
import pytest

from engine.composing import Composer
from engine.controls import Controls
from engine.frames import FrameMailbox
from engine.latest import Frame, Latest, Picture
from engine.output import LOOK_EVERY_S, Output
from engine.parameters import PARAMETERS, TRIGGERS

PATIENCE_S = 10.0


def plain(level: int, width: int = 8, height: int = 6) -> Picture:
    return np.full((height, width, 3), level, np.uint8)


class Rig:
    """An output stage with all that it takes from, and a clock that only moves when told."""

    def __init__(self) -> None:
        self.controls = Controls()
        self.controls.declare(*PARAMETERS, *TRIGGERS)
        self.controls.commit()
        self.input: Latest[Frame] = Latest()
        self.now_s = 100.0
        self.output = Output(self.controls, self.input, clock=lambda: self.now_s)
        self.mailbox = FrameMailbox.create(8, 6)
        self.writer = FrameMailbox(self.mailbox.handle)

    def source(self, level: int) -> None:
        frame = Frame(plain(level), self.input.replaced + 1, int(self.now_s * 1e9))
        self.input.put(frame)

    def paint(self, level: int, age_s: float = 0.0) -> None:
        self.writer.put(plain(level), int((self.now_s - age_s) * 1e9), snapshot_seq=9)

    def set(self, **values: object) -> None:
        for name, value in values.items():
            self.controls.set(name.replace("__", "/").replace("_", "-"), value)
        self.controls.commit()

    def turn(self, after_s: float = 0.01) -> bool:
        self.now_s += after_s
        return self.output.turn(0.0)

    def level(self) -> int | None:
        frame = self.output.shown.get()
        return None if frame is None else int(frame.picture[0, 0, 0])

    def painting(self) -> None:
        """Up to the first painted picture, of level 100 over an input of level 40."""
        self.source(40)
        self.output.connect(self.mailbox)
        self.output.painting = True
        self.paint(100)
        assert self.turn()
        assert self.level() == 100


@pytest.fixture
def rig() -> Iterator[Rig]:
    rig = Rig()
    yield rig
    rig.mailbox.close()


def test_the_input_shows_until_something_is_painted(rig: Rig) -> None:
    assert not rig.turn()
    assert rig.output.shown.get() is None
    rig.source(40)
    assert rig.turn()
    assert rig.level() == 40
    assert not rig.turn()
    rig.output.connect(rig.mailbox)
    rig.source(50)
    assert rig.turn()
    assert rig.level() == 50
    rig.output.painting = True
    rig.paint(100)
    assert rig.turn()
    frame = rig.output.shown.get()
    assert frame is not None
    assert (rig.level(), frame.seq, frame.snapshot_seq) == (100, 3, 9)
    rig.source(60)
    assert not rig.turn()


def test_a_neutral_picture_is_not_copied(rig: Rig) -> None:
    rig.source(40)
    rig.turn()
    shown, source = rig.output.shown.get(), rig.input.get()
    assert shown is not None
    assert source is not None
    assert shown.picture is source.picture


def test_every_painted_picture_passes_but_settings_alone_show_120_a_second(rig: Rig) -> None:
    rig.painting()
    for number in range(10):
        rig.paint(number)
        assert rig.turn(0.001)
        assert rig.level() == number
    shown = rig.output.shown.replaced
    for number in range(100):
        rig.set(output__brightness=1 + number / 1000)
        rig.turn(0.001)
    assert rig.output.shown.replaced - shown <= 0.1 / LOOK_EVERY_S + 1
    rig.turn()
    assert rig.output.shown.replaced > shown + 5


def test_a_change_that_concerns_others_shows_nothing(rig: Rig) -> None:
    rig.painting()
    rig.set(paint__strength=0.9)
    assert not rig.turn()


def test_mix_lets_the_input_move(rig: Rig) -> None:
    rig.painting()
    rig.set(output__mix=0.5)
    assert rig.turn()
    assert rig.level() == 70
    rig.source(60)
    assert rig.turn(0.001)
    assert rig.level() == 80


@pytest.mark.parametrize(("on_fault", "expected"), [("hold", 100), ("input", 40), ("black", 0)])
def test_a_fault_shows_within_a_turn_and_ends_as_fast(
    rig: Rig, on_fault: str, expected: int
) -> None:
    rig.painting()
    rig.set(output__on_fault=on_fault)
    rig.turn()
    rig.output.painting = False
    assert rig.turn()
    assert rig.level() == expected
    if on_fault == "input":
        rig.source(41)
        assert rig.turn()
        assert rig.level() == 41
    rig.output.painting = True
    rig.paint(110)
    assert rig.turn()
    assert rig.level() == 110


def test_a_painter_that_has_not_painted_yet_is_no_fault(rig: Rig) -> None:
    rig.set(output__on_fault="black")
    rig.source(40)
    rig.turn()
    rig.turn()
    assert rig.level() == 40


def test_freeze_and_blackout_let_nothing_through(rig: Rig) -> None:
    rig.painting()
    rig.set(output__freeze=1)
    assert rig.turn()
    rig.paint(120)
    assert not rig.turn()
    assert rig.level() == 100
    rig.set(output__blackout=1)
    assert rig.turn()
    assert rig.level() == 0
    rig.set(output__blackout=0, output__freeze=0)
    assert rig.turn()
    assert rig.level() == 120


def test_pausing_the_painter_holds_the_picture(rig: Rig) -> None:
    rig.painting()
    rig.set(paint__active=0)
    rig.turn()
    rig.paint(120)  # was under way
    assert not rig.turn()
    assert rig.level() == 100
    rig.set(paint__active=1)
    rig.turn()
    rig.paint(130)
    assert rig.turn()
    assert rig.level() == 130


def test_smoothing_goes_on_between_painted_pictures_until_it_has_arrived(rig: Rig) -> None:
    rig.painting()
    rig.set(output__smooth=0.1)
    rig.turn()
    rig.paint(200)
    rig.turn(0.001)
    shows = sum(rig.turn(0.02) for _ in range(120))
    assert rig.level() == 200
    assert 38 <= shows <= 42  # eight time constants
    assert not rig.turn(1.0)


def test_another_mailbox_of_another_size_may_come_at_any_time(rig: Rig) -> None:
    rig.painting()
    rig.set(output__mix=0.5, output__smooth=0.5)
    other = FrameMailbox.create(16, 10)
    rig.output.connect(other)
    rig.mailbox.close()
    rig.turn()
    frame = rig.output.shown.get()
    assert frame is not None
    assert frame.picture.shape == (6, 8, 3)
    other.put(plain(30, 16, 10), 1)
    assert rig.turn()
    frame = rig.output.shown.get()
    assert frame is not None
    assert frame.picture.shape == (10, 16, 3)
    rig.output.connect(None)
    other.close()
    assert not rig.turn(60.0)


def test_latency_and_rate_are_measured(rig: Rig) -> None:
    rig.painting()
    for number in range(100):
        rig.paint(number, age_s=0.04)
        rig.turn(0.02)
    assert rig.output.latency_ms == pytest.approx(60, abs=1)
    assert rig.output.fps == pytest.approx(50, abs=1)
    rig.turn(2.0)
    assert rig.output.fps == 0


def wait_level(output: Output, level: int) -> float:
    """Wait until this is shown; how long it took."""
    start_s = time.monotonic()
    seen = 0
    while time.monotonic() - start_s < PATIENCE_S:
        frame = output.shown.get()
        if frame is not None and frame.picture[0, 0, 0] == level:
            return time.monotonic() - start_s
        seen = output.shown.wait(seen, 0.1)
    raise AssertionError(f"{level} was never shown")


def test_the_thread_shows_what_comes_and_what_changes(rig: Rig) -> None:
    output = Output(rig.controls, rig.input)
    output.start()
    try:
        rig.input.put(Frame(plain(40), 1, time.monotonic_ns()))
        wait_level(output, 40)
        output.connect(rig.mailbox)
        output.painting = True
        rig.writer.put(plain(100), time.monotonic_ns(), 3)
        wait_level(output, 100)
        rig.set(output__fade=0.5)
        wait_level(output, 50)
        rig.set(output__on_fault="input", output__fade=1)
        output.painting = False
        wait_level(output, 40)
        assert 0 < output.latency_ms < 1e4
        # nothing changes: nothing is shown
        time.sleep(0.05)
        before = output.shown.replaced
        time.sleep(0.2)
        assert output.shown.replaced == before
    finally:
        output.close()
    assert not any(thread.name == "output" for thread in threading.enumerate())


def test_mailboxes_can_be_swapped_and_closed_while_painting_flat_out(rig: Rig) -> None:
    output = Output(rig.controls, rig.input)
    output.start()
    output.painting = True
    try:
        for number in range(1, 20):
            mailbox = FrameMailbox.create(8 + number, 6)
            output.connect(mailbox)
            for _ in range(20):
                mailbox.put(plain(number, 8 + number, 6), time.monotonic_ns(), 1)
            wait_level(output, number)
            output.connect(None)
            mailbox.close()
    finally:
        output.close()
    output.connect(None)  # after the show: no one to wait for


def test_the_stage_outlives_a_picture_that_it_cannot_compose(
    rig: Rig, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    compose = Composer.compose
    failures = iter([RuntimeError("no"), RuntimeError("no")])

    def stumbling(*arguments: object) -> Frame | None:
        for failure in failures:
            raise failure
        return compose(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(Composer, "compose", stumbling)
    output = Output(rig.controls, rig.input)
    output.start()
    try:
        rig.input.put(Frame(plain(40), 1, time.monotonic_ns()))
        wait_level(output, 40)
    finally:
        output.close()
    assert "stumbled" in caplog.text
