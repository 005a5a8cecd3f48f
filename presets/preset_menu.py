"""The preset menu: what it lists, and what its keys do; also keys 1-9, which need no menu.

Plain functions make its rows of a snapshot and decide about keys; `PresetMenu` does what they say.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, Literal, Protocol

from engine.controls import Controls, Snapshot
from engine.lora_base import NAME_OF_BASE
from engine.menu import Cursor, Menu, MenuRow
from engine.overlay import clock_text
from presets.catalogue import Catalogue, Preset, Variant
from presets.models import ModelChoice
from presets.preset_controls import CURRENT, control
from presets.preset_states import FETCHING, PLAYABLE

ORIGIN: Final = "menu"
STEP: Final = 0.05
FINE_STEP: Final = 0.01

GROUPS: Final = {"acceleration": "acceleration", "style": "styles"}
"""What the groups are called, by kind, in their order."""
_MISFITS: Final = " for other models"
"""Stands behind a group's name where nothing of it fits: these groups follow all that do."""
_SAID: Final = ("absent", "installed", "cancelled")
"""States in which one that does not fit says what it is made for."""


class Listed(Protocol):
    """As `presets.preset_roster.Roster`; all of it may be asked from any thread."""

    model: ModelChoice

    @property
    def catalogue(self) -> Catalogue: ...
    def installed(self) -> list[str]: ...
    def stays(self, id: str) -> bool: ...


# what it lists


def menu_rows(
    values: Snapshot,
    ids: Sequence[str],
    numbered: Sequence[str],
    stays: Callable[[str], bool] = lambda _: False,
) -> tuple[MenuRow, ...]:
    """The presets `ids` as `values` tell of them: all that fits the running model, then the rest.

    Both by group. The first nine of `numbered` have the keys 1-9; what of an id is here comes with
    the program where it `stays`.
    """
    numbers = {id: number for number, id in enumerate(numbered[:9], 1)}
    known = [id for id in ids if control(id, "state") in values.values]
    rows = [_row(values, id, numbers.get(id, 0), stays(id)) for id in known]
    order = [*GROUPS.values(), *(f"{group}{_MISFITS}" for group in GROUPS.values())]
    return tuple(sorted(rows, key=lambda row: order.index(row.group)))


def _row(values: Snapshot, id: str, number: int, stays: bool) -> MenuRow:
    def told(aspect: str) -> str:
        return values.text(control(id, aspect))

    def amount(aspect: str) -> float:
        return values.number(control(id, aspect))

    state, fits, weight = told("state"), bool(amount("fits")), amount("weight")
    coming = state in FETCHING
    return MenuRow(
        id=id,
        name=told("name"),
        group=GROUPS[told("kind")] + _MISFITS * (not fits),
        number=number,
        fits=fits,
        state=state,
        note=_note(state, fits, told("base"), told("error")),
        size_mb=round(amount("total-mb"), 1),
        # whole percents, and 100 only of what is verified
        progress=int(amount("progress") * 100) / 100 if coming else None,
        received_mb=round(amount("mb"), 1) if coming else 0.0,
        rate=round(amount("rate"), 1) if coming else 0.0,
        eta_s=int(amount("eta")) if coming else 0.0,
        weight=round(weight, 2) if (fits and state in PLAYABLE) or weight else None,
        stays=stays,
    )


def _note(state: str, fits: bool, base: str, error: str) -> str:
    if not fits and state in _SAID:
        bases = base.split("/")
        return f"for {', '.join(NAME_OF_BASE.get(each, each) for each in bases)}"
    return error or state if state == "failed" else ""


def about(preset: Preset, variant: Variant | None) -> str:
    """What a preset is, whatever becomes of it; `variant` is what of it plays here."""
    told = [preset.description]
    if variant is not None:
        told += [
            f"adds {', '.join(variant.triggers)} to the prompt" if variant.triggers else "",
            f"licence {variant.license}" if variant.license else "",
        ]
    words = "; ".join(filter(None, told))
    return f"{preset.name}: {words}" if words else preset.name


def detail(values: Snapshot, row: MenuRow, misfit: str) -> str:
    """How one row stands, in full; `misfit` says why it cannot be played, where it does not fit."""
    error = values.text(control(row.id, "error"))
    if not row.fits and row.state in _SAID:
        return misfit
    if row.progress is None:
        return f"{row.id}: {error or row.state}"
    mirror = values.text(control(row.id, "mirror"))
    parts = [
        f"{row.state} from {mirror}" if mirror else row.state,
        f"{row.received_mb:.1f}{f' of {row.size_mb:.1f}' * bool(row.size_mb)} MB",
        f"{row.rate:.1f} MB/s" if row.rate else "",
        f"{clock_text(row.eta_s)} left" if row.eta_s else "",
    ]
    return f"{row.id}: {', '.join(filter(None, parts))}"


