"""What is saved comes back: through a real file, on a stage that has just been opened."""

from __future__ import annotations

import tempfile
from functools import partial
from pathlib import Path

import pytest
import trio
from hypothesis import given, settings
from hypothesis import strategies as st
from trio.testing import MockClock

from engine.controls import Parameter, Trigger, Value
from engine.errors import SettingError
from engine.parameters import PARAMETERS
from engine.sources.spec import FORMS
from presets.preset_controls import DECKS
from presets.preset_controls import PARAMETERS as PRESET_ROWS
from scenes.saving import scene_now
from scenes.scene import Scene, Span
from scenes.shelf import Shelf as Folders
from tests.scenes.stage import Presets, Shelf, Stage, on

STYLES = ("neon", "ink", "oil")
SETTABLE = [row for row in PARAMETERS if not row.read_only]
COMPARED = [*(row.name for row in SETTABLE), *(f"preset/{id}/weight" for id in STYLES)]
WORDS = st.text(st.characters(codec="utf-8"), max_size=20)
WEIGHTS = st.sampled_from((0.0, 0.0, 0.8, -1.25, 1 / 3, 2.0))


@st.composite
def sources(draw: st.DrawFn) -> str:
    """Everything that the grammar of sources allows."""
    kind = draw(st.sampled_from(sorted(FORMS)))
    names = st.text(st.characters(codec="utf-8", exclude_categories=["Cc"]), min_size=1)
    argument = {
        "screen": st.integers(0, 9999).map(str),
        **dict.fromkeys(("camera", "video", "image"), names.map(str.strip).filter(bool)),
    }.get(kind)
    if argument is None or draw(st.booleans()):
        return kind
    return f"{kind}:{draw(argument)}"


def value_of(row: Parameter) -> st.SearchStrategy[Value]:
    if row.name == "input/source":
        return sources()
    if row.choices is not None:
        return st.sampled_from(row.choices)
    if row.form:
        return st.integers(0, 0xFFFFFF).map(lambda number: f"#{number:06x}")
    return WORDS if row.kind == "s" else st.floats(0, 1).map(row.denormalized)


@st.composite
def states(draw: st.DrawFn) -> dict[str, Value]:
    rows = st.lists(st.sampled_from(SETTABLE), max_size=30, unique_by=lambda row: row.name)
    values = {row.name: draw(value_of(row)) for row in draw(rows)}
    values.pop("tempo/source", None)  # another clock has the tempo
    return values | {f"preset/{id}/weight": draw(WEIGHTS) for id in STYLES}


def opened(folder: Path, values: dict[str, Value]) -> Stage:
    """A stage that starts with these values, and whose scenes are files."""
    stage = Stage(lambda controls: Folders([], controls, folder))
    Presets(stage.controls, **dict.fromkeys(STYLES, "active"))
    set_all(stage, values)
    return stage


def set_all(stage: Stage, values: dict[str, Value]) -> None:
    for name, value in values.items():
        stage.controls.set(name, value)


def is_look(row: Parameter, saved: dict[str, Value]) -> bool:
    """Whether a look holds it: all but what is of the moment, and modulators that do not move."""
    family, number, aspect = (row.name + "//").split("/")[:3]
    idle = family == "mod" and not saved.get(f"mod/{number}/active", 0)
    return not row.moment and (aspect == "active" or not idle)


@given(st.just({}) | states(), states(), st.just({}) | states(), st.sampled_from((0.0, 1.5)))
@settings(deadline=None, max_examples=100)
def test_save_then_go_brings_everything_back(
    start: dict[str, Value], saved: dict[str, Value], other: dict[str, Value], fade_s: float
) -> None:
    """On a fresh start (`other` is nothing) all there is; amid another show, the look."""
    saved = start | saved

    async def play(folder: Path) -> None:
        first = opened(folder, start)
        first.files.add(str(saved.get("input/source", "")))
        async with on(first):
            set_all(first, saved)
            await trio.sleep(2)
            first.controls.fire("scene/save", ("look",))
            await trio.sleep(1)
        assert (folder / "look.yaml").exists()
        second = opened(folder, start)
        async with on(second):
            set_all(second, other)
            await trio.sleep(2)
            second.go("look", fade_s)
            await trio.sleep(3)
        assert second.told == []
        for row in [
            *(row for row in SETTABLE if not other or is_look(row, saved)),
            *(second.controls.parameter(f"preset/{id}/weight") for id in STYLES),
        ]:
            assert second.live(row.name) == first.live(row.name), row.name
            assert second.controls.get(row.name) == first.controls.get(row.name), row.name

    with tempfile.TemporaryDirectory() as folder:
        trio.run(play, Path(folder), clock=MockClock(autojump_threshold=0))


