"""Stage two and four: the decoder alone learns to paint crisply, against a critic.

The encoder stays as it is, so latents keep their meaning. First on what the encoder gives, later
also on the denoiser's own answers, which are softer: the decoder learns to put back what they lost.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812

from presets.rehearsal import networks
from presets.rehearsal.autoencoder import reconstruction
from presets.rehearsal.canvas import Rng
from presets.rehearsal.captions import prompt
from presets.rehearsal.dataset import Pictures
from presets.rehearsal.denoiser import BASE, Painter
from presets.rehearsal.latents import Latents
from presets.rehearsal.stages import Workbench, rate, set_rate
from presets.rehearsal.styles import BASE_STYLES

_MARGIN: Final = 16  # pixels at a piece's border that saw too little round them to be judged


@dataclass(frozen=True, slots=True)
class DecoderPlan:
    """latent: side of the pieces, in latents. critic: its weight, from 15 % of the steps on."""

    steps: int
    batch: int
    latent: int = 18
    critic: float = 0.06


class DecoderStage:
    """Tunes `network`'s decoder; with a `painter`, two thirds of a batch are the painter's answers.

    Writes <folder>/<name>, an autoencoder.
    """

    def __init__(
        self,
        name: str,
        plan: DecoderPlan,
        network: Any,
        pictures: Pictures,
        latents: Latents,
        painter: Painter | None,
        bench: Workbench,
    ) -> None:
        self.name, self.steps, self._plan, self._bench = name, plan.steps, plan, bench
        self._network, self._pictures, self._latents = network, pictures, latents
        self._painter = painter
        torch.manual_seed(bench.seed)
        self._critic = networks.PatchCritic(BASE).to(bench.device)
        network.requires_grad_(False)
        network.decoder.requires_grad_(True)
        self._optimizer = torch.optim.AdamW(
            network.decoder.parameters(), lr=8e-4, betas=(0.9, 0.99)
        )
        self._critics = torch.optim.AdamW(self._critic.parameters(), lr=4e-4, betas=(0.0, 0.9))
        self._average = networks.Average([network.decoder], 0.998)

    @property
    def parts(self) -> Mapping[str, Any]:
        return {
            "decoder": self._network.decoder,
            "critic": self._critic,
            "optimizer": self._optimizer,
            "critics": self._critics,
            "average": self._average,
        }

    def step(self, step: int, rng: Rng) -> Mapping[str, float]:
        device, batch, side = self._bench.device, self._plan.batch, self._plan.latent
        scenes = rng.integers(len(self._pictures), size=batch)
        styles = rng.integers(BASE, size=batch)
        z = self._latents_for(scenes, styles, rng)
        top, left = (int(place) for place in rng.integers(0, z.shape[-1] - side + 1, 2))
        z = z[:, :, top : top + side, left : left + side]
        here = np.s_[top * 8 : (top + side) * 8, left * 8 : (left + side) * 8]
        pixels = np.stack(
            [self._pictures.pixels[scene, style][here]
             for scene, style in zip(scenes, styles, strict=True)]
        )  # fmt: skip
        real = networks.pictures_to_tensor(pixels, device)
        style = torch.from_numpy(styles).to(device)
        with self._bench.mixed():
            made = self._network.decode(z.contiguous(memory_format=torch.channels_last)).sample
        inner = np.s_[..., _MARGIN:-_MARGIN, _MARGIN:-_MARGIN]
        made, real = made.float()[inner], real[inner]
        loss = reconstruction(made, real)
        done = step / self.steps
        figures = {"error": float(loss.detach())}
        if done > 0.15:
            weight = self._plan.critic * min(1.0, (done - 0.15) * 8)
            loss = loss + weight * self._criticism(real, made, style, figures)
        set_rate(self._optimizer, rate(step, self.steps, 8e-4))
        self._optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self._network.decoder.parameters(), 1.0)
        self._optimizer.step()
        self._average.update(step)
        return figures

    def _latents_for(self, scenes: Any, styles: Any, rng: Rng) -> Tensor:
        """Latents of the pictures; with a painter, its answers in place of the first two thirds."""
        z = self._latents.z[scenes.tolist(), styles.tolist()].float()
        if self._painter is None:
            return z + torch.randn_like(z) * 0.04
        answered = len(z) * 2 // 3
        usual = [self._latents.style(name) for name in ("camera", "photo", "flat")]
        shown_style = rng.choice(usual, answered).tolist()
        shown = (
            self._latents.z[scenes[:answered].tolist(), shown_style].float() * self._painter.scale
        )
        words = [
            prompt(self._latents.specs[scene], self._latents.words[scene], BASE_STYLES[style], rng)
            for scene, style in zip(scenes[:answered], styles[:answered], strict=True)
        ]
        steps = [int(rng.integers(180, 560))]
        if rng.random() < 0.25:
            steps.append(int(rng.integers(120, steps[0])))
        with self._bench.mixed():
            noise = [torch.randn_like(shown) for _ in steps]
            answers = self._painter.paint(shown, words, steps, noise) / self._painter.scale
        exact = z[answered:]
        return torch.cat([answers.float(), exact + torch.randn_like(exact) * 0.03])

    def _criticism(
        self, real: Tensor, made: Tensor, style: Tensor, figures: dict[str, float]
    ) -> Tensor:
        """Teach the critic (hinge loss), then hear what it says of the made pictures."""
        self._critic.requires_grad_(True)
        with self._bench.mixed():
            yes, _ = self._critic(real, style)
            no, _ = self._critic(made.detach(), style)
            taught = F.relu(1 - yes.float()).mean() + F.relu(1 + no.float()).mean()
        self._critics.zero_grad(set_to_none=True)
        taught.backward()
        self._critics.step()
        self._critic.requires_grad_(False)
        with self._bench.mixed():
            told, seen = self._critic(made, style)
            with torch.no_grad():
                _, wanted = self._critic(real, style)
            # features of the first layers: close in what the critic looks at, not pixel by pixel
            alike = sum(
                F.l1_loss(one.float(), other.float())
                for one, other in zip(seen, wanted, strict=True)
            )
        figures["critic"] = float(taught.detach())
        return 2.0 * alike - told.float().mean()

    def finish(self) -> None:
        self._average.swap()
        networks.save(self._network, self._bench.folder / self.name)
