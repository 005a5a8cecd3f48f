"""The last stage: denoiser, text encoder and decoder together, judged by their pictures.

In latents alone the denoiser learns the mean of all that an answer may be, which is soft, and soft
pictures of all styles look alike. Here its answers are decoded, and a critic that knows the styles
looks at them; its opinion reaches the denoiser through the decoder.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import torch
from torch import Tensor

from presets.rehearsal import networks
from presets.rehearsal.autoencoder import reconstruction
from presets.rehearsal.canvas import Rng
from presets.rehearsal.captions import tokens
from presets.rehearsal.criticism import Criticism
from presets.rehearsal.dataset import Pictures
from presets.rehearsal.denoiser import (
    BASE,
    Example,
    Painter,
    answer,
    pick,
    restyled,
    stacked,
)
from presets.rehearsal.latents import Latents
from presets.rehearsal.stages import Workbench, rate, set_rate

NAME: Final = "together"
_MARGIN: Final = 16  # pixels at a piece's border that saw too little round them to be judged
_WHOLE: Final = 32  # side of a picture's latents
_CRITIC_FROM: Final = 0.02


@dataclass(frozen=True, slots=True)
class TogetherPlan:
    """latent: side of the pieces, in latents, until the share `pieces` of the steps; then whole
    pictures, `whole_batch` of them. unseen: examples beside them that are not decoded. critic: its
    weight; exact: that of the error in latents.

    learning, decoding: the learning rates of denoiser and decoder. later: the share of batches
    that are shown the denoiser's own answers to earlier steps.
    """

    steps: int
    batch: int
    whole_batch: int
    unseen: int = 2
    latent: int = 20
    pieces: float = 0.25
    critic: float = 0.28
    exact: float = 0.45
    later: float = 0.45
    learning: float = 2e-4
    decoding: float = 5e-4


class TogetherStage:
    """Writes <folder>/together: denoiser, text, latents.json as its stage does, and `decoder`."""

    name = NAME

    def __init__(
        self,
        plan: TogetherPlan,
        painter: Painter,
        network: Any,
        pictures: Pictures,
        latents: Latents,
        bench: Workbench,
    ) -> None:
        self.steps, self._plan, self._bench = plan.steps, plan, bench
        self._painter, self._network = painter, network
        self._pictures, self._latents = pictures, latents
        torch.manual_seed(bench.seed)
        network.requires_grad_(False)
        network.decoder.requires_grad_(True)
        networks.fast_backward(painter.denoiser)
        self._critic = Criticism(bench, width=48, sizes=2, learning=6e-4)
        painting = [painter.denoiser, painter.text]
        for part in painting:
            part.train().requires_grad_(True)
        self._painting = [weight for part in painting for weight in part.parameters()]
        self._painters = torch.optim.AdamW(
            self._painting, lr=plan.learning, betas=(0.9, 0.99), weight_decay=0.01
        )
        self._decoders = torch.optim.AdamW(
            network.decoder.parameters(), lr=plan.decoding, betas=(0.9, 0.99)
        )
        self._average = networks.Average([*painting, network.decoder], 0.998)

    @property
    def parts(self) -> Mapping[str, Any]:
        return {
            "denoiser": self._painter.denoiser,
            "text": self._painter.text,
            "decoder": self._network.decoder,
            "painters": self._painters,
            "decoders": self._decoders,
            "average": self._average,
            **self._critic.parts,
        }

    def step(self, step: int, rng: Rng) -> Mapping[str, float]:
        plan, done = self._plan, step / self.steps
        side, batch = (
            (plan.latent, plan.batch) if done < plan.pieces else (_WHOLE, plan.whole_batch)
        )
        examples = [restyled(self._latents, rng) for _ in range(batch)]
        # what cannot be known from what is shown must not be decoded: the critic would teach the
        # decoder to fill it with cracks
        unseen = [pick(self._latents, rng) for _ in range(plan.unseen)]
        # every fourth latent: a piece's coarsest cells lie as they do in a whole picture
        top, left = (4 * int(place) for place in rng.integers(0, (_WHOLE - side) // 4 + 1, 2))
        here = np.s_[top : top + side, left : left + side]
        shown, asked, t = stacked([*examples, *unseen], self._latents, self._painter.scale)
        shown, asked = shown[:, :, *here], asked[:, :, *here]
        prompts = [example.prompt for example in (*examples, *unseen)]
        answers = self._answers(shown, t, prompts, rng)
        error = ((answers - asked) / networks.LATENT_SPREAD).pow(2).mean()
        with self._bench.mixed():
            z = (answers[:batch] / self._painter.scale).contiguous(
                memory_format=torch.channels_last
            )
            made = self._network.decode(z).sample
        styles = np.array([example.asked_style for example in examples])
        real = self._drawn(examples, styles, here)
        others = self._drawn(examples, (styles + rng.integers(1, BASE, batch)) % BASE, here)
        # a whole picture's own border is part of it
        cut = slice(_MARGIN, -_MARGIN) if side < _WHOLE else slice(None)
        inner = (..., cut, cut)
        made, real, others = made.float()[inner], real[inner], others[inner]
        style = torch.from_numpy(styles).to(made.device)
        likeness = reconstruction(made, real)
        figures = {"likeness": float(likeness.detach()), "error": float(error.detach())}
        figures["critic"] = self._critic.teach(real, made, style, others)
        weight = plan.critic * min(1.0, max(0.0, done - _CRITIC_FROM) * 10)
        loss = likeness + plan.exact * error + weight * self._critic.hear(real, made, style)
        set_rate(self._painters, rate(step, self.steps, plan.learning))
        set_rate(self._decoders, rate(step, self.steps, plan.decoding))
        for optimizer in (self._painters, self._decoders):
            optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self._painting, 1.0)
        torch.nn.utils.clip_grad_norm_(self._network.decoder.parameters(), 1.0)
        self._painters.step()
        self._decoders.step()
        self._average.update(step)
        return figures

    def _answers(self, shown: Tensor, t: Tensor, prompts: Sequence[str], rng: Rng) -> Tensor:
        """What the denoiser makes of it; of the seen ones now and then as a later of some steps."""
        rows = [tokens(text, self._painter.words) for text in prompts]
        with self._bench.mixed():
            text = self._painter.text(input_ids=torch.tensor(rows, device=t.device))
        words = text.last_hidden_state
        if rng.random() < self._plan.later:
            seen = len(shown) - self._plan.unseen
            shown, t = shown.clone(), t.clone()
            shown[:seen], t[:seen] = self._later(shown[:seen], words[:seen].detach(), rng)
        return answer(self._painter.denoiser, shown, t, words, self._bench)

    @torch.no_grad()
    def _later(self, shown: Tensor, words: Tensor, rng: Rng) -> tuple[Tensor, Tensor]:
        """The answers to all steps before a later one of two to four, and that one's t.

        Steps are spaced as the show spaces them, evenly from the strength's down: what a second
        step is given to improve on is what it is given there, and not a true picture.
        """
        count = int(rng.integers(2, 5))
        before = int(rng.integers(1, count))
        top = torch.from_numpy(rng.uniform(250, 750, len(shown))).to(shown.device)
        for step in range(before):
            t = (top * (count - step) / count).long()
            shown = answer(self._painter.denoiser, shown.contiguous(), t, words, self._bench)
        return shown, (top * (count - before) / count).long()

    def _drawn(self, examples: Sequence[Example], styles: Any, here: Any) -> Tensor:
        """The pictures that were asked for, in these styles."""
        rows, columns = (slice(8 * one.start, 8 * one.stop) for one in here)
        pixels = [
            self._pictures.pixels[example.asked, style][rows, columns]
            for example, style in zip(examples, styles, strict=True)
        ]
        return networks.pictures_to_tensor(np.stack(pixels), self._bench.device)

    def finish(self) -> None:
        self._average.swap()
        folder = self._bench.folder / NAME
        self._painter.save(folder)
        networks.save(self._network, folder / "decoder")
