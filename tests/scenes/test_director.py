"""The director on a clock that jumps, with scenes in memory."""
# ruff: noqa: ARG001 -- pytest-trio takes the clock from the arguments alone

from __future__ import annotations

import random
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import trio
from hypothesis import given, settings
from hypothesis import strategies as st
from trio.testing import MockClock

from engine.beats import BeatLine
from engine.controls import Controls, Trigger, Value
from engine.errors import SettingError
from engine.id_trigger import IdTrigger
from engine.motion import Motion
from engine.parameters import PARAMETERS, TRIGGERS
from engine.tempo import Tempo
from presets.catalogue import Preset
from presets.preset_controls import rows
from scenes.director import Director
from scenes.order import Goal, listed, neighbour
from scenes.saving import scene_now
from scenes.scene import Mod, Scene, Span
from scenes.setlist import SetList

FRAME_S = 1 / 120


class Shelf:
    """Scenes in memory, as `scenes.shelf.Shelf` has them on the disk."""

    def __init__(self, *scenes: Scene, set_list: SetList | None = None) -> None:
        self.scenes = {scene.name: scene for scene in scenes}
        self._set_list = set_list

    def names(self) -> tuple[str, ...]:
        return tuple(self.scenes)

    def scene(self, name: str) -> Scene:
        if name not in self.scenes:
            raise SettingError(f"unknown scene {name!r}; see artflow scenes list")
        return self.scenes[name]

    def scene_problems(self, name: str) -> tuple[str, ...]:
        return (f"{name}.yaml:3: something",) if name == "faulty" else ()

    def set_list(self, name: str) -> tuple[SetList, list[str]]:
        if self._set_list is None:
            raise SettingError(f"unknown set list {name!r}; see artflow scenes list")
        return self._set_list, []

    def reload(self) -> list[str]:
        return ["somewhere: something"]

    def save(self, scene: Scene) -> Path:
        self.scenes[scene.name] = scene
        return Path(scene.name)


async def at_once(act: Callable[..., Any], *arguments: object) -> Any:
    await trio.lowlevel.checkpoint()
    return act(*arguments)


class Stage:
    def __init__(self, shelf: Shelf, set_list: str = "", **start: Value) -> None:
        self.controls = Controls()
        rows = (row for row in TRIGGERS if row.name != "scene/go")
        go = IdTrigger("scene/go", "", "s[f", lambda: self.director.order)
        self.controls.declare(*PARAMETERS, *rows, go)
        for name, value in start.items():
            self.controls.set(name.replace("__", "/"), value)
        self.motion = Motion(self.controls)
        self.tempo = Tempo(self.controls, clock=trio.current_time)
        self.told: list[str] = []
        self.controls.on_report(lambda address, text, _: self.told.append(f"{address}: {text}"))
        self.director = Director(
            self.controls, shelf, self.motion, self.tempo, set_list=set_list, in_thread=at_once
        )

    def go(self, *arguments: Value) -> None:
        self.controls.fire("scene/go", arguments)

    @property
    def current(self) -> Value:
        return self.controls.get("scene/current")

    def live(self, name: str) -> Value:
        return self.controls.snapshot.values[name]


@asynccontextmanager
async def on(stage: Stage) -> AsyncIterator[Stage]:
    async with trio.open_nursery() as nursery:
        nursery.start_soon(stage.motion.run)
        await nursery.start(stage.director.run)
        yield stage
        nursery.cancel_scope.cancel()


A = Scene("a", fade=Span(2), set={"paint/strength": 0.9, "prompt/a": "fire"})
B = Scene("b", fade=Span(4, "beats"), set={"paint/strength": 0.1, "output/saturation": 0.0})
C = Scene("c", set={"paint/steps": 3})


async def test_a_scene_fades_in_and_is_there_exactly(autojump_clock: MockClock) -> None:
    async with on(Stage(Shelf(A, B, C))) as stage:
        assert stage.controls.get("scene/list") == "a, b, c"
        stage.go("a")
        await trio.sleep(1)
        assert stage.current == "a"
        assert stage.live("paint/strength") == pytest.approx(0.7, abs=0.01)
        await trio.sleep(1.1)
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
            "scene/list: unknown set list 'none'",
            "scene/reload: somewhere: something",
        ]


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


class Presets:
    """As the controls of presets are, with what was asked of them."""

    def __init__(self, controls: Controls, **states: str) -> None:

        self.controls = controls
        self.fired: list[tuple[Value, ...]] = []
        controls.declare(*(Trigger(f"preset/{verb}", "", told) for verb, told in VERBS.items()))
        for id, state in states.items():
            controls.declare(*rows(Preset(id, id, ()), str))
            controls.publish(f"preset/{id}/state", state)
            controls.publish(f"preset/{id}/kind", "style")
            controls.publish(f"preset/{id}/fits", 1)
        for verb in VERBS:
            controls.on(f"preset/{verb}", self._note(verb))

    def _note(self, verb: str) -> Callable[[tuple[Value, ...], object], None]:
        def note(told: tuple[Value, ...], _origin: object) -> None:
            self.fired.append((verb, *told))
            if self.controls.get(f"preset/{told[0]}/state") == "active":
                weight = told[1] if verb == "bring" else 0.0
                if verb in ("bring", "unload"):
                    self.controls.set(f"preset/{told[0]}/weight", weight, self)

        return note


