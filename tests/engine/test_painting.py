"""The painter's supervision, with real painter processes that copy, fail, hang or die."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import numpy as np
import pytest
import trio

from engine import painter_process, supervision
from engine import painting as painting_module
from engine.controls import Value
from engine.frames import FrameMailbox
from engine.painting import Job, told_values
from tests.helpers.painting_bench import SIZE, show


async def test_paints_with_the_settings_it_was_told() -> None:
    async with show() as bench:
        await bench.state("painting")
        assert bench.ends.worked == [], "nothing is painted yet"
        await bench.painted(9)
        await bench.until(lambda: bench.ends.worked == [True])
        bench.controls.set("paint/seed", 77)
        bench.painting.offer(bench.controls.commit())
        await bench.until(lambda: bench.applied)
        frame = await bench.painted(10)
        assert frame.snapshot_seq == bench.applied[-1].snapshot_seq == bench.controls.committed.seq
        # what the painter does not read is not sent
        bench.controls.set("output/mix", 0.5)
        bench.painting.offer(bench.controls.commit())
        await trio.sleep(0.1)
        assert len(bench.applied) == 1
        with trio.fail_after(60):
            while not bench.controls.get("painter/fps"):
                await bench.painted(11)
        assert bench.controls.get("painter/frames")


async def test_held_while_not_active() -> None:
    async with show() as bench:
        await bench.painted(1)
        bench.controls.set("paint/active", 0)
        bench.painting.offer(bench.controls.commit())
        await bench.until(lambda: bench.applied)
        assert bench.ends.outputs is not None
        bench.ends.outputs.take()
        assert bench.ends.inputs is not None
        for value in range(5):
            bench.ends.inputs.put(np.full((24, 32, 3), value, np.uint8), 1)
            await trio.sleep(0.02)
        assert bench.ends.outputs.take() is None


async def test_a_killed_painter_comes_back_with_the_same_settings() -> None:
    async with show() as bench:
        await bench.painted(1)
        bench.controls.set("paint/seed", 5)
        bench.painting.offer(bench.controls.commit())
        for round in range(3):
            pid = bench.painting.pid
            assert pid is not None
            os.kill(pid, signal.SIGKILL)
            await bench.state("restarting")
            assert not bench.ends.painting
            assert bench.controls.get("painter/fps") == 0
            await bench.state("painting")
            frame = await bench.painted(20 + round)
            assert frame.snapshot_seq == bench.controls.committed.seq
            assert bench.painting.pid != pid
            with pytest.raises(ProcessLookupError):
                os.kill(pid, 0)
        assert bench.controls.get("painter/restarts") == 3
        assert "SIGKILL" in bench.errors[0]


async def test_a_painter_that_says_nothing_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(supervision.PHASE_LIMITS_S, "painting", 2.0)
    async with show() as bench:
        await bench.painted(1)
        pid = bench.painting.pid
        assert pid is not None
        os.kill(pid, signal.SIGSTOP)
        await bench.state("restarting")
        assert "hung for 2 s while painting" in bench.errors[0]
        await bench.painted(2)


async def test_a_painter_that_hangs_in_a_frame_is_stalled_then_ended(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(supervision.PHASE_LIMITS_S, "painting", 3.0)
    async with show("HangsAtWork") as bench:
        await bench.state("painting")
        assert bench.ends.inputs is not None
        bench.ends.inputs.put(np.zeros((24, 32, 3), np.uint8), 1)
        await bench.state("stalled")
        assert not bench.ends.painting
        await bench.state("restarting")
        before = bench.states[bench.states.index("restarting") - 1]
        assert before == "stalled", "beats alone are no painting"
        assert "hung for 3 s while painting" in bench.errors[0]


async def test_an_error_while_painting_is_told_in_one_line() -> None:
    async with show("FailsAtWork") as bench:
        with trio.fail_after(60):
            while not bench.errors:
                with trio.move_on_after(0.3):
                    await bench.painted(1)
        assert bench.errors[0].startswith(
            "the painter failed: RuntimeError: the third eye is blind; starting it again"
        )


async def test_out_of_memory_says_what_to_do() -> None:
    async with show("OutOfMemory") as bench:
        await bench.state("painting")
        assert bench.ends.inputs is not None
        bench.ends.inputs.put(np.zeros((24, 32, 3), np.uint8), 1)
        await bench.state("restarting")
        assert "out of memory" in bench.errors[0]


async def test_what_is_given_up_for_memory_is_told_and_painting_goes_on() -> None:
    async with show("Cramped") as bench:
        pid = None
        with trio.fail_after(60):
            while not bench.errors:
                with trio.move_on_after(0.3):
                    await bench.painted(1)
                pid = bench.painting.pid
        assert bench.errors == ["out of memory while painting: it goes on with less"]
        await bench.painted(2)
        assert bench.painting.pid == pid
        assert "restarting" not in bench.states


async def test_a_model_that_cannot_be_painted_with_is_not_tried_again() -> None:
    async with show("NoModel") as bench:
        await bench.state("failed")
        assert "holds no unet" in bench.errors[0]
        assert "painter/restart" in bench.errors[0]
        bench.painting.change(Job("other", SIZE, painter="copy"))
        await bench.state("painting")
        await bench.painted(3)


async def test_five_starts_that_never_paint_then_failed_until_asked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(supervision, "BACK_OFF_S", (0.0, 0.01))
    async with show("DiesLoading") as bench:
        await bench.state("failed")
        assert bench.states.count("restarting") == 4
        assert "exit code 9" in bench.errors[-1]
        bench.painting.job = Job("copy", SIZE, painter="copy")
        bench.painting.restart()
        await bench.state("painting")


async def test_one_that_dies_in_its_first_frame_is_given_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(supervision, "BACK_OFF_S", (0.0, 0.01))
    async with show("DiesAtWork") as bench:
        with trio.fail_after(60):
            while bench.controls.get("painter/state") != "failed":
                if bench.ends.inputs is not None:
                    bench.ends.inputs.put(np.zeros((24, 32, 3), np.uint8), 1)
                await trio.sleep(0.02)
        assert bench.states.count("restarting") == 4


async def test_what_lies_in_the_users_folder_is_not_taken_for_ours(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "engine").mkdir()
    (tmp_path / "engine/__init__.py").write_text("raise SystemExit('not me')")
    (tmp_path / "token.py").write_text("raise SystemExit('nor me')")
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("PYTHONPATH", raising=False)  # a relative one would name this folder
    async with show() as bench:
        await bench.painted(1)


async def test_no_room_for_frames_is_no_end(monkeypatch: pytest.MonkeyPatch) -> None:
    create = FrameMailbox.create

    def refuse(_width: int, _height: int) -> FrameMailbox:
        raise OSError(24, "Too many open files")

    monkeypatch.setattr(FrameMailbox, "create", refuse)
    monkeypatch.setattr(supervision, "BACK_OFF_S", (0.0,))
    async with show() as bench:
        await bench.state("failed")
        assert "Too many open files" in bench.errors[0]
        monkeypatch.setattr(FrameMailbox, "create", create)
        bench.painting.restart()
        await bench.painted(1)


async def test_one_that_cannot_be_ended_is_left_and_its_frames_with_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for module in (painting_module, painter_process):
        monkeypatch.setattr(module, "LEAVE_WITHIN_S", 0.2)
    async with show() as bench:
        await bench.painted(1)
        pid, boxes = bench.painting.pid, bench.ends.inputs
        assert pid is not None
        # deaf to being killed, as in a driver call
        monkeypatch.setattr(trio.Process, "kill", lambda _: None)
        os.kill(pid, signal.SIGSTOP)
        bench.painting.restart()
        with trio.fail_after(30):
            while bench.ends.inputs is boxes:
                await trio.sleep(0.01)
        monkeypatch.undo()
        os.kill(pid, signal.SIGKILL)
        await bench.painted(2)
        with trio.fail_after(30):
            while bench.painting._left:
                await trio.sleep(0.01)


async def test_what_is_no_message_ends_the_painter() -> None:
    async with show("Garbled") as bench:
        await bench.state("restarting")
        assert "no message" in bench.errors[0]


async def test_another_model_behind_the_held_picture() -> None:
    async with show() as bench:
        await bench.painted(1)
        bench.painting.change(Job("big", (64, 48), painter="copy"))
        await bench.state("starting")
        assert bench.ends.painting, "a change of model is no fault"
        await bench.state("painting")
        frame = await bench.painted(2)
        assert frame.picture.shape == (48, 64, 3)
        assert bench.ends.sizes == [SIZE, (64, 48)]


async def test_a_painter_that_cannot_be_started(monkeypatch: pytest.MonkeyPatch) -> None:
    async def refuse(*_: object, **__: object) -> None:
        raise OSError(12, "Cannot allocate memory")

    monkeypatch.setattr(trio.lowlevel, "open_process", refuse)
    monkeypatch.setattr(supervision, "BACK_OFF_S", (0.0,))
    async with show() as bench:
        await bench.state("failed")
        assert "Cannot allocate memory" in bench.errors[0]


def test_only_what_the_painter_reads_is_told() -> None:
    values: dict[str, Value] = {
        "paint/seed": 1,
        "prompt/a": "x",
        "feedback/amount": 0.0,
        "output/mix": 1.0,
    }
    assert set(told_values(values)) == {"paint/seed", "prompt/a", "feedback/amount"}
