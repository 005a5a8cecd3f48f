"""What presets need done on the disk while a show runs: one job after the other, off its thread."""

from __future__ import annotations

import logging
import math
from collections.abc import Awaitable, Callable
from typing import Any, Protocol

import trio

from engine.controls import Controls
from presets.catalogue import PresetError
from presets.library import News
from presets.preset_roster import Roster, Shelf

log = logging.getLogger(__name__)

InThread = Callable[..., Awaitable[Any]]


class History(Protocol):
    """As `presets.statistics.Statistics`; `flush` blocks and raises `PresetError`."""

    def installed(self, id: str) -> None: ...
    def used(self, id: str) -> None: ...
    def flush(self) -> None: ...


class DiskJobs:
    """Looks for files, deletes them and keeps the history, in the order it was asked to.

    Nothing here decides what plays: `on_news` hears of what came and went, and who asked to look,
    in trio's thread. What
    goes wrong is reported, and the next job begins. Jobs may be asked for before `run`.
    """

    def __init__(
        self,
        controls: Controls,
        roster: Roster,
        shelf: Shelf,
        history: History,
        on_news: Callable[[News, object], None],
        in_thread: InThread = trio.to_thread.run_sync,
    ) -> None:
        self._controls, self._roster, self._shelf = controls, roster, shelf
        self._history, self._on_news, self._in_thread = history, on_news, in_thread
        self._ask, self._asked = trio.open_memory_channel[Callable[[], Awaitable[None]]](math.inf)

    async def run(self) -> None:
        """Work, and watch the folder, until cancelled."""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._watch)
            async for job in self._asked:
                try:
                    await job()
                except Exception as error:  # the show goes on
                    self._went_wrong(error)

    async def _watch(self) -> None:
        told = ""
        while True:
            try:
                await self._shelf.watch(lambda news: self._on_news(news, None))
            except Exception as error:  # the show goes on
                if repr(error) != told:  # what is wrong is so at every look
                    self._went_wrong(error)
                told = repr(error)

    def _went_wrong(self, error: Exception) -> None:
        log.error("presets", exc_info=error)
        self._controls.report("preset", f"this went wrong inside: {error!r}")

    def arrived(self, id: str, base: str, origin: object) -> None:
        """A download for this base has ended well: it counts as here, and is looked at."""
        self._roster.fetched[id] = base
        self._history.installed(id)
        self.rescan(origin)

    def used(self, id: str) -> None:
        """It plays: that is remembered."""
        self._history.used(id)
        self._ask.send_nowait(self._flush)

    def rescan(self, origin: object, tell: Callable[[str], None] = log.debug) -> None:
        """Look for files that came or went; `tell` gets the outcome in a line."""
        self._ask.send_nowait(lambda: self._rescan(origin, tell))

    def delete(self, id: str, in_use: Callable[[str], bool], origin: object) -> None:
        """Remove its files, unless it is in use by then."""
        self._ask.send_nowait(lambda: self._delete(id, in_use, origin))

    async def _rescan(self, origin: object, tell: Callable[[str], None]) -> None:
        fetched = dict(self._roster.fetched)
        try:
            news = await self._in_thread(self._shelf.rescan)
        except PresetError as error:
            self._controls.report("preset/rescan", str(error), origin)
            return
        self._roster.seen(fetched)
        came, went, other = map(", ".join, (news.added, news.removed, news.changed))
        more = f"; gone: {went}" * bool(went) + f"; changed: {other}" * bool(other)
        tell(f"LoRA folder: new: {came or 'nothing'}{more}")
        self._on_news(news, origin)
        await self._flush()

    async def _delete(self, id: str, in_use: Callable[[str], bool], origin: object) -> None:
        try:
            await self._in_thread(self._shelf.delete, id, in_use)
        except PresetError as error:
            self._controls.report("preset/delete", str(error), origin)
        else:
            self._roster.fetched.pop(id, None)
            self._on_news(News(removed=(id,)), origin)

    async def _flush(self) -> None:
        try:
            await self._in_thread(self._history.flush)
        except PresetError as error:
            log.warning("%s", error)
