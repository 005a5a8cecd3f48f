"""The fixed storage of one stream batch: all that a frame of n steps reads and keeps."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from engine.painter.blending import slerp
from engine.painter.buffers import write
from engine.painter.prompts import Conditioning
from engine.painter.schedule import Schedule


@dataclass(frozen=True, slots=True)
class NoiseDecks:
    """Which noise: two seeds and the spherical share of the second (0..1)."""

    seed: int
    seed_b: int = 0
    mix: float = 0.0


def draw_noise(seed: int, shape: tuple[int, ...]) -> Tensor:
    """Standard normal noise, float32 on the CPU.

    Drawn as upstream draws it: by the CPU's generator whatever the device, so that a seed gives
    the same picture everywhere.
    """
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


class StreamBatch:
    """Static buffers of a batch of `steps` frames in flight, each one step further than the next.

    Every tensor is made once and rewritten in place: its storage never moves, so a captured CUDA
    graph that reads it stays valid. Shapes, with n = steps and (h, w) of the latents:

    - `timesteps` (n,) int64; `alpha`, `beta`, `c_skip`, `c_out`, `alpha_next`, `beta_next`
      (n, 1, 1, 1): the schedule's constants of each row, and of the row it moves on to.
    - `noise` (n, 4, h, w): the fixed noise; `stock_noise`, likewise: what residual guidance
      (cfg types self and initialize) takes for the unconditional prediction.
    - `waiting` (n-1, 4, h, w): earlier frames, re-noised for their next step; None for one step.
    - `embeds` (2n, tokens, width) and, for SDXL, `pooled` (2n, width): first n rows negative, then
      n rows of the prompt, so that what a cfg type wants is a slice: the last n, n+1 or 2n rows.
    """

    def __init__(
        self,
        steps: int,
        latent: tuple[int, int],
        schedule: Schedule,
        prompt: Conditioning,
    ) -> None:
        device, dtype = schedule.alpha.device, schedule.alpha.dtype

        def zeros(*shape: int) -> Tensor:
            return torch.zeros(shape, device=device, dtype=dtype)

        def column() -> Tensor:
            return torch.ones((steps, 1, 1, 1), device=device, dtype=dtype)

        self.steps = steps
        self._schedule = schedule
        self.timesteps = torch.zeros(steps, device=device, dtype=torch.int64)
        self.alpha, self.beta, self.c_skip, self.c_out = column(), column(), column(), column()
        self.alpha_next, self.beta_next = column(), column()
        self.noise = zeros(steps, 4, *latent)
        self.stock_noise = torch.zeros_like(self.noise)
        self.waiting = zeros(steps - 1, 4, *latent) if steps > 1 else None
        self.embeds = zeros(2 * steps, *prompt.embeds.shape[1:])
        self.pooled = None if prompt.pooled is None else zeros(2 * steps, *prompt.pooled.shape[1:])
        # What the buffers hold now: a swap of batches writes only what has changed meanwhile.
        self._held_timesteps: tuple[int, ...] | None = None
        self._held_noise: NoiseDecks | None = None
        self._held_prompt: Conditioning | None = None
        self._held_negative: Conditioning | None = None
        self._decks: dict[int, Tensor] = {}

    def hold_timesteps(self, timesteps: tuple[int, ...]) -> None:
        """Noise levels of the rows, noisiest first; `timesteps` has one number per step."""
        if timesteps == self._held_timesteps:
            return
        self._held_timesteps = timesteps
        write(self.timesteps, timesteps)
        for buffer, table in (
            (self.alpha, self._schedule.alpha),
            (self.beta, self._schedule.beta),
            (self.c_skip, self._schedule.c_skip),
            (self.c_out, self._schedule.c_out),
        ):
            buffer.copy_(table[self.timesteps].view(-1, 1, 1, 1))
        # After the last step comes a finished picture: no noise to match, hence 1 stays there.
        self.alpha_next[:-1].copy_(self.alpha[1:])
        self.beta_next[:-1].copy_(self.beta[1:])

    def hold_noise(self, decks: NoiseDecks) -> None:
        """The fixed noise; frames in flight keep going."""
        if decks == self._held_noise:
            return
        self._held_noise = decks
        seeds = {decks.seed, decks.seed_b} if decks.mix > 0.0 else {decks.seed}
        self._decks = {
            seed: self._decks[seed]
            if seed in self._decks
            else draw_noise(seed, tuple(self.noise.shape)).to(self.noise)
            for seed in seeds
        }
        mixed = slerp(
            self._decks[decks.seed],
            self._decks.get(decks.seed_b, self._decks[decks.seed]),
            decks.mix,
            (1, 2, 3),
        )
        self.noise.copy_(mixed)

    def hold_prompt(self, prompt: Conditioning, negative: Conditioning | None) -> None:
        """Prompt and, where the cfg type asks the model about it, the negative prompt."""
        if prompt is not self._held_prompt:
            self._held_prompt = prompt
            self._write_prompt(slice(self.steps, None), prompt)
        if negative is not None and negative is not self._held_negative:
            self._held_negative = negative
            self._write_prompt(slice(None, self.steps), negative)

    def _write_prompt(self, rows: slice, prompt: Conditioning) -> None:
        self.embeds[rows].copy_(prompt.embeds)
        if self.pooled is not None and prompt.pooled is not None:
            self.pooled[rows].copy_(prompt.pooled)

    def empty(self) -> None:
        """Forget the frames in flight."""
        self.stock_noise.zero_()
        if self.waiting is not None:
            self.waiting.zero_()
