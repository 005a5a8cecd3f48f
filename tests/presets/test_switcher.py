from __future__ import annotations

import itertools
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest
import trio
from trio.testing import MockClock

from engine.controls import Controls
from engine.errors import ControlError
from presets.catalogue import Catalogue, Preset, Variant
from presets.library import Library, Snapshot
from presets.lora_folder import OnDisk, Stamp
from presets.part_file import notes_path, part_path
from presets.preset_roster import Roster
from presets.wanted import Progress
from presets.wanting import wanted_preset
from tests.presets.switching import (
    CATALOGUE,
    FILES,
    SIZE,
    Shelf,
    model,
    preset,
    settled,
    switching,
)


async def test_an_installed_style_is_staged_and_then_fades_in_as_the_other_leaves(
    autojump_clock: MockClock,
) -> None:
    async with switching(autojump_clock) as stage:
        await stage.play("neon")
        stage.fire("load", "anime", 2.0)
        await trio.sleep(5)  # the painter takes its time: the look that plays goes on
        assert stage.state("anime") == "loading"
        assert stage.weights() == {"neon": 0.5}
        await stage.stage("anime")
        await trio.sleep(1)
        assert stage.weights() == {
            "anime": pytest.approx(0.4, abs=0.02),
            "neon": pytest.approx(0.25, abs=0.02),
        }
        assert stage.state("anime") == "loading"
        await trio.sleep(1.1)
        assert stage.weights() == {"anime": 0.8}
        assert stage.states("anime") == ["loading", "active"]
        assert stage.states("neon") == ["loading", "active", "installed"]
        assert stage.controls.get("preset/current") == "anime"
        assert set(stage.painter.mix.files) == {"anime", "neon"}  # it comes back at once
        assert stage.history.told.count("used anime") == 1


async def test_an_absent_one_is_fetched_and_comes_in_by_itself(autojump_clock: MockClock) -> None:
    async with switching(autojump_clock) as stage:
        stage.fire("load", "oil")
        assert stage.downloads.wanted["oil"].files[0].name == "oil-sd15.safetensors"
        stage.downloads.finish("oil")
        await stage.stage("oil")
        await trio.sleep(1)
        assert stage.states("oil") == [
            "queued",
            "resolving",
            "downloading",
            "verifying",
            "installed",
            "loading",
            "active",
        ]
        assert stage.weights() == {"oil": 0.8}
        assert "installed oil" in stage.history.told
        assert stage.get("oil", "progress") == 1.0


@pytest.mark.parametrize("order", [("oil", "ink"), ("ink", "oil")])
async def test_the_newest_load_wins_whatever_order_downloads_end_in(
    order: tuple[str, str], autojump_clock: MockClock
) -> None:
    async with switching(autojump_clock) as stage:
        stage.fire("load", "oil")
        stage.fire("load", "ink")
        for id in order:
            stage.downloads.finish(id)
            await stage.stage()
            await trio.sleep(1)
        assert stage.weights() == {"ink": 0.8}
        assert (stage.state("ink"), stage.state("oil")) == ("active", "installed")


async def test_an_acceleration_moves_no_style_but_takes_the_place_of_its_like(
    autojump_clock: MockClock,
) -> None:
    async with switching(autojump_clock) as stage:
        await stage.play("anime", "lcm")
        stage.fire("load", "tcd")
        await stage.stage("tcd")
        await trio.sleep(1)
        assert stage.weights() == {"anime": 0.5, "tcd": 1.0}
        stage.fire("clear")
        await trio.sleep(1)
        assert stage.weights() == {"tcd": 1.0}
        assert stage.controls.get("preset/current") == ""


async def test_unload_takes_the_default_fade_or_its_own(autojump_clock: MockClock) -> None:
    async with switching(autojump_clock) as stage:
        await stage.play("anime")
        stage.fire("unload", "anime", 4)
        await trio.sleep(3)
        assert 0 < stage.weights()["anime"] < 0.2
        assert stage.state("anime") == "active"
        await trio.sleep(1.1)
        assert (stage.weights(), stage.state("anime")) == ({}, "installed")
        await stage.play("anime")
        stage.controls.set("preset/fade", 0)
        stage.fire("unload", "anime")
        await trio.sleep(0.05)
        assert stage.weights() == {}


