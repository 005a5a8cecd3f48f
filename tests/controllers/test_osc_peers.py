from __future__ import annotations

import math

import pytest

from controllers.osc_patterns import Pattern
from controllers.osc_peers import (
    LEASE_S,
    MAX_PATTERNS,
    MAX_STRANGERS,
    MAX_SUBSCRIBERS,
    Address,
    Peer,
    PeerBook,
)
from engine.errors import ControlError

PATCH = Address("10.0.0.2", 50_000)
OTHER = Address("10.0.0.2", 50_001)
FAR = Address("10.0.0.3", 50_000)


def book() -> PeerBook:
    return PeerBook(lambda _: None)


def destinations(peers: PeerBook, sender: Address) -> list[int]:
    return [peer.address.port for peer in peers.asker(sender).peers]


def test_a_stranger_is_answered_where_it_asked_from() -> None:
    peers = book()
    assert destinations(peers, PATCH) == [50_000]
    assert peers.asker(PATCH) is peers.asker(PATCH)


def test_a_named_port_hears_everything_for_its_host() -> None:
    peers = book()
    peers.subscribe(PATCH, 9001, None, None, 0.0)
    assert destinations(peers, PATCH) == [9001]
    # another program of this host may have asked: it hears the answer too
    assert destinations(peers, OTHER) == [9001, 50_001]
    assert peers.asker(OTHER).author.address == OTHER
    assert destinations(peers, FAR) == [50_000]


def test_each_client_of_a_host_keeps_its_own_port() -> None:
    peers = book()
    peers.subscribe(PATCH, 9001, None, None, 0.0)
    peers.subscribe(OTHER, 9002, None, None, 1.0)
    assert destinations(peers, PATCH) == [9001]
    assert destinations(peers, OTHER) == [9002]
    # the newest port speaks for the rest of the host
    assert destinations(peers, Address("10.0.0.2", 7)) == [9002, 7]
    assert len(list(peers.subscribers())) == 2


def test_a_client_that_changes_its_port_is_answered_at_the_new_one() -> None:
    peers = book()
    peers.subscribe(PATCH, 9001, None, None, 0.0)
    peers.subscribe(PATCH, 9002, None, None, 1.0)
    assert destinations(peers, PATCH) == [9002]
    peers.expire(LEASE_S + 0.5)
    assert destinations(peers, PATCH) == [9002]
    peers.expire(LEASE_S + 1)
    assert destinations(peers, PATCH) == [50_000]


def test_without_a_port_feedback_goes_where_answers_go() -> None:
    peers = book()
    peers.subscribe(PATCH, None, None, None, 0.0)
    assert destinations(peers, PATCH) == [50_000]
    peers.subscribe(OTHER, 9001, None, None, 1.0)
    assert destinations(peers, PATCH) == [50_000]
    third = Address("10.0.0.2", 50_002)
    assert peers.subscribe(third, None, None, None, 2.0).address == third
    assert destinations(peers, third) == [50_002]


def test_without_a_port_another_program_is_kept_alive_and_else_left_alone() -> None:
    peers = book()
    named = peers.subscribe(PATCH, 9001, Pattern("paint/*"), 10.0, 0.0)
    own = peers.subscribe(OTHER, None, Pattern("prompt/*"), 1.0, 20.0)
    assert named.lease_until == own.lease_until == 20.0 + LEASE_S
    assert not named.wants("prompt/a")
    assert named.wants("paint/steps")
    named.sent("paint/steps", 1, 30.0)
    named.note("paint/steps", 30.0)
    assert named.deadline() == pytest.approx(30.1)
    peers.unsubscribe(OTHER, None)
    # a third that never subscribed ends nobody's lease but its own
    peers.unsubscribe(Address("10.0.0.2", 50_002), None)
    assert list(peers.subscribers()) == [named]


def test_a_client_that_named_its_port_need_not_name_it_again() -> None:
    peers = book()
    named = peers.subscribe(PATCH, 9001, Pattern("paint/*"), None, 0.0)
    assert peers.subscribe(PATCH, None, Pattern("prompt/*"), None, 10.0) is named
    assert named.wants("prompt/a")
    assert named.lease_until == 10.0 + LEASE_S
    peers.unsubscribe(PATCH, None)
    assert not list(peers.subscribers())


def test_leases_end_unless_renewed() -> None:
    peers = book()
    peers.subscribe(PATCH, None, None, None, 0.0)
    peers.subscribe(FAR, None, None, None, 10.0)
    assert peers.next_expiry() == LEASE_S
    peers.subscribe(PATCH, None, None, None, 20.0)
    peers.expire(LEASE_S)
    assert len(list(peers.subscribers())) == 2
    peers.expire(10 + LEASE_S)
    assert [peer.address for peer in peers.subscribers()] == [PATCH]
    peers.unsubscribe(PATCH, None)
    assert not list(peers.subscribers())
    assert peers.next_expiry() == math.inf


