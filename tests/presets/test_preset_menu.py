"""The preset menu: its rows and keys as plain functions, then with a switcher that answers."""

from __future__ import annotations

from dataclasses import replace
from types import MappingProxyType
from typing import Any

import pytest
import trio
from hypothesis import given
from hypothesis import strategies as st
from trio.testing import MockClock

from engine.controls import Snapshot, Value
from engine.errors import ArtflowError
from engine.menu import Cursor, MenuRow
from presets.catalogue import Catalogue, Preset, Variant
from presets.lora_folder import OnDisk, Stamp
from presets.preset_controls import control, rows
from presets.preset_menu import (
    Answer,
    PresetMenu,
    State,
    Wish,
    about,
    detail,
    entering,
    hints,
    menu_rows,
    pressed,
    standing,
)
from presets.preset_states import STATES
from tests.presets.switching import SIZE, model, preset, settled, switching

MODEL = "painter/model"


def snapshot(**presets: dict[str, Value]) -> Snapshot:
    """What controls would say; aspects that are not given are as declared."""
    values: dict[str, Value] = {MODEL: "sd15"}
    for id, facts in presets.items():
        for row in rows(preset(id, "sd15"), str):
            values[row.name] = row.default
        values |= {control(id, "name"): id.title(), control(id, "fits"): 1}
        values |= {control(id, aspect.replace("_", "-")): value for aspect, value in facts.items()}
    return Snapshot(1, MappingProxyType(values))


def row_of(**facts: Value) -> MenuRow:
    (row,) = menu_rows(snapshot(anime=facts), ["anime"], [])
    return row


def test_all_that_fits_stands_by_group_before_all_that_does_not() -> None:
    values = snapshot(
        far={"fits": 0, "base": "sdxl"},
        anime={"state": "active", "weight": 0.804},
        ink={"state": "installed", "total_mb": 37.86},
        tcd={"kind": "acceleration", "fits": 0, "base": "sd21"},
        lcm={"kind": "acceleration"},
    )
    ids = ["far", "anime", "ink", "tcd", "lcm", "not-declared-yet"]
    made = menu_rows(values, ids, ["anime", "ink"])
    assert [(row.id, row.group, row.number) for row in made] == [
        ("lcm", "acceleration", 0),
        ("anime", "styles", 1),
        ("ink", "styles", 2),
        ("tcd", "acceleration for other models", 0),
        ("far", "styles for other models", 0),
    ]
    assert made[1] == MenuRow("anime", "Anime", "styles", 1, state="active", weight=0.8)
    assert made[2].size_mb == 37.9


def test_only_nine_have_keys() -> None:
    ids = [f"s{n}" for n in range(12)]
    facts: dict[str, dict[str, Value]] = {id: {"state": "installed"} for id in ids}
    made = menu_rows(snapshot(**facts), ids, ids)
    assert [row.number for row in made] == [1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 0, 0]


def test_what_does_not_fit_says_what_it_is_made_for() -> None:
    row = row_of(fits=0, base="sd21/sdxl", state="absent")
    assert (row.fits, row.note, row.weight) == (False, "for SD 2.1, SDXL", None)
    # what moves is told all the same: it was for the model before
    moving = row_of(fits=0, base="sdxl", state="downloading", progress=0.5)
    assert (moving.note, moving.progress) == ("", 0.5)


def test_a_download_is_told_in_whole_percents_and_hundred_only_at_the_end() -> None:
    row = row_of(state="downloading", progress=0.9999, mb=71.62, rate=11.26, eta=8.9, weight=0.0)
    assert (row.progress, row.rate, row.eta_s, row.weight) == (0.99, 11.3, 8, None)
    assert row.received_mb == 71.6
    row = row_of(state="installed", progress=1.0, mb=71.62, rate=11.0, eta=3.0)
    assert (row.progress, row.rate, row.eta_s, row.weight) == (None, 0.0, 0.0, 0.0)
    assert row.received_mb == 0


