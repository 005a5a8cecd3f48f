"""The director on a clock that jumps, with scenes in memory."""
# ruff: noqa: ARG001 -- pytest-trio takes the clock from the arguments alone

from __future__ import annotations

import random
from typing import Any

import pytest
import trio
from trio.testing import MockClock

from controllers.osc_wire import MAX_PACKET_BYTES, pack_message
from scenes.order import listed, neighbour
from scenes.scene import Mod, Scene, Span
from scenes.setlist import SetList
from tests.scenes.stage import Presets, Shelf, Stage, on

FRAME_S = 1 / 120


A = Scene("a", fade=Span(2), set={"paint/strength": 0.9, "prompt/a": "fire"})
B = Scene("b", fade=Span(4, "beats"), set={"paint/strength": 0.1, "output/saturation": 0.0})
C = Scene("c", set={"paint/steps": 3})


async def test_a_scene_fades_in_and_is_there_exactly(autojump_clock: MockClock) -> None:
    async with on(Stage(Shelf(A, B, C))) as stage:
        assert stage.controls.get("scene/list") == "a\nb\nc"
        stage.go("a")
        await trio.sleep(1)
        assert stage.current == "a"
        assert stage.live("paint/strength") == pytest.approx(0.7, abs=0.01)
        assert stage.live("scene/progress") == pytest.approx(0.5, abs=0.01)
        await trio.sleep(1.1)
        assert stage.live("scene/progress") == 1.0
        assert (stage.live("paint/strength"), stage.live("prompt/a")) == (0.9, "fire")
        stage.go(1.0)  # b, by its place: four beats are two seconds
        await trio.sleep(1)
        assert stage.live("paint/strength") == pytest.approx(0.5, abs=0.01)
        await trio.sleep(1.1)
        assert stage.live("paint/strength") == 0.1
        assert stage.live("prompt/a") == "fire"  # not named, not touched
        stage.go("a", 0.0)
        await trio.sleep(0.1)
        assert stage.live("paint/strength") == 0.9
    assert stage.told == []


async def test_single_controls_have_fades_of_their_own(autojump_clock: MockClock) -> None:
    scene = Scene("x", fade=Span(4), set=dict(B.set), fades={"output/saturation": Span(0)})
    async with on(Stage(Shelf(scene))) as stage:
        stage.go("x")
        await trio.sleep(0.1)
        assert stage.live("output/saturation") == 0.0
        assert stage.live("paint/strength") == pytest.approx(0.49, abs=0.01)


async def test_a_fade_in_beats_follows_the_tempo(autojump_clock: MockClock) -> None:
    async with on(Stage(Shelf(B))) as stage:
        stage.go("b")
        await trio.sleep(1)  # two beats of four
        stage.controls.set("tempo/bpm", 60)
        await trio.sleep(1)  # one more
        assert stage.live("paint/strength") == pytest.approx(0.2, abs=0.01)
        await trio.sleep(1.1)
        assert stage.live("paint/strength") == 0.1


async def test_next_and_previous_go_round_and_a_set_list_stops(autojump_clock: MockClock) -> None:
    async with on(Stage(Shelf(A, B, C))) as stage:
        for verb, name in (("next", "a"), ("next", "b"), ("previous", "a"), ("previous", "c")):
            stage.controls.fire(f"scene/{verb}")
            await trio.sleep(0.1)
            assert stage.current == name
    listed = SetList("night", ("b", "a", "b"))
    async with on(Stage(Shelf(A, B, C, set_list=listed), "night")) as stage:
        assert stage.director.order == ("b", "a", "b")
        for name in ("b", "a", "b"):
            stage.controls.fire("scene/next")
            await trio.sleep(0.1)
            assert stage.current == name
        stage.controls.fire("scene/next")
        await trio.sleep(0.1)
        assert stage.told == ["scene/next: this is the last scene of night"]


