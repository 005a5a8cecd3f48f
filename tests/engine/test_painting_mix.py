"""LoRAs on their way from the conductor to a real painter process, which needs no model."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import trio

from engine.mixing import LoraFile, Mix
from engine.painting import Job
from tests.helpers import painters
from tests.helpers.painting_bench import SIZE, show

FILES = {"neon": LoraFile("neon", "sd15"), "anime": LoraFile("anime", "sd15")}
MIX = Mix(FILES, {"neon": 0.5, "anime": 0.25})


async def test_the_copying_painter_takes_every_file() -> None:
    async with show() as bench:
        bench.painting.blend(MIX)
        await bench.painted(1)
        await bench.until(lambda: len(bench.staged) == 2)
        assert set(bench.staged) == set(FILES)


async def test_a_mix_is_in_the_pictures_from_when_its_files_are_ready(tmp_path: Path) -> None:
    later = tmp_path / "later"
    files = {"neon": LoraFile(str(later), "sd15"), "anime": FILES["anime"]}
    async with show("ShowsItsMix") as bench:
        await bench.painted(1)
        bench.painting.blend(Mix(files, MIX.weights))
        await bench.until(lambda: bench.applied)
        await bench.painted(2)  # the first file is slow to read: painting goes on
        assert bench.staged == []
        later.touch()
        await bench.painted(1, 76)  # the picture may be seen before what was said of it is read
        await bench.until(lambda: set(bench.staged) == set(FILES))
        bench.painting.blend(Mix(files, {"neon": -0.5}))
        await bench.painted(100, 50)
        bench.painting.blend(Mix(files, {}, words_a="12345"))
        await bench.painted(100, 105)
        assert len(bench.staged) == 2, "nothing is read twice"


async def test_nothing_is_sent_twice() -> None:
    async with show() as bench:
        await bench.painted(1)
        bench.painting.blend(MIX)
        # which of them is told first is not promised
        await bench.until(lambda: len(bench.staged) == 2 and bench.applied)
        applied = len(bench.applied)
        for _ in range(20):
            bench.painting.blend(Mix(dict(FILES), dict(MIX.weights)))
            await trio.sleep(0.005)
        assert len(bench.applied) == applied
        for number in range(100):  # the newest wins
            bench.painting.blend(Mix(FILES, {"neon": number / 100 + 0.01}))
        await bench.until(lambda: len(bench.applied) > applied)
        await trio.sleep(0.1)
        assert len(bench.applied) == applied + 1


async def test_what_does_not_fit_is_told_and_painting_goes_on() -> None:
    async with show("ShowsItsMix") as bench:
        files = {**FILES, "broken": LoraFile("bad", "sdxl")}
        bench.painting.blend(Mix(files, {"neon": 1.0, "broken": 1.0}))
        await bench.until(lambda: bench.unfit)
        assert bench.unfit == [("broken", "'bad' is bad for sdxl")]
        await bench.painted(1, 101)
        assert bench.controls.get("painter/restarts") == 0


async def test_a_killed_painter_comes_back_with_its_mix() -> None:
    async with show("ShowsItsMix") as bench:
        await bench.painted(1)
        bench.painting.blend(MIX)
        await bench.painted(1, 76)
        bench.staged.clear()
        assert bench.painting.pid is not None
        os.kill(bench.painting.pid, signal.SIGKILL)
        await bench.state("restarting")
        await bench.state("painting")
        assert set(bench.staged) == set(FILES), "before its first picture"
        await bench.painted(1, 76)


async def test_another_model_gets_the_newest_mix() -> None:
    async with show("ShowsItsMix") as bench:
        await bench.painted(1)
        bench.painting.change(Job("other", SIZE, painter=f"{painters.MODULE}:ShowsItsMix"))
        bench.painting.blend(MIX)  # not for the one that is leaving
        await bench.painted(1, 76)
        await bench.until(lambda: len(bench.staged) == 2)
        await bench.painted(1, 76)
        assert len(bench.staged) == 2, "the one that left told nothing"
