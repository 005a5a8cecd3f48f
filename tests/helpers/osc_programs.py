"""Programs that performers play from, run as they run them: Pure Data and SuperCollider."""

from __future__ import annotations

import os
import re
import subprocess
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType

from tests.helpers.tools import need_tool

PATIENCE_S = 60.0
"""Longest wait for anything: only there so that a hang ends."""


class Peer:
    """A program that talks OSC. `lines` are what it printed so far, stdout and stderr together."""

    def __init__(self, command: Sequence[str], env: Mapping[str, str] | None = None) -> None:
        self.lines: list[str] = []
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,  # held open: sclang leaves when its input ends
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            env={**os.environ, **(env or {})},
        )
        self._printed = threading.Condition()
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            with self._printed:
                self.lines.append(line.rstrip("\n"))
                self._printed.notify_all()

    def wait_for(self, pattern: str) -> str:
        """The first line that the pattern is found in."""

        def found() -> str | None:
            return next((line for line in self.lines if re.search(pattern, line)), None)

        with self._printed:
            self._printed.wait_for(found, PATIENCE_S)
        line = found()
        assert line is not None, f"{pattern!r} was not printed, but {self.lines[-20:]}"
        return line

    def close(self) -> None:
        self._process.kill()
        self._process.wait(PATIENCE_S)
        self._thread.join(PATIENCE_S)
        for pipe in (self._process.stdin, self._process.stdout):
            assert pipe is not None
            pipe.close()

    def __enter__(self) -> Peer:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def pure_data(*patches: Path, sends: Sequence[str] = ()) -> Peer:
    """Pure Data without a window; `sends` are "receiver message", sent once all is open."""
    command = [need_tool("pd"), "-nogui", "-noaudio", "-nomidi", "-stderr"]
    for patch in patches:
        command += ["-open", str(patch)]
    for message in sends:
        command += ["-send", message]
    return Peer(command)


def super_collider(file: Path) -> Peer:
    """sclang without a window. It keeps its files under HOME, which is `file`'s own folder."""
    env = {
        "QT_QPA_PLATFORM": "offscreen",
        "QTWEBENGINE_DISABLE_SANDBOX": "1",
        "HOME": str(file.parent),
        "XDG_CONFIG_HOME": str(file.parent / "config"),
        "XDG_DATA_HOME": str(file.parent / "data"),
    }
    return Peer([need_tool("sclang"), str(file)], env)


def with_ports(example: Path, folder: Path, *, plays: int, hears: int = 9001) -> Path:
    """A copy of `example` in `folder` that plays on another port than 9000 and hears on another."""
    text = example.read_text("utf-8").replace("9000", str(plays)).replace("9001", str(hears))
    copy = folder / example.name
    copy.write_text(text, "utf-8")
    return copy
