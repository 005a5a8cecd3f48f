"""Learning: say what shall be played, move a knob, and it plays it.

`Learn` answers `midi/learn`, `midi/learn-cancel`, `midi/learn-undo` and `midi/forget`. While it
learns it takes what comes from the devices, so that nothing else plays meanwhile; 300 ms after the
first move the knob that moved most has the control. It plays from then on; the file of its device
says so a moment later.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from typing import Final

import mido

from controllers.midi_candidates import Candidate, Moves
from controllers.midi_learned import UNDO, Edit, Forgotten, Learned, TakenBack, Taught
from controllers.midi_learned_keeper import ORIGIN
from controllers.midi_map import DeviceMap, Feedback, Mapping, Note, Program, is_switch
from controllers.midi_map_sense import sensible
from controllers.midi_map_text import source_name
from engine.controls import Change, Controls, Parameter, Trigger, Value
from engine.errors import ArtflowError, ControlError

COLLECT_S: Final = 0.3
"""So long after the first move the others are listened to as well."""

UNSURE_S: Final = 1.0
"""So long, where one message alone does not tell a button from a knob or an encoder."""

GIVE_UP_S: Final = 60.0
"""Learning ends by itself where nothing moves: nobody wants to be surprised an hour later."""

_FIRST: Final = "paint/strength"
_OURS: Final = "midi/"

_Saved = Callable[[DeviceMap], None]
_Keep = Callable[[Edit | TakenBack], None]
_Notice = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Wish:
    """What the next knob shall play: a parameter, or a trigger with its arguments."""

    to: str
    arguments: tuple[Value, ...] = ()

    @property
    def text(self) -> str:
        return " ".join([self.to, *map(str, self.arguments)])


def read_wish(text: str, controls: Controls) -> Wish:
    """What `text` names, such as "paint/strength" or "preset/load anime".

    Raises `ControlError` where there is no such control, or none that can be played.
    """
    to, _, rest = text.strip().partition(" ")
    if controls.is_trigger(to):
        trigger = controls.trigger(to)
        arguments = tuple(map(_value, _words(trigger, rest.strip())))
        if arguments:
            trigger.coerce(arguments)
        return Wish(to, arguments)
    parameter = controls.parameter(to)
    if parameter.read_only:
        raise ControlError(f"{to} is a reported value and cannot be played")
    if rest.strip():
        raise ControlError(f"{to} is a value; learn it by its name alone")
    if not parameter.bounded:
        raise ControlError(
            f"{to} has no range to turn a knob over; a map can set it: see docs/MIDI.md"
        )
    return Wish(to)


def _words(trigger: Trigger, rest: str) -> list[str]:
    # a lone text may have spaces in it
    return [rest] if trigger.arguments in ("s", "[s") and rest else rest.split()


def _value(word: str) -> Value:
    for kind in (int, float):
        try:
            return kind(word)
        except ValueError:
            continue
    return word


def mapping_of(candidate: Candidate, wish: Wish, controls: Controls) -> Mapping:
    """The mapping of what moved to what was wished for.

    Pads and buttons light up with what they do, the rings of encoders show the value. Raises
    `ControlError` where this cannot play that.
    """
    source = candidate.source
    if isinstance(source, Program) and wish.arguments == () and _wants_number(wish, controls):
        source = Program(None, source.channel)
    mapping = Mapping(source, wish.to, arguments=wish.arguments)
    channel = source.channel
    match candidate.sort:
        case "pad" if isinstance(source, Note):
            lights = (Feedback(note=source.number, channel=channel),)
            mapping = replace(mapping, feedback=lights)
        case "button" | "encoder":
            number = getattr(source, "number", 0)
            show: Feedback = Feedback(cc=number, channel=channel)
            if candidate.sort == "encoder":
                show = replace(show, show="value")
            mapping = replace(mapping, feedback=(show,))
            if candidate.sort == "button" and not _switches(wish, controls):
                mapping = replace(mapping, mode="momentary")
        case _:
            pass
    target: Parameter | Trigger = (
        controls.trigger(wish.to) if controls.is_trigger(wish.to) else controls.parameter(wish.to)
    )
    for _, problem in sensible(mapping, target):
        raise ControlError(f"{source_name(source)} cannot play {wish.text}: {problem}")
    return mapping


def _switches(wish: Wish, controls: Controls) -> bool:
    """Whether a button knows by itself what to do: toggle, or fire."""
    return controls.is_trigger(wish.to) or is_switch(controls.parameter(wish.to))


def _wants_number(wish: Wish, controls: Controls) -> bool:
    """Whether a program's number says what to do, rather than that something shall be done."""
    if not controls.is_trigger(wish.to):
        return True
    return bool(controls.trigger(wish.to).arguments.partition("[")[0])


@dataclass
class _Session:
    """One wish, from when on, and what moved since. `ends_s` is None while nothing has."""

    wish: Wish
    began_s: float
    moves: Moves = field(default_factory=Moves)
    devices: dict[str, str] = field(default_factory=dict)
    first_s: float = 0.0
    ends_s: float | None = None


