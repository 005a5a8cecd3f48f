from __future__ import annotations

import logging
import os
import pty
import re
import subprocess
import sys
import threading
import warnings
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine import logs
from engine.errors import SettingError

PATIENCE_S = 30.0

TELLING = """
from engine import logs
for number in range(900):
    logs.notice(f"notice {number} " + "." * 100)
logs.complain("that was all")
"""


@pytest.fixture
def log(tmp_path: Path) -> Iterator[Path]:
    path = tmp_path / "artflow.log"
    logs.open_log(path)
    yield path
    logs.show_notices_with(None)
    logs.close_log()


def test_a_line_says_when_how_bad_who_and_what(log: Path) -> None:
    logging.getLogger("engine.painting").info("first frame after %.1f s", 2.5)
    logging.getLogger("engine.painting").debug("not worth a line")
    (line,) = log.read_text().splitlines()
    assert re.fullmatch(
        r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3}[+-]\d\d:\d\d "
        r"INFO engine\.painting: first frame after 2\.5 s",
        line,
    )


def test_tracebacks_go_into_the_log(log: Path) -> None:
    try:
        raise RuntimeError("https://user:pass@host/x?token=secret gone")
    except RuntimeError:
        logging.getLogger("x").exception("part failed")
    text = log.read_text()
    assert "Traceback" in text
    assert "secret" not in text
    assert "pass" not in text
    assert "https://...@host/x?... gone" in text


def test_a_message_cannot_fake_a_line(log: Path) -> None:
    logging.getLogger("x").info("one\ntwo\x1b[31m")
    (line,) = log.read_text().splitlines()
    assert line.endswith(r"one two\x1b[31m")


