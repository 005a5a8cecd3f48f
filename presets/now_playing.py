"""What is in the mix, for whoever shows it in a line."""

from __future__ import annotations

from collections.abc import Iterable

from engine.controls import Snapshot
from presets.preset_controls import MIX, control
from presets.preset_states import Decks


def now_playing(values: Snapshot, ids: Iterable[str]) -> tuple[tuple[str, float], ...]:
    """(name, weight) of each preset in the mix: styles first, the largest weight first.

    The weight is what the painter gets, so on a deck the crossfader counts.
    """
    decks = Decks(values.text("preset/deck-a"), values.text("preset/deck-b"))
    mix = values.number(MIX)
    heard = []
    for id in ids:
        weight = values.values.get(control(id, "weight"), 0.0)
        assert not isinstance(weight, str), id
        if weight and (share := weight * decks.gain(id, mix)):
            style = values.text(control(id, "kind")) == "style"
            heard.append((not style, -abs(share), values.text(control(id, "name")), share))
    heard.sort(key=lambda one: one[:2])
    return tuple((name, share) for _, _, name, share in heard)
