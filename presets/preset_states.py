"""What a preset's state is, and what the mix is: decisions on values, without a clock or a task."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal, get_args

from presets.catalogue import Kind
from presets.wanted import State as Fetched

State = Literal[
    "absent",
    "queued",
    "resolving",
    "downloading",
    "verifying",
    "installed",
    "loading",
    "active",
    "failed",
    "cancelled",
]
STATES: Final[tuple[State, ...]] = get_args(State)

FETCHING: Final[frozenset[State]] = frozenset({"queued", "resolving", "downloading", "verifying"})
PLAYABLE: Final[frozenset[State]] = frozenset({"installed", "loading", "active"})
_FETCHED: Final[frozenset[State]] = frozenset({"installed", "failed", "cancelled"})

LEGAL: Final[Mapping[State, frozenset[State]]] = {
    # a file comes and goes by hand, too, and the running model decides which one is meant
    "absent": frozenset({"queued", "installed", "loading", "failed"}),
    # absent: what has arrived was for the model before
    **{state: (FETCHING - {state, "queued"}) | _FETCHED | {"absent"} for state in FETCHING},
    "installed": frozenset({"loading", "queued", "absent", "failed"}),
    "loading": frozenset({"active", "installed", "queued", "absent", "failed"}),
    "active": frozenset({"loading", "installed", "queued", "absent", "failed"}),
    "failed": frozenset({"queued", "installed", "absent"}),
    "cancelled": frozenset({"queued", "installed", "absent", "failed"}),
}
"""Which state may follow which."""


@dataclass(frozen=True, slots=True)
class Facts:
    """All that a preset's state follows from.

    `fetching` is its download's state, None while there is none; `ended` how the last one ended, or
    that the painter refused the file, until it is asked for again. `here`: its file for the running
    model is on this disk, or it has none for that and another is. `asked`: it shall be in the mix;
    `heard`: it still has a weight there.
    `staged`: the painter has it ready. `arrived`: its weight is where it was sent.
    """

    before: State
    fetching: Fetched | None = None
    ended: Literal["failed", "cancelled"] | None = None
    here: bool = False
    asked: bool = False
    heard: bool = False
    staged: bool = False
    arrived: bool = False


def next_state(facts: Facts) -> State:
    """One step on the way to where the facts lead; they lead on until the answer stands still.

    So no state on the way is passed over: what was installed is loading before it is active.
    """
    if facts.fetching is not None:
        return facts.fetching
    if facts.staged and (facts.asked or facts.heard):
        if facts.before == "active":  # a ridden fader does not make it load again
            return "active"
        return "active" if facts.before == "loading" and facts.arrived else "loading"
    if facts.ended == "failed":
        return "failed"
    if not facts.here:
        return facts.ended or "absent"
    if facts.asked and facts.before in PLAYABLE:
        return "loading"
    return "installed"


@dataclass(frozen=True, slots=True)
class Want:
    """A preset that comes into the mix when its file is ready, to `weight` in `fade_s` seconds.

    `solo`: others of its kind leave as it comes. `waits`: once it is ready, for its moment in the
    beat. `origin` is who asked.
    """

    kind: Kind
    weight: float
    fade_s: float
    solo: bool = True
    waits: bool = False
    origin: object = None


Wants = Mapping[str, Want]
"""By id, the newest first."""


def with_load(wants: Wants, id: str, want: Want) -> dict[str, Want]:
    """The wants after a load: the newest wins, what else of its kind was coming stays out."""
    others = {key: each for key, each in wants.items() if each.kind != want.kind}
    return {id: want, **others}


@dataclass(frozen=True, slots=True)
class Decks:
    """Two places for presets, and where the crossfader between them stands (0 = a, 1 = b)."""

    a: str = ""
    b: str = ""

    def gain(self, id: str, mix: float) -> float:
        """What a preset's weight is multiplied with: 1 on no deck, and on both."""
        on_a, on_b = id == self.a, id == self.b
        if on_a == on_b:
            return 1.0
        return mix if on_b else 1.0 - mix


def joined_words(words: Iterable[Sequence[str]]) -> str:
    """Trigger words as they stand in a prompt: each once, in their order."""
    return ", ".join(dict.fromkeys(word for each in words for word in each))


def largest(weights: Mapping[str, float]) -> str:
    """The id with the largest weight either way, the first of equal ones; "" where all are 0."""
    id = max(weights, key=lambda id: abs(weights[id]), default="")
    return id if id and weights[id] else ""


def neighbour(ids: Sequence[str], current: str, step: int) -> str:
    """The id that is `step` (1 or -1) from the current one, round and round; "" where none is.

    From one that is not among them, the first or the last.
    """
    if not ids:
        return ""
    if current not in ids:
        return ids[0 if step > 0 else -1]
    return ids[(ids.index(current) + step) % len(ids)]
