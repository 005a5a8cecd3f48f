"""What `artflow bench` says besides its figures, and under what it measures."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NoReturn

import pytest

import artflow_bench
from artflow_bench import run_bench
from controllers.bench import OscFigures
from engine.bench import times
from engine.errors import ArtflowError
from engine.painter_process import painter_environment


@pytest.fixture
def osc(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[float]]:
    """The OSC benches measure nothing; the first notes the switch interval that it runs under.

    That the others measure, tests/acceptance/test_bench.py sees.
    """
    under: list[float] = []
    before = sys.getswitchinterval()

    async def bench_osc(_seconds: float) -> OscFigures:
        under.append(sys.getswitchinterval())
        return OscFigures(1000, 0, 0, math.nan, times([]), times([]))

    async def bench_nothing(*_: object) -> dict[str, float]:
        return {"nothing": math.nan}

    monkeypatch.setattr(artflow_bench, "bench_osc", bench_osc)
    monkeypatch.setattr(artflow_bench, "bench_flood", bench_nothing)
    monkeypatch.setattr(artflow_bench, "bench_beside", bench_nothing)
    yield under
    sys.setswitchinterval(before)


def no_constant(text: str) -> NoReturn:
    raise AssertionError(f"{text} is no JSON")


def test_no_figure_is_null_in_json_and_a_dash_in_the_table(
    osc: list[float], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_bench("osc", as_json=True) == 0
    out, err = capsys.readouterr()
    told = json.loads(out, parse_constant=no_constant)
    assert told["osc"]["datagram_to_value"]["p50_ms"] is None
    assert err == ""
    assert run_bench("osc") == 0
    assert "nan" not in capsys.readouterr().out
    assert osc == [pytest.approx(0.0005)] * 2


def test_options_that_a_bench_does_not_use_are_told(
    osc: list[float], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_bench("osc", model="sd-turbo", against="streamdiffusion", as_json=True) == 0
    out, err = capsys.readouterr()
    assert err == "artflow: bench osc needs no model; not used: --model --against\n"
    assert json.loads(out)["bench"] == "osc"
    assert len(osc) == 1


@pytest.mark.parametrize("seconds", [math.nan, math.inf])
def test_a_time_that_is_none(seconds: float) -> None:
    with pytest.raises(ArtflowError, match="--seconds is"):
        run_bench("osc", seconds=seconds)


def test_the_model_is_measured_as_the_show_paints_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    calls: list[tuple[list[str], dict[str, str]]] = []

    def run(command: list[str], *, env: dict[str, str], check: bool) -> Any:
        assert not check
        calls.append((command, env))
        return subprocess.CompletedProcess(command, 3)

    monkeypatch.setenv("ARTFLOW_DATA", str(tmp_path))
    monkeypatch.setattr(subprocess, "run", run)
    assert run_bench("model", model="rehearsal", seconds=2, as_json=True) == 3
    ((command, environment),) = calls
    assert environment == painter_environment()
    assert command[-5:] == ["--seconds", "2", "--ride", "60", "--json"]
    assert run_bench("model", model="random:sd-turbo", seconds=1, against="streamdiffusion") == 3
    command = calls[-1][0]
    assert command[4:6] == ["--model", "random:sd-turbo"]
    assert command[-2:] == ["--against", "streamdiffusion"]
