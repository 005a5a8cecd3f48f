"""Recordings, read back with PyAV."""

from __future__ import annotations

import os
import signal
import struct
import subprocess
import sys
import time
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from engine.errors import OutputError, SettingError
from engine.latest import Frame, Latest, Picture
from engine.outputs import recorder as recorder_file
from engine.outputs.recorder import Recorder, fitted
from tests.helpers.media import number_of, numbered
from tests.helpers.pictures import assert_clock

PATIENCE_S = 20.0

RECORDING = """
import sys, time
from pathlib import Path
import numpy as np
from engine.latest import Frame, Latest
from engine.outputs.recorder import Recorder
if len(sys.argv) > 2:
    import resource, signal
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]), int(sys.argv[2])))
shown = Latest()
shown.put(Frame(np.full((64, 64, 3), 90, np.uint8), 1, 0))
recorder = Recorder(shown, Path(sys.argv[1]))
recorder.start("take")
noise = np.random.default_rng(1)
number = 0
while not recorder.error:
    number += 1
    shown.put(Frame(noise.integers(0, 256, (64, 64, 3), np.uint8), number, 0))
    print(recorder.frames, flush=True)
    time.sleep(0.02)
print(recorder.error, flush=True)
print(recorder.active, recorder.stop(), flush=True)
"""


def plain(level: int, width: int = 64, height: int = 48) -> Picture:
    return np.full((height, width, 3), level, np.uint8)


def put(shown: Latest[Frame], picture: Picture, painted: bool = True) -> None:
    shown.put(Frame(picture, shown.replaced + 1, 0, int(painted)))


def wait_frames(recorder: Recorder, frames: int) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while recorder.frames < frames and recorder.active and time.monotonic() < deadline:
        time.sleep(0.005)
    assert recorder.frames >= frames, recorder.error


def read(path: Path) -> tuple[list[Picture], list[int], Fraction]:
    """Pictures, their times, and the unit of those."""
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        frames = list(container.decode(stream))
        assert stream.time_base is not None
        pictures = [np.asarray(frame.to_ndarray(format="rgb24"), np.uint8) for frame in frames]
        return pictures, [frame.pts or 0 for frame in frames], stream.time_base


def boxes(path: Path) -> list[str]:
    """The kinds of an mp4's outermost boxes."""
    data, at, kinds = path.read_bytes(), 0, []
    while at < len(data):
        length, kind = struct.unpack_from(">I4s", data, at)
        kinds.append(kind.decode())
        at += length
    return kinds


def assert_unbroken(times: list[int], unit: Fraction, fps: int = 30) -> None:
    assert times == [round(n / (fps * unit)) for n in range(len(times))]


def test_every_tick_has_its_picture(tmp_path: Path) -> None:
    shown: Latest[Frame] = Latest()
    put(shown, plain(200))
    recorder = Recorder(shown, tmp_path / "recordings")
    assert recorder.stop() is None
    path = recorder.start("take")
    assert recorder.active
    wait_frames(recorder, 10)
    put(shown, plain(60))
    wait_frames(recorder, 25)
    assert recorder.stop() == path
    pictures, times, unit = read(path)
    assert len(pictures) == recorder.frames
    assert recorder.seconds == recorder.frames / 30
    assert_unbroken(times, unit)
    assert abs(int(pictures[2].mean()) - 200) <= 3
    assert abs(int(pictures[-1].mean()) - 60) <= 3
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        assert stream.frames == len(pictures)  # known from the header: a regular mp4
        context = stream.codec_context
        assert (context.name, context.pix_fmt) == ("h264", "yuv420p")
        assert (context.colorspace, context.color_range) == (1, 1)
    assert boxes(path) == ["ftyp", "free", "mdat", "moov"]


def test_colours_survive(tmp_path: Path) -> None:
    shown: Latest[Frame] = Latest()
    picture = plain(0)
    picture[:, :32] = (220, 40, 30)
    picture[:, 32:] = (20, 60, 210)
    put(shown, picture)
    recorder = Recorder(shown, tmp_path)
    path = recorder.start("colours")
    wait_frames(recorder, 3)
    recorder.stop()
    got = read(path)[0][-1]
    assert np.abs(got[20, 10].astype(int) - (220, 40, 30)).max() <= 6
    assert np.abs(got[20, 50].astype(int) - (20, 60, 210)).max() <= 6


class Skipping:
    """A clock that can be pushed forward: a stall, without waiting for one."""

    def __init__(self) -> None:
        self.skipped_s = 0.0

    def __call__(self) -> float:
        return time.monotonic() + self.skipped_s


def test_a_recording_shorter_than_it_ran_is_noticed() -> None:
    moments = [n / 30 for n in range(90)]
    assert_clock(moments, (3.0, 3.0))
    with pytest.raises(AssertionError):
        assert_clock(moments, (9.0, 12.0))  # every frame in its place, two thirds of them missing
    with pytest.raises(AssertionError):
        assert_clock(moments, (0.0, 2.0))  # or too many
    with pytest.raises(AssertionError):
        assert_clock([*moments[:40], *moments[41:]], (3.0, 3.0))