_WEIGHT: Final = ("left right", "weight")
_FETCH: Final = ("d", "fetch only")
_DELETE: Final = ("x", "delete")
_STOP: Final = ("c", "cancel")
_HINTS: Final[dict[str, tuple[tuple[str, str], ...]]] = {
    "absent": (("enter", "fetch and load"), _FETCH),
    "installed": (("enter", "load"), _WEIGHT, _DELETE),
    "loading": (("enter", "unload"), _WEIGHT),
    "active": (("enter", "unload"), _WEIGHT),
    "failed": (("enter", "try again"), _FETCH, _DELETE),
    "cancelled": (("enter", "fetch and load"), _FETCH),
    **dict.fromkeys(FETCHING, (("enter", "load when here"), _STOP)),
}

_ANSWERS: Final = (("x", "delete"), ("esc", "keep"))


def hints(row: MenuRow | None) -> tuple[tuple[str, str], ...]:
    """(keys, what they do) now, the needed first."""
    possible = row is not None and (row.fits or row.state not in _SAID)
    keys = _HINTS[row.state] if row is not None and possible else ()
    stays = row is not None and row.stays
    return (*(key for key in keys if not (stays and key is _DELETE)), ("esc", "close"))


# what its keys do


@dataclass(frozen=True, slots=True)
class State:
    """How the menu stands. `asking` is the id that x has asked about, "" for none."""

    open: bool = False
    everywhere: bool = False
    cursor: Cursor = field(default_factory=Cursor)
    asking: str = ""


