from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt
import pytest
import skimage.data

from presets.rehearsal.natural import _textures, dead_leaves

SIDE = 256


def slope(picture: npt.NDArray[np.uint8] | npt.NDArray[np.float32]) -> float:
    """How the spectrum's power falls with frequency, in log-log."""
    grey = picture.astype(float).mean(2)
    window = np.hanning(SIDE)
    power = np.abs(np.fft.fft2((grey - grey.mean()) * window[:, None] * window)) ** 2
    y, x = np.meshgrid(*[np.fft.fftfreq(SIDE, 1 / SIDE)] * 2, indexing="ij")
    ring = np.hypot(y, x).astype(int).ravel()
    mean = np.bincount(ring, power.ravel()) / np.bincount(ring)
    frequency = np.arange(4, SIDE // 4)
    return float(np.polyfit(np.log(frequency), np.log(mean[frequency]), 1)[0])


def photograph(name: str) -> npt.NDArray[np.uint8]:
    picture = getattr(skimage.data, name)()
    side = min(picture.shape[:2])
    small = cv2.resize(picture[:side, :side], (SIDE, SIDE), interpolation=cv2.INTER_AREA)
    return np.asarray(small, np.uint8)


def test_their_spectra_fall_as_photographs_do() -> None:
    leaves = np.mean([slope(dead_leaves(np.random.default_rng(n), SIDE)) for n in range(20)])
    photographs = np.mean([slope(photograph(n)) for n in ("astronaut", "coffee", "chelsea")])
    assert leaves == pytest.approx(photographs, abs=0.5)


def test_their_textures_run_from_rough_to_smooth() -> None:
    textures = _textures(SIDE)
    slopes = [slope(np.repeat(texture[..., None], 3, axis=2)) for texture in textures]
    # power, the square of the amplitude
    assert slopes[0] == pytest.approx(-2 * 0.7, abs=0.15)
    assert slopes[-1] == pytest.approx(-2 * 1.6, abs=0.15)
    assert slopes[::4] == sorted(slopes[::4], reverse=True)
    np.testing.assert_allclose(textures.std((1, 2)), 1, rtol=1e-3)


@pytest.mark.parametrize("side", [64, 128])
def test_a_seed_is_a_picture(side: int) -> None:
    one, again, other = (dead_leaves(np.random.default_rng(seed), side) for seed in (1, 1, 2))
    assert one.dtype == np.uint8
    assert one.shape == (side, side, 3)
    np.testing.assert_array_equal(one, again)
    assert np.abs(one.astype(int) - other).mean() > 5


def test_pictures_are_neither_black_nor_white_nor_grey() -> None:
    many = np.stack([dead_leaves(np.random.default_rng(seed), 64) for seed in range(40)])
    assert 70 < many.mean() < 185
    assert np.ptp(many.mean((1, 2)), axis=1).max() > 40
    assert (many.std((1, 2, 3)) > 5).mean() > 0.9
