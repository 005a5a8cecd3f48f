"""What the doctor tells of memory is counted again, on the very architectures."""

from __future__ import annotations

from pathlib import Path

import diffusers
import pytest
import torch

from engine.memory_need import AUTOENCODER, FRAME, WEIGHTS
from engine.painter import devices
from engine.painter.live_bytes import LiveBytes, frame_bytes
from engine.painter.random_models import random_model

NAMES = {"rehearsal": "rehearsal", "sd15": "sd15", "sd21": "sd-turbo", "sdxl": "sdxl-turbo"}


def weights(network: torch.nn.Module) -> int:
    return sum(each.numel() for each in network.parameters())


def whole_autoencoder() -> diffusers.AutoencoderKL:
    """The models' own, by their published configuration."""
    with torch.device("meta"):
        return diffusers.AutoencoderKL(
            block_out_channels=(128, 256, 512, 512),
            layers_per_block=2,
            down_block_types=("DownEncoderBlock2D",) * 4,
            up_block_types=("UpDecoderBlock2D",) * 4,
            latent_channels=4,
            sample_size=512,
        )


@pytest.mark.parametrize("base", NAMES)
def test_the_doctors_numbers_are_those_of_the_architectures(base: str) -> None:
    model = random_model(NAMES[base], "meta", torch.float32)
    texts = [getattr(model.pipe, name, None) for name in ("text_encoder", "text_encoder_2")]
    counted = sum(weights(each) for each in (model.pipe.unet, *texts) if each is not None)
    assert counted == WEIGHTS[base]
    if base != "rehearsal":
        assert weights(model.pipe.vae) == AUTOENCODER[True]
    for tiny in (True, False):
        if (base, tiny) not in FRAME:
            continue
        if not tiny:
            model.pipe.vae = whole_autoencoder()
            assert weights(model.pipe.vae) == AUTOENCODER[False]
        size, known = FRAME[base, tiny]
        assert size == model.native_size
        # the newest diffusers may hold a tensor for longer than the oldest
        assert frame_bytes(model, size, 4) == pytest.approx(known, rel=0.1)


def test_what_lives_at_a_time_is_counted() -> None:
    with LiveBytes() as live:
        first = torch.zeros(1000)
        view = first.view(10, 100)
        view.add_(1)
        second = torch.zeros(1000)
        del first, view
        third = torch.zeros(1000)
        del second, third
    assert live.peak == 2 * 4000
    assert live.now == 0


def test_free_memory_is_told_where_the_system_tells_it(tmp_path: Path) -> None:
    meminfo = tmp_path / "meminfo"
    meminfo.write_text("MemTotal:  16 kB\nMemAvailable:    8 kB\n")
    assert devices._free_bytes(meminfo) == 8192
    meminfo.write_text("nothing")
    assert devices._free_bytes(meminfo) == 0.0
    assert devices._free_bytes(tmp_path / "absent") == 0.0
