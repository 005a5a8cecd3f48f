from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as Pillow

from engine.errors import SourceError
from engine.sources import SourceSpec, open_source
from engine.sources.drawing import Drawing
from engine.sources.image import Image
from tests.helpers.media import number_of, numbered

SIZE = (64, 64)


@pytest.mark.parametrize("suffix", ["png", "jpg", "webp", "bmp", "gif", "tif"])
def test_common_formats_are_read(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"a picture: {suffix}.{suffix}"
    Pillow.fromarray(numbered(0b01011001, 96, 96)).save(path)
    source = open_source(SourceSpec("image", str(path)), SIZE, Drawing(SIZE))
    picture = source.read()
    assert picture is not None
    assert picture.shape == (64, 64, 3)
    assert number_of(picture) == 0b01011001
    source.close()


def test_an_image_is_offered_again_at_a_steady_rate(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    Pillow.fromarray(numbered(5)).save(path)
    image = Image(str(path), SIZE)
    first = image.read()
    taken = image.captured_ns
    begun = time.monotonic()
    assert all(image.read() is first for _ in range(6))
    assert time.monotonic() - begun > 0.15
    assert image.captured_ns > taken, "each offer is a new capture"
    image.size = (32, 16)
    assert image.read().shape == (16, 32, 3)


def test_what_is_see_through_is_black(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    rgba = np.full((64, 64, 4), (200, 100, 50, 255), np.uint8)
    rgba[:32, :, 3] = 0
    rgba[32:40, :, 3] = 128
    Pillow.fromarray(rgba).save(path)
    picture = Image(str(path), SIZE).read()
    assert not picture[10].any()
    assert np.abs(picture[36, 10].astype(int) - (100, 50, 25)).max() <= 2
    assert picture[60, 10].tolist() == [200, 100, 50]


def test_a_photo_that_lies_on_its_side_is_put_upright(tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    exif = Pillow.Exif()
    exif[0x0112] = 6  # to be turned clockwise by a quarter
    Pillow.fromarray(np.rot90(numbered(0b00101101)).copy()).save(path, exif=exif, quality=95)
    assert number_of(Image(str(path), SIZE).read()) == 0b00101101


def test_what_is_no_picture_is_refused_in_one_line(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    with pytest.raises(SourceError, match=r"image .*a\.png cannot be opened: there is nothing"):
        Image(str(path), SIZE)
    path.write_text("not a picture\n" * 20)
    with pytest.raises(SourceError, match=r"a\.png") as caught:
        Image(str(path), SIZE)
    assert "\n" not in str(caught.value)
    Pillow.fromarray(numbered(5)).save(path)
    path.write_bytes(path.read_bytes()[:60])
    with pytest.raises(SourceError, match=r"a\.png"):
        Image(str(path), SIZE)
