"""Plain values within one turn: of each parameter only the newest will count.

Nearly everything in a flood is the same few addresses with another number. A packet that was read
strictly once, and only sets a parameter to one f or i, is known again by its first bytes: whatever
its last four are, it is well-formed. So those are looked at and nothing else.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from math import isfinite
from typing import Final

from controllers.osc_feedback import PREFIX
from controllers.osc_peers import Asker
from controllers.osc_wire import Arg, OscMessage, pack_message
from engine.controls import Controls, Parameter

Args = tuple[Arg, ...]

_UNPACKED: Final[dict[bytes, tuple[Arg, Callable[[bytes, int], Args]]]] = {
    b",f\0\0": (0.0, struct.Struct(">f").unpack_from),
    b",i\0\0": (0, struct.Struct(">i").unpack_from),
}
"""Type tags, before the last four bytes of a packet: such an argument, and how it is read."""


class Newest:
    """Holds the values of a turn until they are let go. `coalesced` counts those replaced."""

    def __init__(self, controls: Controls) -> None:
        self.coalesced = 0
        self._controls = controls
        self._held: dict[str, tuple[Asker, str, Arg]] = {}
        self._known: dict[bytes, tuple[str, str, Callable[[bytes, int], Args]]] = {}

    def known(self, packet: bytes) -> tuple[str, str, Arg] | None:
        """The parameter, the address and the value of a packet that is known to bring one."""
        known = self._known.get(packet[:-4])
        if known is None:
            return None
        name, address, unpack = known
        (value,) = unpack(packet, -4)
        return (name, address, value) if isfinite(value) else None  # type: ignore[arg-type]

    def take(self, packet: bytes, asker: Asker) -> bool:
        """Hold the value of a packet that is known to bring one. If False, it must be read."""
        known = self.known(packet)
        if known is None:
            return False
        name, address, value = known
        self._hold(name, asker, address, value)
        return True

    def offer(self, packet: bytes, messages: Sequence[OscMessage], asker: Asker) -> bool:
        """Hold what was read from `packet` if all it does is set a parameter; whether it was.

        Raises `ControlError` where the value would be refused: it must not push out a good one.
        """
        if len(messages) != 1 or messages[0].timetag is not None:
            return False
        parameter = self._offered(messages[0], asker)
        if parameter is not None:
            self._learn(packet, messages[0].address, parameter)
        return parameter is not None

    def offer_one(self, message: OscMessage, asker: Asker) -> bool:
        """As `offer`, of one message among those that a bundle brings."""
        return self._offered(message, asker) is not None

    def _offered(self, message: OscMessage, asker: Asker) -> Parameter | None:
        parameter = self._sets(message)
        if parameter is not None:
            parameter.coerce(message.args[0])
            self._hold(parameter.name, asker, message.address, message.args[0])
        return parameter

    def let_go(self) -> dict[str, tuple[Asker, str, Arg]]:
        """By parameter, in the order in which these came: who set it, its address, the value."""
        held, self._held = self._held, {}
        return held

    def _hold(self, name: str, asker: Asker, address: str, value: Arg) -> None:
        earlier = self._held.pop(name, None)
        if earlier is not None:
            self.coalesced += 1
            if earlier[0] is not asker:
                # its sender believes in a value that never came to be
                earlier[0].author.known.pop(name, None)
        self._held[name] = (asker, address, value)

    def _sets(self, message: OscMessage) -> Parameter | None:
        """The parameter that a plain message sets, if that is all it does."""
        if len(message.args) != 1 or message.args[0] == "?":
            return None
        name = message.address[len(PREFIX) :]
        if not message.address.startswith(PREFIX) or not self._controls.is_parameter(name):
            return None
        parameter = self._controls.parameter(name)
        return None if parameter.read_only else parameter

    def _learn(self, packet: bytes, address: str, parameter: Parameter) -> None:
        """Know the like of this packet again, if none of them but NaN and infinity is refused."""
        tags, head = packet[-8:-4], packet[:-4]
        if tags not in _UNPACKED or (parameter.kind == "i" and tags == b",f\0\0"):
            return
        example, unpack = _UNPACKED[tags]
        # those four bytes may be the first half of a longer argument
        if pack_message(address, example)[:-4] == head:
            self._known[head] = (parameter.name, address, unpack)
