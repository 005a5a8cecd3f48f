"""Switcher: which presets play, from a performer's wish to the weights the painter is given.

A load comes in when its file is ready: fetched if it has to be, then staged by the painter, and
only then do the weights fade, so that the look that plays goes on for as long as it takes. Of loads
of a kind the newest wins, whatever order downloads end in.

Everything here is of the conductor's task and decides; what blocks is done by `disk_jobs`.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Final

import trio

from engine.controls import Change, Controls, Snapshot, TriggerHandler
from engine.mixing import Mix
from engine.parameters import RIDE_S
from presets.catalogue import PresetError
from presets.disk_jobs import DiskJobs, History, InThread
from presets.held import Held
from presets.library import News
from presets.models import ModelChoice
from presets.models import catalogue as model_catalogue
from presets.preset_coming import Books, Coming, Fetch
from presets.preset_controls import (
    CURRENT,
    MAX_FADE_S,
    WEIGHT_LIMIT,
    control,
    fixed_rows,
    triggers,
)
from presets.preset_desk import Desk
from presets.preset_progress import ProgressBoard
from presets.preset_roster import Roster, Shelf
from presets.preset_standing import Standing
from presets.preset_states import Want, neighbour, with_load
from presets.wanted import CHECKED, FINAL, Downloads, Progress

log = logging.getLogger(__name__)

MAX_SCENE_FADE_S: Final = 600.0
"""A scene may take longer than a load of a performer's own."""

STANDBY: Final = 8
"""So many presets at most are kept ready without a weight."""


