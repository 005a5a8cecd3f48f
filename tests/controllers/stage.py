"""An OSC session without a network, on a clock that the test moves by hand."""

from __future__ import annotations

import math

from controllers.osc_outbox import UdpOutbox
from controllers.osc_peers import Address
from controllers.osc_session import OscSession
from controllers.osc_wire import Arg, OscMessage, pack_message, read_packet
from engine.controls import Controls
from tests.helpers.osc import table

ALICE = Address("10.0.0.1", 5001)
BOB = Address("10.0.0.2", 5002)
CAROL = Address("10.0.0.3", 5003)

WALL_S = 1_700_000_000.0

Heard = tuple[str, tuple[Arg, ...]]
"""A name under /artflow/ and the arguments."""


def drained(outbox: UdpOutbox) -> list[tuple[bytes, Address]]:
    """Everything that waits to leave over UDP, whatever the pace."""
    packets: list[tuple[bytes, Address]] = []
    while (packet := outbox.first(math.inf)) is not None:
        packets.append(packet)
        outbox.pop_first()
    return packets


class Stage:
    """A session over the built-in table; what it sends is sorted by receiver."""

    def __init__(self, controls: Controls | None = None, *, compat: bool = False) -> None:
        self.now = 100.0
        self.controls = controls or table()
        self.session = OscSession(
            self.controls,
            version="9.9",
            clock=lambda: self.now,
            wall=lambda: WALL_S + self.now,
            compat=compat,
        )
        self.unheard: dict[Address, list[OscMessage]] = {}

    def send(self, sender: Address, name: str, *args: Arg) -> None:
        address = name if name.startswith("/") else "/artflow/" + name
        self.send_bytes(sender, pack_message(address, *args))

    def send_bytes(self, sender: Address, *packets: bytes) -> None:
        self.session.receive([(packet, sender) for packet in packets])
        self.advance()

    def advance(self) -> None:
        """Let the session do what is due, and take from it what it has to say."""
        self.session.advance()
        self._collect()

    def _collect(self) -> None:
        for packet, to in drained(self.session.feedback.outbox):
            assert len(packet) < 1400
            self.unheard.setdefault(to, []).extend(read_packet(packet))

    def wait(self, seconds: float) -> None:
        """Let time pass, waking the session whenever it asked to be woken."""
        until = self.now + seconds
        while (deadline := self.session.deadline()) <= until:
            assert deadline >= self.now - 1e-6, "asks to be woken in the past"
            self.now = max(self.now, deadline)
            self.advance()
        self.now = until
        self.advance()

    def heard(self, receiver: Address, *, beats: bool = False) -> list[Heard]:
        """What was sent to `receiver` since the last look."""
        self._collect()
        messages = self.unheard.pop(receiver, [])
        heard = [(message.address.removeprefix("/artflow/"), message.args) for message in messages]
        return heard if beats else [one for one in heard if one[0] != "heartbeat"]

    def subscribe(self, sender: Address, *args: Arg) -> None:
        """Subscribe, and set aside what comes at once."""
        self.send(sender, "subscribe", *args)
        self.heard(sender)


def errors(heard: list[Heard]) -> list[tuple[Arg, ...]]:
    return [args for name, args in heard if name == "error"]
