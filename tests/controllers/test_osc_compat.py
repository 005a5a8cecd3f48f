"""StreamDiffusionTD's addresses: what they mean here, and what comes back."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from controllers.osc_compat import INCOMING, MAX_TALKERS, TALK_S, Dialect, understood
from controllers.osc_feedback import OscFeedback
from controllers.osc_peers import Address
from controllers.osc_wire import Arg, pack_message, read_packet
from engine.errors import ControlError
from engine.parameters import PARAMETERS
from tests.controllers.stage import ALICE, Stage, drained, errors
from tests.helpers.osc import bundle, table

TABLET = Address("10.0.0.9", 8248)


class Talk:
    """A dialect beside a network that only remembers, on a clock that the test moves."""

    def __init__(self, *kept: Address) -> None:
        self.now = 100.0
        self.controls = table()
        self.feedback = OscFeedback(self.controls, version="9.9", clock=lambda: self.now)
        self.dialect = Dialect(self.feedback)
        self.feedback.keep(kept)
        drained(self.feedback.outbox)
        self.unheard: list[tuple[bytes, Address]] = []

    def say(self, address: str, *args: Arg, sender: Address = ALICE) -> None:
        self.dialect.play(self.feedback.book.asker(sender), address, args)

    def heard(self, receiver: Address) -> list[tuple[str, tuple[Arg, ...]]]:
        """What came there in the dialect since the last look."""
        self.unheard += drained(self.feedback.outbox)
        messages = [read_packet(packet)[0] for packet, to in self.unheard if to == receiver]
        self.unheard = [(packet, to) for packet, to in self.unheard if to != receiver]
        return [(m.address, m.args) for m in messages if not m.address.startswith("/artflow/")]

    def wait(self, seconds: float) -> None:
        until = self.now + seconds
        while (deadline := self.feedback.deadline()) <= until:
            self.now = max(self.now, deadline)
            self.feedback.advance()
            self.unheard += drained(self.feedback.outbox)
        self.now = until


def plan(address: str, *args: Arg) -> dict[str, object]:
    return dict(understood(table(), address, args))


@pytest.mark.parametrize(
    ("address", "args", "values"),
    [
        ("/prompt", ("a garden",), {"prompt/a": "a garden", "prompt/mix": 0.0}),
        ("/negative_prompt", ("blurry",), {"prompt/negative": "blurry"}),
        ("/guidance_scale", (1.4,), {"paint/guidance": 1.4}),
        ("/guidance_scale", (2,), {"paint/guidance": 2}),
        ("/delta", (0.5,), {"paint/delta": 0.5}),
        ("/seed", (42,), {"paint/seed": 42, "paint/seed-mix": 0.0}),
        ("/stop", (), {"paint/active": 0}),
        ("/pause", (), {"paint/active": 0}),
        ("/play", (), {"paint/active": 1}),
        ("/play", (1,), {"paint/active": 1}),
        ("/play", (0,), {}),
        # 50 steps lie 20 timesteps apart, from 999 down: index 32 is timestep 359
        ("/t_list", (32,), {"paint/steps": 1, "paint/strength": 359 / 999}),
        ("/t_list", (16.0, 32.0), {"paint/steps": 2, "paint/strength": 679 / 999}),
        ("/t_list", (0, 16, 32, 45), {"paint/steps": 4, "paint/strength": 1.0}),
        ("/prompt_list", ('[["a", 0.5]]',), {"prompt/a": "a", "prompt/mix": 0.0}),
        ("/seed_list", ("[[7, 1]]",), {"paint/seed": 7, "paint/seed-mix": 0.0}),
    ],
)
def test_what_it_means(address: str, args: tuple[Arg, ...], values: dict[str, object]) -> None:
    assert plan(address, *args) == values


def decks(*pairs: tuple[str, float]) -> tuple[object, ...]:
    asked = plan("/prompt_list", json.dumps(pairs))
    return asked["prompt/a"], asked.get("prompt/b"), asked["prompt/mix"]


def test_the_two_heaviest_go_onto_the_decks() -> None:
    assert decks(("sun", 0.75), ("storm", 0.25)) == ("sun", "storm", 0.25)
    assert decks(("sun", 0.1), ("storm", 0.6), ("sea", 0.2)) == (
        "storm",
        "sea",
        pytest.approx(0.25),
    )
    assert decks(("sun", 3), ("storm", -5)) == ("sun", "storm", 0.0)
    seeds = plan("/seed_list", "[[5, 0.25], [6.0, 0.75], [7, 0]]")
    assert seeds == {"paint/seed": 5, "paint/seed-b": 6.0, "paint/seed-mix": 0.75}


def test_a_crossfade_never_changes_decks() -> None:
    """Both faders of two prompts moved against each other: only the mix moves."""
    for step in range(11):
        found = decks(("sun", 1 - step / 10), ("storm", step / 10))
        assert found == ("sun", "storm", pytest.approx(step / 10))


NO_LIST = "; this is no such list"


@pytest.mark.parametrize(
    ("address", "args", "text"),
    [
        ("/prompt", (), "/prompt takes one value, not 0"),
        ("/prompt", ("a", "b"), "/prompt takes one value, not 2"),
        ("/prompt", (5,), "prompt/a takes text"),
        ("/guidance_scale", ("much",), "paint/guidance takes a number, not the text 'much'"),
        ("/guidance_scale", (math.nan,), "a finite number"),
        ("/seed", (1.5,), "paint/seed takes a whole number, not 1.5"),
        ("/t_list", (), "/t_list takes 1 to 4 indexes into 50 steps, not none"),
        ("/t_list", ("[32, 45]",), "whole numbers from 0 to 49"),
        ("/t_list", (1.5,), "whole numbers"),
        ("/t_list", (math.inf,), "whole numbers"),
        ("/t_list", (True,), "whole numbers"),
        ("/play", ("now",), "/play takes 0 arguments"),
        ("/prompt_list", (5,), "takes a JSON list of [what, weight], such as"),
        ("/prompt_list", ("a garden",), NO_LIST),
        ("/prompt_list", ("[]",), "with a weight above 0"),
        ("/prompt_list", ('[["a", 0]]',), "with a weight above 0"),
        ("/prompt_list", ('[["a", "1"]]',), NO_LIST),
        ("/prompt_list", ('[["a"]]',), NO_LIST),
        ("/prompt_list", ('[["a", 1, 2]]',), NO_LIST),
        ("/prompt_list", ('{"a": 1}',), NO_LIST),
        ("/prompt_list", ('[["a", NaN]]',), NO_LIST),
        ("/prompt_list", ('[["a", 1e999]]',), NO_LIST),
        ("/prompt_list", ("[" * 5000,), NO_LIST),
        ("/prompt_list", (json.dumps([["x" * 1001, 1]]),), "at most 1000 bytes"),
        ("/seed_list", ('[["a", 1]]',), NO_LIST),
        ("/seed_list", ("[[1.5, 1]]",), "paint/seed takes a whole number, not 1.5"),
        ("/seed_list", ("[[true, 1]]",), NO_LIST),
    ],
)
def test_what_cannot_be(address: str, args: tuple[Arg, ...], text: str) -> None:
    talk = Talk()
    before = dict(talk.controls.snapshot.values)
    with pytest.raises(ControlError) as caught:
        talk.say(address, *args)
    assert text in str(caught.value)
    assert "\n" not in str(caught.value)
    assert dict(talk.controls.snapshot.values) == before


def test_half_of_a_message_is_never_done() -> None:
    talk = Talk()
    with pytest.raises(ControlError):
        talk.say("/seed_list", "[[5, 1], [6.5, 2]]")
    assert talk.controls.get("paint/seed") == 2


def test_it_plays() -> None:
    talk = Talk()
    talk.say("/prompt_list", '[["sun", 0.75], ["storm", 0.25]]')
    talk.say("/seed_list", "[[-1, 1], [9, 3]]")
    talk.say("/t_list", 10, 20, 30, 40, 45)
    talk.say("/stop")
    values = {name: talk.controls.get(name) for name in talk.controls.snapshot.values}
    assert (values["prompt/a"], values["prompt/b"], values["prompt/mix"]) == ("sun", "storm", 0.25)
    assert (values["paint/seed"], values["paint/seed-b"], values["paint/seed-mix"]) == (0, 9, 0.75)
    assert (values["paint/steps"], values["paint/strength"]) == (4, 799 / 999)
    assert values["paint/active"] == 0


EVERYTHING: list[tuple[str, tuple[Arg, ...]]] = [
    ("/server_active", (1,)),
    ("/stream-info/fps", (20.0,)),
    ("/framecount", (7,)),
]


def painting(*kept: Address) -> Talk:
    talk = Talk(*kept)
    talk.controls.publish("painter/fps", 20.0)
    talk.controls.publish("painter/frames", 7)
    return talk


def test_who_speaks_so_hears_so() -> None:
    talk = painting()
    talk.wait(1)
    assert talk.heard(ALICE) == []
    talk.say("/play")
    assert talk.heard(ALICE) == EVERYTHING
    talk.say("/play")
    assert talk.heard(ALICE) == []
    talk.controls.publish("painter/frames", 8)
    talk.wait(1)
    assert talk.heard(ALICE) == [*EVERYTHING[:2], ("/framecount", (8,))]
    talk.wait(5)
    assert len(talk.heard(ALICE)) == 15


def test_feedback_targets_hear_it_too_and_once() -> None:
    talk = painting(TABLET)
    talk.wait(1)
    assert talk.heard(TABLET) == EVERYTHING
    talk.say("/play", sender=TABLET)
    talk.heard(TABLET)
    talk.wait(1)
    assert talk.heard(TABLET) == EVERYTHING


def test_it_is_told_where_the_client_is_answered() -> None:
    talk = painting()
    ear = Address(ALICE.host, 8248)
    talk.feedback.book.subscribe(ALICE, ear.port, None, None, talk.now)
    talk.say("/play")
    assert talk.heard(ear) == EVERYTHING
    assert talk.heard(ALICE) == []


def test_who_falls_silent_is_forgotten() -> None:
    talk = Talk()
    talk.say("/play")
    talk.wait(TALK_S / 2)
    with pytest.raises(ControlError):
        talk.say("/prompt_list", "[")  # a slip is talk, too
    talk.wait(TALK_S - 2)
    talk.heard(ALICE)
    talk.wait(1)
    assert len(talk.heard(ALICE)) == 3
    talk.wait(2)
    talk.heard(ALICE)
    talk.wait(5)
    assert talk.heard(ALICE) == []


def test_a_shells_many_sockets_take_no_memory() -> None:
    talk = Talk()
    senders = [Address("10.0.0.1", 6000 + number) for number in range(3 * MAX_TALKERS)]
    for sender in senders:
        talk.say("/play", sender=sender)
    drained(talk.feedback.outbox)
    talk.wait(1)
    heard = [bool(talk.heard(sender)) for sender in senders]
    assert heard == [False] * 2 * MAX_TALKERS + [True] * MAX_TALKERS


def test_a_session_understands_it_only_where_it_is_asked_to() -> None:
    plain, both = Stage(), Stage(compat=True)
    for stage in (plain, both):
        stage.send(ALICE, "/seed", 42)
        stage.send(ALICE, "/prompt_list", "no JSON")
        stage.send_bytes(ALICE, bundle(1, pack_message("/delta", 0.5), pack_message("/play")))
        stage.send(ALICE, "request", "id-1", "/guidance_scale", 1.5)
    assert plain.controls.get("paint/seed") == 2
    assert "all of them start with /artflow/" in str(errors(plain.heard(ALICE))[0][1])
    assert (both.controls.get("paint/seed"), both.controls.get("paint/delta")) == (42, 0.5)
    assert both.controls.get("paint/guidance") == 1.5
    heard = both.heard(ALICE)
    [(address, text)] = errors(heard)
    assert address == "/prompt_list"
    assert str(text).startswith("/prompt_list takes a JSON list of [what, weight]")
    assert ("ack", ("id-1", "/guidance_scale", 1)) in heard
    assert ("/server_active", (1,)) in heard
    assert both.session.refused == 1


def test_every_row_leads_to_a_control_of_ours() -> None:
    names = {parameter.name for parameter in PARAMETERS}
    for address in INCOMING:
        asked: Sequence[Arg] = ('[["a", 1], ["b", 1]]',) if address == "/prompt_list" else ()
        asked = ("[[1, 1], [2, 1]]",) if address == "/seed_list" else asked
        asked = asked or ((1,) if "prompt" not in address else ("text",))
        assert set(plan(address, *asked)) <= names


anything: st.SearchStrategy[Arg] = st.one_of(
    st.floats(), st.integers(-(2**63), 2**63 - 1), st.text(max_size=30), st.booleans(), st.none()
)
nearly_lists = st.lists(
    st.tuples(st.text(max_size=5) | st.integers() | st.none(), st.floats() | st.text(max_size=3)),
    max_size=4,
).map(lambda pairs: json.dumps(pairs))


@settings(deadline=None, max_examples=300)
@given(st.sampled_from(sorted(INCOMING)), st.lists(anything | nearly_lists, max_size=5))
def test_whatever_comes_is_done_whole_or_refused(address: str, args: list[Arg]) -> None:
    talk = Talk()
    before = dict(talk.controls.snapshot.values)
    try:
        talk.say(address, *args)
    except ControlError as error:
        refusal = str(error)
    else:
        return
    assert "\n" not in refusal
    assert dict(talk.controls.snapshot.values) == before
