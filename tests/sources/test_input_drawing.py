"""Drawing through the input: pointers, draw/*, mirrors."""

from __future__ import annotations

from functools import partial

import pytest
import trio

from engine.errors import ControlError
from engine.sources.drawing import PointerEvent
from engine.sources.input import Input
from tests.sources.stage import (
    SIZE,
    is_lit,
    newest,
    stage,
    table,
    until,
)


async def test_mirroring_flips_left_and_right() -> None:
    async with stage("drawing") as show:
        show.controls.fire("draw/stroke", (0.0, 0.0))
        for mirror, lit in ((0, 0), (1, 31), (0, 0)):
            show.controls.set("input/mirror", mirror)
            await until(partial(is_lit, show.input, 0, lit))
            assert not is_lit(show.input, 0, 31 - lit)
            assert newest(show.input).flags.c_contiguous


async def test_a_show_can_start_mirrored() -> None:
    controls = table()
    controls.set("input/mirror", 1)
    controls.set("input/source", "drawing")
    what = Input(controls, SIZE)
    what.drawing.stroke([0.0, 0.0], (255, 255, 255), 0.3)
    async with trio.open_nursery() as nursery:
        await nursery.start(what.run)
        await until(lambda: is_lit(what, 0, 31))
        nursery.cancel_scope.cancel()


async def test_a_modulator_moves_the_brush() -> None:
    async with stage("drawing") as show:
        await show.until_state("live")
        show.controls.set("draw/size", 4)
        show.controls.ride({"draw/size": 10.0})
        show.controls.fire("draw/stroke", (0.5, 0.5))
        await until(lambda: newest(show.input)[12, 16].any())
        assert newest(show.input)[12, 21].any()  # 5 pixels off: within 14 / 2, beyond 4 / 2


async def test_drawing_by_pointer_and_from_outside() -> None:
    async with stage("drawing") as show:
        await show.until_state("live")
        show.controls.set("draw/size", 8)
        show.controls.set("draw/color", "#0080FF")
        show.controls.fire("draw/stroke", (0.5, 0.5))
        await until(lambda: newest(show.input)[12, 16].tolist() == [0, 128, 255])
        for pressed in (True, True, False):
            show.input.pointer(PointerEvent(1, 0.1, 0.1, pressed))
        await until(lambda: newest(show.input)[2, 3].any())
        show.controls.fire("draw/undo")
        await until(lambda: not newest(show.input)[2, 3].any())
        show.controls.fire("draw/clear")
        await until(lambda: not newest(show.input).any())
        show.controls.fire("draw/undo")
        await until(lambda: newest(show.input).any())
        with pytest.raises(ControlError, match="pairs"):
            show.controls.fire("draw/stroke", (0.5,))


async def test_one_draws_where_one_sees_the_pointer_in_a_mirror_too() -> None:
    async with stage("drawing") as show:
        show.controls.set("input/mirror", 1)
        show.controls.set("draw/size", 6)
        show.input.pointer(PointerEvent(1, 0.2, 0.5, True))
        await until(lambda: newest(show.input)[12, 6].any())
        assert not newest(show.input)[12, 25].any()
        show.controls.fire("draw/stroke", (0.8, 0.2))
        await until(lambda: newest(show.input)[4, 25].any())


async def test_pointers_draw_only_where_the_drawing_is_shown() -> None:
    async with stage("camera:1") as show:
        await show.until_state("live")
        show.input.pointer(PointerEvent(1, 0.5, 0.5, True))
        show.input.pointer(PointerEvent(1, 0.5, 0.5, False))
        assert not show.input.drawing.picture(SIZE).any()
        show.controls.fire("draw/stroke", (0.5, 0.5))
        await until(lambda: not show.input.drawing.waiting)
        assert show.input.drawing.picture(SIZE).any(), "from outside it is prepared unseen"


async def test_a_colour_that_is_none_is_refused() -> None:
    async with stage() as show:
        show.controls.set("draw/color", "#123abc", origin="you")
        with pytest.raises(ControlError, match="draw/color takes #rrggbb, not 'red'"):
            show.controls.set("draw/color", "red", origin="me")
        assert show.controls.get("draw/color") == "#123abc"
        assert show.reports == []
