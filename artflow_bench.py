"""`artflow bench`: measures the show from its own parts, and says on what machine."""

from __future__ import annotations

import json
import math
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import msgspec
import trio

from controllers.osc import OscServer
from engine.bench import (
    FlatOut,
    Sent,
    Times,
    bench_frames,
    copying_stage,
    delays,
    machine,
    times,
)
from engine.controls import Change
from engine.errors import ArtflowError
from engine.latest import SWITCH_INTERVAL_S
from engine.logs import complain
from engine.painter import protocol
from engine.painting import painter_environment
from engine.progress import waiting_for

if TYPE_CHECKING:
    from engine.window import Window

OSC_RATE_HZ: Final = 1000
SOURCE_HZ: Final = 30  # the test card's
DEFAULT_SECONDS: Final = 10.0
WINDOW_STARTS_S: Final = 3.0

# sends numbered values of one parameter at a fixed rate, and tells when each left
SENDER: Final = """
import json, socket, struct, sys, time
port, rate, seconds = int(sys.argv[1]), float(sys.argv[2]), float(sys.argv[3])
out = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
out.connect(("127.0.0.1", port))
head = b"/artflow/paint/seed\\0,i\\0\\0"
begun, sent = time.monotonic(), []
for number in range(1, int(rate * seconds) + 1):
    due = begun + number / rate
    while (left := due - time.monotonic()) > 0:
        time.sleep(left)
    sent.append((number, time.monotonic_ns()))
    out.send(head + struct.pack(">i", number))
json.dump(sent, sys.stdout)
"""


def run_bench(
    what: str,
    *,
    model: str = "",
    seconds: float | None = None,
    against: str = "",
    as_json: bool = False,
) -> int:
    """Measure and print; 0 if there is a result. Raises `ArtflowError` if it cannot be measured."""
    span = DEFAULT_SECONDS if seconds is None else seconds
    if not math.isfinite(span):
        raise ArtflowError(f"--seconds is {span}; allowed: a number of seconds, such as 10")
    if what == "model":
        return _model(model, span, against, as_json)
    if unused := [name for name, value in (("--model", model), ("--against", against)) if value]:
        complain(f"bench {what} paints a plain copy; not used: {' '.join(unused)}")
    sys.setswitchinterval(SWITCH_INTERVAL_S)
    result: dict[str, Any] = {"bench": what, "machine": machine(), "seconds": span}
    if what == "show":
        with waiting_for(f"measuring frames, {span:g} s"):
            result["frames"] = trio.run(bench_frames, span)
        with waiting_for(f"measuring the window, {span + WINDOW_STARTS_S:g} s"):
            result["window"] = bench_window(span)
    with waiting_for(f"measuring OSC, {span:g} s"):
        result["osc"] = trio.run(bench_osc, span)
    if as_json:  # msgspec writes null for what is no number, as JSON wants it
        print(msgspec.json.format(msgspec.json.encode(result)).decode())
    else:
        _table(msgspec.to_builtins(result))
    return 0


class OscFigures(msgspec.Struct, frozen=True):
    """Delays of OSC messages sent at `rate_hz` from another process, while painting flat out."""

    rate_hz: int
    sent: int
    stored: int
    painting_fps: float
    datagram_to_value: Times
    datagram_to_painter: Times


async def bench_osc(seconds: float) -> OscFigures:
    """Datagram to stored value, and to the painter's own snapshot, flat out at 512x512."""
    async with copying_stage() as stage, trio.open_nursery() as nursery:
        controls, painting = stage.controls, stage.painting
        changed = trio.Event()
        newest = 0
        heard: dict[int, int] = {}
        held: list[tuple[int, int]] = []
        applied: list[protocol.Applied] = []

        def listen(change: Change) -> None:
            nonlocal newest
            if change.parameter.name == "paint/seed" and change.origin is not None:
                newest = int(change.value)
                heard[newest] = time.monotonic_ns()

        async def commit() -> None:
            nonlocal changed
            while True:
                changed = trio.Event()
                snapshot = controls.commit()
                held.append((snapshot.seq, newest))
                painting.offer(snapshot)
                await changed.wait()

        controls.listen(listen)
        controls.wake = lambda: changed.set()
        painting.on_applied = applied.append
        server = OscServer(controls, "127.0.0.1", 0, version="bench")
        await nursery.start(server.run)
        nursery.start_soon(commit)
        flat_out = FlatOut(stage)
        sender = await trio.run_process(
            [sys.executable, "-c", SENDER, str(server.port), str(OSC_RATE_HZ), str(seconds)],
            capture_stdout=True,
        )
        await trio.sleep(0.5)
        fps = flat_out.close()
        sent = [Sent(number, at_ns) for number, at_ns in json.loads(sender.stdout)]
        nursery.cancel_scope.cancel()
    stored = [(heard[item.number] - item.at_ns) / 1e9 for item in sent if item.number in heard]
    return OscFigures(
        OSC_RATE_HZ,
        len(sent),
        len(stored),
        round(fps, 1),
        times(stored),
        times(delays(sent, held, applied)),
    )


