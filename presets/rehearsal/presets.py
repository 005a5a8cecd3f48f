"""The bundled styles: a LoRA for each style that the base model has never seen."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import torch
from torch import Tensor

from presets.rehearsal import lowrank
from presets.rehearsal.canvas import Rng
from presets.rehearsal.captions import about, tokens
from presets.rehearsal.denoiser import BASE, Painter, answer
from presets.rehearsal.latents import Latents
from presets.rehearsal.networks import LATENT_SPREAD, fast_backward
from presets.rehearsal.preset_styles import PRESET_STYLES
from presets.rehearsal.stages import Workbench, rate, set_rate
from presets.rehearsal.styles import BASE_STYLES

# which on-disk form each preset is bundled in: between them, all that performers' files come in
FORM: Final[Mapping[str, str]] = {
    "anime": "locon",
    "realistic": "peft",
    "oil-painting": "locon",
    "cyberpunk": "peft",
    "blueprint": "peft",
    "stained-glass": "locon",
    "thermal": "locon",
    "woodcut": "peft",
    "chalk": "locon",
    "hologram": "kohya",
}

# the steps t of strengths 0.12 to 0.65: above, the base model itself only blurs
_PLAYED: Final = (120, 650)


@dataclass(frozen=True, slots=True)
class PresetPlan:
    """rank: of the additions; peak: their highest learning rate.

    plain_rank, plain_peak: where only attention gets them (kohya's first form). These come in all
    at once, so that half-way is not half: in a share `plain_partly` of the steps they play at part
    of their weight, and shall go that part of the way.
    """

    steps: int
    batch: int
    rank: int = 4
    plain_rank: int = 8
    peak: float = 1e-2
    plain_peak: float = 5e-3
    plain_partly: float = 0.4


class PresetStage:
    """One preset. Writes <loras>/<style>.safetensors."""

    def __init__(
        self,
        style: str,
        plan: PresetPlan,
        inputs: Latents,
        targets: Latents,
        painter: Painter,
        loras: Path,
        bench: Workbench,
    ) -> None:
        self.name, self.steps = f"preset-{style}", plan.steps
        self._style, self._plan, self._bench, self._loras = style, plan, bench, loras
        self._inputs, self._targets, self._painter = inputs, targets, painter
        self._target = targets.style(style)
        self._phrases = next(s.phrases for s in PRESET_STYLES if s.name == style)
        torch.manual_seed(bench.seed)
        plain = FORM[style] == "kohya"
        self._peak = plan.plain_peak if plain else plan.peak
        self._partly = plan.plain_partly if plain else 0.0
        fast_backward(painter.denoiser)
        self._additions = lowrank.Additions(
            painter.denoiser, plan.plain_rank if plain else plan.rank, convolutions=not plain
        )
        self._optimizer = torch.optim.AdamW(
            self._additions.parameters(), lr=self._peak, weight_decay=0.0
        )

    @property
    def parts(self) -> Mapping[str, Any]:
        return {"additions": self._additions, "optimizer": self._optimizer}

    def step(self, step: int, rng: Rng) -> Mapping[str, float]:
        device, batch = self._bench.device, self._plan.batch
        scenes = rng.integers(len(self._targets), size=batch).tolist()
        styles = [self._shown_style(rng) for _ in scenes]
        t = torch.from_numpy(rng.integers(*_PLAYED, batch)).to(device)
        shown = self._inputs.z[scenes, styles].float() * self._painter.scale
        asked = self._targets.z[scenes, self._target].float() * self._painter.scale
        rows = [tokens(self._prompt(scene, rng), self._painter.words) for scene in scenes]
        set_rate(self._optimizer, rate(step, self.steps, self._peak, warm=30))
        with self._bench.mixed():
            text = self._painter.text(input_ids=torch.tensor(rows, device=device))
        words, noise = text.last_hidden_state, torch.randn_like(shown)
        weight = float(rng.uniform(0.2, 0.8)) if rng.random() < self._partly else 1.0
        if weight < 1:
            asked = torch.lerp(self._without(shown, t, words, noise), asked, weight)
        self._additions.set_weight(weight)
        made = answer(self._painter.denoiser, shown, t, words, self._bench, noise)
        error = (made - asked) / LATENT_SPREAD
        squared = error.pow(2).mean()
        self._optimizer.zero_grad(set_to_none=True)
        (0.5 * squared + 0.5 * error.abs().mean()).backward()
        torch.nn.utils.clip_grad_norm_(self._additions.parameters(), 1.0)
        self._optimizer.step()
        return {"error": float(squared.detach())}

    @torch.no_grad()
    def _without(self, shown: Tensor, t: Tensor, words: Tensor, noise: Tensor) -> Tensor:
        """What the model answers by itself: where the fader starts."""
        self._additions.set_weight(0.0)
        return answer(self._painter.denoiser, shown, t, words, self._bench, noise)

    def _shown_style(self, rng: Rng) -> int:
        chance = rng.random()
        if chance < 0.6:
            return self._inputs.style("camera" if chance < 0.35 else "plain")
        return int(rng.integers(BASE))

    def _prompt(self, scene: int, rng: Rng) -> str:
        """Mostly any prompt at all: the preset is to show whatever the performer has typed."""
        told = about(self._inputs.specs[scene], self._inputs.words[scene], rng)
        chance = rng.random()
        if chance < 0.35:
            return told if chance < 0.3 else ""
        style = self._phrases if chance < 0.5 else BASE_STYLES[int(rng.integers(BASE))].phrases
        name = str(rng.choice(style))
        return name if rng.random() < 0.4 else f"{name} of {told}"

    def finish(self) -> None:
        self._additions.detach()
        form = FORM[self._style]
        lowrank.save(
            self._additions,
            form,
            self._loras / f"{self._style}.safetensors",
            {"artflow.base": "rehearsal", "artflow.preset": self._style, "artflow.form": form},
        )
