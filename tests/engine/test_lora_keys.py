"""Names of layers, against diffusers' own converters of models and of LoRAs."""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from engine.lora_keys import from_original, understand

STAGES = {
    # transformer blocks of each stage's attention (0: it has none), and of the middle's
    "sd": ((1, 1, 1, 0), 1),
    "sdxl": ((0, 2, 10), 10),
}
ATTENTION = ("to_q", "to_k", "to_v", "to_out.0")


def resnet(place: str, *, shortcut: bool) -> Iterator[str]:
    yield from (f"{place}.{name}" for name in ("in_layers.2", "emb_layers.1", "out_layers.3"))
    if shortcut:
        yield f"{place}.skip_connection"


def attention(place: str, depth: int) -> Iterator[str]:
    yield f"{place}.proj_in"
    yield f"{place}.proj_out"
    for block in range(depth):
        inner = f"{place}.transformer_blocks.{block}"
        yield from (f"{inner}.{attn}.{name}" for attn in ("attn1", "attn2") for name in ATTENTION)
        yield from (f"{inner}.ff.net.0.proj", f"{inner}.ff.net.2")


def original_layers(family: str) -> list[str]:
    """Every linear layer and convolution of a UNet, as the original code names it."""
    stages, middle = STAGES[family]
    names = ["time_embed.0", "time_embed.2", "input_blocks.0.0", "out.2"]
    names += ["label_emb.0.0", "label_emb.0.2"] if family == "sdxl" else []
    number = 1
    for stage, depth in enumerate(stages):
        for layer in range(2):
            names += resnet(f"input_blocks.{number}.0", shortcut=layer == 0 and stage > 0)
            names += attention(f"input_blocks.{number}.1", depth) if depth else []
            number += 1
        if stage < len(stages) - 1:
            names.append(f"input_blocks.{number}.0.op")
            number += 1
    names += [*resnet("middle_block.0", shortcut=False), *attention("middle_block.1", middle)]
    names += resnet("middle_block.2", shortcut=False)
    number = 0
    for stage, depth in enumerate(reversed(stages)):
        for layer in range(3):
            names += resnet(f"output_blocks.{number}.0", shortcut=True)
            names += attention(f"output_blocks.{number}.1", depth) if depth else []
            if layer == 2 and stage < len(stages) - 1:
                names.append(f"output_blocks.{number}.{2 if depth else 1}.conv")
            number += 1
    return names


def flat(name: str) -> str:
    return name.replace(".", "_")


@pytest.fixture(scope="module")
def lora_converters() -> Any:
    return importlib.import_module("diffusers.loaders.lora_conversion_utils")


@pytest.mark.parametrize("family", STAGES)
def test_original_names_as_diffusers_converts_whole_models(family: str) -> None:
    name_of_converter = "diffusers.loaders.single_file_utils"
    if importlib.util.find_spec(name_of_converter) is None:  # before diffusers 0.26
        name_of_converter = "diffusers.pipelines.stable_diffusion.convert_from_ckpt"
    names = original_layers(family)
    weights = {
        f"model.diffusion_model.{name}.{part}": torch.tensor([float(place)])
        for place, name in enumerate([*names, "out.0"])
        for part in ("weight", "bias")
    }
    config = {
        "layers_per_block": 2,
        "class_embed_type": None,
        "addition_embed_type": "text_time" if family == "sdxl" else None,
    }
    converter: Any = importlib.import_module(name_of_converter)
    theirs = converter.convert_ldm_unet_checkpoint(weights, config)
    expected = {
        names[int(value)]: flat(key.removesuffix(".weight"))
        for key, value in theirs.items()
        if key.endswith(".weight") and key != "conv_norm_out.weight"
    }
    assert {name: from_original(flat(name)) for name in names} == expected