def test_a_failure_says_why() -> None:
    assert row_of(state="failed", error="no mirror has it").note == "no mirror has it"
    assert row_of(state="failed").note == "failed"


def test_details() -> None:
    def told(**facts: Value) -> str:
        values = snapshot(anime=facts)
        return detail(values, menu_rows(values, ["anime"], [])[0], "made for another")

    assert told() == "anime: absent"
    assert told(state="failed", error="no room") == "anime: no room"
    assert told(fits=0) == "made for another"
    assert told(fits=0, state="downloading") == "anime: downloading, 0.0 MB"
    coming: dict[str, Value] = {
        "state": "downloading",
        "mb": 31.75,
        "total_mb": 75.6,
        "mirror": "HF Mirror",
    }
    assert told(**coming, rate=3.14, eta=14.2) == (
        "anime: downloading from HF Mirror, 31.8 of 75.6 MB, 3.1 MB/s, 0:14 left"
    )
    assert told(state="queued") == "anime: queued, 0.0 MB"


def test_what_a_preset_is() -> None:
    variant = Variant("sd15", "a.safetensors", triggers=("PixArFK", "pixels"), license="MIT")
    whole = Preset("a", "Pixel art", (variant,), description="sprites in blocks")
    told = "Pixel art: sprites in blocks; adds PixArFK, pixels to the prompt; licence MIT"
    assert about(whole, variant) == told
    assert about(whole, None) == "Pixel art: sprites in blocks"
    assert about(Preset("mine", "mine", ()), Variant("sd15")) == "mine"


@pytest.mark.parametrize("state", STATES)
def test_every_state_has_its_keys(state: str) -> None:
    told = hints(row_of(state=state))
    assert told[0][0] == "enter"
    assert told[-1] == ("esc", "close")


def test_keys_that_can_do_nothing_are_not_told() -> None:
    assert hints(None) == (("esc", "close"),)
    assert hints(row_of(fits=0, base="sdxl")) == (("esc", "close"),)


@pytest.mark.parametrize("state", STATES)
def test_what_comes_with_the_program_is_not_offered_for_deletion(state: str) -> None:
    (row,) = menu_rows(snapshot(anime={"state": state}), ["anime"], [], lambda id: id == "anime")
    assert ("x", "delete") not in hints(row)
    assert hints(row)[0][0] == "enter"


# keys


ROWS = tuple(
    MenuRow(id, id, state=state)
    for id, state in (("a", "installed"), ("b", "active"), ("c", "absent"), ("d", "failed"))
)
OPEN = State(open=True, cursor=Cursor("a", 0))


def press(state: State, *keys: str, among: tuple[MenuRow, ...] = ROWS) -> Answer:
    """The answer to the last of these keys; a capital is one with shift."""
    for key in keys:
        answer = pressed(state, key.lower(), False, key.isupper(), among)
        state = answer.state
    return answer


def test_p_opens_and_closes() -> None:
    opened = press(State(), "p").state
    assert (opened.open, opened.everywhere) == (True, False)
    for key in ("p", "escape"):
        assert not press(opened, key).state.open
    assert not press(State(), "escape").taken


def test_only_with_shift_the_audience_sees_it_and_never_by_itself() -> None:
    both = press(State(), "P").state
    assert (both.open, both.everywhere) == (True, True)
    assert press(OPEN, "P").state.everywhere
    for key in ("p", "P", "escape"):
        closed = press(both, key).state
        assert (closed.open, closed.everywhere) == (False, False)
        assert not press(closed, "p").state.everywhere


