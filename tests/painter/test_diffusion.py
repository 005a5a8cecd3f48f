from __future__ import annotations

from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
import pytest
import torch

from engine.errors import ModelError
from engine.mixing import LoraFile
from engine.painter import diffusion
from engine.painter.diffusion import DiffusionPainter
from engine.painter.loras import LoraMixer
from engine.painter.models import Model
from engine.painter.pictures import to_picture, to_signal
from engine.painter.settings import Settings
from tests.painter import lora_files, tiny
from tests.painter.reference import paint, upstream

START = Settings(prompt_a="neon city", strength=0.4)


@cache
def model() -> Model:
    return Model(
        pipe=tiny.pipeline("sd15"),
        kind="sd15",
        device=torch.device("cpu"),
        dtype=torch.float32,
        native_size=(tiny.SIZE, tiny.SIZE),
        default_prompt="oil painting",
    )


def painter(width: int = tiny.SIZE, height: int = tiny.SIZE) -> DiffusionPainter:
    return DiffusionPainter(model(), width, height)


def silent(_share: float, _what: str) -> None: ...


@pytest.mark.parametrize("steps", [1, 2])
def test_paints_upstreams_pictures(steps: int) -> None:
    """From uint8 to uint8, through upstream's own pre- and postprocessing."""
    settings = replace(START, steps=steps, guidance_mode="self", guidance=1.4)
    ours, theirs = painter(), upstream(model().pipe, settings)
    first = theirs.image_processor.preprocess(PIL.Image.fromarray(tiny.picture(0)))
    paint(theirs, first)  # the pass that fills our batch
    for seed in range(4):
        theirs_in = theirs.image_processor.preprocess(PIL.Image.fromarray(tiny.picture(seed)))
        (expected,) = theirs.image_processor.postprocess(paint(theirs, theirs_in)[1])
        assert np.array_equal(ours.paint(tiny.picture(seed), settings), np.asarray(expected))


def test_signal_is_upstreams_for_every_byte() -> None:
    every = np.arange(256, dtype=np.uint8).repeat(3).reshape(16, 16, 3)
    processor = upstream(model().pipe, START).image_processor
    expected = processor.preprocess(PIL.Image.fromarray(every))
    signal = to_signal(torch.from_numpy(every), torch.tensor(255.0))
    assert torch.equal(signal, expected)
    assert np.array_equal(to_picture(signal).numpy(), every)
    assert to_picture(torch.full((1, 3, 1, 1), 7.0)).unique().item() == 255
    assert to_picture(torch.full((1, 3, 1, 1), -7.0)).unique().item() == 0


@pytest.mark.parametrize(("width", "height"), [(40, 24), (72, 32), (8, 8)])
def test_any_multiple_of_eight_is_painted(width: int, height: int) -> None:
    """Also where the unet's halvings leave a remainder."""
    painted = painter(width, height).paint(tiny.picture(1, width, height), replace(START, steps=2))
    assert painted.shape == (height, width, 3)
    assert painted.dtype == np.uint8


@pytest.mark.parametrize(("width", "height"), [(30, 32), (32, 33), (0, 32)])
def test_other_sizes_are_refused(width: int, height: int) -> None:
    with pytest.raises(ModelError, match=r"multiples of 8; try 32x32|multiples of 8; try 8x32"):
        painter(width, height)


@pytest.mark.parametrize(
    "wrong", [np.zeros((32, 40, 3), np.uint8), np.zeros((32, 32, 3), np.float32)]
)
def test_a_picture_of_another_kind_is_refused(wrong: Any) -> None:
    with pytest.raises(ValueError, match=r"\(32, 32, 3\) uint8 is painted"):
        painter().paint(wrong, START)


def test_read_only_pictures_are_taken_and_left_alone() -> None:
    given = tiny.picture(1)
    given.setflags(write=False)
    first = painter().paint(given, START)
    assert np.array_equal(given, tiny.picture(1))
    assert not np.array_equal(first, given)


def test_a_painted_picture_is_not_overwritten_by_the_next() -> None:
    ours = painter()
    first = ours.paint(tiny.picture(1), START)
    kept = first.copy()
    assert not np.array_equal(ours.paint(tiny.picture(2), START), kept)
    assert np.array_equal(first, kept)


