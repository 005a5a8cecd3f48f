"""Whatever mirrors do, and in whatever order: the right file is installed, or none is."""

from __future__ import annotations

import tempfile
from pathlib import Path

import trio
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from presets import part_file
from presets.download import Downloader
from presets.part_file import lock_path, notes_path, part_path
from presets.wanted import Limits, Mirror, Progress, Wanted, WantedFile
from tests.helpers.downloads import sha256
from tests.helpers.mirror_server import Answer, pattern, serving

BODY = pattern(30_000)
OTHER = pattern(30_000, seed=2)
LIMITS = Limits(
    silent_s=0.1,
    slow_s=0.1,
    slow_bytes_s=100_000,
    quiet_s=2,
    back_off_s=0.002,
    back_off_max_s=0.01,
    restarts=100,
    publish_every_s=0,
)
PATHS = ("/a", "/b", "/c")

places = st.integers(0, len(BODY) - 1) | st.sampled_from([0, 1, len(BODY) - 1])
LOSSES = st.one_of(
    st.builds(Answer, cut_after=places),
    st.builds(Answer, cut_after=places, ignore_range=st.booleans(), chunked=st.booleans()),
    st.builds(Answer, cut_after=places, drop=st.just(("content-length", "etag"))),
    st.builds(Answer, stall_after=st.sampled_from([0, 7_000])),
    st.builds(Answer, chunked=st.just(True), trickle=st.just((500, 0.03))),
    st.builds(Answer, status=st.sampled_from([429, 500, 503])),
    st.builds(Answer, drop=st.just(("content-range",))),
    st.builds(Answer, headers=st.just((("content-range", "bytes 5-9/30000"),))),
    st.builds(Answer, redirect=st.sampled_from(PATHS)),
)
"""A mirror that does so does well in the end."""
LIES = st.one_of(
    st.builds(Answer, corrupt_at=places),
    st.builds(Answer, corrupt_at=places, cut_after=places),
    st.builds(Answer, body=st.sampled_from([OTHER, OTHER[:900], b"x"]), cut_after=places),
    st.builds(Answer, body=st.just(OTHER), chunked=st.booleans()),
    st.builds(Answer, extra=st.just(b"more"), chunked=st.booleans()),
    st.builds(Answer, compress=st.just(True)),
    st.builds(Answer, status=st.sampled_from([401, 403, 404, 416])),
    st.builds(
        Answer, redirect=st.sampled_from(["http://x.example/", "https://10.0.0.1/", "/", "http:"])
    ),
)


def check(told: list[Progress], target: Path) -> Progress:
    """What holds however it went."""
    end = told[-1]
    shares = [progress.share for progress in told]
    assert shares == sorted(shares)
    assert all((progress.share == 1) == (progress.state == "installed") for progress in told)
    assert not lock_path(target).exists()
    if end.state == "installed":
        assert target.read_bytes() == BODY
        assert not part_path(target).exists()
        assert not notes_path(target).exists()
    else:
        assert end.state == "failed"
        assert end.error
        assert not target.exists()
        assert end.received_bytes == part_file.kept_bytes(target)
    return end


async def play(scripts: list[list[Answer]], folder: Path, *, pinned: bool) -> list[Progress]:
    """How it ends on mirrors that answer so, and then, after they have been repaired."""
    ends = []
    async with serving(dict.fromkeys(PATHS, BODY)) as server, trio.open_nursery() as nursery:
        mirrors = []
        for path, script in zip(PATHS, scripts, strict=False):
            server.answers[path] = list(script)
            mirrors.append(Mirror(path, server.url(path)))
        told: list[Progress] = []
        downloader = Downloader(lambda _, progress: told.append(progress), limits=LIMITS)
        await nursery.start(downloader.run)
        digest = sha256(BODY) if pinned else None
        file = WantedFile("x.bin", tuple(mirrors), len(BODY), digest)
        for _ in range(2):
            with trio.fail_after(60):
                await downloader.want(Wanted("x", folder, (file,))).wait()
            ends.append(check(told, folder / "x.bin"))
            server.answers.clear()
            told.clear()
        nursery.cancel_scope.cancel()
    return ends


quickly = settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))


@quickly
@given(st.lists(st.lists(LOSSES | LIES, max_size=4), min_size=1, max_size=3))
def test_whatever_the_mirrors_do(scripts: list[list[Answer]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        _, after = trio.run(lambda: play(scripts, Path(folder), pinned=True))
    assert after.state == "installed", after.error


@quickly
@given(st.lists(st.lists(LOSSES, max_size=3), min_size=1, max_size=3))
def test_losses_are_made_good(scripts: list[list[Answer]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        first, _ = trio.run(lambda: play(scripts, Path(folder), pinned=True))
    assert first.state == "installed", first.error


@quickly
@given(st.lists(st.lists(LOSSES, max_size=3), min_size=1, max_size=3))
def test_and_without_a_digest_no_bytes_are_mixed(scripts: list[list[Answer]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        _, after = trio.run(lambda: play(scripts, Path(folder), pinned=False))
    assert after.state == "installed", after.error
