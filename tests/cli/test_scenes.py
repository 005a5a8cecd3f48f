"""`artflow scenes`: what there is, and what is wrong in a file."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from artflow import main


@pytest.fixture
def wide(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "200")


@pytest.mark.usefixtures("wide")
def test_a_list_of_all_scenes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    mine = tmp_path / "scenes"
    mine.mkdir()
    (mine / "sunrise.yaml").write_text("description: '[red]mine'\nafter: 8\nfade: 2\n")
    (mine / "bad.yaml").write_text("set: [\n")
    assert main(["scenes", "list", "--data", str(tmp_path)]) == 0
    out, err = capsys.readouterr()
    rows = {line.split()[1]: line for line in out.splitlines() if line.strip()[:1].isdigit()}
    assert "bundled" in rows["pulse"]
    assert "neon lines" in rows["pulse"]
    assert "yours" in rows["sunrise"]
    assert "2 s" in rows["sunrise"]
    assert "after 8 s: the next" in rows["sunrise"]
    assert "[red]mine" in rows["sunrise"]
    assert "cannot be read" in rows["bad"]
    assert "rehearsal" in out.partition("set list")[2]
    (line,) = err.splitlines()
    assert line.startswith(f"artflow: {mine / 'bad.yaml'}:2: not valid YAML")


def test_a_good_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "look.yaml"
    path.write_text("set: {output/fade: 0.5}\npresets: {anime: 1}\nmods: []\nnext: sunrise\n")
    assert main(["scenes", "check", str(path), "--data", str(tmp_path)]) == 0
    out, err = capsys.readouterr()
    assert out == f"{path}: a scene of 1 control, 1 preset, 0 modulators; no problems\n"
    assert err == ""


def test_a_bad_file_is_told_line_by_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "look.yaml"
    path.write_text("set: {output/fad: 0.5}\npresets: {anme: 1}\nnext: sunrize\n")
    assert main(["scenes", "check", str(path), "--data", str(tmp_path)]) == 1
    out, err = capsys.readouterr()
    assert out == f"{path}: a scene of 0 controls, 0 presets\n"
    first, second, third = (line.removeprefix(f"artflow: {path}:") for line in err.splitlines())
    assert first.startswith("1: unknown control 'output/fad'; did you mean output/fade")
    assert second.startswith("2: unknown preset 'anme'; did you mean anime")
    assert third.startswith("3: next is 'sunrize', which is no scene; did you mean sunrise")


def test_a_set_list_and_the_scenes_beside_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "mine.yaml").write_text("next: mine\n")
    path = tmp_path / "evening.set.yaml"
    path.write_text("scenes: [mine, sunrise, evening]\n")
    assert main(["scenes", "check", str(path), "--data", str(tmp_path)]) == 1
    out, err = capsys.readouterr()
    assert out == f"{path}: a set list of 2 scenes\n"
    (line,) = err.splitlines()
    assert line.startswith(f"artflow: {path}:1: the set list 'evening' names itself")


def test_a_circle_is_found_from_one_of_its_scenes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, next in (("m", "n"), ("n", "o"), ("o", "n")):
        (tmp_path / f"{name}.yaml").write_text(f"next: {next}\n")
    assert main(["scenes", "check", str(tmp_path / "m.yaml"), "--data", str(tmp_path)]) == 1
    assert "next leads round in a circle (n -> o -> n)" in capsys.readouterr().err
    (tmp_path / "o.yaml").write_text("next: n\nafter: 1 bar\n")
    assert main(["scenes", "check", str(tmp_path / "m.yaml"), "--data", str(tmp_path)]) == 0


def test_everything_there_is(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["scenes", "check", "--data", str(tmp_path), "--scenes", str(tmp_path / "gig")]
    (tmp_path / "gig").mkdir()
    assert main(words) == 0
    assert capsys.readouterr().out.endswith("set lists: no problems\n")
    (tmp_path / "gig" / "a.yaml").write_text("next: a\n")
    assert main(words) == 1
    out, err = capsys.readouterr()
    assert out.endswith("set lists: 1 problem\n")
    assert "next leads round in a circle (a -> a)" in err


@pytest.mark.parametrize("name", ["none.yaml", "."])
def test_a_file_that_is_not_there(
    tmp_path: Path, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["scenes", "check", str(tmp_path / name), "--data", str(tmp_path)]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"artflow: {tmp_path / name}: ")


def test_the_schema(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["scenes", "schema"]) == 0
    assert json.loads(capsys.readouterr().out)["title"] == "ArtFlow Live scene"


def test_words_that_are_none(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["scenes", "chek"]) == 2
    assert main(["scenes", "list", "--nonsense"]) == 2
    assert "see artflow scenes --help" in capsys.readouterr().err
