"""A new prompt is encoded between frames, a little at a time, to the very same numbers."""

from __future__ import annotations

import threading
from dataclasses import replace
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pytest
import torch

from engine.latest import Picture
from engine.mixing import LoraFile
from engine.painter import prompts
from engine.painter.diffusion import DiffusionPainter
from engine.painter.models import Model
from engine.painter.prompts import Key, PromptBook
from engine.painter.prompts_ahead import PromptsAhead
from engine.painter.settings import Settings
from tests.painter import lora_files, tiny
from tests.painter.reference import live

NEON = Settings(prompt_a="neon city", strength=0.4)
CAT = replace(NEON, prompt_a="red cat")
DOG = replace(NEON, prompt_a="blue dog")
SKY = replace(NEON, prompt_a="night sky")
MANY = 10_000


@cache
def pipe(family: tiny.Family) -> Any:
    return tiny.pipeline(family)


COMING = replace(NEON, coming="red cat\nblue dog")


class Desk:
    """Prompts ahead over a tiny stream; `encoded` are the texts that were begun, in order."""

    def __init__(self, family: tiny.Family = "sd15") -> None:
        self.stream = live(pipe(family))
        self.book = self.stream.prompts
        self.ahead = PromptsAhead(self.stream)
        self.encoded: list[str] = []
        self.threads: set[int] = set()
        encode = self.book.encode

        def noting(key: Key) -> Any:
            self.encoded.append(key[0])
            self.threads.add(threading.get_ident())
            return encode(key)

        self.book.encode = noting  # type: ignore[method-assign]

    def step(self, settings: Settings, times: int = 1) -> bool:
        """A frame and the smallest slice, so often; whether anything is left."""
        left = False
        for _ in range(times):
            self.stream.apply(self.ahead.heard(settings))
            left = self.ahead.work(settings, 0.0)
        return left

    def until_done(self, settings: Settings) -> int:
        """Frames until nothing is left to encode."""
        for frames in range(MANY):
            if not self.step(settings):
                return frames
        raise AssertionError("it does not end")

    @property
    def holds(self) -> torch.Tensor:
        """The prompt that the next frame is painted with."""
        return self.stream.batch.embeds[-1:]


@pytest.mark.parametrize("family", ["sd15", "sd21", "sdxl"])
def test_slices_give_the_pipelines_numbers(family: tiny.Family) -> None:
    desk = Desk(family)
    desk.step(NEON)
    assert desk.until_done(CAT) > 10, "in many slices"
    desk.step(CAT)
    with torch.no_grad():
        expected = pipe(family).encode_prompt(
            "red cat", device="cpu", num_images_per_prompt=1, do_classifier_free_guidance=False
        )
    assert torch.equal(desk.holds, expected[0])
    if family == "sdxl":
        assert desk.stream.batch.pooled is not None
        assert torch.equal(desk.stream.batch.pooled[-1:], expected[2])
    assert threading.get_ident() not in desk.threads


def test_frames_keep_their_prompt_until_the_next_is_whole() -> None:
    desk = Desk()
    desk.step(NEON)
    neon = desk.holds.clone()
    frames = 0
    while not desk.book.knows(("red cat", False)):
        desk.step(replace(CAT, strength=0.1 + 0.8 * (frames % 2)))
        assert torch.equal(desk.holds, neon)
        assert desk.stream._settings.strength == 0.1 + 0.8 * (frames % 2), "other knobs are heard"
        frames += 1
    assert frames > 10
    desk.step(CAT)
    assert torch.equal(desk.holds, desk.book.prompt("red cat").embeds)
    assert desk.encoded.count("red cat") == 1


def test_of_prompts_that_come_too_fast_the_newest_is_next() -> None:
    desk = Desk()
    desk.until_done(NEON)
    desk.encoded.clear()
    desk.step(CAT, 3)
    desk.step(DOG, 3)
    desk.until_done(SKY)
    assert desk.encoded == ["red cat", "night sky"]
    desk.step(SKY)
    assert torch.equal(desk.holds, desk.book.prompt("night sky").embeds)


