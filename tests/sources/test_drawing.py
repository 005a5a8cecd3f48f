from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from engine.errors import ControlError
from engine.latest import Picture
from engine.sources import SourceSpec, canvas, drawing, open_source
from engine.sources.drawing import Drawing, PointerEvent
from engine.sources.paintbox import Colour

RED, BLUE, WHITE = (255, 0, 0), (0, 0, 255), (255, 255, 255)
SIZE = (64, 48)


def settled(what: Drawing, size: tuple[int, int] = SIZE) -> Picture:
    picture = what.picture(size)
    while what.waiting:
        picture = what.picture(size)
    return picture


def test_a_stroke_is_round_and_as_wide_as_the_brush() -> None:
    paper = Drawing((200, 100))
    paper.stroke([0.25, 0.5, 0.75, 0.5], RED, 0.2)  # 20 px at a shorter side of 100
    picture = settled(paper, (200, 100))
    assert picture.shape == (100, 200, 3)
    assert picture[50, 100].tolist() == [255, 0, 0]
    assert picture[..., 0].max(1).nonzero()[0].tolist() == list(range(40, 60))
    assert picture[..., 0].max(0).nonzero()[0].tolist() == list(range(40, 160))
    assert 0 < picture[41, 42, 0] < 255 or picture[40, 40, 0] == 0, "its ends are round"


def test_one_point_is_a_dot() -> None:
    for points in ([0.5, 0.5], [0.5, 0.5, 0.5, 0.5]):
        paper = Drawing(SIZE)
        paper.stroke(points, WHITE, 0.5)
        assert settled(paper)[24, 32].tolist() == [255, 255, 255]


@pytest.mark.parametrize("points", [[], [0.5], [0.1, 0.2, 0.3]])
def test_half_a_point_is_refused(points: list[float]) -> None:
    with pytest.raises(ControlError, match="takes pairs x y, not"):
        Drawing(SIZE).stroke(points, WHITE, 0.1)


def test_places_outside_are_brought_to_the_edge() -> None:
    paper = Drawing(SIZE)
    paper.stroke([-5.0, 0.5, 9.0, 0.5], WHITE, 0.1)
    assert (settled(paper)[24, :, 0] == 255).all()


def test_pressure_makes_the_line_wider() -> None:
    widths = []
    for pressure in (0.25, 1.0, 7.0):
        paper = Drawing((100, 100))
        paper.pointer(PointerEvent(1, 0.2, 0.5, True, pressure), WHITE, 0.2)
        paper.pointer(PointerEvent(1, 0.8, 0.5, True, pressure), WHITE, 0.2)
        widths.append(int((settled(paper, (100, 100))[:, 50, 0] > 127).sum()))
    assert widths[0] < 7
    assert widths[1:] == [20, 20]


def test_several_pointers_draw_at_once() -> None:
    paper = Drawing((100, 100))
    for x in (0.1, 0.5, 0.9):
        paper.pointer(PointerEvent(1, x, 0.25, True), RED, 0.1)
        paper.pointer(PointerEvent(2, x, 0.75, True), BLUE, 0.1)
    picture = settled(paper, (100, 100))
    assert (picture[25, 12:88] == RED).all()
    assert (picture[75, 12:88] == BLUE).all()
    assert not picture[50].any()
    assert paper.undo()
    picture = settled(paper, (100, 100))
    assert (picture[25, 12:88] == RED).all()
    assert not picture[75].any(), "the newest of the two strokes is taken back"


def test_hovering_draws_nothing_and_a_stroke_taken_back_stays_away() -> None:
    paper = Drawing(SIZE)
    paper.pointer(PointerEvent(1, 0.5, 0.5, False), WHITE, 0.2)
    assert not settled(paper).any()
    paper.pointer(PointerEvent(1, 0.2, 0.5, True), WHITE, 0.2)
    paper.undo()
    paper.pointer(PointerEvent(1, 0.8, 0.5, True), WHITE, 0.2)
    assert not settled(paper).any(), "until the pen is lifted"
    paper.pointer(PointerEvent(1, 0.8, 0.5, False), WHITE, 0.2)
    paper.pointer(PointerEvent(1, 0.5, 0.5, True), WHITE, 0.2)
    assert settled(paper).any()


