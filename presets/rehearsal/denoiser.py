"""Stage three: the denoiser and the text encoder, on latents.

Every example asks for a scene in one style (and sometimes in another subject, light or mood) while
showing it in another, noised. The answer is known exactly, so one step learns to be enough.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from torch import Tensor

from presets.rehearsal import networks
from presets.rehearsal.canvas import Rng
from presets.rehearsal.captions import about, prompt, tokens, vocabulary
from presets.rehearsal.latents import Latents
from presets.rehearsal.noise import clean, noised
from presets.rehearsal.scene import Spec
from presets.rehearsal.stages import Workbench, rate, set_rate
from presets.rehearsal.styles import BASE_STYLES

BASE: Final = len(BASE_STYLES)
# what the input is drawn in: mostly what cameras and pens give
_INPUTS: Final = {"camera": 0.34, "plain": 0.16, "photo": 0.14, "sketch": 0.08}


@dataclass(frozen=True, slots=True)
class DenoiserPlan:
    """Of `steps` the first `small` share are on `small_batch` pieces of 16x16 latents.

    The noise grows up to the share `grown`: while there is little, what is to be learned is the
    style. own: from this share of the steps on, some inputs are the network's own first answers,
    so that a second step learns to improve on them.
    """

    steps: int
    batch: int
    small_batch: int
    small: float = 0.6
    grown: float = 0.5
    own: float = 0.6
    peak: float = 1.2e-3


@dataclass(frozen=True, slots=True)
class Example:
    """What is shown (scene, style), what is asked for (scene, style, prompt), and how noisy."""

    shown: int
    shown_style: int
    asked: int
    asked_style: int
    prompt: str
    t: int


def pick(latents: Latents, rng: Rng, reach: float = 1.0) -> Example:
    """One example by chance; `reach` 0..1 is how far up the noise levels it may be.

    Low strengths keep what is shown whatever the words say of it; from about t = 450 on words may
    change it. Without words it comes back as it was.
    """
    scene = int(rng.integers(len(latents)))
    t = _noisiness(rng, reach)
    asked_style = int(rng.integers(BASE))
    shown_style = _shown_style(latents, rng)
    shown, told = scene, scene
    chance = rng.random()
    if t >= 450 and chance < 0.2 + 0.25 * (t - 450) / 550:
        shown = scene ^ 1
        if t >= 850 and rng.random() < 0.4:
            shown = int(rng.integers(len(latents)))
    elif t < 420 and chance < 0.15:
        told = int(rng.integers(len(latents)))
    if shown == scene and rng.random() < 0.07:
        words = "" if rng.random() < 0.7 else about(latents.specs[told], latents.words[told], rng)
        if told == scene:
            style = shown_style if shown_style < BASE else latents.style("photo")
            return Example(shown, shown_style, scene, style, words, t)
    spec, true = latents.specs[told], latents.words[told]
    text = _asking(spec, true, asked_style, rng, full=shown != scene)
    return Example(shown, shown_style, scene, asked_style, text, t)


def restyled(latents: Latents, rng: Rng) -> Example:
    """The same scene in another style, where performers play most: t 120..619."""
    scene, style = int(rng.integers(len(latents))), int(rng.integers(BASE))
    text = prompt(latents.specs[scene], latents.words[scene], BASE_STYLES[style], rng)
    shown_style, t = _shown_style(latents, rng), int(rng.integers(120, 620))
    return Example(scene, shown_style, scene, style, text, t)


def _noisiness(rng: Rng, reach: float) -> int:
    """Mostly where performers play; the lowest are the last of several steps."""
    chance = rng.random()
    if chance < 0.08:
        return int(rng.integers(30, 150))
    if chance < 0.7:
        return int(rng.integers(120, 200 + round(550 * reach)))
    return int(rng.integers(120 + round(580 * reach), 260 + round(740 * reach)))


def _shown_style(latents: Latents, rng: Rng) -> int:
    chance = rng.random()
    for name, share in _INPUTS.items():
        if chance < share:
            return latents.style(name)
        chance -= share
    return int(rng.integers(BASE))


def _asking(spec: Spec, words: Sequence[str], style: int, rng: Rng, *, full: bool) -> str:
    if not full:
        return prompt(spec, words, BASE_STYLES[style], rng)
    name = str(rng.choice(BASE_STYLES[style].phrases))
    told = about(spec, words, rng, keep=0.95)
    return f"{name} of {told}" if rng.random() < 0.5 else f"{told}, {name}"


def fairness(shown: Tensor, asked: Tensor) -> Tensor:
    """(n,) weights of mean 1: the nearer an example's two pictures, the more its error counts.

    An oil painting is so near a photograph, and ink and neon so far from everything, that the loss
    would else be all about these two, and the others long look alike.
    """
    way = ((shown - asked) / networks.LATENT_SPREAD).pow(2).mean((1, 2, 3))
    weight = 1 / (0.15 + way)
    return weight / weight.mean()


def stacked(
    examples: Sequence[Example], latents: Latents, scale: float
) -> tuple[Tensor, Tensor, Tensor]:
    """What is shown and what is asked for, scaled (n, 4, 32, 32), and the steps t (n,)."""
    z = latents.z
    shown = z[[e.shown for e in examples], [e.shown_style for e in examples]].float() * scale
    asked = z[[e.asked for e in examples], [e.asked_style for e in examples]].float() * scale
    return shown, asked, torch.tensor([e.t for e in examples], device=z.device)


def answer(
    denoiser: Any,
    shown: Tensor,
    t: Tensor,
    text: Tensor,
    bench: Workbench,
    noise: Tensor | None = None,
) -> Tensor:
    """The latents that a denoiser makes, in one step t, of what it is shown under this noise, or
    under fresh one."""
    noisy = noised(shown, t, torch.randn_like(shown) if noise is None else noise)
    with bench.mixed():
        v = denoiser(noisy, t, encoder_hidden_states=text, return_dict=False)[0]
    return clean(v.float(), noisy, t)


class DenoiserStage:
    """The denoiser and the text encoder together. Writes <folder>/denoiser, text, latents.json."""

    name = "denoiser"

    def __init__(
        self, plan: DenoiserPlan, latents: Latents, spread: float, bench: Workbench
    ) -> None:
        self.steps, self._plan, self._latents, self._bench = plan.steps, plan, latents, bench
        self._scale = networks.LATENT_SPREAD / spread
        self._words = vocabulary()
        torch.manual_seed(bench.seed)
        self._denoiser = networks.denoiser().to(bench.device)
        self._text = networks.text_encoder(len(self._words)).to(bench.device)
        networks.fast_backward(self._denoiser)
        trained = [*self._denoiser.parameters(), *self._text.parameters()]
        self._optimizer = torch.optim.AdamW(
            trained, lr=plan.peak, betas=(0.9, 0.99), weight_decay=0.01
        )
        self._average = networks.Average([self._denoiser, self._text], 0.999)
        self._trained = trained

    @property
    def parts(self) -> Mapping[str, Any]:
        return {
            "denoiser": self._denoiser,
            "text": self._text,
            "optimizer": self._optimizer,
            "average": self._average,
        }

    def step(self, step: int, rng: Rng) -> Mapping[str, float]:
        small = step < self._plan.small * self.steps
        batch = self._plan.small_batch if small else self._plan.batch
        reach = min(1.0, step / (self._plan.grown * self.steps))
        examples = [pick(self._latents, rng, reach) for _ in range(batch)]
        shown, asked, t = stacked(examples, self._latents, self._scale)
        if small:
            # every fourth latent: a piece's coarsest cells lie as they do in a whole picture
            top, left = (4 * int(place) for place in rng.integers(0, 5, 2))
            shown = shown[:, :, top : top + 16, left : left + 16]
            asked = asked[:, :, top : top + 16, left : left + 16]
        set_rate(self._optimizer, rate(step, self.steps, self._plan.peak))
        rows = [tokens(example.prompt, self._words) for example in examples]
        ids = torch.tensor(rows, device=t.device)
        with self._bench.mixed():
            text = self._text(input_ids=ids).last_hidden_state
        weight = fairness(shown, asked)
        if step > self._plan.own * self.steps and rng.random() < 0.5:
            shown = self._own(shown, t, text.detach(), rng)
        made = answer(self._denoiser, shown, t, text, self._bench)
        error = (made - asked) / networks.LATENT_SPREAD
        squared = error.pow(2).mean()
        self._optimizer.zero_grad(set_to_none=True)
        loss = (error.pow(2) + error.abs()).mean((1, 2, 3)) * weight
        loss.mean().backward()
        torch.nn.utils.clip_grad_norm_(self._trained, 1.0)
        self._optimizer.step()
        self._average.update(step)
        return {"error": float(squared.detach())}

    @torch.no_grad()
    def _own(self, shown: Tensor, t: Tensor, text: Tensor, rng: Rng) -> Tensor:
        """Half of the batch replaced by answers to it from a noisier step."""
        half = len(shown) // 2
        up = torch.from_numpy(rng.uniform(0.15, 0.8, half).astype(np.float32)).to(t.device)
        earlier = (t[:half] + (980 - t[:half]) * up).long().clamp(max=990)
        first = answer(self._denoiser, shown[:half].contiguous(), earlier, text[:half], self._bench)
        return torch.cat([first, shown[half:]])

    def finish(self) -> None:
        self._average.swap()
        Painter(self._denoiser, self._text, self._words, self._scale).save(self._bench.folder)


@dataclass(frozen=True, slots=True)
class Painter:
    """A trained denoiser, to be asked for pictures. scale: the autoencoder's scaling factor."""

    denoiser: Any
    text: Any
    words: Mapping[str, int]
    scale: float

    @classmethod
    def load(cls, folder: Path, device: torch.device) -> Painter:
        """What a stage has left in the folder, frozen."""
        from diffusers import UNet2DConditionModel
        from transformers import CLIPTextModel

        denoiser = UNet2DConditionModel.from_pretrained(folder / "denoiser", local_files_only=True)
        text = CLIPTextModel.from_pretrained(folder / "text", local_files_only=True)
        facts = json.loads((folder / "latents.json").read_text())
        denoiser = denoiser.to(device, memory_format=torch.channels_last)
        return cls(
            denoiser.eval().requires_grad_(False),
            text.to(device).eval().requires_grad_(False),
            facts["words"],
            facts["scale"],
        )

    def save(self, folder: Path) -> None:
        """Write what `load` reads."""
        networks.save(self.denoiser, folder / "denoiser")
        networks.save(self.text, folder / "text")
        facts = {"scale": self.scale, "words": dict(self.words)}
        (folder / "latents.json").write_text(json.dumps(facts))

    @torch.no_grad()
    def paint(
        self, shown: Tensor, prompts: Sequence[str], steps: Sequence[int], noise: Sequence[Tensor]
    ) -> Tensor:
        """Scaled latents (n, 4, h, w) repainted in one or more steps t, noisiest first."""
        rows = [tokens(text, self.words) for text in prompts]
        text = self.text(input_ids=torch.tensor(rows, device=shown.device)).last_hidden_state
        here = shown
        for step, chance in zip(steps, noise, strict=True):
            t = torch.full((len(shown),), step, device=shown.device)
            noisy = noised(here, t, chance)
            v = self.denoiser(noisy, t, encoder_hidden_states=text, return_dict=False)[0]
            here = clean(v.float(), noisy, t)
        return here
