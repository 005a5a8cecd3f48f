"""Stage two: the decoder alone learns to paint crisply, against a critic.

The encoder stays as it is, so latents keep their meaning.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import torch

from presets.rehearsal import networks
from presets.rehearsal.autoencoder import reconstruction
from presets.rehearsal.canvas import Rng
from presets.rehearsal.criticism import Criticism
from presets.rehearsal.dataset import Pictures
from presets.rehearsal.denoiser import BASE
from presets.rehearsal.latents import Latents
from presets.rehearsal.stages import Workbench, rate, set_rate

_MARGIN: Final = 16  # pixels at a piece's border that saw too little round them to be judged


@dataclass(frozen=True, slots=True)
class DecoderPlan:
    """latent: side of the pieces, in latents. critic: its weight, from 15 % of the steps on."""

    steps: int
    batch: int
    latent: int = 18
    critic: float = 0.06


class DecoderStage:
    """Tunes `network`'s decoder on what its encoder gives. Writes <folder>/crisp."""

    name = "crisp"

    def __init__(
        self,
        plan: DecoderPlan,
        network: Any,
        pictures: Pictures,
        latents: Latents,
        bench: Workbench,
    ) -> None:
        self.steps, self._plan, self._bench = plan.steps, plan, bench
        self._network, self._pictures, self._latents = network, pictures, latents
        torch.manual_seed(bench.seed)
        self._critic = Criticism(bench)
        network.requires_grad_(False)
        network.decoder.requires_grad_(True)
        self._optimizer = torch.optim.AdamW(
            network.decoder.parameters(), lr=8e-4, betas=(0.9, 0.99)
        )
        self._average = networks.Average([network.decoder], 0.998)

    @property
    def parts(self) -> Mapping[str, Any]:
        return {
            "decoder": self._network.decoder,
            "optimizer": self._optimizer,
            "average": self._average,
            **self._critic.parts,
        }

    def step(self, step: int, rng: Rng) -> Mapping[str, float]:
        device, batch, side = self._bench.device, self._plan.batch, self._plan.latent
        scenes = rng.integers(len(self._pictures), size=batch)
        styles = rng.integers(BASE, size=batch)
        z = self._latents.z[scenes.tolist(), styles.tolist()].float()
        z = z + torch.randn_like(z) * 0.04
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
            figures["critic"] = self._critic.teach(real, made, style)
            loss = loss + weight * self._critic.hear(real, made, style)
        set_rate(self._optimizer, rate(step, self.steps, 8e-4))
        self._optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self._network.decoder.parameters(), 1.0)
        self._optimizer.step()
        self._average.update(step)
        return figures

    def finish(self) -> None:
        self._average.swap()
        networks.save(self._network, self._bench.folder / self.name)