def test_a_pen_draws_on_after_a_wipe() -> None:
    paper = Drawing(SIZE)
    paper.pointer(PointerEvent(1, 0.2, 0.5, True), WHITE, 0.2)
    paper.clear()
    paper.pointer(PointerEvent(1, 0.4, 0.5, True), WHITE, 0.2)
    after = settled(paper)
    assert after.any()
    assert paper.undo()
    assert not settled(paper).any()
    assert paper.undo()
    assert settled(paper)[24, 13].any(), "the wipe is taken back too"


def test_wiping_a_blank_picture_leaves_nothing_to_undo() -> None:
    paper = Drawing(SIZE)
    paper.clear()
    paper.clear()
    assert not paper.undo()


def test_a_drawing_is_made_again_at_another_size() -> None:
    paper = Drawing(SIZE)
    paper.stroke([0.0, 0.0, 1.0, 1.0], RED, 0.2)
    settled(paper)
    paper.stroke([0.0, 1.0, 1.0, 0.0], BLUE, 0.2)
    fresh = Drawing((128, 128))
    fresh.stroke([0.0, 0.0, 1.0, 1.0], RED, 0.2)
    fresh.stroke([0.0, 1.0, 1.0, 0.0], BLUE, 0.2)
    assert (settled(paper, (128, 128)) == settled(fresh, (128, 128))).all()
    paper.undo()
    fresh.undo()
    assert (settled(paper, (128, 128)) == settled(fresh, (128, 128))).all()


