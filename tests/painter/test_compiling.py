"""A compiled unet paints the same, compiles only while warming up, and can be done without."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from engine.mixing import LoraFile
from engine.painter.compiling import Compiled, is_wanted, note_compiled
from engine.painter.diffusion import DiffusionPainter
from engine.painter.graphs import FrameRunner
from engine.painter.models import Model
from engine.painter.settings import Settings
from tests.painter import lora_files, tiny
from tests.painter.tape import TapeRecorder

SIZE = (tiny.SIZE, tiny.SIZE)
START = Settings(prompt_a="neon city", strength=0.4)


def model(name: str = "tiny") -> Model:
    cpu = torch.device("cpu")
    return Model(tiny.pipeline("sd15"), "sd15", cpu, torch.float32, SIZE, "oil painting", name)


class Noted:
    """A compiler that compiles nothing and notes the inputs that its answer is called with."""

    def __init__(self, error: Exception | None = None) -> None:
        self.rows: list[int] = []
        self.error = error

    def __call__(self, unet: Any) -> Callable[..., Any]:
        def fast(x: Any, *rest: Any, **named: Any) -> Any:
            if self.error is not None:
                raise self.error
            self.rows.append(len(x))
            return unet(x, *rest, **named)

        return fast


def warm(compile: Any, **options: Any) -> DiffusionPainter:
    made = DiffusionPainter(model(), *SIZE, compile=compile, **options)
    made.warm_up(lambda _share, _what: None)
    return made


def aot(unet: Any) -> Callable[..., Any]:
    """torch.compile as it is, but for the kernels at its end."""
    return torch.compile(unet, dynamic=False, backend="aot_eager")


@pytest.mark.filterwarnings("ignore")
def test_compiled_frames_are_the_same_frames_and_hear_a_mix(tmp_path: Path) -> None:
    plain, fast = warm(False), warm(aot, runner=FrameRunner(TapeRecorder()))
    assert fast.compiled
    path = tmp_path / "neon.safetensors"
    lora_files.saved(lora_files.lora(plain.stream.pipe, "kohya"), path)
    for each in (plain, fast):
        each.add("neon", each.stage(LoraFile(str(path), "sd15")))
    for number, weight in enumerate((0.0, 1.0, -0.5, 0.0)):
        settings = replace(START, steps=1 + number % 2)
        for seed in range(2):
            given = tiny.picture(10 * number + seed)
            pictures = []
            for each in (plain, fast):
                each.mix({"neon": weight}, None)
                pictures.append(each.paint(given, settings).astype(int))
                each.tend()
            assert np.abs(pictures[0] - pictures[1]).max() <= 1, (weight, seed)


def test_only_what_was_prepared_runs_compiled() -> None:
    compiler = Noted()
    ours, plain = warm(compiler), warm(False)
    assert set(compiler.rows) == {1, 2, 3, 4}
    compiler.rows.clear()
    wide = replace(START, steps=4, guidance_mode="full", guidance=2.0)
    for settings in (START, wide):
        given = tiny.picture(1)
        assert np.array_equal(ours.paint(given, settings), plain.paint(given, settings))
    assert set(compiler.rows) == {1}, "eight rows were never prepared"


def test_a_compiler_that_fails_is_told_of_and_done_without() -> None:
    told: list[str] = []
    ours, plain = warm(Noted(RuntimeError("no C++ here\nmore")), tell=told.append), warm(False)
    assert told == ["the model cannot be compiled here: RuntimeError: no C++ here"]
    assert not ours.compiled
    assert np.array_equal(ours.paint(tiny.picture(1), START), plain.paint(tiny.picture(1), START))


def test_without_memory_the_compiled_model_goes_first() -> None:
    told: list[str] = []
    error = torch.OutOfMemoryError("no memory")
    ours = warm(Noted(error), tell=told.append, runner=FrameRunner(TapeRecorder()))
    assert len(told) == 1
    assert "without a compiled model" in told[0]
    assert "without CUDA graphs" in (ours.relieve() or "")
    assert ours.relieve() is None


def test_a_warm_up_that_never_finds_memory_says_so() -> None:
    made = DiffusionPainter(model(), *SIZE)

    def refuse(*_: object, **__: object) -> None:
        raise torch.OutOfMemoryError("no memory")

    made.stream.unet = refuse
    with pytest.raises(MemoryError, match="no memory"):
        made.warm_up(lambda _share, _what: None)


def test_after_relief_a_way_of_painting_is_captured_again() -> None:
    ours = warm(Noted(), runner=FrameRunner(TapeRecorder()))
    before = ours.runner.captures
    for number in range(3):
        ours.paint(tiny.picture(number), START)
        ours.tend()
    assert ours.relieve()
    for number in range(3):
        ours.paint(tiny.picture(number), START)
        ours.tend()
    assert ours.runner.captures == before + 2


def test_when_to_compile(tmp_path: Path) -> None:
    cache = tmp_path / "compiled"
    on_cpu = model()
    assert is_wanted("on", on_cpu, SIZE, None)
    assert not is_wanted("off", on_cpu, SIZE, cache)
    note_compiled(cache, on_cpu, SIZE)
    assert not is_wanted("auto", on_cpu, SIZE, cache), "it pays on CUDA"


def test_auto_compiles_what_an_earlier_start_has_compiled(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda _: "Big Card")
    cache = tmp_path / "compiled"
    on_gpu = replace(model(), device=torch.device("cuda"))
    assert not is_wanted("auto", on_gpu, SIZE, cache)
    assert not is_wanted("auto", on_gpu, SIZE, None)
    note_compiled(cache, on_gpu, SIZE)
    assert is_wanted("auto", on_gpu, SIZE, cache)
    assert not is_wanted("auto", on_gpu, (64, 64), cache)
    assert not is_wanted("auto", replace(on_gpu, name="other"), SIZE, cache)


def test_warming_up_notes_what_it_has_compiled(tmp_path: Path) -> None:
    cache = tmp_path / "compiled"
    warm(Noted(), cache=cache)
    assert len(list(cache.glob("*.json"))) == 1
    warm(Noted(RuntimeError("no")), cache=tmp_path / "none")
    assert not (tmp_path / "none").exists()


def test_a_cache_that_cannot_be_written_is_no_harm(tmp_path: Path) -> None:
    in_the_way = tmp_path / "file"
    in_the_way.write_text("")
    note_compiled(in_the_way / "compiled", model(), SIZE)


def test_a_failure_is_one_line() -> None:
    compiled = Compiled(lambda x: x, Noted(ValueError("")))
    compiled(torch.zeros(1, 4, 2, 2))
    assert compiled.failed == "ValueError"
