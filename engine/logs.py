"""The log file, and the terminal's one line per event that matters.

Tracebacks go into the log and nowhere else. URLs lose their query (it may be a signature) and
their password on the way into either. What goes to the terminal is written by a thread of its own:
a terminal that takes nothing (Ctrl-S, a dead line) must hold up nobody who has something to tell.
"""

from __future__ import annotations

import atexit
import contextlib
import functools
import io
import logging
import logging.handlers
import re
import sys
import threading
import time
from collections import deque
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Final, TextIO

from engine.errors import SettingError

MAX_LOG_BYTES: Final = 1_000_000
LOG_FILES: Final = 5
MAX_WAITING_LINES: Final = 1000
"""A terminal that takes nothing for long costs the oldest lines, which the log has."""
FLUSH_S: Final = 1.0
"""So long an end waits for the terminal."""

_QUERY: Final = re.compile(r"(\b[a-z][a-z0-9+.-]*://[^\s?#\"'<>]*)\?[^\s\"'<>]*", re.IGNORECASE)
_PASSWORD: Final = re.compile(r"(\b[a-z][a-z0-9+.-]*://)[^\s/@\"'<>]+@", re.IGNORECASE)

_log: Final = logging.getLogger("artflow")
_log.addHandler(logging.NullHandler())  # without it, Python prints errors itself until a log opens


def redacted(text: str) -> str:
    """`text` with the queries and passwords of its URLs taken out."""
    return _PASSWORD.sub(r"\1...@", _QUERY.sub(r"\1?...", text))


def one_line(text: str) -> str:
    """`text` without line breaks or control characters: it may come from the wire."""
    return "".join(
        character
        if character.isprintable()
        else " "
        if character in "\r\n\t"
        else repr(character)[1:-1]
        for character in text
    )


class _Lines(logging.Formatter):
    """`2026-01-31 20:15:00.123+01:00 INFO engine.painting: text`, tracebacks below it."""

    def formatTime(self, record: logging.LogRecord, datefmt: str | None = None) -> str:  # noqa: ARG002, N802
        moment = datetime.fromtimestamp(record.created).astimezone()
        return moment.isoformat(sep=" ", timespec="milliseconds")

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802
        record.message = one_line(record.message)
        return super().formatMessage(record)

    def format(self, record: logging.LogRecord) -> str:
        return redacted(super().format(record))


class _LogFile(logging.handlers.RotatingFileHandler):
    """A log whose own trouble (a full disk) is counted, not shouted over the show."""

    lost = 0

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: ARG002, N802
        self.lost += 1


_handler: _LogFile | None = None
_thread_hook = threading.excepthook


def log_path() -> Path | None:
    """Where the open log is; None while there is none."""
    return Path(_handler.baseFilename) if _handler else None


