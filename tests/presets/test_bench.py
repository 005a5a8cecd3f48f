"""How fast files arrive: measured beside others, verified, and nothing left behind."""

from __future__ import annotations

import os
import shutil
import statistics
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import httpx
import pytest
import trio

from engine.errors import ArtflowError
from presets import bench, bench_server
from presets.bench import Rates, bench_download, open_site, rates, write_pattern
from tests.helpers.tools import need_tool

SIZE = 300_001


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Where all temporary files are; none is left in the end, and no process."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    before = children()
    yield tmp_path
    assert list(tmp_path.iterdir()) == []
    assert children() <= before


def children() -> set[str]:
    tasks = Path(f"/proc/{os.getpid()}/task")
    found = [(task / "children").read_text().split() for task in tasks.glob("*")]
    return {pid for pids in found for pid in pids}


def check(told: Rates, rounds: int) -> None:
    for rate, each in ((told.ours, told.ours_rounds), (told.baseline, told.baseline_rounds)):
        assert len(each) == rounds
        assert min(each) > 0
        assert rate == round(statistics.median(each), 1)
    assert told.ratio == round(told.ours / told.baseline, 3)


async def test_both_fetch_the_same_file_in_turn(folder: Path) -> None:
    for tool in ("curl", "sha256sum"):
        need_tool(tool)
    async with open_site(SIZE) as site:
        (place,) = folder.iterdir()
        told = await bench_download(site, rounds=2)
        arrived = (place / "arrived.safetensors").read_bytes()
    assert sha256(arrived).hexdigest() == site.sha256
    assert (told.file_mb, told.cap_mb_s) == (0.300001, 100.0)
    assert told.baseline == "curl | sha256sum"
    check(told.capped, 2)
    check(told.uncapped, 2)


async def test_a_machine_without_curl(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda _: None)
    async with open_site(SIZE) as site:
        told = await bench_download(site, rounds=1)
    assert told.baseline == "urllib and hashlib, for want of curl"
    check(told.capped, 1)


def test_the_ratio_is_that_of_what_is_shown() -> None:
    told = rates([90.04, 100.0, 80.0], [100.06, 99.0, 110.0])
    assert told == Rates(90.0, 100.1, 0.899, [90.0, 100.0, 80.0], [100.1, 99.0, 110.0])


async def test_other_bytes_are_no_measurement() -> None:
    async with open_site(SIZE) as site:
        another = replace(site, sha256="0" * 64)
        with pytest.raises(ArtflowError, match=r"bench download came to nothing: .*digest is"):
            await another.fetch("/free")
        with pytest.raises(ArtflowError, match="came to nothing: its digest is"):
            await another.fetch_by_others("/free")
        nowhere = replace(site, port=9)
        with pytest.raises(ArtflowError, match="came to nothing"):
            await nowhere.fetch_by_others("/free")


async def test_too_little_room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bench, "free_space", lambda _: 1_000_000)
    with pytest.raises(ArtflowError, match=r"needs 2\.0 MB in .*, 1\.0 MB are free; make room"):
        async with open_site(1_000_001):
            pass


async def test_it_ends_in_the_middle_and_begins_again(folder: Path) -> None:
    async with open_site(30_000_000) as site:
        (place,) = folder.iterdir()
        for _ in range(2):
            async with trio.open_nursery() as nursery:
                nursery.start_soon(site.fetch_on)
                nursery.start_soon(site.fetch_by_others, "/capped")
                while not site.downloader.progress("bench").received_bytes:
                    await trio.sleep(0.01)
                nursery.cancel_scope.cancel()
            await site.clear()
            assert site.downloader.progress("bench").state == "cancelled"
        assert [each.name for each in place.iterdir()] == ["served.safetensors"]
        await site.fetch("/free")
        async with trio.open_nursery() as nursery:
            nursery.start_soon(site.fetch_on)
            await trio.sleep(0.05)
            nursery.cancel_scope.cancel()  # and the site with it, while the download ends


async def test_the_server_sends_the_file_both_ways(folder: Path) -> None:
    async with open_site(SIZE) as site, httpx.AsyncClient(trust_env=False) as client:
        (place,) = folder.iterdir()
        served = (place / "served.safetensors").read_bytes()
        for path in ("/capped", "/free", "/capped"):  # one connection
            answer = await client.get(site.url(path))
            assert answer.content == served
        assert len(served) == SIZE


def test_the_cap_holds_and_forgives_little() -> None:
    late = bench_server.BURST_S
    assert bench_server.next_due_s(10.0, 10.0, 0.5) == 10.5
    assert bench_server.next_due_s(10.0, 10.0 + late, 0.5) == 10.5  # caught up with
    assert bench_server.next_due_s(10.0, 12.0, 0.5) == 12.5 - late  # and what is beyond is lost


def test_a_byte_out_of_place_would_show(folder: Path) -> None:
    size = bench.BLOCK_BYTES + 5
    digest = write_pattern(folder / "x", size)
    made = (folder / "x").read_bytes()
    (folder / "x").unlink()
    assert (len(made), sha256(made).hexdigest()) == (size, digest)
    assert made[: 1 << 18] != made[1 << 18 : 2 << 18]
    assert made[-5:] == made[:5]
