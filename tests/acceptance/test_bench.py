"""`artflow bench` measures what it says, in a form that tools read."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.helpers.program import PATIENCE_S, ROOT
from tests.helpers.tools import need_tool
from tests.helpers.x11 import xvfb

pytestmark = pytest.mark.acceptance


def bench(*arguments: str, folder: Path, display: str = "") -> str:
    done = subprocess.run(
        [sys.executable, "-m", "artflow", "bench", *arguments],
        cwd=folder,
        env={
            **os.environ,
            "PYTHONPATH": str(ROOT),
            "ARTFLOW_DATA": str(folder / "data"),
            "DISPLAY": display,
        },
        capture_output=True,
        text=True,
        timeout=PATIENCE_S * 2,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_show_bench_measures_frames_osc_and_the_window(tmp_path: Path) -> None:
    need_tool("Xvfb")
    with xvfb(1024, 1024) as display:
        figures: dict[str, Any] = json.loads(
            bench("show", "--seconds", "2", "--json", folder=tmp_path, display=display)
        )
    assert figures["frames"]["size"] == [512, 512]
    assert figures["frames"]["fps"] > 0
    assert figures["frames"]["round_trip"]["count"] > 0
    assert figures["osc"]["sent"] == 2000
    # newest wins: what a newer value replaced was not stored, but the painter has a newer one
    assert 0 < figures["osc"]["stored"] <= 2000
    assert figures["osc"]["datagram_to_painter"]["count"] > 1900
    assert figures["window"]["first_picture_ms"] > 0
    assert figures["window"]["source_to_window"]["count"] > 0


def test_the_osc_bench_floods_and_compares(tmp_path: Path) -> None:
    figures: dict[str, Any] = json.loads(bench("osc", "--seconds", "1", "--json", folder=tmp_path))
    assert figures["osc"]["sent"] == 1000
    flood = figures["flood"]
    assert (flood["floods"], flood["messages"]) == (5, 50_000)
    assert flood["triggers_in_order"] is True
    assert flood["arrived_share"] > 0
    for server in ("artflow", "python_osc_threading", "python_osc_asyncio"):
        assert figures["beside"][server]["count"] > 0


def test_without_a_display_the_window_is_said_not_to_be_measured(tmp_path: Path) -> None:
    table = bench("show", "--seconds", "1", folder=tmp_path)
    assert "no display" in table
    assert "frames fps" in table


def test_the_model_bench_measures_the_bundled_model(tmp_path: Path) -> None:
    told = json.loads(bench("model", "--seconds", "0.5", "--json", folder=tmp_path))
    assert told["kind"] == "rehearsal"
    assert [result["steps"] for result in told["results"]] == [1, 2, 3, 4]
    assert all(result["frame_ms"]["p50"] > 0 for result in told["results"])
    assert {change["rank"] for change in told["loras"]["recomposition"]} == {8, 32, 64, 128}
    assert all(change["ms"]["p50"] > 0 for change in told["loras"]["recomposition"])
    assert all(live["ride"]["frames"] == 15 for live in told["loras"]["live"])


def test_the_midi_bench_loses_nothing_and_tells_a_tempo(tmp_path: Path) -> None:
    figures: dict[str, Any] = json.loads(bench("midi", "--seconds", "1", "--json", folder=tmp_path))
    assert (figures["midi"]["sent"], figures["midi"]["lost"]) == (1000, 0)
    assert figures["midi"]["callback_to_value"]["count"] == 1000
    assert figures["tempo"]["error_bpm"] < 0.1
