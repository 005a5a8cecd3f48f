from __future__ import annotations

import pytest
import torch

from engine.painter.card import precision_of, set_up
from engine.precision import has_fast_half


@pytest.mark.parametrize(
    ("capability", "fast"),
    [
        *[((5, 0), False), ((5, 2), False), ((6, 0), True), ((6, 1), False)],
        *[((7, 0), True), ((7, 5), True), ((8, 6), True), ((9, 0), True), ((12, 0), True)],
    ],
)
def test_half_precision_by_card(
    capability: tuple[int, int], fast: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert has_fast_half(capability) is fast
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda _: capability)
    assert precision_of(torch.device("cuda:0")) is (torch.float16 if fast else torch.float32)
    assert precision_of(torch.device("cpu")) is torch.float32


def test_convolutions_are_chosen_by_trial_on_cuda_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.backends.cudnn, "benchmark", False)
    set_up(torch.device("cpu"))
    assert not torch.backends.cudnn.benchmark
    set_up(torch.device("cuda:0"))
    assert torch.backends.cudnn.benchmark
