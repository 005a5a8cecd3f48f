from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import NoReturn

import pytest

from engine.controls import Controls, Parameter
from engine.errors import SettingError
from scenes import scene_file
from scenes.scene import Scene, Span
from scenes.setlist import SetList
from scenes.shelf import Shelf
from tests.scenes.tables import controls

CONTROLS = controls()


def shelf(tmp_path: Path, *more: Path) -> Shelf:
    bundled = tmp_path / "bundled"
    bundled.mkdir(exist_ok=True)
    return Shelf([bundled, *more], CONTROLS, tmp_path / "data" / "scenes")


def put(folder: Path, name: str, text: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(text, encoding="utf-8")


def test_the_later_folder_counts(tmp_path: Path) -> None:
    for folder, fade in (("bundled", 1), ("gig", 2), ("data/scenes", 3)):
        put(tmp_path / folder, "clear.yaml", f"fade: {fade}\n")
    put(tmp_path / "bundled", "scene 10.yaml", "")
    put(tmp_path / "gig", "Scene 9.yaml", "fade: 9\n")
    put(tmp_path / "gig", "evening.set.yaml", "scenes: [clear]\n")
    put(tmp_path / "gig", ".hidden.yaml", "x: 1\n")
    put(tmp_path / "gig", "readme.txt", "hello\n")
    found = shelf(tmp_path, tmp_path / "gig")
    assert found.names() == ("clear", "Scene 9", "scene 10")
    assert found.set_lists() == ("evening",)
    assert found.scene("clear").fade == Span(3)
    assert found.scene("Scene 9").fade == Span(9)
    assert found.problems == []


def test_no_file_is_opened_before_it_is_needed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(10_000):
        path = tmp_path / "bundled" / f"look {number}.yaml"
        path.parent.mkdir(exist_ok=True)
        path.touch()
    opened: list[Path] = []

    def read(path: Path, _: Controls) -> tuple[Scene | None, list[str]]:
        opened.append(path)
        return Scene(path.stem), []

    monkeypatch.setattr(scene_file, "read_scene", read)
    found = shelf(tmp_path)
    assert len(found.names()) == 10_000
    assert found.names()[2:4] == ("look 2", "look 3")
    assert opened == []
    assert found.scene("look 77").name == found.scene("look 77").name == "look 77"
    assert len(opened) == 1
    found.reload()
    assert len(opened) == 1  # what has not changed is not read again


def test_unknown_names_and_bad_files_are_told_with_what_to_do(tmp_path: Path) -> None:
    put(tmp_path / "bundled", "sunrise.yaml", "set: [\n")
    put(tmp_path / "bundled", "evening.set.yaml", "scenes: 5\n")
    found = shelf(tmp_path, tmp_path / "nowhere")
    with pytest.raises(SettingError, match="unknown scene 'sunrize'; did you mean sunrise"):
        found.scene("sunrize")
    with pytest.raises(SettingError, match="unknown set list 'evning'; did you mean evening"):
        found.set_list("evning")
    with pytest.raises(SettingError, match=r"sunrise\.yaml:2: not valid YAML"):
        found.scene("sunrise")
    with pytest.raises(SettingError, match=r"evening\.set\.yaml:1: scenes is 5; allowed: "):
        found.set_list("evening")
    folder, file = found.problems
    assert folder.startswith(f"{tmp_path / 'nowhere'}: cannot be read (")
    assert file.startswith(str(tmp_path / "bundled" / "sunrise.yaml"))


def test_what_was_read_stays_until_it_is_read_again(tmp_path: Path) -> None:
    put(tmp_path / "bundled", "sunrise.yaml", "fade: 1\n")
    found = shelf(tmp_path)
    assert found.scene("sunrise").fade == Span(1)
    put(tmp_path / "bundled", "sunrise.yaml", "fade: 20\nfad: 3\n")
    put(tmp_path / "bundled", "moonrise.yaml", "")
    assert found.scene("sunrise").fade == Span(1)
    (problem,) = found.reload()
    assert problem.endswith("sunrise.yaml:2: unknown key 'fad'; did you mean fade or fades?")
    assert found.scene_problems("sunrise") == (problem,)
    assert found.scene("sunrise").fade == Span(20)
    assert found.names() == ("moonrise", "sunrise")
    (tmp_path / "bundled" / "sunrise.yaml").unlink()
    assert found.reload() == []
    assert found.names() == ("moonrise",)


def test_saving_goes_to_the_performers_own(tmp_path: Path) -> None:
    put(tmp_path / "bundled", "sunrise.yaml", "# made in Lisbon\nset: {output/fade: 0.5}\n")
    found = shelf(tmp_path)
    look = replace(found.scene("sunrise"), set={"output/fade": 0.25})
    path = found.save(look)
    assert path == tmp_path / "data" / "scenes" / "sunrise.yaml"
    assert path.read_text() == "# made in Lisbon\nset: {output/fade: 0.25}\n"
    assert (tmp_path / "bundled" / "sunrise.yaml").read_text().endswith("0.5}\n")
    assert found.scene("sunrise") == look
    assert found.save(Scene("new one", fade=Span(1, "bars"))).read_text() == "fade: 1 bar\n"
    assert found.names() == ("new one", "sunrise")
    assert sorted(os.listdir(tmp_path / "data" / "scenes")) == ["new one.yaml", "sunrise.yaml"]


@pytest.mark.parametrize("name", ["../up", "a/b", "c:\\d", ".hidden", "evening.set"])
def test_names_that_no_scene_can_have(tmp_path: Path, name: str) -> None:
    with pytest.raises(SettingError):
        shelf(tmp_path).save(Scene(name))
    assert not (tmp_path / "data").exists()


def test_what_cannot_be_written_leaves_the_old_one_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(tmp_path / "data" / "scenes", "sunrise.yaml", "fade: 1\n")
    found = shelf(tmp_path)

    def full(*_: object) -> NoReturn:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(SettingError, match="'sunrise' cannot be saved: No space left on device"):
        found.save(Scene("sunrise", fade=Span(2)))
    assert os.listdir(tmp_path / "data" / "scenes") == ["sunrise.yaml"]
    assert (tmp_path / "data" / "scenes" / "sunrise.yaml").read_text() == "fade: 1\n"
    assert found.scene("sunrise").fade == Span(1)


def test_check_reads_all_and_tells_of_everything(tmp_path: Path) -> None:
    folder = tmp_path / "bundled"
    put(folder, "a.yaml", "fade: 1\nnext: b\n")
    put(folder, "b.yaml", "next: c\n")
    put(folder, "c.yaml", "next: b\n")
    put(folder, "d.yaml", "after: 1 bar\nnext: e\n")
    put(folder, "e.yaml", "after: 1 bar\nnext: d\n")
    put(folder, "f.yaml", "set: {output/fade: 3}\nnext: nobody\n")
    put(folder, "g.yml", "")
    put(folder, "x.set.yaml", "scenes: [a, z, x, 5]\nwarp: true\nwrap: maybe\n")
    told = [line.removeprefix(str(folder) + os.sep) for line in shelf(tmp_path).check()]
    assert told == [
        "g.yml: found .yml; allowed: .yaml; rename it",
        "f.yaml:1: output/fade is 3; allowed: 0 to 1",
        "f.yaml:2: next is 'nobody', which is no scene; see artflow scenes list",
        "b.yaml:1: next leads round in a circle (b -> c -> b) in which no scene has after:; "
        "give one a time, or take a next out",
        "x.set.yaml:1: unknown scene 'z'; see artflow scenes list",
        "x.set.yaml:1: the set list 'x' names itself; wrap: true begins it again",
        "x.set.yaml:1: a scene is 5; allowed: its name (in quotes)",
        "x.set.yaml:2: unknown key 'warp'; did you mean wrap?",
        "x.set.yaml:3: wrap is 'maybe'; allowed: true or false",
    ]


def test_a_set_list(tmp_path: Path) -> None:
    folder = tmp_path / "bundled"
    put(folder, "a.yaml", "")
    put(folder, "b.yaml", "")
    put(folder, "x.set.yaml", "description: hi\nscenes: [b, a, b]\nwrap: true\n")
    put(folder, "y.set.yaml", "scenes: [c]\n")
    put(folder, "z.set.yaml", "scene: [a]\n")
    found = shelf(tmp_path)
    assert found.set_list("x") == (SetList("x", ("b", "a", "b"), True, "hi"), [])
    left, problems = found.set_list("y")
    assert left.scenes == ()
    assert problems[-1].endswith("no scene is left in it; name at least one")
    wrong = list(found.check())[-2:]
    assert "no scenes: in it; allowed: scenes: [first, second]" in wrong[0]
    assert "z.set.yaml:1: unknown key 'scene'; did you mean scenes?" in wrong[1]


def test_one_link_to_itself_hides_no_other_scene(tmp_path: Path) -> None:
    folder = tmp_path / "bundled"
    put(folder, "a.yaml", "")
    (folder / "loop.yaml").symlink_to("loop.yaml")
    found = shelf(tmp_path)
    assert found.names() == ("a",)
    [line] = found.folder_problems()
    assert line.startswith(f"{folder / 'loop.yaml'}: cannot be read (")


def test_whatever_can_be_saved_can_be_gone_to(tmp_path: Path) -> None:
    found = shelf(tmp_path)
    for name in ("family 👨\u200d👩\u200d👧", "soft\u00adhyphen", "été"):
        found.save(Scene(name))
        assert name in found.names()
    with pytest.raises(SettingError, match="control character"):
        found.save(Scene("two\u2028lines"))


def test_a_name_that_the_catalogue_has_learned_is_known_after_reload(tmp_path: Path) -> None:
    table = controls()
    found = Shelf([], table, tmp_path)
    put(tmp_path, "a.yaml", "presets: {mine: 1}\n")
    found.reload()
    assert found.scene("a").presets == {}
    assert found.reload()
    table.declare(Parameter("preset/mine/weight", "f", 0.0, "", low=-2, high=2))
    assert found.reload() == []
    assert found.scene("a").presets == {"mine": 1.0}


def test_a_save_keeps_what_was_edited_meanwhile(tmp_path: Path) -> None:
    found = shelf(tmp_path)
    put(tmp_path / "bundled", "a.yaml", "fade: 2\n")
    found.reload()
    assert found.scene("a").fade == Span(2)
    put(tmp_path / "bundled", "a.yaml", "fade: 8 beats\nnotes: mine\n")
    assert found.scene("a").fade == Span(2)
    assert found.as_it_stands("a") == Scene("a", fade=Span(8, "beats"), notes="mine")
    put(tmp_path / "bundled", "a.yaml", "set: [\n")
    with pytest.raises(SettingError, match="not valid YAML"):
        found.as_it_stands("a")
