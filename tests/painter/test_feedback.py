from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor

from engine.painter.feedback import Feedback, turn_hue
from engine.painter.settings import Settings
from tests.painter import tiny
from tests.painter.reference import live

LUMINANCE = np.array([0.213, 0.715, 0.072])


def mixed(signal: Tensor, painted: Tensor, **knobs: float) -> Tensor:
    """One mix; knobs by name without `feedback_`."""
    height, width = signal.shape[2:]
    feedback = Feedback(width, height, torch.device("cpu"))
    settings = Settings(**{f"feedback_{name}": value for name, value in knobs.items()})  # type: ignore[arg-type]
    feedback.apply(settings)
    return feedback.mix(signal, painted)


def hue(degrees: float) -> NDArray[np.float64]:
    return np.array(turn_hue(degrees)).reshape(3, 3)


def noise(seed: int, height: int = 24, width: int = 24) -> Tensor:
    return torch.rand((1, 3, height, width), generator=torch.Generator().manual_seed(seed)) * 2 - 1


@pytest.mark.parametrize("amount", [0.0, 0.25, 1.0])
def test_amount_is_a_plain_share(amount: float) -> None:
    a, b = noise(1), noise(2)
    torch.testing.assert_close(
        mixed(a, b, amount=amount), (1 - amount) * a + amount * b, rtol=0, atol=1e-5
    )


@pytest.mark.parametrize(("degrees", "turns"), [(90.0, 1), (180.0, 2), (-90.0, 3)])
def test_rotates_anticlockwise(degrees: float, turns: int) -> None:
    a, b = noise(1), noise(2)
    expected = torch.rot90(b, turns, (2, 3))
    torch.testing.assert_close(mixed(a, b, amount=1.0, rotate=degrees), expected, rtol=0, atol=1e-4)


def test_a_turned_wide_picture_keeps_its_shapes() -> None:
    """A dot ten pixels right of the middle comes to stand ten pixels above it."""
    painted = torch.full((1, 3, 32, 64), -1.0)
    painted[:, :, 15:17, 41:43] = 1.0
    turned = mixed(torch.full_like(painted, -1.0), painted, amount=1.0, rotate=90.0)
    rows, columns = np.nonzero(turned[0, 0].numpy() > 0.9)
    assert sorted(set(rows)) == [5, 6]
    assert sorted(set(columns)) == [31, 32]


def test_zoom_enlarges_the_middle() -> None:
    painted = noise(2, 32, 32)
    zoomed = mixed(noise(1, 32, 32), painted, amount=1.0, zoom=2.0)
    expected = torch.nn.functional.interpolate(
        painted[:, :, 8:24, 8:24], scale_factor=2, mode="bilinear"
    )
    inner = (..., slice(2, -2), slice(2, -2))
    torch.testing.assert_close(zoomed[inner], expected[inner], rtol=0, atol=1e-4)


def test_the_input_shows_where_a_shrunken_picture_does_not_reach() -> None:
    a, b = noise(1, 32, 32), noise(2, 32, 32)
    shrunk = mixed(a, b, amount=1.0, zoom=0.5)
    assert torch.equal(shrunk[..., :8, :], a[..., :8, :])
    assert torch.equal(shrunk[..., :, 24:], a[..., :, 24:])
    assert not torch.isclose(shrunk[..., 9:23, 9:23], a[..., 9:23, 9:23]).all()


@pytest.mark.parametrize("degrees", [-180.0, -77.0, 0.0, 33.0, 120.0])
def test_hue_keeps_greys_and_luminance(degrees: float) -> None:
    matrix = hue(degrees)
    np.testing.assert_allclose(matrix @ np.ones(3), np.ones(3), atol=1e-12)
    np.testing.assert_allclose(LUMINANCE @ matrix, LUMINANCE, atol=2e-3)
    np.testing.assert_allclose(hue(-degrees) @ matrix, np.eye(3), atol=5e-3)


def test_hue_turns_red_towards_green() -> None:
    """The specification's matrix at 90 degrees, its first column written out."""
    np.testing.assert_allclose(hue(0.0), np.eye(3), atol=1e-12)
    np.testing.assert_allclose(hue(90.0)[:, 0], [0.0, 0.356, -0.574], atol=1e-12)
    red = torch.tensor([1.0, -1.0, -1.0]).view(1, 3, 1, 1).expand(1, 3, 8, 8)
    turned = mixed(torch.zeros_like(red), red, amount=1.0, hue=120.0)[0, :, 4, 4]
    assert turned[1] > turned[0]
    assert turned.abs().max() <= 1.0


@cache
def pipe() -> Any:
    return tiny.pipeline("sd15")


def test_amount_zero_changes_nothing_bit_for_bit_and_is_not_computed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    turned_off = Settings(feedback_zoom=1.5, feedback_rotate=30.0, feedback_hue=90.0)
    plain, ours = live(pipe()), live(pipe())
    monkeypatch.setattr(ours.feedback, "mix", None)  # a call would fail
    for seed in range(3):
        for stream, settings in ((plain, Settings()), (ours, turned_off)):
            stream.input.copy_(torch.from_numpy(tiny.picture(seed)))
            stream.apply(settings)
            stream.fill()
            stream.frame()
        assert torch.equal(plain.output, ours.output)


def test_the_last_painted_picture_comes_back() -> None:
    """Full feedback: after its first frame the stream lives on its own pictures alone."""
    ours, alone, without = live(pipe()), live(pipe()), live(pipe())
    settings = Settings(feedback_amount=1.0, strength=0.05)
    ours.apply(settings)
    for stream in (alone, without):
        stream.apply(replace(settings, feedback_amount=0.0))
    alone.input.copy_(torch.from_numpy(tiny.picture(0)))
    for seed in range(3):
        for stream in (ours, without):
            stream.input.copy_(torch.from_numpy(tiny.picture(seed)))
        for stream in (ours, alone, without):
            stream.fill()
            stream.frame()
        alone.input.copy_(alone.output)
    assert (ours.output.int() - alone.output.int()).abs().max() <= 1
    assert (ours.output.int() - without.output.int()).abs().max() > 3
