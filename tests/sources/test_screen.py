"""A real X server is grabbed, killed and started again."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
from pathlib import Path

import pytest

from engine.errors import SourceError
from engine.latest import Picture
from engine.sources import SourceSpec, open_source, screen
from engine.sources.av_reader import LiveReader
from engine.sources.drawing import Drawing
from engine.sources.screen import X11Screen, displays_for, open_screen, server_of
from tests.helpers.tools import need_tool
from tests.helpers.x11 import start_xvfb, xvfb

SIZE = (64, 48)


def painted(display: str, colour: str) -> None:
    """Give the root window a colour, by a real X program (whose exit code means nothing here)."""
    where = ["-display", display, "-window", "root", "-size", "320x200"]
    subprocess.run(["display", *where, f"xc:{colour}"], check=False, timeout=20)


@pytest.mark.parametrize(
    ("number", "here", "displays"),
    [
        ("", ":5", [":5"]),
        ("", ":5.1", [":5.1"]),
        ("", "", []),
        ("0", ":5", [":5.0", ":0"]),
        ("1", ":5.0", [":5.1", ":1"]),
        ("7", "", [":7"]),
        ("5", ":5", [":5"]),
        ("1", "stage:2", ["stage:2.1", ":1"]),
    ],
)
def test_which_screen_a_number_means(number: str, here: str, displays: list[str]) -> None:
    assert displays_for(number, here) == displays


def test_no_screen_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DISPLAY", raising=False)
    assert not screen.has_screen()
    with pytest.raises(SourceError, match="DISPLAY is not set"):
        open_source(SourceSpec("screen"), SIZE, Drawing(SIZE))
    with pytest.raises(SourceError, match="screen :9876 cannot be opened"):
        open_source(SourceSpec("screen", "9876"), SIZE, Drawing(SIZE))


def test_servers_far_away_cannot_be_asked() -> None:
    assert server_of("stage:0") is None
    assert server_of(":9876") == -1


def test_a_busy_server_is_not_a_dead_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(screen, "_SOCKETS", str(tmp_path / "X"))
    with socket.socket(socket.AF_UNIX) as busy:
        busy.bind(str(tmp_path / "X3"))
        busy.listen(0)
        assert server_of(":3") == os.getpid()
        waiting = []
        for _ in range(3):  # nobody accepts: its queue fills up
            knock = socket.socket(socket.AF_UNIX)
            knock.setblocking(False)
            knock.connect_ex(str(tmp_path / "X3"))
            waiting.append(knock)
        assert server_of(":3") is None
        for knock in waiting:
            knock.close()


def test_a_screen_is_seen_live_without_its_pointer(monkeypatch: pytest.MonkeyPatch) -> None:
    need_tool("Xvfb")
    need_tool("display")
    with xvfb(320, 200) as display:
        monkeypatch.setenv("DISPLAY", display)
        assert screen.has_screen()
        source = open_screen("", SIZE)
        try:
            for colour, rgb in (("#c81e3c", (200, 30, 60)), ("#1e3cc8", (30, 60, 200))):
                painted(display, colour)
                picture = until_colour(source, rgb)
                assert picture.shape == (48, 64, 3)
                assert (picture == rgb).all()
            assert abs(time.monotonic_ns() - source.captured_ns) < 5e9
        finally:
            source.close()
        by_number = open_screen("0", SIZE)
        assert by_number.read() is not None
        by_number.close()


def read_for(seconds: float, source: X11Screen) -> None:
    begun = time.monotonic()
    while time.monotonic() - begun < seconds:
        source.read()


def until_colour(source: LiveReader, rgb: tuple[int, int, int]) -> Picture:
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        picture: Picture | None = source.read()
        assert picture is not None
        if tuple(picture[24, 32]) == rgb:
            return picture
    raise AssertionError(f"never {rgb}")


def test_another_server_is_found_by_its_number(monkeypatch: pytest.MonkeyPatch) -> None:
    need_tool("Xvfb")
    with xvfb(64, 64) as display:
        monkeypatch.setenv("DISPLAY", ":9876")
        source = open_screen(display[1:], SIZE)
        assert source.read() is not None
        source.close()


@pytest.mark.parametrize("again", [False, True])
def test_a_server_that_ends_is_noticed(again: bool) -> None:
    need_tool("Xvfb")
    server, display = start_xvfb(320, 200)
    source = None
    try:
        source = X11Screen(display, SIZE)
        source.read()
        server.kill()
        server.wait()
        if again:  # at once, so that there is no moment without a server to be seen
            server, _ = start_xvfb(320, 200, number=int(display[1:]))
        with pytest.raises(SourceError):
            read_for(10, source)
    finally:
        if source is not None:
            source.close()
        server.kill()
        server.wait()


def test_a_server_that_hangs_comes_back_by_itself() -> None:
    need_tool("Xvfb")
    with xvfb(320, 200) as display:
        pid = server_of(display)
        assert pid is not None
        source = X11Screen(display, SIZE)
        source.read()
        os.kill(pid, signal.SIGSTOP)
        try:
            assert server_of(display) in (pid, None)
        finally:
            os.kill(pid, signal.SIGCONT)
        assert source.read() is not None
        source.close()