async def test_a_fade_begins_at_the_weight_not_where_a_modulator_has_it(
    autojump_clock: MockClock,
) -> None:
    async with switching(autojump_clock) as stage:
        stage.controls.ride({"preset/anime/weight": 0.5})
        await stage.play("anime")
        assert stage.state("anime") == "active"
        assert stage.weights() == {"anime": 1.0}  # the mix has both
        stage.fire("unload", "anime", 4)
        assert stage.controls.at("preset/anime/weight") == 0.5
        assert stage.controls.snapshot.number("preset/anime/weight") == 1.0
        await trio.sleep(4.1)
        assert stage.weights() == {"anime": 0.5}
        stage.controls.ride({})
        await trio.sleep(0.1)
        assert stage.weights() == {}


async def test_unload_and_clear_take_back_a_load_that_is_on_its_way(
    autojump_clock: MockClock,
) -> None:
    async with switching(autojump_clock) as stage:
        stage.fire("load", "oil")
        stage.fire("clear")
        stage.downloads.finish("oil")
        await trio.sleep(1)
        assert (stage.state("oil"), stage.painter.files) == ("installed", {})


async def test_a_weight_stages_what_is_here_and_is_refused_for_what_is_not(
    autojump_clock: MockClock,
) -> None:
    async with switching(autojump_clock) as stage:
        stage.controls.set("preset/anime/weight", 3)
        assert stage.controls.get("preset/anime/weight") == 2.0
        await stage.stage("anime")
        await trio.sleep(0.1)
        assert stage.state("anime") == "active"
        stage.controls.set("preset/anime/weight", -0.5)
        await trio.sleep(0.1)
        assert (stage.weights(), stage.state("anime")) == ({"anime": -0.5}, "active")
        with pytest.raises(ControlError, match="oil is not on this disk; preset/load oil fetches"):
            stage.controls.set("preset/oil/weight", 0.5)
        with pytest.raises(ControlError, match="'paper' is made for SDXL"):
            stage.controls.set_normalized("preset/paper/weight", 1)
        stage.controls.set("preset/oil/weight", 0)
        assert stage.states("oil") == []


async def test_a_weight_that_is_set_takes_back_a_load_of_the_same(
    autojump_clock: MockClock,
) -> None:
    async with switching(autojump_clock) as stage:
        stage.fire("load", "anime")
        stage.controls.set("preset/anime/weight", 0.3)
        await stage.stage("anime")
        await trio.sleep(1)
        assert stage.weights() == {"anime": 0.3}


async def test_next_and_previous_go_through_the_installed_styles(autojump_clock: MockClock) -> None:
    async with switching(autojump_clock) as stage:
        for trigger, id in [("next", "anime"), ("next", "neon"), ("next", "anime")]:
            stage.fire(trigger)
            await stage.stage()
            await trio.sleep(1)
            assert stage.controls.get("preset/current") == id
        stage.fire("previous", 1)
        stage.fire("previous", 0)  # a button's release
        await trio.sleep(1)
        assert stage.weights() == {"neon": 0.7}
        stage.fire("next")
        stage.fire("next")  # at once: from the one that is coming
        await trio.sleep(1)
        assert stage.weights() == {"neon": 0.7}


async def test_next_says_what_could_be_fetched(autojump_clock: MockClock) -> None:
    async with switching(autojump_clock, files=()) as stage:
        assert "preset/download fetches one of: anime, neon, oil, ink" in stage.refused("next")


async def test_decks_share_what_is_on_them(autojump_clock: MockClock) -> None:
    async with switching(autojump_clock) as stage:
        await stage.play("anime", "neon", "lcm")
        stage.fire("a", "anime")
        stage.fire("b", "neon")
        await trio.sleep(0.1)
        assert stage.weights() == {"anime": 0.5, "lcm": 0.5}
        assert stage.painter.mix.words_a == stage.painter.mix.words_b == "lcmAF, animeAF"
        stage.controls.set("preset/mix", 0.75)
        await trio.sleep(0.1)
        assert stage.weights() == {"anime": 0.125, "neon": 0.375, "lcm": 0.5}
        assert stage.controls.get("preset/current") == "neon"
        stage.controls.set("preset/mix", 1)
        await trio.sleep(0.1)
        assert stage.weights() == {"neon": 0.5, "lcm": 0.5}
        assert stage.painter.mix.words_a == "lcmAF, neonAF"
        assert stage.state("anime") == "active"
        stage.fire("b", "anime")
        await trio.sleep(0.1)
        assert stage.weights() == {"anime": 0.5, "neon": 0.5, "lcm": 0.5}
        assert stage.controls.get("preset/deck-b") == "anime"
        stage.fire("a", "")
        stage.controls.set("preset/mix", 0)
        await trio.sleep(0.1)
        assert stage.weights() == {"neon": 0.5, "lcm": 0.5}