def test_warming_up_leaves_no_trace() -> None:
    heard: list[tuple[float, str]] = []
    ours, cold = painter(), painter()
    ours.warm_up(lambda share, what: heard.append((share, what)))
    assert [share for share, _ in heard] == sorted(share for share, _ in heard)
    assert heard[-1][0] == 1.0
    settings = replace(START, guidance_mode="self", guidance=1.5, feedback_amount=0.5)
    for seed in (1, 2):
        assert np.array_equal(
            ours.paint(tiny.picture(seed), settings), cold.paint(tiny.picture(seed), settings)
        )


def test_still_inputs_are_skipped_until_something_changes() -> None:
    ours = painter()
    settings = replace(START, skip_similar=0.99, steps=3)
    pictures = [ours.paint(tiny.picture(1), settings) for _ in range(6)]
    assert ours.skipped == 3  # one frame, two more to empty the batch, and then rest
    assert all(np.array_equal(each, pictures[0]) for each in pictures)
    ours.paint(tiny.picture(2), settings)
    assert ours.skipped == 3
    changed = replace(settings, strength=0.9)
    for _ in range(4):
        ours.paint(tiny.picture(2), changed)
    assert ours.skipped == 4
    assert not np.array_equal(ours.paint(tiny.picture(2), changed), pictures[0])


@pytest.mark.parametrize("change", [{"skip_similar": 0.0}, {"feedback_amount": 0.1}])
def test_nothing_is_skipped(change: dict[str, float]) -> None:
    ours = painter()
    settings = replace(START, **{"skip_similar": 0.5, **change})  # type: ignore[arg-type]
    for _ in range(4):
        ours.paint(tiny.picture(1), settings)
    assert ours.skipped == 0


def test_small_changes_add_up_against_the_last_painted_input() -> None:
    """A slow fade is not skipped for ever: the comparison is with what was painted."""
    ours = painter()
    settings = replace(START, skip_similar=0.999)
    start = tiny.picture(1).astype(np.float32)
    end = tiny.picture(2).astype(np.float32)
    for share in np.linspace(0.0, 0.5, 40):
        ours.paint((start + (end - start) * share).astype(np.uint8), settings)
    assert 10 < ours.skipped < 38


def test_a_mix_is_painted_and_no_picture_from_before_is_taken_for_it(tmp_path: Path) -> None:
    ours = painter()
    settings = replace(START, skip_similar=0.99)
    plain = ours.paint(tiny.picture(1), settings)
    tensors = lora_files.lora(model().pipe, "kohya", text=lora_files.TEXT)
    path = lora_files.saved(tensors, tmp_path / "neon.safetensors")
    assert ours.add("neon", ours.stage(LoraFile(str(path), "sd15"))) == ()
    assert ours.mix({}, None)
    for _ in range(2):
        assert np.array_equal(ours.paint(tiny.picture(1), settings), plain)
    assert ours.skipped == 2
    assert not ours.mix({"neon": 1.0}, 0.0), "a layer at a time"
    assert ours.mix({"neon": 1.0}, None)
    assert not np.array_equal(ours.paint(tiny.picture(1), settings), plain)
    ours.remove("neon")
    assert ours.mix({}, None)
    assert np.array_equal(ours.paint(tiny.picture(1), settings), plain)
    assert ours.skipped == 2


def test_a_device_without_memory_is_told_of(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory")

    ours = painter()
    monkeypatch.setattr(diffusion, "stage", refuse)
    monkeypatch.setattr(LoraMixer, "apply", refuse)
    with pytest.raises(MemoryError, match="CUDA"):
        ours.stage(LoraFile("neon.safetensors"))
    with pytest.raises(MemoryError, match="CUDA"):
        ours.mix({}, None)


def test_memory_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    ours = painter()
    assert 50 < ours.memory_mb() < 50_000
    monkeypatch.setattr(diffusion, "Path", lambda _: Path("/nowhere"))
    assert ours.memory_mb() > 50  # by another way, where there is no /proc


@pytest.mark.parametrize("mode", ["self", "initialize"])
def test_residual_guidance_that_leaves_the_numbers_begins_again(mode: str) -> None:
    ours = painter()
    wild = replace(START, guidance_mode=mode, guidance=3.0)
    before = ours.paint(tiny.picture(0), wild)
    ours.stream.stock_noise.fill_(torch.nan)
    assert np.array_equal(ours.paint(tiny.picture(0), wild), before), "the last picture is held"
    assert torch.isfinite(ours.stream.stock_noise).all()
    assert len(np.unique(ours.paint(tiny.picture(1), wild))) > 2, "and painting goes on"
