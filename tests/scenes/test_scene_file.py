from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.parameters import PARAMETERS
from scenes.scene import Mod, Scene, Span
from scenes.scene_file import read_scene
from scenes.scene_keys import SCENE_KEYS
from tests.scenes.tables import controls

CONTROLS = controls()


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "sunrise.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def scene(tmp_path: Path, text: str) -> Scene:
    found, problems = read_scene(written(tmp_path, text), CONTROLS)
    assert problems == []
    assert found is not None
    return found


def problems(tmp_path: Path, text: str) -> list[str]:
    """The problems of a file, from the line number on."""
    path = written(tmp_path, text)
    lines = read_scene(path, CONTROLS)[1]
    assert all(line.startswith(f"{path}:") for line in lines)
    return [line.removeprefix(f"{path}:") for line in lines]


def test_every_key(tmp_path: Path) -> None:
    text = """\
description: "Sunrise over the crowd"
fade: 4 beats                     # or 2.5
quantize: bar
set: {paint/strength: 0.37, prompt/a: "a sunrise", output/rotate: 90, paint/active: false}
presets: {oil-painting: 0.8}
mods: [{target: feedback/zoom, shape: audio-low, beats: 8, depth: 0.05}]
fades: {output/saturation: 0, prompt/a: 1 bar}
after: 32 beats
next: moonrise
notes: "  mind the strobe"
"""
    assert scene(tmp_path, text) == Scene(
        "sunrise",
        description="Sunrise over the crowd",
        notes="  mind the strobe",
        fade=Span(4, "beats"),
        quantize="bar",
        set={
            "paint/strength": 0.37,
            "prompt/a": "a sunrise",
            "output/rotate": 90,
            "paint/active": 0,
        },
        presets={"oil-painting": 0.8},
        mods=(Mod("feedback/zoom", "audio-low", 8, 0.05),),
        fades={"output/saturation": Span(0), "prompt/a": Span(1, "bars")},
        after=Span(32, "beats"),
        next="moonrise",
    )


@pytest.mark.parametrize("text", ["", "# nothing\n", "set:\npresets:\nmods:\nnext:\n", "{}"])
def test_what_is_not_said_touches_nothing(tmp_path: Path, text: str) -> None:
    assert scene(tmp_path, text) == Scene("sunrise")


def test_none_of_them_is_not_the_same_as_no_word_of_them(tmp_path: Path) -> None:
    found = scene(tmp_path, "presets: {}\nmods: []\n")
    assert (found.presets, found.mods) == ({}, ())


@pytest.mark.parametrize(
    ("text", "span"),
    [
        ("2.5", Span(2.5)),
        ("0", Span(0)),
        ("600", Span(600)),
        ("2 s", Span(2)),
        ("1.5 seconds", Span(1.5)),
        ("1 beat", Span(1, "beats")),
        ("4 Beats", Span(4, "beats")),
        (".5 bars", Span(0.5, "bars")),
        ("16bars", Span(16, "bars")),
    ],
)
def test_spans(tmp_path: Path, text: str, span: Span) -> None:
    assert scene(tmp_path, f"fade: {text}\n").fade == span


@pytest.mark.parametrize(
    "text",
    ["-1", "601", "4 beets", "beats", "true", "[4]", ".inf", ".nan", "-1 beats", "9999 bars"],
)
def test_spans_that_are_none(tmp_path: Path, text: str) -> None:
    (line,) = problems(tmp_path, f"fade: {text}\n")
    assert line.startswith("1: fade is ")
    assert "allowed: 0 to 600 s, 0 to 4096 beats, 0 to 1024 bars: seconds (2.5)" in line


def test_nothing_goes_on_after_no_time(tmp_path: Path) -> None:
    for said in ("0", "0.05", "0.1 beats", "0.06 bars"):
        (line,) = problems(tmp_path, f"after: {said}\nnext: moonrise\n")
        assert line.startswith("1: after is ")
        assert "; allowed: 0.1 to 86400 s, 0.25 to 65536 beats, 0.0625 to 16384 bars" in line
    assert not problems(tmp_path, "after: 0.25 beats\nnext: moonrise\n")


@pytest.mark.parametrize("wanted", ["7", "-1", "1.4"])
def test_a_number_that_no_choice_has_is_a_problem(tmp_path: Path, wanted: str) -> None:
    assert scene(tmp_path, "set: {output/flip: 1}\n").set == {"output/flip": "horizontal"}
    assert problems(tmp_path, f"set: {{output/flip: {wanted}}}\n") == [
        f"1: output/flip is {wanted}; allowed: none, horizontal, vertical, both"
    ]


