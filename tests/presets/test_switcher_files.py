"""Files that change while they play: nothing jumps, and the next load plays what is there then."""

from __future__ import annotations

import pytest
import trio
from trio.testing import MockClock

from engine.errors import ControlError
from engine.mixing import LoraFile
from tests.presets.switching import CATALOGUE, Stage, model, preset, settled, switching


async def look(stage: Stage) -> None:
    stage.fire("rescan")
    await settled()
    stage.switcher.follow(stage.controls.commit())


def told(stage: Stage, id: str = "anime") -> LoraFile | None:
    return stage.painter.mix.files.get(id)


async def test_a_file_that_is_replaced_plays_on_until_it_is_unloaded_and_loaded_again(
    autojump_clock: MockClock,
) -> None:
    async with switching(autojump_clock) as stage:
        await stage.play("anime")
        before = told(stage)
        stage.shelf.replace("anime-sd15")
        await look(stage)
        stage.fire("load", "anime")  # it is in the mix: only its weight moves
        await trio.sleep(1)
        assert (told(stage), stage.weights()) == (before, {"anime": 0.8})
        stage.fire("unload", "anime", 2)
        await trio.sleep(1)
        assert told(stage) == before, "it fades out as what it was"
        await trio.sleep(2)
        assert (stage.state("anime"), told(stage)) == ("installed", None)
        stage.fire("load", "anime")
        await settled()
        assert told(stage) != before
        assert (stage.state("anime"), stage.weights()) == ("loading", {}), "it is read first"
        await stage.stage("anime")
        await trio.sleep(1)
        after = told(stage)
        assert (stage.state("anime"), stage.weights()) == ("active", {"anime": 0.8})
        await look(stage)
        stage.fire("unload", "anime")
        await trio.sleep(1)
        stage.fire("load", "anime")
        assert (stage.state("anime"), told(stage)) == ("loading", after), "ready at once"


async def test_a_replaced_file_that_nobody_hears_is_read_anew(autojump_clock: MockClock) -> None:
    async with switching(autojump_clock) as stage:
        await stage.play("anime")
        before = told(stage)
        stage.fire("unload", "anime")
        await trio.sleep(1)
        assert told(stage) == before, "it stays ready"
        stage.shelf.replace("anime-sd15")
        await look(stage)
        assert told(stage) is None
        stage.controls.set("preset/anime/weight", 0.4)
        await settled()
        assert told(stage) not in (None, before)


async def test_loaded_again_while_it_fades_out_it_comes_back_as_the_new_one(
    autojump_clock: MockClock,
) -> None:
    async with switching(autojump_clock) as stage:
        await stage.play("anime")
        before = told(stage)
        stage.shelf.replace("anime-sd15")
        await look(stage)
        stage.fire("unload", "anime", 50)
        stage.fire("load", "anime", 2)
        await trio.sleep(1)
        assert told(stage) == before
        assert 0 < stage.weights()["anime"] < 0.5
        await trio.sleep(2)
        assert (told(stage) == before, stage.weights()) == (False, {})
        await stage.stage("anime")
        await trio.sleep(3)
        assert (stage.state("anime"), stage.weights()) == ("active", {"anime": 0.8})
        stage.shelf.replace("anime-sd15")
        await look(stage)
        before = told(stage)
        stage.fire("unload", "anime", 0)
        stage.fire("load", "anime", 0)
        await settled()
        assert (told(stage) == before, stage.weights()) == (False, {})


async def test_replaced_while_it_is_read_it_is_read_again(autojump_clock: MockClock) -> None:
    async with switching(autojump_clock) as stage:
        stage.fire("load", "anime")
        await settled()
        before = told(stage)
        stage.shelf.replace("anime-sd15")
        await look(stage)
        assert told(stage) not in (None, before)


async def test_what_was_just_fetched_is_read_once(autojump_clock: MockClock) -> None:
    async with switching(autojump_clock) as stage:
        stage.fire("load", "oil", 0)
        stage.downloads.finish("oil")
        stage.switcher.follow(stage.controls.commit())  # before the library has seen it
        before = told(stage, "oil")
        await stage.stage("oil")
        stage.fire("unload", "oil", 0)
        await look(stage)
        assert told(stage, "oil") == before != None  # noqa: E711


async def test_a_file_that_is_taken_away_and_put_back_is_the_same(
    autojump_clock: MockClock,
) -> None:
    async with switching(autojump_clock) as stage:
        await stage.play("anime")
        before = told(stage)
        stage.shelf.files.discard("anime-sd15.safetensors")
        await look(stage)
        stage.shelf.files.add("anime-sd15.safetensors")
        await look(stage)
        stage.fire("unload", "anime")
        await trio.sleep(1)
        assert (stage.state("anime"), told(stage)) == ("installed", before)


