from __future__ import annotations

import itertools
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from presets.rehearsal import stages
from presets.rehearsal.canvas import Rng
from presets.rehearsal.networks import Average
from presets.rehearsal.stages import OutOfTime, Workbench, rate, run, set_rate

STEPS = 7
LONG_AGO = 0.0


class Little:
    """A stage that has everything a real one has: weights, an optimizer, a mean, both chances."""

    name = "little"
    steps = STEPS

    def __init__(self, folder: Path, breaks_at: int | None = None) -> None:
        torch.manual_seed(3)
        self.network = nn.Sequential(nn.Linear(4, 8), nn.Dropout(0.4), nn.Linear(8, 1))
        self.optimizer = torch.optim.AdamW(self.network.parameters())
        self.average = Average([self.network], 0.9)
        self.folder = folder
        self.breaks_at = breaks_at
        self.made: list[int] = []

    @property
    def parts(self) -> Mapping[str, Any]:
        return {"network": self.network, "optimizer": self.optimizer, "average": self.average}

    def step(self, step: int, rng: Rng) -> Mapping[str, float]:
        if step == self.breaks_at:
            raise KeyboardInterrupt
        self.made.append(step)
        set_rate(self.optimizer, rate(step, self.steps, 0.1, warm=2))
        data = torch.from_numpy(rng.normal(size=(5, 4))).float() + torch.randn(5, 4)
        loss = self.network(data).square().mean()
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        self.average.update(step)
        return {"loss": loss.item()}

    def finish(self) -> None:
        with (self.folder / "finished").open("a") as file:
            file.write("once\n")

    def weights(self) -> list[Tensor]:
        live = [weight.detach().clone() for weight in self.network.parameters()]
        self.average.swap()
        return live + [weight.detach() for weight in self.network.parameters()]


def bench(folder: Path, *, seed: int = 0, deadline: float | None = None) -> Workbench:
    return Workbench(folder, torch.device("cpu"), seed, deadline=deadline)


def uninterrupted(folder: Path, seed: int = 0) -> list[Tensor]:
    folder.mkdir()
    stage = Little(folder)
    run(stage, bench(folder, seed=seed))
    assert stage.made == list(range(STEPS))
    return stage.weights()


def assert_same(one: list[Tensor], other: list[Tensor]) -> None:
    for mine, its in zip(one, other, strict=True):
        assert torch.equal(mine, its)


def test_a_stage_cut_off_after_every_step_ends_with_the_very_same_weights(tmp_path: Path) -> None:
    whole = uninterrupted(tmp_path / "whole")
    cut = bench(tmp_path, deadline=LONG_AGO)
    for made in range(1, STEPS):
        stage = Little(tmp_path)
        with pytest.raises(OutOfTime, match=f"little: {made} of {STEPS} steps"):
            run(stage, cut)
        assert stage.made == [made - 1]
        assert not cut.done("little").exists()
        assert not (tmp_path / "finished").exists()
        assert (tmp_path / "little.checkpoint").exists()
    stage = Little(tmp_path)
    run(stage, cut)
    assert_same(stage.weights(), whole)
    assert (tmp_path / "finished").read_text() == "once\n"
    assert sorted(file.name for file in tmp_path.glob("little.*")) == ["little.done"]


def test_a_stage_stopped_by_hand_goes_on_from_what_was_saved(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = uninterrupted(tmp_path / "whole")
    monkeypatch.setattr(stages, "_SAVE_EVERY_S", -1.0)
    with pytest.raises(KeyboardInterrupt):
        run(Little(tmp_path, breaks_at=4), bench(tmp_path))
    # and a checkpoint that was being written then is no harm
    (tmp_path / "little.part").write_bytes(b"half")
    stage = Little(tmp_path)
    run(stage, bench(tmp_path))
    assert stage.made == [4, 5, 6]
    assert_same(stage.weights(), whole)


def test_another_seed_is_another_training(tmp_path: Path) -> None:
    one, other = (uninterrupted(tmp_path / str(seed), seed) for seed in (0, 1))
    assert not torch.equal(one[0], other[0])


def test_a_stage_that_cannot_finish_is_not_done(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stages, "_SAVE_EVERY_S", -1.0)
    stage = Little(tmp_path / "not" / "there")
    with pytest.raises(FileNotFoundError):
        run(stage, bench(tmp_path))
    assert not bench(tmp_path).done("little").exists()
    again = Little(tmp_path)
    run(again, bench(tmp_path))
    assert again.made == []
    assert_same(again.weights(), stage.weights())


def test_progress_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    uninterrupted(tmp_path / "whole")
    assert f"little {STEPS}/{STEPS}" in (told := capsys.readouterr().err)
    assert "loss" in told


def test_a_bench_is_out_of_time_after_its_deadline(tmp_path: Path) -> None:
    now = time.monotonic()
    assert not bench(tmp_path).out_of_time()
    assert not bench(tmp_path, deadline=now + 1000).out_of_time()
    assert bench(tmp_path, deadline=now - 1).out_of_time()


@settings(deadline=None, max_examples=30)
@given(st.integers(200, 20_000), st.floats(1e-5, 1e-2))
def test_the_rate_rises_to_its_peak_and_falls(steps: int, peak: float) -> None:
    rates = [rate(step, steps, peak) for step in range(steps)]
    top = rates.index(max(rates))
    assert top < steps / 2
    assert all(a <= b for a, b in itertools.pairwise(rates[: top + 1]))
    assert all(a >= b for a, b in itertools.pairwise(rates[top:]))
    assert min(rates) > 0
    assert max(rates) <= peak
    assert rate(steps, steps, peak) == pytest.approx(0.02 * peak)


def test_an_average_follows_slowly_and_swaps_back() -> None:
    network = nn.Linear(1, 1, bias=False)
    network.weight.data.zero_()
    average = Average([network], 0.9)
    network.weight.data.fill_(10.0)
    for step in range(1000, 1003):
        average.update(step)
    assert network.weight.item() == 10
    average.swap()
    assert network.weight.item() == pytest.approx(10 * (1 - 0.9**3))
    average.swap()
    assert network.weight.item() == 10