def test_a_flood_of_prompts_is_followed() -> None:
    """Each is another, none stays long enough to be encoded: the picture changes still."""
    desk = Desk()
    desk.until_done(NEON)
    heard = set()
    random = Random(1)
    for _ in range(400):
        settings = replace(NEON, prompt_a=" ".join(random.choices(tiny.WORDS, k=4)))
        desk.step(settings)
        heard.add(desk.ahead.heard(settings).prompt_a)
    assert 2 < len(heard) < 40


def test_a_known_prompt_is_heard_at_once_whatever_is_under_way() -> None:
    desk = Desk()
    for known in (CAT, NEON):
        desk.until_done(known)
    desk.step(DOG, 3)
    desk.step(CAT)
    assert torch.equal(desk.holds, desk.book.prompt("red cat").embeds)
    desk.until_done(CAT)
    assert torch.equal(desk.holds, desk.book.prompt("red cat").embeds), "the dog comes too late"


def test_the_deck_that_does_not_sound_is_ready_before_it_does() -> None:
    desk = Desk()
    desk.step(NEON)
    both = replace(NEON, prompt_b="red cat")
    desk.step(both)
    assert desk.ahead.heard(both) is both, "nothing waits for it"
    desk.until_done(both)
    desk.encoded.clear()
    half = replace(both, prompt_mix=0.5)
    desk.step(half)
    assert not desk.encoded
    expected = desk.book.prompt("neon city").mixed(desk.book.prompt("red cat"), 0.5)
    assert torch.equal(desk.holds, expected.embeds)


def test_words_and_mix_change_together() -> None:
    desk = Desk()
    desk.until_done(NEON)
    other = replace(NEON, prompt_a="neon city", prompt_b="red cat", prompt_mix=1.0, seed=9)
    desk.step(other)
    assert desk.ahead.heard(other) == replace(NEON, seed=9)
    desk.until_done(other)
    assert desk.ahead.heard(other) is other


def test_guidance_waits_for_its_negative_prompt() -> None:
    desk = Desk()
    desk.step(replace(NEON, negative="dog"))
    full = replace(NEON, negative="blurry", guidance=2.0, guidance_mode="full")
    desk.step(full)
    heard = desk.ahead.heard(full)
    assert (heard.guidance_mode, heard.negative) == ("none", "dog")
    desk.until_done(full)
    assert desk.ahead.heard(full) is full
    desk.step(full)
    assert torch.equal(desk.stream.batch.embeds[:1], desk.book.negative("blurry").embeds)


def test_a_negative_prompt_is_encoded_before_it_is_asked_for() -> None:
    desk = Desk()
    unasked = replace(NEON, negative="blurry")
    desk.until_done(unasked)
    full = replace(unasked, guidance=2.0, guidance_mode="full")
    assert desk.ahead.heard(full) is full


def test_what_sounds_is_never_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prompts, "CACHED_PROMPTS", 4)
    desk = Desk()
    desk.until_done(NEON)
    for number, word in enumerate(tiny.WORDS[:8]):
        desk.until_done(replace(NEON, prompt_b=word, strength=number / 10))
    assert desk.encoded.count("neon city") == 1


def test_the_first_frame_has_its_prompt() -> None:
    desk = Desk()
    desk.ahead.work(DOG, 0.0)  # before any frame
    desk.stream.apply(desk.ahead.heard(CAT))
    assert torch.equal(desk.holds, desk.book.prompt("red cat").embeds)


def test_an_encoder_that_fails_is_told_and_tried_again() -> None:
    desk = Desk()
    desk.until_done(NEON)
    encode = desk.book.encode

    def fail(_key: Key) -> Any:
        raise torch.OutOfMemoryError("no room")

    desk.book.encode = fail  # type: ignore[assignment, method-assign]
    with pytest.raises(torch.OutOfMemoryError):
        desk.until_done(CAT)
    desk.book.encode = encode  # type: ignore[method-assign]
    desk.until_done(CAT)
    assert desk.ahead.heard(CAT) is CAT


