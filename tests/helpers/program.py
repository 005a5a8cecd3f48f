"""The real program, started from outside: `python -m artflow` and what it says."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PATIENCE_S = 120.0
"""Longest wait for anything: only there so that a hang ends."""

OFFLINE = {"HTTPS_PROXY": "http://127.0.0.1:9", "NO_PROXY": "127.0.0.1"}
"""No test fetches from the world, wherever it runs: nobody listens there."""


class Program:
    """One run of artflow. `lines` are what it printed so far, stdout and stderr together."""

    def __init__(self, *arguments: str, data: Path, env: dict[str, str] | None = None) -> None:
        self.data = data
        self.lines: list[str] = []
        environment = {**os.environ, **OFFLINE, "COLUMNS": "200", **(env or {})}
        environment.pop("ARTFLOW_DATA", None)
        # started from an empty folder, as a user would from anywhere
        self._folder = tempfile.TemporaryDirectory()
        environment["PYTHONPATH"] = str(ROOT)
        self.started = time.monotonic()
        self.process = subprocess.Popen(
            [sys.executable, "-m", "artflow", *arguments, "--data", str(data)],
            cwd=self._folder.name,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.lines.append(line.rstrip("\n"))

    @property
    def output(self) -> str:
        return "\n".join(self.lines)

    def until(self, condition: Callable[[], object], what: str = "") -> None:
        """Wait for something, as long as the program lives."""
        deadline = time.monotonic() + PATIENCE_S
        while not condition():
            if self.process.poll() is not None and not condition():
                raise AssertionError(f"artflow ended before {what}:\n{self.output}\n{self.log}")
            assert time.monotonic() < deadline, f"no {what}:\n{self.output}\n{self.log}"
            time.sleep(0.02)

    def says(self, pattern: str) -> re.Match[str]:
        """Wait for a line that matches."""
        found: list[re.Match[str]] = []

        def look() -> bool:
            found.extend(m for line in list(self.lines) if (m := re.search(pattern, line)))
            return bool(found)

        self.until(look, f"line matching {pattern!r}")
        return found[0]

    @property
    def log(self) -> str:
        path = self.data / "logs" / "artflow.log"
        return path.read_text(errors="replace") if path.exists() else "(no log)"

    def stop(self) -> int:
        """Ask it to stop, as Ctrl-C would; its exit code."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
        return self.ended()

    def ended(self) -> int:
        """Wait until it ends by itself; its exit code."""
        try:
            code = self.process.wait(PATIENCE_S)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"artflow does not end:\n{self.output}\n{self.log}") from None
        self._reader.join(10)
        return code

    def children(self) -> list[int]:
        """Processes it started that live now."""
        tasks = Path(f"/proc/{self.process.pid}/task")
        found = []
        for task in tasks.iterdir():
            with suppress(FileNotFoundError, ProcessLookupError):  # a thread that has just ended
                found += [int(pid) for pid in (task / "children").read_text().split()]
        return found

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self._reader.join(10)
        if self.process.stdout is not None:
            self.process.stdout.close()
        self._folder.cleanup()


@contextmanager
def artflow(*arguments: str, data: Path, env: dict[str, str] | None = None) -> Iterator[Program]:
    """The program, stopped (or killed, if it will not) at the end."""
    program = Program(*arguments, data=data, env=env)
    try:
        yield program
    finally:
        program.close()
