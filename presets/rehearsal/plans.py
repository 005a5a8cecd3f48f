"""How much of everything: one plan for two CPU cores, one for a GPU, one to try the recipe out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from presets.rehearsal.autoencoder import AutoencoderPlan
from presets.rehearsal.decoder import DecoderPlan
from presets.rehearsal.denoiser import DenoiserPlan
from presets.rehearsal.judge import JudgePlan
from presets.rehearsal.presets import PresetPlan
from presets.rehearsal.together import TogetherPlan


@dataclass(frozen=True, slots=True)
class Plan:
    """scenes: trained on; the presets' styles are drawn of the first `preset_scenes` of them.

    measured: of the `held_out` scenes, how many the figures are taken from. timed_s: seconds of
    painting that the frame time is taken from.
    """

    scenes: int
    preset_scenes: int
    held_out: int
    autoencoder: AutoencoderPlan
    crisp: DecoderPlan
    denoiser: DenoiserPlan
    together: TogetherPlan
    judge: JudgePlan
    preset: PresetPlan
    measured: int = 252
    timed_s: float = 15


PLANS: Final[Mapping[str, Plan]] = {
    # two cores: 6 minutes of drawing, about 3 hours of training
    "cpu": Plan(
        scenes=6006,
        preset_scenes=1512,
        held_out=252,
        autoencoder=AutoencoderPlan(steps=7000, batch=16),
        crisp=DecoderPlan(steps=2200, batch=12),
        denoiser=DenoiserPlan(steps=15_000, batch=16, small_batch=16),
        together=TogetherPlan(steps=7000, batch=8, whole_batch=3),
        judge=JudgePlan(steps=1600),
        preset=PresetPlan(steps=340, batch=12),
    ),
    # a data-centre GPU and its 16 cores: about 25 minutes in all, in pieces with --minutes
    "gpu": Plan(
        scenes=24_024,
        preset_scenes=4200,
        held_out=252,
        autoencoder=AutoencoderPlan(steps=12_000, batch=64),
        crisp=DecoderPlan(steps=5000, batch=48),
        denoiser=DenoiserPlan(steps=16_000, batch=256, small_batch=512, small=0.3),
        together=TogetherPlan(steps=8000, batch=64, whole_batch=32),
        judge=JudgePlan(steps=4000, batch=64),
        preset=PresetPlan(steps=900, batch=64),
    ),
    # a minute or two: shows that every stage runs, paints nothing worth seeing
    "trial": Plan(
        scenes=42,
        preset_scenes=42,
        held_out=42,
        autoencoder=AutoencoderPlan(steps=6, batch=4),
        crisp=DecoderPlan(steps=4, batch=2),
        denoiser=DenoiserPlan(steps=6, batch=4, small_batch=4),
        together=TogetherPlan(steps=4, batch=2, whole_batch=1),
        judge=JudgePlan(steps=4, batch=8),
        preset=PresetPlan(steps=2, batch=2),
        measured=4,
        timed_s=1,
    ),
}
