"""Scenes: the same wherever they are drawn, twins alike, every subject sound in every style."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import fields, replace
from itertools import combinations

import numpy as np
import pytest

from presets.rehearsal import scene
from presets.rehearsal.canvas import DRAWN, SIDE, Buffers, Canvas, Layout
from presets.rehearsal.captions import vocabulary, words_of
from presets.rehearsal.preset_styles import PRESET_STYLES
from presets.rehearsal.scene import HELD_OUT, Spec, draw, paint, spec_of
from presets.rehearsal.styles import BASE_STYLES, INPUT_STYLES, Style, relief, toned
from presets.rehearsal.subjects import SUBJECTS
from presets.rehearsal.subjects.common import TIMES, WEATHERS, Look, Subject
from tests.helpers.program import ROOT

STYLES = (*BASE_STYLES, *INPUT_STYLES, *PRESET_STYLES)


def twins(count: int) -> Iterator[tuple[Spec, Spec, set[str]]]:
    """Twins and what they differ in."""
    for number in range(0, 2 * count, 2):
        one, other = spec_of(number), spec_of(number + 1)
        names = {f.name for f in fields(Spec) if getattr(one, f.name) != getattr(other, f.name)}
        yield one, other, names


def digest(numbers: list[int]) -> str:
    """One number for what these scenes are, look like, and are called."""
    found = hashlib.sha256()
    for number in numbers:
        drawn = draw(spec_of(number))
        found.update(repr((drawn.spec, drawn.words)).encode())
        for style in STYLES[number % 3 :: 3]:
            found.update(paint(drawn, style).tobytes())
    return found.hexdigest()


def test_a_number_is_the_same_scene_in_another_process() -> None:
    numbers = [0, 31, HELD_OUT + 8]
    code = f"from tests.rehearsal.test_scene import digest; print(digest({numbers}))"
    told = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env={**os.environ, "PYTHONHASHSEED": "7"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert told.stdout.strip() == digest(numbers)
    assert digest([0]) != digest([2])


def test_twins_differ_in_one_thing() -> None:
    found = [tuple(names) for one, _, names in twins(1000) if not one.drawn]
    assert set(found) == {("subject",), ("look",), ("mood",), ("material",)}
    assert found.count(("subject",)) == pytest.approx(len(found) / 2, abs=60)


def test_twins_of_two_subjects_stand_on_one_layout(monkeypatch: pytest.MonkeyPatch) -> None:
    layouts: list[Layout] = []

    def note(_canvas: Canvas, layout: Layout, _look: Look) -> tuple[str, ...]:
        layouts.append(layout)
        return ()

    pretended = tuple(Subject(each.name, note, each.phrases, False) for each in SUBJECTS)
    monkeypatch.setattr(scene, "SUBJECTS", pretended)
    pairs = [(one, other) for one, other, names in twins(40) if names == {"subject"}]
    for one, other in pairs:
        draw(one)
        draw(other)
        assert layouts[-1] == layouts[-2]
    assert len(set(layouts)) == len(pairs) > 5


@pytest.mark.parametrize("kind", ["mood", "material"])
def test_twins_of_one_subject_are_aligned_to_the_pixel(kind: str) -> None:
    pairs = [(one, other) for one, other, names in twins(100) if names == {kind}][:3]
    for one, other in pairs:
        here, there = draw(one).buffers, draw(other).buffers
        np.testing.assert_array_equal(here.number, there.number)
        np.testing.assert_array_equal(here.depth, there.depth)
        assert np.abs(here.colour - there.colour).mean() > 0.003


@pytest.mark.parametrize("index", range(len(SUBJECTS)), ids=[each.name for each in SUBJECTS])
def test_every_subject_is_sound_in_every_style(index: int) -> None:
    spec = replace(spec_of(index), subject=index, mood="", material="", drawn=False)
    drawn = draw(spec)
    for style in STYLES:
        raw = style.paint(drawn.buffers, np.random.default_rng(index))
        assert raw.shape == (SIDE, SIDE, 3)
        assert np.isfinite(raw).all()
        picture = np.clip(raw, 0, 1)
        assert picture.std() > 0.02, style.name
        # neither blown out nor drowned
        assert 0.02 < picture.mean() < 0.98, style.name
        assert np.mean(np.abs(raw - picture)) < 0.2, style.name
    pixels = paint(drawn, STYLES[index % len(STYLES)])
    assert pixels.dtype == np.uint8
    assert pixels.shape == (SIDE, SIDE, 3)


@pytest.mark.parametrize("index", range(len(SUBJECTS)), ids=[each.name for each in SUBJECTS])
def test_every_subject_is_drawn_in_any_light_and_weather(index: int) -> None:
    known = vocabulary()
    for turn, weather in enumerate(WEATHERS):
        look = Look(TIMES[(turn + index) % len(TIMES)], weather)
        drawn = draw(Spec(turn, index, look, "", ""))
        # everything is filled: no hole is left black and flat
        assert drawn.buffers.colour.std() > 0.02
        assert {word for said in drawn.words for word in words_of(said)} <= known.keys()


def test_styles_are_clearly_apart() -> None:
    apart: dict[tuple[str, str], list[float]] = {}
    for number in (3, 18, 40, 55):
        drawn = draw(spec_of(number))
        pictures = [
            (style.name, kind, paint(drawn, style).astype(float))
            for kind, styles in (("base", BASE_STYLES), ("preset", PRESET_STYLES))
            for style in styles
        ]
        for one, other in combinations(pictures, 2):
            pair = (f"{one[1]} {one[0]}", f"{other[1]} {other[0]}")
            apart.setdefault(pair, []).append(float(np.abs(one[2] - other[2]).mean()))
    # grey levels of 255; the nearest two had 16 when this was written
    assert not {pair: found for pair, found in apart.items() if np.mean(found) < 10}


def test_a_scene_is_painted_the_same_twice() -> None:
    drawn = draw(spec_of(4))
    for style in STYLES:
        np.testing.assert_array_equal(paint(drawn, style), paint(drawn, style))


# these have something of their own place: a grid, bands, a sky's gradient, paper's grain
PLACED = ("anime", "blueprint", "hologram", "realistic")


@pytest.mark.parametrize(
    "style", [style for style in PRESET_STYLES if style.name not in PLACED], ids=lambda s: s.name
)
def test_every_mark_of_a_preset_follows_from_the_scene(style: Style) -> None:
    across = 20
    buffers = draw(replace(spec_of(16), mood="", material="")).buffers
    moved = Buffers(
        **{
            field.name: np.roll(
                getattr(buffers, field.name),
                across * (DRAWN // SIDE if field.name == "number" else 1),
                axis=1,
            )
            for field in fields(Buffers)
        }
    )
    rng = np.random.default_rng(0)
    before, after = style.paint(buffers, rng), style.paint(moved, rng)
    # what went round the edge has a new neighbour, as far as light reaches
    inner = np.s_[:, 80 : SIDE - 80]
    np.testing.assert_allclose(after[inner], np.roll(before, across, axis=1)[inner], atol=0.03)


def test_tones_are_bands_and_rise() -> None:
    grey = np.linspace(0, 0.999, 1000, dtype=np.float32)[None]
    found = toned(grey, 5, 60)
    assert (np.diff(found[0]) >= -1e-6).all()
    in_bands = np.abs(found * 5 - np.round(found * 5)) < 0.05
    assert in_bands.mean() > 0.85


def test_what_stands_up_is_lit_from_the_top_left() -> None:
    height = np.zeros((SIDE, SIDE), np.float32)
    height[100:140, 100:140] = 1
    lit = relief(height)
    assert lit[101, 101] > 0 > lit[138, 138]
    assert not lit[110:130, 110:130].any()
