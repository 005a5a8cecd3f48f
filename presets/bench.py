"""How fast files arrive: the downloader and `curl | sha256sum`, from a server on this machine.

Both fetch the same file in turn; the downloader writes it to the disk besides. All of it lies in
one temporary folder, which goes with the measurement, however that ends.
"""

from __future__ import annotations

import hashlib
import os
import random
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from subprocess import PIPE
from typing import Final

import msgspec
import trio

from engine.errors import ArtflowError
from presets import bench_server, part_file
from presets.download import Downloader, free_space
from presets.wanted import FINAL, Limits, Mirror, Wanted, WantedFile, megabytes

CAP_BYTES_S: Final = 100_000_000
ROUNDS: Final = 3
ARRIVED: Final = "arrived.safetensors"
BLOCK_BYTES: Final = 1_000_003
"""The file repeats a block whose length divides no batch: a byte out of place shows."""

# the baseline of machines without curl or sha256sum
PLAIN: Final = """
import hashlib, sys, urllib.request
found = hashlib.sha256()
direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
with direct.open(sys.argv[1]) as answer:
    while data := answer.read(1 << 18):
        found.update(data)
print(found.hexdigest())
"""


class Rates(msgspec.Struct, frozen=True):
    """MB/s (10^6 bytes) of each round, and their medians; `ratio` is ours to the baseline's."""

    ours: float
    baseline: float
    ratio: float
    ours_rounds: list[float]
    baseline_rounds: list[float]


class DownloadFigures(msgspec.Struct, frozen=True):
    """A file of `file_mb`, verified, from a server capped at `cap_mb_s`, and uncapped."""

    file_mb: float
    cap_mb_s: float
    baseline: str
    capped: Rates
    uncapped: Rates


def rates(ours: Sequence[float], baseline: Sequence[float]) -> Rates:
    """Medians of rounds in MB/s, and the ratio of what is shown."""
    mine, others = ([round(rate, 1) for rate in each] for each in (ours, baseline))
    middle, other = round(statistics.median(mine), 1), round(statistics.median(others), 1)
    return Rates(middle, other, round(middle / other, 3), mine, others)


@dataclass(frozen=True)
class Site:
    """A file on a server of this machine, and a downloader at work beside the caller."""

    folder: Path
    size: int
    sha256: str
    port: int
    downloader: Downloader

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.port}{path}"

    async def fetch(self, path: str) -> None:
        """Have it downloaded, verified and installed. Raises `ArtflowError`."""
        mirror = Mirror("bench", self.url(path))
        file = WantedFile(ARRIVED, (mirror,), self.size, self.sha256)
        download = self.downloader.want(Wanted("bench", self.folder, (file,)))
        try:
            end = await download.wait()
        finally:
            self.downloader.cancel("bench")
        if end.state != "installed":
            raise ArtflowError(f"bench download came to nothing: {end.error}")

    async def fetch_by_others(self, path: str) -> None:
        """The baseline: read and hashed, nothing kept. Raises `ArtflowError`."""
        found = await (_piped if _has_tools() else _plain)(self.url(path))
        if found != self.sha256:
            raise ArtflowError(f"{baseline()} came to nothing: its digest is {found or 'missing'}")

    async def clear(self) -> None:
        """Away with what has arrived, all of it or a part."""
        while self.downloader.progress("bench").state not in (*FINAL, "absent"):
            await trio.sleep(0.01)  # cancelled, and not yet gone
        target = self.folder / ARRIVED
        await trio.to_thread.run_sync(partial(target.unlink, missing_ok=True))
        await trio.to_thread.run_sync(part_file.clear, target)

    async def fetch_on(self) -> None:
        """Download at the cap, again and again, until cancelled."""
        while True:
            await self.clear()
            await self.fetch("/capped")