async def test_a_preset_comes_onto_a_deck_without_a_jump(autojump_clock: MockClock) -> None:
    async with switching(autojump_clock) as stage:
        await stage.play("anime", "neon")
        played: list[float] = []

        async def watch(seconds: float) -> list[float]:
            played.clear()
            for _ in range(round(seconds * 120)):
                await trio.sleep(1 / 120)
                played.append(stage.weights().get("anime", 0.0))
            return list(played)

        full = stage.weights()["anime"]
        stage.fire("b", "anime", 1.0)  # the crossfader is on a: nobody shall hear it
        first = await watch(0.5)
        assert first == sorted(first, reverse=True)
        assert first[-1] == pytest.approx(full / 2, abs=0.02)
        stage.fire("b", "", 1.0)  # and back, from where it is
        second = await watch(1.1)
        assert second == sorted(second)
        assert second[-1] == full
        steps = [abs(b - a) for a, b in itertools.pairwise([full, *first, *second])]
        assert max(steps) <= full / 120 + 1e-6
        assert stage.controls.at("preset/deck-b-fade") == 1.0


async def test_each_deck_has_a_fade_of_its_own(autojump_clock: MockClock) -> None:
    async with switching(autojump_clock) as stage:
        await stage.play("anime", "neon")
        full = stage.weights()["anime"]
        stage.fire("b", "anime", 10.0)
        await trio.sleep(0.1)
        stage.fire("a", "neon", 0.0)
        await trio.sleep(0.1)
        assert stage.weights()["anime"] == pytest.approx(0.98 * full, abs=0.01 * full)


async def test_what_a_modulator_does_counts_when_a_deck_changes(
    autojump_clock: MockClock,
) -> None:
    async with switching(autojump_clock) as stage:
        await stage.play("anime")
        stage.fire("b", "anime", 0.0)
        stage.controls.ride({"preset/mix": 0.6})
        await trio.sleep(0.1)
        lifted = stage.weights()["anime"]
        assert lifted == pytest.approx(0.6 * 0.5)
        stage.fire("b", "", 2.0)
        await trio.sleep(0.02)
        assert stage.weights()["anime"] == pytest.approx(lifted, abs=0.02)
        stage.controls.set("preset/anime/weight", 0.0)
        stage.controls.ride({"preset/anime/weight": 0.8})
        await trio.sleep(2.5)
        assert stage.weights()["anime"] == pytest.approx(0.8)
        stage.fire("b", "anime", 2.0)
        await trio.sleep(0.02)
        assert stage.weights()["anime"] == pytest.approx(0.8, abs=0.02)


async def test_a_deck_is_a_control_like_any_other(autojump_clock: MockClock) -> None:
    async with switching(autojump_clock) as stage:
        await stage.play("anime")
        stage.controls.set("preset/deck-b", "anime")
        await trio.sleep(0.1)
        assert stage.weights() == {}
        with pytest.raises(ControlError, match="did you mean 'anime'"):
            stage.controls.set("preset/deck-b", "anmie")
        assert "did you mean 'anime'" in stage.refused("b", "anmie")
        assert stage.controls.get("preset/deck-b") == "anime"
        stage.controls.set("preset/deck-b", 2)
        assert stage.controls.get("preset/deck-b") == "anime"
        with pytest.raises(ControlError, match="allowed: 0 to 6"):
            stage.controls.set("preset/deck-b", 7)
        stage.controls.reset("preset/deck-b")
        await trio.sleep(0.1)
        assert set(stage.weights()) == {"anime"}


async def test_what_a_deck_silenced_and_the_painter_dropped_comes_back_when_heard(
    autojump_clock: MockClock,
) -> None:
    async with switching(autojump_clock) as stage:
        await stage.play("anime", "neon")
        stage.fire("b", "anime")
        await trio.sleep(0.1)
        stage.switcher.on_dropped("anime")
        await trio.sleep(0.1)
        assert set(stage.painter.mix.files) == {"neon"}
        assert stage.state("anime") == "loading"
        stage.controls.set("preset/mix", 1)
        await trio.sleep(0.1)
        await stage.stage("anime")
        await trio.sleep(0.1)
        assert stage.state("anime") == "active"


async def test_ids_may_be_numbers_in_the_order_of_the_list(autojump_clock: MockClock) -> None:
    async with switching(autojump_clock) as stage:
        stage.fire("load", 2.0)
        await stage.stage("anime")
        assert "allowed: 0 to 6" in stage.refused("load", 7)
        assert "allowed: 0 to 6" in stage.refused("load", 1.5)
        assert "did you mean 'neon'" in stage.refused("load", "neno")
        assert "takes 1 to 2 arguments" in stage.refused("load")