def test_a_port_can_be_unsubscribed_from_another_socket() -> None:
    peers = book()
    peers.subscribe(PATCH, 9001, None, None, 0.0)
    peers.unsubscribe(OTHER, 9002)
    assert list(peers.subscribers())
    peers.unsubscribe(OTHER, 9001)
    assert not list(peers.subscribers())
    assert destinations(peers, PATCH) == [50_000]


def test_a_tcp_connection_is_a_client_of_its_own() -> None:
    peers = book()
    line, next_line = PATCH._replace(link=1), PATCH._replace(link=2)
    own = peers.subscribe(line, None, Pattern("paint/*"), None, 0.0)
    assert own.address == line
    assert peers.asker(line).peers == (own,)
    assert peers.asker(PATCH).author.address == PATCH
    peers.leave(line)
    assert not list(peers.subscribers())
    # the same port again, by another connection, inherits nothing
    assert not peers.asker(next_line).author.wants("paint/steps")
    peers.leave(next_line)
    assert peers._strangers.keys() == {PATCH}


def test_a_port_that_a_tcp_connection_named_outlives_it() -> None:
    peers = book()
    line = PATCH._replace(link=1)
    own = peers.subscribe(line, None, None, None, 0.0)
    named = peers.subscribe(line, 9001, None, None, 0.0)
    assert named.address == Address("10.0.0.2", 9001)
    assert peers.asker(line) == (line, named, (named, own))
    peers.leave(line)
    assert list(peers.subscribers()) == [named]
    assert not named.introduced
    assert not peers._introduced
    assert destinations(peers, line) == [9001, 50_000]


def test_feedback_targets_stay() -> None:
    peers = book()
    peers.keep(FAR)
    peers.unsubscribe(FAR, None)
    peers.subscribe(FAR, None, None, None, 0.0)
    peers.expire(1e9)
    assert [peer.address for peer in peers.subscribers()] == [FAR]


def test_everything_is_bounded() -> None:
    peers = book()
    for port in range(1, 2 * MAX_STRANGERS):
        peers.asker(Address("10.0.0.9", port))
    assert len(peers._strangers) == MAX_STRANGERS
    assert len(peers._askers) <= MAX_STRANGERS
    for renewal in range(40):
        # a shell's oscsend: a new socket each time
        peers.subscribe(Address("10.0.0.2", 1000 + renewal), 9001, None, None, renewal)
    assert len(peers._introduced) == 16
    assert destinations(peers, Address("10.0.0.2", 1039)) == [9001]
    for port in range(MAX_SUBSCRIBERS - 1):
        peers.subscribe(Address("10.0.0.4", port), None, None, None, 0.0)
    with pytest.raises(ControlError, match="64 clients are subscribed"):
        peers.subscribe(PATCH, 9009, None, None, 0.0)


def test_patterns_add_up_to_a_limit() -> None:
    peer = Peer(PATCH)
    peer.subscribe(Pattern("paint/*"), None)
    assert peer.wants("paint/strength")
    assert not peer.wants("prompt/a")
    peer.subscribe(Pattern("prompt/?"), None)
    assert peer.wants("paint/strength")
    assert peer.wants("prompt/a")
    for number in range(MAX_PATTERNS - 2):
        peer.subscribe(Pattern(f"mod/{number}/*"), None)
    peer.subscribe(Pattern("paint/*"), None)
    with pytest.raises(ControlError, match="at most 64 patterns"):
        peer.subscribe(Pattern("one/more"), None)
    peer.subscribe(None, None)
    assert peer.wants("anything/else")


def test_the_pace_of_a_parameter() -> None:
    peer = Peer(PATCH)
    peer.note("a", 5.0)
    assert peer.take_due(5.0) == ["a"]
    peer.sent("a", 1.0, 5.0)
    peer.note("a", 5.01)
    peer.note("b", 5.02)
    peer.note("a", 5.02)
    assert peer.deadline() == 5.02
    assert peer.take_due(5.02) == ["b"]
    assert peer.deadline() == pytest.approx(5 + 1 / 30)
    assert peer.take_due(5.04) == ["a"]
    assert peer.deadline() == math.inf


def test_a_slower_pace_can_be_asked_for_but_no_faster() -> None:
    peer = Peer(PATCH)
    for max_hz, period_s in ((2.0, 0.5), (1000.0, 1 / 30)):
        peer.subscribe(None, max_hz)
        peer.sent("a", 1.0, 10.0)
        peer.note("a", 10.0)
        assert peer.deadline() == pytest.approx(10 + period_s)
        peer.take_due(99.0)


def test_at_most_twenty_errors_in_any_second() -> None:
    peer = Peer(PATCH)
    allowed = [at / 100 for at in range(400) if peer.may_complain(at / 100)]
    assert peer.errors_held == 400 - len(allowed)
    for first, later in zip(allowed, allowed[20:], strict=False):
        assert later - first >= 1 - 1e-9
    assert len(allowed) == 80
    assert peer.deadline() == pytest.approx(allowed[-20] + 1)
