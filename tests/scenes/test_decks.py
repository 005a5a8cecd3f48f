"""Whatever is heard of two decks changes by the mix alone, and ends with what the scene says."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.controls import Controls, Value
from engine.fading import Timed
from engine.motion import Motion
from engine.parameters import PARAMETERS
from scenes.decks import PROMPTS, DeckFade, Look, Stage, stages

words = st.sampled_from("wxyz")
mixes = st.sampled_from((0.0, 0.25, 0.5, 0.75, 1.0))
looks = st.builds(Look, words, words, mixes)


def heard(a: Value, b: Value, mix: float) -> dict[Value, float]:
    """How much of each text is in the picture."""
    shares: dict[Value, float] = {}
    for text, share in ((a, 1.0 - mix), (b, mix)):
        if share:
            shares[text] = shares.get(text, 0.0) + share
    return shares


def differ(one: dict[Value, float], other: dict[Value, float]) -> float:
    return sum(abs(one.get(text, 0.0) - other.get(text, 0.0)) for text in {*one, *other})


def test_a_new_prompt_comes_in_on_the_free_deck() -> None:
    assert stages(Look("old", "", 0.0), Look("new", "", 0.0)) == (Stage("old", "new", 0.0, 1.0),)


@given(looks, looks)
def test_no_deck_changes_while_it_is_heard(now: Look, target: Look) -> None:
    before = heard(now.a, now.b, now.mix)
    for stage in stages(now, target):
        assert differ(before, heard(stage.a, stage.b, stage.start)) == 0.0
        before = heard(stage.a, stage.b, stage.end)
    assert differ(before, heard(target.a, target.b, target.mix)) == pytest.approx(0.0)


class Desk:
    def __init__(self) -> None:
        self.now = 0.0
        self.controls = Controls()
        self.controls.declare(*PARAMETERS)
        self.motion = Motion(self.controls, clock=lambda: self.now)
        self.fade = DeckFade(self.controls, self.motion, PROMPTS)

    def go(self, a: str, b: str, mix: float, seconds: float) -> None:
        wanted: dict[str, Value] = dict(zip(PROMPTS.all, (a, b, mix), strict=True))
        self.fade.begin(wanted, Timed(self.now, seconds), self.now)

    def tick(self, seconds: float) -> None:
        self.now += seconds
        self.controls.travel(self.motion.step(self.now))
        self.fade.step(self.now)

    def look(self) -> tuple[Value, Value, Value]:
        values = self.controls.snapshot.values
        return values["prompt/a"], values["prompt/b"], values["prompt/mix"]

    def free(self) -> tuple[Value, float]:
        """What deck b holds, and how much of it is heard."""
        _, b, mix = self.look()
        assert not isinstance(mix, str)
        return b, round(mix, 9)

    def heard(self) -> dict[Value, float]:
        a, b, mix = self.look()
        assert not isinstance(mix, str)
        return heard(a, b, mix)


@given(st.lists(st.tuples(looks, st.integers(0, 90)), min_size=1, max_size=5))
@settings(deadline=None)
def test_fades_that_interrupt_one_another_never_jump(asked: list[tuple[Look, int]]) -> None:
    desk, seen, fps = Desk(), [], 60
    desk.go("w", "x", 0.0, 0.0)
    seen.append(desk.heard())
    for look, frames in [*asked, (asked[-1][0], 90)]:
        desk.go(str(look.a), str(look.b), look.mix, 1.0)
        seen.append(desk.heard())
        for _ in range(frames):
            desk.tick(1 / fps)
            seen.append(desk.heard())
    # three whole ways of the mix at most, in one second; each counts twice
    assert max(differ(a, b) for a, b in itertools.pairwise(seen)) <= 2 * 3 / fps + 1e-6
    assert desk.look() == (asked[-1][0].a, asked[-1][0].b, asked[-1][0].mix)
    assert not desk.fade.pending
    assert not desk.motion.moving


@given(
    st.lists(st.tuples(looks, st.integers(0, 90)), min_size=1, max_size=4),
    st.floats(-0.4, 0.4),
)
@settings(deadline=None)
def test_what_rides_on_the_mix_makes_no_step_where_decks_change(
    asked: list[tuple[Look, int]], offset: float
) -> None:
    desk, fps = Desk(), 60
    desk.go("w", "x", 0.5, 0.0)
    desk.controls.ride({"prompt/mix": offset})
    seen = [desk.heard()]
    for look, frames in [*asked, (asked[-1][0], 120)]:
        desk.go(str(look.a), str(look.b), look.mix, 1.0)
        seen.append(desk.heard())
        for _ in range(frames):
            desk.tick(1 / fps)
            seen.append(desk.heard())
    # as above, in three quarters of the second, and the movement in the quarter before that
    most = 2 * (3 / 0.75 + abs(offset) / 0.25) / fps
    assert max(differ(a, b) for a, b in itertools.pairwise(seen)) <= most + 1e-6
    last = asked[-1][0]
    assert desk.look()[:2] == (last.a, last.b)
    assert desk.controls.at("prompt/mix") == last.mix
    assert desk.look()[2] == pytest.approx(min(1.0, max(0.0, last.mix + offset)))
    assert not desk.fade.busy


def test_what_rides_comes_back_when_a_hand_takes_the_mix() -> None:
    desk = Desk()
    desk.go("old", "", 0.0, 0.0)
    desk.controls.ride({"prompt/mix": 0.3})
    desk.go("new", "", 0.0, 4.0)
    desk.tick(0.5)  # half of the quarter in which it comes to rest
    assert desk.free() == ("", 0.15)
    desk.tick(0.5)
    assert desk.look() == ("old", "new", 0.0)
    desk.tick(1.5)
    assert desk.free() == ("new", 0.5)
    desk.controls.set("prompt/mix", 0.5)
    desk.tick(0.0)
    desk.tick(0.25)
    assert desk.free() == ("new", 0.65)
    desk.tick(0.25)
    assert desk.free() == ("new", 0.8)
    assert not desk.fade.busy


def test_the_swap_is_one_commit() -> None:
    desk = Desk()
    desk.go("old", "", 0.0, 0.0)
    desk.go("new", "", 0.0, 1.0)
    assert desk.look() == ("old", "new", 0.0)
    assert desk.fade.pending == {"prompt/a": "new", "prompt/b": "", "prompt/mix": 0.0}
    desk.tick(0.5)
    assert desk.look() == ("old", "new", 0.5)
    desk.tick(0.5)
    assert desk.look() == ("new", "", 0.0)


def test_a_hand_on_the_mix_ends_it_and_a_hand_on_a_deck_has_its_word() -> None:
    desk = Desk()
    desk.go("old", "", 0.0, 0.0)
    desk.go("new", "", 0.0, 1.0)
    desk.tick(0.5)
    desk.controls.set("prompt/mix", 0.4)
    desk.tick(1.0)
    assert desk.look() == ("old", "new", 0.4)
    desk.go("old", "", 0.0, 0.0)
    desk.go("new", "", 0.0, 1.0)
    desk.tick(0.5)
    desk.controls.set("prompt/a", "mine")
    for _ in range(60):
        desk.tick(1 / 60)
    assert desk.look() == ("mine", "", 0.0)
