from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from engine.painter.blending import slerp
from engine.painter.schedule import timesteps_of


def test_ends_are_the_very_tensors() -> None:
    a, b = torch.randn(2, 3, 5)
    assert slerp(a, b, 0.0, (-1,)) is a
    assert slerp(a, b, -0.1, (-1,)) is a
    assert slerp(a, b, 1.0, (-1,)) is b


@given(st.floats(0.0, 1.0), st.floats(0.02, 3.1), st.floats(0.1, 4.0), st.floats(0.1, 4.0))
def test_follows_the_arc(share: float, angle: float, first: float, second: float) -> None:
    """Two vectors of any length in a plane, against the formula in double precision."""
    a = torch.tensor([[first, 0.0]])
    b = torch.tensor([[second * math.cos(angle), second * math.sin(angle)]])
    weights = math.sin((1 - share) * angle), math.sin(share * angle)
    expected = (weights[0] * a.numpy() + weights[1] * b.numpy()) / math.sin(angle)
    np.testing.assert_allclose(slerp(a, b, share, (-1,)).numpy(), expected, rtol=2e-3, atol=2e-4)


def test_every_vector_has_its_own_angle() -> None:
    a = torch.tensor([[1.0, 0.0], [0.0, 2.0]])
    b = torch.tensor([[0.0, 1.0], [0.0, 4.0]])
    half = math.sqrt(0.5)
    expected = torch.tensor([[half, half], [0.0, 3.0]])
    torch.testing.assert_close(slerp(a, b, 0.5, (-1,)), expected)


def test_equal_and_empty_vectors_are_no_trouble() -> None:
    a = torch.randn(4, 8)
    assert torch.equal(slerp(a, a.clone(), 0.3, (-1,)), a)
    assert torch.isfinite(slerp(a, torch.zeros_like(a), 0.3, (-1,))).all()


def test_keeps_the_dtype() -> None:
    a, b = torch.randn(2, 3, 5).to(torch.bfloat16)
    assert slerp(a, b, 0.5, (-1,)).dtype == torch.bfloat16


@pytest.mark.parametrize(
    ("strength", "steps", "expected"),
    [
        (0.5, 1, (500,)),
        (0.5, 2, (500, 250)),
        (1.0, 4, (999, 749, 500, 250)),
        (0.0, 3, (0, 0, 0)),
        (0.6, 3, (599, 399, 200)),
        (2.0, 1, (999,)),
        (-1.0, 1, (0,)),
    ],
)
def test_timesteps(strength: float, steps: int, expected: tuple[int, ...]) -> None:
    assert timesteps_of(strength, steps) == expected