def bench_window(seconds: float) -> dict[str, Any]:
    """When the program's window first shows a picture, and how late pictures are on it.

    The first is measured with the real painter loading beside it, the second with one that copies.
    Needs a display; without one says so instead.
    """
    loading = _window_child("diffusion", WINDOW_STARTS_S)
    if "not_measured" in loading:
        return loading
    figures = _window_child("copy", max(seconds, WINDOW_STARTS_S))
    figures["first_picture_ms"] = loading["first_picture_ms"]
    return figures


def _window_child(painter: str, seconds: float) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        started = time.monotonic_ns()
        child = subprocess.run(
            [sys.executable, "-m", "artflow_bench", folder, str(seconds), painter],
            capture_output=True,
            text=True,
            timeout=seconds + 120,
            check=False,
        )
    if child.returncode:
        last = child.stderr.strip().splitlines()[-1:] or ["no word why"]
        return {"not_measured": last[0]}
    figures: dict[str, Any] = json.loads(child.stdout.splitlines()[-1])
    figures["first_picture_ms"] = round((figures.pop("first_ns") - started) / 1e6, 1)
    return figures


def _show_in_a_window(folder: Path, seconds: float, painter: str) -> int:
    """The child's part: a real show with this painter, its window watched."""
    from artflow_show import Show
    from engine.latest import Frame
    from engine.options import ShowOptions

    presented: dict[int, int] = {}  # when a source picture was captured, and first presented

    def note(frame: Frame) -> None:
        presented.setdefault(frame.captured_ns, time.monotonic_ns())

    class Watched(Show):
        def open_window(self) -> Window:
            window = super().open_window()
            window.on_presented = note
            return window

    show = Watched(ShowOptions(data=folder, osc_port=0, seconds=seconds))
    show.painting.job = replace(show.painting.job, painter=painter)
    show.run()
    if not presented:
        print("no display to open a window on; try under xvfb-run", file=sys.stderr)
        return 1
    delays_s = [(at - captured) / 1e9 for captured, at in presented.items()]
    settled = times(delays_s[len(delays_s) // 4 :])
    source_ms = 1000 / SOURCE_HZ
    figures = {
        "first_ns": min(presented.values()),
        "pictures": len(delays_s),
        "source_to_window": msgspec.to_builtins(settled),
        "source_frames_p50": round(settled.p50_ms / source_ms, 3),
        "source_frames_p99": round(settled.p99_ms / source_ms, 3),
    }
    print(json.dumps(figures))
    return 0


def _model(model: str, seconds: float, against: str, as_json: bool) -> int:
    from engine.data_folder import default_data_folder
    from presets.models import find_model

    if against:
        raise ArtflowError(f"--against {against} comes with the GPU part; measure without it")
    folder = find_model(model, default_data_folder()).folder
    command = [sys.executable, "-P", "-m", "engine.painter.bench", "--model", str(folder)]
    command += ["--seconds", str(seconds), *(["--json"] if as_json else [])]
    # as the show's painter: torch's threads decide much of what is measured on a CPU
    return subprocess.run(command, env=painter_environment(), check=False).returncode


def _table(result: Mapping[str, Any]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(title=f"artflow bench {result['bench']}", title_justify="left")
    table.add_column("what")
    table.add_column("value", justify="right")
    for name, value in _rows("", result):
        table.add_row(name, value)
    Console().print(table)


def _rows(prefix: str, value: object) -> list[tuple[str, str]]:
    if isinstance(value, Mapping):
        return [
            row for key, inner in value.items() for row in _rows(f"{prefix} {key}".strip(), inner)
        ]
    if isinstance(value, float) and not math.isfinite(value):
        return [(prefix, "-")]
    return [(prefix, f"{value:g}" if isinstance(value, float) else str(value))]


if __name__ == "__main__":
    sys.exit(_show_in_a_window(Path(sys.argv[1]), float(sys.argv[2]), sys.argv[3]))
