"""Playing: everything of presets and base models that a running show opens, put together."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Protocol

import trio

from engine.controls import Controls, Snapshot
from engine.mixing import Mix
from presets.catalogue import PresetError
from presets.download import Downloader
from presets.library import open_library
from presets.mirrors import Rates
from presets.model_fetch import ModelFetch, begin_with
from presets.models import ModelChoice
from presets.statistics import Statistics
from presets.switch import ModelSwitch
from presets.switcher import Switcher
from presets.wanted import Progress

log = logging.getLogger(__name__)


class Painter(Protocol):
    """As `engine.painting.Painting`."""

    on_staged: Callable[[str], None] | None
    on_unfit: Callable[[str, str], None] | None
    on_dropped: Callable[[str], None] | None

    def blend(self, mix: Mix) -> None: ...


class Stock:
    """What is on this disk, and the model that a show can begin with.

    `model` runs first; `coming` is the id of the one that was asked for and has to be fetched, ""
    for none. `problems` are lines for the performer. Blocks; raises `ModelError` where the model
    that was `asked` for is not to be had.
    """

    def __init__(self, data: Path, catalogues: Iterable[Path], asked: str) -> None:
        self.data, self.asked = data, asked
        self.library, self.problems = open_library(data, catalogues)
        self.statistics = Statistics(data)
        self.model, self.coming = begin_with(asked, self.library.snapshot.catalogue, data)


class Playing:
    """Presets and models as one part of a show: declares its controls, answers them, downloads.

    `change` is called when another model shall be painted with, `tell` of the downloads that a
    model waits for, and `moment` calls what waits for its beat or bar. `follow` is to be told of
    every committed snapshot.
    """

    def __init__(
        self,
        controls: Controls,
        stock: Stock,
        painter: Painter,
        change: Callable[[ModelChoice], None],
        *,
        moment: Callable[[Callable[[], None]], None] = lambda act: act(),
        notice: Callable[[str], None],
        tell: Callable[[str, Progress], None],
    ) -> None:
        self._controls, self._stock = controls, stock
        self._change_painter = change
        self._downloader = Downloader(
            self._heard, rates=Rates(self._rates()), on_transfer=stock.statistics.transferred
        )
        self.switcher = Switcher(
            controls,
            stock.library,
            self._downloader,
            stock.model,
            stock.data,
            painter.blend,
            history=stock.statistics,
            moment=moment,
            notice=notice,
        )
        self._fetch = ModelFetch(
            controls,
            self._downloader,
            lambda: stock.library.snapshot.catalogue,
            stock.data,
            notice=notice,
            tell=tell,
            on_installed=stock.statistics.installed,
        )
        named = "" if stock.coming else stock.asked
        self._models = ModelSwitch(
            controls, stock.model, named, stock.data, self._change, self._fetch.get
        )
        painter.on_staged = self.switcher.on_staged
        painter.on_unfit = self.switcher.on_unfit
        painter.on_dropped = self.switcher.on_dropped

    @property
    def model(self) -> ModelChoice:
        """The one that runs."""
        return self._models.running

    def follow(self, snapshot: Snapshot) -> None:
        self.switcher.follow(snapshot)

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Work until cancelled. Has started when the first mix is known."""
        for problem in self._stock.problems:
            self._controls.report("preset", problem)
        try:
            async with trio.open_nursery() as nursery:
                await nursery.start(self._downloader.run)
                await nursery.start(self._fetch.run)
                await nursery.start(self.switcher.run)
                if self._stock.coming:
                    self._models.want(self._stock.coming)
                elif self._stock.asked:
                    nursery.start_soon(self._fetch.complete, self._stock.model.id)
                nursery.start_soon(self._models.run)
                task_status.started()
        finally:
            with trio.CancelScope(shield=True):
                await trio.to_thread.run_sync(self._close)

    def _close(self) -> None:
        try:
            self._stock.statistics.flush()
        except PresetError as error:
            log.warning("%s", error)

    def _rates(self) -> dict[str, float]:
        try:
            return self._stock.statistics.rates()
        except PresetError as error:
            self._stock.problems.append(str(error))
            return {}

    def _heard(self, id: str, progress: Progress) -> None:
        self._fetch.heard(id, progress)
        self.switcher.heard(id, progress)

    def _change(self, model: ModelChoice) -> None:
        self.switcher.change(model)
        self._change_painter(model)
