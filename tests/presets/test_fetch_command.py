"""Several downloads at one go: their order, their end, what is written down of them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import trio

from presets.fetch_command import fetch_all
from presets.statistics import Statistics
from presets.wanted import Progress, Wanted
from tests.helpers.downloads import BODY, QUICK, Stage, until
from tests.helpers.mirror_server import Answer


def entries(stage: Stage, *ids: str) -> list[Wanted]:
    return [stage.wanted("/a", id=id, name=f"{id}.safetensors") for id in ids]


class Heard:
    """What is told, by id."""

    def __init__(self) -> None:
        self.words: list[tuple[str, Progress]] = []

    def __call__(self, id: str, progress: Progress) -> None:
        self.words.append((id, progress))

    def last(self, id: str) -> Progress:
        return next((word for told, word in reversed(self.words) if told == id), Progress())


async def test_all_come_and_are_written_down(stage: Stage, tmp_path: Path) -> None:
    heard, kept = Heard(), Statistics(tmp_path)
    wanted = entries(stage, "x", "y", "z")
    wanted[1] = replace(wanted[1], files=(replace(wanted[1].files[0], mirrors=()),))
    ended = await fetch_all(wanted, kept, heard, limits=QUICK)
    assert [(id, word.state) for id, word in ended.items()] == [
        ("x", "installed"),
        ("y", "failed"),
        ("z", "installed"),
    ]
    assert all(heard.last(id) == word for id, word in ended.items())
    content = Statistics(tmp_path).read()
    assert content.presets["x"].downloads == content.presets["z"].downloads == 1
    assert content.mirrors["mirror 0"].bytes == 2 * len(BODY)

    again = await fetch_all(wanted[:1], Statistics(tmp_path), heard, limits=QUICK)
    assert again["x"].state == "installed"
    assert len(stage.server.requests) == 2
    assert Statistics(tmp_path).read().presets["x"].downloads == 1, "it was looked at only"


async def test_cancelled_it_says_what_is_kept(stage: Stage, tmp_path: Path) -> None:
    stage.server.always["/a"] = Answer(trickle=(5_000, 0.02))
    patient = replace(QUICK, silent_s=20, slow_s=20, quiet_s=30)
    heard = Heard()
    wanted = entries(stage, "x", "y", "z")
    with trio.CancelScope() as scope:
        async with trio.open_nursery() as nursery:

            @nursery.start_soon
            async def stop() -> None:
                await until(lambda: all(heard.last(id).rate for id in "xy"))
                scope.cancel()

            await fetch_all(wanted, Statistics(tmp_path), heard, limits=patient)
    assert scope.cancelled_caught
    assert [heard.last(id).state for id in "xyz"] == ["cancelled"] * 3
    for id in "xy":
        assert heard.last(id).error.endswith("are kept, the next download goes on from there")
    assert heard.last("z").error == "cancelled; nothing is kept", "two at once, no more"
    assert Statistics(tmp_path).read().mirrors["mirror 0"].count == 2

    del stage.server.always["/a"]
    ended = await fetch_all(wanted, Statistics(tmp_path), heard, limits=QUICK)
    assert {word.state for word in ended.values()} == {"installed"}
    assert "bytes=" in "".join(stage.server.ranges("/a"))


async def test_statistics_that_cannot_be_kept_stop_nothing(stage: Stage, tmp_path: Path) -> None:
    (tmp_path / "statistics.json").mkdir()
    ended = await fetch_all(entries(stage, "x"), Statistics(tmp_path), Heard(), limits=QUICK)
    assert ended["x"].state == "installed"


async def test_one_who_cannot_listen_ends_it(
    stage: Stage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("presets.fetch_command.TOLD_WITHIN_S", 0.1)

    def deaf(id: str, progress: Progress) -> None:  # noqa: ARG001
        if progress.state != "queued":
            raise RuntimeError("deaf")

    with trio.fail_after(30), pytest.raises(ExceptionGroup):
        await fetch_all(entries(stage, "x"), Statistics(tmp_path), deaf, limits=QUICK)
