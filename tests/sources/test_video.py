from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from engine.errors import SourceError
from engine.latest import Picture
from engine.sources import SourceSpec, open_source
from engine.sources.av_reader import why
from engine.sources.drawing import Drawing
from engine.sources.video import Video
from tests.helpers.media import make_video, number_of, numbered, turn_video

SIZE = (64, 64)


@contextmanager
def playing(path: Path, size: tuple[int, int] = SIZE) -> Iterator[Video]:
    with closing(Video(str(path), size)) as video:
        yield video


def one(path: Path, size: tuple[int, int] = SIZE) -> Picture:
    with playing(path, size) as video:
        return video.read()


def test_a_video_plays_in_order_and_round_and_round(tmp_path: Path) -> None:
    path = make_video(tmp_path / "v.mp4", (numbered(n) for n in range(100)), fps=60, sound=True)
    with playing(path) as video:
        seen = [number_of(video.read()) for _ in range(110)]
    steps = {(after - before) % 100 for before, after in pairwise(seen)}
    assert seen[0] == 0
    assert len(set(seen)) > 10
    assert steps <= set(range(1, 75)), "a late machine may leave frames out, none comes twice"
    assert any(after < before for before, after in pairwise(seen)), "it went round"


def test_a_video_plays_at_its_own_rate(tmp_path: Path) -> None:
    path = make_video(tmp_path / "v.mp4", (numbered(n) for n in range(30)), fps=20)
    with playing(path) as video:
        video.read()
        begun = time.monotonic()
        reads = 0
        while time.monotonic() - begun < 1.2:
            video.read()
            reads += 1
        passed = time.monotonic() - begun
    assert reads <= passed * 20 + 2


def test_loops_without_a_seam(tmp_path: Path) -> None:
    path = make_video(tmp_path / "v.mp4", (numbered(n) for n in range(5)), fps=25)
    with playing(path) as video:
        video.read()
        zero = video._zero
        for _ in range(19):
            video.read()
        loops = (video._zero - zero) / 0.2
    assert loops == pytest.approx(round(loops), abs=1e-6), "each loop lasts exactly its length"
    assert round(loops) >= 3


@pytest.mark.parametrize("size", [(64, 64), (128, 72), (72, 128), (66, 50), (2, 2)])
def test_every_shape_of_video_comes_at_the_painted_size(
    tmp_path: Path, size: tuple[int, int]
) -> None:
    path = make_video(tmp_path / "v.mp4", [numbered(90, *size)] * 3)
    for painted in ((64, 64), (96, 56)):
        picture = one(path, painted)
        assert picture.shape == (painted[1], painted[0], 3)
        assert picture.dtype == np.uint8
        assert picture.flags.c_contiguous


def test_odd_sizes_play(tmp_path: Path) -> None:
    path = make_video(tmp_path / "v.mkv", [numbered(77, 63, 65)] * 3, codec="ffv1", pixels="bgr0")
    assert number_of(one(path)) == 77


def test_one_frame_is_offered_again_and_again(tmp_path: Path) -> None:
    path = make_video(tmp_path / "v.mp4", [numbered(33)])
    with playing(path) as video:
        begun = time.monotonic()
        assert {number_of(video.read()) for _ in range(10)} == {33}
        assert time.monotonic() - begun > 0.2, "at its own rate, not as fast as it can"


def test_a_slow_video_is_never_silent(tmp_path: Path) -> None:
    path = make_video(tmp_path / "v.mp4", (numbered(n) for n in (1, 2)), fps=1)
    with playing(path) as video:
        begun = time.monotonic()
        seen = [number_of(video.read()) for _ in range(5)]
        assert time.monotonic() - begun < 10
    assert seen[:3] == [1] * 3


def test_a_slow_video_follows_a_new_size(tmp_path: Path) -> None:
    path = make_video(tmp_path / "v.mp4", (numbered(n) for n in (1, 2)), fps=1)
    with playing(path) as video:
        video.read()
        video._zero += 60  # the next one is far away
        video.size = (80, 96)
        held = video.read()
    assert held.shape == (96, 80, 3)
    assert number_of(held) == 1