@dataclass(frozen=True, slots=True)
class Wish:
    """What a key asks for; `amount` is a step of the weight, or a number of 1-9."""

    what: Literal["enter", "ride", "fetch", "cancel", "delete", "number", "say"]
    id: str = ""
    amount: float = 0.0
    text: str = ""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a key has led to. `taken`: it means nothing else."""

    state: State
    wish: Wish | None = None
    taken: bool = True


_MOVES: Final = {"up": -1, "down": 1}
_RIDES: Final = {"left": -1, "right": 1}
_ON_ROW: Final[dict[str, Literal["enter", "fetch", "cancel"]]] = {
    "return": "enter",
    "d": "fetch",
    "c": "cancel",
}
_OWN: Final = frozenset({*_MOVES, *_RIDES, *_ON_ROW, "x", "escape", "p", *"123456789"})


def pressed(state: State, key: str, repeat: bool, shift: bool, rows: Sequence[MenuRow]) -> Answer:
    """What a key does. While the menu asks whether to delete, its keys answer only that."""
    state = standing(state, rows)
    if key not in _OWN or not (state.open or key == "p" or key.isdigit()):
        return Answer(replace(state, asking=""), taken=False)
    if repeat and key not in _MOVES and key not in _RIDES:
        return Answer(state)
    if state.asking:
        wish = Wish("delete", state.asking) if key == "x" else None
        return Answer(replace(state, asking=""), wish)
    if key.isdigit():
        return Answer(state, Wish("number", amount=int(key)))
    if key == "escape" or (key == "p" and state.open and (state.everywhere or not shift)):
        return Answer(State(cursor=state.cursor))
    if key == "p":
        return Answer(replace(state, open=True, everywhere=shift))
    if key in _MOVES:
        return Answer(replace(state, cursor=state.cursor.moved(_MOVES[key], _ids(rows))))
    row = _selected(state, rows)
    if row is None:
        return Answer(state)
    if key in _RIDES:
        return Answer(state, Wish("ride", row.id, _RIDES[key] * (FINE_STEP if shift else STEP)))
    if key in _ON_ROW:
        return Answer(state, Wish(_ON_ROW[key], row.id))
    if reason := _undeletable(row):
        return Answer(state, Wish("say", row.id, text=reason))
    return Answer(replace(state, asking=row.id))


def standing(state: State, rows: Sequence[MenuRow]) -> State:
    """The same with the rows of now: the selection goes with its id, a question only with both."""
    state = replace(state, cursor=state.cursor.among(_ids(rows)))
    row = _selected(state, rows)
    asks = row is not None and row.id == state.asking and not _undeletable(row)
    return state if asks else replace(state, asking="")


def _ids(rows: Sequence[MenuRow]) -> list[str]:
    return [row.id for row in rows]


def _selected(state: State, rows: Sequence[MenuRow]) -> MenuRow | None:
    return next((row for row in rows if row.id == state.cursor.id), None)


def _undeletable(row: MenuRow) -> str:
    """Why it cannot be deleted now; "" where it can be asked for."""
    if row.stays:
        return f"{row.id} comes with the program and stays"
    if row.state in ("loading", "active"):
        return f"{row.id} is in the mix; unload it first"
    if row.progress is not None:
        return f"{row.id} is being downloaded; cancel that first"
    if row.state == "absent" and row.fits:
        return f"{row.id} is not on this disk; there is nothing to delete"
    return ""


def entering(target: float, live: float, state: str) -> Literal["load", "unload"]:
    """What enter does to a preset that is sent to a weight, is at one, and is in a state."""
    comes = bool(target) or (state == "loading" and not live)
    return "unload" if comes else "load"


class PresetMenu:
    """The menu of a show.

    `press` belongs to the conductor's thread and raises `ArtflowError` where what was asked cannot
    be; `shown` may be called from any thread. `notice` shows one line to the performer.
    """

    def __init__(
        self, controls: Controls, roster: Listed, notice: Callable[[str], None] = lambda _: None
    ) -> None:
        self._controls, self._roster, self._notice = controls, roster, notice
        self._state = State()

    def press(self, key: str, repeat: bool = False, shift: bool = False) -> bool:
        """Do what the key means here; whether it means something here, and so nothing else."""
        before, rows = self._state, self._rows(self._controls.snapshot)
        answer = pressed(before, key, repeat, shift, rows)
        self._state = answer.state
        if answer.state.open and not before.open:
            self._begin_at(str(self._controls.get(CURRENT)), rows)
        if answer.wish is not None:
            self._do(answer.wish)
        return answer.taken

    def shown(self, values: Snapshot) -> Menu | None:
        """What the menu shows of a committed snapshot; None while it is closed."""
        state = self._state
        if not state.open:
            return None
        rows = self._rows(values)
        state = standing(state, rows)
        row = _selected(state, rows)
        question = f"delete {state.asking}? x again deletes, any other key keeps it"
        return Menu(
            title="Presets",
            subtitle=f"for {values.text('painter/model')}",
            rows=rows,
            selected=state.cursor.id,
            question=question if state.asking else "",
            about=self._about(row),
            detail=detail(values, row, self._misfit(row)) if row else "there are no presets yet",
            keys=_ANSWERS if state.asking else hints(row),
            everywhere=state.everywhere,
        )

    def _about(self, row: MenuRow | None) -> str:
        preset = self._roster.catalogue.get(row.id) if row else None
        return about(preset, preset.variant(self._roster.model.base)) if preset else ""

    def _misfit(self, row: MenuRow) -> str:
        catalogue, model = self._roster.catalogue, self._roster.model
        preset = catalogue.get(row.id)
        if row.fits or preset is None:
            return ""
        return catalogue.misfit(preset, preset.bases, model.base, model.id)

    def _rows(self, values: Snapshot) -> tuple[MenuRow, ...]:
        roster = self._roster
        return menu_rows(values, roster.catalogue.ids(), roster.installed(), roster.stays)

    def _begin_at(self, current: str, rows: Sequence[MenuRow]) -> None:
        """Where one opens it: at the style that plays, or else at the first that could."""
        styles = [row for row in rows if row.fits and row.group == GROUPS["style"]]
        here = [row for row in styles if row.number]
        id = current or next((row.id for row in (*here, *styles)), "")
        self._state = replace(self._state, cursor=Cursor(id).among(_ids(rows)))

    def _do(self, wish: Wish) -> None:
        if wish.what == "ride":
            self._ride(wish.id, wish.amount)
        elif wish.what == "number":
            self._load_number(int(wish.amount))
        elif wish.what == "enter":
            name = control(wish.id, "weight")
            live = self._controls.snapshot.number(name)
            target = float(self._controls.get(name))
            state = str(self._controls.get(control(wish.id, "state")))
            self._fire(entering(target, live, state), wish.id)
        elif wish.what == "say":
            self._notice(wish.text)
        else:
            self._fire("download" if wish.what == "fetch" else wish.what, wish.id)

    def _fire(self, trigger: str, id: str) -> None:
        self._controls.fire(f"preset/{trigger}", (id,), ORIGIN)

    def _ride(self, id: str, by: float) -> None:
        """Move a weight from where it is heading, staying on whole steps."""
        name = control(id, "weight")
        whole = round((float(self._controls.get(name)) + by) / abs(by))
        self._controls.set(name, round(whole * abs(by), 6), ORIGIN)

    def _load_number(self, number: int) -> None:
        ids = self._roster.installed()
        if number > len(ids):
            here = f"installed: {', '.join(ids)}" if ids else "no style is installed"
            self._notice(f"key {number} has no style; {here}")
            return
        self._fire("load", ids[number - 1])
        self._notice(f"{number}: {self._controls.get(control(ids[number - 1], 'name'))}")
