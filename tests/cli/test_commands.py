"""Everything but the show: what there is, whether it works."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from typer.testing import CliRunner

import artflow
from artflow import app, main, with_command
from engine import devices, doctor
from engine.devices import TorchReport
from engine.option_table import OPTIONS
from tests.helpers.program import ROOT


@pytest.mark.parametrize(
    ("given", "understood"),
    [
        ([], ["run"]),
        (["show.yaml"], ["run", "show.yaml"]),
        (["--headless"], ["run", "--headless"]),
        (["run", "devices"], ["run", "devices"]),
        (["devices"], ["devices"]),
        (["presets", "list"], ["presets", "list"]),
        (["--help"], ["--help"]),
        (["-h"], ["-h"]),
        (["--version"], ["--version"]),
        (["./devices"], ["run", "./devices"]),
    ],
)
def test_run_is_the_default_command(given: list[str], understood: list[str]) -> None:
    assert with_command(given) == understood


def test_help_is_tidy() -> None:
    runner = CliRunner()
    text = runner.invoke(app, ["--help"]).output
    for name in artflow.command_names():
        assert f" {name} " in text
    text = runner.invoke(app, ["run", "--help"]).output
    for row in OPTIONS:
        assert f"--{row.name} " in text
    assert "<bool>" not in text.replace("--help", "").replace("-h      <bool>", "")


def test_the_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr().out.startswith("artflow ")


def test_controls_for_people_and_for_tools(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["controls", "--format", "md"]) == 0
    assert capsys.readouterr().out == (ROOT / "docs" / "CONTROLS.md").read_text()
    assert main(["controls", "--format", "json"]) == 0
    assert json.loads(capsys.readouterr().out)
    assert main(["controls"]) == 0
    assert "paint/strength" in capsys.readouterr().out
    assert main(["controls", "--format", "html"]) == 2
    assert capsys.readouterr().err == "artflow: --format is 'html'; allowed: md or json\n"


def test_devices(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(devices, "ask_torch", TorchReport)
    monkeypatch.setattr(devices, "list_displays", tuple)
    assert main(["devices"]) == 0
    out = capsys.readouterr().out
    for heading in ("Cameras", "Displays", "MIDI ports", "Compute"):
        assert heading in out


def test_doctor(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setattr(devices, "ask_torch", lambda _: TorchReport())
    monkeypatch.setattr(devices, "list_displays", tuple)
    assert main(["doctor", "--json", "--osc-port", "0", "--data", str(tmp_path)]) == 0
    findings = {row["check"]: row for row in json.loads(capsys.readouterr().out)}
    assert findings["model"]["found"] == "rehearsal, 256x256"
    assert findings["data folder"]["found"] == str(tmp_path)
    assert main(["doctor", "--osc-port", "0", "--model", "sdxl-turbo"]) == 1
    out = capsys.readouterr().out
    assert "sdxl-turbo is not on this machine" in out
    assert "A show cannot run here." in out
    assert main(["doctor", "--osc-port", "99999"]) == 2


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (["speed"], 2, "allowed: show, osc, midi, download, model"),
        (["--against", "nobody"], 2, "allowed: streamdiffusion"),
    ],
)
def test_benches_that_are_not_there(
    words: list[str], code: int, says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["bench", *words]) == code
    assert says in capsys.readouterr().err


def test_a_bench_is_run(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Any] = []
    module = ModuleType("artflow_bench")

    def run_bench(what: str, **options: Any) -> int:
        asked.append((what, options))
        return 0

    module.run_bench = run_bench  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "artflow_bench", module)
    assert main(["bench"]) == 0
    assert main(["bench", "osc", "--seconds", "3", "--json"]) == 0
    assert asked == [
        ("show", {"model": "", "seconds": 10.0, "against": "", "as_json": False}),
        ("osc", {"model": "", "seconds": 3.0, "against": "", "as_json": True}),
    ]


def test_ctrl_c_before_anything_began(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(_: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("typer.main.get_command", interrupted)
    assert main(["devices"]) == 130
    assert capsys.readouterr() == ("", "")


def test_what_ctrl_c_cut_short_does_not_complain() -> None:
    """In a process of its own: the complaint would come as Python throws the rest away."""
    program = """
import sys, artflow
async def never(): pass
def interrupted(_):
    begun = never()
    raise KeyboardInterrupt
artflow.typer.main.get_command = interrupted
sys.exit(artflow.main(["devices"]))
"""
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "")


def test_without_a_log_the_trouble_is_still_told(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(*_: Any, **__: Any) -> None:
        raise OSError("no terminal")

    (tmp_path / "file").write_text("")
    monkeypatch.setenv("ARTFLOW_DATA", str(tmp_path / "file"))
    monkeypatch.setattr(doctor, "print_findings", broken)
    monkeypatch.setattr(doctor, "examine", lambda _: [])
    assert main(["doctor"]) == 1
    err = capsys.readouterr().err
    assert err == "artflow: unforeseen trouble: OSError: no terminal\n"
