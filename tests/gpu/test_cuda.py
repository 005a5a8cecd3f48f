"""The same pictures on the GPU as on the CPU. Skipped where there is no CUDA device.

Not run yet on a GPU: no machine with one was lent while this was written.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from engine.mixing import LoraFile
from engine.painter.diffusion import DiffusionPainter
from engine.painter.graphs import FrameRunner
from engine.painter.models import load_model
from engine.painter.settings import Settings
from tests.painter import tiny

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA device")

MODEL = Path(__file__).resolve().parents[2] / "presets" / "models" / "rehearsal"

LOOKS = [
    Settings(prompt_a="oil painting", strength=0.3),
    Settings(prompt_a="oil painting", strength=0.5, steps=4),
    Settings(strength=0.4, steps=2, guidance=1.6, guidance_mode="self"),
    Settings(strength=0.4, steps=2, guidance=1.6, guidance_mode="full", negative="photo"),
    Settings(strength=0.4, steps=3, guidance=1.6, guidance_mode="initialize"),
    Settings(strength=0.4, feedback_amount=0.5, feedback_rotate=10.0, feedback_hue=30.0),
]


LORA = MODEL.parents[1] / "loras" / "anime.safetensors"


def painter(device: str, runner: FrameRunner | None = None) -> DiffusionPainter:
    model = load_model(MODEL, device=device, default_prompt="oil painting", report=lambda *_: None)
    made = DiffusionPainter(model, 256, 256, runner=runner)
    made.warm_up(lambda *_: None)
    return made


@pytest.mark.parametrize("look", LOOKS)
def test_the_gpu_paints_what_the_cpu_paints(look: Settings) -> None:
    """fp16 against fp32: no more than rounding may differ, on average under 3/255."""
    on_cpu, on_gpu = painter("cpu"), painter("cuda")
    for seed in range(3):
        picture = np.repeat(np.repeat(tiny.picture(seed), 8, axis=0), 8, axis=1)
        expected = on_cpu.paint(picture, look).astype(np.int16)
        painted = on_gpu.paint(picture, look).astype(np.int16)
        assert np.abs(painted - expected).mean() < 3


def test_a_still_input_rests_on_the_gpu() -> None:
    on_gpu = painter("cuda")
    picture = np.repeat(np.repeat(tiny.picture(1), 8, axis=0), 8, axis=1)
    first = on_gpu.paint(picture, LOOKS[0]).copy()
    for _ in range(5):
        assert np.array_equal(on_gpu.paint(picture, LOOKS[0]), first)


def large(seed: int) -> NDArray[np.uint8]:
    return np.repeat(np.repeat(tiny.picture(seed), 8, axis=0), 8, axis=1)


def test_a_mix_is_heard_by_cuda_graphs_and_captures_nothing() -> None:
    """Replayed and called frames agree after every change of a weight; at 0 nothing is left."""
    graphs, plain = painter("cuda"), painter("cuda", FrameRunner())
    captures = graphs.runner.captures
    assert captures >= 5
    file = LoraFile(str(LORA), "rehearsal")
    for each in (graphs, plain):
        each.add("anime", each.stage(file))
    pictures = {}
    for weight in (0.0, 0.5, 1.0, -0.5, 0.0):
        for steps in (1, 3):
            look = Settings(strength=0.4, steps=steps)
            for seed in range(3):
                painted = []
                for each in (graphs, plain):
                    assert each.mix({"anime": weight}, None)
                    painted.append(each.paint(large(seed), look).astype(np.int16))
                    each.tend()
                assert np.abs(painted[0] - painted[1]).mean() < 0.5, (weight, steps, seed)
            pictures[weight, steps] = painted[0]
    assert np.abs(pictures[1.0, 1] - pictures[0.0, 1]).mean() > 1
    assert graphs.runner.captures == captures


def test_a_prompt_is_encoded_beside_the_frames_to_the_same_numbers() -> None:
    """On a stream of its own, in slices: a picture is of the old words or the new, nothing else."""
    ours, old, new = (painter("cuda") for _ in range(3))
    before, after = Settings(prompt_a="oil painting"), Settings(prompt_a="ink drawing of a cat")
    ours.begin(large(0), before)()
    left, heard = True, 0
    for number in range(500):
        finish = ours.begin(large(number % 4), after)
        left = ours.look_ahead(after, 0.0)
        painted = finish().astype(np.int16)
        expected = [
            each.paint(large(number % 4), look) for each, look in ((old, before), (new, after))
        ]
        near = [np.abs(painted - each).mean() < 0.5 for each in expected]
        assert any(near), number
        heard += near == [False, True]
        if not left and heard > 3:
            break
    assert not left
    assert heard > 3


def test_pictures_that_overlap_are_those_that_do_not() -> None:
    overlapping, in_turns = painter("cuda"), painter("cuda")
    look = Settings(strength=0.4, steps=2, pipeline=2)
    expected = [in_turns.paint(large(seed), look) for seed in range(6)]
    finishes, painted = [], []
    for seed in range(6):
        finishes.append(overlapping.begin(large(seed), look))
        if len(finishes) == 2:
            painted.append(finishes.pop(0)())
    painted.append(finishes.pop(0)())
    for number, (ours, theirs) in enumerate(zip(painted, expected, strict=True)):
        assert np.abs(ours.astype(np.int16) - theirs).mean() < 0.5, number
