from __future__ import annotations

import torch

from engine.painter.lora_pace import FIRST_GUESS_MS, LAYER_ELEMENTS, Pace

CPU = torch.device("cpu")
LAYER = 900_000
COST = LAYER + LAYER_ELEMENTS


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def turn(pace: Pace, clock: Clock, budget_ms: float | None, layer_ms: float, most: int = 50) -> int:
    """Layers written in one turn."""
    pace.begin(budget_ms)
    written = 0
    while written < most and pace.allows(LAYER):
        clock.now += layer_ms / 1000
        written += 1
    pace.end()
    return written


def test_learns_how_fast_it_goes() -> None:
    clock = Clock()
    pace = Pace(CPU, clock)
    assert pace.ms_per_element == FIRST_GUESS_MS["cpu"]
    assert turn(pace, clock, 10.0, layer_ms=1.0) == 3  # it does not trust the machine yet
    for _ in range(10):
        turn(pace, clock, 10.0, layer_ms=1.0)
    assert 9 <= turn(pace, clock, 10.0, layer_ms=1.0) <= 10
    assert abs(pace.ms_per_element * COST - 1.0) < 0.01


def test_sees_within_a_turn_that_it_goes_slowly() -> None:
    clock = Clock()
    pace = Pace(CPU, clock)
    for _ in range(20):
        turn(pace, clock, 10.0, layer_ms=0.1)
    assert turn(pace, clock, 10.0, layer_ms=4.0) <= 3


def test_every_turn_gets_somewhere() -> None:
    clock = Clock()
    pace = Pace(CPU, clock)
    assert turn(pace, clock, 0.0, layer_ms=100.0) == 1
    assert turn(pace, clock, -1.0, layer_ms=100.0) == 1
    assert turn(pace, clock, None, layer_ms=100.0) == 50


def test_a_turn_without_layers_teaches_nothing() -> None:
    pace = Pace(CPU, Clock())
    pace.begin(1.0)
    pace.end()
    assert pace.ms_per_element == FIRST_GUESS_MS["cpu"]


def test_a_device_it_does_not_know_is_taken_for_a_slow_one() -> None:
    assert Pace(torch.device("meta"), Clock()).ms_per_element == FIRST_GUESS_MS["mps"]
