from __future__ import annotations

import pytest

from engine import doctor
from engine.devices import ComputeDevice, TorchReport
from engine.errors import PainterError
from engine.memory_need import MEASURED, WEIGHTS, Need, Played, judge, need_of

TURBO = Played("sd-turbo", "sd21", (512, 512), True)


def gpu(free_gb: float) -> ComputeDevice:
    return ComputeDevice("cuda:0", "Big", 80e3, "9.0", free_gb * 1e3)


@pytest.mark.parametrize(
    ("free_gb", "status", "todo"),
    [(24.0, "ok", ""), (4.0, "warn", "--lowvram"), (2.0, "warn", "smaller --size")],
)
def test_a_model_is_held_against_what_the_card_has_free(
    free_gb: float, status: str, todo: str
) -> None:
    found = judge(TURBO, gpu(free_gb))
    assert found[0] == status
    assert found[1] == (
        "sd-turbo at 512x512 needs about 3.0 GB (calculated, not measured), up to 2.4 GB more "
        f"while LoRAs play, and what their files take; cuda:0 has {free_gb:.1f} GB free"
    )
    assert todo in found[2]
    assert bool(found[2]) == bool(todo)


def test_what_was_measured_is_told_instead() -> None:
    status, found, todo = judge(TURBO, ComputeDevice("cpu", "2 threads", free_mb=7e3))
    assert "needs about 6.2 GB (measured on a cpu, 2026-" in found
    assert (status, todo) == ("warn", "play without LoRAs, or close other programs")


def test_other_sizes_and_autoencoders_are_calculated() -> None:
    def need(size: int, tiny: bool, device: str) -> Need:
        found = need_of(Played("x", "sd21", (size, size), tiny), device, half=device == "cuda")
        assert found is not None
        return found

    native, large = (need(size, True, "cpu") for size in (512, 1024))
    own, tiny = need(512, False, "cuda"), need(512, True, "cuda")
    assert "measured on" in native.known
    assert large.known == own.known == "calculated, not measured"
    assert large.painting - 4 * WEIGHTS["sd21"] > 4 * 0.5e9
    assert own.painting > tiny.painting


def test_what_was_measured_is_about_what_is_calculated(monkeypatch: pytest.MonkeyPatch) -> None:
    """The tables tell of the same thing: the rest is the process itself and its libraries."""
    for (base, size, device), measured in MEASURED.items():
        with monkeypatch.context() as patch:
            patch.setattr("engine.memory_need.MEASURED", {})
            need = need_of(Played("x", base, size, True), device, half=False)
        assert need is not None
        assert 0 < measured.most_bytes - need.painting < 1e9


def test_a_card_that_is_slow_in_half_precision_paints_in_full() -> None:
    found = judge(TURBO, ComputeDevice("cuda:0", "Old", 8e3, "6.1", 7e3))[1]
    assert "needs about 5.9 GB" in found
    assert "4.8 GB more" in found


def test_little_is_told_in_mb() -> None:
    small = Played("rehearsal", "rehearsal", (256, 256), True)
    found = judge(small, ComputeDevice("cpu", "2 threads", free_mb=700.0))[1]
    assert "494 MB (measured" in found
    assert "26 MB more" in found
    assert found.endswith("cpu has 700 MB free")


def test_what_is_not_known_is_not_made_up() -> None:
    assert need_of(Played("mine", "other", (512, 512), True), "cuda", half=True) is None
    status, found, _ = judge(Played("mine", "other", (512, 512), True), gpu(1.0))
    assert (status, "GB" in found) == ("ok", False)
    status, found, todo = judge(TURBO, ComputeDevice("mps", "Apple GPU"))
    assert (status, todo) == ("ok", "")
    assert "cannot be told" in found


def test_the_doctor_looks_at_the_fastest_device() -> None:
    report = TorchReport((gpu(24.0), ComputeDevice("cpu", "2 threads", free_mb=1.0)))
    (finding,) = doctor.check_memory(lambda: TURBO, lambda _: report)
    assert (finding.check, finding.status) == ("memory", "ok")
    assert list(doctor.check_memory(lambda: None, lambda _: report)) == []

    def ask(_: object) -> TorchReport:
        raise PainterError("torch cannot be asked: none")

    assert list(doctor.check_memory(lambda: TURBO, ask)) == []
