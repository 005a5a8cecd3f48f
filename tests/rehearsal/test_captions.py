from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from presets.rehearsal import subjects
from presets.rehearsal.captions import (
    COLOURS,
    END,
    START,
    TIMES,
    TOKENS,
    UNKNOWN,
    WEATHER,
    about,
    prompt,
    tokens,
    vocabulary,
    words_of,
)
from presets.rehearsal.moods import MATERIALS, MOODS
from presets.rehearsal.scene import spec_of
from presets.rehearsal.styles import BASE_STYLES, Style
from presets.rehearsal.subjects import SUBJECTS

KNOWN = vocabulary()
WORDS = list(KNOWN)[3:]  # but for the marks
STYLES = st.sampled_from(BASE_STYLES)
NUMBERS = st.integers(0, 100_000)
ANY_WORDS = st.sampled_from([*KNOWN, "zebra", ",", "-"])
TEXTS = st.text() | st.integers(0, 3 * TOKENS).flatmap(
    lambda count: st.lists(ANY_WORDS, min_size=count, max_size=count).map(" ".join)
)


def said(text: str) -> list[str]:
    return words_of(text.replace(UNKNOWN, " "))


@settings(max_examples=300)
@given(TEXTS)
def test_any_text_is_so_many_tokens(text: str) -> None:
    row = tokens(text, KNOWN)
    assert len(row) == TOKENS
    assert all(0 <= token < len(KNOWN) for token in row)
    assert row[0] == KNOWN[START]
    end = row.index(KNOWN[END])
    assert set(row[end:]) == {KNOWN[END]}
    assert KNOWN[START] not in row[1:]
    assert end - 1 == min(len(words_of(text.replace(UNKNOWN, "x"))), TOKENS - 2)


@given(st.lists(st.sampled_from(WORDS), max_size=TOKENS - 2), st.data())
def test_known_words_keep_their_numbers_however_they_are_written(
    words: list[str], data: st.DataObject
) -> None:
    apart = data.draw(st.sampled_from([" ", ", ", "  -  ", "! ", "\n"]))
    row = tokens(apart.join(words).upper(), KNOWN)
    assert row[1 : len(words) + 1] == [KNOWN[word] for word in words]


def test_unknown_words_are_unknown_and_no_more() -> None:
    row = tokens("zebra night xylophone [UNK] unk0", KNOWN)
    unknown = KNOWN[UNKNOWN]
    assert row[1:7] == [unknown, KNOWN["night"], unknown, unknown, unknown, KNOWN[END]]


def test_the_vocabulary_is_numbered_through() -> None:
    assert list(KNOWN.values()) == list(range(len(KNOWN)))
    assert list(KNOWN)[:3] == [START, END, UNKNOWN]
    # the numbers are the text encoder's rows: not a matter of chance
    assert sorted(WORDS) == WORDS


@pytest.mark.parametrize(
    "phrases",
    [
        *(style.phrases for style in BASE_STYLES),
        *(subject.phrases for subject in SUBJECTS),
        *TIMES.values(),
        *WEATHER.values(),
        *(mood.phrases for mood in (*MOODS.values(), *MATERIALS.values())),
        COLOURS,
    ],
)
def test_every_phrase_is_known_and_lower_case(phrases: tuple[str, ...]) -> None:
    for phrase in phrases:
        assert phrase == phrase.lower().strip()
        assert set(words_of(phrase)) <= KNOWN.keys()
    assert len(set(phrases)) == len(phrases)


def test_times_and_weathers_are_those_that_are_drawn() -> None:
    assert tuple(TIMES) == subjects.common.TIMES
    assert tuple(WEATHER) == subjects.common.WEATHERS


@settings(max_examples=300)
@given(NUMBERS, STYLES, NUMBERS)
def test_a_prompt_names_its_style_in_known_words(number: int, style: Style, seed: int) -> None:
    text = prompt(spec_of(number), ("red",), style, np.random.default_rng(seed))
    assert set(said(text)) <= KNOWN.keys()
    # and is short enough for its style not to be cut off
    assert len(words_of(text.replace(UNKNOWN, "x"))) <= TOKENS - 2
    told = " ".join(said(text))
    assert any(" ".join(words_of(phrase)) in told for phrase in style.phrases)


@settings(max_examples=200)
@given(NUMBERS, NUMBERS)
def test_what_is_said_of_a_scene_is_true_of_it(number: int, seed: int) -> None:
    spec = spec_of(number)
    subject = SUBJECTS[spec.subject]
    told = about(spec, (), np.random.default_rng(seed), keep=1.0)
    head, *after = told.split(", ")
    named = [phrase for phrase in subject.phrases if head.endswith(phrase)]
    assert named
    before = min((head.removesuffix(phrase).strip() for phrase in named), key=len)
    mood = MOODS[spec.mood].phrases if spec.mood else ()
    material = MATERIALS[spec.material].phrases if spec.material else ()
    light = (*TIMES[spec.look.time], *WEATHER[spec.look.weather])
    outside = light if subject.outdoors else (TIMES["night"] if spec.look.night else ())
    assert set(after) <= {*mood, *outside}
    leading = {"", *mood, *material, *(f"{a} {b}" for a in mood for b in material)}
    assert before in leading
    if subject.outdoors:
        assert set(after) & set(TIMES[spec.look.time])
