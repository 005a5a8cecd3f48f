"""The bundled model paints the same pictures with old and new libraries.

They are kept in golden/rehearsal.png, painted with the pinned ones. Where the weights have been
trained anew, or the painter is meant to paint otherwise:

    python -m tests.painter.test_golden
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Final

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from engine.painter.diffusion import DiffusionPainter
from engine.painter.models import Model, load_model
from engine.painter.settings import Settings

MODEL: Final = Path(__file__).parents[2] / "presets" / "models" / "rehearsal"
GOLDEN: Final = Path(__file__).parent / "golden" / "rehearsal.png"
SIDE: Final = 128
CASES: Final = (
    Settings(prompt_a="oil painting of a house", strength=0.375),
    Settings(prompt_a="Anime, NEON-city; xyzzy at night", strength=0.6, steps=2),
    Settings(prompt_a="ink drawing", prompt_b="watercolor", prompt_mix=0.5, strength=0.5, seed=9),
    Settings(prompt_a="", strength=0.7, steps=4, guidance_mode="self", guidance=1.2),
)


def drawn() -> NDArray[np.uint8]:
    """(SIDE, SIDE, 3): a disc and a bar before a slope of colours."""
    y, x = np.mgrid[0 : 1 : SIDE * 1j, 0 : 1 : SIDE * 1j]
    picture = np.stack([x, 0.3 + 0.4 * y, 1 - y], 2)
    picture[np.hypot(x - 0.4, y - 0.4) < 0.22] = (0.95, 0.8, 0.3)
    picture[(abs(x - 0.75) < 0.08) & (y > 0.3)] = (0.1, 0.1, 0.15)
    return np.asarray(picture * 255 + 0.5).astype(np.uint8)


@cache
def model() -> Model:
    return load_model(MODEL, device="cpu", report=lambda *_: None)


def painted(settings: Settings) -> NDArray[np.uint8]:
    return DiffusionPainter(model(), SIDE, SIDE).paint(drawn(), settings)


@pytest.mark.parametrize("case", range(len(CASES)))
def test_the_bundled_model_paints_as_ever(case: int) -> None:
    kept = np.asarray(Image.open(GOLDEN).convert("RGB"), int)
    kept = kept[:, case * SIDE : (case + 1) * SIDE]
    apart = np.abs(painted(CASES[case]) - kept)
    told = (
        f"{apart.mean():.2f}/255 apart in the mean, {apart.max()}/255 at most; if the weights have "
        "been trained anew: python -m tests.painter.test_golden"
    )
    assert apart.mean() <= 1, told
    assert apart.max() <= 8, told


def test_the_cases_are_different_pictures() -> None:
    """So that a painter that ignores its settings is found out."""
    row = np.asarray(Image.open(GOLDEN).convert("RGB"), int)
    assert row.shape == (SIDE, len(CASES) * SIDE, 3)
    cells = [drawn().astype(int), *np.split(row, len(CASES), axis=1)]
    for number, one in enumerate(cells):
        for other in cells[:number]:
            assert np.abs(one - other).mean() > 5


def renew() -> None:
    row = np.concatenate([painted(settings) for settings in CASES], axis=1)
    GOLDEN.parent.mkdir(exist_ok=True)
    Image.fromarray(row).save(GOLDEN, optimize=True)
    print(f"written: {GOLDEN}")


if __name__ == "__main__":
    renew()