VERBS = {"bring": "sf[f", "stage": "s", "unload": "s[f", "download": "s[i"}


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
        assert ("unload", "old", 2.0) in presets.fired
        # of what comes next
        assert {("stage", "later"), ("download", "far")} <= set(presets.fired)
        assert stage.live("preset/ready/weight") == pytest.approx(0.4, abs=0.01)
        await trio.sleep(1.1)
        assert (stage.live("preset/ready/weight"), stage.live("preset/old/weight")) == (0.8, 0.0)
        assert any("away is not on this disk" in line for line in stage.told)


# saving

settable = [row for row in PARAMETERS if not row.read_only]


@st.composite
def states(draw: st.DrawFn) -> dict[str, Value]:
    values: dict[str, Value] = {}
    for row in draw(st.lists(st.sampled_from(settable), max_size=30, unique_by=lambda r: r.name)):
        if row.choices is not None:
            values[row.name] = draw(st.sampled_from(row.choices))
        elif row.form:
            values[row.name] = f"#{draw(st.integers(0, 0xFFFFFF)):06x}"
        elif row.kind == "s":
            values[row.name] = draw(st.text(st.characters(codec="utf-8"), max_size=20))
        elif row.low is not None and row.high is not None:
            share = draw(st.floats(0, 1))
            values[row.name] = row.denormalized(share)
    values.pop("tempo/source", None)  # another clock has the tempo
    return values


@given(states(), states(), st.sampled_from((0.0, 1.5)))
@settings(deadline=None, max_examples=60)
def test_save_then_go_brings_everything_back(
    saved: dict[str, Value], other: dict[str, Value], fade_s: float
) -> None:
    shelf = Shelf()

    async def play() -> None:
        first = Stage(shelf)
        for name, value in saved.items():
            first.controls.set(name, value)
        async with on(first):
            first.controls.fire("scene/save", ("look",))
            await trio.sleep(1)
        second = Stage(shelf)
        for name, value in other.items():
            second.controls.set(name, value)
        async with on(second):
            second.go("look", fade_s)
            await trio.sleep(3)
        assert second.told == []
        for row in settable:
            assert second.live(row.name) == first.live(row.name), row.name
            assert second.controls.get(row.name) == first.controls.get(row.name), row.name

    trio.run(play, clock=MockClock(autojump_threshold=0))


async def test_saving_in_the_middle_of_a_fade_saves_where_it_leads(
    autojump_clock: MockClock,
) -> None:
    scene = Scene("x", fade=Span(4), set={"prompt/a": "new", "output/flip": "both"}, mods=None)
    shelf = Shelf(scene)
    async with on(Stage(shelf)) as stage:
        stage.go("x")
        await trio.sleep(1)
        stage.controls.fire("scene/save", ("y",))
        await trio.sleep(0.1)
        saved = shelf.scenes["y"].set
        assert (saved["prompt/a"], saved["prompt/mix"], saved["output/flip"]) == (
            "new",
            0.0,
            "both",
        )
        assert scene_now(stage.controls, {}, {}).set["prompt/b"] == "new"


# decisions


def test_neighbours() -> None:
    assert [neighbour(3, at, 1, wrap=True) for at in (None, 0, 2)] == [0, 1, 0]
    assert [neighbour(3, at, 1, wrap=False) for at in (None, 0, 2)] == [0, 1, None]
    assert [neighbour(3, at, -1, wrap=False) for at in (None, 0, 2)] == [2, None, 1]
    assert neighbour(0, None, 1, wrap=True) is None


def test_a_goal_comes_nearer_where_the_beat_is_put_back() -> None:
    goal = Goal.after(9.0, "bar")
    assert goal == Goal(4.0, 12.0)
    assert goal.seen(11.0) == goal
    assert goal.seen(12.1) == goal
    assert goal.seen(0.5) == Goal(4.0, 4.0)
    assert Goal.after(9.0, "none") is None
    line = BeatLine(0.0, 0.0, 120)
    assert goal.reached(line.beat_at(6.0))


def test_a_list_that_is_too_long_says_how_many_follow() -> None:
    assert listed(("a", "b")) == "a, b"
    names = [f"scene-{number}" for number in range(10_000)]
    text = listed(names)
    assert len(text.encode()) <= 1000
    *kept, more = text.split(", ")
    assert kept == names[: len(kept)]
    assert more == f"+{10_000 - len(kept)}"
