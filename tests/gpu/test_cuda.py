"""The same pictures on the GPU as on the CPU. Skipped where there is no CUDA device.

Not run yet on a GPU: no machine with one was lent while this was written.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from engine.painter.diffusion import DiffusionPainter
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


def painter(device: str) -> DiffusionPainter:
    model = load_model(MODEL, device=device, default_prompt="oil painting", report=lambda *_: None)
    made = DiffusionPainter(model, 256, 256)
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