@pytest.mark.parametrize(
    ("key", "wish"),
    [
        ("return", Wish("enter", "a")),
        ("d", Wish("fetch", "a")),
        ("c", Wish("cancel", "a")),
        ("right", Wish("ride", "a", 0.05)),
        ("left", Wish("ride", "a", -0.05)),
        ("RIGHT", Wish("ride", "a", 0.01)),
        ("7", Wish("number", amount=7)),
        ("up", None),
    ],
)
def test_keys_of_the_open_menu(key: str, wish: Wish | None) -> None:
    assert press(OPEN, key).wish == wish


def test_digits_need_no_menu_and_other_keys_keep_their_meaning() -> None:
    assert press(State(), "3") == Answer(State(cursor=Cursor("a")), Wish("number", amount=3))
    for key in ("up", "left", "c", "d", "x", "return", "space"):
        assert not press(State(), key).taken
    for key in ("space", "b", "f", "backspace", "h", "?", "tab", "0", "z"):
        assert not press(OPEN, key).taken
    for key in ("up", "left", "c", "d", "x", "return", "escape", "p"):
        assert press(OPEN, key).taken


def test_held_keys_move_and_ride_but_do_nothing_twice() -> None:
    assert pressed(OPEN, "down", True, False, ROWS).state.cursor.id == "b"
    assert pressed(OPEN, "right", True, False, ROWS).wish is not None
    for key in ("return", "d", "x", "p", "escape", "1"):
        assert pressed(OPEN, key, True, False, ROWS) == Answer(OPEN)


def test_deleting_takes_two_presses_and_any_other_key_keeps() -> None:
    asked = press(OPEN, "x")
    assert (asked.state.asking, asked.wish) == ("a", None)
    assert press(asked.state, "x").wish == Wish("delete", "a")
    for key in ("escape", "return", "down", "p", "d", "3"):
        kept = press(asked.state, key)
        assert (kept.state, kept.wish, kept.taken) == (OPEN, None, True)
    # a blackout does not wait for an answer
    assert press(asked.state, "b") == Answer(OPEN, taken=False)
    # held down is not pressed again
    assert pressed(asked.state, "x", True, False, ROWS).wish is None


@pytest.mark.parametrize(
    ("row", "why"),
    [
        (MenuRow("a", "A", state="active"), "a is in the mix; unload it first"),
        (MenuRow("a", "A", state="loading"), "a is in the mix; unload it first"),
        (
            MenuRow("a", "A", state="downloading", progress=0.5),
            "a is being downloaded; cancel that first",
        ),
        (
            MenuRow("a", "A", state="absent"),
            "a is not on this disk; there is nothing to delete",
        ),
        (
            MenuRow("a", "A", state="installed", stays=True),
            "a comes with the program and stays",
        ),
        (
            MenuRow("a", "A", state="active", stays=True),
            "a comes with the program and stays",
        ),
    ],
)
def test_what_cannot_be_deleted_is_not_asked_for(row: MenuRow, why: str) -> None:
    answer = press(OPEN, "x", among=(row,))
    assert answer.wish == Wish("say", "a", text=why)
    assert not answer.state.asking
    # and one that came into the mix meanwhile is not asked for any more
    assert not standing(press(OPEN, "x").state, (row,)).asking


def test_an_empty_menu_stands() -> None:
    for key in ("up", "down", "left", "return", "x", "d", "c"):
        assert press(OPEN, key, among=()) == Answer(State(open=True))


@pytest.mark.parametrize(
    ("target", "live", "state", "means"),
    [
        (0.0, 0.0, "installed", "load"),
        (0.0, 0.0, "absent", "load"),
        (0.8, 0.8, "active", "unload"),
        (0.8, 0.2, "loading", "unload"),
        (0.0, 0.0, "loading", "unload"),  # waits for the painter
        (0.0, 0.4, "active", "load"),  # fades out: back again
        (0.0, 0.4, "loading", "load"),
        (0.0, 0.0, "downloading", "load"),
    ],
)
def test_enter_loads_what_is_not_coming(target: float, live: float, state: str, means: str) -> None:
    assert entering(target, live, state) == means


