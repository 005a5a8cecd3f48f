"""What incoming OSC means: packets in, control changes and answers out; no I/O.

`receive` takes what arrived in one turn and applies it in one step, so that the picture never
shows half of a bundle. Every refusal becomes one precise error to the sender, and nothing else.
"""

from __future__ import annotations

import functools
import hashlib
import heapq
import itertools
import logging
import math
import sys
from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from typing import Final, NamedTuple

from controllers import osc_commands
from controllers.osc_compat import INCOMING, Dialect
from controllers.osc_feedback import PREFIX, OscFeedback, quotable
from controllers.osc_newest import Newest
from controllers.osc_patterns import Pattern, is_pattern
from controllers.osc_peers import Address, Asker
from controllers.osc_wire import (
    Arg,
    Impulse,
    OscFormatError,
    OscMessage,
    clip,
    read_packet,
    seconds_ahead,
)
from engine.controls import Controls
from engine.errors import ArtflowError, ControlError, UnknownControl

MAX_AHEAD_S: Final = 10.0
MAX_SCHEDULED: Final = 4096
"""Messages that wait for their timetag."""
MAX_SCHEDULED_MB: Final = 4
"""The memory that they may take."""
MAX_REMEMBERED: Final = 1024
TELL_EVERY_S: Final = 1.0
"""Requests whose answer can be given again."""
REMEMBERED_S: Final = 30.0
"""For so long after it last came a request is known again."""

_OURS: Final = frozenset(
    PREFIX + name for name in ("error", "ack", "pong", "heartbeat", "startup")
) | {f"{PREFIX}list/{name}" for name in ("item", "choices", "end")}
"""Never answered, or two of us would keep telling each other errors."""

_log = logging.getLogger(__name__)


class _Waiting(NamedTuple):
    """The messages of one bundle until their time; the ticket keeps those of one time in order."""

    due: float
    ticket: int
    sender: Address
    messages: list[OscMessage]
    octets: int


