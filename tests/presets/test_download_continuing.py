"""Continuing what is kept, and what there is to check where the catalogue has no digest."""

from __future__ import annotations

import os
from typing import Any

import pytest

from engine.errors import ArtflowError
from presets import part_file
from presets.part_file import notes_path, part_path
from tests.helpers.downloads import BODY, NAME, OTHER, Stage, sha256, until
from tests.helpers.mirror_server import Answer


async def test_what_is_kept_is_continued_from_another_mirror(stage: Stage) -> None:
    stage.server.always["/a"] = Answer(status=404)
    stage.keep(BODY[:200_000])
    assert (await stage.fetch("/a", "/b")).state == "installed"
    assert stage.has()
    assert stage.server.ranges("/b") == ["bytes=200000-"]
    assert stage.server.sent == 100_000


async def test_the_same_mirror_is_asked_only_if_nothing_changed(stage: Stage) -> None:
    stage.server.answers["/a"] = [Answer(cut_after=100_000)]
    assert (await stage.fetch("/a")).state == "installed"
    first, second = stage.server.requests
    assert "if-range" not in first.headers
    assert second.headers["if-range"].startswith('"')
    assert stage.server.sent == len(BODY)


async def test_a_file_that_changes_half_way_is_begun_anew(stage: Stage) -> None:
    stage.server.answers["/a"] = [Answer(body=OTHER, cut_after=100_000)]
    assert (await stage.fetch("/a")).state == "installed"
    assert stage.has()


async def test_a_change_that_the_mirror_hides_is_found_by_the_digest(stage: Stage) -> None:
    hidden = Answer(body=OTHER, drop=("etag",), cut_after=100_000)
    stage.server.answers["/a"] = [hidden, Answer(drop=("etag",))]
    assert (await stage.fetch("/a", "/b")).state == "installed"
    assert stage.has()


async def test_a_spoiled_part_is_thrown_away_and_the_mirror_asked_again(stage: Stage) -> None:
    stage.keep(OTHER[:200_000])
    assert (await stage.fetch("/a")).state == "installed"
    assert stage.has()
    assert stage.server.ranges("/a") == ["bytes=200000-", ""]


async def test_a_whole_part_needs_no_mirror(stage: Stage) -> None:
    stage.keep(BODY)
    assert (await stage.fetch("/a")).state == "installed"
    assert stage.has()
    assert not stage.server.requests


async def test_a_part_of_another_file_is_not_continued(stage: Stage) -> None:
    for data, notes in (
        (BODY + b"x", None),
        (BODY[:9], part_file.Notes("ab" * 32, len(BODY))),
        (BODY[:9], part_file.Notes("", 12)),
    ):
        stage.keep(data, notes)
        assert (await stage.fetch("/a")).state == "installed"
        assert stage.has()
        os.unlink(stage.folder / NAME)
    assert set(stage.server.ranges("/a")) == {""}


async def test_unreadable_notes_are_no_notes(stage: Stage) -> None:
    stage.keep(BODY[:200_000])
    notes_path(stage.folder / NAME).write_bytes(b"\xff{")
    assert (await stage.fetch("/a")).state == "installed"
    assert stage.server.sent == 100_000


async def test_what_is_installed_is_recognised(stage: Stage) -> None:
    (stage.folder / NAME).write_bytes(BODY)
    end = await stage.fetch("/a")
    assert (end.state, end.share, end.checked) == ("installed", 1.0, "digest")
    assert not stage.server.requests
    assert stage.has()


async def test_what_is_there_and_wrong_is_replaced_when_the_right_one_is_whole(
    stage: Stage,
) -> None:
    (stage.folder / NAME).write_bytes(OTHER)
    stage.server.answers["/a"] = [Answer(status=404)]
    assert (await stage.fetch("/a")).state == "failed"
    assert (stage.folder / NAME).read_bytes() == OTHER
    assert (await stage.fetch("/a")).state == "installed"
    assert stage.has()


# without a digest in the catalogue


async def test_the_mirrors_own_digest_is_held_against_its_file(stage: Stage) -> None:
    told = (("x-linked-etag", f'"{sha256(BODY)}"'), ("x-linked-size", str(len(BODY))))
    stage.server.answers["/a"] = [Answer(redirect="/b", headers=told)] * 2
    stage.server.answers["/b"] = [Answer(cut_after=100_000), Answer(drop=("etag",))]
    end = await stage.fetch("/a", sha256=None, size=None)
    assert (end.state, end.checked) == ("installed", "mirror's digest")
    assert stage.has()
    assert stage.server.sent == len(BODY)
    os.unlink(stage.folder / NAME)
    stage.server.answers["/a"] = [Answer(redirect="/c", headers=told)]
    stage.server.always["/c"] = Answer(body=OTHER)
    end = await stage.fetch("/a", sha256=None, size=None)
    assert end.state == "failed"
    assert stage.has_none()


