from __future__ import annotations

import numpy as np
import pytest
import torch

from engine.painter.similarity import Similarity, Stillness
from tests.painter import tiny


def cosine(a: np.ndarray, b: np.ndarray) -> float:
    x, y = (p.astype(np.float64).ravel() / 127.5 - 1 for p in (a, b))
    return float(x @ y / (np.linalg.norm(x) * np.linalg.norm(y)))


class Slow:
    """A device that gets there when it is told to."""

    def __init__(self) -> None:
        self.there = False
        self.recorded = 0

    def record(self) -> None:
        self.there = False
        self.recorded += 1

    def query(self) -> bool:
        return self.there


def similarity(arrival: Slow | None = None) -> tuple[torch.Tensor, Similarity]:
    picture = torch.zeros((32, 32, 3), dtype=torch.uint8)
    return picture, Similarity(picture, torch.tensor(255.0), arrival)


def test_measures_the_cosine_to_the_last_painted_input() -> None:
    picture, ours = similarity()
    assert ours.newest() is None
    a, b = tiny.picture(1), np.clip(tiny.picture(1) // 2 + tiny.picture(2) // 2, 0, 255)
    picture.copy_(torch.from_numpy(a))
    ours.remember()
    ours.measure()
    assert ours.newest() == pytest.approx(1.0, abs=1e-6)
    assert ours.newest() <= 1.0  # type: ignore[operator]
    for each in (b, 255 - a):
        picture.copy_(torch.from_numpy(each))
        ours.measure()
        assert ours.newest() == pytest.approx(cosine(a, each), abs=1e-5)


def test_an_answer_under_way_is_not_waited_for() -> None:
    device = Slow()
    picture, ours = similarity(device)
    picture.copy_(torch.from_numpy(tiny.picture(1)))
    ours.remember()
    ours.measure()
    assert ours.newest() is None
    device.there = True
    assert ours.newest() == pytest.approx(1.0)
    picture.copy_(torch.from_numpy(255 - tiny.picture(1)))
    ours.measure()
    assert ours.newest() == pytest.approx(1.0)  # the last known
    ours.measure()
    assert device.recorded == 2  # nothing asked while an answer is under way
    device.there = True
    ours.measure()  # takes the answer that has come, and asks again
    assert device.recorded == 3
    assert ours.newest() == pytest.approx(cosine(tiny.picture(1), 255 - tiny.picture(1)), abs=1e-5)


def decisions(
    alike: list[float | None], threshold: float = 0.9, steps: int = 1, restless: int = -1
) -> str:
    """P for painted, s for skipped; `restless` is the number of a frame with a changed setting."""
    still = Stillness()
    return "".join(
        "s" if still.may_skip(value, threshold, restless=number == restless, steps=steps) else "P"
        for number, value in enumerate(alike)
    )


def test_decides() -> None:
    still: list[float | None] = [0.95] * 6
    assert decisions([None, 0.5, *still]) == "PPssssss"
    assert decisions(still, threshold=0.0) == "PPPPPP"
    assert decisions(still, threshold=0.95) == "PPPPPP"
    assert decisions([1.0] * 3, threshold=1.0) == "PPP"
    assert decisions([0.5, *still, 0.5, 0.95]) == "PssssssPs"
    assert decisions([0.95, -1.0, 0.95]) == "sPs"


def test_what_is_in_the_batch_is_painted_first() -> None:
    still: list[float | None] = [0.95] * 6
    assert decisions([0.5, *still], steps=3) == "PPPssss"
    assert decisions([0.5, *still], steps=2, restless=3) == "PPsPPss"
