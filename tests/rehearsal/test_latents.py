from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from presets.rehearsal import networks
from presets.rehearsal.latents import encode, spread_of
from presets.rehearsal.styles import BASE_STYLES
from tests.rehearsal import small
from tests.rehearsal.small import bench

STYLES = BASE_STYLES[:3]


def test_every_picture_has_its_latent(tmp_path: Path) -> None:
    pictures, network = small.pictures(STYLES, 2), small.autoencoder()
    found = encode(pictures, network, tmp_path / "latents.pt", bench(tmp_path))
    assert found.z.shape == (2, 3, 4, 32, 32)
    assert found.z.dtype == torch.float16
    assert (found.specs, found.words, found.styles) == (
        pictures.specs,
        pictures.words,
        pictures.styles,
    )
    assert len(found) == 2
    assert [found.style(style.name) for style in STYLES] == [0, 1, 2]
    for row in range(2):
        for column in range(3):
            batch = networks.pictures_to_tensor(pictures.pixels[row, column][None], small.CPU)
            wanted = network.encode(batch).latents[0]
            # trained and encoded in bfloat16
            torch.testing.assert_close(found.z[row, column].float(), wanted, atol=0.05, rtol=0.05)


def test_what_is_there_is_kept(tmp_path: Path) -> None:
    pictures, file = small.pictures(STYLES, 2), tmp_path / "latents.pt"
    (tmp_path / "latents.part").write_bytes(b"cut off here")
    first = encode(pictures, small.autoencoder(), file, bench(tmp_path))
    again = encode(pictures, None, file, bench(tmp_path))
    assert torch.equal(again.z, first.z)
    assert [each.name for each in tmp_path.iterdir()] == ["latents.pt"]


def test_the_spread_is_the_base_styles_of_a_thousand_scenes() -> None:
    latents = small.latents()
    z = torch.randn(1002, 3, 4, 2, 2, generator=torch.Generator().manual_seed(0)).half()
    z[:1000, :2] *= 1.7
    z[1000:] = 100
    z[:, 2] = 100
    assert spread_of(replace(latents, z=z), base=2) == pytest.approx(1.7, rel=0.02)


def test_pixels_go_to_tensors_and_back() -> None:
    every = np.arange(256, dtype=np.uint8).repeat(3).reshape(1, 16, 16, 3)
    every.flags.writeable = False  # as pictures that are mapped from a file
    tensor = networks.pictures_to_tensor(every[:, ::-1], small.CPU)
    assert tensor.shape == (1, 3, 16, 16)
    assert (tensor.min().item(), tensor.max().item()) == (-1, 1)
    np.testing.assert_array_equal(networks.tensor_to_pictures(tensor), every[:, ::-1])
    assert networks.tensor_to_pictures(tensor * 9).max() == 255