def test_ticks_that_passed_in_a_stall_are_made_up_for(tmp_path: Path) -> None:
    shown: Latest[Frame] = Latest()
    put(shown, plain(80))
    clock = Skipping()
    recorder = Recorder(shown, tmp_path, clock=clock)
    start_s = clock()
    path = recorder.start("stalled")
    wait_frames(recorder, 5)
    clock.skipped_s = 3.0
    wait_frames(recorder, 95)
    recorder.stop()
    elapsed_s = clock() - start_s
    assert 95 <= recorder.frames <= elapsed_s * 30 + 1  # the encoder opens after the start
    pictures, times, unit = read(path)
    assert len(pictures) == recorder.frames
    assert_unbroken(times, unit)


def test_the_end_is_made_up_for_too(tmp_path: Path) -> None:
    shown: Latest[Frame] = Latest()
    put(shown, plain(80))
    clock = Skipping()
    recorder = Recorder(shown, tmp_path, fps=2, clock=clock)
    path = recorder.start("end")
    wait_frames(recorder, 1)
    clock.skipped_s = 2.0
    recorder.stop()
    assert len(read(path)[0]) == recorder.frames >= 4


class Moments(Latest[Frame]):
    """Shows a picture that tells the tick at which it is looked at."""

    def __init__(self) -> None:
        super().__init__()
        self.now_s = 0.0
        self.replaced = 1

    def clock(self) -> float:
        return self.now_s

    def get(self) -> Frame | None:
        return Frame(numbered(int(self.now_s * 30 + 1e-6)), 1, 0, 1)


@pytest.mark.parametrize("ticks", [1.5, 3.25])
def test_pictures_that_take_long_to_encode_stay_at_their_own_times(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ticks: float
) -> None:
    shown = Moments()
    converted = recorder_file._Encoder._converted

    def slowly(self: recorder_file._Encoder, picture: Picture) -> av.VideoFrame:
        shown.now_s += ticks / 30
        return converted(self, picture)

    monkeypatch.setattr(recorder_file._Encoder, "_converted", slowly)
    recorder = Recorder(shown, tmp_path, clock=shown.clock)
    path = recorder.start("slow")
    wait_frames(recorder, 90)
    recorder.stop()
    told = [number_of(picture) for picture in read(path)[0]]
    assert len(told) == recorder.frames == round(shown.now_s * 30)
    # a picture tells its number's lowest 8 bits, and more than 256 may have come until the stop
    late = [(tick - number + 128) % 256 - 128 for tick, number in enumerate(told)]
    numbers = {tick - ticks_late for tick, ticks_late in enumerate(late)}
    assert len(numbers) >= len(told) / (ticks + 2), "new pictures come all the time"
    assert min(late) >= -1
    assert max(late) <= 2 + ticks


def test_what_takes_too_long_even_to_repeat_is_given_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown = Moments()
    repeat = recorder_file._Encoder.repeat

    def slowly(self: recorder_file._Encoder, tick: int) -> None:
        shown.now_s += 1.5 / 30
        repeat(self, tick)

    monkeypatch.setattr(recorder_file._Encoder, "repeat", slowly)
    recorder = Recorder(shown, tmp_path, clock=shown.clock)
    path = recorder.start("hopeless")
    wait_frames(recorder, 60)
    recorder.stop()
    assert len({number_of(picture) for picture in read(path)[0]}) > 4, "it does not stand still"


def test_the_size_stays_whatever_is_shown(tmp_path: Path) -> None:
    shown: Latest[Frame] = Latest()
    put(shown, plain(80, 63, 47))  # odd: a pixel is cut
    recorder = Recorder(shown, tmp_path)
    path = recorder.start("sizes")
    wait_frames(recorder, 3)
    put(shown, plain(200, 100, 30))
    wait_frames(recorder, 12)
    recorder.stop()
    pictures = read(path)[0]
    assert {picture.shape for picture in pictures} == {(46, 62, 3)}
    assert pictures[-1][23].mean() > 180
    assert pictures[-1][2].mean() < 12


def test_fitting_keeps_proportions() -> None:
    tall = fitted(plain(250, 20, 80), 40, 40)
    assert tall.shape == (40, 40, 3)
    columns = tall[20, :, 0] > 200
    assert columns.sum() == 10
    assert columns[15:25].all()
    same = plain(9)
    assert (fitted(same, 64, 48) == same).all()


def test_the_recording_waits_for_a_first_picture(tmp_path: Path) -> None:
    shown: Latest[Frame] = Latest()
    recorder = Recorder(shown, tmp_path)
    path = recorder.start("late")
    time.sleep(0.05)
    assert recorder.active
    assert recorder.frames == 0
    put(shown, plain(100))
    wait_frames(recorder, 2)
    assert recorder.stop() == path
    # and leaves nothing where none came
    empty = Recorder(Latest(), tmp_path)
    path = empty.start("empty")
    assert empty.stop() is None
    assert not path.exists()


