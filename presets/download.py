"""Downloads in the background: the newest wanted first, a few at once, each told as it goes.

A download is queued, resolving (finding a mirror that answers), downloading, verifying, and then
installed, failed or cancelled; it may go back from downloading or verifying to resolving when a
mirror lets it down. Every change of state is published, in order; progress between at most ten
times a second.
"""

from __future__ import annotations

import contextlib
import logging
import shutil
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Final

import httpx
import trio

from engine.logs import one_line, redacted
from presets.asking import Resolve, Tools, resolve
from presets.client import new_client
from presets.kept import continued, keeps, kept_of
from presets.mirrors import Rates
from presets.transfer import Fetch
from presets.wanted import (
    CHECKED,
    FINAL,
    NEVER_YET,
    DownloadError,
    Limits,
    Progress,
    State,
    Transfer,
    Wanted,
)

log = logging.getLogger(__name__)

AT_ONCE: Final = 2
RATE_OVER_S: Final = 3.0

Publish = Callable[[str, Progress], None]


def free_space(folder: Path) -> int:
    """Bytes that may be written there. Raises `OSError`."""
    return shutil.disk_usage(folder).free


class Download:
    """One entry on its way. `progress` is the newest word; `wait` returns the last one."""

    def __init__(self, wanted: Wanted, publish: Publish, limits: Limits) -> None:
        self.wanted = wanted
        self.progress = Progress()
        self.scope = trio.CancelScope()
        self.ended = trio.Event()
        self.again: Download | None = None
        """What begins when this one, cancelled, has come to its end."""
        self._publish = publish
        self._limits = limits
        self._published_s = -1.0
        # what it goes on from counts from its first word: no fader falls to 0 for a moment
        self._sizes = {file.name: file.size or 0 for file in wanted.files}
        self._kept = dict.fromkeys(self._sizes, 0)
        with contextlib.suppress(DownloadError):  # `_fetch` will tell
            for name, (count, size) in continued(wanted).items():
                self._kept[name], self._sizes[name] = count, size
        self._arrived: deque[tuple[float, int]] = deque()

    async def wait(self) -> Progress:
        await self.ended.wait()
        return self.progress

    def wanted_again(self, wanted: Wanted) -> Download:
        """Give way to another of the same id, which goes on from here as if without a break."""
        self.again = Download(wanted, self._publish, self._limits)
        self.again.progress = self.progress
        self._publish = _unheard
        return self.again

    def teller(self, name: str, on_transfer: Callable[[Transfer], None]) -> Teller:
        return Teller(self, name, on_transfer)

    def change(self, state: State, **news: object) -> None:
        """Enter a state, or hear of another mirror: published at once."""
        self._count(trio.current_time())
        self.progress = replace(self.progress, state=state, **news)  # type: ignore[arg-type]
        self._publish(self.wanted.id, self.progress)
        if state in FINAL:
            self.ended.set()

    def stand(self, name: str, *, kept: int | None = None, size: int | None = None) -> None:
        """So much of this file is kept, of so much."""
        if kept is not None:
            self._kept[name] = kept
        if size is not None:
            self._sizes[name] = size
        now = trio.current_time()
        if now - self._published_s >= self._limits.publish_every_s:
            self._count(now)
            self._publish(self.wanted.id, self.progress)

    def arrived(self, count: int) -> None:
        now = trio.current_time()
        if self._arrived and now - self._arrived[-1][0] < self._limits.publish_every_s:
            now, before = self._arrived.pop()
            count += before
        self._arrived.append((now, count))

    def _count(self, now: float) -> None:
        self._published_s = now
        received, total = sum(self._kept.values()), sum(self._sizes.values())
        complete = all(self._sizes.values())
        share = min(received / total, NEVER_YET) if total and complete else 0.0
        rate = self._rate(now)
        self.progress = replace(
            self.progress,
            share=max(self.progress.share, share),
            received_bytes=received,
            total_bytes=total if complete else 0,
            rate=rate,
            eta_s=(total - received) / rate if rate and complete else 0.0,
        )

    def _rate(self, now: float) -> float:
        while self._arrived and self._arrived[0][0] < now - RATE_OVER_S:
            self._arrived.popleft()
        if not self._arrived:
            return 0.0
        seconds = max(now - self._arrived[0][0], self._limits.publish_every_s)
        return sum(count for _, count in self._arrived) / seconds


class Teller:
    """Brings what one file's fetching tells into its download's progress."""

    def __init__(
        self, download: Download, name: str, on_transfer: Callable[[Transfer], None]
    ) -> None:
        self._download, self._name, self._on_transfer = download, name, on_transfer

    def state(self, state: State, mirror: str | None = None) -> None:
        now = self._download.progress
        mirror = now.mirror if mirror is None else mirror
        if (state, mirror) != (now.state, now.mirror):
            self._download.change(state, mirror=mirror)

    def total(self, size: int) -> None:
        self._download.stand(self._name, size=size)

    def kept(self, count: int) -> None:
        self._download.stand(self._name, kept=count)

    def arrived(self, count: int) -> None:
        self._download.arrived(count)

    def transferred(self, mirror: str, count: int, seconds: float, fault: str) -> None:
        self._on_transfer(Transfer(self._download.wanted.id, mirror, count, seconds, fault))


