from __future__ import annotations

from functools import cache
from typing import Any

import pytest
import torch

from engine.painter import prompts
from engine.painter.prompts import PromptBook
from engine.painter.settings import Settings
from tests.painter import tiny
from tests.painter.reference import live


@cache
def pipe(family: tiny.Family) -> Any:
    return tiny.pipeline(family)


@torch.no_grad()
@pytest.mark.parametrize("family", ["sd15", "sd21", "sdxl"])
def test_encodes_as_the_pipeline_does(family: tiny.Family) -> None:
    book = PromptBook(pipe(family))
    both = pipe(family).encode_prompt(
        "neon city",
        device="cpu",
        num_images_per_prompt=1,
        do_classifier_free_guidance=True,
        negative_prompt="blurry",
    )
    prompt, negative = book.prompt("neon city"), book.negative("blurry")
    assert torch.equal(prompt.embeds, both[0])
    assert torch.equal(negative.embeds, both[1])
    if family == "sdxl":
        assert prompt.pooled is not None
        assert negative.pooled is not None
        assert torch.equal(prompt.pooled, both[2])
        assert torch.equal(negative.pooled, both[3])
        assert prompt.embeds.shape[-1] == 2048
    else:
        assert prompt.pooled is None


def test_an_empty_prompt_is_the_models_default_and_an_empty_negative_is_empty() -> None:
    book = PromptBook(pipe("sd15"), "oil painting")
    assert book.prompt("") is book.prompt("oil painting")
    assert not torch.equal(book.negative("").embeds, book.prompt("").embeds)
    assert torch.equal(book.negative("").embeds, PromptBook(pipe("sd15")).prompt("").embeds)


@torch.no_grad()
def test_sdxl_takes_zeros_for_an_empty_negative_as_diffusers_does() -> None:
    _, negative, _, pooled = pipe("sdxl").encode_prompt(
        "neon", device="cpu", do_classifier_free_guidance=True, negative_prompt=None
    )
    book = PromptBook(pipe("sdxl"))
    ours = book.negative("")
    assert ours.pooled is not None
    assert torch.equal(ours.embeds, negative)
    assert torch.equal(ours.pooled, pooled)
    assert not torch.equal(book.prompt("").embeds, negative)


def test_a_text_is_encoded_once() -> None:
    book = PromptBook(pipe("sd15"))
    first = book.prompt("cat")
    assert book.prompt("cat") is first
    assert book.encoded == 1
    book.prompt("dog")
    assert book.encoded == 2
    book.forget()
    assert torch.equal(book.prompt("cat").embeds, first.embeds)
    assert book.encoded == 3


def test_the_least_recently_used_text_is_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prompts, "CACHED_PROMPTS", 2)
    book = PromptBook(pipe("sd15"))
    for text in ("cat", "dog", "cat", "sky", "cat"):
        book.prompt(text)
    assert book.encoded == 3
    book.prompt("dog")
    assert book.encoded == 4


@pytest.mark.parametrize("family", ["sd15", "sdxl"])
def test_decks_blend_and_their_ends_are_exact(family: tiny.Family) -> None:
    book = PromptBook(pipe(family))
    a, b = book.prompt("neon city"), book.prompt("oil painting")
    assert book.decks("neon city", "oil painting", 0.0) is a
    assert book.decks("neon city", "oil painting", 1.0) is b
    half = book.decks("neon city", "oil painting", 0.5)
    assert book.decks("neon city", "oil painting", 0.5) is half
    for ours, x, y in ((half.embeds, a.embeds, b.embeds), (half.pooled, a.pooled, b.pooled)):
        if ours is None or x is None or y is None:
            assert family == "sd15"
            continue
        cosine = torch.nn.functional.cosine_similarity(x, y, dim=-1).unsqueeze(-1)
        expected = (x + y) / (2 * ((1 + cosine) / 2).sqrt())
        torch.testing.assert_close(ours, expected, rtol=1e-3, atol=1e-4)
    assert not torch.equal(half.embeds, a.embeds)


def test_frames_encode_nothing() -> None:
    ours = live(pipe("sd15"))
    settings = Settings(prompt_a="cat", prompt_b="dog", negative="blurry", prompt_mix=0.5)
    ours.apply(settings)
    encoded = ours.prompts.encoded
    assert encoded == 3  # the default prompt once, at the start
    for step in range(10):
        ours.apply(Settings(prompt_a="cat", prompt_b="dog", prompt_mix=step / 10, strength=0.3))
        ours.frame()
    assert ours.prompts.encoded == encoded
    ours.prompts.forget()
    ours.refresh_prompts()
    ours.apply(settings)
    assert ours.prompts.encoded == encoded + 2
