"""Random weights in true architectures: held to published counts, and to what a painter needs."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors import safe_open

from engine.errors import ModelError
from engine.painter.diffusion import DiffusionPainter
from engine.painter.random_models import ARCHITECTURES, networks, random_model
from engine.painter.settings import Settings
from tests.painter import tiny

REHEARSAL = Path(__file__).resolve().parents[2] / "presets" / "models" / "rehearsal"

VIT_L, VIT_H, VIT_G, TAESD = 123_060_480, 340_387_840, 694_659_840, 2_445_063
PUBLISHED = {
    "sd15": {"unet": 859_520_964, "vae": TAESD, "text_encoder": VIT_L},
    # fp16 files of 1,731,904,736 and 680,820,392 bytes: two for each weight, and a header
    "sd-turbo": {"unet": 865_910_724, "vae": TAESD, "text_encoder": VIT_H},
    "sdxl-turbo": {
        "unet": 2_567_463_684,
        "vae": TAESD,
        "text_encoder": VIT_L,
        "text_encoder_2": VIT_G,
    },
}


@pytest.mark.parametrize("name", PUBLISHED)
def test_the_architectures_have_the_published_numbers_of_weights(name: str) -> None:
    with torch.device("meta"):  # nothing of it is made
        parts = networks(ARCHITECTURES[name])
    counts = {part: sum(each.numel() for each in net.parameters()) for part, net in parts.items()}
    assert counts == PUBLISHED[name]


def test_the_rehearsal_architecture_is_that_of_the_bundled_model() -> None:
    with torch.device("meta"):
        parts = networks(ARCHITECTURES["rehearsal"])
    for name, network in parts.items():
        (file,) = (REHEARSAL / name).glob("*.safetensors")
        with safe_open(file, "pt") as weights:
            theirs = {key: tuple(weights.get_slice(key).get_shape()) for key in weights.keys()}  # noqa: SIM118
        ours = {key: tuple(each.shape) for key, each in network.state_dict().items()}
        assert bare(ours) == bare(theirs)


def bare(shapes: dict[str, tuple[int, ...]]) -> dict[str, tuple[int, ...]]:
    """transformers 5 has lost a step of the text encoder's names."""
    return {key.removeprefix("text_model."): each for key, each in shapes.items()}


def test_a_random_model_paints_and_is_the_same_every_time() -> None:
    pictures = []
    for _ in range(2):
        model = random_model("random:tiny", "cpu")
        assert (model.kind, model.dtype, model.native_size) == ("sd21", torch.float32, (32, 32))
        painter = DiffusionPainter(model, *model.native_size)
        pictures.append(painter.paint(tiny.picture(1), Settings(steps=2)))
    assert np.array_equal(pictures[0], pictures[1])
    assert len(np.unique(pictures[0])) > 2


def test_weights_are_born_in_the_precision_that_is_asked_for() -> None:
    model = random_model("tiny", "cpu", torch.bfloat16)
    for part in ("unet", "vae", "text_encoder"):
        assert {each.dtype for each in getattr(model.pipe, part).parameters()} == {torch.bfloat16}
    assert torch.get_default_dtype() == torch.float32


def test_an_unknown_architecture_is_one_line() -> None:
    with pytest.raises(ModelError, match=r"'random:sd3' has no known.*random:sd-turbo"):
        random_model("random:sd3")