def test_the_command_lines_file_begins_with_the_first_painted_picture(tmp_path: Path) -> None:
    shown: Latest[Frame] = Latest()
    put(shown, plain(0), painted=False)
    recorder = Recorder(shown, tmp_path / "elsewhere")
    assert recorder.start_file(tmp_path / "my.film.mp4") == tmp_path / "my.film.mp4"
    time.sleep(0.05)
    assert recorder.frames == 0
    put(shown, plain(150))
    wait_frames(recorder, 2)
    path = recorder.stop()
    assert path is not None
    assert abs(int(read(path)[0][0].mean()) - 150) <= 3
    with pytest.raises(OutputError, match=r"must end in \.mp4"):
        recorder.start_file(tmp_path / "film.avi")


def test_what_cannot_be_started(tmp_path: Path) -> None:
    shown: Latest[Frame] = Latest()
    recorder = Recorder(shown, tmp_path)
    with pytest.raises(SettingError, match="use a plain name"):
        recorder.start("../x")
    recorder.start("x")
    with pytest.raises(OutputError, match=r"already recording to x\.mp4"):
        recorder.start("y")
    recorder.stop()
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match=r"cannot record into .*choose one") as caught:
        Recorder(shown, tmp_path / "file" / "folder").start("x")
    assert "\n" not in str(caught.value)


def test_names_are_never_used_twice(tmp_path: Path) -> None:
    shown: Latest[Frame] = Latest()
    put(shown, plain(1))
    recorder = Recorder(shown, tmp_path)
    names = []
    for _ in range(2):
        names.append(recorder.start("x").name)
        wait_frames(recorder, 1)
        recorder.stop()
    assert names == ["x.mp4", "x-2.mp4"]


def test_an_ffmpeg_without_hybrid_files_writes_fragments(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recorder_file, "_HYBRID_SINCE", (999, 0))
    shown: Latest[Frame] = Latest()
    put(shown, plain(100))
    recorder = Recorder(shown, tmp_path)
    path = recorder.start("fragments")
    wait_frames(recorder, 40)
    recorder.stop()
    assert "moof" in boxes(path)
    pictures, times, unit = read(path)
    assert len(pictures) == recorder.frames
    assert_unbroken(times, unit)


def test_an_encoder_that_cannot_open_ends_the_recording_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing(*_: object, **__: object) -> None:
        raise ValueError("no libx264 in this ffmpeg")

    monkeypatch.setattr(recorder_file, "_Encoder", missing)
    shown: Latest[Frame] = Latest()
    put(shown, plain(100))
    recorder = Recorder(shown, tmp_path)
    path = recorder.start("x")
    deadline = time.monotonic() + PATIENCE_S
    while recorder.active and time.monotonic() < deadline:
        time.sleep(0.005)
    assert "no libx264" in recorder.error
    assert recorder.stop() is None
    assert not path.exists()


def recording(folder: Path, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", RECORDING, str(folder), *arguments],
        stdout=subprocess.PIPE,
        # a limit on the size of files holds for a log that pytest writes to as well
        stderr=subprocess.DEVNULL,
        text=True,
        cwd=Path(__file__).parents[2],
    )


def test_all_but_the_last_half_second_is_in_the_file(tmp_path: Path) -> None:
    path = tmp_path / "take.mp4"
    path.touch()
    noise = np.random.default_rng(1)
    missing = []
    with recorder_file._Encoder(path, 64, 64, 30) as encoder:
        for tick in range(90):
            encoder.encode(noise.integers(0, 256, (64, 64, 3), np.uint8), tick)
            if tick >= 30:
                missing.append(tick + 1 - len(read(path)[0]))
    assert max(missing) <= 15
    assert len(read(path)[0]) == 90


def test_a_killed_recording_can_be_played(tmp_path: Path) -> None:
    with recording(tmp_path) as process:
        assert process.stdout is not None
        recorded = 0
        for line in process.stdout:
            recorded = int(line)
            if recorded >= 75:
                break
        os.kill(process.pid, signal.SIGKILL)
    pictures, times, unit = read(tmp_path / "take.mp4")
    assert len(pictures) >= recorded - 45  # the encoder's look-ahead, and the last half second
    assert_unbroken(times, unit)


@pytest.mark.parametrize("limit_bytes", [0, 2000, 120000])
def test_a_full_disk_ends_the_recording_with_one_line(tmp_path: Path, limit_bytes: int) -> None:
    with recording(tmp_path, str(limit_bytes)) as process:
        assert process.stdout is not None
        lines = process.stdout.read().splitlines()
    assert process.returncode == 0
    error, ended = lines[-2:]
    assert error.startswith("recording take.mp4 ended after ")
    assert ended.startswith("False ")
    if limit_bytes > 100000:
        assert "what was written so far can be played" in error
        assert boxes(tmp_path / "take.mp4")[-2:] == ["moof", "mdat"]
        pictures, times, unit = read(tmp_path / "take.mp4")
        assert len(pictures) > 5
        assert_unbroken(times, unit)