def test_changed_encoders_are_heard_when_they_are_through() -> None:
    """Also where the weights change in the middle of an encoding."""
    family: tiny.Family = "sd15"
    own = tiny.pipeline(family)
    stream = live(own)
    ahead = PromptsAhead(stream)
    stream.apply(ahead.heard(NEON))
    before = stream.batch.embeds[-1:].clone()
    ahead.outdate()
    weights = [each for each in own.text_encoder.parameters() if each.dim() == 2]
    for _ in range(5):
        ahead.work(NEON, 0.0)
    with torch.no_grad():
        for weight in weights:
            weight.mul_(1.1)
    ahead.outdate()
    frames = 0
    while ahead.work(NEON, 0.0):
        stream.apply(ahead.heard(NEON))
        frames += 1
    assert frames > 10
    stream.apply(ahead.heard(NEON))
    after = stream.batch.embeds[-1:]
    assert not torch.equal(after, before)
    assert torch.equal(after, PromptBook(own).prompt("neon city").embeds)


def test_encoders_that_change_before_the_first_frame_are_heard_in_it() -> None:
    own = tiny.pipeline("sd15")
    stream = live(own)
    ahead = PromptsAhead(stream)
    stream.apply(NEON)  # as warming up may do
    with torch.no_grad():
        for weight in own.text_encoder.parameters():
            weight.mul_(1.1)
    ahead.outdate()
    stream.apply(ahead.heard(NEON))
    assert torch.equal(stream.batch.embeds[-1:], PromptBook(own).prompt("neon city").embeds)


# The painter.


def painter() -> DiffusionPainter:
    shape = (tiny.SIZE, tiny.SIZE)
    model = Model(tiny.pipeline("sd15"), "sd15", torch.device("cpu"), torch.float32, shape, "oil")
    made = DiffusionPainter(model, *shape)
    made.warm_up(lambda *_: None)
    return made


def test_pictures_change_between_frames_and_none_waits() -> None:
    ours, old, new = painter(), painter(), painter()
    pictures: list[Picture] = []
    ours.begin(tiny.picture(0), NEON)()
    while ours.look_ahead(NEON, 0.0):
        pass
    for number in range(MANY):
        given = tiny.picture(number % 5)
        pictures.append(ours.begin(given, CAT)())
        if np.array_equal(pictures[-1], new.paint(given, CAT)):
            break
        assert np.array_equal(pictures[-1], old.paint(given, NEON)), "it is one or the other"
        ours.look_ahead(CAT, 0.0)
    assert len(pictures) > 10


def test_a_still_input_rests_while_a_prompt_is_encoded_and_is_painted_with_it() -> None:
    ours = painter()
    still, cat = (replace(each, skip_similar=0.99) for each in (NEON, CAT))
    first = ours.begin(tiny.picture(1), still)()
    left = True
    while left:
        ours.begin(tiny.picture(1), cat)()
        left = ours.look_ahead(cat, 0.0)
    assert ours.skipped > 10
    ours.begin(tiny.picture(1), cat)()
    assert not np.array_equal(ours.begin(tiny.picture(1), cat)(), first)


def test_a_mix_with_a_part_for_the_text_encoder_is_heard_while_it_plays(tmp_path: Path) -> None:
    ours, plain = painter(), painter()
    for each in (ours, plain):
        tensors = lora_files.lora(each._model.pipe, "kohya", text=lora_files.TEXT)
        path = lora_files.saved(tensors, tmp_path / "neon.safetensors")
        each.begin(tiny.picture(1), NEON)()
        each.add("neon", each.stage(LoraFile(str(path), "sd15")))
        assert each.mix({"neon": 1.0}, None)
    expected = plain.paint(tiny.picture(1), NEON)
    first = ours.begin(tiny.picture(1), NEON)()
    assert not np.array_equal(first, expected), "the words are those of before yet"
    while ours.look_ahead(NEON, 0.0):
        ours.begin(tiny.picture(1), NEON)()
    assert np.array_equal(ours.begin(tiny.picture(1), NEON)(), expected)


def test_what_scenes_will_bring_is_encoded_last_and_sounds_at_once_when_it_comes() -> None:
    desk = Desk()
    desk.until_done(NEON)
    desk.encoded.clear()
    desk.until_done(replace(COMING, prompt_b="night sky"))
    assert desk.encoded == ["night sky", "red cat", "blue dog"]
    assert desk.ahead.heard(CAT) is CAT  # nothing holds it back
    assert desk.ahead.heard(DOG) is DOG
