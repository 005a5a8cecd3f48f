"""Coming: what is on its way into the mix or out of it, and what is fetched for it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Literal

from engine.controls import Controls
from presets.catalogue import PresetError
from presets.held import Held
from presets.preset_controls import control
from presets.preset_desk import Desk
from presets.preset_roster import Roster
from presets.preset_states import Want
from presets.wanted import Downloads, Wanted
from presets.wanted import State as Fetched


@dataclass(frozen=True, slots=True)
class Fetch:
    """A download under way: for which base, who asked, and how it stands.

    `anew`: another was asked for meanwhile, of the file for the running model.
    """

    base: str
    origin: object = None
    state: Fetched = "queued"
    anew: bool = False


@dataclass(slots=True)
class Books:
    """What stands open, by id: loads and presets on standby (the newest first), downloads under
    way, and how those that failed or were cancelled ended.
    """

    wants: dict[str, Want] = field(default_factory=dict)
    standby: dict[str, None] = field(default_factory=dict)
    fetches: dict[str, Fetch] = field(default_factory=dict)
    ended: dict[str, Literal["failed", "cancelled"]] = field(default_factory=dict)


class Coming:
    """Brings presets in when they are ready, gets them there first, and lets them go.

    `settle` is called with the ids whose state may be another now.
    """

    def __init__(
        self,
        controls: Controls,
        roster: Roster,
        desk: Desk,
        held: Held,
        downloads: Downloads,
        books: Books,
        settle: Callable[..., None],
        moment: Callable[[Callable[[], None]], None],
    ) -> None:
        self._controls, self._roster, self._desk, self._held = controls, roster, desk, held
        self._downloads, self._books = downloads, books
        self._settle, self._moment = settle, moment

    def come(self, id: str, wants: dict[str, Want]) -> None:
        """Let it in at once if the painter has it, else get it there first."""
        staged = self.ready(id)
        wanted = None if staged or self._roster.here(id) else self._roster.wanted(id)
        self._books.wants = wants
        self.asked(id)
        if staged:
            self.arrive(id)
        elif id in self._desk.staged:  # another file, on its way out: it is through with that first
            self._desk.fade(id, 0.0, wants[id].fade_s)
        if wanted is not None:
            self.fetch(wanted, wants[id].origin)
        self._settle(*self._roster.ids)

    def ready(self, id: str) -> bool:
        """Whether the painter has it. A file that is outdated comes in no more once it leaves."""
        playing = bool(self._desk.target(id))
        return id in self._desk.staged and (playing or id not in self._held.outdated)

    def forget(self, id: str, *, dropped: bool = False) -> None:
        """The painter has it no more, or shall not keep it."""
        self._held.forget(id)
        self._desk.forget(id, dropped=dropped)

    def leave(self, ids: Iterable[str], fade_s: float, *, waits: bool = False) -> None:
        """Fade them out, with `waits` at the moment for it; those still coming do not come."""
        going = tuple(ids)
        for id in going:  # at once: what is wanted after this, and before the moment, does come
            self._books.wants.pop(id, None)
        if waits:
            self._settle(*going)
            self._moment(partial(self._fade_out, going, fade_s))
        else:
            self._fade_out(going, fade_s)

    def _fade_out(self, ids: Iterable[str], fade_s: float) -> None:
        for id in ids:
            self._desk.fade(id, 0.0, fade_s)
            self._settle(id)

    def arrive(self, id: str) -> None:
        """The painter has what was wanted: the weights set out, or wait for their moment."""
        want = self._books.wants[id]
        if want.waits:
            self._moment(partial(self._set_out, id, want))
        else:
            self._set_out(id, want)

    def _set_out(self, id: str, want: Want) -> None:
        if self._books.wants.get(id) is not want or not self.ready(id):
            return  # meanwhile another was wanted, or the painter has it no more
        del self._books.wants[id]
        self._desk.fade(id, want.weight, want.fade_s)
        if want.solo:
            for other in self._roster.of_kind(want.kind):
                if other != id:
                    self._desk.fade(other, 0.0, want.fade_s)
        self._settle(*self._roster.ids)

    def asked(self, id: str) -> None:
        """It is asked for anew: how it ended before is forgotten."""
        self._books.ended.pop(id, None)
        self._desk.asked(id)
        self._controls.publish(control(id, "error"), "")

    def download(self, id: str, mirror: float | None, origin: object) -> None:
        """Fetch without loading. Raises `PresetError`: here already, or not to be had."""
        self._roster.check_fit(id)
        if self._roster.here(id):
            raise PresetError(f"{id} is on this disk; there is nothing to fetch")
        wanted = self._roster.wanted(id, None if mirror is None else int(mirror))
        self.asked(id)
        self.fetch(wanted, origin)

    def fetch(self, wanted: Wanted, origin: object) -> None:
        """Have it downloaded; what is fetched of it for another model gives way."""
        base = self._roster.model.base
        before = self._books.fetches.setdefault(wanted.id, Fetch(base, origin))
        self._downloads.want(wanted)  # one under way goes before those that wait
        if before.base != base:  # the file for the model before gives way; `heard` goes on
            under_way = self._books.fetches[wanted.id]
            self._books.fetches[wanted.id] = replace(under_way, origin=origin, anew=True)
            self._downloads.cancel(wanted.id)

    def swap(self, id: str) -> None:
        """Another model runs: get its file for that, or let it leave."""
        kind, want = self._roster.presets[id].kind, self._books.wants.get(id)
        if self._roster.variant(id) is None:
            self.leave([id], self._desk.fade_s(None))
            if kind == "style" or not self._roster.model.acceleration:
                self._controls.report(f"preset/{id}", f"{self._roster.misfit(id)}; it fades out")
            return
        if want is None:
            want = Want(kind, self._desk.target(id), self._desk.fade_s(None), solo=False)
        self._desk.fade(id, 0.0, 0.0)
        self.again(id, want)

    def again(self, id: str, want: Want) -> None:
        """Get the file of the running model for what waits for it."""
        try:
            self.come(id, {**self._books.wants, id: want})
        except PresetError as error:
            self.fail(id, str(error), want.origin)

    def instead(self, id: str, want: Want | None, ended: Fetch) -> None:
        """After the file for the model before: that of the running one, where it is wanted."""
        if want is not None:
            self.again(id, want)
        elif ended.anew:
            try:
                self.download(id, None, ended.origin)
            except PresetError as error:
                self.fail(id, str(error), ended.origin)

    def fail(self, id: str, why: str, origin: object) -> None:
        """It does not come; whoever asked for it hears why."""
        self._books.ended[id] = "failed"
        want = self._books.wants.pop(id, None)
        self._controls.publish(control(id, "error"), why)
        self._controls.report(f"preset/{id}", why, want.origin if want else origin)
        self._settle(id)
