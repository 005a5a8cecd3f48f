"""Who gets our OSC packets, and when: subscriptions, leases, the pace of feedback and of errors.

A *peer* is one place that packets go to. Most are *strangers*: somebody sent something and is
answered. A *subscriber* asked for feedback and keeps a lease, or was named with --feedback and
stays. No I/O and no clock: every decision takes the time as an argument, in seconds.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Iterator
from typing import Final, NamedTuple

from controllers.osc_patterns import Pattern
from engine.controls import Value
from engine.errors import ControlError

MAX_HZ: Final = 30.0
"""A parameter's feedback to one peer: at most so often, the newest wins."""
LEASE_S: Final = 30.0
ERRORS_PER_S: Final = 20
MAX_SUBSCRIBERS: Final = 64
MAX_STRANGERS: Final = 256
MAX_PATTERNS: Final = 64


class Address(NamedTuple):
    """Where packets come from and go to."""

    host: str
    port: int
    link: int = 0
    """0 over UDP; over TCP the number of the connection, never used again."""


class Peer:
    """One place that packets go to, and what we know of it.

    `known` holds the values that the peer has as far as we know (sent to it, or set by it), so
    that nobody hears an echo; `due` says when a parameter may be sent again.
    """

    def __init__(self, address: Address) -> None:
        self.address = address
        self.lease_until = -math.inf
        self.subscribed_at = -math.inf
        self.explicit = False
        """Whether it named its port: then all of its host is answered there."""
        self.known: dict[str, Value] = {}
        self.due: dict[str, float] = {}
        self.forced: set[str] = set()
        """Parameters that are sent whatever is known: answers to a clamped value."""
        self.errors_held = 0
        self._everything = False
        self._patterns: dict[str, Pattern] = {}
        self._wanted: dict[str, bool] = {}
        self._period_s = 1 / MAX_HZ
        self._sent_at: dict[str, float] = {}
        self._errors_at: deque[float] = deque(maxlen=ERRORS_PER_S)
        self.introduced: deque[Address] = deque(maxlen=16)
        """Sockets of the same client, known because they asked for this port."""

    def subscribe(self, pattern: Pattern | None, max_hz: float | None) -> None:
        """Add a pattern of names (None: everything). Raises `ControlError` at too many."""
        if pattern is None:
            self._everything = True
        elif len(self._patterns) >= MAX_PATTERNS and pattern.text not in self._patterns:
            raise ControlError(f"at most {MAX_PATTERNS} patterns; unsubscribe, then subscribe anew")
        else:
            self._patterns[pattern.text] = pattern
        self._wanted.clear()
        if max_hz is not None:
            self._period_s = 1 / min(max_hz, MAX_HZ)

    def holds(self, pattern: Pattern | None) -> bool:
        """Whether it has subscribed to this pattern."""
        return self._everything if pattern is None else pattern.text in self._patterns

    def wants(self, name: str) -> bool:
        """Whether the peer subscribed to the control `name`."""
        if self._everything:
            return True
        wanted = self._wanted.get(name)
        if wanted is None:
            wanted = any(pattern.matches(name) for pattern in self._patterns.values())
            self._wanted[name] = wanted
        return wanted

    def note(self, name: str, now: float) -> None:
        """Something is to be sent about `name`: at once, or when its period is over."""
        if name not in self.due:
            self.due[name] = max(now, self._sent_at.get(name, -math.inf) + self._period_s)

    def take_due(self, now: float) -> list[str]:
        """The names whose time has come, in the order in which they were noted."""
        names = [name for name, at in self.due.items() if at <= now]
        for name in names:
            del self.due[name]
        return names

    def sent(self, name: str, value: Value, now: float) -> None:
        self.known[name] = value
        self._sent_at[name] = now

    def may_complain(self, now: float) -> bool:
        """Whether another error may be sent now (20 in any second); counts it either way."""
        times = self._errors_at
        if len(times) == ERRORS_PER_S and now < times[0] + 1:
            self.errors_held += 1
            return False
        times.append(now)
        return True

    def take_held(self, now: float) -> int:
        """How many errors were held back, once that may be told (which counts as one)."""
        held = self.errors_held
        if not held or now < self._errors_at[0] + 1:
            return 0
        self.errors_held = 0
        self._errors_at.append(now)
        return held

    def deadline(self) -> float:
        """When this peer has something to be sent, in seconds; infinity for never."""
        first = min(self.due.values(), default=math.inf)
        if self.errors_held:
            first = min(first, self._errors_at[0] + 1)
        return first


class Asker(NamedTuple):
    """The sender of a packet: `author` is the client it speaks for, `peers` hear the answers."""

    sender: Address
    author: Peer
    peers: tuple[Peer, ...]


