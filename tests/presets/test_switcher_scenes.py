"""What scenes ask of presets: a weight, or being ready; and loads that wait for their beat."""

from __future__ import annotations

import pytest
import trio
from trio.testing import MockClock

from presets.catalogue import Catalogue
from presets.switcher import STANDBY
from tests.presets.switching import CATALOGUE, preset, settled, switching


async def test_bring_goes_to_its_weight_and_leaves_all_others(autojump_clock: MockClock) -> None:
    async with switching(autojump_clock) as stage:
        await stage.play("neon")
        stage.fire("bring", "anime", 1.4, 2.0)
        await stage.stage("anime")
        await trio.sleep(1)
        weights = stage.weights()
        assert weights == {"neon": 0.5, "anime": pytest.approx(0.7, abs=0.02)}
        await trio.sleep(1.1)
        assert stage.weights() == {"neon": 0.5, "anime": 1.4}
        stage.fire("bring", "anime", 0.3, 0.0)  # it is there: another weight at once
        stage.fire("bring", "neon", 9.0, 0.0)  # out of range: as far as a weight goes
        await settled()
        assert stage.weights() == {"anime": 0.3, "neon": 2.0}
        assert stage.states("anime") == ["loading", "active"]


async def test_bring_to_nothing_takes_it_out(autojump_clock: MockClock) -> None:
    async with switching(autojump_clock) as stage:
        await stage.play("neon", "anime")
        stage.fire("bring", "anime", 0.0, 2.0)
        await trio.sleep(1)
        assert 0 < stage.weights()["anime"] < 0.5
        await trio.sleep(1.1)
        assert stage.weights() == {"neon": 0.5}
        stage.fire("bring", "oil", 0.8, 1.0)
        stage.fire("bring", "oil", 0.0, 1.0)  # it was still coming
        stage.downloads.finish("oil")
        await stage.stage()
        await trio.sleep(2)
        assert stage.weights() == {"neon": 0.5}
        assert stage.state("oil") == "installed"


async def test_bring_fetches_what_is_absent_beside_others(autojump_clock: MockClock) -> None:
    async with switching(autojump_clock) as stage:
        stage.fire("bring", "oil", 0.4, 0.0)
        stage.fire("bring", "ink", 0.6, 0.0)  # no load: it does not take the other's place
        for id in ("ink", "oil"):
            stage.downloads.finish(id)
            await stage.stage()
        await trio.sleep(0.1)
        assert stage.weights() == {"oil": 0.4, "ink": 0.6}


async def test_what_cannot_be_brought_is_told(autojump_clock: MockClock) -> None:
    async with switching(autojump_clock) as stage:
        assert "did you mean 'anime'" in stage.refused("bring", "anme", 0.5)
        assert "'paper' is made for SDXL" in stage.refused("bring", "paper", 0.5)
        assert stage.refused("bring", "paper", 0.0) == ""
        assert stage.weights() == {}


async def test_what_was_staged_comes_in_without_a_wait(autojump_clock: MockClock) -> None:
    async with switching(autojump_clock) as stage:
        stage.fire("stage", "anime")
        await settled()
        assert set(stage.painter.files) == {"anime"}
        await stage.stage("anime")
        assert (stage.weights(), stage.state("anime")) == ({}, "installed")
        stage.fire("bring", "anime", 0.8, 0.0)
        await settled()
        assert stage.weights() == {"anime": 0.8}  # the painter was not asked again
        assert stage.states("anime") == ["loading", "active"]


async def test_only_what_is_on_the_disk_can_be_staged(autojump_clock: MockClock) -> None:
    async with switching(autojump_clock) as stage:
        assert "preset/load oil" in stage.refused("stage", "oil")
        assert stage.refused("stage", "anme")
        assert stage.refused("stage", "paper")
        await settled()
        assert stage.painter.files == {}


async def test_of_many_that_were_staged_the_newest_are_kept_ready(
    autojump_clock: MockClock,
) -> None:
    ids = [f"style-{number}" for number in range(STANDBY + 3)]
    catalogue = Catalogue((*CATALOGUE.presets, *(preset(id, "sd15") for id in ids)))
    files = [f"{id}-sd15" for id in ids]
    async with switching(autojump_clock, files=files, catalogue=catalogue) as stage:
        for id in ids:
            stage.fire("stage", id)
        await settled()
        assert set(stage.painter.mix.files) == set(ids[-STANDBY:])


# the beat


async def test_a_load_waits_for_its_moment_and_is_loading_until_then(
    autojump_clock: MockClock,
) -> None:
    async with switching(autojump_clock) as stage:
        await stage.play("neon")
        stage.waiting = []
        stage.fire("load", "anime", 0.0)
        await stage.stage("anime")
        assert (stage.state("anime"), stage.weights()) == ("loading", {"neon": 0.5})
        await stage.moment()
        assert (stage.state("anime"), stage.weights()) == ("active", {"anime": 0.8})
        stage.fire("load", "neon", 0.0)  # both are ready: the newest comes
        stage.fire("load", "anime", 0.0)
        await stage.moment()
        assert stage.weights() == {"anime": 0.8}


async def test_what_leaves_waits_and_what_was_asked_last_holds(autojump_clock: MockClock) -> None:
    async with switching(autojump_clock) as stage:
        await stage.play("anime", "neon")
        stage.waiting = []
        stage.fire("unload", "anime", 0.0)
        await settled()
        assert set(stage.weights()) == {"anime", "neon"}
        await stage.moment()
        assert set(stage.weights()) == {"neon"}
        stage.controls.set("preset/fade", 0.0)
        stage.fire("load", "anime", 0.0)
        stage.fire("clear")
        await settled()
        assert set(stage.weights()) == {"neon"}
        await stage.moment()
        assert stage.weights() == {}
        stage.fire("clear")
        stage.fire("load", "anime", 0.0)
        await stage.moment()
        assert stage.weights() == {"anime": 0.8}


async def test_a_hand_and_a_scene_wait_for_nothing(autojump_clock: MockClock) -> None:
    async with switching(autojump_clock) as stage:
        await stage.play("anime")
        stage.waiting = []
        stage.fire("bring", "anime", 1.0, 0.0)
        await settled()
        assert stage.weights() == {"anime": 1.0}
        stage.fire("load", "anime", 0.0)
        stage.controls.set("preset/anime/weight", 0.2)  # after the load: the newest wins
        await stage.moment()
        await trio.sleep(1)
        assert stage.weights() == {"anime": 0.2}
        assert stage.waiting == []


async def test_a_painter_that_starts_anew_before_the_moment_is_waited_for(
    autojump_clock: MockClock,
) -> None:
    async with switching(autojump_clock) as stage:
        stage.waiting = []
        stage.fire("load", "anime", 0.0)
        await stage.stage("anime")
        stage.switcher.on_dropped("anime")
        await stage.moment()
        assert stage.weights() == {}
        stage.fire("load", "anime", 0.0)
        await stage.stage("anime")
        await stage.moment()
        assert stage.weights() == {"anime": 0.8}