def test_a_notice_is_one_line_on_the_terminal_and_in_the_log(
    log: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    logs.notice("OSC listens\non 9000: https://x/y?sig=1")
    assert capsys.readouterr().out == "OSC listens on 9000: https://x/y?...\n"
    assert "OSC listens on 9000" in log.read_text()


def test_notices_can_be_shown_by_another(log: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shown: list[str] = []
    logs.show_notices_with(shown.append)
    logs.notice("hello", logging.WARNING)
    assert shown == ["hello"]
    assert capsys.readouterr().out == ""
    assert "WARNING" in log.read_text()


def test_a_terminal_that_is_gone_harms_nothing(log: Path) -> None:
    def gone(line: str) -> None:
        raise BrokenPipeError(line)

    logs.show_notices_with(gone)
    logs.notice("still logged")
    assert "still logged" in log.read_text()


def test_without_a_log_a_notice_is_only_shown(capsys: pytest.CaptureFixture[str]) -> None:
    logs.notice("bare", logging.ERROR)
    captured = capsys.readouterr()
    assert (captured.out, captured.err) == ("bare\n", "")
    assert logs.log_path() is None
    logs.close_log()


def test_complaints_are_prefixed_line_by_line(capsys: pytest.CaptureFixture[str]) -> None:
    logs.complain("one\ntwo")
    logs.complain("")
    assert capsys.readouterr().err == "artflow: one\nartflow: two\nartflow: \n"


def test_it_rotates_and_keeps_five(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logs, "MAX_LOG_BYTES", 2000)
    logs.open_log(tmp_path / "artflow.log")
    try:
        for number in range(400):
            logging.getLogger("x").info("line %d", number)
    finally:
        logs.close_log()
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "artflow.log",
        *(f"artflow.log.{number}" for number in range(1, logs.LOG_FILES)),
    ]


def test_opening_again_changes_the_place_or_nothing(log: Path, tmp_path: Path) -> None:
    logs.open_log(log)
    logging.getLogger("x").info("here once")
    assert log.read_text().count("here once") == 1
    other = tmp_path / "other.log"
    logs.open_log(other)
    assert logs.log_path() == other
    logging.getLogger("x").info("there")
    assert "there" not in log.read_text()
    assert "there" in other.read_text()


def test_a_log_that_cannot_be_written_says_so(tmp_path: Path) -> None:
    with pytest.raises(SettingError, match=r"cannot be written .*--data"):
        logs.open_log(tmp_path / "no" / "artflow.log")
    assert logs.log_path() is None


def test_a_full_disk_is_counted_not_printed(
    log: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (handler,) = (h for h in logging.getLogger().handlers if isinstance(h, logs._LogFile))

    def full(_: str) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(handler.stream, "write", full)
    logging.getLogger("x").info("lost")
    assert handler.lost == 1
    assert capsys.readouterr() == ("", "")
    assert log.exists()


def test_a_thread_that_dies_is_told_in_one_line(
    log: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail() -> None:
        raise RuntimeError("camera thread broke")

    def leave() -> None:
        raise SystemExit

    for target in (fail, leave):
        thread = threading.Thread(target=target, name="camera")
        thread.start()
        thread.join()
    captured = capsys.readouterr()
    assert captured.out == "camera stopped: RuntimeError: camera thread broke\n"
    assert captured.err == ""
    assert "Traceback" in log.read_text()


def test_a_dead_thread_without_a_name(capsys: pytest.CaptureFixture[str], log: Path) -> None:
    error = RuntimeError("x")
    logs._thread_ended(threading.ExceptHookArgs((RuntimeError, error, None, None)))
    assert capsys.readouterr().out == "a thread stopped: RuntimeError: x\n"
    assert log.exists()


def test_warnings_of_libraries_go_into_the_log(
    log: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        logs.close_log()
        logs.open_log(log)
        warnings.warn("old thing", UserWarning, stacklevel=1)
        logs.close_log()
    assert "old thing" in log.read_text()
    assert capsys.readouterr().err == ""


@settings(deadline=None, max_examples=200)
@given(st.text())
def test_whatever_comes_is_one_printable_line(text: str) -> None:
    line = logs.one_line(text)
    assert line.isprintable() or line == ""


@settings(deadline=None)
@given(st.text("abc/.:0?=&%"), st.text("xyz=&", min_size=1))
def test_no_query_of_a_url_is_kept(path: str, query: str) -> None:
    assert f"?{query}" not in logs.redacted(f"see https://host/{path}?{query} now")


def telling(script: str, output: int) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-c", script],
        stdout=output,
        stderr=subprocess.STDOUT,
        cwd=Path(__file__).parents[2],
    )


def test_a_stalled_terminal_holds_up_neither_the_show_nor_its_end() -> None:
    master, slave = pty.openpty()  # and nobody reads
    try:
        process = telling(TELLING, slave)
        assert process.wait(PATIENCE_S) == 0
    finally:
        process.kill()
        os.close(master)
        os.close(slave)


def test_a_clean_end_loses_no_line() -> None:
    with telling(TELLING, subprocess.PIPE) as process:
        assert process.stdout is not None
        lines = process.stdout.read().decode().splitlines()
    assert process.returncode == 0
    told = [f"notice {number} " + "." * 100 for number in range(900)]
    assert lines == [*told, "artflow: that was all"]


def test_a_terminal_that_hangs_up_ends_nothing() -> None:
    master, slave = pty.openpty()
    os.close(master)  # every write fails from now on
    try:
        process = telling(TELLING, slave)
        assert process.wait(PATIENCE_S) == 0
    finally:
        process.kill()
        os.close(slave)


STUCK = 1_000_000
"""Bytes that no pipe holds."""


class Pipe:
    """A pipe that is full, and a printer with a line stuck in it."""

    def __init__(self) -> None:
        self.end, taken = os.pipe()
        self.stream = os.fdopen(taken, "w")
        self.printer = logs.Printer()
        self.written: list[str] = []
        self.put("x" * STUCK)
        while self.printer._lines:
            pass

    def put(self, line: str) -> None:
        self.printer.put(lambda: self._write(line), self.stream)

    def draw(self, line: str) -> None:
        self.printer.draw(lambda: self._write(line), self.stream)

    def _write(self, line: str) -> None:
        self.written.append(line)
        if len(line) > 100:
            os.write(self.stream.fileno(), line.encode())

    def take(self) -> None:
        """Read all, so that the printer goes on."""
        left = STUCK
        while left:  # and not a byte more: there may be none, and that would be waited for
            left -= len(os.read(self.end, left))
        assert self.printer.flush(PATIENCE_S)

    def close(self) -> None:
        self.stream.close()
        os.close(self.end)


def test_what_waits_is_bounded_and_of_drawings_the_newest() -> None:
    pipe = Pipe()
    for number in range(logs.MAX_WAITING_LINES + 5):
        pipe.put(f"line {number}")
        pipe.draw(f"drawing {number}")
    assert not pipe.printer.flush(0.01)
    assert pipe.printer.dropped == 5
    pipe.take()
    assert pipe.written[1:] == [
        *(f"line {number}" for number in range(5, logs.MAX_WAITING_LINES + 5)),
        f"drawing {logs.MAX_WAITING_LINES + 4}",
    ]
    pipe.close()


def test_a_drawing_can_be_taken_back() -> None:
    pipe = Pipe()
    pipe.draw("old")
    pipe.printer.draw(None, pipe.stream)
    pipe.put("last")
    pipe.take()
    assert pipe.written[1:] == ["last"]
    pipe.close()


def test_a_writer_that_fails_does_not_end_the_printer(log: Path) -> None:
    pipe = Pipe()

    def fails(error: BaseException) -> None:
        raise error

    for error in (BrokenPipeError(), SystemExit(1), RuntimeError("a mistake")):
        pipe.printer.put(partial(fails, error), pipe.stream)
    pipe.put("still here")
    pipe.take()
    assert pipe.written[1:] == ["still here"]
    assert "RuntimeError: a mistake" in log.read_text()
    assert "BrokenPipeError" not in log.read_text()
    pipe.close()


def test_a_terminal_that_never_waits_is_waited_for() -> None:
    end, taken = os.pipe()
    os.set_blocking(taken, False)
    with open(taken, "w") as stream, open(end, "rb") as reader:
        direct = logs.Direct(stream)
        direct.write("\u2501" * 100_000)
        writer = threading.Thread(target=direct.flush)
        writer.start()
        assert reader.read(300_000).decode() == "\u2501" * 100_000
        writer.join(PATIENCE_S)
        assert not writer.is_alive()
