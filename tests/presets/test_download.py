"""The downloader itself: the queue, cancelling, the disk, several files as one."""

from __future__ import annotations

import errno
import itertools
import os
from dataclasses import replace
from pathlib import Path

import pytest
import trio
from trio.testing import MockClock

from presets import part_file
from presets.download import Download
from presets.part_file import lock_path, part_path
from presets.wanted import (
    FINAL,
    Limits,
    Mirror,
    Progress,
    Wanted,
    WantedFile,
)
from tests.helpers.downloads import BODY, NAME, QUICK, Stage, sha256, staging, until
from tests.helpers.mirror_server import Answer

# the disk


async def test_no_room_is_told_before_and_what_is_kept_stays(stage: Stage) -> None:
    stage.keep(BODY[:100_000])
    stage.free = 150_000
    end = await stage.fetch("/a")
    assert end.state == "failed"
    assert "needs 200,000 more bytes" in end.error
    assert "0.1 MB of 0.3 MB are kept" in end.error
    assert part_path(stage.folder / NAME).read_bytes() == BODY[:100_000]
    stage.free = 200_000
    assert (await stage.fetch("/a")).state == "installed"


async def test_room_that_gets_too_little_is_noticed_on_the_way(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("presets.body.LOOK_EVERY_BYTES", 50_000)
    stage.server.always["/a"] = Answer(trickle=(20_000, 0.02))
    async with trio.open_nursery() as nursery:

        @nursery.start_soon
        async def shrink() -> None:
            await until(lambda: stage.downloader.progress("anime").received_bytes >= 100_000)
            stage.free = 10

        end = await stage.fetch("/a")
    assert "the disk is full" in end.error
    kept = part_path(stage.folder / NAME).read_bytes()
    assert BODY.startswith(kept)
    assert len(kept) > 90_000


@pytest.mark.parametrize("trouble", [errno.ENOSPC, errno.EFBIG, errno.EACCES, errno.EIO])
async def test_a_disk_that_refuses(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, trouble: int
) -> None:
    append = part_file.Part.append

    def full(part: part_file.Part, data: bytes) -> None:
        if part.size + len(data) > 200_000:
            raise OSError(trouble, os.strerror(trouble))
        append(part, data)

    monkeypatch.setattr(part_file.Part, "append", full)
    stage.server.always["/a"] = Answer(trickle=(60_000, 0.06))
    end = await stage.fetch("/a")
    assert end.state == "failed"
    is_full = trouble in part_file.FULL
    assert ("the disk is full" if is_full else "cannot be written") in end.error
    kept = part_file.kept_bytes(stage.folder / NAME)
    assert end.received_bytes == kept
    assert not is_full or f"needs {len(BODY) - kept:,} more bytes" in end.error


# the queue


async def test_the_newest_wanted_goes_first_and_so_many_at_once(stage: Stage) -> None:
    # b outlasts a and all that follow it, so that they come one after the other
    slow, slower = (Answer(trickle=(10_000, pause_s)) for pause_s in (0.02, 0.045))
    stage.server.always = {"/a": slow, "/b": slower}
    first = [stage.downloader.want(stage.wanted(f"/{x}", id=x, name=f"{x}.bin")) for x in "ab"]
    await until(lambda: all(one.progress.state == "downloading" for one in first))
    for id in ("old", "older", "newest"):
        stage.downloader.want(stage.wanted("/c", id=id, name=f"{id}.bin"))
    again = stage.wanted("/c", id="old", name="old.bin")
    assert stage.downloader.want(again) is stage.downloader.want(again)  # and goes before the rest
    running = {"resolving", "downloading", "verifying"}
    now: dict[str, str] = {}
    await until(lambda: all(stage.downloader.progress(id).state in FINAL for id in ("a", "older")))
    for id, progress in stage.told:
        now[id] = progress.state
        assert sum(state in running for state in now.values()) <= 2
    begun = [id for id, progress in stage.told if progress.state == "resolving"]
    order = list(dict.fromkeys(begun))
    assert set(order[:2]) == {"a", "b"}
    assert order[2:] == ["old", "newest", "older"]


@pytest.mark.parametrize("turns", [0, 1, 3])
async def test_of_wishes_sent_together_the_newest_begin(stage: Stage, turns: int) -> None:
    stage.server.always["/a"] = Answer(stall_after=1000)
    stage.downloader.limits = replace(QUICK, gather_s=0.2)
    ids = "opqrs"
    for id in ids:  # each a datagram of its own
        stage.downloader.want(stage.wanted("/a", id=id, name=f"{id}.bin"))
        for _ in range(turns):
            await trio.lowlevel.checkpoint()
    now = stage.downloader.progress
    await until(lambda: sum(now(id).state == "downloading" for id in ids) == 2)
    assert {id for id, progress in stage.told if progress.state != "queued"} == {"r", "s"}
    stage.downloader.cancel("s")
    await until(lambda: now("q").state == "downloading")
    assert {now(id).state for id in "op"} == {"queued"}


async def test_cancelled_it_keeps_the_part_and_says_how_much(stage: Stage) -> None:
    stage.server.answers["/a"] = [Answer(trickle=(10_000, 0.02))]
    download = stage.downloader.want(stage.wanted("/a"))
    await until(lambda: download.progress.received_bytes > 50_000)
    assert stage.downloader.cancel("anime")
    end = await download.wait()
    kept = part_path(stage.folder / NAME).stat().st_size
    assert (end.state, end.received_bytes) == ("cancelled", kept)
    assert kept >= 50_000
    assert end.error.startswith("cancelled; ")
    assert "are kept" in end.error
    assert not lock_path(stage.folder / NAME).exists()
    assert not stage.downloader.cancel("anime")
    assert (await stage.fetch("/a")).state == "installed"
    assert stage.server.ranges("/a") == ["", f"bytes={kept}-"]


async def test_what_cannot_be_continued_is_not_said_to_be(stage: Stage) -> None:
    stage.server.answers["/a"] = [Answer(trickle=(10_000, 0.02), drop=("etag",))]
    download = stage.downloader.want(stage.wanted("/a", sha256=None))
    await until(lambda: download.progress.received_bytes > 50_000)
    assert stage.downloader.cancel("anime")
    end = await download.wait()
    assert end.received_bytes == part_path(stage.folder / NAME).stat().st_size
    assert end.error.endswith("are kept that cannot be continued; the next download begins anew")
    assert (await stage.fetch("/a", sha256=None)).state == "installed"
    assert stage.server.ranges("/a") == ["", ""]


async def test_wanted_again_before_a_cancel_has_come_to_its_end(stage: Stage) -> None:
    stage.server.answers["/a"] = [Answer(trickle=(10_000, 0.02))]
    first = stage.downloader.want(stage.wanted("/a"))
    await until(lambda: first.progress.received_bytes > 50_000)
    assert stage.downloader.cancel("anime")
    again = stage.downloader.want(stage.wanted("/a"))
    assert again is not first
    assert (await first.wait()).state == "cancelled"
    assert (await again.wait()).state == "installed"
    assert stage.states()[2:] == [
        "downloading",
        "resolving",
        "downloading",
        "verifying",
        "installed",
    ]
    shares = [progress.share for _, progress in stage.told]
    assert shares == sorted(shares)
    (whole, rest) = stage.server.ranges("/a")
    assert (whole, rest[:6]) == ("", "bytes=")


async def test_the_last_of_many_wishes_counts(stage: Stage) -> None:
    stage.server.answers["/a"] = [Answer(trickle=(10_000, 0.02))]
    first = stage.downloader.want(stage.wanted("/a"))
    await until(lambda: first.progress.received_bytes > 50_000)
    for _ in range(3):
        assert stage.downloader.cancel("anime")
        last = stage.downloader.want(stage.wanted("/a"))
    assert stage.downloader.cancel("anime")
    assert (await last.wait()).state == "cancelled"
    assert stage.states() == ["queued", "resolving", "downloading", "cancelled"]
    assert (await stage.fetch("/a")).state == "installed"


async def test_cancelled_in_the_queue(stage: Stage) -> None:
    stage.server.always["/a"] = Answer(stall_after=1000)
    for n in range(2):
        stage.downloader.want(stage.wanted("/a", id=f"{n}", name=f"{n}.bin"))
    await until(lambda: stage.downloader.progress("0").state == "downloading")
    download = stage.downloader.want(stage.wanted("/b"))
    stage.downloader.cancel("anime")
    assert (await download.wait()).error == "cancelled; nothing is kept"
    assert stage.states() == ["queued", "cancelled"]
    assert not stage.downloader.cancel("nobody")
    assert stage.downloader.progress("nobody").state == "absent"


async def test_one_file_wanted_twice_is_fetched_once(stage: Stage) -> None:
    stage.server.always["/a"] = Answer(trickle=(60_000, 0.02))
    both = [stage.downloader.want(stage.wanted("/a", id=id)) for id in ("one", "other")]
    for download in both:
        assert (await download.wait()).state == "installed"
    assert stage.has()
    assert stage.server.sent == len(BODY)


async def test_several_files_are_one_download(stage: Stage) -> None:
    mirrors = (Mirror("m", stage.server.url("/a")),)
    names = ("unet/model.safetensors", "vae/model.safetensors", "model_index.json")
    files = tuple(WantedFile(name, mirrors, len(BODY), sha256(BODY)) for name in names)
    (stage.folder / "vae").mkdir()
    (stage.folder / "vae/model.safetensors").write_bytes(BODY)
    stage.free = 2 * len(BODY) - 1
    wanted = Wanted("model", stage.folder, files)
    end = await stage.downloader.want(wanted).wait()
    assert f"needs {2 * len(BODY):,} more bytes" in end.error
    stage.free = 1 << 40
    stage.told.clear()
    end = await stage.downloader.want(wanted).wait()
    assert (end.state, end.total_bytes, end.received_bytes) == ("installed", 900_000, 900_000)
    assert all(stage.has(name=name) for name in names)
    shares = [progress.share for _, progress in stage.told]
    assert shares == sorted(shares)
    assert next(share for share in shares if share) >= 1 / 3
    assert stage.states("model").count("installed") == 1


@pytest.mark.parametrize("name", ["../x", "/x", "a/../../x", "a\\x", "c:x", "", "a\0b"])
async def test_a_name_that_leaves_the_folder(stage: Stage, name: str) -> None:
    end = await stage.fetch("/a", name=name)
    assert end.state == "failed"
    assert "cannot be a file's name" in end.error


async def test_the_chosen_mirror_is_asked_first(stage: Stage) -> None:
    wanted = stage.wanted("/a", "/b", "/c")
    chosen = Wanted(wanted.id, wanted.folder, wanted.files, first_mirror=2)
    await stage.downloader.want(chosen).wait()
    assert [request.path for request in stage.server.requests] == ["/c"]


async def test_no_mirrors_at_all(stage: Stage) -> None:
    wanted = Wanted("x", stage.folder, (WantedFile("x.bin", ()),))
    assert "has no mirror" in (await stage.downloader.want(wanted).wait()).error


async def test_a_fault_of_ours_ends_one_download_and_not_the_show(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(self: object, store: object) -> str:  # noqa: ARG001
        raise RuntimeError("no\nidea")

    with monkeypatch.context() as patch:
        patch.setattr("presets.transfer.Fetch._check", broken)
        end = await stage.fetch("/a")
    assert end.state == "failed"
    assert "RuntimeError: no idea" in end.error
    assert (await stage.fetch("/a")).state == "installed"


async def test_progress_comes_at_most_ten_times_a_second(
    tmp_path: Path, autojump_clock: MockClock
) -> None:
    told: list[tuple[float, Progress]] = []
    file = WantedFile(NAME, (Mirror("m", "https://mirror.example/a"),), 1_000_000)
    download = Download(
        Wanted("x", tmp_path, (file,)),
        lambda _, new: told.append((autojump_clock.current_time(), new)),
        Limits(),
    )
    teller = download.teller(NAME, lambda _: None)
    teller.state("downloading", "m")
    for kept in range(10_000, 1_000_000, 10_000):
        await trio.sleep(0.013)
        teller.arrived(10_000)
        teller.kept(kept)
    moving = [at for at, _ in told]
    assert 11 <= len(moving) <= 13
    assert all(after - before >= 0.1 for before, after in itertools.pairwise(moving))
    assert all(progress.rate > 0 and progress.eta_s > 0 for _, progress in told[1:])


async def test_it_ends_with_the_show_and_goes_on_with_the_next(tmp_path: Path) -> None:
    async with staging(tmp_path) as stage:
        stage.server.answers["/a"] = [Answer(stall_after=150_000)]
        download: Download = stage.downloader.want(stage.wanted("/a"))
        await until(lambda: download.progress.received_bytes >= 100_000)
    assert part_path(tmp_path / NAME).exists()
    assert not lock_path(tmp_path / NAME).exists()
    async with staging(tmp_path) as stage:
        assert (await stage.fetch("/a")).state == "installed"
        assert stage.server.sent <= len(BODY) - 100_000
