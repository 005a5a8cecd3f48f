"""Download history and statistics, in `<data>/statistics.json`.

Whoever records keeps what is new in memory; `flush` brings it into the file under a lock, so that
two processes lose nothing of each other's, and the file is whole at every moment. A damaged one is
set aside, kept and told of.
"""

from __future__ import annotations

import contextlib
import logging
import os
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

import msgspec

from engine.logs import one_line
from presets.catalogue import PresetError
from presets.mirrors import NEWEST_WEIGHS
from presets.part_file import Lock
from presets.wanted import Transfer

log = logging.getLogger(__name__)

FILE: Final = "statistics.json"
MAX_HISTORY: Final = 200
MAX_PENDING: Final = 1000
LOCK_WITHIN_S: Final = 2.0
LOCK_EVERY_S: Final = 0.02
MEASURABLE_BYTES: Final = 256 * 1024
"""A smaller answer says more about a mirror's delay than about its rate."""


class MirrorTotals(msgspec.Struct):
    """What a mirror gave. `rate` in bytes/s, the newest weighing most; 0 while not known."""

    count: int = 0
    faults: int = 0
    bytes: int = 0
    seconds: float = 0.0
    rate: float = 0.0


class PresetTotals(msgspec.Struct):
    """What became of a preset or model. Times are seconds since 1970, 0 for never."""

    downloads: int = 0
    bytes: int = 0
    seconds: float = 0.0
    last_download: float = 0.0
    uses: int = 0
    last_used: float = 0.0


class Event(msgspec.Struct, frozen=True):
    """A line of the history. `what` is transfer, installed or used; `fault` is "" if all went well.

    `at` in seconds since 1970; the others are of a transfer.
    """

    at: float
    what: str
    id: str
    mirror: str = ""
    bytes: int = 0
    seconds: float = 0.0
    fault: str = ""


class Content(msgspec.Struct):
    """What the file holds. `history` is the newest `MAX_HISTORY` events, the oldest first."""

    mirrors: dict[str, MirrorTotals] = {}
    presets: dict[str, PresetTotals] = {}
    history: list[Event] = []


class Statistics:
    """Records events; safe from any thread. Times from `clock`, in seconds since 1970."""

    def __init__(self, data: Path, clock: Callable[[], float] = time.time) -> None:
        self.path = data / FILE
        self._clock = clock
        self._pending: list[Event] = []
        self._guard = threading.Lock()  # of `_pending`: never held while the disk is waited for
        self._filing = threading.Lock()

    def transferred(self, transfer: Transfer) -> None:
        """A mirror's answer has ended, well or not."""
        self._note(
            Event(
                self._clock(),
                "transfer",
                transfer.id,
                transfer.mirror,
                transfer.received_bytes,
                transfer.seconds,
                one_line(transfer.fault)[:300],
            )
        )

    def installed(self, id: str) -> None:
        self._note(Event(self._clock(), "installed", id))

    def used(self, id: str) -> None:
        """It came into the mix."""
        self._note(Event(self._clock(), "used", id))

    def _note(self, event: Event) -> None:
        with self._guard:
            self._pending.append(event)
            del self._pending[:-MAX_PENDING]

    def read(self) -> Content:
        """What the file holds, and what is not in it yet. Blocks; a damaged file is set aside.

        Raises `PresetError` where it cannot be read.
        """
        with self._filing:
            try:
                content = _load(self.path)
            except OSError as error:
                reason = error.strerror or type(error).__name__
                raise PresetError(f"{self.path} cannot be read: {reason}") from error
            with self._guard:
                _add(content, self._pending)
        return content

    def rates(self) -> dict[str, float]:
        """Bytes/s by mirror, for `mirrors.Rates`."""
        return {name: each.rate for name, each in self.read().mirrors.items() if each.rate > 0}

    def flush(self) -> None:
        """Bring what is new into the file. Blocks.

        Raises `PresetError` where that cannot be; then it is kept for the next time.
        """
        with self._filing:
            with self._guard:
                events, self._pending = self._pending, []
            if not events:
                return
            try:
                self._file(events)
            except OSError as error:
                with self._guard:
                    self._pending = [*events, *self._pending][-MAX_PENDING:]
                reason = error.strerror or type(error).__name__
                raise PresetError(f"{self.path} cannot be written: {reason}") from error

    def _file(self, events: list[Event]) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        lock = _lock(self.path)
        try:
            content = _load(self.path)
            _add(content, events)
            _write(self.path, msgspec.json.format(msgspec.json.encode(content)))
        finally:
            lock.release()


def _lock(path: Path) -> Lock:
    lock = Lock(path.with_name(path.name + ".lock"))
    give_up = time.monotonic() + LOCK_WITHIN_S
    while not lock.acquire():
        if time.monotonic() > give_up:
            raise TimeoutError(None, "another artflow holds it")
        time.sleep(LOCK_EVERY_S)
    return lock


def _load(path: Path) -> Content:
    try:
        return msgspec.json.decode(path.read_bytes(), type=Content)
    except FileNotFoundError:
        return Content()
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        aside = _free(path)
        log.warning("%s is damaged (%s); it is kept as %s", path, one_line(str(error)), aside.name)
        try:
            os.replace(path, aside)
        except FileNotFoundError:  # another process was quicker
            return Content()
        return Content()


def _free(path: Path) -> Path:
    number = 1
    while (aside := path.with_name(f"{path.name}.damaged-{number}")).exists():
        number += 1
    return aside


def _add(content: Content, events: list[Event]) -> None:
    for event in events:
        preset = content.presets.setdefault(event.id, PresetTotals())
        if event.what == "used":
            preset.uses += 1
            preset.last_used = max(preset.last_used, event.at)
        elif event.what == "installed":
            preset.downloads += 1
            preset.last_download = max(preset.last_download, event.at)
        else:
            preset.bytes += event.bytes
            preset.seconds += event.seconds
            _transfer(content.mirrors.setdefault(event.mirror, MirrorTotals()), event)
    content.history = sorted([*content.history, *events], key=lambda event: event.at)
    del content.history[:-MAX_HISTORY]


def _transfer(mirror: MirrorTotals, event: Event) -> None:
    mirror.count += 1
    mirror.faults += bool(event.fault)
    mirror.bytes += event.bytes
    mirror.seconds += event.seconds
    if event.bytes >= MEASURABLE_BYTES:
        rate = event.bytes / max(event.seconds, 1e-3)
        mirror.rate = (
            rate if not mirror.rate else mirror.rate + NEWEST_WEIGHS * (rate - mirror.rate)
        )


def _write(path: Path, data: bytes) -> None:
    """Replace the file at one moment: on the disk first, then under its name."""
    fresh = path.with_name(path.name + ".new")  # the lock is ours: nobody else writes it
    with open(fresh, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    os.replace(fresh, path)
    if sys.platform != "win32":
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            with contextlib.suppress(OSError):  # some file systems cannot
                os.fsync(folder)
        finally:
            os.close(folder)
