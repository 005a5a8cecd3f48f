"""What is asked for while something else is under way: the newest wins, and nothing comes late."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
import trio

from scenes.coming import words_of
from scenes.scene import Mod, Scene, Span
from scenes.setlist import SetList
from tests.scenes.stage import Presets, Shelf, Stage, on

pytestmark = pytest.mark.usefixtures("autojump_clock")

A = Scene("a", set={"paint/strength": 0.9})
X = Scene("x", set={"output/brightness": 0.5})


@dataclass
class Slow:
    """A disk that takes its time."""

    seconds: float = 0.0

    async def __call__(self, act: Callable[..., Any], *arguments: object) -> Any:
        await trio.sleep(self.seconds)
        return act(*arguments)


def slow(stage: Stage) -> Slow:
    stage.director._in_thread = disk = Slow()
    return disk


def played(stage: Stage) -> list[object]:
    """The scenes as they begin."""
    seen: list[object] = []
    stage.controls.listen(
        lambda it: seen.append(it.value) if it.parameter.name == "scene/current" else None
    )
    return seen


async def test_after_a_panic_nothing_comes_that_was_asked_for_before_it() -> None:
    stage = Stage(Shelf(A, X))
    disk = slow(stage)
    async with on(stage):
        disk.seconds = 0.3
        stage.controls.fire("scene/reload")
        stage.go("x")
        stage.controls.fire("scene/next")
        await trio.sleep(0.1)
        stage.director.halt()
        await trio.sleep(3)
        assert (stage.current, stage.live("output/brightness")) == ("", 1.0)
        stage.go("x")
        await trio.sleep(3)
        assert stage.current == "x"


async def test_what_follows_by_itself_gives_way_to_what_somebody_asks_for() -> None:
    by_itself = Scene("s", after=Span(6, "beats"), next="a")
    async with on(Stage(Shelf(by_itself, A, X))) as stage:
        stage.go("s")
        await trio.sleep(2.2)  # beat 4.4; `after` is over at 6, the bar at 8
        stage.controls.set("scene/quantize", "bar")
        stage.go("x")
        await trio.sleep(1.5)
        assert (stage.current, stage.controls.get("scene/coming")) == ("s", "x")
        await trio.sleep(0.5)
        assert stage.current == "x"
    stage = Stage(Shelf(Scene("s", after=Span(2), next="a"), A, X))
    disk = slow(stage)
    async with on(stage):
        seen = played(stage)
        stage.go("s")
        await trio.sleep(1.9)
        disk.seconds = 0.3  # it is still being read when the other's time comes
        stage.go("x")
        await trio.sleep(3)
        assert seen == ["s", "x"]


async def test_next_leads_where_the_scene_says() -> None:
    async with on(Stage(Shelf(Scene("s", next="x"), A, X))) as stage:
        stage.go("s")
        await trio.sleep(0.2)
        stage.controls.fire("scene/next")
        await trio.sleep(0.2)
        assert stage.current == "x"
        stage.controls.fire("scene/previous")
        await trio.sleep(0.2)
        assert stage.current == "a"


async def test_a_detour_does_not_lose_the_place_in_the_night() -> None:
    scenes = [Scene(name) for name in "abcz"]
    night = SetList("night", ("a", "b", "c"))
    async with on(Stage(Shelf(*scenes, set_list=night), "night")) as stage:
        for name in "bz":
            stage.go(name)
            await trio.sleep(0.1)
        stage.controls.fire("scene/reload")
        stage.controls.fire("scene/next")
        await trio.sleep(0.1)
        assert stage.current == "c"


async def test_the_order_may_change_under_what_comes() -> None:
    class Sorted(Shelf):
        def names(self) -> tuple[str, ...]:
            return tuple(sorted(self.scenes))

    first = Scene("a", after=Span(2))
    async with on(Stage(Sorted(first, Scene("c"), Scene("d")))) as stage:
        stage.go("a")
        await trio.sleep(1)
        stage.controls.fire("scene/save", ("b",))  # it stands between the two now
        await trio.sleep(1.5)
        assert stage.current == "b"
        stage.controls.fire("scene/next")
        await trio.sleep(0.2)
        assert stage.current == "c"
    shelf = Shelf(first, Scene("b"), Scene("c"), set_list=SetList("night", ("a", "b")))
    async with on(Stage(shelf, "night")) as stage:
        stage.go("a")
        await trio.sleep(1)
        shelf._set_list = SetList("night", ("a", "c"))
        stage.controls.fire("scene/reload")
        await trio.sleep(2)
        assert stage.current == "c"


async def test_what_waits_for_the_bar_finds_its_place_in_the_new_order() -> None:
    scenes = [Scene(name) for name in "abcd"]
    shelf = Shelf(*scenes, set_list=SetList("night", ("a", "b", "c")))
    async with on(Stage(shelf, "night", scene__quantize="bar")) as stage:
        await trio.sleep(0.1)
        stage.go("b")
        await trio.sleep(0.1)
        shelf._set_list = SetList("night", ("d", "a", "b", "c"))
        stage.controls.fire("scene/reload")
        await trio.sleep(3)
        assert stage.current == "b"
        stage.controls.fire("scene/next")
        await trio.sleep(3)
        assert stage.current == "c"


async def test_what_follows_in_beats_stays_on_the_beat() -> None:
    one = Scene("one", quantize="bar", after=Span(2, "beats"), next="two")
    two = Scene("two", after=Span(2, "beats"), next="one")
    stage = Stage(Shelf(one, two))
    disk = slow(stage)
    async with on(stage):
        stage.go("one")
        await trio.sleep(0.1)
        disk.seconds = 0.013
        starts: list[float] = []
        stage.controls.listen(
            lambda it: (
                starts.append(stage.tempo.beat_now())
                if it.parameter.name == "scene/current"
                else None
            )
        )
        await trio.sleep(60.2)
        assert len(starts) > 57
        assert all(0.0 <= start % 2 < 0.06 for start in starts)


async def test_while_the_beat_stands_beats_are_as_long_as_the_tempo_says() -> None:
    fade = Scene("s", fade=Span(2, "beats"), after=Span(2, "bars"), next="a", set=A.set)
    async with on(Stage(Shelf(fade, A))) as stage:
        stage.tempo.line = stage.tempo.line.plays(trio.current_time(), False)
        stage.go("s")
        await trio.sleep(0.5)
        assert stage.motion.at("paint/strength") == pytest.approx(0.7, abs=0.03)
        await trio.sleep(0.6)
        assert stage.motion.at("paint/strength") == 0.9
        await trio.sleep(3.1)
        assert stage.current == "a"


async def test_another_clock_that_counts_other_bars_starts_nothing_in_mid_bar() -> None:
    async with on(Stage(Shelf(A), scene__quantize="bar")) as stage:
        await trio.sleep(0.3)
        stage.go("a")
        await trio.sleep(0.2)
        now = trio.current_time()
        stage.tempo.line = stage.tempo.line.towards(now, stage.tempo.line.beat_at(now) + 400)
        await trio.sleep(0.9)
        assert stage.current == ""
        await trio.sleep(0.7)
        assert stage.current == "a"


async def test_a_style_of_an_abandoned_scene_does_not_come_with_another_model() -> None:
    stage = Stage(Shelf(Scene("one", presets={"wc": 0.8}), Scene("none", presets={})))
    presets = Presets(stage.controls, wc="installed")
    stage.controls.publish("preset/wc/fits", 0)
    async with on(stage):
        stage.go("one")
        await trio.sleep(0.5)
        stage.controls.publish("preset/wc/fits", 1)
        await trio.sleep(0.1)
        assert ("bring", "wc", 0.8, 1.0) in presets.fired  # of the scene that plays, it does
        stage.controls.publish("preset/wc/fits", 0)
        stage.go("one")
        await trio.sleep(0.5)
        stage.go("none")
        await trio.sleep(5)
        presets.fired.clear()
        stage.controls.publish("preset/wc/fits", 1)
        await trio.sleep(0.1)
        assert presets.fired == []


async def test_styles_that_do_not_fit_yet_are_not_made_ready() -> None:
    set_by_name = Scene("two", quantize="bar", set={"preset/ink/weight": 0.5})
    stage = Stage(Shelf(Scene("one", quantize="bar", presets={"wc": 0.8}), set_by_name))
    presets = Presets(stage.controls, wc="installed", ink="installed")
    stage.controls.publish("preset/wc/fits", 0)
    async with on(stage):
        await trio.sleep(0.3)
        for name in ("one", "two"):
            stage.go(name)
            await trio.sleep(0.1)
        assert presets.fired == [("stage", "ink")]
        assert stage.told == []


async def test_the_words_of_what_comes_are_told_beforehand() -> None:
    one = Scene("one", quantize="bar", set={"prompt/a": "neon city"}, next="two")
    two = Scene("two", set={"prompt/a": "red cat", "prompt/b": "neon city"})
    async with on(Stage(Shelf(one, two))) as stage:
        await trio.sleep(0.3)
        stage.go("one")
        await trio.sleep(0.2)
        assert stage.live("prompt/coming") == "neon city"
        await trio.sleep(2)
        assert (stage.current, stage.live("prompt/coming")) == ("one", "red cat\nneon city")
        stage.go("two")
        await trio.sleep(1)
        assert stage.live("prompt/coming") == "neon city"  # the order begins anew with one


@pytest.mark.parametrize("text", ["two\nlines", "x" * 996, ""])
def test_words_that_no_line_can_hold_are_left_out(text: str) -> None:
    assert words_of(Scene("s", set={"prompt/a": text, "prompt/b": "cat"}), None) == "cat"


async def test_a_modulator_that_panic_ends_on_its_way_out_has_its_depth_again() -> None:
    mods = (Mod("output/saturation", "sine", 2.0, 0.5),)
    one, none = Scene("one", mods=mods), Scene("none", fade=Span(4), mods=())
    async with on(Stage(Shelf(one, none))) as stage:
        stage.go("one", 0.0)
        await trio.sleep(0.5)
        stage.go("none")
        await trio.sleep(1)
        stage.controls.set("mod/1/active", 0)
        stage.director.halt()
        await trio.sleep(6)
        assert (stage.live("mod/1/depth"), stage.live("mod/1/active")) == (0.5, 0)


async def test_a_hand_on_a_modulator_that_makes_room_keeps_what_comes() -> None:
    one = Scene("one", mods=(Mod("output/saturation", "sine", 2.0, 0.5),))
    two = Scene("two", fade=Span(4), mods=(Mod("output/contrast", "saw", 4.0, 0.25),))
    async with on(Stage(Shelf(one, two))) as stage:
        stage.go("one", 0.0)
        await trio.sleep(0.5)
        stage.go("two")
        await trio.sleep(1)
        stage.controls.set("mod/1/beats", 8.0)
        await trio.sleep(6)
        assert stage.live("mod/1/target") == "output/contrast"
        assert (stage.live("mod/1/beats"), stage.live("mod/1/depth")) == (8.0, 0.25)


async def test_a_tempo_is_told_as_the_beat_runs() -> None:
    async with on(Stage(Shelf(Scene("s", fade=Span(8), set={"tempo/bpm": 60.0})))) as stage:
        stage.go("s")
        await trio.sleep(0.1)
        assert (stage.live("tempo/bpm"), stage.tempo.line.bpm) == (60.0, 60.0)


async def test_a_fade_out_of_range_is_told() -> None:
    async with on(Stage(Shelf(A))) as stage:
        stage.go("a", 9999.0)
        await trio.sleep(0.1)
        assert stage.told == ["scene/go: a fade of 9999 s is clamped to 600; allowed: 0 to 600"]