@asynccontextmanager
async def open_site(size: int) -> AsyncIterator[Site]:
    """A file of `size` bytes, served. Raises `ArtflowError` where the disk has too little room."""
    with tempfile.TemporaryDirectory(prefix="artflow-bench-") as name:
        folder = Path(name)
        _check_room(folder, 2 * size)
        served = folder / "served.safetensors"
        sha256 = await trio.to_thread.run_sync(write_pattern, served, size)
        command = [sys.executable, "-P", bench_server.__file__, str(served), str(CAP_BYTES_S)]
        async with trio.open_nursery() as nursery:
            server = await nursery.start(partial(trio.run_process, command, stdout=PIPE))
            port = int(await _first_word(server))
            downloader = Downloader(lambda *_: None, limits=Limits(gather_s=0.0))
            await nursery.start(downloader.run)
            yield Site(folder, size, sha256, port, downloader)
            nursery.cancel_scope.cancel()


async def bench_download(site: Site, rounds: int = ROUNDS) -> DownloadFigures:
    """The rates of the site's file; the downloader and the baseline take turns."""
    capped, uncapped = [await _rates(site, path, rounds) for path in ("/capped", "/free")]
    return DownloadFigures(site.size / 1e6, CAP_BYTES_S / 1e6, baseline(), capped, uncapped)


async def _rates(site: Site, path: str, rounds: int) -> Rates:
    ours, others = [], []
    for _ in range(rounds):
        others.append(await _rate(site, site.fetch_by_others, path))
        await site.clear()
        ours.append(await _rate(site, site.fetch, path))
    return rates(ours, others)


async def _rate(site: Site, fetch: Callable[[str], Awaitable[None]], path: str) -> float:
    """MB/s."""
    began_s = time.perf_counter()
    await fetch(path)
    return site.size / 1e6 / (time.perf_counter() - began_s)


def _check_room(folder: Path, needed: int) -> None:
    free = free_space(folder)
    if free < needed:
        raise ArtflowError(
            f"bench download needs {megabytes(needed)} in {folder.parent}, {megabytes(free)} are "
            "free; make room, set TMPDIR to another folder, or measure with fewer --seconds"
        )


def write_pattern(path: Path, size: int) -> str:
    """Make a file of `size` bytes; its sha256."""
    block = random.Random(1).randbytes(min(size, BLOCK_BYTES))
    digest = hashlib.sha256()
    with path.open("wb") as file:
        for start in range(0, size, BLOCK_BYTES):
            data = block[: size - start]
            digest.update(data)
            file.write(data)
    return digest.hexdigest()


# the baseline


def baseline() -> str:
    """What the downloader is measured against on this machine."""
    return "curl | sha256sum" if _has_tools() else "urllib and hashlib, for want of curl"


def _has_tools() -> bool:
    return bool(shutil.which("curl") and shutil.which("sha256sum"))


async def _piped(url: str) -> str:
    """What `curl URL | sha256sum` prints; the digest of nothing where curl fails."""
    run = partial(trio.run_process, check=False)
    curl = ["curl", "--silent", "--noproxy", "*", url]
    reading, writing = os.pipe()
    async with trio.open_nursery() as nursery:
        with open(reading, "rb") as into:
            with open(writing, "wb") as out:  # while ours is open, sha256sum sees no end
                await nursery.start(partial(run, curl, stdout=out))
            hasher = await nursery.start(partial(run, ["sha256sum"], stdin=into, stdout=PIPE))
        return await _first_word(hasher)


async def _plain(url: str) -> str:
    found = await trio.run_process(
        [sys.executable, "-c", PLAIN, url], capture_stdout=True, check=False
    )
    return found.stdout.decode().strip()


async def _first_word(process: trio.Process) -> str:
    """Of the first line that it prints, or "" where it ends without one."""
    assert process.stdout is not None
    line = b""
    while b"\n" not in line and (data := await process.stdout.receive_some()):
        line += data
    return line.decode().partition("\n")[0].partition(" ")[0].strip()