def test_a_phone_video_stands_upright(tmp_path: Path) -> None:
    upright = numbered(0b00101101, 64, 64)
    for turn, degrees in ((1, 90), (2, 180), (3, 270)):
        # lying on its side in the file: a turn clockwise puts it right
        path = make_video(tmp_path / f"{degrees}.mp4", [np.rot90(upright, turn)] * 3)
        turn_video(path, degrees)
        assert number_of(one(path)) == 0b00101101, degrees


def test_anamorphic_video_has_its_proportions(tmp_path: Path) -> None:
    picture = np.zeros((64, 64, 3), np.uint8)
    picture[:, 16:48] = 255
    path = make_video(tmp_path / "v.mp4", [picture] * 3, aspect=(2, 1))
    assert (one(path)[:, 2:-2] > 200).all()


def test_videos_without_times_play(tmp_path: Path) -> None:
    path = make_video(tmp_path / "v.h264", (numbered(n) for n in range(10)), fps=50)
    with playing(path) as video:
        seen = [number_of(video.read()) for _ in range(25)]
    assert set(seen) <= set(range(10))
    assert len(set(seen)) > 3


class Lagging(Video):
    """A machine on which every frame takes this long to decode."""

    takes_s = 0.06

    def _decoded(self) -> av.VideoFrame | None:
        time.sleep(self.takes_s)
        return super()._decoded()


def test_a_video_that_decodes_too_slowly_leaves_frames_out(tmp_path: Path) -> None:
    path = make_video(tmp_path / "v.mp4", (numbered(n) for n in range(200)), fps=50, gop=10)
    with closing(Lagging(str(path), SIZE)) as video:
        video.read()
        begun = time.monotonic()
        while (passed := time.monotonic() - begun) < 3.0:
            last = number_of(video.read())
    shown_s = last / 50
    assert shown_s > passed * 0.6 - 0.5, "slow motion would be at a third"


def test_a_short_stop_is_made_good(tmp_path: Path) -> None:
    path = make_video(tmp_path / "v.mp4", (numbered(n) for n in range(200)), fps=50)
    with playing(path) as video:
        video.read()
        time.sleep(0.5)
        seen = [number_of(video.read()) for _ in range(3)]
    assert seen[-1] >= 25, "half a second further on, after three pictures"


@pytest.mark.parametrize("form", ["mp4", "avi", "mkv"])
def test_a_long_stop_of_a_video_without_keyframes_lets_its_clock_wait(
    tmp_path: Path, form: str
) -> None:
    path = make_video(tmp_path / f"v.{form}", (numbered(n) for n in range(200)), fps=50, gop=500)
    with playing(path) as video:
        for _ in range(3):
            video.read()
        video._zero -= 3
        first, second = number_of(video.read()), number_of(video.read())
    assert first < 40, "it cannot be where it should be"
    assert 0 < second - first < 40, "it goes on from there"


GARBAGE = bytes(range(256)) * 80


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("text.mp4", b"dear diary\n" * 40, "not a video or picture"),
        ("text.txt", b"dear diary\n" * 40, "(holds no pictures|not a video)"),
        ("noise.mp4", GARBAGE, "not a video or picture"),
        ("empty.mp4", b"", "not a video or picture"),
        ("list.m3u8", b"#EXTM3U\n#EXTINF:1,\nhttp://127.0.0.1:9/x.ts\n", "cannot be opened"),
    ],
)
def test_what_is_no_video_is_refused_in_one_line(
    tmp_path: Path, name: str, content: bytes, says: str
) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(SourceError, match=says) as caught:
        open_source(SourceSpec("video", str(path)), SIZE, Drawing(SIZE))
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_missing_folder_and_locked(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="nothing of that name"):
        Video(str(tmp_path / "none.mp4"), SIZE)
    with pytest.raises(SourceError, match="it is a folder"):
        Video(str(tmp_path), SIZE)
    with pytest.raises(SourceError, match="cannot be opened"):
        Video(f"{tmp_path}/\udc80.mp4", SIZE)


def test_sound_alone_is_no_video(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("pcm_s16le", rate=8000)
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 800), np.int16), layout="mono")
        frame.sample_rate = 8000
        container.mux(stream.encode(frame))
    with pytest.raises(SourceError, match="holds no pictures"):
        Video(str(path), SIZE)


