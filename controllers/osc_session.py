"""What incoming OSC means: packets in, control changes and answers out; no I/O.

`receive` takes what arrived in one turn and applies it in one step, so that the picture never
shows half of a bundle. Every refusal becomes one precise error to the sender, and nothing else.
"""

from __future__ import annotations

import functools
import hashlib
import logging
import math
from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from typing import Final

from controllers import osc_commands
from controllers.osc_compat import INCOMING, Dialect
from controllers.osc_feedback import PREFIX, OscFeedback, quotable
from controllers.osc_floats import all_meant, meant
from controllers.osc_names import without_folders
from controllers.osc_newest import Newest
from controllers.osc_patterns import Pattern, is_pattern
from controllers.osc_peers import Address, Asker
from controllers.osc_timetags import Schedule
from controllers.osc_wire import (
    Arg,
    Impulse,
    OscFormatError,
    OscMessage,
    clip,
    read_packet,
)
from engine.controls import Controls
from engine.errors import ArtflowError, ControlError, UnknownControl

MAX_REMEMBERED: Final = 1024
"""Requests whose answer can be given again."""
REMEMBERED_S: Final = 30.0
"""For so long after it last came a request is known again."""
TELL_EVERY_S: Final = 1.0
"""So often at most the operator reads what was refused."""

_OURS: Final = frozenset(
    PREFIX + name for name in ("error", "ack", "pong", "heartbeat", "startup")
) | {f"{PREFIX}list/{name}" for name in ("item", "choices", "end")}
"""Never answered, or two of us would keep telling each other errors."""

_log = logging.getLogger(__name__)


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
        self.schedule = Schedule(wall)
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
            bad: list[OscFormatError] = []
            try:
                messages = read_packet(packet, bad)
            except OscFormatError as error:
                self.received += 1
                self._refuse(asker, "", str(error))
                continue
            self.received += len(messages) + len(bad)
            for fault in bad:
                self._refuse(asker, fault.address, str(fault))
            try:
                held = self._newest.offer(packet, messages, asker)
            except Exception as error:
                address, args, _ = messages[0]
                self._refuse(asker, address, self._reason(error, address, args))
                continue
            if not held:
                self._let_go()
                self._take(messages, sender)
                asker = None  # a subscription changes who is answered
        self._let_go()

    def receive_first(self, packet: bytes, sender: Address) -> None:
        """`receive` of one packet before anyone looks for more.

        Where it only sets a value, there is nothing to hold it against, and it is set at once.
        """
        known = self._newest.known(packet)
        if known is None:
            self.receive(((packet, sender),))
            return
        self.received += 1
        name, address, value = known
        self._set(name, self.feedback.book.asker(sender), address, value)

    def garbled(self, sender: Address, reason: str) -> None:
        """A stream that cannot be told into packets any more: one error to who sent it."""
        self.received += 1
        self._refuse(self.feedback.book.asker(sender), "", reason)

    def turn_away(self, packets: int) -> None:
        """Of somebody who may not play, or sends more than there is room for: counted, only."""
        self.received += packets
        self.refused += packets

    def leave(self, sender: Address) -> None:
        """A TCP connection is over."""
        self.feedback.book.leave(sender)

    def _let_go(self) -> None:
        for name, (asker, address, value) in self._newest.let_go().items():
            self._set(name, asker, address, value)

    def _set(self, name: str, asker: Asker, address: str, value: Arg) -> None:
        # here, and not where it is read: of a flood only what counts costs anything
        shown = meant(value) if type(value) is float else value
        try:
            self.controls.set(name, shown, asker)
        except Exception as error:
            self._refuse(asker, address, self._reason(error, address, value))

    def _take(self, messages: Sequence[OscMessage], sender: Address) -> None:
        """Apply messages of one packet, or keep them for their time."""

        def refuse(address: str, why: str) -> None:
            self.feedback.complain(self.feedback.book.asker(sender).peers, address, why)

        self._perform_all(sender, self.schedule.keep(messages, sender, self._clock(), refuse))

    def _perform_all(self, sender: Address, messages: Sequence[OscMessage]) -> None:
        """Do what one packet brought, in order; of values between other things the newest count."""
        for message in messages:
            asker = self.feedback.book.asker(sender)
            try:
                held = self._newest.offer_one(message, asker)
            except Exception as error:
                self._refuse(
                    asker, message.address, self._reason(error, message.address, message.args)
                )
                continue
            if not held:
                self._let_go()
                self._perform(sender, message)
        self._let_go()

    def advance(self) -> None:
        """Do what is due: bundles whose time has come, then feedback."""
        self.feedback.renew()
        for sender, messages in self.schedule.take_due(self._clock()):
            self._perform_all(sender, messages)
        self.feedback.advance()

    def deadline(self) -> float:
        """When `advance` has something to do next."""
        return min(self.schedule.deadline(), self.feedback.deadline())

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
        args = all_meant(args)
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
            return without_folders(str(error))
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
                parameter = controls.parameter(name)
                text = parameter.kind == "s" and parameter.choices is None
                controls.set(name, osc_commands.only(name, args, text), asker)
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

        Reported values are left out of setting, so that `output/*` can be reset at once; so is what
        must be meant: a pattern does not change models.
        """
        base, slash, aspect = address.rpartition("/")
        suffix = slash + aspect if aspect in osc_commands.ASPECTS else ""
        names = self.matching(base if suffix else address)
        if suffix or args == ("?",):
            names = [name for name in names if self.controls.is_parameter(name)]
        if args != ("?",):
            names = [name for name in names if self._may_be_swept(name)]
        if not names:
            raise ControlError(f"no control that this could reach matches {clip(address, 100)!r}")
        done = [self._do(asker, PREFIX + name + suffix, args, request_id) for name in names]
        return all(done)

    def _may_be_swept(self, name: str) -> bool:
        if not self.controls.is_parameter(name):
            return True
        parameter = self.controls.parameter(name)
        return not (parameter.read_only or parameter.deliberate)

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


class _Unknown(Exception):
    """Nothing answers at this address; the hint is worked out only if it will be sent."""
