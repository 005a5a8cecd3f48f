"""The desk: the weights of presets, the two decks, and the mix that the painter is given."""

from __future__ import annotations

from collections.abc import Callable, Container, Mapping
from dataclasses import dataclass, field, replace

from engine.controls import Change, Controls, Snapshot
from engine.mixing import LoraFile, Mix
from engine.parameters import RIDE_S
from presets.preset_controls import CURRENT, DECK_FADES, DECKS, FADE, MAX_FADE_S, control
from presets.preset_controls import MIX as DECK_MIX
from presets.preset_roster import Roster
from presets.preset_states import Decks, joined_words, largest


@dataclass(frozen=True, slots=True)
class _Deck:
    """What is on a deck, and how much of each was there when it was put on."""

    id: str = ""
    before: Mapping[str, float] = field(default_factory=dict)

    def share(self, id: str, done: float) -> float:
        """How much of this preset is on the deck, 0..1, when so much of the change is done."""
        there = float(id == self.id)
        if done >= 1.0:
            return there
        before = self.before.get(id, there)
        return before + (there - before) * done


class Desk:
    """Moves weights, and knows what the painter has ready (`staged`).

    Weights of `preset/<id>/weight` are what was asked for (`target`) and where they are on their
    way there (`live`). `blend` gets each mix that differs from the one before.
    """

    def __init__(self, controls: Controls, roster: Roster, blend: Callable[[Mix], None]) -> None:
        self.staged: set[str] = set()
        self._controls, self._roster, self._blend = controls, roster, blend
        self._decks = Decks()
        self._on = {name: _Deck() for name in DECKS}
        self._asked_at: dict[str, int] = {}  # by id, the newest has the largest
        self._lost: dict[str, int] = {}  # so often the painter had it no more
        self._dropped: set[str] = set()  # by the painter, until they are asked for or heard again
        self._mix: Mix | None = None
        controls.listen(self._on_change)

    def target(self, id: str) -> float:
        return float(self._controls.get(control(id, "weight")))

    def live(self, id: str) -> float:
        """Where the weight is on its way; a modulator on it does not count."""
        return float(self._controls.at(control(id, "weight")))

    def heard(self, id: str) -> bool:
        """Whether it has a weight, or is on its way to one or from one, or a modulator lifts it."""
        shown = self._controls.snapshot.number(control(id, "weight"))
        return bool(self.target(id) or self.live(id) or shown)

    def fade_s(self, asked: float | None, most: float = MAX_FADE_S) -> float:
        """A fade's seconds, 0 to `most`; None means the default of preset/fade."""
        if asked is None:
            return float(self._controls.get(FADE))
        return min(max(0.0, asked), most)

    def fade(self, id: str, to: float, seconds: float) -> None:
        """Send a weight on its way; the change's origin is this desk."""
        name, start = control(id, "weight"), self.live(id)
        if start == to == self.target(id):
            return
        self._controls.set(name, to, self)
        if self._controls.moving is not None:
            # the set has begun a ridden fader's way; this one takes a time of its own
            way = replace(self._controls.parameter(name), slew=seconds)
            self._controls.moving(way, start, to)
            if not seconds:
                self._controls.travel({name: to})

    def put(self, name: str, id: str, seconds: float, origin: object = None) -> None:
        """Put a known preset on the deck of that control; "" empties it. What is heard fades."""
        self._turn(name, id, seconds)
        self._controls.set(name, id, origin)

    def _on_change(self, change: Change) -> None:
        if change.parameter.name in DECKS:
            self._turn(change.parameter.name, str(change.value), RIDE_S)

    def _turn(self, name: str, id: str, seconds: float) -> None:
        deck = self._on[name]
        if id == deck.id:
            return
        share = self._controls.snapshot.number(DECK_FADES[name])
        # what is silent has nothing to fade from or to
        heard = [each for each in (*deck.before, deck.id, id) if each and self.heard(each)]
        before = {each: deck.share(each, share) for each in heard}
        self._on[name] = _Deck(id, before)
        a, b = (each.id for each in self._on.values())
        self._decks = Decks(a, b)
        fade = DECK_FADES[name]
        self._controls.publish(fade, 0.0)
        self._controls.publish(fade, 1.0)
        if seconds and before and self._controls.moving is not None:
            way = replace(self._controls.parameter(fade), slew=seconds)
            self._controls.moving(way, 0.0, 1.0)
            self._controls.travel({fade: 0.0})

    def _gain(self, id: str, snapshot: Snapshot) -> float:
        """What its weight is multiplied with; on its way onto a deck, something in between."""
        mix = snapshot.number(DECK_MIX)
        a, b = (
            self._on[name].share(id, snapshot.number(fade)) for name, fade in DECK_FADES.items()
        )
        if (a, b) == (id == self._decks.a, id == self._decks.b):
            return self._decks.gain(id, mix)
        # 1 on no deck and on both, and straight in between
        return 1.0 - a * (1.0 - b) * mix - b * (1.0 - a) * (1.0 - mix)

    # what the painter has ready

    def asked(self, id: str) -> None:
        """It shall be ready, before those that were asked for earlier."""
        self._dropped.discard(id)
        self._asked_at[id] = max(self._asked_at.values(), default=0) + 1

    def forget(self, id: str, *, dropped: bool = False) -> None:
        """The painter has it no more; wanted again, it is read anew.

        `dropped`: not before it is asked for or heard again, so that it drops no others in turn.
        """
        self.staged.discard(id)
        # told by the value: the painter may never see a mix that is without it for a moment
        self._lost[id] = self._lost.get(id, 0) + 1
        if dropped:
            self._dropped.add(id)
        self._controls.wake()

    def forget_all(self) -> None:
        """Another model: nothing is ready."""
        self.staged.clear()
        self._dropped.clear()

    def follow(self, snapshot: Snapshot, coming: Container[str], refused: Container[str]) -> None:
        """Blend what this snapshot plays. `coming` shall be ready, too, and `refused` never."""
        mix = self._mixed(snapshot, coming, refused)
        if mix != self._mix:
            self._mix = mix
            self._blend(mix)
        self.tell_current()

    def tell_current(self) -> None:
        """Publish which style has the largest weight."""
        crossfade = float(self._controls.get(DECK_MIX))
        styles = self._roster.of_kind("style")
        gained = {id: self.target(id) * self._decks.gain(id, crossfade) for id in styles}
        self._controls.publish(CURRENT, largest(gained))

    def _mixed(self, snapshot: Snapshot, coming: Container[str], refused: Container[str]) -> Mix:
        weights = {}
        for id in self._roster.ids:
            if weight := snapshot.number(control(id, "weight")):
                weights[id] = weight * self._gain(id, snapshot)
        weights = {id: weight for id, weight in weights.items() if weight}
        self._dropped.difference_update(weights)
        heard = (self._roster.variant(id) for id in weights if id in self.staged)
        words = joined_words(variant.triggers for variant in heard if variant)
        return Mix(self._files(coming, refused), weights, words, words)

    def _files(self, coming: Container[str], refused: Container[str]) -> dict[str, LoraFile]:
        """What the painter shall have ready, the newest asked for first.

        What it has it keeps, so that it comes back at once; when room is short it drops some.
        """
        files = {}
        for id in sorted(self._roster.ids, key=lambda id: -self._asked_at.get(id, 0)):
            if id in self._dropped or id in refused:
                continue
            wanted = (id in coming or self.heard(id)) and self._roster.here(id)
            if (wanted or id in self.staged) and (file := self._roster.file(id)):
                files[id] = file._replace(lost=self._lost.get(id, 0))
        return files
