"""`--compat streamdiffusiontd`: the addresses that users of StreamDiffusionTD know, as two tables.

What its TouchDesigner component sends plays our controls, and what it plots comes back: see
`INCOMING` and `OUTGOING`. Types and meaning follow StreamDiffusionTD 0.2 and 0.3: plain values as
one argument, /t_list as one number a step, lists of [what, weight] as one text of JSON.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final

import msgspec

from controllers.osc_feedback import OscFeedback
from controllers.osc_peers import Address, Asker, Peer
from controllers.osc_wire import Arg, pack_message
from engine.controls import Controls, Trigger, Value
from engine.errors import ControlError

TALK_S: Final = 600.0
"""For so long after it last spoke so a client hears it: the dialect has no subscription."""
MAX_TALKERS: Final = 16

INDEXED_STEPS: Final = 50
"""/t_list counts in these: 0 is the noisiest of fifty timesteps, 20 apart from 999 down."""
_FIRST_TIMESTEP: Final = 999

Plan = list[tuple[str, object]]
"""Controls and what they shall be set to, in this order."""
Understanding = Callable[[str, tuple[Arg, ...]], Plan]
"""Makes a plan of an address and its arguments. Raises `ControlError`."""


# incoming


def _only(address: str, args: tuple[Arg, ...]) -> Arg:
    if len(args) != 1:
        raise ControlError(f"{address} takes one value, not {len(args)}")
    return args[0]


def _to(name: str, *others: tuple[str, float]) -> Understanding:
    """Set the control `name`; `others` with it, for which the dialect has no word."""
    return lambda address, args: [(name, _only(address, args)), *others]


def _active(value: int) -> Understanding:
    def understand(address: str, args: tuple[Arg, ...]) -> Plan:
        # a button's release asks for nothing
        pressed = Trigger(address, "").coerce(args) is not None
        return [("paint/active", value)] if pressed else []

    return understand


def _timesteps(address: str, args: tuple[Arg, ...]) -> Plan:
    """As many steps as there are numbers; the first says how much noise the picture begins with."""
    if not args:
        raise ControlError(f"{address} takes 1 to 4 indexes into {INDEXED_STEPS} steps, not none")
    indexes: list[float] = []
    for arg in args:
        if isinstance(arg, bool) or not isinstance(arg, (int, float)) or arg != arg // 1:
            raise ControlError(f"{address} takes whole numbers from 0 to {INDEXED_STEPS - 1}")
        indexes.append(arg)
    noise = _FIRST_TIMESTEP - (_FIRST_TIMESTEP + 1) // INDEXED_STEPS * indexes[0]
    return [("paint/steps", len(indexes)), ("paint/strength", noise / _FIRST_TIMESTEP)]


def _decks(kind: type, example: str, first: str, second: str, mix: str) -> Understanding:
    """A JSON list of [what, weight]: the two heaviest go onto the decks, in the list's order.

    So two prompts that are faded into each other stay on their decks, whichever is heavier.
    """

    def understand(address: str, args: tuple[Arg, ...]) -> Plan:
        takes = f"{address} takes a JSON list of [what, weight], such as {example}"
        text = _only(address, args)
        if not isinstance(text, str):
            raise ControlError(takes)
        try:
            pairs = msgspec.json.decode(text, type=list[tuple[kind, float]])  # type: ignore[valid-type]
        except (msgspec.MsgspecError, RecursionError) as error:
            raise ControlError(f"{takes}; this is no such list") from error
        weights = [max(0.0, weight) for _, weight in pairs]
        heaviest = sorted(range(len(pairs)), key=lambda at: -weights[at])[:2]
        one, *other = sorted(heaviest) or [0]
        total = sum(weights[at] for at in heaviest)
        if not total > 0:
            raise ControlError(f"{takes}, with a weight above 0")
        plan: Plan = [(first, pairs[one][0])]
        plan += [(second, pairs[at][0]) for at in other]
        return [*plan, (mix, sum(weights[at] for at in other) / total)]

    return understand


_PROMPTS: Final = _decks(
    str, '[["sunrise", 0.7], ["storm", 0.3]]', "prompt/a", "prompt/b", "prompt/mix"
)
_SEEDS: Final = _decks(
    int | float,  # type: ignore[arg-type]  # as a type of msgspec's; which are whole, controls know
    "[[2, 0.7], [3, 0.3]]",
    "paint/seed",
    "paint/seed-b",
    "paint/seed-mix",
)

INCOMING: Final[dict[str, Understanding]] = {
    "/prompt": _to("prompt/a", ("prompt/mix", 0.0)),
    "/negative_prompt": _to("prompt/negative"),
    "/guidance_scale": _to("paint/guidance"),
    "/delta": _to("paint/delta"),
    "/seed": _to("paint/seed", ("paint/seed-mix", 0.0)),
    "/t_list": _timesteps,
    "/prompt_list": _PROMPTS,
    "/seed_list": _SEEDS,
    "/stop": _active(0),
    "/pause": _active(0),
    "/play": _active(1),
}
"""Address to what it means for our controls."""

OUTGOING: Final[dict[str, Callable[[Controls], Value]]] = {
    "/server_active": lambda _: 1,
    "/stream-info/fps": lambda controls: controls.get("painter/fps"),
    "/framecount": lambda controls: controls.get("painter/frames"),
}
"""Address to what is told there, once a second and when somebody begins to speak so."""


def understood(controls: Controls, address: str, args: tuple[Arg, ...]) -> Plan:
    """What a message in the dialect asks for, checked whole. Raises `ControlError`."""
    plan = INCOMING[address](address, args)
    for name, raw in plan:
        # all of it or nothing: a bad seed must not leave the other deck changed
        controls.parameter(name).coerce(raw)
    return plan


class Dialect:
    """StreamDiffusionTD's words beside our own: what they play, and who hears them.

    Heard by whoever spoke so, where it is answered, and by every --feedback target.
    """

    def __init__(self, feedback: OscFeedback) -> None:
        self._feedback = feedback
        self._controls = feedback.controls
        self._talkers: dict[Address, tuple[Peer, float]] = {}
        feedback.on_beat = self._beat

    def play(self, asker: Asker, address: str, args: tuple[Arg, ...]) -> None:
        """Do what a message asks for. Raises `ControlError`, and has then changed nothing."""
        for peer in asker.peers:
            self._listen_to(peer)
        for name, raw in understood(self._controls, address, args):
            self._controls.set(name, raw, asker)

    def _listen_to(self, peer: Peer) -> None:
        known = self._talkers.pop(peer.address, None)
        if len(self._talkers) >= MAX_TALKERS:
            del self._talkers[next(iter(self._talkers))]
        self._talkers[peer.address] = peer, self._feedback.clock() + TALK_S
        if known is None:
            self._tell([peer])

    def _beat(self) -> None:
        now = self._feedback.clock()
        self._talkers = {to: talker for to, talker in self._talkers.items() if talker[1] > now}
        hearing = {peer.address: peer for peer in self._feedback.book.kept()}
        hearing |= {address: peer for address, (peer, _) in self._talkers.items()}
        self._tell(hearing.values())

    def _tell(self, peers: Iterable[Peer]) -> None:
        for address, value in OUTGOING.items():
            packet = pack_message(address, value(self._controls))
            for peer in peers:
                self._feedback.send(peer, packet, address)
