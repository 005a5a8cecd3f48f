"""Entries that change while they play: what is heard goes on, and what is told of them is new."""

from __future__ import annotations

import pytest
import trio
from msgspec import structs
from trio.testing import MockClock

from engine.errors import ControlError
from tests.presets.switching import CATALOGUE, Stage, settled, switching


async def rewrite(stage: Stage, **news: object) -> None:
    """Give anime's entry other words, and its file for SD 1.5 another name if `file` is said."""
    anime = CATALOGUE.preset("anime")
    file = news.pop("file", anime.variants[0].file)
    variants = (structs.replace(anime.variants[0], file=file), *anime.variants[1:])
    stage.shelf.catalogue = CATALOGUE.over([structs.replace(anime, variants=variants, **news)])
    stage.fire("rescan")
    await settled()
    stage.switcher.follow(stage.controls.commit())


async def test_what_is_told_of_an_entry_changes_with_it(autojump_clock: MockClock) -> None:
    async with switching(autojump_clock) as stage:
        await stage.play("anime")
        await rewrite(stage, name="Another", weight=0.3)
        assert stage.get("anime", "name") == "Another"
        assert stage.weights() == {"anime": 0.5}
        stage.fire("load", "anime", 0)
        await settled()
        assert stage.get("anime", "weight") == 0.3
        assert stage.state("anime") == "active"


async def test_a_style_plays_on_with_the_file_that_its_entry_named_until_it_is_loaded_again(
    autojump_clock: MockClock,
) -> None:
    async with switching(autojump_clock) as stage:
        await stage.play("anime")
        before = stage.painter.mix.files["anime"]
        await rewrite(stage, file="newer.safetensors")
        assert stage.painter.mix.files["anime"] == before
        assert (stage.state("anime"), stage.weights()) == ("active", {"anime": 0.5})
        stage.shelf.files.add("newer.safetensors")
        stage.fire("rescan")
        await settled()
        stage.switcher.follow(stage.controls.commit())
        assert stage.painter.mix.files["anime"] == before
        stage.fire("unload", "anime")
        await trio.sleep(1)
        stage.fire("load", "anime")
        await settled()
        assert stage.painter.mix.files["anime"].path.endswith("newer.safetensors")


async def test_what_played_under_another_entry_is_fetched_when_it_is_loaded_again(
    autojump_clock: MockClock,
) -> None:
    async with switching(autojump_clock) as stage:
        await stage.play("anime")
        await rewrite(stage, file="newer.safetensors")
        stage.fire("clear")
        await trio.sleep(1)
        assert (stage.state("anime"), stage.painter.mix.files) == ("absent", {})
        with pytest.raises(ControlError, match="anime is not on this disk"):
            stage.controls.set("preset/anime/weight", 0.7)
        stage.fire("load", "anime")
        await settled()
        wanted = stage.downloads.wanted["anime"].files[0].name
        assert (wanted, stage.weights()) == ("newer.safetensors", {})
        stage.downloads.finish("anime")
        await stage.stage("anime")
        await trio.sleep(1)
        assert stage.painter.mix.files["anime"].path.endswith("newer.safetensors")
        assert stage.weights() == {"anime": 0.8}
