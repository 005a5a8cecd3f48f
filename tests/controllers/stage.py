"""An OSC session without a network, on a clock that the test moves by hand."""

from __future__ import annotations

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
        self._heard: dict[Address, list[OscMessage]] = {}

    def send(self, sender: Address, name: str, *args: Arg) -> None:
        address = name if name.startswith("/") else "/artflow/" + name
        self.send_bytes(sender, pack_message(address, *args))

    def send_bytes(self, sender: Address, *packets: bytes) -> None:
        self.session.receive([(packet, sender) for packet in packets])
        self.session.advance()

    def wait(self, seconds: float) -> None:
        """Let time pass, waking the session whenever it asked to be woken."""
        until = self.now + seconds
        while (deadline := self.session.deadline()) <= until:
            assert deadline >= self.now - 1e-6, "asks to be woken in the past"
            self.now = max(self.now, deadline)
            self.session.advance()
        self.now = until
        self.session.advance()

    def heard(self, receiver: Address, *, beats: bool = False) -> list[Heard]:
        """What was sent to `receiver` since the last look."""
        outbox = self.session.feedback.outbox
        while outbox:
            packet, to = outbox.popleft()
            assert len(packet) < 1400
            self._heard.setdefault(to, []).extend(read_packet(packet))
        messages = self._heard.pop(receiver, [])
        heard = [(message.address.removeprefix("/artflow/"), message.args) for message in messages]
        return heard if beats else [one for one in heard if one[0] != "heartbeat"]

    def subscribe(self, sender: Address, *args: Arg) -> None:
        """Subscribe, and set aside what comes at once."""
        self.send(sender, "subscribe", *args)
        self.heard(sender)


def errors(heard: list[Heard]) -> list[tuple[Arg, ...]]:
    return [args for name, args in heard if name == "error"]
