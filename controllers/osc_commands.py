"""Asking over OSC: the addresses under /artflow/ that are no controls, as two tables."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from controllers.osc_feedback import PREFIX, wire_value
from controllers.osc_patterns import Pattern
from controllers.osc_peers import Asker
from controllers.osc_wire import Arg, OscMessage
from engine.controls import MAX_TEXT_BYTES, Parameter, Trigger
from engine.errors import ControlError

if TYPE_CHECKING:
    from controllers.osc_session import OscSession

_ASK: Final = ("?",)


def only(name: str, args: tuple[Arg, ...], text: bool = False) -> Arg:
    """The one argument that a value is set with.

    For a free `text` several are joined by spaces: Max sends a sentence as its words.
    """
    if text and len(args) > 1 and any(isinstance(arg, str) for arg in args):
        return " ".join(_word(name, arg) for arg in args)
    if len(args) != 1:
        raise ControlError(f"{name} takes one value, not {len(args)}; ? asks for it")
    return args[0]


def _word(name: str, arg: Arg) -> str:
    if isinstance(arg, str):
        return arg
    if isinstance(arg, bool) or not isinstance(arg, (int, float)):
        raise ControlError(f"{name} takes text, or several words and numbers that make one")
    return f"{arg:g}" if isinstance(arg, float) else str(arg)


def _pattern(args: tuple[Arg, ...], command: str) -> Pattern | None:
    """The pattern of names that a command was given; None for every name."""
    if not args:
        return None
    if len(args) > 1 or not isinstance(args[0], str):
        raise ControlError(f"{command} takes one pattern of names, such as paint/*")
    return Pattern(args[0].removeprefix(PREFIX))


def _get(session: OscSession, asker: Asker, args: tuple[Arg, ...]) -> None:
    pattern = _pattern(args, "get")
    found = [p for p in session.controls.parameters() if pattern is None or pattern.matches(p.name)]
    if not found:
        asked = pattern.text if pattern else ""
        raise ControlError(f"no parameter matches {asked[:100]!r}; * stops at /, try paint/*")
    for parameter in found:
        session.feedback.answer(asker, parameter)


def _list(session: OscSession, asker: Asker, args: tuple[Arg, ...]) -> None:
    pattern = _pattern(args, "list")
    count = 0
    controls = session.controls
    entries: list[Parameter | Trigger] = [*controls.parameters(), *controls.triggers()]
    for entry in entries:
        if pattern is not None and not pattern.matches(entry.name):
            continue
        count += 1
        session.feedback.reply(asker, PREFIX + "list/item", entry.name, *_described(entry))
        if isinstance(entry, Parameter) and entry.choices is not None:
            choices = map(str, entry.choices)
            session.feedback.reply(asker, PREFIX + "list/choices", entry.name, *choices)
    session.feedback.reply(asker, PREFIX + "list/end", count)


def _described(entry: Parameter | Trigger) -> tuple[str, str, str, str]:
    """Type, min, max and default, all as text; of a trigger only that it is one."""
    if isinstance(entry, Trigger):
        return "trigger", "", "", ""
    default = wire_value(entry, entry.default)
    shown = f"{default:g}" if isinstance(default, float) else str(default)
    if entry.choices is not None and entry.kind == "s":
        # numbers are taken as an index
        return entry.kind, "0", str(len(entry.choices) - 1), shown
    if entry.choices is not None:
        low, high = min(map(int, entry.choices)), max(map(int, entry.choices))
        return entry.kind, str(low), str(high), shown
    return entry.kind, _bound(entry.low), _bound(entry.high), shown


def _bound(limit: float | None) -> str:
    if limit is None:
        return ""
    return str(int(limit)) if limit == int(limit) else f"{limit:g}"


def _subscribe(session: OscSession, asker: Asker, args: tuple[Arg, ...]) -> None:
    rest = list(args)
    port = _number(rest)
    max_hz = _number(rest)
    if port is not None and (port != int(port) or not 0 <= port <= 65535):
        raise ControlError(f"subscribe takes a port of 1 to 65535, not {port:g}")
    if max_hz is not None and max_hz < 0:
        raise ControlError(f"subscribe takes a max-hz above 0, not {max_hz:g}")
    try:
        pattern = _pattern(tuple(rest), "subscribe")
    except ControlError as error:
        raise ControlError(f"subscribe takes [port] [max-hz] [pattern]: {error}") from None
    # 0 is what a tool sends that must fill every slot: as if it were left out
    named = int(port) if port else None
    book = session.feedback.book
    renewed = book.leases(asker.sender, named, pattern)
    peer = book.subscribe(
        asker.sender,
        named,
        pattern,
        max(0.01, max_hz) if max_hz else None,
        session.feedback.clock(),
    )
    # whoever renews has been told, and is kept current; what is new to it goes out all the same
    session.feedback.send_current(peer, pattern, asker, only_news=renewed)
    names = (parameter.name for parameter in session.controls.parameters())
    if pattern is not None and not any(map(pattern.matches, names)):
        # it stays: a preset that is copied in later brings its controls with it
        text = f"no parameter matches {pattern.text[:100]!r} now; * stops at /, try paint/*"
        session.feedback.complain(asker.peers, PREFIX + "subscribe", text)


def _number(rest: list[Arg]) -> float | int | None:
    """Take a number from the front, if there is one."""
    match rest:
        case [bool(), *_]:
            return None
        case [int() | float() as number, *_] if math.isfinite(number):
            del rest[0]
            return number
    return None


def _unsubscribe(session: OscSession, asker: Asker, args: tuple[Arg, ...]) -> None:
    rest = list(args)
    port = _number(rest)
    if rest:
        raise ControlError("unsubscribe takes nothing, or the port that was subscribed")
    session.feedback.book.unsubscribe(asker.sender, int(port) if port else None)


def _ping(session: OscSession, asker: Asker, args: tuple[Arg, ...]) -> None:
    session.feedback.reply(asker, PREFIX + "pong", *args)


def _request(session: OscSession, asker: Asker, args: tuple[Arg, ...]) -> None:
    if len(args) < 2 or isinstance(args[0], bool) or not isinstance(args[0], (str, int)):
        raise ControlError("request takes an id, a control's name, then that control's arguments")
    request_id, target = str(args[0]), args[1]
    if not isinstance(target, str) or len(request_id.encode()) > MAX_TEXT_BYTES:
        raise ControlError(f"request takes an id of at most {MAX_TEXT_BYTES} bytes and a name")
    if target.removeprefix(PREFIX) == "request":
        raise ControlError("a request cannot carry a request")
    session.request(asker, request_id, target, args[2:])


def asks(message: OscMessage) -> bool:
    """Whether a message is sure to be answered, apart from errors."""
    return message.args == _ASK or message.address in _ASKING


Command = Callable[["OscSession", Asker, tuple[Arg, ...]], None]

COMMANDS: Final[dict[str, Command]] = {
    "get": _get,
    "list": _list,
    "subscribe": _subscribe,
    "unsubscribe": _unsubscribe,
    "ping": _ping,
    "request": _request,
}
"""Name under /artflow/ to what it does. All raise `ControlError` on wrong arguments."""

_ASKING: Final = frozenset(PREFIX + name for name in COMMANDS) - {PREFIX + "unsubscribe"}


def _normalized(
    session: OscSession, asker: Asker, parameter: Parameter, args: tuple[Arg, ...]
) -> None:
    name = parameter.name
    if args == _ASK:
        amount = parameter.normalized(session.controls.get(name))
        session.feedback.reply(asker, f"{PREFIX}{name}/normalized", amount)
        return
    raw = only(f"{name}/normalized", args)
    session.controls.set_normalized(name, raw, asker)
    if isinstance(raw, (int, float)) and not 0 <= raw <= 1:
        session.feedback.force(asker, name)


def _reset(session: OscSession, asker: Asker, parameter: Parameter, args: tuple[Arg, ...]) -> None:
    name = parameter.name
    if Trigger(f"{name}/reset", "").coerce(args) is None:
        return
    session.controls.reset(name, asker)
    # it asked for a value without knowing which
    session.feedback.force(asker, name)


def _index(session: OscSession, asker: Asker, parameter: Parameter, args: tuple[Arg, ...]) -> None:
    name = parameter.name
    if parameter.choices is None:
        raise ControlError(f"{name} is not enumerated and has no index")
    if args != _ASK:
        raise ControlError(f"{name}/index only tells; a number sent to {name} sets by index")
    value = session.controls.get(name)
    session.feedback.reply(asker, f"{PREFIX}{name}/index", parameter.choices.index(value))


Aspect = Callable[["OscSession", Asker, Parameter, tuple[Arg, ...]], None]

ASPECTS: Final[dict[str, Aspect]] = {
    "normalized": _normalized,
    "reset": _reset,
    "index": _index,
}
"""What stands behind a parameter's own address: /artflow/NAME/ASPECT."""
