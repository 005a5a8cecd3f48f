"""Mix: which LoRAs the painter shall have ready, and how much of each is in the picture."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from engine.controls import Value


class LoraFile(NamedTuple):
    """A file on this machine; `base` is what its entry of the catalogue says, "" where none.

    `lost`: so often the painter had it no more, or shall have it no more since another file has
    taken its place, so that it is another value and is read anew.
    """

    path: str
    base: str = ""
    lost: int = 0


@dataclass(frozen=True, slots=True)
class Mix:
    """`files` are all that shall be ready, by id; `weights` what each is played with, by id too.

    A weight counts from when its file is ready. `words_a` and `words_b` (trigger words) are added
    to the prompts of the decks. The mappings are not changed afterwards.
    """

    files: Mapping[str, LoraFile] = field(default_factory=dict)
    weights: Mapping[str, float] = field(default_factory=dict)
    words_a: str = ""
    words_b: str = ""

    def heard(self) -> dict[str, float]:
        """The weights that are neither 0 nor no number."""
        return {id: each for id, each in self.weights.items() if each and math.isfinite(each)}

    def with_words(self, values: Mapping[str, Value], default_prompt: str) -> dict[str, Value]:
        """`values` with the words in their prompts; an empty prompt is the model's default."""
        told = dict(values)
        for name, words in (("prompt/a", self.words_a), ("prompt/b", self.words_b)):
            if words and name in told:
                prompt = str(told[name]) or default_prompt
                told[name] = f"{prompt}, {words}" if prompt else words
        return told
