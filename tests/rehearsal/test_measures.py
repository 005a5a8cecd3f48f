"""The figures, on pictures and painters of which they are known."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from presets.rehearsal import lowrank, measures, networks
from presets.rehearsal.autoencoder import psnr
from presets.rehearsal.canvas import SIDE
from presets.rehearsal.denoiser import BASE
from presets.rehearsal.measures import judged
from presets.rehearsal.preset_styles import PRESET_STYLES
from presets.rehearsal.studio import Studio, photographs, square
from presets.rehearsal.styles import BASE_STYLES, INPUT_STYLES
from presets.rehearsal.subjects import SUBJECTS
from tests.rehearsal import small

LATENTS = small.latents()
SCALE = 2.0


class PaintedBy:
    """A studio whose painter is a plain function of what is shown, the prompts and the steps."""

    device = small.CPU
    painter = SimpleNamespace(scale=SCALE)

    def __init__(self, paints: Any) -> None:
        self.paint = paints

    def decode(self, latents: Tensor) -> Tensor:
        return latents

    def repaint(self, pictures: Any, prompts: Sequence[str], steps: Sequence[int]) -> Any:
        return self.paint(pictures, prompts, steps)


def perfect(shown: Tensor, prompts: Sequence[str], _steps: Sequence[int]) -> Tensor:
    """Knows every scene's latents in the style that a prompt begins with."""
    column = next(
        place
        for place, style in enumerate(BASE_STYLES)
        if prompts[0].startswith(f"{style.phrases[0]} of ")
    )
    seen = LATENTS.z[:, LATENTS.style("camera")].float() * SCALE
    scenes = [int((seen - one).abs().sum((1, 2, 3)).argmin()) for one in shown]
    return LATENTS.z[scenes, column].float() * SCALE


def knows_them(made: Tensor) -> tuple[Tensor, Tensor]:
    """A judge that looks up style and subject of the scene's latents that these are nearest to."""
    known = LATENTS.z.float() * SCALE
    nearest = [int((known - one).abs().sum((2, 3, 4)).argmin()) for one in made]
    scenes, columns = zip(*(divmod(place, known.shape[1]) for place in nearest), strict=True)
    style = torch.eye(known.shape[1])[list(columns)]
    return style, torch.eye(len(SUBJECTS))[[LATENTS.specs[scene].subject for scene in scenes]]


def test_psnr_of_pictures_that_differ_by_so_much() -> None:
    real = torch.rand(3, 3, 8, 8) - 0.5
    assert psnr(real, real).tolist() == [math.inf] * 3
    # a tenth of the range is 20 dB, a hundredth 40
    off = torch.tensor([0.2, 0.02, -0.02]).view(3, 1, 1, 1)
    torch.testing.assert_close(psnr(real + off, real), torch.tensor([20.0, 40, 40]))
    white = torch.ones(1, 3, 8, 8)
    assert psnr(white * 7, white).item() == math.inf, "what no screen shows is no error"


@pytest.mark.parametrize(("styles", "subjects"), [(1.0, 0.5), (0.25, 0.0)])
def test_shares_of_what_the_judge_has_recognised(styles: float, subjects: float) -> None:
    wanted_styles, wanted_subjects = [0, 1, 2, 3], [5, 6, 7, 8]
    style = torch.eye(BASE)[[n if n < 4 * styles else BASE - 1 for n in wanted_styles]]
    subject = torch.eye(len(SUBJECTS))[
        [s if n < 4 * subjects else 0 for n, s in enumerate(wanted_subjects)]
    ]

    def judge(_pictures: Tensor) -> tuple[Tensor, Tensor]:
        return style, subject

    found = judged(judge, torch.zeros(4, 3, 8, 8), wanted_styles, wanted_subjects)  # type: ignore[arg-type]
    assert (found.style, found.subject) == (styles, subjects)


def test_a_perfect_painter_has_no_error_after_any_steps() -> None:
    found = measures.several_steps(PaintedBy(perfect), knows_them, LATENTS)  # type: ignore[arg-type]
    assert set(found) == {f"t {t}, {steps} steps" for t in (450, 700) for steps in (1, 2, 3, 4)}
    for told in found.values():
        assert told == {"error": 0.0, "style": 1.0, "subject": 1.0}


