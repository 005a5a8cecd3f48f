"""`artflow bench download`, whole but small."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from artflow_bench import run_bench
from engine.errors import ArtflowError
from presets import bench


@pytest.fixture(autouse=True)
def interval() -> Iterator[None]:
    before = sys.getswitchinterval()
    yield
    sys.setswitchinterval(before)


def test_what_it_tells(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_bench("download", seconds=0.1, as_json=True) == 0
    out, err = capsys.readouterr()
    told = json.loads(out)
    assert list(told) == ["bench", "machine", "seconds", "download", "controls"]
    assert told["download"]["file_mb"] == 5.0
    for rates in (told["download"]["capped"], told["download"]["uncapped"]):
        assert rates["ours"] > 0
        assert rates["ratio"] == round(rates["ours"] / rates["baseline"], 3)
    controls = told["controls"]
    later = controls["busy"]["p99_ms"] - controls["idle"]["p99_ms"]
    assert controls["p99_later_ms"] == pytest.approx(later, abs=0.001)
    assert err == ""


def test_what_cannot_be_measured_is_one_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not a group of one, as trio's nurseries raise it."""
    monkeypatch.setattr(bench, "PLAIN", "print('another')")
    monkeypatch.setattr(bench, "_has_tools", lambda: False)
    with pytest.raises(ArtflowError, match="its digest is another"):
        run_bench("download", seconds=0.02)


@pytest.mark.skipif(sys.platform == "win32", reason="Ctrl-C is another thing there")
def test_ctrl_c_leaves_nothing(tmp_path: Path) -> None:
    child = subprocess.Popen(
        [sys.executable, "-m", "artflow", "bench", "download", "--seconds", "2"],
        env={**os.environ, "TMPDIR": str(tmp_path)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,  # as a terminal does it: to all of its processes
    )
    deadline = time.monotonic() + 60
    while not list(tmp_path.glob("artflow-bench-*/arrived*.part")):
        assert child.poll() is None, child.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.01)
    os.killpg(child.pid, signal.SIGINT)
    out, err = child.communicate(timeout=60)
    assert (child.returncode, out, err) == (130, "", "")
    assert list(tmp_path.iterdir()) == []