async def test_what_is_not_there_is_told(autojump_clock: MockClock) -> None:
    faulty = Scene("faulty")
    async with on(Stage(Shelf(faulty), "none")) as stage:
        stage.go("neno")
        stage.go("faulty")
        stage.controls.fire("scene/reload")
        await trio.sleep(0.1)
        assert stage.current == "faulty"
        assert [line.partition(";")[0] for line in stage.told] == [
            "scene/list: unknown set list 'none'",
            "scene/go: unknown scene 'neno'",
            "scene/go: faulty.yaml:3: something",
            "scene/reload: somewhere: something",
            "scene/reload: unknown set list 'none'",
        ]


async def test_what_comes_round_by_itself_tells_its_problems_once(
    autojump_clock: MockClock,
) -> None:
    loop = Scene("faulty", after=Span(1, "s"), next="faulty")
    problem = "scene/go: faulty.yaml:3: something"
    async with on(Stage(Shelf(loop))) as stage:
        stage.go("faulty")
        await trio.sleep(5.5)
        assert stage.told == [problem]
        stage.go("faulty")
        await trio.sleep(0.1)
        assert stage.told == [problem] * 2
        stage.controls.fire("scene/reload")
        await trio.sleep(5)
        assert stage.told.count(problem) == 3


async def test_a_scene_leads_to_the_next_one_after_its_time(autojump_clock: MockClock) -> None:
    first = Scene("first", after=Span(2, "bars"), next="a")
    async with on(Stage(Shelf(first, A), scene__quantize="bar")) as stage:
        stage.go("first")
        await trio.sleep(3.9)
        assert stage.current == "first"
        await trio.sleep(0.2)
        assert stage.current == "a"
    # a go of somebody's own ends the wait
    async with on(Stage(Shelf(first, A, C))) as stage:
        stage.go("first")
        await trio.sleep(1)
        stage.go("c")
        await trio.sleep(30)
        assert stage.current == "c"


async def test_the_newest_of_those_that_wait_for_the_bar_starts(autojump_clock: MockClock) -> None:
    async with on(Stage(Shelf(A, B), scene__quantize="bar")) as stage:
        await trio.sleep(0.5)
        stage.go("a")
        await trio.sleep(0.5)
        assert stage.controls.get("scene/coming") == "a"
        stage.go("b")
        await trio.sleep(0.9)
        assert (stage.current, stage.controls.get("scene/coming")) == ("", "b")
        await trio.sleep(0.2)
        assert (stage.current, stage.controls.get("scene/coming")) == ("b", "")
    async with on(Stage(Shelf(A), scene__quantize="bar")) as stage:
        await trio.sleep(0.5)
        stage.go("a")
        await trio.sleep(0.1)
        stage.director.halt()
        await trio.sleep(30)
        assert stage.current == ""


async def test_where_the_beat_stands_nothing_waits_for_it(autojump_clock: MockClock) -> None:
    async with on(Stage(Shelf(A), scene__quantize="bar")) as stage:
        await trio.sleep(0.5)
        stage.tempo.line = stage.tempo.line.plays(trio.current_time(), False)
        stage.go("a")
        await trio.sleep(0.1)
        assert stage.current == "a"
        assert stage.notices == ["the beat stands: a starts at once"]