class Switcher:
    """Answers preset/*, follows what the weights do, and says what the painter shall mix.

    `model` runs at the start. `heard` is told of downloads; `on_staged`, `on_unfit`, `on_dropped`
    of what the painter did; `change` of another model; `follow` of each committed snapshot, whose
    mix goes to `blend`. `run` does what takes time. What a performer loads and unloads starts at
    the `moment` for it; scenes, which have theirs, bring presets at once.
    """

    def __init__(
        self,
        controls: Controls,
        shelf: Shelf,
        downloads: Downloads,
        model: ModelChoice,
        data: Path,
        blend: Callable[[Mix], None],
        *,
        history: History,
        moment: Callable[[Callable[[], None]], None] = lambda act: act(),
        notice: Callable[[str], None] = log.info,
        in_thread: InThread = trio.to_thread.run_sync,
    ) -> None:
        self.roster = Roster(shelf, model, data)
        self._controls, self._downloads, self._notice = controls, downloads, notice
        self._books = Books()
        self._held, self._give = Held(self.roster, shelf), blend
        self._board = ProgressBoard(controls)
        self._disk = DiskJobs(controls, self.roster, shelf, history, self._on_news, in_thread)
        controls.declare(
            *fixed_rows(self._check_deck, lambda: self.roster.ids),
            *triggers(lambda: self.roster.ids),
        )
        self._desk = Desk(controls, self.roster, self._blend)
        self._standing = Standing(controls, self.roster, self._desk, self._books, self._disk)
        self._coming = Coming(
            controls, self.roster, self._desk, self._held, downloads, self._books,
            self._standing.settle, moment,
        )  # fmt: skip
        for name, handler in self._handlers().items():
            controls.on(f"preset/{name}", _answering(handler))
        self.roster.declare(controls, self._refusal)
        controls.listen(self._on_change)
        self._standing.settle(*self.roster.ids)

    def _handlers(self) -> dict[str, Callable[..., None]]:
        return {
            "load": partial(self.load, waits=True),
            "bring": self.bring,
            "stage": self.stage,
            "unload": partial(self.unload, waits=True),
            "clear": partial(self.clear, waits=True),
            "next": lambda origin: self._step(1, origin),
            "previous": lambda origin: self._step(-1, origin),
            "a": partial(self._put, "a"),
            "b": partial(self._put, "b"),
            "download": self.download,
            "cancel": self.cancel,
            "delete": self.delete,
            "rescan": self.rescan,
        }

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Work until cancelled. Has started when the model's acceleration is on its way."""
        self._accelerate()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._board.run)
            nursery.start_soon(self._disk.run)
            task_status.started()

    def follow(self, snapshot: Snapshot) -> None:
        """Send the painter the mix of this snapshot, and tell of what has arrived in it."""
        for id in [id for id in self._held.outdated if not self._desk.heard(id)]:
            self._coming.forget(id)
            if self._books.ended.get(id) == "cancelled":  # it has played on since
                del self._books.ended[id]
        self._desk.follow(snapshot, {**self._books.standby, **self._books.wants}, self._books.ended)
        values = snapshot.values
        moving = ("loading", "active")
        self._standing.settle(
            *(i for i in self.roster.ids if values[control(i, "state")] in moving)
        )

    # what a performer asks for

    def load(
        self, id: str, fade_s: float | None = None, origin: object = None, *, waits: bool = False
    ) -> None:
        """Fade it to its catalogue weight and others of its kind to 0, when it is ready.

        With `waits` at the first moment after that. Raises `PresetError`: unknown, made for another
        base, or nowhere to be had.
        """
        preset = self.roster.known(id)
        self.roster.check_fit(id)
        seconds = self._fade_s("load", fade_s, origin)
        want = Want(preset.kind, preset.weight, seconds, waits=waits, origin=origin)
        self._coming.come(id, with_load(self._books.wants, id, want))

    def bring(
        self, id: str, weight: float, fade_s: float | None = None, origin: object = None
    ) -> None:
        """Fade it to `weight` when it is ready (0: out), and leave all others as they are.

        Raises `PresetError` as `load` does.
        """
        if not weight:
            self.roster.known(id)
            self._coming.leave([id], self._fade_s("bring", fade_s, origin, MAX_SCENE_FADE_S))
            return
        preset = self.roster.known(id)
        self.roster.check_fit(id)
        weight = min(WEIGHT_LIMIT, max(-WEIGHT_LIMIT, weight))
        seconds = self._fade_s("bring", fade_s, origin, MAX_SCENE_FADE_S)
        want = Want(preset.kind, weight, seconds, solo=False, origin=origin)
        self._coming.come(id, {**self._books.wants, id: want})

    def stage(self, id: str, origin: object = None) -> None:  # noqa: ARG002
        """Have its file ready at the painter, without a weight; of many the newest.

        Raises `PresetError`: unknown, made for another base, or not on this disk.
        """
        self.roster.known(id)
        if absence := self.roster.absence(id):
            raise PresetError(absence)
        self._books.standby = {id: None, **self._books.standby}
        self._books.standby = dict.fromkeys([*self._books.standby][:STANDBY])
        if id not in self._desk.staged:
            self._coming.asked(id)
        self._controls.wake()

    def unload(
        self, id: str, fade_s: float | None = None, origin: object = None, *, waits: bool = False
    ) -> None:
        """Fade it out, with `waits` at the first moment; one still coming does not come."""
        if id not in self.roster.presets:
            self.roster.known(id)
        self._coming.leave([id], self._fade_s("unload", fade_s, origin), waits=waits)

    def clear(
        self, fade_s: float | None = None, origin: object = None, *, waits: bool = False
    ) -> None:
        """Fade every style out; 0 seconds cut. With `waits` at the first moment."""
        styles = self.roster.of_kind("style")
        self._coming.leave(styles, self._fade_s("clear", fade_s, origin), waits=waits)

    def _fade_s(
        self, trigger: str, asked: float | None, origin: object, most: float = MAX_FADE_S
    ) -> float:
        """The seconds of a fade; one that is out of range is clamped, and that is told."""
        seconds = self._desk.fade_s(asked, most)
        if asked is not None and seconds != asked:
            text = f"a fade of {asked:g} s is clamped to {seconds:g}; allowed: 0 to {most:g}"
            self._controls.report(f"preset/{trigger}", text, origin)
        return seconds

    def download(self, id: str, mirror: float | None = None, origin: object = None) -> None:
        """Fetch without loading. Raises `PresetError`: here already, or not to be had."""
        self._coming.download(id, mirror, origin)

    def cancel(self, id: str, origin: object = None) -> None:  # noqa: ARG002
        """Stop a download, and the load that waits for it."""
        self.roster.known(id)
        if id not in self._books.fetches:
            raise PresetError(f"{id} is not being fetched; there is nothing to cancel")
        self._books.wants.pop(id, None)
        self._books.fetches[id] = replace(self._books.fetches[id], anew=False)
        self._downloads.cancel(id)

    def delete(self, id: str, origin: object = None) -> None:
        """Remove its files. Raises `PresetError` while it is in the mix or being fetched."""
        self.roster.known(id)
        if self.in_mix(id):
            raise PresetError(f"{id} is in the mix; unload it first")
        if id in self._books.fetches:
            raise PresetError(f"{id} is being downloaded; cancel that first")
        if refusal := self.roster.undeletable(id):
            raise PresetError(refusal)
        self._books.standby.pop(id, None)
        self._disk.delete(id, self.in_mix, origin)

    def rescan(self, origin: object = None) -> None:
        """Look for files copied in by hand."""
        self._disk.rescan(origin, self._notice)

    def in_mix(self, id: str) -> bool:
        """Whether it is in the mix, or on its way in or out."""
        return id in self._books.wants or self._desk.heard(id)

    def _step(self, step: int, origin: object) -> None:
        coming = next((id for id, want in self._books.wants.items() if want.kind == "style"), "")
        now = coming or str(self._controls.get(CURRENT))
        id = neighbour(self.roster.installed(), now, step)
        if not id:
            raise PresetError(
                f"no installed style fits {self.roster.model.id}; preset/download fetches one of: "
                f"{self.roster.fitting()}"
            )
        self.load(id, None, origin, waits=True)

    def _put(self, deck: str, id: str, fade_s: float | None = None, origin: object = None) -> None:
        self._check_deck(id)
        asked = RIDE_S if fade_s is None else fade_s
        seconds = self._fade_s(deck, asked, origin, MAX_SCENE_FADE_S)
        self._desk.put(f"preset/deck-{deck}", id, seconds, origin)

    def _check_deck(self, id: str) -> None:
        if id:
            self.roster.known(id)

    def _blend(self, mix: Mix) -> None:
        self._give(self._held.tell(mix, self._desk.staged))

    def _refusal(self, id: str) -> str:
        """Why its weight cannot be set, "" where it can."""
        ready = self._coming.ready(id) or self._desk.target(id)
        return "" if ready else self.roster.absence(id)

    def _on_change(self, change: Change) -> None:
        """A weight set from outside is what shall be, whatever was on its way."""
        _, _, rest = change.parameter.name.partition("/")
        id, _, aspect = rest.partition("/")
        if aspect != "weight" or id not in self.roster.presets or change.origin is self._desk:
            return
        self._books.wants.pop(id, None)
        if change.value:
            self._coming.asked(id)
        self._standing.settle(id)

    # another model

    def change(self, model: ModelChoice) -> None:
        """Another model runs: what has a file for it is swapped to that, what has none leaves."""
        for id in tuple(self._held.outdated):
            self._coming.forget(id)
        self.roster.model = model
        self._desk.forget_all()
        self._books.ended.clear()
        self.roster.declare(self._controls, self._refusal)
        for id in self.roster.ids:
            if (id in self._books.wants or self._desk.target(id)) and not self.roster.here(id):
                self._coming.swap(id)
        self._accelerate()
        self._standing.settle(*self.roster.ids)

    def _accelerate(self) -> None:
        """Bring in what the model is to be played with; if it is here, before the first picture."""
        id = self.roster.model.acceleration
        try:
            if not id:
                return
            if not self.roster.known(id) or not self.roster.here(id):
                self.load(id, 0.0)
                return
        except PresetError as error:
            self._controls.report("painter/model", str(error))
            return
        weight = self._desk.target(id) or self.roster.presets[id].weight
        self._coming.leave(self.roster.of_kind("acceleration"), 0.0)
        self._coming.asked(id)
        self._desk.fade(id, weight, 0.0)
        self._standing.settle(id)

    # what downloads and the painter report

    def heard(self, id: str, progress: Progress) -> None:
        """The newest word on a download; one of no preset is not for us."""
        if id not in self.roster.presets:
            return
        self._board.tell(id, progress)
        base = self.roster.model.base
        fetch = self._books.fetches.setdefault(id, Fetch(_meant_for(id, base)))
        if progress.state not in FINAL:
            self._books.fetches[id] = replace(fetch, state=progress.state)
            self._standing.settle(id)
            return
        del self._books.fetches[id]
        want = self._books.wants.get(id)
        if progress.state == "installed":
            if progress.checked != "digest":
                self._notice(f"{id} is installed; {CHECKED[progress.checked]}")
            self._disk.arrived(id, fetch.base, fetch.origin)
        elif progress.state == "failed":
            self._coming.fail(id, progress.error, fetch.origin)
        else:
            self._books.ended[id] = "cancelled"
            self._books.wants.pop(id, None)
            self._controls.publish(control(id, "error"), progress.error)
            self._notice(f"{id}: {progress.error}")
        self._standing.settle(id)
        if fetch.base != base and not self.roster.here(id):
            self._coming.instead(id, want, fetch)

    def on_staged(self, id: str) -> None:
        """The painter has it ready; also again, after it was started again."""
        if id not in self.roster.presets or self.roster.variant(id) is None:
            return
        self._desk.staged.add(id)
        if id in self._books.wants:
            self._coming.arrive(id)
        self._standing.settle(*self.roster.ids)

    def on_unfit(self, id: str, text: str) -> None:
        """The painter cannot mix it: what plays goes on without it."""
        if id in self.roster.presets:
            self._coming.forget(id)
            self._desk.fade(id, 0.0, 0.0)
            self._coming.fail(id, text, None)

    def on_dropped(self, id: str) -> None:
        """It made room for others; it is staged anew when it is asked for or heard again."""
        if id in self.roster.presets:
            self._coming.forget(id, dropped=True)
            self._standing.settle(id)

    # what is on the disk

    def _on_news(self, news: News, origin: object = None) -> None:
        """The library has looked again: what is new has controls, what is gone plays to its end.

        `origin` asked for it, and hears what is wrong.
        """
        self.roster.declare(self._controls, self._refusal)
        self._held.look()
        for id in tuple(self._held.outdated):
            if id not in self._desk.staged or not self._desk.heard(id):
                self._coming.forget(id)
        for id in [
            id for id in self._books.wants if self._coming.ready(id)
        ]:  # the file is back as it was
            self._coming.arrive(id)
        for id in news.removed:
            if not self.roster.here(id):
                self._books.ended.pop(id, None)
        for id in news.added:
            if id in self._books.ended and self.roster.here(id):
                self._coming.asked(id)
        for id in self.roster.ids:
            if self.roster.here(id):
                continue
            want = self._books.wants.get(id)
            if want is not None and id not in self._books.fetches:
                self._coming.again(id, want)
            elif id in self._desk.staged:
                if id in news.removed:
                    told = f"the file of {id} is gone; it plays on until it is unloaded"
                    self._controls.report(f"preset/{id}", told)
            elif want is None and self._desk.target(id):
                self._coming.leave([id], 0.0)
                self._controls.report(f"preset/{id}", f"the file of {id} is gone")
        for line in news.troubles:
            self._controls.report("preset/rescan", line, origin)
        self._standing.settle(*self.roster.ids)


def _answering(act: Callable[..., None]) -> TriggerHandler:
    return lambda arguments, origin: act(*arguments, origin=origin)


def _meant_for(id: str, running: str) -> str:
    """The base of a download that is not ours: of a model that comes up with this acceleration."""
    bases = [model.base for model in model_catalogue().models if model.acceleration == id]
    return running if running in bases or not bases else bases[0]