def open_log(path: Path) -> None:
    """Log INFO and above to `path`: five files of 1 MB at most. Takes the place of another log.

    Warnings of libraries and exceptions that end a thread go there as well.
    Raises `SettingError` where the file cannot be written.
    """
    global _handler
    if log_path() == path.absolute():
        return
    close_log()
    try:
        handler = _LogFile(
            path,
            maxBytes=MAX_LOG_BYTES,
            backupCount=LOG_FILES - 1,
            encoding="utf-8",
            errors="backslashreplace",
        )
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise SettingError(
            f"the log {path} cannot be written ({reason}); name another place with --data FOLDER"
        ) from error
    handler.setFormatter(_Lines("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    root = logging.getLogger()
    root.addHandler(handler)
    root.setLevel(logging.INFO)
    logging.captureWarnings(True)
    threading.excepthook = _thread_ended
    _handler = handler


def close_log() -> None:
    """Finish the log file; harmless where none is open."""
    global _handler
    if _handler is None:
        return
    logging.getLogger().removeHandler(_handler)
    logging.captureWarnings(False)
    threading.excepthook = _thread_hook
    _handler.close()
    _handler = None


def _thread_ended(failed: threading.ExceptHookArgs) -> None:
    if failed.exc_type is SystemExit or failed.exc_value is None:
        return
    name = failed.thread.name if failed.thread else "a thread"
    _log.error("%s ended", name, exc_info=failed.exc_value)
    notice(f"{name} stopped: {failed.exc_type.__name__}: {failed.exc_value}", logging.ERROR)


# the terminal

Write = Callable[[], object]


class Printer:
    """Writes to the terminal in turn, in a thread of its own; whoever asks never waits.

    `put` keeps every line in order, the oldest give way where too many wait (`dropped` counts
    them). Of what is drawn beneath the lines (a status), only the newest waits. All of it is safe
    from any thread. At the interpreter's exit it waits for the terminal, but not for long.
    """

    def __init__(self) -> None:
        self.dropped = 0
        self._lines: deque[Write] = deque()
        self._drawing: Write | None = None
        self._writing = False
        self._thread: threading.Thread | None = None
        self._news = threading.Condition()

    def put(self, write: Write, stream: TextIO | None) -> None:
        """Let `write` write a line to `stream`: in turn; at once where that is memory."""
        if not can_stall(stream):
            _carefully(write)
            return
        with self._news:
            if len(self._lines) == MAX_WAITING_LINES:
                self._lines.popleft()
                self.dropped += 1
            self._lines.append(write)
            self._wake()

    def draw(self, write: Write | None, stream: TextIO | None) -> None:
        """Let `write` draw in place of what has not been drawn yet; None: nothing any more."""
        if write is not None and not can_stall(stream):
            _carefully(write)
            return
        with self._news:
            self._drawing = write
            if write is not None:
                self._wake()

    def flush(self, limit_s: float = FLUSH_S) -> bool:
        """Wait until all is written; False where the terminal has not taken it in time."""
        with self._news:
            return self._news.wait_for(self._is_done, limit_s)

    def _is_done(self) -> bool:
        return not (self._lines or self._drawing or self._writing)

    def _wake(self) -> None:
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="terminal", daemon=True)
            self._thread.start()
            atexit.register(self.flush)
        self._news.notify_all()

    def _run(self) -> None:
        while True:
            with self._news:
                self._writing = False
                self._news.notify_all()
                self._news.wait_for(lambda: self._lines or self._drawing)
                self._writing = True
                if self._lines:
                    write: Write | None = self._lines.popleft()
                else:
                    write, self._drawing = self._drawing, None
            if write is not None:
                _carefully(write)


def can_stall(stream: TextIO | None) -> bool:
    """Whether writing there may have to wait: in a file of the system, not in memory."""
    try:
        return stream is not None and stream.fileno() >= 0
    except (AttributeError, OSError, ValueError):  # io.UnsupportedOperation is two of these
        return False


class Direct(io.TextIOBase):
    """`stream`'s file, written past Python's buffer and so past its lock.

    A write that hangs in the buffer would hang whoever prints next, and the interpreter's exit.
    What a terminal that is gone does not take is forgotten: the show goes on, the log has it.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._text = ""

    @property
    def encoding(self) -> str:  # type: ignore[override]
        return self._stream.encoding or "utf-8"

    def fileno(self) -> int:
        return self._stream.fileno()

    def isatty(self) -> bool:
        return self._stream.isatty()

    def write(self, text: str) -> int:
        self._text += text
        return len(text)

    def flush(self) -> None:
        text, self._text = self._text, ""
        if not can_stall(self._stream):
            self._stream.write(text)
            self._stream.flush()
            return
        rest = memoryview(text.encode(self.encoding, "backslashreplace"))
        with (
            contextlib.suppress(OSError),
            open(self.fileno(), "wb", buffering=0, closefd=False) as file,
        ):
            while rest:
                written = file.write(rest)
                if written is None:  # somebody has set the terminal to take it or leave it
                    time.sleep(0.02)
                rest = rest[written or 0 :]


def _carefully(write: Write) -> None:
    try:
        write()
    except (OSError, ValueError, SystemExit):  # it is gone; rich asks to leave on a broken pipe
        return
    except Exception:
        _log.exception("writing to the terminal")


PRINTER: Final = Printer()
"""The one that owns the terminal."""


def _write_line(line: str, stream: TextIO) -> None:
    direct = Direct(stream)
    direct.write(line + "\n")
    direct.flush()


def _print(line: str, stream: TextIO | None = None) -> None:
    stream = stream or sys.stdout
    if stream is not None:  # pythonw has none
        PRINTER.put(functools.partial(_write_line, line, stream), stream)


_show_line: Callable[[str], None] = _print


def show_notices_with(show: Callable[[str], None] | None) -> None:
    """Let `show(line)` bring notices to the terminal (as a live status line must); None: print."""
    global _show_line
    _show_line = show or _print


def notice(text: str, level: int = logging.INFO) -> None:
    """Tell the performer, in one line on the terminal and in the log. Safe from any thread."""
    line = redacted(one_line(text))
    _log.log(level, "%s", line)
    try:
        _show_line(line)
    except (OSError, ValueError):  # the terminal is gone: the show goes on, the log has it
        return


def complain(text: str) -> None:
    """An error's lines on stderr, each after `artflow: `, behind every notice. Ends a command."""
    for line in text.splitlines() or [text]:
        _print(f"artflow: {redacted(one_line(line))}", sys.stderr)
    PRINTER.flush()