class PeerBook:
    """All peers, and which of them a sender belongs to."""

    def __init__(self, on_subscribed: Callable[[Peer], None]) -> None:
        self._on_subscribed = on_subscribed
        self._subscribers: dict[Address, Peer] = {}
        self._strangers: dict[Address, Peer] = {}
        self._introduced: dict[Address, Peer] = {}
        self._askers: dict[Address, Asker] = {}

    def subscribers(self) -> Iterator[Peer]:
        return iter(tuple(self._subscribers.values()))

    def asker(self, sender: Address) -> Asker:
        """Who `sender` is and where its answers go.

        A socket that subscribed is answered where it asked to be. So is every other socket of a
        host that named a port; but as two programs may share a host, such a socket, which never
        introduced itself, also hears the answer itself. So does every TCP connection.
        """
        found = self._askers.get(sender)
        if found is not None:
            return found
        own = self._introduced.get(sender) or self._subscribers.get(sender)
        if own is not None:
            peers = [own]
            if sender.link and own.address != sender:
                peers.append(self._subscribers.get(sender) or self._stranger(sender))
            found = Asker(sender, own, tuple(peers))
        else:
            author = self._stranger(sender)
            named = self._named_by(sender.host)
            found = Asker(sender, author, (author,) if named is None else (named, author))
        self._askers[sender] = found
        return found

    def _named_by(self, host: str) -> Peer | None:
        named = [
            peer
            for peer in self._subscribers.values()
            if peer.explicit and peer.address.host == host
        ]
        return max(named, key=lambda peer: peer.subscribed_at, default=None)

    def _stranger(self, sender: Address) -> Peer:
        peer = self._strangers.get(sender)
        if peer is None:
            if len(self._strangers) >= MAX_STRANGERS:
                # forget the one that came first; a shell's oscsend is a new one each time
                del self._strangers[next(iter(self._strangers))]
                self._askers.clear()
            peer = self._strangers[sender] = Peer(sender)
        return peer

    def keep(self, address: Address) -> Peer:
        """A --feedback target: hears everything, for good."""
        peer = self._admit(address)
        peer.subscribe(None, None)
        peer.lease_until = math.inf
        return peer

    def kept(self) -> Iterator[Peer]:
        """The --feedback targets."""
        return (peer for peer in self.subscribers() if peer.lease_until == math.inf)

    def subscribe(
        self,
        sender: Address,
        port: int | None,
        pattern: Pattern | None,
        max_hz: float | None,
        now: float,
    ) -> Peer:
        """Lease feedback to `port` of the sender's host, or to the sender's own client.

        Without a port another program's, which this host's answers go to, is only kept alive.
        Returns the peer that hears it from now on. Raises `ControlError` where too many do.
        """
        asker = self.asker(sender)
        peer = self._admit(asker.author.address if port is None else Address(sender.host, port))
        peer.subscribe(pattern, max_hz)
        for kept in (peer, *asker.peers) if port is None else (peer,):
            kept.lease_until = max(kept.lease_until, now + LEASE_S)
        if port is not None:
            self._introduce(sender, peer, now)
        self._askers.clear()
        return peer

    def leases(self, sender: Address, port: int | None, pattern: Pattern | None) -> bool:
        """Whether this very socket only renews: it has had this pattern for this port before."""
        to = self.asker(sender).author.address if port is None else Address(sender.host, port)
        peer = self._subscribers.get(to)
        if peer is None or not peer.holds(pattern):
            return False
        return sender == to or self._introduced.get(sender) is peer

    def _introduce(self, sender: Address, peer: Peer, now: float) -> None:
        peer.explicit = True
        peer.subscribed_at = now
        if sender == peer.address or self._introduced.get(sender) is peer:
            return
        if len(peer.introduced) == peer.introduced.maxlen:
            self._part(peer.introduced[0], peer)
        peer.introduced.append(sender)
        self._introduced[sender] = peer

    def _part(self, sender: Address, peer: Peer) -> None:
        # it may have gone over to another port since
        if self._introduced.get(sender) is peer:
            del self._introduced[sender]

    def _admit(self, address: Address) -> Peer:
        peer = self._subscribers.get(address)
        if peer is not None:
            return peer
        if len(self._subscribers) >= MAX_SUBSCRIBERS:
            raise ControlError(f"{MAX_SUBSCRIBERS} clients are subscribed already; try again later")
        peer = self._strangers.pop(address, None) or Peer(address)
        self._subscribers[address] = peer
        self._askers.clear()
        self._on_subscribed(peer)
        return peer

    def unsubscribe(self, sender: Address, port: int | None) -> None:
        """End the lease of the sender's own client, or the one of `port` on its host."""
        if port is None:
            self._dismiss(self.asker(sender).author)
        elif (named := self._subscribers.get(Address(sender.host, port))) is not None:
            self._dismiss(named)

    def leave(self, sender: Address) -> None:
        """A TCP connection is over: so is what was leased to it, and nobody asks from it again."""
        own = self._subscribers.get(sender)
        if own is not None:
            self._dismiss(own)
        named = self._introduced.pop(sender, None)
        if named is not None:
            named.introduced.remove(sender)
        self._strangers.pop(sender, None)
        self._askers.pop(sender, None)

    def expire(self, now: float) -> None:
        """Forget every subscriber whose lease is over."""
        for peer in self.subscribers():
            if peer.lease_until <= now:
                self._dismiss(peer)

    def next_expiry(self) -> float:
        return min((peer.lease_until for peer in self._subscribers.values()), default=math.inf)

    def _dismiss(self, peer: Peer) -> None:
        if peer.lease_until == math.inf or self._subscribers.pop(peer.address, None) is None:
            return
        for sender in peer.introduced:
            self._part(sender, peer)
        peer.due.clear()
        self._askers.clear()
