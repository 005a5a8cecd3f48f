"""Whatever is asked for and reported, in whatever order: the newest load ends in the picture."""

from __future__ import annotations

import contextlib
from typing import Any

import trio
from hypothesis import given, settings
from hypothesis import strategies as st
from trio.testing import MockClock

from engine.errors import ArtflowError
from presets.preset_states import STATES
from tests.presets.switching import CATALOGUE, FILES, Stage, model, settled, switching

STYLES = ("anime", "neon", "oil", "ink")
NEXT = {"queued": "resolving", "resolving": "downloading", "downloading": "verifying"}

styles, seconds = st.sampled_from(STYLES), st.sampled_from([0.0, 0.3, 2.0])
fractions = st.floats(0, 1)
actions = st.one_of(
    st.tuples(st.just("load"), styles, seconds),
    st.tuples(st.just("load"), st.sampled_from(["lcm", "tcd"])),
    st.tuples(st.just("unload"), styles),
    st.tuples(st.sampled_from(["clear", "next", "previous", "rescan"])),
    st.tuples(st.sampled_from(["a", "b", "download", "cancel", "delete"]), styles),
    st.tuples(st.just("!weight"), styles, st.floats(-3, 3)),
    st.tuples(st.just("!mix"), fractions),
    st.tuples(st.just("!download"), st.sampled_from(["on", "fail"]), fractions),
    st.tuples(st.just("!painter"), st.sampled_from(["staged", "unfit", "dropped"]), fractions),
    st.tuples(st.just("!model"), st.sampled_from([model(), model("xl", "sdxl")])),
    st.tuples(st.just("!disk"), st.sampled_from(["replace", "gone", "back"]), styles),
    st.tuples(st.just("!wait"), st.sampled_from([0.0, 0.01, 0.2, 1.0])),
)


async def do(stage: Stage, what: str, *arguments: Any) -> None:
    match (what, *arguments):
        case ("!weight", id, value):
            stage.controls.set(f"preset/{id}/weight", value)
        case ("!mix", value):
            stage.controls.set("preset/mix", value)
        case ("!download", how, which):
            under_way = list(stage.downloads.wanted)
            if under_way:
                get_on(stage, under_way[int(which * (len(under_way) - 1))], how)
        case ("!painter", how, which):
            asked = list(stage.painter.files)
            ready = [id for id in stage.painter.known if id not in asked]
            ids = ready if how == "dropped" else asked
            if ids:
                id = ids[int(which * (len(ids) - 1))]
                stage.painter.answer(id)
                told = {"unfit": (id, "no")}.get(how, (id,))
                getattr(stage.switcher, f"on_{how}")(*told)
        case ("!model", choice):
            stage.painter.restart()
            stage.switcher.change(choice)
        case ("!disk", how, id):
            names = {f"{id}-{base}.safetensors" for base in ("sd15", "sdxl")}
            if how == "replace":
                stage.shelf.replace(*(name.removesuffix(".safetensors") for name in names))
            elif how == "gone":
                stage.shelf.files -= names
            else:
                stage.shelf.files |= names
            stage.fire("rescan")
        case ("!wait", duration):
            await trio.sleep(duration)
        case _:
            stage.fire(what, *arguments)


def get_on(stage: Stage, id: str, how: str) -> None:
    if how == "fail":
        stage.downloads.get_on(id, "failed", error="no mirror")
        return
    state = stage.downloads.stands[id].state
    stage.downloads.get_on(id, NEXT.get(state, "installed"))  # type: ignore[arg-type]


def check(stage: Stage) -> None:
    for id in stage.switcher.roster.ids:
        assert -2 <= stage.get(id, "weight") <= 2
        assert -2 <= stage.controls.snapshot.number(f"preset/{id}/weight") <= 2
        assert stage.state(id) in STATES
    assert set(stage.painter.mix.weights) <= set(CATALOGUE.ids())
    base = stage.switcher.roster.model.base
    assert all(file.base == base for file in stage.painter.mix.files.values())


async def to_the_end(stage: Stage) -> None:
    """Everything that is under way gets where it goes."""
    for _ in range(8):
        for id in list(stage.downloads.wanted):
            get_on(stage, id, "on")
        await stage.stage()
        await trio.sleep(1)


async def play(clock: MockClock, plan: list[tuple[Any, ...]], last: tuple[Any, ...]) -> None:
    async with switching(clock, files=(*FILES, "neon-sdxl")) as stage:
        for action in plan:
            with contextlib.suppress(ArtflowError):
                await do(stage, *action)
            await settled()
            check(stage)
        loaded = stage.switcher.roster.variant(last[0]) is not None
        if loaded:
            stage.fire("load", *last)
        await to_the_end(stage)
        check(stage)
        for id in stage.switcher.roster.ids:
            if CATALOGUE.preset(id).kind == "style" and loaded:
                target = CATALOGUE.preset(id).weight if id == last[0] else 0
                assert stage.get(id, "weight") == target, id
            asked = bool(stage.get(id, "weight"))
            assert (stage.state(id) == "active") == asked, (id, stage.state(id))
            assert stage.state(id) in ("absent", "installed", "active", "failed", "cancelled"), id


@settings(max_examples=100, deadline=None)
@given(st.lists(actions, max_size=25), st.tuples(styles, seconds))
def test_the_newest_load_wins_and_nothing_is_stuck(
    plan: list[tuple[Any, ...]], last: tuple[Any, ...]
) -> None:
    clock = MockClock(autojump_threshold=0)
    trio.run(play, clock, plan, last, clock=clock)
