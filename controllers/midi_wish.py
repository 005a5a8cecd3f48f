"""What shall be learned: a control that somebody named, and the mapping of a knob to it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from controllers.midi_candidates import Candidate
from controllers.midi_map import Feedback, Mapping, Note, Program, is_switch
from controllers.midi_map_sense import played_by_number, sensible
from controllers.midi_map_text import source_name
from engine.controls import Controls, Parameter, Trigger, Value
from engine.errors import ControlError


@dataclass(frozen=True, slots=True)
class Wish:
    """What the next knob shall play: a parameter, or a trigger with its arguments."""

    to: str
    arguments: tuple[Value, ...] = ()

    @property
    def text(self) -> str:
        return " ".join([self.to, *map(str, self.arguments)])


def read_wish(said: Sequence[Value], controls: Controls) -> Wish:
    """What somebody said, such as "paint/strength", "preset/load anime" or the same as two words.

    Raises `ControlError` where there is no such control, or none that can be played so.
    """
    to, _, rest = str(said[0]).strip().partition(" ")
    if controls.is_trigger(to):
        trigger = controls.trigger(to)
        alone = len(said) == 1
        arguments = (*map(_value, _words(trigger, rest.strip(), alone)), *said[1:])
        if arguments and not trigger.arguments:
            raise ControlError(f"{to} takes nothing; learn it by its name alone")
        if arguments:
            trigger.coerce(arguments)
        return Wish(to, arguments)
    parameter = controls.parameter(to)
    if parameter.read_only:
        raise ControlError(f"{to} is a reported value and cannot be played")
    if rest.strip() or said[1:]:
        raise ControlError(f"{to} is a value; learn it by its name alone")
    if not parameter.bounded:
        raise ControlError(
            f"{to} has no range to turn a knob over; a map can set it: see docs/MIDI.md"
        )
    return Wish(to)


def see_complete(wish: Wish, controls: Controls) -> None:
    """Raise `ControlError` where a pad could not play it, for want of arguments."""
    if not controls.is_trigger(wish.to) or wish.arguments:
        return
    if not played_by_number(controls.trigger(wish.to), Note(0)):
        raise ControlError(
            f"{wish.to} needs to know what; allowed: midi/learn {wish.to} NAME; a map can play it "
            "by the number of a program change, see docs/MIDI.md"
        )


def doubt(wish: Wish, controls: Controls) -> str:
    """Why the wish, as it stands, may do nothing; "" where nothing speaks against it."""
    if not controls.is_trigger(wish.to) or not wish.arguments:
        return ""
    return controls.trigger(wish.to).doubt(wish.arguments)


def _words(trigger: Trigger, rest: str, alone: bool) -> list[str]:
    # a lone text may have spaces in it
    lone = alone and trigger.arguments in ("s", "[s")
    return [rest] if lone and rest else rest.split()


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