KEYS = st.sampled_from(
    ["up", "down", "left", "right", "return", "d", "c", "x", "x", "escape", "p", "P", "5", "b"]
)
ROW = st.builds(
    lambda id, state: MenuRow(id, id, state=state),
    st.sampled_from("abcde"),
    st.sampled_from(STATES),
)
LISTS = st.lists(ROW, unique_by=lambda row: row.id).map(tuple)


@given(st.lists(st.tuples(KEYS, st.booleans(), LISTS)))
def test_whatever_is_pressed_while_the_list_changes(
    script: list[tuple[str, bool, tuple[MenuRow, ...]]],
) -> None:
    state = State(open=True)
    for key, repeat, among in script:
        before, answer = state, pressed(state, key.lower(), repeat, key.isupper(), among)
        state, wish = answer.state, answer.wish
        ids = [row.id for row in among]
        assert state.cursor.id in ids or (not ids and state.cursor == Cursor())
        if before.cursor.id in ids and key not in ("up", "down"):
            assert state.cursor.id == before.cursor.id
        assert state.asking in ("", state.cursor.id)
        if wish is not None:
            assert answer.taken
            assert wish.id in (*ids, "")
        if wish is not None and wish.what == "delete":
            assert before.asking == wish.id == state.cursor.id
            assert not repeat
        if state.asking:
            assert state.asking == before.asking or key == "x"
        if state.everywhere:
            assert before.everywhere or key == "P"


# with a switcher


class Rig:
    def __init__(self, stage: Any) -> None:
        self.stage = stage
        self.notices: list[str] = []
        self.menu = PresetMenu(stage.controls, stage.switcher.roster, self.notices.append)

    def press(self, *keys: str) -> None:
        for key in keys:
            assert self.menu.press(key.lower(), shift=key.isupper())

    async def shown(self) -> Any:
        await settled()
        return self.menu.shown(self.stage.controls.committed)

    async def row(self, id: str) -> MenuRow:
        menu = await self.shown()
        found: MenuRow = next(row for row in menu.rows if row.id == id)
        return found


async def test_it_opens_at_the_style_that_plays_and_shows_what_there_is(
    autojump_clock: MockClock,
) -> None:
    async with switching(autojump_clock) as stage:
        rig = Rig(stage)
        assert await rig.shown() is None
        rig.press("p")
        menu = await rig.shown()
        assert (menu.title, menu.subtitle) == ("Presets", f"for {stage.controls.get(MODEL)}")
        assert [row.id for row in menu.rows] == [
            "lcm",
            "tcd",
            "anime",
            "neon",
            "oil",
            "ink",
            "paper",
        ]
        assert [row.number for row in menu.rows] == [0, 0, 1, 2, 0, 0, 0]
        assert menu.selected == "anime"
        assert menu.rows[-1].note == "for SDXL"
        rig.press("p")
        assert await rig.shown() is None
        await stage.play("neon")
        rig.press("p")
        assert (await rig.shown()).selected == "neon"


async def test_enter_loads_and_unloads(autojump_clock: MockClock) -> None:
    async with switching(autojump_clock) as stage:
        rig = Rig(stage)
        rig.press("p", "down", "return")
        await stage.stage()
        await trio.sleep(2)
        assert (await rig.row("neon")).weight == 0.7
        assert stage.state("neon") == "active"
        rig.press("return")
        await trio.sleep(2)
        assert stage.weights() == {}
        assert stage.state("neon") == "installed"


async def test_arrows_ride_the_weight(autojump_clock: MockClock) -> None:
    async with switching(autojump_clock) as stage:
        rig = Rig(stage)
        rig.press("p", "right", "right", "RIGHT")
        await stage.stage()
        await trio.sleep(1)
        assert (await rig.row("anime")).weight == 0.11
        rig.press(*["right"] * 60)
        await trio.sleep(1)
        assert (await rig.row("anime")).weight == 2.0
        rig.press(*["left"] * 90)
        await trio.sleep(1)
        assert (await rig.row("anime")).weight == -2.0