def test_every_layer_of_sdxl_has_an_original_name() -> None:
    diffusers: Any = importlib.import_module("diffusers")
    with torch.device("meta"):
        unet = diffusers.UNet2DConditionModel(
            block_out_channels=(4, 8, 16),
            norm_num_groups=2,
            attention_head_dim=2,
            cross_attention_dim=2048,
            down_block_types=("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
            up_block_types=("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"),
            transformer_layers_per_block=[1, 2, 10],
            use_linear_projection=True,
            addition_embed_type="text_time",
            addition_time_embed_dim=8,
            projection_class_embeddings_input_dim=64,
        )
    layers = {
        flat(name)
        for name, layer in unet.named_modules()
        if isinstance(layer, torch.nn.Linear | torch.nn.Conv2d)
    }
    assert {from_original(flat(name)) for name in original_layers("sdxl")} == layers


def test_original_names_as_diffusers_converts_loras(lora_converters: Any) -> None:
    names = {flat(name) for name in original_layers("sdxl") if "blocks" in name or "mid" in name}
    names.remove("input_blocks_0_0")  # diffusers 0.24 does not know it, nor those outside blocks
    ours = {}
    theirs = {}
    config = SimpleNamespace(layers_per_block=2)
    for name in names:
        weights: dict[str, torch.Tensor] = {
            f"lora_unet_{name}.lora_{part}.weight": torch.zeros(1) for part in ("down", "up")
        }
        ours[name] = [understand(key) for key in weights]
        mapped = lora_converters._maybe_map_sgm_blocks_to_diffusers(weights, config)
        convert = (
            getattr(lora_converters, "_convert_kohya_lora_to_diffusers", None)
            or lora_converters._convert_non_diffusers_lora_to_diffusers
        )
        converted, _ = convert(mapped)
        theirs[name] = [understand(key) for key in converted]
    for name in names:
        assert [(key.component, key.path, key.role) for key in ours[name] if key] == [
            (key.component, key.path, key.role) for key in theirs[name] if key
        ], name
        assert len(ours[name]) == 2
        assert None not in ours[name] + theirs[name]


@pytest.mark.parametrize(
    "path",
    [
        "input_blocks_0_1_proj_in",
        "input_blocks_3_0_in_layers_2",  # the change of size has no layers
        "input_blocks_1_0_op",
        "input_blocks_1_2_op",
        "input_blocks_1_0_proj_in",
        "input_blocks_1_1_in_layers_2",
        "input_blocks_1_0_in_layers_0",  # a norm
        "middle_block_0_proj_in",
        "middle_block_1_in_layers_2",
        "output_blocks_1_1_conv",
        "output_blocks_2_0_conv",
        "output_blocks_2_3_conv",
        "output_blocks_2_2_proj_in",
        "input_blocks_999_0_in_layers_2",
        "input_blocks_1_0",
        "out_0",
        "down_blocks_0_resnets_0_conv1",
        "",
    ],
)
def test_no_such_original_layer(path: str) -> None:
    assert from_original(path) is None


ATTN = "down_blocks.1.attentions.0.transformer_blocks.0.attn2"
FLAT_ATTN = flat(ATTN)
TEXT = "text_model.encoder.layers.3.self_attn"
FLAT_TEXT = flat(TEXT)


@pytest.mark.parametrize(
    ("key", "form", "component", "path", "algorithm", "role"),
    [
        row.split()
        for row in f"""
        lora_unet_{FLAT_ATTN}_to_k.lora_down.weight    kohya unet {FLAT_ATTN}_to_k lora down
        lora_unet_{FLAT_ATTN}_to_out_0.lora_up.weight  kohya unet {FLAT_ATTN}_to_out_0 lora up
        lora_unet_{FLAT_ATTN}_to_k.alpha               kohya unet {FLAT_ATTN}_to_k None alpha
        lora_unet_conv_in.lora_mid.weight         kohya unet conv_in lora mid
        lora_unet_conv_in.hada_w1_a                    kohya unet conv_in loha w1_a
        lora_unet_conv_in.hada_t2                      kohya unet conv_in loha t2
        lora_unet_conv_in.lokr_w1                      kohya unet conv_in lokr w1
        lora_unet_conv_in.lokr_w2_b                    kohya unet conv_in lokr w2_b
        lora_unet_out_2.alpha                          kohya unet conv_out None alpha
        lora_te_{FLAT_TEXT}_q_proj.lora_down.weight    kohya text {FLAT_TEXT}_q_proj lora down
        lora_te1_{FLAT_TEXT}_q_proj.lora_down.weight   kohya text {FLAT_TEXT}_q_proj lora down
        lora_te2_{FLAT_TEXT}_q_proj.lora_down.weight   kohya text2 {FLAT_TEXT}_q_proj lora down
        lora_te2_text_projection.lora_down.weight      kohya text2 text_projection lora down
        unet.{ATTN}.to_k.lora_A.weight                 peft unet {FLAT_ATTN}_to_k lora down
        unet.{ATTN}.to_out.0.lora_B.weight             peft unet {FLAT_ATTN}_to_out_0 lora up
        {ATTN}.to_k.lora_B.default.weight              peft unet {FLAT_ATTN}_to_k lora up
        base_model.model.{ATTN}.to_k.lora_A.weight     peft unet {FLAT_ATTN}_to_k lora down
        base_model.model.unet.{ATTN}.to_k.lora_A.weight peft unet {FLAT_ATTN}_to_k lora down
        unet.base_model.model.{ATTN}.to_k.lora_A.weight peft unet {FLAT_ATTN}_to_k lora down
        base_model.model.{TEXT}.q_proj.lora_A.weight   peft text {FLAT_TEXT}_q_proj lora down
        text_encoder.{TEXT}.q_proj.lora_A.weight       peft text {FLAT_TEXT}_q_proj lora down
        text_encoder_2.{TEXT}.q_proj.lora_B.weight     peft text2 {FLAT_TEXT}_q_proj lora up
        text_encoder.{TEXT[11:]}.q_proj.lora_A.weight  peft text {FLAT_TEXT}_q_proj lora down
        unet.{ATTN}.to_k.lora.down.weight              diffusers unet {FLAT_ATTN}_to_k lora down
        unet.{ATTN}.processor.to_q_lora.down.weight    diffusers unet {FLAT_ATTN}_to_q lora down
        {ATTN}.processor.to_out_lora.up.weight         diffusers unet {FLAT_ATTN}_to_out_0 lora up
        text_encoder.{TEXT}.to_q_lora.down.weight      diffusers text {FLAT_TEXT}_q_proj lora down
        text_encoder.{TEXT}.to_out_lora.up.weight      diffusers text {FLAT_TEXT}_out_proj lora up
        {TEXT}.k_proj.lora_linear_layer.up.weight      diffusers text {FLAT_TEXT}_k_proj lora up
        """.strip().splitlines()
    ],
)  # fmt: skip
def test_spellings(
    key: str, form: str, component: str, path: str, algorithm: str, role: str
) -> None:
    told = None if algorithm == "None" else algorithm
    assert understand(key) == (form, component, path, told, role)


@pytest.mark.parametrize(
    "key",
    [
        "lora_unet_double_blocks_0_img_attn_qkv.lora_down.weight",
        "lora_unet_down_blocks.0.lora_down.weight",
        "lora_unet_.lora_down.weight",
        "lora_te3_encoder_block_0.lora_down.weight",
        "lora_te_text_model_embeddings_token_embedding.lora_down.weight",
        "lora_unet_conv_in.lora_down.bias",
        "lora_unet_conv_in.weight",
        "unet.lora_A.weight",
        ".lora_A.weight",
        "alpha",
        "",
    ],
)
def test_other_names_are_not_understood(key: str) -> None:
    assert understand(key) is None
