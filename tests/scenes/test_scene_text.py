from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.controls import Parameter, Value
from engine.errors import SettingError
from engine.yaml_file import parse_yaml
from scenes.scene import QUANTIZE, Mod, Scene, Span
from scenes.scene_file import scene_of
from scenes.scene_keys import LEAST_AFTER
from scenes.scene_text import scene_text
from scenes.yaml_edit import comments, edited, flow
from tests.scenes.tables import STYLES, controls

TARGETS = ("paint/strength", "feedback/zoom", "output/fade")


CONTROLS = controls()
PATH = Path("sunrise.yaml")


def test_a_saved_file_reads_like_one_written_by_hand() -> None:
    look: dict[str, Value] = {"tempo/bpm": 120.0, "paint/strength": 1 / 3, "paint/steps": 2}
    mod = Mod("feedback/zoom", "sine", 8.0, -1.0)
    scene = Scene("sunrise", set=look, presets={"ink": 1.0, "neon": -0.0}, mods=(mod,))
    assert scene_text(scene, CONTROLS) == (
        "set:\n  tempo/bpm: 120\n  paint/strength: 0.3333333333333333\n  paint/steps: 2\n"
        "presets:\n  ink: 1\n  neon: 0\n"
        "mods:\n  - {target: feedback/zoom, beats: 8, depth: -1}\n"
    )


def read(text: str) -> Scene:
    scene, problems = scene_of(parse_yaml(text, PATH), "sunrise", CONTROLS)
    assert scene is not None
    assert problems == []
    return scene


def values(row: Parameter) -> st.SearchStrategy[Value]:
    if row.name == "input/source":
        return st.just("test-card")
    if row.choices is not None:
        return st.sampled_from(row.choices)
    if row.form:
        return st.integers(0, 0xFFFFFF).map(lambda number: f"#{number:06x}")
    if row.kind == "s":
        return st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
    assert row.low is not None
    assert row.high is not None
    if row.kind == "i":
        return st.integers(int(row.low), int(row.high))
    return st.floats(row.low, row.high)


def settable() -> list[Parameter]:
    return [row for row in CONTROLS.parameters() if not row.read_only]


spans = st.one_of(
    st.floats(0, 600).map(Span),
    st.integers(0, 40960).map(lambda n: Span(n / 10, "beats")),
    st.integers(0, 1024).map(lambda n: Span(float(n), "bars")),
)
words = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
looks = st.lists(
    st.sampled_from(settable()).flatmap(lambda row: st.tuples(st.just(row.name), values(row))),
    max_size=8,
).map(dict)
mods = st.builds(
    Mod,
    st.sampled_from(TARGETS),
    st.sampled_from(("sine", "random", "audio-low")),
    st.floats(0.0625, 64),
    st.floats(-1, 1),
    st.floats(0, 1),
)
scenes = st.builds(
    Scene,
    st.just("sunrise"),
    description=words,
    notes=words,
    fade=st.none() | spans,
    quantize=st.none() | st.sampled_from(QUANTIZE),
    set=looks,
    presets=st.none() | st.dictionaries(st.sampled_from(STYLES), st.floats(-2, 2)),
    mods=st.none() | st.lists(mods, max_size=8).map(tuple),
    fades=st.dictionaries(st.sampled_from(TARGETS), spans),
    after=st.none() | spans.filter(lambda span: span.amount >= LEAST_AFTER[span.unit]),
    next=st.none() | st.sampled_from(("moonrise", "1", "no", "a: b", "été 日本")),
)

HAND_MADE = """\
# my own sunrise
description: "Sunrise over the crowd"  # they love it
fade: 4 beats # or 2.5
quantize: bar

# the look
set:
  # not too strong
  paint/strength: 0.370  # tried 0.4
  prompt/a: >-
    oil painting
    of a sunrise
  # colours
  output/saturation: 1.2
presets: {oil-painting: 0.8}   # every other fades out
mods:  # breathing
  - {target: feedback/zoom, shape: sine, beats: 8, depth: 0.05, phase: 0}  # slowly
fades: {output/saturation: 0} # at once
after: 32 beats
next: moonrise
# the end
"""