class OscSession:
    """The server's mind. `clock` is the loop's time, `wall` seconds since 1970, for timetags.

    `received` counts messages (a malformed packet as one), `coalesced` those that a newer value
    in the same turn replaced, `refused` those that were answered with an error.
    """

    def __init__(
        self,
        controls: Controls,
        *,
        version: str,
        clock: Callable[[], float],
        wall: Callable[[], float],
        told: Callable[[str, str], None] | None = None,
        compat: bool = False,
    ) -> None:
        self.controls = controls
        self._told = told
        self._told_at = -math.inf
        self.feedback = OscFeedback(controls, version=version, clock=clock)
        self._dialect = Dialect(self.feedback) if compat else None
        self.received = 0
        self.refused = 0
        self._newest = Newest(controls)
        self._clock = clock
        self._wall = wall
        self._scheduled: list[_Waiting] = []
        self._waiting = 0
        self._waiting_octets = 0
        self._tickets = itertools.count()
        self._answered: OrderedDict[bytes, tuple[float, list[bytes]]] = OrderedDict()
        self._matched: dict[str, list[str]] = {}
        self._names: list[str] = []

    @property
    def coalesced(self) -> int:
        return self._newest.coalesced

    # packets

    def receive(self, batch: Iterable[tuple[bytes, Address]]) -> None:
        """Apply the packets of one turn, in order.

        Of several plain messages that set the same parameter the newest is applied, where it came;
        anything else (a trigger, a question, a bundle) first sees all that was sent before it.
        """
        self.feedback.renew()
        asker_of = self.feedback.book.asker
        asker: Asker | None = None
        for packet, sender in batch:
            if asker is None or sender != asker.sender:
                asker = asker_of(sender)
            if self._newest.take(packet, asker):
                self.received += 1
                continue
            try:
                messages = read_packet(packet)
            except OscFormatError as error:
                self.received += 1
                self._refuse(asker, "", str(error))
                continue
            self.received += len(messages)
            try:
                held = self._newest.offer(packet, messages, asker)
            except ControlError as error:
                self._refuse(asker, messages[0].address, str(error))
                continue
            if not held:
                self._let_go()
                self._take(messages, sender)
                asker = None  # a subscription changes who is answered
        self._let_go()

    def garbled(self, sender: Address, reason: str) -> None:
        """A stream that cannot be told into packets any more: one error to who sent it."""
        self.received += 1
        self._refuse(self.feedback.book.asker(sender), "", reason)

    def turn_away(self, packets: int) -> None:
        """Of somebody who may not play: counted, never answered."""
        self.received += packets
        self.refused += packets

    def leave(self, sender: Address) -> None:
        """A TCP connection is over."""
        self.feedback.book.leave(sender)

    def _let_go(self) -> None:
        for name, (asker, address, value) in self._newest.let_go().items():
            try:
                self.controls.set(name, value, asker)
            except Exception as error:
                self._refuse(asker, address, self._reason(error, address, value))

    def _take(self, messages: Sequence[OscMessage], sender: Address) -> None:
        """Apply messages of one packet, or keep them for their time."""
        kept = self._keep(messages, sender)
        for message in messages:
            if message.timetag not in kept:
                self._perform(sender, message)

    def _keep(self, messages: Sequence[OscMessage], sender: Address) -> set[int | None]:
        """Keep what is to wait; the timetags of it. What has one timetag is never torn."""
        wall = self._wall()
        later: dict[int, list[OscMessage]] = {}
        for message in messages:
            if message.timetag is not None and seconds_ahead(message.timetag, wall) > 0:
                later.setdefault(message.timetag, []).append(message)
        kept: set[int | None] = set()
        for timetag, bundle in later.items():
            ahead = seconds_ahead(timetag, wall)
            octets = sum(map(_octets, bundle))
            refusal = self._cannot_wait(ahead, len(bundle), octets)
            if refusal:
                peers = self.feedback.book.asker(sender).peers
                self.feedback.complain(peers, bundle[0].address, refusal + ", applied at once")
                continue
            kept.add(timetag)
            self._waiting += len(bundle)
            self._waiting_octets += octets
            due = self._clock() + ahead
            waiting = _Waiting(due, next(self._tickets), sender, bundle, octets)
            heapq.heappush(self._scheduled, waiting)
        return kept

    def _cannot_wait(self, ahead: float, count: int, octets: int) -> str:
        if ahead > MAX_AHEAD_S:
            return f"timetag {ahead:.1f} s ahead; at most {MAX_AHEAD_S:g} s are waited for"
        if self._waiting + count > MAX_SCHEDULED:
            return f"at most {MAX_SCHEDULED} messages wait for their timetags"
        if self._waiting_octets + octets > MAX_SCHEDULED_MB * 1_000_000:
            return f"at most {MAX_SCHEDULED_MB} MB of messages wait for their timetags"
        return ""

    def advance(self) -> None:
        """Do what is due: bundles whose time has come, then feedback."""
        self.feedback.renew()
        now = self._clock()
        while self._scheduled and self._scheduled[0].due <= now:
            waiting = heapq.heappop(self._scheduled)
            self._waiting -= len(waiting.messages)
            self._waiting_octets -= waiting.octets
            for message in waiting.messages:
                self._perform(waiting.sender, message)
        self.feedback.advance()

    def deadline(self) -> float:
        """When `advance` has something to do next."""
        first = self._scheduled[0].due if self._scheduled else math.inf
        return min(first, self.feedback.deadline())

    # messages

    def _perform(self, sender: Address, message: OscMessage) -> None:
        """Do a message as it came, unless its sender has asked for too many answers already."""
        # looked up anew for each: a subscription changes who is answered
        asker = self.feedback.book.asker(sender)
        if osc_commands.asks(message) and not self.feedback.may_ask(asker, message.address):
            self.refused += 1
            return
        self._do(asker, message.address, message.args)

    def _do(
        self, asker: Asker, address: str, args: tuple[Arg, ...], request_id: str | None = None
    ) -> bool:
        """Do what a message asks for; whether it could be done. Never raises."""
        if address in _OURS:
            self.refused += 1
            return False
        try:
            if address.startswith(PREFIX):
                command = osc_commands.COMMANDS.get(address[len(PREFIX) :])
                if command is not None:
                    command(self, asker, args)
                    return True
            elif self._dialect is not None and address in INCOMING:
                self._dialect.play(asker, address, args)
                return True
            if is_pattern(address):
                return self._play_all(asker, address, args, request_id)
            self._play(asker, address, args)
            return True
        except Exception as error:
            self._refuse(asker, address, self._reason(error, address, args), request_id)
        return False

    def _reason(self, error: Exception, address: str, args: object) -> str | Callable[[], str]:
        if isinstance(error, _Unknown):
            return functools.partial(self._unknown, address)
        if isinstance(error, ArtflowError):
            return str(error)
        # a mistake of ours behind one address must not silence the others
        _log.error("%s %s", quotable(address, 200), clip(repr(args), 1000), exc_info=error)
        return "this went wrong inside; the log says how"

    def _refuse(
        self,
        asker: Asker,
        address: str,
        text: str | Callable[[], str],
        request_id: str | None = None,
    ) -> None:
        self.refused += 1
        self.feedback.complain(asker.peers, address, text, request_id)
        now = self._clock()
        if self._told is not None and now >= self._told_at + TELL_EVERY_S:
            # whoever sent it may not hear the answer; the operator reads it, one a second at most
            self._told_at = now
            shown = text if isinstance(text, str) else text()
            self._told(quotable(address, 200), quotable(shown, 400))

    def _unknown(self, address: str) -> str:
        if not address.startswith(PREFIX):
            return f"unknown address {clip(address, 100)!r}; all of them start with {PREFIX}"
        try:
            # the search for near names takes time in proportion to the text
            self.controls.parameter(clip(address[len(PREFIX) :], 100))
        except UnknownControl as error:
            return str(error)
        return "no such control"

    def _play(self, asker: Asker, address: str, args: tuple[Arg, ...]) -> None:
        if not address.startswith(PREFIX):
            raise _Unknown
        name = address[len(PREFIX) :]
        controls = self.controls
        if controls.is_parameter(name):
            if args == ("?",):
                self.feedback.answer(asker, controls.parameter(name))
            else:
                controls.set(name, osc_commands.only(name, args), asker)
        elif controls.is_trigger(name):
            if args == ("?",):
                raise ControlError(f"{name} is a trigger and has no value to ask for")
            controls.fire(name, () if args == (Impulse(),) else args, asker)
        else:
            base, _, aspect = name.rpartition("/")
            play_aspect = osc_commands.ASPECTS.get(aspect)
            if play_aspect is None or not controls.is_parameter(base):
                raise _Unknown
            play_aspect(self, asker, controls.parameter(base), args)

    def _play_all(
        self, asker: Asker, address: str, args: tuple[Arg, ...], request_id: str | None
    ) -> bool:
        """The same message to every control that the pattern names, each answering for itself.

        Reported values are left out of setting, so that `output/*` can be reset at once.
        """
        base, slash, aspect = address.rpartition("/")
        suffix = slash + aspect if aspect in osc_commands.ASPECTS else ""
        names = self.matching(base if suffix else address)
        if suffix or args == ("?",):
            names = [name for name in names if self.controls.is_parameter(name)]
        if args != ("?",):
            names = [name for name in names if not self._reports(name)]
        if not names:
            raise ControlError(f"no control that this could reach matches {clip(address, 100)!r}")
        done = [self._do(asker, PREFIX + name + suffix, args, request_id) for name in names]
        return all(done)

    def _reports(self, name: str) -> bool:
        return self.controls.is_parameter(name) and self.controls.parameter(name).read_only

    def matching(self, address: str) -> list[str]:
        """Names of the controls whose whole address matches the pattern, as declared."""
        controls = self.controls
        names = [parameter.name for parameter in controls.parameters()]
        names += [trigger.name for trigger in controls.triggers()]
        if names != self._names or len(self._matched) >= 64:
            self._names = names
            self._matched.clear()
        matched = self._matched.get(address)
        if matched is None:
            pattern = Pattern(address)
            matched = [name for name in names if pattern.matches(PREFIX + name)]
            self._matched[address] = matched
        return matched

    # requests

    def request(self, asker: Asker, request_id: str, target: str, args: tuple[Arg, ...]) -> None:
        """Do once what `target` and `args` ask for, and acknowledge; again only acknowledge.

        A repeat has the ID and comes from the same socket, or says the same in every word: oscsend
        has another socket each time, and of two programs on one machine each may count from 1.
        """
        now = self._clock()
        while self._answered and next(iter(self._answered.values()))[0] <= now - REMEMBERED_S:
            self._answered.popitem(last=False)
        keys = [
            _digest(asker.sender.host, request_id, target, args),
            _digest(asker.sender, request_id),
        ]
        answer = next((self._answered[key][1] for key in keys if key in self._answered), None)
        if answer is not None:
            self._remember(keys, now, answer)
            self.feedback.replay(asker, answer)
            return
        address = target if target.startswith("/") else PREFIX + target
        tape = self.feedback.tape()
        try:
            done = self._do(asker, address, args, request_id)
            self.feedback.reply(asker, PREFIX + "ack", request_id, clip(target, 200), int(done))
        finally:
            self.feedback.stop_tape()
        # an answer of many values can be asked for anew; what matters is that it was done
        self._remember(keys, now, tape if len(tape) <= 8 else tape[-1:])

    def _remember(self, keys: list[bytes], now: float, answer: list[bytes]) -> None:
        for key in keys:
            self._answered.pop(key, None)  # to the end: the oldest are forgotten first
            self._answered[key] = (now, answer)
        while len(self._answered) > 2 * MAX_REMEMBERED:
            self._answered.popitem(last=False)


def _digest(*words: object) -> bytes:
    return hashlib.blake2b(repr(words).encode("utf-8", "replace"), digest_size=16).digest()


def _octets(message: OscMessage) -> int:
    """About the memory that a message takes; up to sixteen times its packet."""
    return 200 + sys.getsizeof(message.address) + _args_octets(message.args)


def _args_octets(args: tuple[Arg, ...]) -> int:
    inside = sum(
        _args_octets(arg) if isinstance(arg, tuple) else sys.getsizeof(arg) for arg in args
    )
    return sys.getsizeof(args) + inside


class _Unknown(Exception):
    """Nothing answers at this address; the hint is worked out only if it will be sent."""
