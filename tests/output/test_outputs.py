"""The triggers, from the address space to files."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from pathlib import Path

import av
import numpy as np
import pytest
import trio
from PIL import Image

from engine.controls import Controls
from engine.errors import ControlError
from engine.latest import Frame, Latest, Picture
from engine.output import Output
from engine.outputs import Outputs
from engine.outputs.recorder import _Encoder
from engine.parameters import PARAMETERS, TRIGGERS

PATIENCE_S = 20.0


class Rig:
    def __init__(self, folder: Path) -> None:
        self.controls = Controls()
        self.controls.declare(*PARAMETERS, *TRIGGERS)
        self.reports: list[tuple[str, str, object]] = []
        self.controls.on_report(lambda *report: self.reports.append(report))
        self.output = Output(self.controls, Latest())
        self.notices: list[str] = []
        self.outputs = Outputs(self.controls, self.output, folder, notice=self.notices.append)

    def show(self, level: int) -> None:
        picture = np.full((32, 48, 3), level, np.uint8)
        self.output.shown.put(Frame(picture, self.output.shown.replaced + 1, 0, 1))


@pytest.fixture
def rig(tmp_path: Path) -> Rig:
    return Rig(tmp_path)


async def until(condition: Callable[[], object]) -> None:
    with trio.fail_after(PATIENCE_S):
        while not condition():
            await trio.sleep(0.01)


async def test_a_recording_from_trigger_to_file(rig: Rig, tmp_path: Path) -> None:
    rig.show(120)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(rig.outputs.run)
        rig.controls.fire("record/start", ("take",), "osc")
        await until(lambda: rig.controls.get("record/active"))
        assert rig.notices == ["recording to take.mp4"]
        rig.controls.fire("record/start", (), "osc")
        await until(lambda: rig.reports)
        assert rig.reports[0][0] == "record/start"
        assert rig.reports[0][1].startswith("already recording to take.mp4")
        assert rig.reports[0][2] == "osc"
        await until(lambda: float(rig.controls.get("record/seconds")) > 0.5)
        rig.controls.fire("record/stop")
        await until(lambda: not rig.controls.get("record/active"))
        nursery.cancel_scope.cancel()
    assert rig.notices[1].startswith("recorded ")
    with av.open(str(tmp_path / "recordings" / "take.mp4")) as container:
        assert len(list(container.decode(video=0))) == rig.outputs.recorder.frames


async def test_a_recording_of_nothing_says_so(rig: Rig, tmp_path: Path) -> None:
    async with trio.open_nursery() as nursery:
        nursery.start_soon(rig.outputs.run)
        rig.outputs.record_file(tmp_path / "take.mp4")
        await until(lambda: rig.controls.get("record/active"))
        rig.controls.fire("record/stop")
        await until(lambda: len(rig.notices) == 2)
        rig.controls.fire("record/stop")  # none runs: nothing to say
        nursery.cancel_scope.cancel()
    assert rig.notices[1:] == ["nothing was recorded: no picture was painted meanwhile"]
    assert list(tmp_path.glob("*.mp4")) == []
    assert rig.reports == []


async def test_the_end_of_the_show_closes_the_recording_and_finishes_jobs(
    rig: Rig, tmp_path: Path
) -> None:
    rig.show(120)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(rig.outputs.run)
        rig.controls.fire("record/start", ("take",))
        await until(lambda: rig.outputs.recorder.frames > 5)
        rig.controls.fire("snapshot", ("last",))
        nursery.cancel_scope.cancel()
    assert (tmp_path / "snapshots" / "last.png").exists()
    with av.open(str(tmp_path / "recordings" / "take.mp4")) as container:
        assert container.streams.video[0].frames == rig.outputs.recorder.frames
    assert not rig.controls.get("record/active")
    rig.controls.fire("record/start", ("later",))
    assert rig.reports[-1][1] == "too late: the show is closing"


async def test_a_snapshot_holds_the_moment_of_its_trigger(rig: Rig, tmp_path: Path) -> None:
    rig.controls.fire("snapshot", ("early",), "key")
    assert rig.reports == [("snapshot", "nothing is shown yet; try again soon", "key")]
    rig.show(10)
    rig.controls.set("paint/strength", 0.25)
    rig.controls.fire("snapshot", ("moment",))
    rig.show(200)
    rig.controls.set("paint/strength", 0.75)
    with pytest.raises(ControlError, match="use a plain name"):
        rig.controls.fire("snapshot", ("a/b",), "osc")
    with pytest.raises(ControlError, match="use a plain name"):
        rig.controls.fire("record/start", ("..",), "osc")
    rig.controls.fire("snapshot")
    async with trio.open_nursery() as nursery:
        nursery.start_soon(rig.outputs.run)
        await until(lambda: len(rig.notices) == 2)
        nursery.cancel_scope.cancel()
    assert rig.notices[0].endswith("/snapshots/moment.png")
    assert rig.reports[1:] == []
    with Image.open(tmp_path / "snapshots" / "moment.png") as image:
        assert image.getpixel((3, 3)) == (10, 10, 10)
        assert json.loads(image.info["artflow"])["paint/strength"] == 0.25
    assert len(list((tmp_path / "snapshots").iterdir())) == 2


async def test_the_command_lines_recording(rig: Rig, tmp_path: Path) -> None:
    rig.outputs.record_file(tmp_path / "film.mp4")
    async with trio.open_nursery() as nursery:
        nursery.start_soon(rig.outputs.run)
        await until(lambda: rig.notices)
        rig.show(50)
        await until(lambda: rig.outputs.recorder.frames > 3)
        nursery.cancel_scope.cancel()
    assert (tmp_path / "film.mp4").stat().st_size > 0


async def test_a_recording_that_breaks_is_reported_and_the_show_goes_on(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    rig.show(50)
    monkeypatch.setattr("engine.outputs.recorder._Encoder.encode", full)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(rig.outputs.run)
        rig.controls.fire("record/start", ("take",))
        await until(lambda: rig.reports)
        address, text, _ = rig.reports[0]
        assert address == "record/start"
        assert "no space left on device" in text
        assert "make room" in text
        assert not rig.controls.get("record/active")
        rig.controls.fire("snapshot", ("still",))
        await until(lambda: rig.notices[-1].endswith("/snapshots/still.png"))
        nursery.cancel_scope.cancel()
    assert len(rig.reports) == 1


async def test_a_fault_of_our_own_is_reported_too(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError("oops")

    rig.show(50)
    monkeypatch.setattr("engine.outputs.save_snapshot", broken)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(rig.outputs.run)
        rig.controls.fire("snapshot")
        await until(lambda: rig.reports)
        nursery.cancel_scope.cancel()
    assert "ZeroDivisionError('oops')" in rig.reports[0][1]


async def test_triggers_never_wait_for_the_disk(
    rig: Rig, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    answers = threading.Event()

    def slow(*_: object) -> Path:
        answers.wait(PATIENCE_S)
        return tmp_path / "x.png"

    rig.show(50)
    monkeypatch.setattr("engine.outputs.save_snapshot", slow)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(rig.outputs.run)
        for _ in range(5):
            rig.controls.fire("snapshot")
            await trio.sleep(0.01)
        assert not rig.notices
        answers.set()
        await until(lambda: len(rig.notices) == 5)
        nursery.cancel_scope.cancel()


async def test_the_end_of_the_show_waits_for_no_dead_disk(
    rig: Rig, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    asked, answers = threading.Event(), threading.Event()

    def dead(*_: object) -> Path:
        asked.set()
        answers.wait(PATIENCE_S)
        return tmp_path / "x.png"

    rig.show(50)
    monkeypatch.setattr("engine.outputs.save_snapshot", dead)
    monkeypatch.setattr("engine.outputs._CLOSE_WITHIN_S", 0.2)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(rig.outputs.run)
        rig.controls.fire("record/start", ("take",))
        rig.controls.fire("snapshot")
        await until(asked.is_set)
        await until(lambda: rig.outputs.recorder.frames)
        nursery.cancel_scope.cancel()
    assert len(rig.notices) < 3, "the snapshot was never answered"
    assert not any(line.startswith("snapshot") for line in rig.notices)
    assert "snapshot was left behind" in caplog.text
    # what can still be closed, is
    assert not rig.outputs.recorder.active
    answers.set()


async def test_a_recording_that_broke_is_told_though_another_runs(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    encode = _Encoder.encode

    def breaking(self: _Encoder, picture: Picture, tick: int) -> None:
        if tick == 2 and rig.outputs.recorder.path and "a." in rig.outputs.recorder.path.name:
            raise OSError(28, "No space left on device")
        encode(self, picture, tick)

    rig.show(50)
    monkeypatch.setattr(_Encoder, "encode", breaking)
    monkeypatch.setattr("engine.outputs.PUBLISH_EVERY_S", 1000.0)  # nobody has looked meanwhile
    async with trio.open_nursery() as nursery:
        nursery.start_soon(rig.outputs.run)
        rig.controls.fire("record/start", ("a",))
        await until(lambda: rig.outputs.recorder.error)
        rig.controls.fire("record/start", ("b",))
        await until(lambda: rig.reports)
        assert rig.reports[0][0] == "record/start"
        assert "recording a.mp4 ended after" in rig.reports[0][1]
        await until(lambda: rig.outputs.recorder.frames > 3)
        assert rig.outputs.recorder.active
        nursery.cancel_scope.cancel()
    assert len(rig.reports) == 1


async def test_the_shown_rate_is_published(rig: Rig) -> None:
    rig.output.fps = 23.0
    async with trio.open_nursery() as nursery:
        nursery.start_soon(rig.outputs.run)
        await until(lambda: rig.controls.get("output/fps") == 23.0)
        nursery.cancel_scope.cancel()
