from __future__ import annotations

import threading
import wave
from collections.abc import Callable, Generator
from importlib import metadata
from pathlib import Path
from types import SimpleNamespace

import av
import numpy as np
import pytest
import trio
from trio.testing import MockClock

from engine import sounds
from engine.audio import DEAF, TRIED_EVERY_S, Audio
from engine.controls import Controls
from engine.errors import SoundError
from engine.hearing import Heard
from engine.parameters import PARAMETERS, TRIGGERS
from engine.sounds import FILE_RATE, MISSING, Sound, SoundFile, SoundInput, open_sound, read_blocks
from tests.helpers.media import make_video, numbered


class FakeSound:
    """A sound whose ears are ours."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.heard = Heard()
        self.lost: str | None = None
        self.closed = False

    def close(self) -> None:
        self.closed = True


class Room:
    """A part that listens, and what it tells. `plugged` is what there is to hear."""

    def __init__(self, wanted: str = "default") -> None:
        self.plugged: FakeSound | None = None
        self.opened: list[str] = []
        self.lines: list[str] = []
        self.reports: list[str] = []
        self.controls = Controls()
        self.controls.declare(*PARAMETERS, *TRIGGERS)
        self.controls.on_report(lambda _name, text, _origin: self.reports.append(text))
        self.audio = Audio(self.controls, wanted, notice=self.lines.append, open=self._open)

    def _open(self, wanted: str) -> FakeSound:
        self.opened.append(wanted)
        if self.plugged is None:
            raise SoundError("there is no input")
        return self.plugged

    async def until(self, is_so: Callable[[], bool]) -> None:
        with trio.fail_after(60):
            while not is_so():
                await trio.sleep(0.01)


async def test_what_is_heard_is_told_and_nothing_stays_behind() -> None:
    room = Room()
    room.plugged = sound = FakeSound("Line In")
    async with trio.open_nursery() as nursery:
        nursery.start_soon(room.audio.run)
        await room.until(lambda: room.controls.get("audio/state") == "live")
        sound.heard = Heard(0.5, 0.12345, 0.25, 0.75, 1.0)
        await room.until(lambda: room.controls.get("audio/onset") == 1.0)
        told = [room.controls.get(f"audio/{name}") for name in ("level", "low", "mid", "high")]
        assert told == [0.5, 0.123, 0.25, 0.75]
        nursery.cancel_scope.cancel()
    assert sound.closed
    assert room.controls.get("audio/level") == room.controls.get("audio/onset") == 0
    assert room.lines == ["audio: hears Line In"]


async def test_no_input_is_one_line_and_it_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engine.audio.TRIED_EVERY_S", 0.001)
    room = Room()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(room.audio.run)
        await room.until(lambda: len(room.opened) > 3)
        assert room.lines == ["audio: there is no input"]
        assert room.controls.get("audio/state") == "lost"
        room.plugged = first = FakeSound("Line In")
        await room.until(lambda: room.controls.get("audio/state") == "live")
        room.plugged = None
        first.heard = Heard(level=1.0)
        first.lost = "Line In gives no more sound"
        await room.until(lambda: first.closed)
        await room.until(lambda: room.controls.get("audio/state") == "lost")
        assert room.controls.get("audio/level") == 0
        await room.until(lambda: room.lines[-1] == "audio: there is no input")
        room.plugged = FakeSound("Line In")
        await room.until(lambda: room.controls.get("audio/state") == "live")
        nursery.cancel_scope.cancel()
    assert room.lines[1:] == [
        "audio: hears Line In",
        "audio: Line In gives no more sound; it is tried again",
        "audio: there is no input",
        "audio: hears Line In",
    ]


async def test_unasked_it_listens_to_nothing_and_says_so_to_whom_it_concerns(
    autojump_clock: MockClock,  # noqa: ARG001
) -> None:
    room = Room("")
    await room.audio.run()
    assert not room.opened
    assert room.controls.get("audio/state") == "off"
    room.controls.set("mod/1/shape", "saw")
    assert not room.reports
    room.controls.set("mod/1/shape", "audio-low")
    assert room.reports == [DEAF]
    Audio(room.controls, "")  # as where a show file's `set:` came first
    assert room.reports == [DEAF] * 2
    assert TRIED_EVERY_S > 0


# files


def write_wav(path: Path, samples: np.ndarray, rate: int = 44100, channels: int = 1) -> Path:
    with wave.open(str(path), "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes((samples * 32767).astype("<i2").tobytes())
    return path


def tone(length_s: float, rate: int = 44100) -> np.ndarray:
    return 0.5 * np.sin(2 * np.pi * 100 * np.arange(round(length_s * rate)) / rate)


def test_a_file_is_read_as_one_channel_at_one_rate(tmp_path: Path) -> None:
    both = np.stack([tone(1), np.zeros(44100)], axis=1).reshape(-1)
    heard = np.concatenate(list(read_blocks(write_wav(tmp_path / "a.wav", both, channels=2))))
    assert heard.dtype == np.float32
    assert len(heard) == pytest.approx(FILE_RATE, rel=0.01)
    assert np.abs(heard[1000:-1000]).max() == pytest.approx(0.25, rel=0.5)


async def test_a_file_is_heard_round_and_round(tmp_path: Path) -> None:
    room = Room()
    path = write_wav(tmp_path / "bass.wav", tone(0.05))
    audio = Audio(room.controls, f"file:{path}", notice=room.lines.append)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(audio.run)
        for _ in range(3):  # each many times as long as the file
            await room.until(lambda: float(room.controls.get("audio/low")) > 0.5)
            await trio.sleep(0.2)
        assert float(room.controls.get("audio/high")) < 0.3
        nursery.cancel_scope.cancel()
    assert room.lines == [f"audio: hears {path}"]


def test_files_that_cannot_be_heard(tmp_path: Path) -> None:
    (tmp_path / "text.wav").write_text("no sound at all")
    silent = make_video(tmp_path / "silent.mp4", [numbered(1)] * 3)
    empty = write_wav(tmp_path / "empty.wav", np.zeros(0))
    for name, words in [
        ("none.wav", "check the path"),
        ("text.wav", r"text\.wav holds no sound"),
        (silent.name, "holds no sound"),
        (empty.name, "holds no sound"),
    ]:
        with pytest.raises(SoundError, match=words) as caught:
            SoundFile(tmp_path / name)
        assert "\n" not in str(caught.value)
    with pytest.raises(SoundError, match=r"cannot be read: Is a directory$"):
        SoundFile(tmp_path)


def test_joined_files_are_heard_to_their_end(tmp_path: Path) -> None:
    path = tmp_path / "joined.mp3"
    with path.open("wb") as joined:
        for rate, layout in ((44100, "mono"), (48000, "stereo")):
            part = tmp_path / f"{rate}.mp3"
            bare = {"write_xing": "0", "id3v2_version": "0"}
            with av.open(str(part), "w", options=bare) as container:
                stream = container.add_stream("mp3", rate=rate, layout=layout)
                channels = 1 if layout == "mono" else 2
                samples = np.repeat(tone(1, rate), channels).astype(np.float32)[None]
                frame = av.AudioFrame.from_ndarray(samples, format="flt", layout=layout)
                frame.sample_rate = rate
                container.mux([*stream.encode(frame), *stream.encode(None)])
            joined.write(part.read_bytes())
    heard = np.concatenate(list(read_blocks(path)))
    assert len(heard) == pytest.approx(2 * FILE_RATE, rel=0.15)


async def test_a_sound_that_breaks_is_lost_and_not_fatal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_wav(tmp_path / "bass.wav", tone(0.05))

    def broken(_path: Path) -> Generator[np.ndarray]:
        yield np.zeros(64, np.float32)
        raise RuntimeError("the decoder fell over")

    def dumb(_path: Path) -> Generator[np.ndarray]:
        yield from ()

    for blocks, words in ((broken, "the decoder fell over"), (dumb, "holds no sound")):
        sound = SoundFile(path)
        monkeypatch.setattr(sounds, "read_blocks", blocks)
        with trio.fail_after(60):
            while sound.lost is None:
                await trio.sleep(0.01)
        assert words in sound.lost
        sound.close()
        monkeypatch.undo()


async def test_a_driver_that_hangs_holds_up_no_end_of_a_show() -> None:
    room, sound, let_go = Room(), FakeSound("slow"), threading.Event()
    begun = threading.Event()

    def hang(_wanted: str) -> FakeSound:
        begun.set()
        let_go.wait(60)
        return sound

    room.audio = Audio(room.controls, "default", notice=room.lines.append, open=hang)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(room.audio.run)
        await room.until(begun.is_set)
        nursery.cancel_scope.cancel()
    # the show has ended while the driver still hangs; what it gives then is closed again
    let_go.set()
    await room.until(lambda: sound.closed)


async def test_a_driver_that_breaks_while_it_is_opened_is_not_fatal(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("engine.audio.TRIED_EVERY_S", 0.001)
    room = Room()

    def falls(_wanted: str) -> FakeSound:
        room.opened.append("")
        raise RuntimeError("somebody else's")

    audio = Audio(room.controls, "default", notice=room.lines.append, open=falls)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(audio.run)
        await room.until(lambda: len(room.opened) > 3)
        nursery.cancel_scope.cancel()
    assert room.lines == ["audio: it cannot be opened: RuntimeError: somebody else's"]


async def test_a_file_that_goes_while_it_plays_is_lost_and_not_fatal(tmp_path: Path) -> None:
    path = write_wav(tmp_path / "bass.wav", tone(0.05))
    sound = SoundFile(path)
    path.unlink()
    with trio.fail_after(60):
        while sound.lost is None:
            await trio.sleep(0.01)
    assert "check the path" in sound.lost
    sound.close()


# inputs


class FakePortAudio:
    """sounddevice with one input, or none. `broken` is what opening answers."""

    class PortAudioError(Exception):
        pass

    def __init__(self, broken: str = "") -> None:
        self.broken = broken
        self.inputs = True
        self.streams: list[SimpleNamespace] = []

    def _terminate(self) -> None: ...

    def _initialize(self) -> None: ...

    def query_devices(self, device: object = None, kind: str | None = None) -> object:
        line = {
            "name": "Line In",
            "index": 3,
            "default_samplerate": 48000.0,
            "max_input_channels": 8,
        }
        if kind is None:
            return [*[line] * self.inputs, {"name": "Speaker", "max_input_channels": 0}]
        if not self.inputs:
            raise self.PortAudioError("Error querying device -1")
        if device not in (None, 3, "Line In"):
            raise ValueError(f"No input device matching {device!r}")
        return line

    def InputStream(self, **how: object) -> SimpleNamespace:  # noqa: N802
        stream = SimpleNamespace(active=False, closed=False, how=how)

        def start() -> None:
            if self.broken:
                raise self.PortAudioError(self.broken)
            stream.active = True

        def close(ignore_errors: bool) -> None:  # noqa: ARG001
            stream.closed = True

        stream.start, stream.close = start, close
        self.streams.append(stream)
        return stream


@pytest.fixture
def portaudio(monkeypatch: pytest.MonkeyPatch) -> FakePortAudio:
    fake = FakePortAudio()
    monkeypatch.setattr(sounds, "import_module", lambda _name: fake)
    monkeypatch.setattr(metadata, "version", lambda _name: "0.5")
    return fake


@pytest.mark.parametrize("wanted", ["default", "3", "Line In"])
def test_an_input_by_name_by_number_or_the_usual_one(
    portaudio: FakePortAudio, wanted: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    sound = open_sound(wanted)
    assert isinstance(sound, SoundInput)
    [stream] = portaudio.streams
    assert sound.name == "Line In"
    assert (stream.how["device"], stream.how["channels"]) == (3, 2)
    both = np.repeat(tone(0.5, 48000).astype(np.float32)[:, None], 2, axis=1)
    stream.how["callback"](both, len(both), None, None)
    assert sound.heard.low > 0.9
    assert lost(sound) is None
    monkeypatch.setattr(sounds, "SILENT_S", -1.0)
    assert lost(sound) == "Line In gives no more sound"
    monkeypatch.setattr(sounds, "SILENT_S", 1e9)
    stream.active = False
    assert lost(sound) == "Line In gives no more sound"
    sound.close()
    assert stream.closed


def lost(sound: Sound) -> str | None:
    return sound.lost


def test_no_such_input_names_those_there_are(portaudio: FakePortAudio) -> None:
    with pytest.raises(SoundError, match=r"'Mic' cannot be opened: .*; inputs here: 'Line In'$"):
        open_sound("Mic")
    portaudio.broken = "Device\nunavailable"
    with pytest.raises(SoundError, match="Device unavailable"):
        open_sound("3")
    assert portaudio.streams[0].closed


@pytest.mark.parametrize("wanted", ["default", "Mic", "3"])
def test_a_machine_without_inputs_says_so(portaudio: FakePortAudio, wanted: str) -> None:
    portaudio.inputs = False
    with pytest.raises(SoundError, match=r"^this machine has no sound input; plug one in"):
        open_sound(wanted)


def test_without_the_extra_or_its_library_one_line_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def missing(name: str) -> str:
        raise metadata.PackageNotFoundError(name)

    def no_library(_name: str) -> None:
        raise OSError("PortAudio library not found")

    monkeypatch.setattr(metadata, "version", missing)
    with pytest.raises(SoundError) as caught:
        open_sound("default")
    assert str(caught.value) == MISSING
    monkeypatch.setattr(metadata, "version", lambda _name: "0.5")
    monkeypatch.setattr(sounds, "import_module", no_library)
    with pytest.raises(SoundError, match="libportaudio2"):
        open_sound("default")


def test_the_real_portaudio_answers_with_an_input_or_in_one_line() -> None:
    with pytest.raises(SoundError) as caught:
        open_sound("no such input")
    assert "\n" not in str(caught.value)
