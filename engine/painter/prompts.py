"""Prompts as the model sees them: encoded once, kept, and blended between two decks."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, Final

import torch
from torch import Tensor

from engine.painter.blending import slerp

CACHED_PROMPTS: Final = 64

Key = tuple[str, bool]
"""A text as the model reads it, and whether zeros stand for it."""


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

    `encoded` counts the encoder's runs. `forget()` when the encoders' weights have changed. What
    is asked for and not known is encoded on the spot; `PromptsAhead` sees that nothing has to be.
    """

    def __init__(self, pipe: Any, default_prompt: str = "") -> None:
        self._pipe = pipe
        self._default = default_prompt
        self._cache: OrderedDict[Key, Conditioning] = OrderedDict()
        self._mixed: tuple[Conditioning, Conditioning, float, Conditioning] | None = None
        self._two_encoders = getattr(pipe, "text_encoder_2", None) is not None
        self.encoded = 0

    @property
    def encoders(self) -> list[Any]:
        """The text encoders, in the order they are run in."""
        second = [self._pipe.text_encoder_2] if self._two_encoders else []
        return [self._pipe.text_encoder, *second]

    def prompt_key(self, text: str) -> Key:
        """Of a deck's prompt; an empty one is the model's own default."""
        return text or self._default, False

    def negative_key(self, text: str) -> Key:
        """Of a negative prompt; SDXL models that were trained so take zeros for an empty one."""
        zero = self._two_encoders and not text
        return text, zero and bool(self._pipe.config.get("force_zeros_for_empty_prompt", False))

    def prompt(self, text: str) -> Conditioning:
        return self._look_up(self.prompt_key(text))

    def negative(self, text: str) -> Conditioning:
        return self._look_up(self.negative_key(text))

    def decks(self, a: str, b: str, mix: float) -> Conditioning:
        """Both decks blended (mix 0..1); the same object again while nothing has changed.

        At an end of the mix only what sounds is asked for.
        """
        if mix <= 0.0 or mix >= 1.0:
            return self.prompt(b if mix > 0.0 else a)
        first, second = self.prompt(a), self.prompt(b)
        if self._mixed is not None:
            old_first, old_second, old_mix, mixed = self._mixed
            if first is old_first and second is old_second and mix == old_mix:
                return mixed
        mixed = first.mixed(second, mix)
        self._mixed = (first, second, mix, mixed)
        return mixed

    def forget(self, but: Collection[Key] = ()) -> None:
        """Encode everything `but` these anew when it is next asked for."""
        self._cache = OrderedDict((key, self._cache[key]) for key in self._cache if key in but)
        self._mixed = None

    def knows(self, key: Key) -> bool:
        return key in self._cache

    def keep(self, key: Key, conditioning: Conditioning, in_use: Collection[Key] = ()) -> None:
        """Put down what this key is encoded to; where room is needed, `in_use` goes last."""
        self._cache[key] = conditioning
        for each in (key, *in_use):
            if each in self._cache:
                self._cache.move_to_end(each)
        while len(self._cache) > CACHED_PROMPTS:
            self._cache.popitem(last=False)

    def _look_up(self, key: Key) -> Conditioning:
        if key not in self._cache:
            self.keep(key, self.encode(key))
        self._cache.move_to_end(key)
        return self._cache[key]

    @torch.no_grad()
    def encode(self, key: Key) -> Conditioning:
        """What the text encoders make of it now; keeps nothing."""
        text, zeros = key
        self.encoded += 1
        # SD answers (prompt, negative); SDXL (prompt, negative, pooled, negative pooled).
        answer = self._pipe.encode_prompt(
            prompt=text,
            device=self._pipe.device,
            num_images_per_prompt=1,
            do_classifier_free_guidance=False,
        )
        found = Conditioning(answer[0], answer[2] if self._two_encoders else None)
        if not zeros:
            return found
        assert found.pooled is not None
        return Conditioning(torch.zeros_like(found.embeds), torch.zeros_like(found.pooled))