def test_all_problems_are_told_and_the_rest_is_used(tmp_path: Path) -> None:
    text = """\
descripton: x
fade: 4 beets
quantize: never
set:
  paint/strengt: 0.5
  paint/strength: 3
  painter/fps: 3
  output/freeze: yes
  snapshot: 1
  output/fade: 0.5
presets: {neno: 1, neon: 5, ink: 0.5, 12: 1}
mods:
  - {target: feedback/zom}
  - {target: prompt/a}
  - {tarket: feedback/zoom}
  - {target: feedback/zoom, shape: sinus, beats: 100, dept: 1}
  - 5
fades: {output/fade: 2, output/fad: 1, prompt/a: soon}
after: never
next: [moonrise]
notes: [a]
"""
    told = problems(tmp_path, text)
    starts = [
        "1: unknown key 'descripton'; did you mean description?",
        "2: fade is '4 beets'; allowed: 0 to",
        "3: quantize is 'never'; allowed: none, beat, bar",
        "5: unknown control 'paint/strengt'; did you mean paint/strength",
        "6: paint/strength is 3; allowed: 0 to 1",
        "7: painter/fps is a reported value",
        "8: output/freeze is 'yes'; allowed: 0 or 1, true or false",
        "9: snapshot is a trigger",
        "11: unknown preset 'neno'; did you mean neon?",
        "11: the weight of neon is 5; allowed: -2 to 2",
        "11: unknown preset '12'; see artflow presets list",
        "13: unknown control 'feedback/zom'; did you mean feedback/zoom",
        "14: prompt/a is no float with a range",
        "15: unknown key 'tarket'; did you mean target?",
        "15: a modulator without a target moves nothing; name one, such as target: feedback/zoom",
        "16: unknown key 'dept'; did you mean depth?",
        "16: shape cannot be 'sinus'; allowed: sine",
        "16: beats is 100; allowed: 0.0625 to 64",
        "17: a modulator is 5",
        "18: unknown control 'output/fad'",
        "18: prompt/a is 'soon'; allowed: 0 to",
        "19: after is 'never'; allowed: 0.1 to",
        "20: next is a list; allowed: a scene's name (in quotes)",
        "21: notes is 'a'; allowed: text (in quotes)",
    ]
    assert len(told) == len(starts)
    for line, start in zip(told, starts, strict=True):
        assert line.startswith(start)
    found, _ = read_scene(tmp_path / "sunrise.yaml", CONTROLS)
    assert found == Scene(
        "sunrise",
        set={"output/fade": 0.5},
        presets={"ink": 0.5},
        mods=(Mod("feedback/zoom"),),
        fades={"output/fade": Span(2)},
    )


def test_eight_modulators_and_no_more(tmp_path: Path) -> None:
    text = "mods:\n" + "- {target: output/fade}\n" * 10
    assert problems(tmp_path, text) == ["10: 10 modulators; allowed: 8, the rest is left out"]
    found, _ = read_scene(tmp_path / "sunrise.yaml", CONTROLS)
    assert found is not None
    assert found.mods is not None
    assert len(found.mods) == 8


def test_the_name_of_what_comes_next_is_no_number(tmp_path: Path) -> None:
    assert problems(tmp_path, "next: 1\n") == ["1: next is 1; allowed: a scene's name (in quotes)"]


@pytest.mark.parametrize("value", ["1", "0", "true", "false"])
def test_switches(tmp_path: Path, value: str) -> None:
    assert scene(tmp_path, f"set: {{output/freeze: {value}}}\n").set["output/freeze"] in (0, 1)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("- 1\n", "1: found 1; allowed: a scene's keys"),
        ("set: [\n", "2: not valid YAML"),
        ("mods: 5\n", "1: mods is 5; allowed: a list"),
        ("presets: [neon]\n", "1: presets is 'neon'; allowed: preset: weight"),
        ("set: 5\n", "1: set is 5; allowed: control: value"),
        ("fades: 5\n", "1: fades is 5; allowed: control: seconds"),
    ],
)
def test_what_is_something_else(tmp_path: Path, text: str, says: str) -> None:
    (line,) = problems(tmp_path, text)
    assert line.startswith(says)


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    path = tmp_path / "none.yaml"
    assert read_scene(path, CONTROLS) == (None, [f"{path}: there is no such file"])
    (tmp_path / "bytes.yaml").write_bytes(b"\xff\xfe")
    found, (line,) = read_scene(tmp_path / "bytes.yaml", CONTROLS)
    assert found is None
    assert "not UTF-8 text" in line


@pytest.mark.parametrize(
    "source", ["image:other.png", "image:/a//b.png", "image", "camera:1", "video:rtsp://camera/1"]
)
def test_a_picture_is_looked_for_beside_the_file_and_else_called_as_it_was(
    tmp_path: Path, source: str
) -> None:
    (tmp_path / "still.png").touch()
    found = scene(tmp_path, "set: {input/source: image:still.png}\n")
    assert found.set == {"input/source": f"image:{tmp_path}/still.png"}
    assert scene(tmp_path, f"set: {{input/source: {source}}}\n").set == {"input/source": source}


keys = st.sampled_from([key.name for key in SCENE_KEYS] + ["nonsense"])
scalars = st.sampled_from(
    ["1", "-1", "0.5", "true", "~", "4 beats", "1 bar", "[]", "[1, x]", "{a: 1}", "'9'", ".nan",
     "{paint/strength: 0.5}", "{neon: [1]}", "[{target: output/fade}]", "[{target: [1]}]",
     "[{target: output/fade, beats: {}}]", "{output/fade: 2 bars}", "99999999999999"]
)  # fmt: skip


@settings(deadline=None, max_examples=200)
@given(
    st.one_of(
        st.text(max_size=60),
        st.dictionaries(keys, scalars, max_size=8).map(
            lambda rows: "".join(f"{key}: {value}\n" for key, value in rows.items())
        ),
        st.dictionaries(st.sampled_from([row.name for row in PARAMETERS]), scalars, max_size=8).map(
            lambda rows: "set:\n" + "".join(f"  {key}: {value}\n" for key, value in rows.items())
        ),
    )
)
def test_any_file_is_a_scene_or_refused_line_by_line(
    tmp_path_factory: pytest.TempPathFactory, text: str
) -> None:
    path = tmp_path_factory.getbasetemp() / "any-scene.yaml"
    path.write_bytes(text.encode("utf-8", "surrogatepass"))
    found, lines = read_scene(path, CONTROLS)
    assert found is not None or lines
    assert all(line.startswith(str(path)) and len(line.splitlines()) == 1 for line in lines)