async def test_the_wrong_base_is_told_before_anything_is_fetched(autojump_clock: MockClock) -> None:
    async with switching(autojump_clock, model("sd-turbo", "sd21")) as stage:
        told = stage.refused("load", "ink")
        assert told == stage.refused("download", "ink")
        assert told == (
            "'ink' is made for SD 1.5 (text width 768); the running model sd-turbo is SD 2.1 "
            "(1024). Styles for it: none yet"
        )
        assert stage.downloads.wanted == {}
        assert (stage.get("ink", "fits"), stage.get("ink", "base")) == (0, "sd15")


async def test_what_is_here_for_another_model_is_installed_and_does_not_fit(
    autojump_clock: MockClock,
) -> None:
    files = ("anime-sd15", "ink-sd15")
    async with switching(autojump_clock, model("sdxl-turbo", "sdxl"), files=files) as stage:
        assert (stage.state("ink"), stage.get("ink", "fits")) == ("installed", 0)
        assert (stage.state("anime"), stage.get("anime", "fits")) == ("absent", 1), "to be fetched"
        told = (
            "'ink' is made for SD 1.5 (text width 768); the running model sdxl-turbo is SDXL "
            "(2048). Styles for it: anime, neon, oil, paper"
        )
        assert stage.refused("load", "ink") == stage.refused("download", "ink") == told
        with pytest.raises(ControlError, match="'ink' is made for SD 1"):
            stage.controls.set("preset/ink/weight", 0.5)
        stage.switcher.change(model())
        assert (stage.state("ink"), stage.get("ink", "fits")) == ("installed", 1)
        stage.switcher.change(model("sdxl-turbo", "sdxl"))
        stage.fire("delete", "ink")
        await settled()
        assert stage.state("ink") == "absent"


async def test_a_file_that_is_deleted_while_it_plays_is_told_once_and_plays_on(
    autojump_clock: MockClock,
) -> None:
    async with switching(autojump_clock) as stage:
        await stage.play("anime")
        stage.shelf.files -= {"anime-sd15.safetensors", "anime-sdxl.safetensors"}
        for _ in range(2):
            stage.fire("rescan")
            await trio.sleep(1)
        assert stage.errors == [
            "preset/anime: the file of anime is gone; it plays on until it is unloaded"
        ]
        assert (stage.state("anime"), stage.weights()) == ("active", {"anime": 0.5})
        stage.fire("unload", "anime")
        await trio.sleep(1)
        assert (stage.state("anime"), stage.weights()) == ("absent", {})


async def test_a_failed_download_leaves_the_look_and_can_be_tried_again(
    autojump_clock: MockClock,
) -> None:
    async with switching(autojump_clock) as stage:
        await stage.play("anime")
        stage.fire("load", "oil")
        stage.downloads.fail("oil")
        assert stage.state("oil") == "failed"
        assert stage.get("oil", "error") == "no mirror gives it"
        assert stage.errors == ["preset/oil: no mirror gives it"]
        await trio.sleep(1)
        assert stage.weights() == {"anime": 0.5}
        stage.fire("load", "oil")
        assert (stage.state("oil"), stage.get("oil", "error")) == ("queued", "")


async def test_downloading_from_a_mirror_and_cancelling_it(autojump_clock: MockClock) -> None:
    async with switching(autojump_clock) as stage:
        assert "has no mirror 2; allowed: 0 to 1" in stage.refused("download", "oil", 2)
        stage.fire("download", "oil", 1)
        assert stage.downloads.wanted["oil"].first_mirror == 1
        assert "cancel that first" in stage.refused("delete", "oil")
        stage.fire("cancel", "oil")
        assert stage.state("oil") == "cancelled"
        assert stage.notices == ["oil: cancelled; 400 bytes of 1,000 bytes are kept"]
        assert "nothing to cancel" in stage.refused("cancel", "oil")
        assert "nothing to fetch" in stage.refused("download", "anime")
        stage.fire("download", "oil")
        stage.downloads.finish("oil")
        await settled()
        assert (stage.state("oil"), stage.painter.files) == ("installed", {})


@pytest.mark.parametrize(
    ("checked", "says"),
    [
        ("digest", []),
        (
            "mirror's digest",
            ["oil is installed; nobody vouches for a digest; it has the one that "],
        ),
        ("size", ["oil is installed; where no digest is known, only the size was checked"]),
    ],
)
async def test_what_nobody_vouches_for_is_told(
    autojump_clock: MockClock, checked: str, says: list[str]
) -> None:
    async with switching(autojump_clock) as stage:
        stage.fire("download", "oil")
        stage.downloads.get_on("oil", "installed", checked=checked)
        assert [line[: len(start)] for line, start in zip(stage.notices, says, strict=True)] == says