async def test_put_back_while_a_load_waits_for_it_to_fade_it_comes_in_at_once(
    autojump_clock: MockClock,
) -> None:
    async with switching(autojump_clock) as stage:
        await stage.play("anime")
        stage.shelf.replace("anime-sd15")
        await look(stage)
        stage.fire("unload", "anime")
        stage.fire("load", "anime", 4)
        await trio.sleep(1)
        stage.shelf.copies.clear()
        await look(stage)
        await trio.sleep(5)
        assert (stage.state("anime"), stage.weights()) == ("active", {"anime": 0.8})


async def test_another_model_reads_what_is_there(autojump_clock: MockClock) -> None:
    async with switching(autojump_clock) as stage:
        await stage.play("anime")
        before = told(stage)
        stage.shelf.replace("anime-sd15")
        await look(stage)
        stage.painter.restart()
        stage.switcher.change(model("another"))
        await settled()
        after = told(stage)
        assert after not in (None, before)
        await stage.stage("anime")
        stage.fire("unload", "anime")
        await trio.sleep(1)
        assert told(stage) == after


async def test_a_file_that_is_gone_plays_from_memory_until_it_is_unloaded(
    autojump_clock: MockClock,
) -> None:
    async with switching(autojump_clock) as stage:
        await stage.play("anime")
        before = told(stage)
        stage.shelf.files.discard("anime-sd15.safetensors")
        await look(stage)
        stage.controls.set("preset/anime/weight", 0.7)
        await trio.sleep(1)
        assert (told(stage), stage.weights()) == (before, {"anime": 0.7})
        stage.fire("unload", "anime")
        await trio.sleep(1)
        assert (stage.state("anime"), told(stage)) == ("absent", None)
        with pytest.raises(ControlError, match="anime is not on this disk"):
            stage.controls.set("preset/anime/weight", 0.7)
        stage.fire("load", "anime")
        await settled()
        assert (stage.state("anime"), told(stage), stage.weights()) == ("queued", None, {})
        stage.downloads.finish("anime")
        await settled()
        assert told(stage) not in (None, before)
        await stage.stage("anime")
        await trio.sleep(1)
        assert stage.weights() == {"anime": 0.8}


async def test_a_file_that_is_gone_is_fetched_while_the_last_of_it_fades(
    autojump_clock: MockClock,
) -> None:
    async with switching(autojump_clock) as stage:
        await stage.play("anime")
        before = told(stage)
        stage.shelf.files.discard("anime-sd15.safetensors")
        await look(stage)
        stage.fire("unload", "anime")
        with pytest.raises(ControlError, match="anime is not on this disk"):
            stage.controls.set("preset/anime/weight", 0.7)
        stage.fire("load", "anime", 1)
        stage.downloads.finish("anime")
        await settled()
        assert told(stage) == before
        await trio.sleep(2)
        assert told(stage) not in (None, before)
        await stage.stage("anime")
        await trio.sleep(2)
        assert (stage.state("anime"), stage.weights()) == ("active", {"anime": 0.8})


async def test_a_file_copied_in_that_is_gone_is_unknown_once_it_is_unloaded(
    autojump_clock: MockClock,
) -> None:
    mine = CATALOGUE.over([preset("mine", "sd15")])
    async with switching(autojump_clock, files=["mine-sd15"], catalogue=mine) as stage:
        await stage.play("mine")
        stage.shelf.files.clear()
        stage.shelf.catalogue = CATALOGUE
        await look(stage)
        assert stage.weights() == {"mine": 0.5}
        stage.fire("clear")
        await trio.sleep(1)
        assert (stage.state("mine"), told(stage, "mine")) == ("absent", None)
        with pytest.raises(ControlError, match="unknown preset 'mine'"):
            stage.controls.set("preset/mine/weight", 0.7)
        assert "unknown preset 'mine'" in stage.refused("load", "mine")


@pytest.mark.parametrize(
    ("how", "end", "after"),
    [
        ("finish", "installed", "installed"),
        ("fail", "failed", "failed"),
        ("cancel", "cancelled", "absent"),
    ],
)
async def test_how_the_download_of_what_plays_from_memory_ends_is_told(
    how: str, end: str, after: str, autojump_clock: MockClock
) -> None:
    async with switching(autojump_clock) as stage:
        await stage.play("anime")
        before = told(stage)
        stage.shelf.files.discard("anime-sd15.safetensors")
        await look(stage)
        stage.fire("download", "anime")
        getattr(stage.downloads, how)("anime")
        await trio.sleep(1)
        states = stage.states("anime")
        assert end in states
        assert (states[-1], stage.weights()) == ("active", {"anime": 0.5})
        stage.fire("unload", "anime")
        await trio.sleep(1)
        assert stage.state("anime") == after
        stage.fire("load", "anime")
        await settled()
        assert told(stage) != before