def test_steps_are_spaced_as_the_show_spaces_them() -> None:
    asked = set()

    def idle(shown: Tensor, _prompts: Sequence[str], steps: Sequence[int]) -> Tensor:
        asked.add(tuple(steps))
        return shown

    found = measures.several_steps(PaintedBy(idle), knows_them, LATENTS)  # type: ignore[arg-type]
    assert {(450,), (450, 225), (450, 300, 150), (450, 338, 225, 112), (700, 350)} < asked
    # chance latents: two of them are twice their variance apart
    wanted = 2 * SCALE**2 / networks.LATENT_SPREAD**2
    told = found["t 450, 1 steps"]
    assert told["error"] == pytest.approx(wanted, rel=0.1)
    # the scenes are still there, in no style that was asked for
    assert (told["style"], told["subject"]) == (0.0, 1.0)


def test_unmoving_is_what_no_change_is_near() -> None:
    one = np.full((SIDE, SIDE, 3), 90, np.uint8)
    assert measures._unmoving(one, one).all()
    other = one.copy()
    other[40, 60, 1] += 2  # less than anyone sees
    assert measures._unmoving(one, other).all()
    other[120, 100, 2] -= 20
    quiet = measures._unmoving(one, other)
    y, x = np.mgrid[:SIDE, :SIDE]
    far = np.hypot(y - 120, x - 100)
    assert quiet[far > 33].all()
    assert not quiet[far < 31].any()
    np.testing.assert_array_equal(measures._unmoving(other, one), quiet)


def test_stillness_is_the_painted_difference_where_nothing_moves() -> None:
    def same(pictures: Any, _prompts: Sequence[str], _steps: Sequence[int]) -> Any:
        return pictures

    found = measures.stillness(PaintedBy(same))  # type: ignore[arg-type]
    assert set(found) == {"rest", "test_card", "video"}
    assert found["rest"] == {"oil painting": 0, "anime": 0, "photo": 0}
    for name in ("test_card", "video"):
        assert max(found[name].values()) < 0.1, "what is shown does not flicker there"
    brightness = iter(range(10_000))

    def flickers(pictures: Any, _prompts: Sequence[str], _steps: Sequence[int]) -> Any:
        return np.full_like(pictures, 100 + 5 * (next(brightness) % 2))

    found = measures.stillness(PaintedBy(flickers))  # type: ignore[arg-type]
    assert {figure for told in found.values() for figure in told.values()} == {5.0}


def test_a_head_goes_by_and_the_room_stands_still() -> None:
    frames = measures.going_by(6)
    assert {frame.shape for frame in frames} == {(SIDE, SIDE, 3)}
    for one, other in pairwise(frames):
        moved = np.abs(one.astype(int) - other).max(2) > 8
        assert 0.05 < moved.mean() < 0.4
        assert not moved[:88].any()
        assert not moved[220:].any()
        quiet = measures._unmoving(one, other)
        assert 0.1 < quiet.mean() < 0.8
    # the head's middle is 6 pixels further on each time
    np.testing.assert_allclose(frames[0][150:158, 64:72], frames[5][150:158, 94:102], atol=1)


def test_photographs_are_square_and_are_cut_from_the_middle() -> None:
    photos = photographs()
    assert list(photos) == ["astronaut", "coffee", "chelsea"]
    for photo in photos.values():
        assert photo.shape == (SIDE, SIDE, 3)
        assert photo.dtype == np.uint8
        assert photo.std() > 20


@pytest.mark.parametrize(("high", "wide"), [(64, 96), (96, 64), (64, 64), (65, 98)])
def test_a_square_is_the_middle(high: int, wide: int) -> None:
    y, x = np.mgrid[:high, :wide]
    picture = np.stack([y, x, np.full_like(x, 7)], 2).astype(np.uint8)
    made = square(picture, 32)
    assert made.shape == (32, 32, 3)
    short = min(high, wide)
    assert made[..., 0].mean() == pytest.approx((high - 1) / 2, abs=1)
    assert made[..., 1].mean() == pytest.approx((wide - 1) / 2, abs=1)
    assert np.ptp(made[..., 0]) == pytest.approx(short - short / 32, abs=1.5)
    assert (made[..., 2] == 7).all()


