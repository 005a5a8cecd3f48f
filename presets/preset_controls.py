"""The controls of presets: the rows that do not change, and those that each preset brings.

Presets come while the show runs (a file copied in by hand), so their rows are made from a template
when they come; a control once declared stays, since somebody may hold its name.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from engine.controls import Parameter, Trigger, Value
from engine.errors import ControlError
from engine.id_trigger import IdTrigger, numbered
from engine.option_readers import shown
from engine.parameters import RIDE_S
from presets.catalogue import KINDS, Preset
from presets.preset_states import STATES

WEIGHT_LIMIT: Final = 2.0
MAX_FADE_S: Final = 60.0

MIX: Final = "preset/mix"
FADE: Final = "preset/fade"
CURRENT: Final = "preset/current"
DECKS: Final = {"preset/deck-a": "a", "preset/deck-b": "b"}
DECK_FADES: Final = {name: f"{name}-fade" for name in DECKS}


@dataclass(frozen=True)
class DeckParameter(Parameter):
    """What is on a deck: an id, or its number among `ids`."""

    ids: Callable[[], Sequence[str]] = field(default=tuple, compare=False, repr=False)

    def coerce(self, raw: object) -> Value:
        """As any text; raises `ControlError` also where there is no such preset."""
        if isinstance(raw, (int, float)):
            raw = numbered(raw, self.ids())
        return super().coerce(raw)


PARAMETERS: Final = (
    Parameter(
        MIX,
        "f",
        0.0,
        "crossfader between the presets on decks a and b",
        low=0.0,
        high=1.0,
        slew=RIDE_S,
    ),
    Parameter(
        FADE,
        "f",
        0.5,
        "default fade of preset/load",
        low=0.0,
        high=MAX_FADE_S,
        unit="s",
        moment=True,
    ),
    Parameter(CURRENT, "s", "", "the style with the largest weight", read_only=True),
    *(
        DeckParameter(
            name, "s", "", f'the preset on deck {deck} ("": none), as preset/{deck} puts it'
        )
        for name, deck in DECKS.items()
    ),
    *(
        Parameter(
            DECK_FADES[name],
            "f",
            1.0,
            f"how far the last change of deck {deck} has come",
            low=0.0,
            high=1.0,
            read_only=True,
        )
        for name, deck in DECKS.items()
    ),
)

_LOAD: Final = (
    "fade this preset in and other styles out; fetches it first if absent; the newest load wins"
)
_ROWS: Final = (
    # name, arguments, help; the first text argument is a preset's id
    ("load", "s[f", _LOAD),
    ("bring", "sf[f", "as load, but to this weight, and no other leaves"),
    ("stage", "s", "have the painter read this preset's file, so that it comes in at once"),
    ("unload", "s[f", "fade this preset out"),
    ("clear", "", "fade every style out"),
    ("next", "", "load the next installed style"),
    ("previous", "", "load the installed style before this one"),
    ("a", "s[f", 'put a preset on deck a ("" empties it), in so many seconds'),
    ("b", "s[f", 'put a preset on deck b ("" empties it), in so many seconds'),
    ("download", "s[i", "fetch without loading; the number is the mirror to try first, from 0"),
    ("cancel", "s", "stop a download; what arrived is kept for resuming"),
    ("delete", "s", "remove the file (not while it is in the mix)"),
    ("rescan", "", "look for files copied in by hand, and read the catalogues again"),
)


def fixed_rows(
    check: Callable[[str], object], ids: Callable[[], Sequence[str]]
) -> tuple[Parameter, ...]:
    """`PARAMETERS`, where a deck takes what `check` does not refuse, or a number among `ids`."""
    return tuple(
        replace(row, check=check, ids=ids) if isinstance(row, DeckParameter) else row
        for row in PARAMETERS
    )


@dataclass(frozen=True)
class WeightParameter(Parameter):
    """A preset's weight. `refusal` says why it cannot be in the mix now, "" where it can."""

    refusal: Callable[[], str] = field(default=str, compare=False, repr=False)

    def coerce(self, raw: object) -> Value:
        """As any parameter; raises `ControlError` also where the preset cannot be played."""
        value = super().coerce(raw)
        if value and (refusal := self.refusal()):
            raise ControlError(refusal)
        return value


def triggers(ids: Callable[[], Sequence[str]]) -> tuple[Trigger, ...]:
    """The triggers; `ids` gives those of all presets in the order of the list."""
    return tuple(
        IdTrigger(f"preset/{name}", help, arguments, ids)
        if arguments
        else Trigger(f"preset/{name}", help)
        for name, arguments, help in _ROWS
    )


def control(id: str, aspect: str) -> str:
    """The name of a preset's control, such as `preset/anime/weight`."""
    return f"preset/{id}/{aspect}"


DOWNLOADED: Final = (
    # aspect, kind, help, unit
    ("progress", "f", "share of {name} that has arrived; 1 once it is verified", ""),
    ("mb", "f", "of {name} that has arrived", "MB"),
    ("total-mb", "f", "size of {name}", "MB"),
    ("rate", "f", "how fast {name} arrives", "MB/s"),
    ("eta", "f", "until {name} is here", "s"),
    ("mirror", "s", "where {name} comes from", ""),
    ("error", "s", "why {name} failed", ""),
)
"""What is told of every download, a preset's or a model's."""

_REPORTED: Final = (
    # aspect, kind, help, unit, choices
    ("state", "s", "what becomes of {name}", "", STATES),
    ("name", "s", "what {name} is called", "", None),
    ("kind", "s", "a style, or the acceleration beside it", "", KINDS),
    ("base", "s", "the kind of base model that {name} plays on", "", None),
    ("fits", "i", "1: {name} loads on the running model", "", None),
    *((*row, None) for row in DOWNLOADED),
)
_DEFAULTS: Final[dict[str, Value]] = {"f": 0.0, "i": 0, "s": ""}


def rows(preset: Preset, refusal: Callable[[], str]) -> tuple[Parameter, ...]:
    """The parameters of one preset."""
    weight = WeightParameter(
        control(preset.id, "weight"),
        "f",
        0.0,
        f"share of {shown(preset.name)} in the mix; of an installed preset",
        low=-WEIGHT_LIMIT,
        high=WEIGHT_LIMIT,
        slew=RIDE_S,
        refusal=refusal,
    )
    reported = (
        Parameter(
            control(preset.id, aspect),
            kind,
            choices[0] if choices else _DEFAULTS[kind],
            help.format(name=preset.id),
            unit=unit,
            choices=choices,
            read_only=True,
        )
        for aspect, kind, help, unit, choices in _REPORTED
    )
    return (weight, *reported)
