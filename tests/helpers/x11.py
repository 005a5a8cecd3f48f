"""A virtual X screen."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def xvfb(width: int, height: int, screens: int = 1, number: int | None = None) -> Iterator[str]:
    """An Xvfb of so many screens; its DISPLAY. `number` asks for that one again."""
    process, display = start_xvfb(width, height, screens, number)
    try:
        yield display
    finally:
        process.kill()
        process.wait()


def start_xvfb(
    width: int, height: int, screens: int = 1, number: int | None = None
) -> tuple[subprocess.Popen[bytes], str]:
    """Started and ready; end it with kill()."""
    hear, tell = os.pipe()
    command = ["Xvfb", *([f":{number}"] if number is not None else [])]
    command += ["-displayfd", str(tell), "-nolisten", "tcp", "-noreset"]
    for screen in range(screens):
        command += ["-screen", str(screen), f"{width}x{height}x24"]
    process = subprocess.Popen(
        command, pass_fds=(tell,), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    os.close(tell)
    with os.fdopen(hear) as answer:
        text = answer.readline().strip()
    if not text:
        process.wait()
        raise RuntimeError(f"Xvfb did not start (exit code {process.returncode})")
    time.sleep(0.1)
    return process, f":{text}"
