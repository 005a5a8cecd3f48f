"""Downloads that are killed, that meet, and that find the disk full: in processes of their own."""

from __future__ import annotations

import functools
import hashlib
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import trio

from presets.part_file import lock_path, notes_path, part_path
from tests.helpers.mirror_server import Answer, MirrorServer, pattern, serving

MIB = 1 << 20
BODY = pattern(3 * MIB)
DIGEST = hashlib.sha256(BODY).hexdigest()
HALF = len(BODY) // 2
ROOT = Path(__file__).parents[2]


async def start(
    nursery: trio.Nursery, server: MirrorServer, folder: Path, stdout: int = subprocess.DEVNULL
) -> trio.Process:
    arguments = [server.url("/a"), str(folder), str(len(BODY)), DIGEST]
    command = [sys.executable, "-m", "tests.helpers.fetch_once", *arguments]
    fetching = functools.partial(trio.run_process, command, cwd=ROOT, stdout=stdout, check=False)
    process: trio.Process = await nursery.start(fetching)
    return process


async def run(server: MirrorServer, folder: Path, *more: str) -> list[Any]:
    """How a fetch in another process ends: state, bytes, error."""
    arguments = [server.url("/a"), str(folder), str(len(BODY)), DIGEST, *more]
    command = [sys.executable, "-m", "tests.helpers.fetch_once", *arguments]
    with trio.fail_after(60):
        done = await trio.run_process(command, cwd=ROOT, capture_stdout=True)
    return how_it_ended(done.stdout)


def how_it_ended(told: bytes) -> list[Any]:
    found: list[Any] = json.loads(told.splitlines()[-1])
    return found


async def until(condition: Callable[[], bool]) -> None:
    with trio.fail_after(60):
        while not condition():
            await trio.sleep(0.005)


def installed(folder: Path) -> bool:
    target = folder / "anime.safetensors"
    left = [path(target).exists() for path in (part_path, notes_path, lock_path)]
    return target.read_bytes() == BODY and not any(left)


async def kill_in_the_middle(server: MirrorServer, folder: Path) -> int:
    """How many bytes it had kept when it was killed: all but the last 1 MiB that had been sent."""
    server.answers["/a"] = [Answer(stall_after=HALF)]
    part = part_path(folder / "anime.safetensors")
    async with trio.open_nursery() as nursery:
        process = await start(nursery, server, folder)
        # (what waits in sockets is not kept, so the server waits, too)
        await until(lambda: part.exists() and part.stat().st_size >= HALF - MIB)
        process.kill()
    return part.stat().st_size


async def test_killed_it_goes_on_where_it_was(tmp_path: Path) -> None:
    async with serving({"/a": BODY}) as server:
        kept = await kill_in_the_middle(server, tmp_path)
        state, *_ = await run(server, tmp_path)
        assert state == "installed"
        assert installed(tmp_path)
        assert server.ranges("/a") == ["", f"bytes={kept}-"]


async def test_two_processes_fetch_one_file_once(tmp_path: Path) -> None:
    ends: list[list[Any]] = []

    async def one(server: MirrorServer) -> None:
        ends.append(await run(server, tmp_path))

    async with serving({"/a": BODY}) as server:
        server.rate = 2 * MIB
        async with trio.open_nursery() as nursery:
            nursery.start_soon(one, server)
            nursery.start_soon(one, server)
        assert [state for state, *_ in ends] == ["installed", "installed"]
        assert installed(tmp_path)
        assert server.sent == len(BODY)


async def test_one_that_waits_takes_over_from_one_that_is_killed(tmp_path: Path) -> None:
    async with serving({"/a": BODY}) as server, trio.open_nursery() as nursery:
        server.answers["/a"] = [Answer(stall_after=HALF)]
        first = await start(nursery, server, tmp_path)
        await until(lambda: server.sent == HALF)
        second = await start(nursery, server, tmp_path, subprocess.PIPE)
        assert second.stdout is not None
        told = b""
        with trio.fail_after(60):
            while b"queued" not in told:
                told += await second.stdout.receive_some()
            await trio.sleep(0.3)  # in which it looks at the lock, and waits
            assert len(server.requests) == 1
            first.kill()
            async for data in second.stdout:
                told += data
        assert how_it_ended(told)[0] == "installed"
        assert installed(tmp_path)
        assert len(server.requests) == 2


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no RLIMIT_FSIZE")
async def test_a_file_that_may_not_grow_further(tmp_path: Path) -> None:
    async with serving({"/a": BODY}) as server:
        state, count, error = await run(server, tmp_path, str(MIB))
        kept = part_path(tmp_path / "anime.safetensors").read_bytes()
        assert (state, count) == ("failed", len(kept))
        assert f"needs {len(BODY) - len(kept):,} more bytes" in error
        assert BODY.startswith(kept)
        assert len(kept) == MIB
        state, *_ = await run(server, tmp_path)
        assert state == "installed"
        assert installed(tmp_path)
        assert server.ranges("/a") == ["", f"bytes={MIB}-"]


@pytest.fixture
def small_disk(tmp_path: Path) -> Any:
    """A file system of 1 MiB; skips where none can be made."""
    made = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(tmp_path)],
        capture_output=True,
        check=False,
    )
    if made.returncode:
        pytest.skip("no file system can be mounted here")
    yield tmp_path
    subprocess.run(["umount", "-l", str(tmp_path)], check=True)


@pytest.mark.skipif(sys.platform != "linux", reason="mounts a tmpfs")
async def test_a_small_disk(small_disk: Path) -> None:
    async with serving({"/a": BODY}) as server:
        state, count, error = await run(server, small_disk)
        assert (state, count) == ("failed", 0)
        assert f"needs {len(BODY):,} more bytes" in error
        assert list(small_disk.iterdir()) == []
