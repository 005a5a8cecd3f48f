"""The desk: the weights of presets, the two decks, and the mix that the painter is given."""

from __future__ import annotations

from collections.abc import Callable, Container
from dataclasses import replace
from typing import cast

from engine.controls import Change, Controls, Snapshot
from engine.mixing import LoraFile, Mix
from engine.parameters import RIDE_S
from presets.preset_controls import CURRENT, DECK_FADE, DECKS, FADE, MAX_FADE_S, control
from presets.preset_controls import MIX as DECK_MIX
from presets.preset_roster import Roster
from presets.preset_states import Decks, joined_words, largest


class Desk:
    """Moves weights, and knows what the painter has ready (`staged`).

    Weights of `preset/<id>/weight` are what was asked for (`target`) and where they are on their
    way there (`live`). `blend` gets each mix that differs from the one before.
    """

    def __init__(self, controls: Controls, roster: Roster, blend: Callable[[Mix], None]) -> None:
        self.staged: set[str] = set()
        self._controls, self._roster, self._blend = controls, roster, blend
        self._decks = Decks()
        self._gains: dict[str, float] = {}  # where the last change of a deck found them
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
        """Put a preset on the deck of that control; "" empties it. What is heard fades across."""
        id = str(self._controls.parameter(name).coerce(id))
        self._turn(name, id, seconds)
        self._controls.set(name, id, origin)

    def _on_change(self, change: Change) -> None:
        if change.parameter.name in DECKS:
            self._turn(change.parameter.name, str(change.value), RIDE_S)

    def _turn(self, name: str, id: str, seconds: float) -> None:
        a, b = self._decks.a, self._decks.b
        decks = Decks(id, b) if DECKS[name] == "a" else Decks(a, id)
        if decks == self._decks:
            return
        mix, share = (float(cast(float, self._controls.at(each))) for each in (DECK_MIX, DECK_FADE))
        # what is silent has nothing to fade from
        heard = [each for each in (*self._gains, a, b, id) if each and self.live(each)]
        self._gains = {each: self._gain(each, mix, share) for each in heard}
        self._decks = decks
        self._controls.publish(DECK_FADE, 0.0)
        self._controls.publish(DECK_FADE, 1.0)
        if seconds and self._gains and self._controls.moving is not None:
            way = replace(self._controls.parameter(DECK_FADE), slew=seconds)
            self._controls.moving(way, 0.0, 1.0)
            self._controls.travel({DECK_FADE: 0.0})

    def _gain(self, id: str, mix: float, share: float) -> float:
        """What a weight is multiplied with; `share` of a change of decks is done."""
        gain = self._decks.gain(id, mix)
        before = self._gains.get(id, gain)
        return gain if share >= 1.0 else before + (gain - before) * share

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
        crossfade, share, weights = snapshot.number(DECK_MIX), snapshot.number(DECK_FADE), {}
        for id in self._roster.ids:
            weight = snapshot.number(control(id, "weight")) * self._gain(id, crossfade, share)
            if weight:
                weights[id] = weight
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