def test_a_video_cut_before_it_is_opened_has_no_index(tmp_path: Path) -> None:
    path = make_video(tmp_path / "v.mp4", (numbered(n) for n in range(30)))
    os.truncate(path, path.stat().st_size // 2)
    with pytest.raises(SourceError, match="damaged"):
        Video(str(path), SIZE)


def test_what_is_left_of_a_cut_video_plays_where_the_format_allows(tmp_path: Path) -> None:
    noise = np.random.default_rng(3).integers(0, 255, (40, 64, 64, 3), np.uint8)
    path = make_video(tmp_path / "v.mkv", noise)
    os.truncate(path, path.stat().st_size // 2)
    with playing(path) as video:
        for _ in range(30):
            video.read()


def test_a_header_without_pictures_is_an_error(tmp_path: Path) -> None:
    path = make_video(tmp_path / "v.mkv", [numbered(1)] * 5)
    data = path.read_bytes()
    os.truncate(path, data.index(b"\x1f\x43\xb6\x75"))  # the first cluster
    with pytest.raises(SourceError, match=r"v\.mkv"), playing(path) as video:
        video.read()


def read_until_error(video: Video, seconds: float = 10) -> str:
    begun = time.monotonic()
    while time.monotonic() - begun < seconds:
        try:
            video.read()
        except SourceError as error:
            return str(error)
    raise AssertionError("no error came")


@pytest.mark.parametrize("left", [0.0, 0.5])
def test_a_video_cut_short_while_it_plays_is_noticed(tmp_path: Path, left: float) -> None:
    path = make_video(tmp_path / "v.mp4", (numbered(n) for n in range(30)))
    with playing(path) as video:
        video.read()
        os.truncate(path, int(path.stat().st_size * left))
        assert "was cut short while it played" in read_until_error(video)


def test_a_video_that_is_taken_away_plays_on(tmp_path: Path) -> None:
    path = make_video(tmp_path / "v.mp4", (numbered(n) for n in range(10)), fps=60)
    with playing(path) as video:
        video.read()
        path.unlink()
        assert len({number_of(video.read()) for _ in range(30)}) > 5


def test_another_video_under_the_same_name_plays_from_its_start(tmp_path: Path) -> None:
    path = make_video(tmp_path / "v.mp4", (numbered(n) for n in range(10)), fps=60)
    other = make_video(tmp_path / "other.mp4", (numbered(n) for n in range(100, 110)), fps=60)
    with playing(path) as video:
        video.read()
        other.replace(path)
        seen = [number_of(video.read()) for _ in range(40)]
    assert seen[-1] >= 100


def scratched(path: Path, frames: int, bad: range) -> Path:
    """A video in which some pictures are ruined, and all else is whole."""
    make_video(path, (numbered(n) for n in range(frames)), codec="png", pixels="rgb24", fps=60)
    data = bytearray(path.read_bytes())
    heads = [at for at in range(len(data)) if data[at : at + 4] == b"IHDR"]
    for at in (heads[n] for n in bad):
        data[at : at + 20] = bytes(20)
    path.write_bytes(data)
    return path


def test_scratches_are_passed_over(tmp_path: Path) -> None:
    with playing(scratched(tmp_path / "v.mov", 60, range(5, 10))) as video:
        seen = {number_of(video.read()) for _ in range(40)}
    assert not seen & set(range(5, 10))
    assert len(seen) > 10


def test_ruin_is_an_error(tmp_path: Path) -> None:
    with playing(scratched(tmp_path / "v.mov", 200, range(5, 200))) as video:
        assert "is damaged" in read_until_error(video)


def test_other_troubles_are_told_in_one_line_too(tmp_path: Path) -> None:
    assert why(PermissionError(13, "Permission denied")).startswith("we may not read it")
    assert why(ValueError("two\nlines")) == "two lines"
    with playing(make_video(tmp_path / "v.mp4", [numbered(1)] * 5)) as video:
        video.read()

        def broken() -> Iterator[Any]:
            yield from ()
            raise av.error.OSError(5, "Input/output error")

        video._reader._packets = broken()
        assert read_until_error(video).endswith("v.mp4 stopped: Input/output error")
