"""Prompts as the model sees them: encoded once, kept, and blended between two decks."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from typing import Any, Final

import torch
from torch import Tensor

from engine.painter.blending import slerp

CACHED_PROMPTS: Final = 64


@dataclass(frozen=True, slots=True, eq=False)
class Conditioning:
    """One encoded prompt: `embeds` (1, tokens, width); `pooled` (1, width) with SDXL, else None."""

    embeds: Tensor
    pooled: Tensor | None = None

    def mixed(self, other: Conditioning, share: float) -> Conditioning:
        """`share` 0..1 of the way to `other`, spherically, token by token; the ends are exact."""
        if share <= 0.0 or other is self:
            return self
        if share >= 1.0:
            return other
        pooled = None
        if self.pooled is not None and other.pooled is not None:
            pooled = slerp(self.pooled, other.pooled, share, (-1,))
        return Conditioning(slerp(self.embeds, other.embeds, share, (-1,)), pooled)


class PromptBook:
    """Encodes with a pipeline's text encoders and keeps the newest `CACHED_PROMPTS` texts.

    `encoded` counts the encoder's runs. `forget()` when the encoders' weights have changed.
    """

    def __init__(self, pipe: Any, default_prompt: str = "") -> None:
        self._pipe = pipe
        self._default = default_prompt
        self._cache: OrderedDict[tuple[str, bool], Conditioning] = OrderedDict()
        self._mixed: tuple[Conditioning, Conditioning, float, Conditioning] | None = None
        self._two_encoders = getattr(pipe, "text_encoder_2", None) is not None
        self.encoded = 0

    def prompt(self, text: str) -> Conditioning:
        """A deck's prompt; an empty one is the model's own default."""
        return self._look_up(text or self._default, False)

    def negative(self, text: str) -> Conditioning:
        """A negative prompt; SDXL models that were trained so take zeros for an empty one."""
        zero = self._two_encoders and not text
        return self._look_up(
            text, zero and bool(self._pipe.config.get("force_zeros_for_empty_prompt", False))
        )

    def decks(self, a: str, b: str, mix: float) -> Conditioning:
        """Both decks blended (mix 0..1); the same object again while nothing has changed.

        Both are encoded as soon as they are known, so that a crossfade begins without a hitch.
        """
        first, second = self.prompt(a), self.prompt(b)
        if self._mixed is not None:
            old_first, old_second, old_mix, mixed = self._mixed
            if first is old_first and second is old_second and mix == old_mix:
                return mixed
        mixed = first.mixed(second, mix)
        self._mixed = (first, second, mix, mixed)
        return mixed

    def forget(self) -> None:
        """Encode everything anew when it is next asked for."""
        self._cache.clear()
        self._mixed = None

    def _look_up(self, text: str, zeros: bool) -> Conditioning:
        key = (text, zeros)
        if key in self._cache:
            self._cache.move_to_end(key)
            return self._cache[key]
        found = self._encode(text)
        if zeros:
            assert found.pooled is not None
            found = Conditioning(torch.zeros_like(found.embeds), torch.zeros_like(found.pooled))
        self._cache[key] = found
        if len(self._cache) > CACHED_PROMPTS:
            self._cache.popitem(last=False)
        return found

    @torch.no_grad()
    def _encode(self, text: str) -> Conditioning:
        self.encoded += 1
        # SD answers (prompt, negative); SDXL (prompt, negative, pooled, negative pooled).
        answer = self._pipe.encode_prompt(
            prompt=text,
            device=self._pipe.device,
            num_images_per_prompt=1,
            do_classifier_free_guidance=False,
        )
        return Conditioning(answer[0], answer[2] if self._two_encoders else None)