async def test_fetching_cancelling_and_deleting(autojump_clock: MockClock) -> None:
    async with switching(autojump_clock) as stage:
        rig = Rig(stage)
        rig.press("p", "down", "down", "d")
        stage.downloads.get_on("oil", "resolving")
        stage.downloads.get_on("oil", "downloading", share=0.42, mirror="one")
        await trio.sleep(0.2)
        row = await rig.row("oil")
        assert (row.state, row.progress) == ("downloading", 0.42)
        assert (await rig.shown()).detail.startswith("oil: downloading from one")
        rig.press("x")
        assert rig.notices == ["oil is being downloaded; cancel that first"]
        rig.press("c")
        assert stage.state("oil") == "cancelled"
        rig.press("d")
        stage.downloads.finish("oil")
        assert (await rig.row("oil")).number == 3
        rig.press("x")
        menu = await rig.shown()
        assert menu.question == "delete oil? x again deletes, any other key keeps it"
        assert menu.keys[0] == ("x", "delete")
        rig.press("escape")
        assert not (await rig.shown()).question
        rig.press("x", "x")
        row = await rig.row("oil")
        assert (row.state, row.number) == ("absent", 0)


async def test_a_style_whose_bundled_file_plays_stays(autojump_clock: MockClock) -> None:
    shipped = Variant("rehearsal", bundled="loras/ink.safetensors")
    fetched = Variant("sd15", "ink-sd15.safetensors", size=SIZE)
    here = OnDisk("ink.safetensors", Stamp(SIZE, 0))
    catalogue = Catalogue((Preset("ink", "Ink", (shipped, fetched)),))
    for running, files, stays in (
        ("rehearsal", ("ink-sd15",), True),
        ("sd15", ("ink-sd15",), False),
        ("sdxl", ("ink-sd15",), False),  # that one can go
        ("sdxl", (), True),
    ):
        async with switching(autojump_clock, model(running, running), files, catalogue) as stage:
            stage.shelf.snapshot = replace(stage.shelf.snapshot, bundled={"ink.safetensors": here})
            stage.switcher.rescan()
            await settled()
            rig = Rig(stage)
            rig.press("p", "x")
            row = await rig.row("ink")
            assert (row.state, row.stays) == ("installed", stays)
            assert bool((await rig.shown()).question) == (not stays)
            assert rig.notices == ["ink comes with the program and stays"] * stays


async def test_digits_load_the_installed_styles_that_fit(autojump_clock: MockClock) -> None:
    async with switching(autojump_clock) as stage:
        rig = Rig(stage)
        rig.press("2")
        assert rig.notices == ["2: Neon"]
        await stage.stage()
        await trio.sleep(2)
        assert stage.weights() == {"neon": 0.7}
        rig.press("3")
        assert rig.notices[1] == "key 3 has no style; installed: anime, neon"
        stage.shelf.files.clear()
        stage.switcher.rescan()
        await settled()
        rig.press("1")
        assert rig.notices[2] == "key 1 has no style; no style is installed"


async def test_what_cannot_be_is_said_by_who_knows(autojump_clock: MockClock) -> None:
    async with switching(autojump_clock) as stage:
        rig = Rig(stage)
        rig.press("p", *["down"] * 9)
        menu = await rig.shown()
        assert menu.selected == "paper"
        assert menu.about == "Paper"
        assert menu.detail.startswith("'paper' is made for SDXL (text width 2048); the running")
        with pytest.raises(ArtflowError, match=r"'paper' is made for SDXL"):
            rig.press("return")
        rig.press("up")
        with pytest.raises(ArtflowError, match="ink is not on this disk"):
            rig.press("right")
        with pytest.raises(ArtflowError, match="nothing to cancel"):
            rig.press("c")
