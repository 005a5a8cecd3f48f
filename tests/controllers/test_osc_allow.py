"""Who may play from another machine."""

from __future__ import annotations

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controllers.osc_allow import (
    LOOK_EVERY_S,
    MAX_KNOWN,
    TELL_EVERY_S,
    Gate,
    Network,
    as_network,
    everyone,
    gate,
    may_play,
    own_addresses,
    own_networks,
    private_networks,
    where,
)

LAN = as_network("192.168.1.0/24")


class Door:
    """A gate on a clock that the test moves, and what the operator was told."""

    def __init__(self, *networks: Network) -> None:
        self.now = 100.0
        self.networks = networks
        self.told: list[tuple[str, str]] = []
        self.looks = 0
        self.gate = Gate(self._find, self._tell, clock=lambda: self.now)

    def _find(self) -> tuple[Network, ...]:
        self.looks += 1
        return self.networks

    def _tell(self, host: str, text: str) -> None:
        self.told.append((host, text))


@pytest.mark.parametrize(
    ("host", "plays"),
    [
        ("127.0.0.1", True),
        ("127.0.0.2", True),
        ("::1", True),
        ("::ffff:127.0.0.1", True),
        ("192.168.1.5", True),
        ("::ffff:192.168.1.5", True),
        ("::ffff:192.168.2.5", False),
        ("192.168.2.5", False),
        ("8.8.8.8", False),
        ("fe80::1%eth0", True),
        ("fe80::1", True),
        ("fe81::1", False),
        ("", False),
        ("localhost", False),
        ("192.168.1.5:9000", False),
        ("192.168.1.05", False),
        ("/tmp/socket", False),
    ],
)
def test_who_may(host: str, plays: bool) -> None:
    assert may_play(host, (LAN, as_network("fe80::/64"))) is plays


def test_a_network_in_ipv6s_notation_for_ipv4() -> None:
    network = as_network("::ffff:10.0.0.0/104")
    assert str(network) == "10.0.0.0/8"
    assert may_play("10.9.9.9", [network])
    assert may_play("::ffff:10.9.9.9", [network])
    # all of IPv6's addresses are not all of IPv4's
    assert not may_play("10.9.9.9", [as_network("::/0")])
    assert may_play("10.9.9.9", [as_network("0.0.0.0/0")])


@given(st.integers(0, 2**32 - 1), st.integers(0, 32), st.integers(0, 2**32 - 1))
def test_a_network_holds_what_begins_as_it_does(base: int, length: int, asked: int) -> None:
    network = as_network(f"{ipaddress.IPv4Address(base)}/{length}")
    host = ipaddress.IPv4Address(asked)
    alike = base >> (32 - length) == asked >> (32 - length)
    assert may_play(str(host), [network]) is (alike or host.is_loopback)
    assert may_play(f"::ffff:{host}", [network]) is (alike or host.is_loopback)


@given(st.text(max_size=20))
def test_any_text_is_decided_on(host: str) -> None:
    assert may_play(host, [LAN]) in (True, False)


def test_the_private_networks_of_interfaces() -> None:
    found = private_networks(
        [
            ("127.0.0.1", "255.0.0.0"),
            ("192.168.1.20", "255.255.255.0"),
            ("10.1.2.3", "255.0.0.0"),
            ("192.168.1.21", "255.255.255.0"),
            ("172.17.0.1", "255.255.0.0"),
            ("169.254.7.7", "255.255.0.0"),
            # a public address, and a netmask that takes in public ones
            ("8.8.8.8", "255.255.255.0"),
            ("10.1.2.3", "192.0.0.0"),
            ("10.1.2.3", "255.0.255.0"),
            ("not an address", "255.255.255.0"),
            ("::1", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
            ("fd00::2", "ffff:ffff:ffff:ffff::"),
            ("fe80::fc:1%eth0", "ffff:ffff:ffff:ffff::"),
            ("2001:4860:4860::8888", "ffff:ffff:ffff:ffff::"),
            ("fd00::2", "ffff::ffff"),
            ("fd00::2", "::"),
        ]
    )
    assert list(map(str, found)) == [
        "192.168.1.0/24",
        "10.0.0.0/8",
        "172.17.0.0/16",
        "169.254.0.0/16",
        "fd00::/64",
        "fe80::/64",
    ]


def test_this_machines_own() -> None:
    assert ("127.0.0.1", "255.0.0.0") in own_addresses()
    networks = own_networks()
    assert all(network.is_private and not network.is_loopback for network in networks)
    assert not may_play("8.8.8.8", networks)


def test_the_operator_is_told_once_a_while() -> None:
    door = Door(LAN)
    assert door.gate("192.168.1.7")
    assert door.told == []
    assert not door.gate("203.0.113.9")
    text = "not from a network that may play (192.168.1.0/24); --allow 203.0.113.9 lets it in"
    assert door.told == [("203.0.113.9", text)]
    for _ in range(40):
        assert not door.gate("203.0.113.9")
        door.now += TELL_EVERY_S / 40
    assert len(door.told) == 1
    assert not door.gate("203.0.113.10")
    assert door.told[1:] == [("203.0.113.10", text.replace(".9 ", ".10 ") + " (41 times)")]


def test_a_cable_that_is_plugged_in_later() -> None:
    door = Door()
    assert not door.gate("192.168.1.7")
    assert door.told[0][1].startswith("not from a network that may play (nobody else)")
    door.networks = (LAN,)
    # what was refused just now is not looked up with every packet
    assert not door.gate("192.168.1.7")
    assert door.looks == 1
    door.now += LOOK_EVERY_S
    assert door.gate("192.168.1.7")
    assert door.gate("192.168.1.8")
    assert not door.gate("10.0.0.1")
    assert door.looks == 2


def test_many_senders_take_no_memory() -> None:
    door = Door(LAN)
    for number in range(3 * MAX_KNOWN):
        assert not door.gate(f"10.0.{number >> 8}.{number & 255}")
    assert len(door.gate._known) <= MAX_KNOWN
    assert len(door.told) == 1


def test_the_gate_of_a_show() -> None:
    told: list[object] = []
    named = gate(["10.0.0.0/8", "192.168.7.7"], lambda *line: told.append(line))
    assert list(map(str, named.networks)) == ["10.0.0.0/8", "192.168.7.7/32"]
    assert named("10.1.1.1")
    assert named("127.0.0.2")
    assert not named("192.168.7.8")
    assert gate([], lambda *_: None).networks == own_networks()
    assert everyone("8.8.8.8")


def test_where_it_is_heard(monkeypatch: pytest.MonkeyPatch) -> None:
    own = [("127.0.0.1", "255.0.0.0"), ("192.168.1.20", "255.255.255.0"), ("fd00::2", "ffff::")]
    monkeypatch.setattr("controllers.osc_allow.own_addresses", lambda: own)
    assert where("127.0.0.1", 9000, None) == "127.0.0.1:9000"
    assert where("0.0.0.0", 9000, Door(LAN).gate) == (
        "0.0.0.0:9000 (from here 127.0.0.1:9000, from others 192.168.1.20:9000); "
        "who may play: this machine, 192.168.1.0/24"
    )
    assert where("10.0.0.5", 9000, Door().gate) == (
        "10.0.0.5:9000; who may play: this machine, nobody else"
    )
