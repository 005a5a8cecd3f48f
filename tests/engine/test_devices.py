from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from engine import devices
from engine.devices import ComputeDevice, Display, TorchReport
from engine.errors import PainterError


def answering(monkeypatch: pytest.MonkeyPatch, stdout: bytes, stderr: bytes = b"") -> list[Any]:
    """Let every question be answered so; the commands asked."""
    asked: list[Any] = []

    def run(command: list[str], **_: Any) -> subprocess.CompletedProcess[bytes]:
        asked.append(command)
        return subprocess.CompletedProcess(command, 3, stdout, stderr)

    monkeypatch.setattr(subprocess, "run", run)
    return asked


def test_torch_is_asked_in_a_process_of_its_own() -> None:
    report = devices.ask_torch(["msgspec", "no_such_package"])
    assert report.devices[-1].id == "cpu"
    assert "threads" in report.devices[-1].name
    assert set(report.packages) == {"torch", "msgspec"}
    assert "no_such_package" in report.broken


def test_the_last_line_is_the_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = answering(
        monkeypatch,
        b"hello from a chatty package\n"
        b'{"devices": [{"id": "cuda:0", "name": "Big", "memory_mb": 8e4, "capability": "9.0"}]}\n',
    )
    assert devices.ask_torch(["diffusers"]) == TorchReport(
        devices=(ComputeDevice("cuda:0", "Big", 80000.0, "9.0"),)
    )
    assert asked == [[sys.executable, "-P", "-m", "engine.painter.devices", "diffusers"]]


@pytest.mark.parametrize(
    ("stdout", "stderr", "reason"),
    [
        (b"", b"Traceback...\nModuleNotFoundError: No module named 'torch'\n", "No module named"),
        (b"", b"", "it ended with code 3"),
        (b'{"devices": 5}', b"", "it ended with code 3"),
    ],
)
def test_no_answer_is_one_line(
    monkeypatch: pytest.MonkeyPatch, stdout: bytes, stderr: bytes, reason: str
) -> None:
    answering(monkeypatch, stdout, stderr)
    with pytest.raises(PainterError, match=f"torch cannot be asked: .*{reason}") as caught:
        devices.ask_torch()
    assert "\n" not in str(caught.value)


def test_an_answer_that_never_comes(monkeypatch: pytest.MonkeyPatch) -> None:
    def run(command: list[str], **_: Any) -> None:
        raise subprocess.TimeoutExpired(command, 1)

    monkeypatch.setattr(subprocess, "run", run)
    with pytest.raises(PainterError, match="did not answer within"):
        devices.ask_torch()


def test_without_a_screen_there_is_no_display(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("SDL_VIDEODRIVER", "dummy")
    assert devices.list_displays() == ()


def test_displays_have_a_number_and_a_size(monkeypatch: pytest.MonkeyPatch) -> None:
    answering(monkeypatch, b"[[0, 1920, 1080, 60], [1, 1280, 720, 0]]\n")
    assert devices.list_displays() == (Display(0, 1920, 1080, 60), Display(1, 1280, 720, 0))


@pytest.mark.parametrize(
    ("version_file", "built"),
    [
        ("cuda: Optional[str] = '12.8'\n", True),
        ("debug = False\ncuda = '11.8'\n", True),
        ("cuda: Optional[str] = None\nhip: Optional[str] = None\n", False),
        (None, False),
    ],
)
def test_what_torch_was_built_for_is_read_not_imported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, version_file: str | None, built: bool
) -> None:
    package = tmp_path / "torch"
    package.mkdir()
    (package / "__init__.py").write_text("raise RuntimeError('imported')\n")
    if version_file is not None:
        (package / "version.py").write_text(version_file)
    spec = importlib.util.spec_from_file_location("torch", package / "__init__.py")
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: spec)
    assert devices.torch_has_cuda() is built


def test_no_torch_no_cuda(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    assert not devices.torch_has_cuda()


@pytest.mark.skipif(sys.platform == "darwin", reason="a Mac has its own answer")
@pytest.mark.parametrize(("driver", "built"), [(True, True), (True, False), (False, True)])
def test_a_gpu_wants_a_driver_and_a_build(
    monkeypatch: pytest.MonkeyPatch, driver: bool, built: bool
) -> None:
    monkeypatch.setattr(devices, "nvidia_driver", lambda: driver)
    monkeypatch.setattr(devices, "torch_has_cuda", lambda: built)
    assert devices.gpu_ready() is (driver and built)


def test_the_tables(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def unasked() -> tuple[Display, ...]:
        raise PainterError("pygame cannot be asked: no [bold]pygame[/bold]")

    monkeypatch.setenv("COLUMNS", "120")
    monkeypatch.setattr("engine.sources.camera.list_cameras", lambda: [("0", "HD [red] Webcam")])
    monkeypatch.setattr(devices, "list_displays", unasked)
    report = TorchReport(
        (ComputeDevice("cuda:0", "Big", 80000.0, "9.0"), ComputeDevice("cpu", "2"))
    )
    monkeypatch.setattr(devices, "ask_torch", lambda: report)
    devices.print_devices(lambda: [("knobs", "in", "plays as [knobs]")])
    out = capsys.readouterr().out
    assert "camera:0" in out
    assert "HD [red] Webcam" in out
    assert "no [bold]pygame[/bold]" in out
    assert "plays as [knobs]" in out
    assert "80,000 MB" in out
    monkeypatch.setattr("engine.sources.camera.list_cameras", list)
    monkeypatch.setattr(devices, "list_displays", lambda: (Display(0, 640, 480, 50),))
    devices.print_devices(lambda: [("knobs", "in", "plays as [knobs]")])
    out = capsys.readouterr().out
    assert "none" in out
    assert "50 Hz" in out