async def test_a_bar_quantized_change_starts_on_the_first_frame_at_or_after_the_bar(
    autojump_clock: MockClock,
) -> None:
    """A thousand bars, with the tempo changed at any time, also between asking and the bar."""
    chance = random.Random(7)
    late: list[float] = []
    async with on(Stage(Shelf(A), scene__quantize="bar")) as stage:
        started = trio.Event()

        def noting(change: Any) -> None:
            if change.parameter.name == "scene/current" and change.value:
                started.set()

        stage.controls.listen(noting)
        for _ in range(1000):
            await trio.sleep(chance.uniform(0, 1))
            stage.controls.publish("scene/current", "")
            started = trio.Event()
            stage.go("a", 0.0)
            asked = stage.tempo.beat_at(trio.current_time())
            bar = -(-asked // 4) * 4
            if chance.random() < 0.7:
                with trio.move_on_after(chance.uniform(0, 0.5)):
                    await started.wait()
                stage.controls.set("tempo/bpm", chance.uniform(60, 300))
            await started.wait()
            line = stage.tempo.line
            late.append((line.beat_at(trio.current_time()) - bar) * 60 / line.bpm)
    assert min(late) >= -1e-6
    assert max(late) <= FRAME_S + 1e-6


async def test_modulators_come_and_go_by_their_depth(autojump_clock: MockClock) -> None:
    mods = (Mod("output/saturation", "triangle", 2.0, 0.5),)
    one, none = Scene("one", fade=Span(1), mods=mods), Scene("none", fade=Span(1), mods=())
    async with on(Stage(Shelf(one, none))) as stage:
        stage.go("one")
        await trio.sleep(0.5)
        assert stage.live("mod/1/active") == 1
        assert stage.live("mod/1/depth") == pytest.approx(0.25, abs=0.02)
        await trio.sleep(0.6)
        assert stage.live("mod/1/depth") == 0.5
        stage.go("none")
        await trio.sleep(0.5)
        assert stage.live("mod/1/active") == 1
        assert stage.live("mod/1/depth") == pytest.approx(0.25, abs=0.02)
        await trio.sleep(0.6)
        assert (stage.live("mod/1/active"), stage.live("mod/1/depth")) == (0, 0.5)


async def test_a_hand_wins_over_the_fade(autojump_clock: MockClock) -> None:
    async with on(Stage(Shelf(B))) as stage:
        stage.go("b")
        await trio.sleep(0.5)
        stage.controls.set("paint/strength", 0.77)
        await trio.sleep(5)
        assert stage.live("paint/strength") == 0.77
        assert stage.live("output/saturation") == 0.0


async def test_presets_by_weight(autojump_clock: MockClock) -> None:
    scene = Scene("x", fade=Span(4, "beats"), presets={"ready": 0.8, "here": 1.0, "away": 0.5})
    following = Scene("y", presets={"later": 1.0, "far": 1.0})
    stage = Stage(Shelf(scene, following))
    states = {"ready": "active", "here": "installed", "away": "absent", "old": "active"}
    presets = Presets(stage.controls, **states, later="installed", far="absent")
    stage.controls.set("preset/old/weight", 0.6)
    await trio.sleep(1)
    async with on(stage):
        stage.go("x")
        await trio.sleep(1)
        assert ("download", "away") in presets.fired
        assert ("stage", "here") in presets.fired
        assert ("bring", "here", 1.0, 2.0) in presets.fired
        assert ("bring", "away", 0.5, 2.0) in presets.fired
        assert ("bring", "old", 0.0, 2.0) in presets.fired
        # of what comes next
        assert {("stage", "later"), ("download", "far")} <= set(presets.fired)
        assert stage.live("preset/ready/weight") == pytest.approx(0.4, abs=0.01)
        await trio.sleep(1.1)
        assert (stage.live("preset/ready/weight"), stage.live("preset/old/weight")) == (0.8, 0.0)
        assert any("away is not on this disk" in line for line in stage.told)


# decisions


def test_neighbours() -> None:
    assert [neighbour(3, at, 1, wrap=True) for at in (None, 0, 2)] == [0, 1, 0]
    assert [neighbour(3, at, 1, wrap=False) for at in (None, 0, 2)] == [0, 1, None]
    assert [neighbour(3, at, -1, wrap=False) for at in (None, 0, 2)] == [2, None, 1]
    assert neighbour(0, None, 1, wrap=True) is None


def test_a_list_that_is_too_long_says_how_many_follow() -> None:
    assert listed(("a", "b")) == "a\nb"
    assert listed(()) == ""
    for names in (
        [f"scene-{number}" for number in range(10_000)],
        ["x"] * 300,
        ["é" * 300] * 4,
        ["n" * 2000],
    ):
        *kept, more = listed(names).split("\n")
        assert kept == names[: len(kept)]
        assert more == f"+{len(names) - len(kept)}"
        assert len(pack_message("/artflow/scene/list", *kept, more)) < MAX_PACKET_BYTES