class Downloader:
    """Keeps at most `at_once` downloads going, the newest wanted first.

    `publish(id, progress)` hears of every change, in trio's thread; it must not block. `rates`
    orders the mirrors and learns from them, `on_transfer` hears of each mirror's answer.
    """

    def __init__(
        self,
        publish: Publish,
        *,
        client: Callable[[], httpx.AsyncClient] = new_client,
        at_once: int = AT_ONCE,
        free_space: Callable[[Path], int] = free_space,
        resolve: Resolve = resolve,
        rates: Rates | None = None,
        limits: Limits | None = None,
        on_transfer: Callable[[Transfer], None] = lambda _: None,
    ) -> None:
        self.rates = rates or Rates()
        self.limits = limits or Limits()
        self._publish = publish
        self._new_client = client
        self._at_once = at_once
        self._free_space, self._resolve, self._on_transfer = free_space, resolve, on_transfer
        self._queue: list[Download] = []  # the newest at its end
        self._downloads: dict[str, Download] = {}
        self._running = 0
        self._gathered_s = 0.0  # not before this moment a slot is given to what comes now
        self._news = trio.Event()

    def want(self, wanted: Wanted) -> Download:
        """Fetch it, before all that wait. What is on its way already is not begun twice."""
        before = self._downloads.get(wanted.id)
        if before is not None and before.progress.state not in FINAL:
            if before.scope.cancel_called:  # and not yet at its end
                again = self._downloads[wanted.id] = before.wanted_again(wanted)
                return again
            if before in self._queue:
                self._queue.remove(before)
                self._queue.append(before)
            return before
        download = Download(wanted, self._publish, self.limits)
        self._downloads[wanted.id] = download
        if not self._queue and self._running < self._at_once:
            # wishes sent together arrive one by one: the newest of them shall be first
            self._gathered_s = trio.current_time() + self.limits.gather_s
        self._queue.append(download)
        download.change("queued")
        self._news.set()
        return download

    def cancel(self, id: str) -> bool:
        """Stop it and keep what has arrived; False where nothing of that id is going on."""
        download = self._downloads.get(id)
        if download is None or download.progress.state in FINAL:
            return False
        if download in self._queue:
            self._queue.remove(download)
            _cancelled(download)
        else:
            download.scope.cancel()
        return True

    def progress(self, id: str) -> Progress:
        """The newest word on `id`; absent where it was never asked for."""
        download = self._downloads.get(id)
        return download.progress if download else Progress()

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Work until cancelled; what is on its way then can be continued by the next run."""
        logging.getLogger("httpx").setLevel(logging.WARNING)  # it would log signed urls
        async with self._tools() as tools, trio.open_nursery() as nursery:
            task_status.started()
            while True:
                while self._queue and self._running < self._at_once:
                    if trio.current_time() < self._gathered_s:
                        await trio.sleep_until(self._gathered_s)
                        continue
                    self._running += 1
                    nursery.start_soon(self._work, self._queue.pop(), tools)
                self._news = trio.Event()
                await self._news.wait()

    @asynccontextmanager
    async def _tools(self) -> AsyncIterator[Tools | DownloadError]:
        """What downloads use, or why there can be none."""
        try:
            client = self._new_client()
        except DownloadError as error:
            log.warning("%s", error)
            yield error
            return
        async with client:
            yield Tools(client, self._resolve, self._free_space, self.rates, self.limits)

    async def _work(self, download: Download, tools: Tools | DownloadError) -> None:
        try:
            if isinstance(tools, DownloadError):
                raise DownloadError(str(tools))
            with download.scope:
                await self._fetch(download, tools)
            if download.scope.cancelled_caught:
                _cancelled(download)
        except DownloadError as error:
            _failed(download, str(error))
        except Exception as error:  # the show goes on
            log.exception("downloading %s", download.wanted.id)
            _failed(download, f"{download.wanted.id}: {type(error).__name__}: {error}")
        finally:
            self._running -= 1
            self._begin_again(download)
            self._news.set()

    def _begin_again(self, ended: Download) -> None:
        """Queue what was wanted after `ended` had been cancelled, unless that was, too."""
        while (again := ended.again) is not None:
            if not again.scope.cancel_called:
                self._queue.append(again)
                return
            _cancelled(again)
            ended = again

    async def _fetch(self, download: Download, tools: Tools) -> None:
        wanted, vouchers = download.wanted, []
        targets = {file.name: wanted.target(file) for file in wanted.files}
        kept = await trio.to_thread.run_sync(continued, wanted)
        for name, (count, _) in kept.items():
            download.stand(name, kept=count)
        missing = [max(0, (file.size or 0) - kept[file.name][0]) for file in wanted.files]
        for number, file in enumerate(wanted.files):
            fetch = Fetch(
                file,
                targets[file.name],
                tools,
                download.teller(file.name, self._on_transfer),
                wanted.first_mirror,
                sum(missing[number + 1 :]),
            )
            vouchers.append(await fetch.run())
        checked = next((word for word in CHECKED if word in vouchers), "digest")
        download.change("installed", share=1.0, rate=0.0, eta_s=0.0, checked=checked)


def _unheard(id: str, progress: Progress) -> None:
    """Another speaks for this id now."""


def _cancelled(download: Download) -> None:
    _end(download, "cancelled", "cancelled")


def _failed(download: Download, error: str) -> None:
    _end(download, "failed", error)


def _end(download: Download, state: State, why: str) -> None:
    try:
        count, told = kept_of(download.wanted, download.progress.total_bytes)
    except DownloadError:  # nothing can be under such a name
        count, told = 0, keeps(0)
    error = redacted(one_line(f"{why}; {told}"))
    log.info("%s: %s", download.wanted.id, error)
    download.change(state, error=error, received_bytes=count, rate=0.0, eta_s=0.0)
