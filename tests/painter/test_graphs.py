"""Frames that are replayed are the frames that would be painted, whatever is played meanwhile."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from engine.mixing import LoraFile
from engine.painter.diffusion import CAPTURE_AFTER_FRAMES, DiffusionPainter
from engine.painter.graphs import FrameRunner
from engine.painter.models import Model
from engine.painter.settings import Settings
from tests.painter import lora_files, tiny
from tests.painter.tape import TapeRecorder

START = Settings(prompt_a="neon city", strength=0.4)


def unwarmed(family: tiny.Family, *, replays: bool, v: bool = False) -> DiffusionPainter:
    """A painter of a pipeline of its own, since mixes are written into it."""
    size = (tiny.SIZE, tiny.SIZE)
    cpu = torch.device("cpu")
    model = Model(tiny.pipeline(family, v=v), family, cpu, torch.float32, size, "oil painting")
    return DiffusionPainter(model, *size, runner=FrameRunner(TapeRecorder() if replays else None))


def painter(family: tiny.Family = "sd15", *, replays: bool, v: bool = False) -> DiffusionPainter:
    made = unwarmed(family, replays=replays, v=v)
    made.warm_up(lambda _share, _what: None)
    return made


class Two:
    """One painter that replays, one that calls; every picture of the two is compared."""

    def __init__(self, family: tiny.Family = "sd15", *, v: bool = False) -> None:
        self.graphs = painter(family, replays=True, v=v)
        self.plain = painter(family, replays=False, v=v)
        self.captures = self.graphs.runner.captures
        self._seed = 0

    def frames(self, settings: Settings, count: int = 3, *, still: bool = False) -> None:
        for number in range(count):
            self._seed += not (still and number)
            given = tiny.picture(self._seed)
            ours, expected = (each.paint(given, settings) for each in (self.graphs, self.plain))
            assert np.array_equal(ours, expected), f"frame {number} of {settings}"
            for each in (self.graphs, self.plain):
                each.tend()

    def both(self, act: Any) -> None:
        for each in (self.graphs, self.plain):
            act(each)

    def captured(self) -> int:
        """Captures since the last call."""
        before, self.captures = self.captures, self.graphs.runner.captures
        return self.captures - before


def test_warming_up_captures_every_step_count() -> None:
    two = Two()
    assert two.captures == 1 + 4, "encoding once, painting for each step count"
    for steps in (1, 2, 3, 4, 1):
        two.frames(replace(START, steps=steps))
    assert two.captured() == 0
    assert two.plain.runner.captures == 0


def test_warming_up_meets_every_number_of_rows() -> None:
    """What is met first is slow on CUDA: convolutions are chosen by trial."""
    met: set[int] = set()
    made = unwarmed("sd15", replays=True)
    predict = made.stream._predict

    def noting(x: Any, t: Any) -> Any:
        asked = {"full": len(x), "initialize": 1}.get(made.stream.cfg_type, 0)
        met.add(len(x) + asked)
        return predict(x, t)

    made.stream._predict = noting  # type: ignore[method-assign]
    made.warm_up(lambda *_: None)
    assert met == {rows for n in range(1, 5) for rows in (n, n + 1, 2 * n)}


@pytest.mark.parametrize(("family", "v"), [("sd15", False), ("sd21", True), ("sdxl", False)])
def test_knobs_are_heard_by_recordings(family: tiny.Family, v: bool) -> None:
    two = Two(family, v=v)
    two.captured()
    for change in (
        {"strength": 0.9},
        {"prompt_a": "oil cat"},
        {"prompt_b": "ink dog", "prompt_mix": 0.3},
        {"seed": 7},
        {"seed_b": 8, "seed_mix": 0.4},
        {"steps": 3, "strength": 0.6},
        {"steps": 1},
    ):
        two.frames(replace(START, **change))
    assert two.captured() == 0
    replays = sum(tape.replays for tape in two.graphs.runner._recorder.tapes)  # type: ignore[union-attr]
    assert replays >= 2 * 7 * 3


@pytest.mark.parametrize("mode", ["self", "initialize", "full"])
def test_a_new_way_of_painting_is_called_first_and_captured_once(mode: str) -> None:
    two = Two()
    two.captured()
    asked = replace(START, steps=2, guidance_mode=mode, guidance=1.6, delta=0.7)
    two.frames(asked, CAPTURE_AFTER_FRAMES - 1)
    assert two.captured() == 0
    two.frames(asked, 4)
    assert two.captured() == 1
    for change in ({"guidance": 2.5}, {"delta": 0.2}, {"negative": "blurry"}):
        two.frames(replace(asked, **change))
    two.frames(START)
    two.frames(asked)
    assert two.captured() == 0


def test_a_knob_that_passes_by_captures_nothing() -> None:
    two = Two()
    two.captured()
    for mode in ("self", "none", "self", "none"):
        two.frames(replace(START, guidance_mode=mode), 1)
    assert two.captured() == 0


def test_feedback_is_a_way_of_encoding() -> None:
    two = Two()
    two.captured()
    asked = replace(START, feedback_amount=0.5, feedback_rotate=10.0)
    two.frames(asked, 5)
    assert two.captured() == 1
    two.frames(replace(asked, feedback_zoom=1.2, feedback_hue=40.0, steps=3), 5)
    two.frames(START)
    assert two.captured() == 0


@pytest.mark.parametrize("family", ["sd15", "sdxl"])
def test_a_mix_is_heard_and_captures_nothing(family: tiny.Family, tmp_path: Path) -> None:
    two = Two(family)
    path = tmp_path / "neon.safetensors"
    lora_files.saved(lora_files.lora(two.plain.stream.pipe, "kohya", text=lora_files.TEXT), path)
    file = LoraFile(str(path), family)
    two.both(lambda each: each.add("neon", each.stage(file)))
    two.captured()
    seen = set()
    for weight in (1.0, 0.3, -0.5, 1.0, 0.0):
        two.both(lambda each, weight=weight: each.mix({"neon": weight}, None))
        two.frames(START, 2)
        seen.add(two.graphs.paint(tiny.picture(99), START).tobytes())
        two.plain.paint(tiny.picture(99), START)
    assert len(seen) == 4
    two.both(lambda each: each.remove("neon"))
    two.frames(replace(START, steps=2))
    assert two.captured() == 0


def test_a_still_input_is_encoded_once() -> None:
    two = Two()
    encoded: list[object] = []
    for each in (two.graphs, two.plain):
        run = each.runner.run

        def counted(key: Any, work: Any, run: Any = run) -> None:
            if key[0] == "encode":
                encoded.append(key)
            run(key, work)

        each.runner.run = counted  # type: ignore[method-assign]
    two.frames(START, 4, still=True)
    assert len(encoded) == 2
    two.frames(replace(START, strength=0.8), 3)
    assert len(encoded) == 2 + 2 * 3, "other pictures"
    encoded.clear()
    feeding = replace(START, feedback_amount=0.3)
    two.frames(feeding, 3, still=True)
    assert len(encoded) == 2 * 3, "what is fed back moves"
    two.frames(START, 3, still=True)
    assert len(encoded) == 2 * 3 + 2


def test_a_capture_leaves_no_trace() -> None:
    """Warm-up passes move what waits in the batch: it must be put back."""
    plain, late = painter(replays=False), painter(replays=False)
    late.runner = FrameRunner(TapeRecorder())
    asked = replace(START, steps=4, guidance_mode="self", guidance=1.5, feedback_amount=0.4)
    for number in range(8):
        given = tiny.picture(number)
        assert np.array_equal(late.paint(given, asked), plain.paint(given, asked)), number
        late.tend()
    assert late.runner.captures == 2


def test_without_memory_the_recordings_are_given_up() -> None:
    two = Two()
    assert "without CUDA graphs" in (two.graphs.relieve() or "")
    assert two.graphs.relieve() is None
    assert two.plain.relieve() is None
    two.captured()
    two.frames(replace(START, steps=3), 4)
    assert two.captured() == 0


def test_the_tape_refuses_a_look_at_a_value() -> None:
    def look() -> None:
        torch.ones(1).item()

    with pytest.raises(RuntimeError, match="the host looked"):
        FrameRunner(TapeRecorder()).capture("look", look, [])


def test_the_tape_sees_what_is_written_and_not_what_is_bound_anew() -> None:
    class Place:
        held = torch.ones(2)

    out = torch.zeros(2)
    tape = TapeRecorder().record(lambda: out.copy_(Place.held[:1] * 2))  # type: ignore[arg-type]
    Place.held.fill_(3.0)
    tape.replay()
    assert out.tolist() == [6.0, 6.0]
    Place.held = torch.full((2,), 5.0)
    tape.replay()
    assert out.tolist() == [6.0, 6.0]


def test_a_capture_that_fails_puts_everything_back() -> None:
    kept = torch.arange(3.0)

    def work() -> None:
        kept.zero_()
        raise torch.OutOfMemoryError("no memory")

    runner = FrameRunner(TapeRecorder())
    with pytest.raises(torch.OutOfMemoryError):
        runner.capture("key", work, [kept])
    assert kept.tolist() == [0.0, 1.0, 2.0]
    assert runner.captures == 0
    assert not runner.holds("key")
