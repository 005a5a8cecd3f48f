from __future__ import annotations

import json
import socket
from collections.abc import Iterable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from engine import devices, doctor
from engine.devices import ComputeDevice, Display, TorchReport
from engine.doctor import Finding
from engine.errors import MidiError, ModelError, PainterError
from engine.frames import FrameMailbox
from engine.latest import Frame


def one(findings: Iterable[Finding]) -> Finding:
    (finding,) = findings
    assert (finding.status == "ok") == (finding.do == "")
    return finding


def test_python_must_be_new_enough() -> None:
    assert one(doctor.check_python()).status == "ok"
    assert one(doctor.check_python((3, 10))).status == "fail"


def test_packages_that_are_not_there() -> None:
    assert one(doctor.check_packages(["msgspec"])).found.startswith("msgspec ")
    absent = one(doctor.check_packages(["msgspec", "no-such-package"]))
    assert absent.status == "fail"
    assert "no-such-package" in absent.do


def test_a_painter_that_paints_on_a_gpu() -> None:
    def ask(packages: Any) -> TorchReport:
        assert tuple(packages) == doctor.PAINTER_PACKAGES
        gpu = ComputeDevice("cuda:0", "Big")
        return TorchReport((gpu, ComputeDevice("cpu", "2 threads")), {"torch": "2.13.0"})

    painter, gpu = doctor.check_painter(ask)
    assert (painter.status, painter.found) == ("ok", "torch 2.13.0")
    assert (gpu.status, gpu.found) == ("ok", "cuda:0: Big")


def test_a_painter_with_a_broken_package() -> None:
    cpu = (ComputeDevice("cpu", "2 threads"),)
    report = TorchReport(cpu, {"torch": "2.13.0"}, {"diffusers": "cannot import name x"})
    _, broken, gpu = doctor.check_painter(lambda _: report)
    assert broken.status == "fail"
    assert "diffusers" in broken.found
    assert gpu.status == "warn"
    assert "2 threads" in gpu.found


def test_no_torch_at_all() -> None:
    def ask(_: Any) -> TorchReport:
        raise PainterError("torch cannot be asked: none")

    assert one(doctor.check_painter(ask)).status == "fail"


def test_a_gpu_that_torch_was_not_built_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(devices, "nvidia_driver", lambda: True)
    monkeypatch.setattr(devices, "torch_has_cuda", lambda: False)
    found = doctor._gpu(())
    assert found.status == "warn"
    assert "pytorch.org" in found.do


def test_displays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(devices, "list_displays", lambda: (Display(0, 1920, 1080),))
    assert one(doctor.check_display()).found == "1920x1080"
    monkeypatch.setattr(devices, "list_displays", tuple)
    assert one(doctor.check_display()).status == "warn"


def test_cameras(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engine.sources.camera.list_cameras", lambda: [("0", "Webcam")])
    assert one(doctor.check_camera()).found == "Webcam"
    monkeypatch.setattr("engine.sources.camera.list_cameras", list)
    assert one(doctor.check_camera()).status == "warn"


@pytest.mark.parametrize(
    ("kind", "status"), [(socket.SOCK_DGRAM, "fail"), (socket.SOCK_STREAM, "warn")]
)
def test_a_taken_port(kind: socket.SocketKind, status: str) -> None:
    """The show listens to UDP alone; who holds TCP's port of that number does not stop it."""
    with socket.socket(socket.AF_INET, kind) as taken:
        taken.bind(("127.0.0.1", 0))
        if kind == socket.SOCK_STREAM:
            taken.listen()
        port = taken.getsockname()[1]
        finding = one(doctor.check_port("osc port", "127.0.0.1", port))
    assert finding.status == status
    assert str(port) in finding.found
    assert ("--osc-port" in finding.do) == (status == "fail")


def test_a_free_port_and_a_host_that_is_none() -> None:
    assert one(doctor.check_port("osc port", "127.0.0.1", 0)).status == "ok"
    assert one(doctor.check_port("osc port", "no.such.host.invalid", 9000)).status == "fail"
    assert one(doctor.check_port("osc port", "a" * 300, 9000)).status == "fail"


def test_the_data_folder_and_its_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = SimpleNamespace(free=5_000_000_000)
    monkeypatch.setattr("shutil.disk_usage", lambda _: usage)
    folder, disk = doctor.check_data(tmp_path / "new")
    assert (folder.status, disk.status) == ("ok", "ok")
    usage.free = 100
    _, disk = doctor.check_data(tmp_path / "new")
    assert disk.status == "warn"


def test_shared_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    assert one(doctor.check_shared_memory()).status == "ok"

    def refuse(*_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(FrameMailbox, "create", refuse)
    assert one(doctor.check_shared_memory()).status == "fail"


@pytest.mark.parametrize("how", ["lost", "damaged"])
def test_frames_that_do_not_travel(monkeypatch: pytest.MonkeyPatch, how: str) -> None:
    real = FrameMailbox.take

    def take(self: FrameMailbox) -> Frame | None:
        frame = real(self)
        if frame is None or how == "lost":
            return None
        frame.picture[100, 100, 1] ^= 1
        return frame

    monkeypatch.setattr(FrameMailbox, "take", take)
    finding = one(doctor.check_shared_memory())
    assert finding.status == "fail"
    assert how in finding.found


def test_an_error_is_a_failed_finding() -> None:
    def broken() -> Iterable[Finding]:
        raise ModelError("no model here; put one there")

    findings = doctor.examine([("model", broken), ("midi", lambda: doctor.check_midi(list))])
    assert findings[0] == Finding("model", "fail", "no model here", "put one there")
    assert findings[1].status == "warn"
    assert not doctor.can_run(findings)
    assert doctor.can_run(findings[1:])


def test_midi_is_what_can_be_played_from_and_a_show_can_do_without() -> None:
    def absent() -> list[str]:
        raise MidiError("MIDI: no system here; load one")

    assert one(doctor.check_midi(lambda: ["knobs", "pads"])) == Finding("midi", "ok", "knobs, pads")
    assert one(doctor.check_midi(list)).status == "warn"
    assert one(doctor.check_midi(absent)) == Finding("midi", "warn", "no system here", "load one")


def test_everything_is_looked_at(tmp_path: Path) -> None:
    names = [name for name, _ in doctor.checks(tmp_path, "127.0.0.1", 0, list, lambda: None, list)]
    assert names[0] == "python"
    assert {"display", "camera", "midi", "osc port", "data folder", "model"} <= set(names)


def test_findings_as_table_and_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    findings = [Finding("gpu", "warn", "none [here]", "get one"), Finding("midi", "ok", "fine")]
    doctor.print_findings(findings, as_json=False)
    out = capsys.readouterr().out
    assert "none [here]" in out
    assert "-> get one" in out
    assert "A show can run here." in out
    doctor.print_findings([Finding("gpu", "fail", "x", "y")], as_json=False)
    assert "cannot run" in capsys.readouterr().out
    doctor.print_findings(findings, as_json=True)
    assert json.loads(capsys.readouterr().out)[0] == {
        "check": "gpu",
        "status": "warn",
        "found": "none [here]",
        "do": "get one",
    }
