"""The painter's process: how it is begun, what it prints, and that it ends."""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import trio

log = logging.getLogger(__name__)

LEAVE_WITHIN_S: Final = 2.0


async def begin_process(fds: Sequence[int]) -> trio.Process:
    """A painter with its orders on stdin and its reports on stdout; it inherits these descriptors.

    Raises `OSError` where the system starts none.
    """
    # on Windows the mailboxes have names instead
    inherited: dict[str, Any] = {"pass_fds": tuple(fds)} if os.name == "posix" else {}
    return await trio.lowlevel.open_process(
        # -P: what lies in the user's folder is not ours
        [sys.executable, "-P", "-m", "engine.painter"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=painter_environment(),
        **inherited,
    )


async def log_errors(process: trio.Process) -> None:
    """What the painter prints goes to the log, line by line."""
    assert process.stderr is not None
    rest = b""
    async for data in process.stderr:
        *lines, rest = (rest + bytes(data)).split(b"\n")
        for line in lines:
            log.info("painter: %s", line.decode("utf-8", "replace"))
        rest = rest[-4096:]


async def end_process(process: trio.Process) -> bool:
    """Leave no process behind, even while the show itself is being cancelled; whether it ended.

    One that sits in a driver call cannot be ended, not even by SIGKILL; the show does not wait.
    """
    with trio.move_on_after(LEAVE_WITHIN_S, shield=True):
        if process.returncode is None:
            process.kill()
        await process.wait()
    with trio.CancelScope(shield=True):
        for stream in (process.stdin, process.stdout, process.stderr):
            if stream is not None:
                await trio.aclose_forcefully(stream)
    if process.returncode is None:
        log.error("the painter process %d cannot be ended: it hangs in the system", process.pid)
    return process.returncode is not None


def exit_reason(code: int) -> str:
    """Why a painter ended that did not say it."""
    if code < 0:
        with contextlib.suppress(ValueError):
            return f"the painter was killed by {signal.Signals(-code).name}"
    return f"the painter ended by itself (exit code {code})"


def painter_environment() -> dict[str, str]:
    """The environment that the painter process runs in."""
    environment = dict(os.environ)
    home = str(Path(__file__).resolve().parents[1])
    environment["PYTHONPATH"] = os.pathsep.join(
        [home, *filter(None, [environment.get("PYTHONPATH")])]
    )
    environment["PYTHONUNBUFFERED"] = "1"
    # threads that spin, or that fill every core, starve the window and each other
    environment.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    environment.setdefault("OMP_NUM_THREADS", str(max(1, usable_cores() - 1)))
    environment.setdefault("TRANSFORMERS_VERBOSITY", "error")
    environment.setdefault("PYTHONWARNINGS", "ignore::FutureWarning")
    environment.setdefault("HF_HUB_OFFLINE", "1")
    environment.setdefault("TOKENIZERS_PARALLELISM", "false")
    return environment


def usable_cores() -> int:
    """The cores this process may use, which may be fewer than the machine has."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
