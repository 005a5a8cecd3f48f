"""One product instead of three: the same numbers, and a mix of LoRAs still reaches each part."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from engine.mixing import LoraFile
from engine.painter.attention import OneProduct, as_loaded, fuse
from engine.painter.diffusion import DiffusionPainter
from engine.painter.models import Model
from engine.painter.settings import Settings
from tests.painter import lora_files, tiny

LOOK = Settings(prompt_a="neon city", strength=0.4)


def fused(unet: Any) -> list[Any]:
    return [
        each for each in unet.modules() if isinstance(getattr(each, "processor", 0), OneProduct)
    ]


@pytest.mark.parametrize("family", ["sd15", "sd21", "sdxl"])
def test_every_self_attention_is_one_product_over_the_very_weights(family: tiny.Family) -> None:
    unet = tiny.pipeline(family).unet
    before = {name: each.clone() for name, each in unet.state_dict().items()}
    fuse(unet)
    blocks = [name for name, _ in unet.named_modules() if name.endswith(".attn1")]
    assert len(fused(unet)) == len(blocks) > 0
    for attn in fused(unet):
        whole = attn.processor.weight.untyped_storage().data_ptr()
        parts = (attn.to_q, attn.to_k, attn.to_v)
        assert {each.weight.untyped_storage().data_ptr() for each in parts} == {whole}
    after = unet.state_dict()
    assert before.keys() == after.keys()
    assert all(torch.equal(before[name], after[name]) for name in before)


@torch.no_grad()
@pytest.mark.parametrize("family", ["sd15", "sd21", "sdxl"])
def test_the_numbers_are_diffusers_own(family: tiny.Family) -> None:
    unet = tiny.pipeline(family).unet
    fuse(unet)
    for attn in fused(unet):
        x = torch.randn(2, 16, attn.to_q.in_features)
        other = torch.randn(2, 16, attn.to_q.in_features)
        mask = torch.zeros(2, 1, 16)
        ours = [attn(x), attn(x, encoder_hidden_states=other), attn(x, attention_mask=mask)]
        with as_loaded(unet):
            assert not fused(unet)
            theirs = [attn(x), attn(x, encoder_hidden_states=other), attn(x, attention_mask=mask)]
        for one, three in zip(ours, theirs, strict=True):
            torch.testing.assert_close(one, three)
    assert fused(unet), "and back"


def test_what_is_fused_stays_where_it_is_and_what_was_moved_is_fused_again() -> None:
    unet = tiny.pipeline("sd15").unet
    fuse(unet)
    (first, *_) = fused(unet)
    address = first.to_q.weight.data_ptr()
    fuse(unet)
    assert first.to_q.weight.data_ptr() == address
    unet.to(torch.bfloat16)
    fuse(unet)
    assert first.processor.weight.dtype is torch.bfloat16
    assert first.to_q.weight.data_ptr() == first.processor.weight.data_ptr()
    assert not isinstance(first.processor.plain, OneProduct)


def painter(*, fuses: bool) -> DiffusionPainter:
    shape = (tiny.SIZE, tiny.SIZE)
    model = Model(tiny.pipeline("sd15"), "sd15", torch.device("cpu"), torch.float32, shape, "oil")
    made = DiffusionPainter(model, *shape)
    assert fused(model.pipe.unet)
    if not fuses:
        for attn in fused(model.pipe.unet):
            attn.set_processor(attn.processor.plain)
    return made


def test_a_mix_is_heard_in_queries_keys_and_values(tmp_path: Path) -> None:
    ours, plain = painter(fuses=True), painter(fuses=False)
    file = lora_files.saved(
        lora_files.lora(ours._model.pipe, "kohya"), tmp_path / "neon.safetensors"
    )
    pictures = []
    for each in (ours, plain):
        each.add("neon", each.stage(LoraFile(str(file), "sd15")))
    for weight in (0.0, 0.7, -0.3, 0.0):
        for each in (ours, plain):
            assert each.mix({"neon": weight}, None)
        for steps in (1, 3):
            look = replace(LOOK, steps=steps)
            painted = [each.paint(tiny.picture(1), look).astype(int) for each in (ours, plain)]
            assert np.abs(painted[0] - painted[1]).max() <= 1, (weight, steps)
            pictures.append(painted[0])
    assert not np.array_equal(pictures[2], pictures[0])