@settings(deadline=None, max_examples=60)
@given(scenes)
def test_what_is_written_is_read_again(scene: Scene) -> None:
    assert read(scene_text(scene, CONTROLS)) == scene


@settings(deadline=None, max_examples=60)
@given(scenes)
def test_saving_over_a_file_keeps_its_comments(scene: Scene) -> None:
    text = scene_text(scene, CONTROLS, HAND_MADE, PATH)
    assert read(text) == scene
    assert [comment for comment in said(HAND_MADE) if comment not in said(text)] == []


@settings(deadline=None, max_examples=60)
@given(scenes, scenes)
def test_any_scene_can_take_the_place_of_any_other(first: Scene, second: Scene) -> None:
    text = "# first\n" + scene_text(first, CONTROLS).replace("\n", "  # here\n", 1)
    saved = scene_text(second, CONTROLS, text, PATH)
    assert read(saved) == second
    assert said(saved)[0] == "# first"
    # and once more the same: nothing moves
    assert scene_text(second, CONTROLS, saved, PATH) == saved


def said(text: str) -> list[str]:
    return [text[start:end].strip() for start, end in comments(text)]


def test_only_what_changes_is_touched() -> None:
    scene = read(HAND_MADE)
    assert scene_text(scene, CONTROLS, HAND_MADE, PATH) == HAND_MADE
    look = dict(scene.set) | {"paint/strength": 0.5, "output/fade": 0.25}
    text = scene_text(replace(scene, set=look, fade=Span(2.5)), CONTROLS, HAND_MADE, PATH)
    assert text == HAND_MADE.replace("0.370", "0.5").replace("4 beats", "2.5").replace(
        "output/saturation: 1.2\n", "output/saturation: 1.2\n  output/fade: 0.25\n"
    )


def test_lines_that_have_a_problem_stay() -> None:
    text = "set:\n  paint/strengt: 0.5  # oh\n  output/fade: 0.5\nspeed: 3\n"
    scene, problems = scene_of(parse_yaml(text, PATH), "sunrise", CONTROLS)
    assert scene is not None
    assert len(problems) == 2
    saved = scene_text(replace(scene, set={"output/fade": 1.0}), CONTROLS, text, PATH)
    assert saved == text.replace("output/fade: 0.5", "output/fade: 1")


def test_a_file_that_cannot_be_read_is_not_written_over() -> None:
    with pytest.raises(SettingError, match=r"sunrise\.yaml:1: not valid YAML.*save under another"):
        scene_text(Scene("sunrise"), CONTROLS, "set: {a: [1", PATH)


def test_line_ends_stay_as_they_are() -> None:
    text = "fade: 1\r\nset:\r\n  output/fade: 0.5\r\n"
    scene = Scene("sunrise", fade=Span(2.0), set={"output/fade": 0.5, "output/mix": 0.5})
    saved = scene_text(scene, CONTROLS, text, PATH)
    assert saved == text.replace("fade: 1", "fade: 2") + "  output/mix: 0.5\r\n"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("a: &x 1\nb: *x\n", None),
        ("a: 1\na: 2\n", None),
        ("- 1\n", None),
        ("a:  # why\nb: 2\n", "a: 3  # why\nb: 2\n"),
        ("{a: 1, b: 2}  # both\n", "{a: 3, b: 2}  # both\n"),
        ("a: 1 # one\n...\n", "a: 3 # one\nb: 2\n...\n"),
        ("a:\n- 1 # one\n# two\n- 2 # three\nb: 2", "# one\n# two\na:\n  3 # three\nb: 2"),
    ],
)
def test_what_can_be_edited(text: str, says: str | None) -> None:
    old: Any = {"a": 1} if "b" not in text else {"a": None, "b": 2}
    assert edited(text, old, {"a": 3, "b": 2}) == says


def test_numbers_keep_their_last_digit() -> None:
    for number in (0.1 + 0.2, 1e-9, 123456.789, math.pi, -1.5e-300):
        assert float(flow(number)) == number
