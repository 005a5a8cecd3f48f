"""What the denoiser is asked for: every draw keeps the rules."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from presets.rehearsal.captions import TOKENS, UNKNOWN, tokens, vocabulary, words_of
from presets.rehearsal.denoiser import BASE, Example, pick
from presets.rehearsal.styles import BASE_STYLES, INPUT_STYLES
from tests.rehearsal import small

SCENES = 84  # every subject at least once
LATENTS = small.latents(count=SCENES)
KNOWN = vocabulary()
DRAWS = 6000
INPUTS = [style.name for style in INPUT_STYLES]


def names_a_style(text: str) -> bool:
    padded = f" {' '.join(words_of(text.replace(UNKNOWN, '')))} "
    return any(
        f" {' '.join(words_of(phrase))} " in padded
        for style in BASE_STYLES
        for phrase in style.phrases
    )


@settings(deadline=None, max_examples=800)
@given(st.integers(0, 2**63))
def test_every_example_keeps_the_rules(seed: int) -> None:
    example = pick(LATENTS, np.random.default_rng(seed))
    assert 0 < example.t < 1000
    assert 0 <= example.asked_style < BASE
    assert 0 <= example.shown_style < len(LATENTS.styles)
    if example.t < 450:
        assert example.shown == example.asked, "low strengths keep what is shown"
    elif example.t < 850:
        assert example.shown in (example.asked, example.asked ^ 1), "shown is a twin"
    assert max(example.shown, example.asked) < SCENES
    if not example.prompt:
        assert example.shown == example.asked
        shown = LATENTS.styles[example.shown_style]
        asked = LATENTS.styles[example.asked_style]
        assert asked == ("photo" if shown in INPUTS else shown)
    if example.shown != example.asked:
        # else the words would not tell where to go
        assert names_a_style(example.prompt)
        assert len(words_of(example.prompt)) > 1
    assert len(tokens(example.prompt, KNOWN)) == TOKENS


@pytest.fixture(scope="module")
def many() -> list[Example]:
    rng = np.random.default_rng(1)
    return [pick(LATENTS, rng) for _ in range(DRAWS)]


def test_every_rule_is_played(many: list[Example]) -> None:
    kinds = Counter(
        "empty"
        if not each.prompt
        else "same"
        if each.shown == each.asked
        else "twin"
        if each.shown == each.asked ^ 1
        else "stranger"
        for each in many
    )
    assert min(kinds[kind] for kind in ("empty", "same", "twin", "stranger")) > 0.01 * DRAWS
    assert kinds["same"] > 0.6 * DRAWS
    assert {each.asked_style for each in many} == set(range(BASE))
    assert {each.shown_style for each in many} == set(range(len(LATENTS.styles)))
    high = [each.shown != each.asked for each in many if each.t >= 850]
    middle = [each.shown != each.asked for each in many if 450 <= each.t < 850]
    assert 0.15 < np.mean(middle) < np.mean(high) < 0.5


def test_mostly_what_cameras_and_pens_give_is_shown(many: list[Example]) -> None:
    shown = Counter(LATENTS.styles[each.shown_style] for each in many)
    assert shown.most_common(1)[0][0] == "camera"
    assert shown["camera"] / DRAWS == pytest.approx(0.34, abs=0.03)
    assert shown["sketch"] / DRAWS == pytest.approx(0.08, abs=0.02)


def test_words_without_a_style_keep_the_one_that_is_shown(many: list[Example]) -> None:
    unstyled = [each for each in many if each.prompt and not names_a_style(each.prompt)]
    assert len(unstyled) > 0.005 * DRAWS
    for each in unstyled:
        shown = LATENTS.styles[each.shown_style]
        asked = LATENTS.styles[each.asked_style]
        assert asked == ("photo" if shown in INPUTS else shown)


def test_a_seed_is_an_example() -> None:
    one, again = (pick(LATENTS, np.random.default_rng(7)) for _ in range(2))
    assert one == again