class Learn:
    """Learns mappings, takes them back, forgets them.

    `learned` is what was learned before. `saved` is handed each device whose learned mappings
    changed, as they are now (perhaps none), and `keep` what changed, to be written down. `notice`
    shows the performer a line; what goes wrong is reported to whoever asked. `wake` is called when
    `tick` has something new to do. Times are seconds of `clock`.
    """

    def __init__(
        self,
        controls: Controls,
        learned: Iterable[DeviceMap],
        keep: _Keep,
        saved: _Saved,
        notice: _Notice = lambda _: None,
        wake: Callable[[], None] = lambda: None,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        self._controls = controls
        self._learned = Learned(learned)
        self._keep = keep
        self._saved = saved
        self._notice = notice
        self._wake = wake
        self._clock = clock
        self._session: _Session | None = None
        self._last = _FIRST
        self._stop_listening = controls.listen(self._changed)
        controls.on("midi/learn", self._asked)
        controls.on("midi/learn-cancel", lambda *_: self.cancel())
        controls.on("midi/learn-undo", lambda *_: self._undo())
        controls.on("midi/forget", self._forget)

    def close(self) -> None:
        """Learn no longer."""
        self._end()
        self._stop_listening()

    @property
    def learning(self) -> bool:
        return self._session is not None

    def start(self, text: str = "") -> None:
        """Learn `text`, or the control that changed last.

        Raises `ControlError` where it cannot be learned.
        """
        wish = read_wish(text or self._last, self._controls)
        self._session = _Session(wish, self._clock())
        self._controls.publish("midi/candidate", "")
        self._controls.publish("midi/learning", wish.text)
        self._notice(f"learning {wish.text}: move a knob (up, down: another; esc: none)")
        self._wake()

    def cancel(self) -> None:
        """Learn nothing after all."""
        if self._session is not None:
            self._end()
            self._notice("learned nothing")

    def key(self, key: str, repeat: bool = False, shift: bool = False) -> bool:
        """A key of the keyboard; whether it meant something while learning."""
        if self._session is None or shift:
            return False
        match key:
            case "escape" | "l":
                if not repeat:
                    self.cancel()
            case "up" | "down":
                self._step(-1 if key == "up" else 1)
            case _:
                return False
        return True

    def hear(self, label: str, device_id: str, message: mido.Message, at_s: float) -> bool:
        """A message of a device, whose port is called `label`; True where it is kept from playing.

        The end of a press that began before goes its way.
        """
        session = self._session
        if session is None or not session.moves.take(label, message, at_s):
            return False
        session.devices[label] = device_id
        if session.ends_s is None:
            session.first_s = at_s
            session.ends_s = at_s + COLLECT_S
        self._wake()  # to compare what moved: once for all that came together
        return True

    def tick(self, at_s: float) -> float | None:
        """Finish what is due; returns when to be called next, None if only after a `wake`."""
        session = self._session
        if session is None:
            return None
        gives_up_s = session.began_s + GIVE_UP_S
        if session.ends_s is not None:
            found = session.moves.candidates()
            if found:
                self._controls.publish("midi/candidate", found[0].text)
            if at_s < session.ends_s:
                return session.ends_s
            unsure_s = session.first_s + UNSURE_S
            if at_s < unsure_s and found and not found[0].sure:
                session.ends_s = unsure_s
                return unsure_s
            if found and found[0].moved > 0:
                self._end()
                self._try("midi/learn", ORIGIN, lambda: self._take(session, found[0]))
                return None
            # a lone bank select, or a knob that said once where it stands: wait for a real move
            session.moves, session.ends_s = Moves(), None
        if at_s < gives_up_s:
            return gives_up_s
        self._end()
        self._notice(f"nothing moved; {session.wish.text} is as it was")
        return None

    def _take(self, session: _Session, candidate: Candidate) -> None:
        mapping = mapping_of(candidate, session.wish, self._controls)
        self._change(Taught(session.devices[candidate.port], candidate.port, mapping))
        self._notice(f"{candidate.text} plays {session.wish.text}")

    def _change(self, edit: Edit) -> bool:
        """Play it and have it kept; False where it changes nothing."""
        changed = self._learned.change(edit)
        for device in changed:
            self._saved(device)
        if changed:
            self._keep(edit)
        return bool(changed)

    def _undo(self) -> None:
        changed = self._learned.undo()
        for device in changed:
            self._saved(device)
        if changed:
            self._keep(UNDO)
        self._notice("taken back" if changed else "nothing learned to take back")

    def _forget(self, arguments: tuple[Value, ...], origin: object) -> None:
        def forget() -> None:
            wish = read_wish(str(arguments[0]), self._controls)
            if not self._change(Forgotten(wish.to, wish.arguments)):
                raise ControlError(
                    f"nothing that was learned plays {wish.text}; "
                    "what a map file says is changed in the file"
                )
            self._notice(f"forgot what plays {wish.text}")

        self._try("midi/forget", origin, forget)

    def _asked(self, arguments: tuple[Value, ...], origin: object) -> None:
        self._try("midi/learn", origin, lambda: self.start(str(arguments[0]) if arguments else ""))

    def _try(self, address: str, origin: object, act: Callable[[], None]) -> None:
        try:
            act()
        except ArtflowError as error:
            self._controls.report(address, str(error), origin)

    def _step(self, by: int) -> None:
        """Learn the parameter after or before the one that is wished for."""
        names = [
            parameter.name
            for parameter in self._controls.parameters()
            if parameter.bounded
            and not parameter.read_only
            and not parameter.name.startswith(_OURS)
        ]
        session = self._session
        if session is None or not names:
            return
        now = session.wish.to
        at = names.index(now) + by if now in names else 0
        self.start(names[at % len(names)])

    def _changed(self, change: Change) -> None:
        parameter = change.parameter
        if not parameter.bounded or parameter.read_only or parameter.name.startswith(_OURS):
            return
        if parameter.name == "tempo/bpm" and self._controls.get("tempo/source") != "internal":
            return  # another clock moves it all the time
        self._last = parameter.name

    def _end(self) -> None:
        self._session = None
        self._controls.publish("midi/learning", "")
        self._controls.publish("midi/candidate", "")