@pytest.fixture(scope="module")
def studio() -> Studio:
    return Studio(small.autoencoder(), small.painter())


def test_a_studio_scales_what_it_encodes_and_back(studio: Studio) -> None:
    pictures = small.pictures().pixels[:2, 0]
    latent = studio.encode(pictures)
    tensor = networks.pictures_to_tensor(pictures, small.CPU)
    torch.testing.assert_close(latent, studio.vae.encode(tensor).latents * studio.painter.scale)
    torch.testing.assert_close(
        studio.decode(latent),
        studio.vae.decode(studio.vae.encode(tensor).latents).sample.clamp(-1, 1),
    )


def test_a_studio_paints_with_a_shows_still_noise(studio: Studio) -> None:
    pictures = small.pictures().pixels[:2, 0]
    both = studio.repaint(pictures, ["oil painting", "anime"], (600, 300))
    assert both.shape == (2, SIDE, SIDE, 3)
    assert both.dtype == np.uint8
    alone = studio.repaint(pictures[1:], ["anime"], (600, 300))
    # whatever is painted beside it
    np.testing.assert_allclose(alone[0].astype(int), both[1], atol=1)


def test_reconstruction_tells_of_every_style_and_photograph() -> None:
    class Through:
        """An autoencoder that leaves out a tenth of the range."""

        def encode(self, picture: Tensor) -> Any:
            return SimpleNamespace(latents=picture)

        def decode(self, latent: Tensor) -> Any:
            return SimpleNamespace(sample=latent + 0.2 - 0.4 * (latent > 0))

    pictures = small.pictures()
    found = measures.reconstruction(Through(), pictures, small.CPU)
    assert set(found["drawn"]) == set(pictures.styles)
    assert set(found["photographs"]) == {"astronaut", "coffee", "chelsea"}
    told = [*found["drawn"].values(), *found["photographs"].values(), found["drawn_mean"]]
    assert told == [pytest.approx(20, abs=0.01)] * len(told)


def test_half_of_a_preset_is_half_way(studio: Studio, tmp_path: Path) -> None:
    """A weak addition acts almost linearly; without it the painter is as it was."""
    file = tmp_path / "anime.safetensors"
    additions = lowrank.Additions(studio.painter.denoiser, 4, convolutions=True)
    chance = torch.Generator().manual_seed(1)
    for added in additions.each:
        added.up.weight.data.normal_(0, 1e-3, generator=chance)
    lowrank.save(additions, "locon", file, {})
    additions.detach()
    judge = networks.Judge(BASE, len(SUBJECTS)).eval()
    found = measures.preset(studio, judge, file, LATENTS, small.pictures())
    assert set(found) == {"moved", "half", "subject", "subject_real", "kb"}
    assert found["half"] == pytest.approx(0.5, abs=0.03)
    assert abs(found["moved"]) < 0.1
    assert found["kb"] == round(file.stat().st_size / 1000)
    assert not any(layer._forward_hooks for layer in studio.painter.denoiser.modules())


def test_a_preset_is_measured_against_its_own_style_not_one_of_the_same_name(
    studio: Studio, tmp_path: Path
) -> None:
    """Its own answers are put where its style's pictures are: all of the error is gone."""
    file = tmp_path / "anime.safetensors"
    additions = lowrank.Additions(studio.painter.denoiser, 4, convolutions=True)
    for added in additions.each:
        added.up.weight.data.fill_(0.01)
    lowrank.save(additions, "locon", file, {})
    additions.detach()
    latents = small.latents(BASE_STYLES + INPUT_STYLES + PRESET_STYLES, 2)
    pictures = small.pictures(BASE_STYLES + INPUT_STYLES + PRESET_STYLES, 2)
    additions = lowrank.load(studio.painter.denoiser, file)
    shown = latents.z[[0], [latents.style("camera")]].float() * studio.painter.scale
    prompt = SUBJECTS[latents.specs[0].subject].phrases[0]
    own = studio.paint(shown, [prompt], [375]) / studio.painter.scale
    additions.detach()
    latents.z[0, latents.styles.index("anime", BASE)] = own[0].half()
    judge = networks.Judge(BASE, len(SUBJECTS)).eval()
    found = measures.preset(studio, judge, file, latents, pictures)
    assert found["moved"] > 0.99
