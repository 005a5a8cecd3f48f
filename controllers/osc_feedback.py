"""What leaves over OSC: values, states, errors, heartbeats; decided without I/O.

Packets are put into `outbox` with their address, those of a TCP connection into its own of `links`;
whoever does the I/O empties them at their pace, calls `advance` at `deadline` and is called back
through `wake` when there is something new.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from typing import Final

from controllers.osc_names import without_folders
from controllers.osc_outbox import Outbox, UdpOutbox
from controllers.osc_patterns import Pattern
from controllers.osc_peers import Address, Asker, Peer, PeerBook
from controllers.osc_wire import MAX_PACKET_BYTES, Arg, clip, pack_message
from engine.controls import MAX_TEXT_BYTES, Change, Controls, Parameter, Value
from engine.errors import ControlError

PREFIX: Final = "/artflow/"
MAX_ANSWERS: Final = 1000
"""Answers to one sender that may wait to leave. The message that passes it is answered whole."""

_MAX_SPENDERS: Final = 1024
_NOTHING: Final = object()


class OscFeedback:
    """Tells every peer what it should hear. Times are seconds of `clock`.

    State of a parameter is sent at most 30 times a second to each peer, newest wins. Steps of an
    enumerated reported value (painter/state) are events: each is sent, at once and in order.
    """

    def __init__(self, controls: Controls, *, version: str, clock: Callable[[], float]) -> None:
        self.controls = controls
        self.clock = clock
        self.outbox = UdpOutbox()
        self.links: dict[int, Outbox] = {}
        """Number of a connection that is open to what it has still to be sent."""
        self.wake: Callable[[], None] = lambda: None
        self.on_beat: Callable[[], None] = lambda: None
        self.book = PeerBook(self._welcome)
        self._version = version
        self._busy: dict[Peer, None] = {}
        self._beats = 0
        self._next_beat = clock() + 1
        self._tape: list[bytes] | None = None
        self._spent: dict[Address, tuple[int, tuple[Peer, ...]]] = {}
        self._overdrawn: set[Address] = set()
        self._ends = (controls.listen(self._on_change), controls.on_report(self._on_report))

    def close(self) -> None:
        """Stop listening to the controls."""
        for end in self._ends:
            end()

    def keep(self, targets: Iterable[Address]) -> None:
        """Send everything to these for good: startup first, then every value as it is."""
        for address in targets:
            self.send_current(self.book.keep(address), None)

    def _welcome(self, peer: Peer) -> None:
        self._send(peer, pack_message(PREFIX + "startup", self._version))

    # answers

    def renew(self) -> None:
        """A turn begins: whoever has nothing left to be sent may ask for `MAX_ANSWERS` again."""
        if not self._spent:
            return
        if len(self._spent) > _MAX_SPENDERS:
            self._spent.clear()
        owed = {to: spent for to, spent in self._spent.items() if any(map(self._owes, spent[1]))}
        self._spent = owed
        self._overdrawn &= owed.keys()

    def _owes(self, peer: Peer) -> bool:
        to = peer.address
        return bool(self.links.get(to.link)) if to.link else self.outbox.waits_for(to)

    def may_ask(self, asker: Asker, address: str) -> bool:
        """Whether the sender may be answered more this turn; the first time it may not, it is told.

        One packet can ask for 100,000 answers, and those of others must not give way to them.
        """
        if self._spent.get(asker.sender, (0, ()))[0] < MAX_ANSWERS:
            return True
        if asker.sender not in self._overdrawn:
            self._overdrawn.add(asker.sender)
            text = f"over {MAX_ANSWERS:,} answers at once; ask for less at a time"
            self.complain(asker.peers, address, text)
        return False

    def _spend(self, sender: Address, to: tuple[Peer, ...]) -> None:
        answers, _ = self._spent.get(sender, (0, ()))
        self._spent[sender] = answers + 1, to

    def reply(self, asker: Asker, address: str, *args: Arg) -> None:
        """Answer the sender. Raises `ControlError` where the answer does not fit a packet."""
        packet = pack_message(address, *args)
        if len(packet) >= MAX_PACKET_BYTES:
            raise ControlError(f"the answer would be {len(packet)} bytes; allowed: under 1400")
        self._reply(asker, packet)

    def replay(self, asker: Asker, packets: Sequence[bytes]) -> None:
        """Send an earlier answer again."""
        for packet in packets:
            self._reply(asker, packet)

    def answer(self, asker: Asker, parameter: Parameter) -> None:
        """Tell the sender a parameter's value."""
        value = self.controls.get(parameter.name)
        for packet in _value_packets(parameter, value):
            self._reply(asker, packet, parameter.name)
        for peer in asker.peers:
            peer.known[parameter.name] = value

    def tape(self) -> list[bytes]:
        """Note every answer from now on, until `stop_tape`; for answers that may be asked again."""
        self._tape = []
        return self._tape

    def stop_tape(self) -> None:
        self._tape = None

    def _reply(self, asker: Asker, packet: bytes, value_of: str | None = None) -> None:
        if self._tape is not None:
            self._tape.append(packet)
        self._spend(asker.sender, asker.peers)
        for peer in asker.peers:
            self._send(peer, packet, value_of, answer=True)

    def _send(
        self, peer: Peer, packet: bytes, value_of: str | None = None, *, answer: bool = False
    ) -> None:
        if not peer.address.link:
            self.outbox.put(packet, peer.address, value_of, answer=answer)
        elif (link := self.links.get(peer.address.link)) is not None:
            link.put(packet, value_of, answer=answer)

    def _drop(self, peer: Peer, name: str) -> None:
        if not peer.address.link:
            self.outbox.drop(peer.address, name)
        elif (link := self.links.get(peer.address.link)) is not None:
            link.drop(name)

    def send(self, peer: Peer, packet: bytes, value_of: str) -> None:
        """Tell a peer the value of something that is no control, as another dialect calls it."""
        self._send(peer, packet, value_of)

    def send_current(
        self,
        peer: Peer,
        pattern: Pattern | None,
        asker: Asker | None = None,
        *,
        only_news: bool = False,
    ) -> None:
        """Send every matching value as it is now (None: all); these are answers to `asker`.

        `only_news`: those that the peer has not been told.
        """
        now = self.clock()
        for parameter in self.controls.parameters():
            if pattern is None or pattern.matches(parameter.name):
                value = self.controls.get(parameter.name)
                if only_news and peer.known.get(parameter.name, _NOTHING) == value:
                    continue
                self._send_value(peer, parameter, value, now)
                if asker is not None:
                    self._spend(asker.sender, (peer,))

    def force(self, asker: Asker, name: str) -> None:
        """Tell the sender this value though it set it: it got another than it asked for."""
        for peer in asker.peers:
            peer.forced.add(name)
            self._note(peer, name)

    # errors

    def complain(
        self,
        peers: Iterable[Peer],
        address: str,
        text: str | Callable[[], str],
        request_id: str | None = None,
    ) -> None:
        """Send an error, at most 20 a second to each; `text` is not worked out for nobody."""
        now = self.clock()
        packet = b""
        for peer in peers:
            if not peer.may_complain(now):
                self._busy[peer] = None
                continue
            if not packet:
                shown = text if isinstance(text, str) else text()
                packet = _error_packet(address, shown, request_id)
                if self._tape is not None:
                    self._tape.append(packet)
            self._send(peer, packet)

    def _on_report(self, address: str, text: str, origin: object) -> None:
        peers = dict.fromkeys(self.book.subscribers())
        if isinstance(origin, Asker):
            peers.update(dict.fromkeys(origin.peers))
        where = address if address.startswith("/") else PREFIX + address
        self.complain(peers, where, lambda: without_folders(text))
        self.wake()

    # changes

    def _on_change(self, change: Change) -> None:
        parameter = change.parameter
        name = parameter.name
        origin = change.origin if isinstance(change.origin, Asker) else None
        news = False
        for peer in self.book.subscribers():
            if not peer.wants(name):
                continue
            news = True
            if _steps(parameter):
                self._send_value(peer, parameter, change.value, self.clock())
                continue
            if origin is not None and peer is origin.author:
                # what it was told before, and has not left yet, would undo it there
                self._drop(peer, name)
                peer.known[name] = change.value
            self._note(peer, name)
        if origin is not None and change.clamped:
            news = True
            self.force(origin, name)
        if news:
            self.wake()

    def _note(self, peer: Peer, name: str) -> None:
        peer.note(name, self.clock())
        self._busy[peer] = None

    def _send_value(self, peer: Peer, parameter: Parameter, value: Value, now: float) -> None:
        for packet in _value_packets(parameter, value):
            self._send(peer, packet, None if _steps(parameter) else parameter.name)
        peer.sent(parameter.name, value, now)

    # time

    def deadline(self) -> float:
        """When `advance` has something to do."""
        busy = min((peer.deadline() for peer in self._busy), default=math.inf)
        return min(busy, self._next_beat, self.book.next_expiry())

    def advance(self) -> None:
        """Send what is due, end leases, beat."""
        now = self.clock()
        self.book.expire(now)
        for peer in tuple(self._busy):
            self._send_due(peer, now)
            if peer.deadline() == math.inf:
                del self._busy[peer]
        if now >= self._next_beat:
            self._beats += 1
            # after a pause one beat, not all that were missed
            on_time = now < self._next_beat + 1
            self._next_beat = self._next_beat + 1 if on_time else now + 1
            for peer in self.book.subscribers():
                self._send(peer, pack_message(PREFIX + "heartbeat", self._beats), "heartbeat")
            self.on_beat()

    def finish(self) -> None:
        """The end: what still waits for its time is sent now."""
        for peer in tuple(self._busy):
            self._send_due(peer, math.inf)

    def _send_due(self, peer: Peer, now: float) -> None:
        for name in peer.take_due(now):
            value = self.controls.get(name)
            if name not in peer.forced and peer.known.get(name, _NOTHING) == value:
                continue
            peer.forced.discard(name)
            self._send_value(peer, self.controls.parameter(name), value, now)
        held = peer.take_held(now)
        if held:
            text = f"{held} more errors were not sent (at most 20 a second are)"
            self._send(peer, _error_packet("", text, None))


