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

from controllers.bench import bench_controls, bench_osc
from controllers.bench_beside import bench_beside
from controllers.bench_flood import FLOODS, MESSAGES, bench_flood
from engine.bench import bench_frames, machine, times
from engine.errors import ArtflowError
from engine.latest import SWITCH_INTERVAL_S
from engine.logs import complain
from engine.painter_process import painter_environment
from engine.painting import Job
from engine.progress import waiting_for
from engine.tasks import unwrapped

if TYPE_CHECKING:
    from engine.window import Window

SOURCE_HZ: Final = 30  # the test card's
DEFAULT_SECONDS: Final = 10.0
WINDOW_STARTS_S: Final = 3.0
BYTES_A_SECOND: Final = 50_000_000
"""How large a file is downloaded for each of `seconds`: 500 MB by default."""
RANDOM: Final = "random:"
"""Before the name of an architecture, whose weights are drawn: the painter's bench knows which."""
RIDDEN_A_SECOND: Final = 30
"""Frames of a LoRA's ride for each of `seconds`: 300 by default."""


def run_bench(
    what: str,
    *,
    model: str = "",
    seconds: float | None = None,
    against: str = "",
    as_json: bool = False,
) -> int:
    """Measure and print; 0 if there is a result. Raises `ArtflowError` if it cannot be measured."""
    try:
        return _run_bench(what, model, seconds, against, as_json)
    except BaseExceptionGroup as group:  # trio's way of telling an error, or Ctrl-C
        raise unwrapped(group) from None


def _run_bench(what: str, model: str, seconds: float | None, against: str, as_json: bool) -> int:
    span = DEFAULT_SECONDS if seconds is None else seconds
    if not math.isfinite(span):
        raise ArtflowError(f"--seconds is {span}; allowed: a number of seconds, such as 10")
    if what == "model":
        return _model(model, span, against, as_json)
    if unused := [name for name, value in (("--model", model), ("--against", against)) if value]:
        complain(f"bench {what} needs no model; not used: {' '.join(unused)}")
    sys.setswitchinterval(SWITCH_INTERVAL_S)
    result: dict[str, Any] = {"bench": what, "machine": machine(), "seconds": span}
    if what == "show":
        with waiting_for(f"measuring frames, {span:g} s"):
            result["frames"] = trio.run(bench_frames, span)
        with waiting_for(f"measuring the window, {span + WINDOW_STARTS_S:g} s"):
            result["window"] = bench_window(span)
    if what == "download":
        result.update(trio.run(_bench_download, span))
    elif what == "midi":
        result.update(_bench_midi(span))
    else:
        with waiting_for(f"measuring OSC, {span:g} s"):
            result["osc"] = trio.run(bench_osc, span)
    if what == "osc":
        with waiting_for(f"flooding with {FLOODS} times {MESSAGES:,} messages"):
            result["flood"] = trio.run(bench_flood)
        with waiting_for(f"measuring beside python-osc, {3 * span:g} s"):
            result["beside"] = trio.run(bench_beside, span)
    if as_json:  # msgspec writes null for what is no number, as JSON wants it
        print(msgspec.json.format(msgspec.json.encode(result)).decode())
    else:
        _table(msgspec.to_builtins(result))
    return 0


def _bench_midi(seconds: float) -> dict[str, Any]:
    """A knob while the bundled model paints flat out, and the tempo of a MIDI clock."""
    from controllers.bench_midi import RATE_HZ, bench_midi, bench_tempo
    from engine.data_folder import default_data_folder
    from presets.models import find_model

    model = find_model("rehearsal", default_data_folder())
    job = Job(
        model_id=model.id,
        size=model.size,
        folder=str(model.folder),
        tiny_autoencoder=str(model.tiny_autoencoder or ""),
        default_prompt=model.default_prompt,
    )
    with waiting_for(f"turning a knob {seconds * RATE_HZ:,.0f} times"):
        figures = trio.run(bench_midi, seconds, job)
    with waiting_for("following a MIDI clock"):
        return {"midi": figures, "tempo": bench_tempo()}


async def _bench_download(seconds: float) -> dict[str, Any]:
    """Rates beside the baseline's, then what a download means to the controls of its own loop."""
    from presets.bench import bench_download, open_site

    async with open_site(max(1, round(seconds * BYTES_A_SECOND))) as site:
        with waiting_for(f"downloading {site.size / 1e6:,.0f} MB again and again"):
            figures = await bench_download(site)
        with waiting_for(f"measuring the controls meanwhile, {2 * seconds:g} s"):
            controls = await bench_controls(seconds, site.fetch_on)
    return {"download": figures, "controls": controls}


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

    command = [sys.executable, "-P", "-m", "engine.painter.bench", "--model"]
    if model.startswith(RANDOM):
        command.append(model)
    else:
        choice = find_model(model, default_data_folder())
        command.append(str(choice.folder))
        if choice.tiny_autoencoder:
            command += ["--tiny-autoencoder", str(choice.tiny_autoencoder)]
    ride = max(1, round(seconds * RIDDEN_A_SECOND))
    command += ["--seconds", str(seconds), "--ride", str(ride)]
    command += ["--against", against] if against else []
    command += ["--json"] if as_json else []
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