async def test_a_saved_scene_is_a_file_that_a_person_reads(
    autojump_clock: MockClock,  # noqa: ARG001
    tmp_path: Path,
) -> None:
    stage = opened(tmp_path, {"output/rotate": 180, "mod/4/depth": 0.5})
    async with on(stage):
        set_all(stage, {"mod/1/target": "feedback/zoom", "mod/1/beats": 8.0, "mod/1/active": 1})
        set_all(stage, {"mod/3/depth": 1.0})
        stage.controls.fire("scene/save", ("Look.yaml",))
        await trio.sleep(1)
        text = (tmp_path / "Look.yaml").read_text()
        assert "mods:\n  - {target: feedback/zoom, beats: 8}\n" in text
        said = [line.strip().partition(":")[0] for line in text.splitlines()]
        assert [name for name in said if name.startswith("mod/")] == ["mod/3/depth"]
        as_at_the_start = {"tempo/bpm", "output/freeze", "painter/model", "output/rotate"}
        assert not as_at_the_start & set(said)
        assert stage.notices == ["scene Look is saved"]
        # what somebody wrote by hand stays named; of the moment, what is not as at the start
        (tmp_path / "Look.yaml").write_text("description: mine\nset: {tempo/bpm: 100}\n")
        stage.controls.fire("scene/reload")
        stage.controls.set("mod/1/active", 0)
        stage.controls.set("output/freeze", 1)
        stage.controls.fire("scene/save", ("Look",))
        await trio.sleep(1)
        text = (tmp_path / "Look.yaml").read_text()
        for line in ("description: mine", "tempo/bpm: 120", "output/freeze: 1", "mods: []"):
            assert line in text


async def test_what_cannot_be_read_is_not_written_over(
    autojump_clock: MockClock,  # noqa: ARG001
    tmp_path: Path,
) -> None:
    (tmp_path / "look.yaml").write_text("set: [\n")
    stage = opened(tmp_path, {})
    async with on(stage):
        stage.controls.fire("scene/save", ("look",))
        await trio.sleep(1)
    assert (tmp_path / "look.yaml").read_text() == "set: [\n"
    [line] = stage.told
    assert line.startswith("scene/save: ")
    assert line.endswith(", or save under another name")


@pytest.mark.parametrize("active", [{1: "", 2: "paint/strength"}, {2: "paint/strength"}])
async def test_modulators_that_no_list_can_tell_are_saved_row_by_row(
    autojump_clock: MockClock,  # noqa: ARG001
    tmp_path: Path,
    active: dict[int, str],
) -> None:
    wired = {f"mod/{number}/target": target for number, target in active.items()}
    stage = opened(tmp_path, {**wired, **{f"mod/{number}/active": 1 for number in active}})
    async with on(stage):
        stage.controls.fire("scene/save", ("look",))
        await trio.sleep(1)
    text = (tmp_path / "look.yaml").read_text()
    assert "mods:" not in text
    assert "mod/2/target: paint/strength" in text
    assert text.count("/active:") == 8


