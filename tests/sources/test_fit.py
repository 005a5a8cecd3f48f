from __future__ import annotations

import av
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.sources.fit import Fitter, fit_picture, stretch_picture
from tests.helpers.media import Array, number_of, numbered

sides = st.integers(1, 200)


def stripes(w: int, h: int) -> Array:
    """Green, with a red margin left and right and a blue one above and below, each a quarter."""
    picture = np.zeros((h, w, 3), np.uint8)
    picture[:, :, 1] = 255
    picture[:, : w // 4] = picture[:, w - w // 4 :] = (255, 0, 0)
    return picture


@settings(max_examples=100, deadline=None)
@given(sides, sides, sides, sides)
def test_any_size_becomes_the_one_asked_for(w: int, h: int, to_w: int, to_h: int) -> None:
    picture = np.full((h, w, 3), (200, 100, 50), np.uint8)
    fitted = fit_picture(picture, (to_w, to_h))
    assert fitted.shape == (to_h, to_w, 3)
    assert fitted.dtype == np.uint8
    assert fitted.flags.c_contiguous
    assert np.abs(fitted.astype(int) - (200, 100, 50)).max() <= 2


def test_what_fits_is_not_touched() -> None:
    picture = numbered(7)
    assert fit_picture(picture, (64, 64)) is picture


def test_wide_and_tall_pictures_lose_their_margins_only() -> None:
    wide = fit_picture(stripes(256, 128), (64, 64))
    assert (wide[:, 2:-2, 1] > 250).all(), "the middle half is what is left"
    tall = fit_picture(np.rot90(stripes(256, 128)).copy(), (64, 64))
    assert (tall[2:-2, :, 1] > 250).all()


def test_only_whole_pixels_are_cut_where_nothing_is_scaled() -> None:
    picture = np.random.default_rng(1).integers(0, 255, (30, 41, 3), np.uint8)
    assert (fit_picture(picture, (31, 30)) == picture[:, 5:36]).all()


def test_shape_and_order_survive_scaling() -> None:
    for size in ((200, 200), (24, 24), (64, 40)):
        shown = fit_picture(numbered(0b01101001, 64, 64), size)
        if size[0] == size[1]:
            assert number_of(shown) == 0b01101001


def test_pixels_that_are_not_square_are_made_so() -> None:
    frame = av.VideoFrame.from_ndarray(stripes(64, 128))
    fitted = Fitter().fit(frame, (64, 64), pixel_aspect=4.0)  # meant to be seen as 256 x 128
    assert (fitted[:, 2:-2, 1] > 250).all()


@pytest.mark.parametrize(("height", "matrix"), [(360, 5), (720, 1)])
def test_colours_survive_video_whatever_its_matrix(height: int, matrix: int) -> None:
    picture = np.full((height, height, 3), (220, 60, 30), np.uint8)
    video = av.VideoFrame.from_ndarray(picture).reformat(format="yuv420p", dst_colorspace=matrix)
    video.colorspace = 2  # nothing is said, as in most files
    fitted = Fitter().fit(video, (64, 64))
    assert np.abs(fitted.astype(int) - (220, 60, 30)).max() <= 3


def test_stretching_keeps_the_margins() -> None:
    stretched = stretch_picture(stripes(256, 64), (64, 64))
    assert stretched.shape == (64, 64, 3)
    assert (stretched[:, :12, 0] > 250).all()
