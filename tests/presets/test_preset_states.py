from __future__ import annotations

import dataclasses
import itertools
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from presets.preset_states import (
    LEGAL,
    STATES,
    Decks,
    Facts,
    Want,
    joined_words,
    largest,
    neighbour,
    next_state,
    with_load,
)
from presets.wanted import FINAL
from presets.wanted import State as Fetched

FETCHING = [None, *(state for state in get_args(Fetched) if state not in {*FINAL, "absent"})]
FACTS = st.builds(
    Facts,
    before=st.sampled_from(STATES),
    fetching=st.sampled_from(FETCHING),
    ended=st.sampled_from([None, "failed", "cancelled"]),
    here=st.booleans(),
    asked=st.booleans(),
    heard=st.booleans(),
    staged=st.booleans(),
    arrived=st.booleans(),
)


@given(FACTS)
def test_facts_lead_to_a_state_that_stands_still(facts: Facts) -> None:
    seen = [facts.before]
    for _ in range(3):
        seen.append(next_state(dataclasses.replace(facts, before=seen[-1])))
    assert seen[-1] == seen[-2]


def test_every_state_can_be_left_for_others_that_exist() -> None:
    assert set(LEGAL) == set(STATES)
    for state, following in LEGAL.items():
        assert following <= set(STATES) - {state}
        assert following


@pytest.mark.parametrize(
    ("facts", "state"),
    [
        (Facts("absent"), "absent"),
        (Facts("absent", here=True), "installed"),
        (Facts("verifying", here=True, asked=True), "installed"),
        (Facts("installed", here=True, asked=True), "loading"),
        (Facts("loading", here=True, asked=True, staged=True), "loading"),
        (Facts("loading", here=True, asked=True, heard=True, staged=True, arrived=True), "active"),
        (Facts("active", here=True, asked=True, heard=True, staged=True), "active"),
        (Facts("active", here=True, heard=True, staged=True), "active"),
        (Facts("active", here=True, staged=True, arrived=True), "installed"),
        (Facts("active", here=True, asked=True), "loading"),
        (Facts("loading", ended="failed", here=True), "failed"),
        (Facts("downloading", ended="cancelled"), "cancelled"),
        (Facts("cancelled", ended="cancelled", here=True), "installed"),
        (Facts("failed", fetching="queued", ended="failed"), "queued"),
    ],
)
def test_what_a_state_is(facts: Facts, state: str) -> None:
    assert next_state(facts) == state


def test_of_loads_of_a_kind_the_newest_stays() -> None:
    wants = with_load({}, "lcm", Want("acceleration", 1.0, 0.5))
    wants = with_load(wants, "anime", Want("style", 0.8, 0.5))
    wants = with_load(wants, "neon", Want("style", 0.7, 2.0))
    assert list(wants) == ["neon", "lcm"]


@given(st.floats(0, 1))
def test_two_decks_share_one_gain(mix: float) -> None:
    decks = Decks("x", "y")
    assert decks.gain("x", mix) + decks.gain("y", mix) == pytest.approx(1)
    assert decks.gain("z", mix) == Decks("x", "x").gain("x", mix) == 1


@given(st.lists(st.sampled_from("abcdef"), unique=True, min_size=1))
def test_steps_go_round_and_back(ids: list[str]) -> None:
    for id in ids:
        assert neighbour(ids, neighbour(ids, id, 1), -1) == id
    there = list(itertools.accumulate(ids, lambda at, _: neighbour(ids, at, 1)))
    assert there == ids
    assert (neighbour(ids, "", 1), neighbour(ids, "", -1)) == (ids[0], ids[-1])
    assert neighbour([], "x", 1) == ""


def test_words_and_the_largest() -> None:
    assert joined_words([("a", "b"), (), ("b", "c")]) == "a, b, c"
    assert largest({"x": 0.2, "y": -0.7, "z": 0.7}) == "y"
    assert largest({"x": 0.0}) == largest({}) == ""