async def test_saving_in_the_middle_of_a_fade_saves_where_it_leads(
    autojump_clock: MockClock,  # noqa: ARG001 -- pytest-trio takes the clock from the arguments
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
        assert scene_now(stage.controls, {}, {}, stage.files).set["prompt/b"] == "new"


async def test_the_picture_that_a_scene_names_may_be_played_then_and_no_other(
    autojump_clock: MockClock,  # noqa: ARG001
    tmp_path: Path,
) -> None:
    (tmp_path / "still.png").touch()
    (tmp_path / "still.yaml").write_text("set: {input/source: image:still.png, paint/steps: 2}\n")
    still = f"image:{tmp_path}/still.png"
    stage = opened(tmp_path, {})
    async with on(stage):
        # whoever asks for another file over a wire, and saves before it is refused, gains nothing
        stage.controls.set("input/source", "image:/etc/other.png")
        stage.controls.fire("scene/save", ("stolen",))
        await trio.sleep(1)
        stage.go("stolen", 0.0)
        await trio.sleep(1)
        with pytest.raises(SettingError, match="is refused"):
            stage.files.resolve("image:/etc/other.png")
        with pytest.raises(SettingError, match="is refused"):
            stage.files.resolve(still)
        stage.go("still", 0.0)
        await trio.sleep(1)
        assert stage.controls.get("input/source") == "image:still.png"  # no folder of anybody's
        assert stage.files.resolve("image:still.png").argument == f"{tmp_path}/still.png"
        assert stage.files.resolve(still).argument == f"{tmp_path}/still.png"
        stage.controls.fire("scene/save", ("kept",))
        await trio.sleep(1)
    assert '"image:still.png"' in (tmp_path / "kept.yaml").read_text()
    assert "input/source" not in (tmp_path / "stolen.yaml").read_text()


async def test_a_bad_source_is_told_with_its_place_and_the_rest_of_the_scene_plays(
    autojump_clock: MockClock,  # noqa: ARG001
    tmp_path: Path,
) -> None:
    (tmp_path / "look.yaml").write_text("set:\n  input/source: camra:1\n  paint/steps: 2\n")
    stage = opened(tmp_path, {})
    async with on(stage):
        stage.go("look")
        await trio.sleep(1)
        assert (stage.live("input/source"), stage.live("paint/steps")) == ("test-card", 2)
    [line] = stage.told
    assert line.startswith(f"scene/go: {tmp_path}/look.yaml:2: unknown source 'camra:1'; did you")


async def test_a_picture_beside_a_scene_saved_elsewhere_keeps_its_whole_name(
    autojump_clock: MockClock,  # noqa: ARG001
    tmp_path: Path,
) -> None:
    tour, mine = tmp_path / "tour", tmp_path / "mine"
    for folder in (tour, mine):
        folder.mkdir()
        (folder / "still.png").touch()
        (folder / f"{folder.name}.yaml").write_text("set: {input/source: image:still.png}\n")
    stage = Stage(lambda controls: Folders([tour], controls, mine))
    async with on(stage):
        stage.go("tour", 0.0)
        await trio.sleep(1)
        stage.controls.fire("scene/save", ("kept",))
        await trio.sleep(1)
        stage.go("mine", 0.0)  # another picture of the same name
        await trio.sleep(1)
        assert stage.files.resolve(str(stage.controls.get("input/source"))).argument == (
            f"{mine}/still.png"
        )
        stage.go("kept", 0.0)
        await trio.sleep(1)
        assert stage.files.resolve(str(stage.controls.get("input/source"))).argument == (
            f"{tour}/still.png"
        )
    assert f"image:{tour}/still.png" in (mine / "kept.yaml").read_text()


async def test_the_decks_of_presets_come_back(
    autojump_clock: MockClock,  # noqa: ARG001
) -> None:
    stage = Stage(Shelf())
    stage.controls.declare(*(row for row in PRESET_ROWS if row.name in DECKS))
    fired: list[tuple[object, ...]] = []

    def note(deck: str, told: tuple[Value, ...], _origin: object) -> None:
        fired.append((deck, *told))

    for deck in "ab":
        stage.controls.declare(Trigger(f"preset/{deck}", "", "s[f"))
        stage.controls.on(f"preset/{deck}", partial(note, deck))
    async with on(stage):
        stage.controls.set("preset/deck-a", "anime")
        stage.controls.set("preset/deck-b", "oil")
        stage.controls.fire("scene/save", ("look",))
        await trio.sleep(1)
        stage.controls.reset("preset/deck-a")
        stage.go("look", 2.0)
        await trio.sleep(1)
    assert fired == [("a", "anime", 2.0), ("b", "oil", 2.0)]
