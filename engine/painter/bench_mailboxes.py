"""The painter's own loop between two real mailboxes, fed by another process: rate and latency."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any, Final

import numpy as np

from engine.errors import PainterError
from engine.frames import FrameMailbox
from engine.painter import protocol
from engine.painter.loop import Orders, Painter, Pulse, paint_forever
from engine.painter.staging import Staging

PATIENCE_S: Final = 120.0
"""For the first pictures: something may have to be captured or compiled."""


def through_mailboxes(
    painter: Painter,
    size: tuple[int, int],
    values: dict[str, float | int | str],
    seconds: float,
    patience_s: float = PATIENCE_S,
) -> dict[str, Any]:
    """Pictures a second flat out, and the latency from putting an input to taking its picture: flat
    out, where it waits for the one before it, and one frame at a time. `values` are the controls.

    Raises `PainterError` where nothing comes within `patience_s`.
    """

    def played(manner: str) -> dict[str, Any]:
        return _played(painter, size, values, [str(seconds), str(patience_s), manner])

    flat_out, lockstep = played("flat-out"), played("lockstep")
    return {
        "fps": round(flat_out["fps"], 2),
        "latency_ms": _figures(lockstep["latencies_ms"]),
        "flat_out_latency_ms": _figures(flat_out["latencies_ms"]),
    }


def _played(
    painter: Painter,
    size: tuple[int, int],
    values: dict[str, float | int | str],
    asked: list[str],
) -> dict[str, Any]:
    """One run; `asked` are the feeder's last arguments."""
    inputs, outputs = FrameMailbox.create(*size), FrameMailbox.create(*size)
    orders = Orders(protocol.Settings(1, values))
    home = str(Path(__file__).resolve().parents[2])
    paths = [home, *filter(None, [os.environ.get("PYTHONPATH")])]
    handles = [each.handle for each in (inputs, outputs)]
    command = [sys.executable, "-P", "-m", "engine.painter.bench_feed"]
    command += [*(handle.as_text() for handle in handles), *asked]
    inherited = tuple(fd for handle in handles for fd in handle.fds)
    feeder = subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
        **({"pass_fds": inherited} if os.name == "posix" else {}),  # type: ignore[call-overload]
    )
    told: list[bytes] = []

    def listen() -> None:
        told.extend(feeder.communicate())
        orders.leave.set()

    listener = threading.Thread(target=listen)
    listener.start()
    try:
        reading, writing = (FrameMailbox(handle) for handle in handles)
        staging = Staging(painter, lambda _: None)
        paint_forever(painter, staging, reading, writing, orders, Pulse(), lambda _: None)
    finally:
        if not orders.leave.is_set():
            feeder.kill()
        listener.join()
        inputs.close()
        outputs.close()
    if feeder.returncode:
        said = told[1].decode(errors="replace").strip().splitlines()
        raise PainterError(f"the bench's feeder failed: {said[-1] if said else 'no word why'}")
    answer: dict[str, Any] = json.loads(told[0])
    if not answer["latencies_ms"]:
        raise PainterError(f"no picture came through the mailboxes within {float(asked[1]):g} s")
    return answer


def _figures(latencies_ms: list[float]) -> dict[str, float]:
    p50, p95, p99 = np.percentile(np.array(latencies_ms), (50, 95, 99))
    return {
        "p50": round(float(p50), 3),
        "p95": round(float(p95), 3),
        "p99": round(float(p99), 3),
        "worst": round(max(latencies_ms), 3),
    }