async def test_deleting(autojump_clock: MockClock) -> None:
    async with switching(autojump_clock) as stage:
        await stage.play("anime")
        assert "in the mix; unload it first" in stage.refused("delete", "anime")
        stage.fire("unload", "anime")
        await trio.sleep(1)
        stage.fire("delete", "anime")
        await trio.sleep(0.1)
        assert (stage.state("anime"), stage.painter.mix.files) == ("absent", {})


async def test_a_file_that_is_wanted_just_as_it_is_deleted_is_fetched_anew(
    autojump_clock: MockClock,
) -> None:
    async with switching(autojump_clock) as stage:
        stage.fire("delete", "neon")
        stage.shelf.files.discard("neon-sd15.safetensors")
        stage.shelf.rescan()
        stage.fire("load", "neon")
        await settled()
        assert (stage.state("neon"), list(stage.downloads.wanted)) == ("queued", ["neon"])


async def test_files_copied_in_get_controls_while_the_show_runs(autojump_clock: MockClock) -> None:
    async with switching(autojump_clock) as stage:
        stage.shelf.catalogue = CATALOGUE.over([preset("mine", "sd15")])
        stage.shelf.files |= {"mine-sd15.safetensors", "ink-sd15.safetensors"}
        stage.fire("rescan")
        await settled()
        assert stage.notices[0] in ("LoRA folder: new: mine, ink", "LoRA folder: new: ink, mine")
        assert stage.state("ink") == "installed"
        stage.fire("load", 7)
        await stage.stage("mine")
        await trio.sleep(1)
        assert stage.weights() == {"mine": 0.8}
        stage.shelf.files.discard("mine-sd15.safetensors")
        stage.shelf.catalogue = CATALOGUE
        stage.fire("rescan")
        await trio.sleep(1)
        assert stage.weights() == {"mine": 0.8}  # what plays plays to its end
        stage.fire("unload", "mine")
        await trio.sleep(1)
        assert stage.state("mine") == "absent"
        assert "unknown preset 'mine'" in stage.refused("load", "mine")