def _steps(parameter: Parameter) -> bool:
    """Whether each of its values is an event that everybody hears of."""
    return parameter.read_only and parameter.choices is not None


def wire_value(parameter: Parameter, value: Value) -> float | int | str:
    """The value in the type that its declaration promises; reported text is cut to what fits."""
    if parameter.kind == "s":
        # what was set leaves as it was set; what the show reports may speak of its files
        text = without_folders(str(value)) if parameter.read_only else str(value)
        return clip(text, MAX_TEXT_BYTES)
    return float(value) if parameter.kind == "f" else int(value)


def _value_packets(parameter: Parameter, value: Value) -> list[bytes]:
    """The value's message, and its index beside it where a reported value is enumerated."""
    name = parameter.name
    wire = wire_value(parameter, value)
    told = wire.split("\n") if parameter.lines and isinstance(wire, str) else [wire]
    packets = [pack_message(PREFIX + name, *told)]
    if parameter.read_only and parameter.choices is not None and value in parameter.choices:
        index = parameter.choices.index(value)
        packets.append(pack_message(f"{PREFIX}{name}/index", index))
    return packets


def _error_packet(address: str, text: str, request_id: str | None) -> bytes:
    ids = () if request_id is None else (request_id,)
    room = max(100, 1000 - len((request_id or "").encode("utf-8", "replace")))
    return pack_message(PREFIX + "error", quotable(address, 200), quotable(text, room), *ids)


def quotable(text: str, most_bytes: int) -> str:
    """`text` for one line that a terminal may show: control characters as their escapes, cut."""
    text = clip(text, most_bytes)
    if text.isprintable():
        return text
    shown = (char if char.isprintable() else repr(char)[1:-1] for char in text)
    return clip("".join(shown), most_bytes)