async def test_else_its_size_is_all_there_is(stage: Stage) -> None:
    stage.server.answers["/a"] = [Answer(cut_after=100_000)]
    end = await stage.fetch("/a", sha256=None, size=None)
    assert (end.state, end.checked) == ("installed", "mirror's size")
    assert stage.has()
    assert stage.server.sent == len(BODY)  # the same mirror, the same tag
    again = await stage.fetch("/a", sha256=None, size=None)
    assert (again.state, again.checked) == ("installed", "nothing")
    again = await stage.fetch("/a", sha256=None)
    assert (again.state, again.checked) == ("installed", "size")


async def test_halves_of_two_mirrors_are_not_put_together_unchecked(stage: Stage) -> None:
    stage.server.answers["/a"] = [Answer(cut_after=100_000), Answer(status=404)]
    stage.server.always["/b"] = Answer(body=OTHER)
    end = await stage.fetch("/a", "/b", sha256=None)
    assert end.state == "installed"
    assert stage.has(OTHER)
    assert "bytes=100000-" not in stage.server.ranges("/b")


async def test_what_cannot_be_checked_at_all_is_refused(stage: Stage) -> None:
    stage.server.always["/a"] = Answer(chunked=True)
    end = await stage.fetch("/a", sha256=None, size=None)
    assert "tells neither size nor digest" in end.error
    stage.server.always["/a"] = Answer()
    end = await stage.fetch("/a", sha256=None, size=None, ceiling_bytes=1000)
    assert "allowed: up to 1,000 bytes" in end.error
    stage.server.always["/a"] = Answer(chunked=True)
    end = await stage.fetch("/a", size=None, ceiling_bytes=1000)
    assert "more bytes than" in end.error
    assert stage.has_none()


# the header


async def test_a_file_is_refused_as_soon_as_its_header_is_there(stage: Stage) -> None:
    seen: list[int] = []

    def check(beginning: bytes, size: int | None) -> bool:
        assert size == len(BODY)
        assert BODY.startswith(beginning)
        seen.append(len(beginning))
        if len(beginning) < 10_000:
            return False
        raise ArtflowError("'anime' is made for SD 1.5; the running model is SD 2.1")

    # no more is sent before what came has been looked at
    one_by_one = Answer(trickle=(8_000, 0.0), may_send=lambda sent: sent <= max(seen, default=0))
    stage.server.always["/a"] = one_by_one
    end = await stage.fetch("/a", check_header=check)
    assert end.state == "failed"
    assert end.error.startswith("'anime' is made for SD 1.5; the running model is SD 2.1")
    assert stage.server.sent < 100_000
    assert seen[:2] == [8_000, 16_000]
    assert stage.has_none()
    assert not part_path(stage.folder / NAME).exists()


async def test_a_header_that_is_well_is_looked_at_no_more(stage: Stage) -> None:
    seen: list[bytes] = []

    def check(beginning: bytes, size: int | None) -> bool:  # noqa: ARG001
        seen.append(beginning)
        return len(beginning) >= 8

    stage.keep(BODY[:100])
    stage.server.always["/a"] = Answer(trickle=(30_000, 0.06))
    assert (await stage.fetch("/a", check_header=check)).state == "installed"
    assert seen == [BODY[:100]]


async def test_a_header_that_never_ends_is_no_file(stage: Stage) -> None:
    end = await stage.fetch("/a", check_header=lambda *_: False)
    assert "it ends within its header" in end.error
    assert stage.has_none()


@pytest.mark.parametrize("sha256", ["of BODY", None])
async def test_the_first_word_tells_what_is_kept(stage: Stage, sha256: str | None) -> None:
    """Also where the size is the mirror's word, noted beside the part."""
    if sha256 is None:
        file: dict[str, Any] = {"sha256": None, "size": None}
        stage.server.answers["/a"] = [Answer(trickle=(10_000, 0.02))]
        first = stage.downloader.want(stage.wanted("/a", **file))
        await until(lambda: first.progress.received_bytes > 100_000)
        assert stage.downloader.cancel("anime")
        await first.wait()
    else:
        file = {}
        stage.keep(BODY[:100_000])
    kept = part_path(stage.folder / NAME).stat().st_size
    stage.told.clear()
    assert (await stage.fetch("/a", **file)).state == "installed"
    words = [progress for _, progress in stage.told]
    assert (words[0].state, words[0].received_bytes) == ("queued", kept)
    assert words[0].share == pytest.approx(kept / len(BODY))
    shares = [word.share for word in words]
    assert shares == sorted(shares)


async def test_what_cannot_be_continued_counts_for_nothing(stage: Stage) -> None:
    stage.keep(BODY[:100_000], part_file.Notes("0" * 64))
    assert (await stage.fetch("/a")).state == "installed"
    first = stage.told[0][1]
    assert (first.state, first.share, first.received_bytes) == ("queued", 0.0, 0)