async def test_a_watch_that_goes_wrong_is_told_once_and_watches_on(
    autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks: list[int] = []

    async def watch(_shelf: Shelf, _on_news: object) -> None:
        await trio.sleep(3)
        looks.append(1)
        raise RuntimeError("a fault of ours")

    monkeypatch.setattr(Shelf, "watch", watch)
    async with switching(autojump_clock) as stage:
        await trio.sleep(10)
        assert len(looks) == 3
        assert stage.errors == ["preset: this went wrong inside: RuntimeError('a fault of ours')"]
        await stage.play("anime")
        assert stage.state("anime") == "active"


async def test_a_folder_that_cannot_be_read_is_told(autojump_clock: MockClock) -> None:
    async with switching(autojump_clock) as stage:
        stage.shelf.trouble = "the folder cannot be read"
        stage.fire("rescan")
        await settled()
        assert stage.errors == ["preset/rescan: the folder cannot be read"]


async def test_a_file_of_the_wrong_size_has_failed_until_it_is_gone(
    autojump_clock: MockClock,
) -> None:
    anime = CATALOGUE.preset("anime")
    odd = msgspec.structs.replace(anime.variants[0], size=7)
    wrong = CATALOGUE.over([msgspec.structs.replace(anime, variants=(odd,))])
    async with switching(autojump_clock, catalogue=wrong) as stage:
        assert stage.state("anime") == "failed"
        assert stage.get("anime", "error") == stage.refused("load", "anime") != ""
        stage.fire("delete", "anime")
        await settled()
        assert stage.state("anime") == "absent"


async def test_what_the_painter_refuses_has_failed_and_what_plays_goes_on(
    autojump_clock: MockClock,
) -> None:
    async with switching(autojump_clock) as stage:
        await stage.play("neon")
        stage.fire("load", "anime")
        await settled()
        stage.switcher.on_unfit("anime", "it has NaN")
        await trio.sleep(1)
        assert (stage.state("anime"), stage.get("anime", "error")) == ("failed", "it has NaN")
        assert stage.weights() == {"neon": 0.5}
        assert set(stage.painter.mix.files) == {"neon"}
        stage.fire("load", "anime")  # asked for again, the painter tries again
        await stage.stage("anime")
        await trio.sleep(1)
        assert stage.weights() == {"anime": 0.8}


@pytest.mark.parametrize("by_hand", [False, True])
async def test_what_was_refused_and_is_gone_has_not_failed_any_more(
    by_hand: bool, autojump_clock: MockClock
) -> None:
    async with switching(autojump_clock) as stage:
        stage.fire("load", "anime")
        await settled()
        stage.switcher.on_unfit("anime", "it has NaN")
        if by_hand:
            stage.shelf.files -= {"anime-sd15.safetensors", "anime-sdxl.safetensors"}
            stage.fire("rescan")
        else:
            stage.fire("delete", "anime")
        await settled()
        assert stage.state("anime") == "absent"


async def test_refused_and_loaded_in_one_turn_it_is_asked_for_anew(
    autojump_clock: MockClock,
) -> None:
    async with switching(autojump_clock) as stage:
        stage.fire("load", "anime")
        await settled()
        stage.painter.answer("anime")
        before = stage.painter.mix.files
        stage.switcher.on_unfit("anime", "no memory")
        stage.fire("load", "anime")
        await settled()
        # a painter that saw none of the mixes between sees another file to be read
        assert stage.painter.mix.files["anime"] != before["anime"]
        await stage.stage()
        await trio.sleep(1)
        assert stage.state("anime") == "active"


async def test_another_model_swaps_what_it_can_and_tells_of_the_rest(
    autojump_clock: MockClock,
) -> None:
    async with switching(autojump_clock, files=(*FILES, "ink-sd15")) as stage:
        await stage.play("anime", "neon", "ink", "lcm")
        stage.switcher.change(model("sdxl-turbo", "sdxl"))
        assert stage.state("anime") == "loading"
        # of what is here and fits no more there is nothing to fetch
        assert (stage.state("neon"), stage.state("ink")) == ("queued", "installed")
        assert [line.partition(" is made for ")[0] for line in stage.errors] == [
            "preset/lcm: 'lcm'",
            "preset/ink: 'ink'",
        ]
        assert (stage.get("paper", "fits"), stage.get("ink", "fits")) == (1, 0)
        await stage.stage()
        assert stage.painter.mix.files["anime"].path.endswith("anime-sdxl.safetensors")
        await trio.sleep(1)
        assert stage.weights() == {"anime": 0.5}
        stage.downloads.finish("neon")
        await stage.stage("neon")
        await trio.sleep(1)
        assert stage.weights() == {"anime": 0.5, "neon": 0.5}


async def test_another_model_has_files_of_other_sizes(autojump_clock: MockClock) -> None:
    variants = [
        Variant(base, f"{base}.safetensors", size=n)
        for base, n in {"sd15": 2000, "sdxl": 5000}.items()
    ]
    wide = Preset("wide", "Wide", tuple(variants))
    async with switching(autojump_clock, catalogue=Catalogue((wide,)), files=()) as stage:
        assert stage.get("wide", "total-mb") == 0.002
        stage.switcher.change(model("sdxl-turbo", "sdxl"))
        assert stage.get("wide", "total-mb") == 0.005
        stage.switcher.change(model("sd-turbo", "sd21"))
        assert stage.get("wide", "total-mb") == 0


async def test_a_download_for_the_model_before_gives_way(autojump_clock: MockClock) -> None:
    async with switching(autojump_clock) as stage:
        stage.fire("load", "oil")
        stage.downloads.get_on("oil", "resolving")
        stage.switcher.change(model("sdxl-turbo", "sdxl"))
        assert stage.downloads.wanted["oil"].files[0].name == "oil-sdxl.safetensors"
        stage.downloads.finish("oil")
        await stage.stage("oil")
        await trio.sleep(1)
        assert stage.weights() == {"oil": 0.8}


async def test_downloading_after_a_change_of_model_fetches_the_file_for_the_new_one(
    autojump_clock: MockClock,
) -> None:
    async with switching(autojump_clock) as stage:
        stage.fire("download", "oil")
        stage.downloads.get_on("oil", "resolving")
        stage.switcher.change(model("sdxl-turbo", "sdxl"))
        stage.fire("download", "oil")
        assert stage.downloads.wanted["oil"].files[0].name == "oil-sdxl.safetensors"
        stage.downloads.finish("oil")
        await settled()
        assert (stage.state("oil"), stage.weights()) == ("installed", {})
        assert stage.states("oil") == [
            *("queued", "resolving", "cancelled", "queued"),
            *("resolving", "downloading", "verifying", "installed"),
        ]


async def test_a_model_comes_up_with_its_acceleration(autojump_clock: MockClock) -> None:
    async with switching(autojump_clock, model("sd15-lcm", "sd15", "lcm")) as stage:
        assert stage.weights() == {"lcm": 1.0}  # before it is staged: the first picture has it
        stage.switcher.change(model("other", "sd15", "tcd"))
        await trio.sleep(0.1)
        assert stage.weights() == {"tcd": 1.0}
        assert stage.errors == []
    async with switching(autojump_clock, model("sd15-lcm", "sd15", "lcm"), files=()) as stage:
        stage.downloads.finish("lcm")
        await stage.stage("lcm")
        await trio.sleep(0.1)
        assert stage.weights() == {"lcm": 1.0}
    async with switching(autojump_clock, model("odd", "sd15", "lmc")) as stage:
        assert "did you mean 'lcm'" in stage.errors[0]


async def test_an_acceleration_fetched_for_a_model_to_come_is_that_models(
    autojump_clock: MockClock,
) -> None:
    lcm = "lcm-sdv1-5"  # what sd15-lcm comes up with
    with_lcm = Catalogue((preset(lcm, "sd15", "sdxl", kind="acceleration", weight=1.0),))
    turbo = model("sdxl-turbo", "sdxl")
    async with switching(autojump_clock, turbo, files=(), catalogue=with_lcm) as stage:
        stage.downloads.want(wanted_preset(with_lcm, lcm, "sd15", Path("data")))
        stage.downloads.finish(lcm)
        await settled()
        assert stage.states(lcm)[-2:] == ["verifying", "absent"], "nothing plays on what runs"
        stage.fire("load", lcm)
        assert stage.downloads.wanted[lcm].files[0].name == f"{lcm}-sdxl.safetensors"
    async with switching(autojump_clock, turbo, files=(), catalogue=with_lcm) as stage:
        stage.downloads.want(wanted_preset(with_lcm, lcm, "sd15", Path("data")))
        stage.switcher.change(model("sd15-lcm", "sd15", lcm))  # and not fetched anew
        assert stage.downloads.stands[lcm].state == "queued"
        stage.downloads.finish(lcm)
        await stage.stage(lcm)
        await trio.sleep(0.1)
        assert stage.weights() == {lcm: 1.0}
        assert "cancelled" not in stage.states(lcm)


async def test_a_painter_started_again_changes_nothing(autojump_clock: MockClock) -> None:
    async with switching(autojump_clock) as stage:
        await stage.play("anime")
        stage.switcher.on_staged("anime")
        await trio.sleep(1)
        assert stage.states("anime") == ["loading", "active"]


async def test_progress_is_told_ten_times_a_second_and_ends_at_one(
    autojump_clock: MockClock,
) -> None:
    async with switching(autojump_clock) as stage:
        stage.fire("download", "oil")
        stage.downloads.get_on("oil", "downloading", mirror="two")
        for step in range(200):
            await trio.sleep(0.01)
            stage.downloads.get_on(
                "oil",
                "downloading",
                share=step / 210,
                received_bytes=step * 1_000_000,
                total_bytes=210_000_000,
                rate=5e6,
                eta_s=3.0,
            )
        stage.downloads.finish("oil")
        assert stage.state("oil") == "installed"
        await trio.sleep(1)
        told = [
            (at, change.value)
            for at, change in stage.changes
            if change.parameter.name == "preset/oil/progress"
        ]
        assert all(b[0] - a[0] >= 0.0999 for a, b in itertools.pairwise(told))
        assert 18 <= len(told) <= 22
        assert sorted(told) == told
        assert [value for _, value in told if value == 1.0] == [1.0]
        assert stage.get("oil", "mirror") == "two"


async def test_what_is_here_has_arrived_whole_whoever_brought_it(
    autojump_clock: MockClock,
) -> None:
    def stands(id: str) -> tuple[object, ...]:
        return tuple(stage.get(id, aspect) for aspect in ("state", "progress", "mb", "total-mb"))

    whole = SIZE / 1e6
    async with switching(autojump_clock) as stage:  # as after a start with these files
        assert stands("anime") == ("installed", 1.0, whole, whole)
        assert stands("oil") == ("absent", 0.0, 0.0, whole)
        assert stands("paper")[:3] == ("absent", 0.0, 0.0)
        await stage.play("anime")
        assert stands("anime") == ("active", 1.0, whole, whole)
        stage.shelf.files.add("oil-sd15.safetensors")  # copied in by hand
        stage.fire("rescan")
        await settled()
        assert stands("oil") == ("installed", 1.0, whole, whole)
        stage.fire("delete", "oil")
        await settled()
        assert stands("oil") == ("absent", 0.0, 0.0, whole)
        stage.shelf.files.remove("anime-sd15.safetensors")
        stage.fire("rescan")
        await settled()
        assert stands("anime") == ("active", 1.0, whole, whole)  # from memory
        stage.switcher.change(model("sdxl-turbo", "sdxl"))
        assert stands("anime")[1:] == (1.0, whole, whole)
        assert stands("neon")[:3] == ("absent", 0.0, 0.0)
        stage.fire("download", "neon")
        stage.downloads.get_on("neon", "downloading", share=0.4, received_bytes=400)
        await trio.sleep(0.2)
        stage.fire("rescan")
        await settled()
        assert stands("neon")[:3] == ("downloading", 0.4, 0.0004)
        stage.fire("cancel", "neon")
        stage.fire("rescan")
        await trio.sleep(0.2)
        assert stands("neon")[:3] == ("cancelled", 0.4, 0.0004)


def test_a_bundled_file_is_here_in_full(tmp_path: Path) -> None:
    thermal = Preset("thermal", "Thermal", (Variant("rehearsal", bundled="loras/t.safetensors"),))
    shelf = Library(tmp_path, Catalogue((thermal,)))
    shelf.snapshot = Snapshot(
        shelf.catalogue, bundled={"t.safetensors": OnDisk("t.safetensors", Stamp(2_000_000, 0))}
    )
    for running in ("rehearsal", "sd15"):
        roster = Roster(shelf, model(running, running), tmp_path)
        controls = Controls()
        roster.declare(controls, lambda _: "")
        told = [controls.get(f"preset/thermal/{each}") for each in ("progress", "mb", "total-mb")]
        assert told == [1.0, 2.0, 2.0]


def test_what_a_stopped_download_kept_is_told_at_the_start(tmp_path: Path) -> None:
    shelf = Library(tmp_path, CATALOGUE)
    shelf.folder.mkdir()
    for id in ("oil", "neon"):
        part_path(shelf.folder / f"{id}-sd15.safetensors").write_bytes(bytes(420))
    # whose part nothing could check in the end is not continued
    notes_path(shelf.folder / "oil-sd15.safetensors").write_text('{"validators": {"one": "v"}}')
    roster, controls = Roster(shelf, model(), tmp_path), Controls()
    roster.declare(controls, lambda _: "")
    told = [controls.get(f"preset/oil/{each}") for each in ("state", "progress", "mb")]
    assert told == ["absent", 0.42, 0.00042]
    assert controls.get("preset/neon/progress") == controls.get("preset/neon/mb") == 0.0


async def test_downloads_of_models_are_not_for_us(autojump_clock: MockClock) -> None:
    async with switching(autojump_clock) as stage:
        stage.switcher.heard("sd-turbo", Progress("queued"))
        stage.switcher.on_staged("nobody")
        stage.switcher.on_unfit("nobody", "")
        stage.switcher.on_dropped("nobody")
        assert stage.switcher.roster.ids == CATALOGUE.ids()


async def test_a_show_without_presets(autojump_clock: MockClock) -> None:
    async with switching(autojump_clock, catalogue=Catalogue()) as stage:
        assert "the list is empty" in stage.refused("load", 0)
        stage.fire("clear")


async def test_who_asked_to_look_hears_what_is_wrong(autojump_clock: MockClock) -> None:
    async with switching(autojump_clock) as stage:
        told: list[tuple[str, str, object]] = []
        stage.controls.on_report(lambda *report: told.append(report))
        look = stage.shelf.rescan
        stage.shelf.rescan = lambda: replace(look(), troubles=("x cannot be used",))  # type: ignore[method-assign]
        stage.fire("rescan")
        await settled()
        assert told == [("preset/rescan", "x cannot be used", "a performer")]


async def test_a_fade_out_of_range_is_clamped_and_told(autojump_clock: MockClock) -> None:
    async with switching(autojump_clock) as stage:
        stage.fire("load", "anime", -5)
        stage.fire("unload", "anime", 1e9)
        stage.fire("clear")
        stage.fire("load", "anime", 60)
        assert stage.errors == [
            "preset/load: a fade of -5 s is clamped to 0; allowed: 0 to 60",
            "preset/unload: a fade of 1e+09 s is clamped to 60; allowed: 0 to 60",
        ]


async def test_what_comes_with_the_program_is_not_deleted_and_that_is_known_at_once(
    autojump_clock: MockClock, tmp_path: Path
) -> None:
    ours = Variant("sd15", bundled="loras/t.safetensors")
    other = Variant("sdxl", "t-sdxl.safetensors", size=1000)
    catalogue = Catalogue((Preset("thermal", "Thermal", (ours, other)),))
    async with switching(autojump_clock, catalogue=catalogue) as stage:
        stage.shelf.path = lambda variant: tmp_path / variant.filename  # type: ignore[method-assign]
        assert stage.refused("delete", "thermal") == "thermal comes with the program and stays"
        (tmp_path / "t-sdxl.safetensors").touch()  # but this file of it can go
        assert stage.refused("delete", "thermal") == ""