def test_what_can_no_longer_be_taken_back_is_stretched(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(canvas, "MARKS", 2)
    monkeypatch.setattr(canvas, "KEPT", 2)
    paper = Drawing((64, 64))
    for _ in range(10):
        paper.stroke([0.0, 0.5, 1.0, 0.5], RED, 0.5)
    settled(paper, (64, 64))
    large = settled(paper, (128, 128))
    assert (large[40:88, 10:-10] == RED).all()
    while paper.undo():
        pass
    assert (settled(paper, (128, 128))[60, 60] == RED).all()
    paper.clear()
    assert not settled(paper, (128, 128)).any(), "there was something to wipe"


def test_a_flood_of_strokes_is_refused_and_shown_bit_by_bit(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(drawing, "MOST_WAITING", 300)
    paper = Drawing(SIZE)
    zigzag = [float(n % 7) / 7 for n in range(400)]
    for _ in range(2):
        paper.stroke(zigzag, WHITE, 0.05)
    with pytest.raises(ControlError, match="still wait to be drawn"):
        paper.stroke(zigzag, WHITE, 0.05)
    before = paper.waiting
    paper.picture(SIZE, slice_s=0.0)
    assert 0 < paper.waiting < before, "a slice of it"
    settled(paper)
    paper.stroke(zigzag, WHITE, 0.05)


def test_undo_in_the_middle_of_drawing_is_not_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    paper = Drawing(SIZE)
    paper.stroke([0.2, 0.5, 0.8, 0.5], RED, 0.2)
    add = canvas.Canvas.add

    def add_and_undo(self: canvas.Canvas, mark: canvas.Mark) -> None:
        add(self, mark)
        paper.undo()

    monkeypatch.setattr(canvas.Canvas, "add", add_and_undo)
    paper.picture(SIZE)
    monkeypatch.undo()
    assert not settled(paper).any()


def test_the_source_wakes_when_something_is_drawn() -> None:
    paper = Drawing(SIZE)
    source = open_source(SourceSpec("drawing"), SIZE, paper)
    first, again = source.read(), source.read()
    assert first is again, "offered again as it is"
    timer = threading.Timer(0.01, paper.stroke, ([0.5, 0.5], WHITE, 0.5))
    timer.start()
    begun = time.monotonic()
    while not source.read().any():  # type: ignore[union-attr]
        assert time.monotonic() < begun + 10
    timer.join()
    source.size = (32, 32)
    grown = source.read()
    assert grown is not None
    assert grown.shape == (32, 32, 3)
    source.close()


def test_pictures_handed_over_are_never_written_to() -> None:
    paper = Drawing(SIZE)
    blank = paper.picture(SIZE)
    paper.stroke([0.5, 0.5], WHITE, 0.5)
    drawn = settled(paper)
    paper.clear()
    settled(paper)
    assert not blank.any()
    assert drawn.any()


places = st.integers(-2, 10).map(lambda n: n / 8)
colours = st.sampled_from([RED, BLUE, WHITE])
sizes = st.sampled_from([0.05, 0.3])


@dataclass
class Model:
    """The drawing as plain as can be: a list of what was done, replayed from the start."""

    done: list[canvas.Mark] = field(default_factory=list)
    strokes: list[int] = field(default_factory=list)

    def picture(self) -> Picture:
        paper = Drawing(SIZE)
        for mark in self.done:
            paper._canvas.add(mark)
        return paper._canvas.picture


class DrawingMachine(RuleBasedStateMachine):
    """Anything, in any order, read at any time: the same as the model's replay."""

    def __init__(self) -> None:
        super().__init__()
        self.paper = Drawing(SIZE)
        self.model = Model()
        self.pens: dict[int, tuple[int | None, canvas.Point]] = {}
        self.next = 1
        self.most = 0

    def begin(self) -> int:
        number, self.next = self.next, self.next + 1
        self.model.strokes.append(number)
        return number

    @rule(pen=st.integers(1, 3), x=places, y=places, colour=colours, size=sizes)
    def press(self, pen: int, x: float, y: float, colour: Colour, size: float) -> None:
        self.paper.pointer(PointerEvent(pen, x, y, True), colour, size)
        place = (x, y, size / 2)
        stroke, last = self.pens.get(pen, (0, place))
        if stroke == 0:
            stroke = self.begin()
        elif stroke is not None and place != last:
            pass
        else:
            self.pens[pen] = (stroke, place)
            return
        self.pens[pen] = (stroke, place)
        self.model.done.append(canvas.Mark(stroke, colour, last, place))

    @rule(pen=st.integers(1, 3))
    def lift(self, pen: int) -> None:
        self.paper.pointer(PointerEvent(pen, 0.5, 0.5, False), WHITE, 0.1)
        self.pens.pop(pen, None)

    @rule(points=st.lists(st.tuples(places, places), min_size=1, max_size=6), colour=colours)
    def stroke(self, points: list[tuple[float, float]], colour: Colour) -> None:
        self.paper.stroke([value for point in points for value in point], colour, 0.1)
        kept = [(min(1.0, max(0.0, x)), min(1.0, max(0.0, y)), 0.05) for x, y in points]
        ways = [way for way in pairwise(kept) if way[0] != way[1]] or [(kept[0], kept[0])]
        number = self.begin()
        self.model.done += [canvas.Mark(number, colour, *way) for way in ways]

    @rule()
    def clear(self) -> None:
        self.paper.clear()
        self.pens = {pen: (0, last) for pen, (_, last) in self.pens.items()}
        if self.model.done and self.model.done[-1].colour is not None:
            self.model.done.append(canvas.Mark(self.begin()))

    @precondition(lambda self: self.model.strokes)
    @rule()
    def undo(self) -> None:
        stroke = self.model.strokes[-1]
        if self.paper.undo():
            self.model.strokes.pop()
            self.model.done = [mark for mark in self.model.done if mark.stroke != stroke]
            for pen, (drawing_stroke, last) in self.pens.items():
                if drawing_stroke == stroke:
                    self.pens[pen] = (None, last)
        else:
            assert self.most > 3 * 2, "too little was done to be out of reach"
            self.model.strokes.clear()

    @rule()
    def look(self) -> None:
        assert (settled(self.paper) == self.model.picture()).all()

    @invariant()
    def bounded(self) -> None:
        self.most = max(self.most, len(self.model.done))
        assert len(self.paper._canvas._kept) <= 4

    def teardown(self) -> None:
        self.look()


@pytest.fixture
def _few_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(canvas, "MARKS", 3)
    monkeypatch.setattr(canvas, "KEPT", 3)


@pytest.mark.usefixtures("_few_kept")
def test_anything_in_any_order_equals_its_replay() -> None:
    from hypothesis.stateful import run_state_machine_as_test

    run_state_machine_as_test(
        DrawingMachine,
        settings=settings(max_examples=60, stateful_step_count=40, deadline=None, database=None),
    )


def test_pictures_are_kept_by_work_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(canvas, "PIXELS", 1000)
    paper = Drawing(SIZE)
    for _ in range(30):
        paper.stroke([0.1, 0.1, 0.9, 0.9], WHITE, 0.5)
    settled(paper)
    assert len(paper._canvas._kept) == canvas.KEPT
    assert np.any(paper._canvas.base)
