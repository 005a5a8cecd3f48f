from __future__ import annotations

import math

import pytest

from engine.controls import Value
from engine.mixing import Mix


@pytest.mark.parametrize(
    ("prompt", "default", "words", "told"),
    [
        ("a cat", "oil", "neonpunk", "a cat, neonpunk"),
        ("a cat", "oil", "", "a cat"),
        ("", "oil", "neonpunk", "oil, neonpunk"),
        ("", "oil", "", ""),
        ("", "", "neonpunk", "neonpunk"),
    ],
)
def test_words_join_the_prompts(prompt: str, default: str, words: str, told: str) -> None:
    values: dict[str, Value] = {"prompt/a": prompt, "prompt/b": prompt, "paint/seed": 1}
    assert Mix(words_a=words).with_words(values, default) == {**values, "prompt/a": told}
    assert Mix(words_b=words).with_words(values, default) == {**values, "prompt/b": told}


def test_only_what_is_heard_counts() -> None:
    weights = {"a": 1.0, "b": 0.0, "c": -0.5, "d": math.nan, "e": math.inf}
    assert Mix(weights=weights).heard() == {"a": 1.0, "c": -0.5}
