"""The log file, and the terminal's one line per event that matters.

Tracebacks go into the log and nowhere else. URLs lose their query (it may be a signature) and
their password on the way into either.
"""

from __future__ import annotations

import logging
import logging.handlers
import re
import sys
import threading
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Final

from engine.errors import SettingError

MAX_LOG_BYTES: Final = 1_000_000
LOG_FILES: Final = 5

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


def _print(line: str) -> None:
    print(line, flush=True)


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
    """An error's lines on stderr, each after `artflow: `."""
    for line in text.splitlines() or [text]:
        print(f"artflow: {redacted(one_line(line))}", file=sys.stderr, flush=True)
