"""A downloader at work on a mirror server, for tests."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import trio

from presets import part_file
from presets.download import Downloader
from presets.mirrors import Rates
from presets.part_file import lock_path, notes_path, part_path
from presets.wanted import (
    Limits,
    Mirror,
    Progress,
    Transfer,
    Wanted,
    WantedFile,
)
from tests.helpers.mirror_server import MirrorServer, pattern, serving

QUICK = Limits(
    connect_s=2,
    silent_s=1,
    slow_bytes_s=200_000,
    slow_s=0.3,
    quiet_s=3,
    back_off_s=0.01,
    back_off_max_s=0.05,
    lock_every_s=0.02,
    publish_every_s=0.005,
)
BODY = pattern(300_000)
OTHER = pattern(300_000, seed=2)
NAME = "anime.safetensors"


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


class Stage:
    """A downloader at work on a server's files, and all that it has told."""

    def __init__(self, server: MirrorServer, folder: Path) -> None:
        self.server, self.folder = server, folder
        self.told: list[tuple[str, Progress]] = []
        self.transfers: list[Transfer] = []
        self.free = 1 << 40
        self.rates = Rates()
        self.downloader = Downloader(
            lambda id, progress: self.told.append((id, progress)),
            free_space=lambda _: self.free,
            limits=QUICK,
            rates=self.rates,
            on_transfer=self.transfers.append,
        )

    def wanted(self, *paths: str, id: str = "anime", name: str = NAME, **file: Any) -> Wanted:
        """One file from these paths of the server, or whole urls; BODY's size and digest."""
        urls = [path if "://" in path else self.server.url(path) for path in paths or ("/a",)]
        mirrors = tuple(Mirror(f"mirror {n}", url) for n, url in enumerate(urls))
        file = {"size": len(BODY), "sha256": sha256(BODY), **file}
        return Wanted(id, self.folder, (WantedFile(name, mirrors, **file),))

    async def fetch(self, *paths: str, **file: Any) -> Progress:
        with trio.fail_after(30):
            return await self.downloader.want(self.wanted(*paths, **file)).wait()

    def states(self, id: str = "anime") -> list[str]:
        """The states in their order, each once in a row."""
        states = [progress.state for told, progress in self.told if told == id]
        return [state for n, state in enumerate(states) if n == 0 or states[n - 1] != state]

    def has(self, body: bytes = BODY, name: str = NAME) -> bool:
        """This file is installed, and nothing else is left of it."""
        target = self.folder / name
        left = [path(target).exists() for path in (part_path, notes_path, lock_path)]
        return target.exists() and target.read_bytes() == body and not any(left)

    def has_none(self) -> bool:
        return not (self.folder / NAME).exists() and not lock_path(self.folder / NAME).exists()

    def keep(self, data: bytes, notes: part_file.Notes | None = None) -> None:
        """As if an earlier run had left this."""
        part = part_file.Part(self.folder / NAME)
        part.append(data)
        if notes:
            part.note(notes)
        part.close()


@asynccontextmanager
async def staging(folder: Path) -> AsyncIterator[Stage]:
    files = {"/a": BODY, "/b": BODY, "/c": BODY}
    async with serving(files) as server, trio.open_nursery() as nursery:
        stage = Stage(server, folder)
        await nursery.start(stage.downloader.run)
        yield stage
        nursery.cancel_scope.cancel()


async def until(condition: Callable[[], bool]) -> None:
    with trio.fail_after(20):
        while not condition():
            await trio.sleep(0.005)
