"""One file, from whichever of its mirrors has it, onto this disk and checked.

`Fetch.run` waits for the file's lock, looks whether it is installed by now, continues the part that
an earlier run left, and goes from mirror to mirror until the file is whole. It is installed if its
digest matches. In every other case `DownloadError` says why, and what arrived is kept unless it is
known to be wrong.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeVar

import trio

from engine.logs import one_line
from presets import part_file
from presets.asking import Asker, Tell, Tools
from presets.body import Fault, Flawed, Store, no_room
from presets.kept import is_worth_continuing
from presets.mirrors import Life, Lives
from presets.part_file import Part
from presets.wanted import PACE_BYTES, DownloadError, Mirror, WantedFile

log = logging.getLogger(__name__)

MAX_FLAWS: Final = 2
"""A wrong file is thrown away, and once more tried for."""
WORTH_A_RATE: Final = 256 * 1024
SOON: Final = 1 << 20
"""A mirror that sent so much before it failed is asked again at once."""

T = TypeVar("T")


async def in_turns(steps: Iterator[T], tell: Callable[[T], None]) -> None:
    """Take every step in a worker thread and tell of it here: others have their turn between."""
    while (step := await trio.to_thread.run_sync(next, steps, None)) is not None:
        tell(step)


@dataclass
class Fetch:
    """The fetching of one file to `target`; `first_mirror` is an index or None.

    `needs_besides` are bytes that the same job still wants on this disk for its other files.
    """

    file: WantedFile
    target: Path
    tools: Tools
    tell: Tell
    first_mirror: int | None = None
    needs_besides: int = 0

    def __post_init__(self) -> None:
        ordered = self.tools.rates.ordered(self.file.mirrors, self.first_mirror)
        self._lives = Lives([Life(mirror) for mirror in ordered])
        self._asker = Asker(self.file, self.tools, self.tell, self._on_start)
        self._flaws = 0
        self._givers: set[Mirror | None] = set()  # of what is in the part; None: an earlier run
        self._heard = False  # a byte of it, from any mirror
        self._paced = 0  # bytes since the deadline was last moved
        self._patience = trio.CancelScope()

    async def run(self) -> str:
        """Fetch, check, install. Returns what vouches for the file, a key of `CHECKED`.

        Raises `DownloadError`.
        """
        try:
            async with self._locked():
                if await self._is_installed():
                    await trio.to_thread.run_sync(part_file.clear, self.target)
                    unsure = "nothing" if self.file.size is None else "size"
                    return "digest" if self.file.sha256 else unsure
                if not self.file.mirrors:
                    raise DownloadError(
                        f"{self.file.name} has no mirror; name one in the catalogue, "
                        f"or copy the file to {self.target.parent}"
                    )
                part = await trio.to_thread.run_sync(Part, self.target)
                try:
                    return await self._complete(part)
                finally:
                    part.close()
        except OSError as error:
            raise self._disk_error(error) from error

    @contextlib.asynccontextmanager
    async def _locked(self) -> AsyncIterator[None]:
        lock = part_file.Lock(part_file.lock_path(self.target))
        try:
            while not await trio.to_thread.run_sync(lock.acquire):
                await trio.sleep(self.tools.limits.lock_every_s)  # another process is at it
            yield
        finally:
            lock.release()

    async def _is_installed(self) -> bool:
        try:
            size = self.target.stat().st_size
        except FileNotFoundError:
            return False
        if self.file.size not in (None, size):
            return False
        found = ""
        if self.file.sha256:

            def step(done: tuple[int, str]) -> None:
                nonlocal found
                found = done[1]
                self.tell.kept(done[0])

            self.tell.total(size)
            self.tell.state("verifying")
            await in_turns(part_file.hash_file(self.target), step)
            if found != self.file.sha256:
                log.warning("%s is there with another digest; it is fetched anew", self.file.name)
                self.tell.kept(0)
                return False
        self.tell.total(size)
        self.tell.kept(size)
        return True

    async def _complete(self, part: Part) -> str:
        """From whatever is kept to the installed file; what vouches for it."""
        folder, free_space = self.target.parent, self.tools.free_space
        store = Store(part, self.file, folder, free_space, self.file.size, self.needs_besides)
        if self.file.size is not None:
            self.tell.total(self.file.size)
        self.tell.state("resolving")
        await self._continue_kept(store)
        while True:
            try:
                await self._gather(store)
                self.tell.state("verifying")
                checked = self._check(store)
            except Flawed as flaw:
                await self._throw_away(store, flaw)
                continue
            size = part.size
            await trio.to_thread.run_sync(part.install)
            self.tell.total(size)
            self.tell.kept(size)
            return checked

    async def _continue_kept(self, store: Store) -> None:
        """Hash what an earlier run left, or throw it away where it is of another file."""
        part = store.part
        if not part.size:
            return
        if not is_worth_continuing(part.size, part.notes, self.file):
            await trio.to_thread.run_sync(store.start_over)
            return
        await in_turns(part.hash_kept(), self.tell.kept)
        self._givers = {None}
        store.size = part.notes.size if self.file.size is None else self.file.size
        try:
            await trio.to_thread.run_sync(store.continue_kept)
        except Flawed as flaw:
            await self._throw_away(store, flaw)

    async def _gather(self, store: Store) -> None:
        """Go from mirror to mirror until the file is whole. Raises `Flawed`, `DownloadError`."""
        limits, asker = self.tools.limits, self._asker
        asker.ended = False
        self._patience = trio.CancelScope(deadline=trio.current_time() + limits.quiet_s)
        with self._patience:
            while not asker.ended and (store.size is None or store.part.size != store.size):
                life = self._lives.next(trio.current_time(), continuing=store.part.size > 0)
                if isinstance(life, Life):
                    await self._try(life, store)
                elif life is None or life > self._patience.deadline:
                    raise self._no_mirror()
                else:
                    await trio.sleep_until(life)
        if self._patience.cancelled_caught:
            raise self._no_mirror(f"nothing useful within {limits.quiet_s:g} s; ")

    async def _try(self, life: Life, store: Store) -> None:
        """One answer of one mirror; its faults and its rate are remembered."""
        limits, rates, name = self.tools.limits, self.tools.rates, life.mirror.name
        began, count, fault = trio.current_time(), 0, ""

        def arrived(more: int) -> None:
            nonlocal count
            count += more
            self._heard = True
            self._paced += more
            if self._paced >= PACE_BYTES:
                self._paced = 0
                self._patience.deadline = trio.current_time() + limits.quiet_s
            self.tell.arrived(more)
            self.tell.kept(store.part.size)

        try:
            self.tell.state("resolving", name)
            await self._asker.ask(life, store, arrived)
        except Flawed as flaw:
            fault = one_line(flaw.reason)
            raise
        except Fault as trouble:
            fault = one_line(trouble.reason)
            log.info("%s: %s %s", self.file.name, name, fault)
            self._after(life, trouble, fault, count)
        finally:
            seconds = trio.current_time() - began
            if count >= WORTH_A_RATE:
                rates.gave(name, count, seconds)
            if fault:
                rates.failed(name)
            if count or fault:
                self.tell.transferred(name, count, seconds, fault)

    def _after(self, life: Life, trouble: Fault, fault: str, count: int) -> None:
        """When to ask this mirror again, if ever, after it sent `count` bytes."""
        limits, now = self.tools.limits, trio.current_time()
        if trouble.lasting:
            life.end(fault)
        elif trouble.anew:
            life.reason, life.ranges = fault, False
        else:
            life.fail(fault, now, limits, trouble.after_s)
            if count >= SOON:
                life.failures, life.not_before = 0, now
            elif not self._heard and life.failures >= limits.tries:
                life.end(fault)

    def _on_start(self, life: Life, anew: bool) -> None:
        if anew:
            self._givers.clear()
            self.tell.kept(0)
        self._givers.add(life.mirror)

    def _check(self, store: Store) -> str:
        """What vouches for the whole part. Raises `Flawed` where it is not what is wanted."""
        part = store.part
        if store.size is not None and part.size != store.size:
            raise Flawed(f"it has {part.size:,} bytes, expected {store.size:,}")
        if store.wants_header:
            raise Flawed("it ends within its header")
        expected = self.file.sha256 or part.notes.sha256
        if not expected:
            return "mirror's size" if self.file.size is None else "size"
        found = part.digest()
        if found != expected:
            raise Flawed(f"its digest is {found[:12]}..., expected {expected[:12]}...")
        return "digest" if self.file.sha256 else "mirror's digest"

    async def _throw_away(self, store: Store, flaw: Flawed) -> None:
        """Begin anew after wrong bytes, once, and from another mirror if they were of one.

        Raises `DownloadError` where there is no other, or it has happened before.
        """
        givers, self._givers = self._givers, set()
        self._flaws += 1
        log.warning("%s: thrown away: %s", self.file.name, flaw.reason)
        await trio.to_thread.run_sync(store.start_over)
        self.tell.kept(0)
        for life in self._lives.lives:
            if life.mirror in givers:
                life.suspect = 2 if life.reason else 1
                life.reason = f"gave wrong bytes: {flaw.reason}"
                life.dead = life.dead or len(givers) == 1
        if self._flaws < MAX_FLAWS and not all(life.dead for life in self._lives.lives):
            return
        if flaw.refusal is not None:
            raise DownloadError(str(flaw.refusal)) from flaw.refusal
        raise DownloadError(f"{self.file.name} came wrong from its mirrors: {self._lives.told()}")

    def _no_mirror(self, why: str = "") -> DownloadError:
        return DownloadError(f"no mirror gives {self.file.name}: {why}{self._lives.told()}")

    def _disk_error(self, error: OSError) -> DownloadError:
        if error.errno in part_file.FULL and self.file.size is not None:
            missing = (
                self.file.size
                - part_file.kept_bytes(self.target, self.file.size)
                + self.needs_besides
            )
            return DownloadError(no_room(self.file.name, max(0, missing), self.target.parent))
        reason = error.strerror or type(error).__name__
        return DownloadError(
            f"{self.file.name} cannot be written to {self.target.parent} ({reason}); "
            "make room or name another data folder with --data FOLDER"
        )
