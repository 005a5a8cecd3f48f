"""Real files, as diffusers, PEFT and our own workshop save them, of pipelines with true widths."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from engine.errors import LoraError
from engine.lora_format import LoraFile, LoraLayer, read_lora
from tests.painter.tiny import Family, pipeline

FAMILIES: tuple[Family, ...] = ("sd15", "sd21", "sdxl")
UNET = ("to_q", "to_k", "to_v", "to_out.0", "proj_in", "ff.net.2", "conv1", "time_emb_proj")
TEXT = ("q_proj", "out_proj", "fc1")


@pytest.fixture(scope="module", params=FAMILIES)
def trained(request: pytest.FixtureRequest) -> tuple[Family, Any, dict[str, Any]]:
    """A pipeline with adapters of mixed ranks on its unet and text encoders, and its weights."""
    peft: Any = importlib.import_module("peft")
    family: Family = request.param
    pipe = pipeline(family)
    parts = {"unet": pipe.unet, "text_encoder": pipe.text_encoder}
    if family == "sdxl":
        parts["text_encoder_2"] = pipe.text_encoder_2
    weights: dict[str, Any] = {
        f"{part}.{name}": tuple(layer.weight.shape)
        for part, model in parts.items()
        for name, layer in model.named_modules()
        if isinstance(layer, torch.nn.Linear | torch.nn.Conv2d)
    }
    for part, model in parts.items():
        peft.inject_adapter_in_model(
            peft.LoraConfig(
                r=4,
                lora_alpha=4,
                target_modules=list(UNET if part == "unet" else TEXT),
                rank_pattern={"attn2.to_k": 1, "conv1": 64} if part == "unet" else {},
            ),
            model,
        )
    states = {part: peft.get_peft_model_state_dict(model) for part, model in parts.items()}
    return family, weights, states


def flat(name: str) -> str:
    return name.replace(".", "_")


def named(weights: dict[str, Any]) -> dict[tuple[str, str], Any]:
    parts = {"unet": "unet", "text_encoder": "text", "text_encoder_2": "text2"}
    named = {}
    for name, shape in weights.items():
        part, path = name.split(".", 1)
        if part != "unet" and path.startswith("encoder."):  # transformers 5
            path = f"text_model.{path}"
        named[parts[part], flat(path)] = shape
    return named


def check(file: LoraFile, form: str, trained: tuple[Family, Any, dict[str, Any]]) -> None:
    family, weights, states = trained
    known = named(weights)
    assert (file.base, file.form) == (family, form)
    assert len(file.layers) == sum(map(len, states.values())) // 2
    for layer in file.layers:
        assert layer.shape == known[layer.component, layer.path]
    assert file.ranks == (1, 4, 64)


def test_peft_form(trained: tuple[Family, Any, dict[str, Any]], tmp_path: Path) -> None:
    _, _, states = trained
    path = tmp_path / "x.safetensors"
    tensors = {
        f"{part}.{key}": value.contiguous()
        for part, state in states.items()
        for key, value in state.items()
    }
    save_file(tensors, path)
    file = read_lora(path)
    check(file, "peft", trained)
    assert file.dtype == "F32"
    assert {key for layer in file.layers for key in layer.roles.values()} == set(tensors)
    # and as peft itself saves a single model
    save_file(
        {f"base_model.model.{key}": value.contiguous() for key, value in states["unet"].items()},
        path,
    )
    alone = read_lora(path)
    assert alone.components == {"unet"}
    assert alone.layers == tuple(
        LoraLayer(
            "unet",
            layer.path,
            "lora",
            {role: f"base_model.model.{key[5:]}" for role, key in layer.roles.items()},
            layer.shapes,
            layer.shape,
            layer.rank,
        )
        for layer in file.layers
        if layer.component == "unet"
    )


@pytest.mark.parametrize("original_type", [None, "to_diffusers"])
def test_as_a_pipeline_saves_it(
    trained: tuple[Family, Any, dict[str, Any]], tmp_path: Path, original_type: str | None
) -> None:
    diffusers: Any = importlib.import_module("diffusers")
    utils: Any = importlib.import_module("diffusers.utils")
    family, _, states = trained
    convert = utils.convert_state_dict_to_diffusers if original_type else dict
    layers = {
        f"{part}_lora_layers": {key: value.contiguous() for key, value in convert(state).items()}
        for part, state in states.items()
    }
    saver = (
        diffusers.StableDiffusionXLPipeline
        if family == "sdxl"
        else diffusers.StableDiffusionPipeline
    )
    saver.save_lora_weights(tmp_path, **layers)
    file = read_lora(tmp_path / "pytorch_lora_weights.safetensors")
    check(file, "diffusers" if original_type else "peft", trained)


@pytest.mark.parametrize("prefixed", [True, False])
def test_old_attention_processors(
    trained: tuple[Family, Any, dict[str, Any]], tmp_path: Path, prefixed: bool
) -> None:
    family, weights, states = trained
    spelled = {".lora_A.": "_lora.down.", ".lora_B.": "_lora.up.", ".to_out.0": ".to_out"}
    tensors = {}
    for name, value in states["unet"].items():
        if ".attn" in name:
            block, _, rest = name.rpartition(".to_")
            key = f"{block}.processor.to_{rest}"
            for new, old in spelled.items():
                key = key.replace(new, old)
            tensors["unet." * prefixed + key] = value.contiguous()
    path = tmp_path / "x.safetensors"
    save_file(tensors, path)
    file = read_lora(path)
    known = named(weights)
    assert (file.base, file.form) == (family, "diffusers")
    assert len(file.layers) == len(tensors) // 2
    assert all(layer.shape == known["unet", layer.path] for layer in file.layers)


def test_kohya_form(trained: tuple[Family, Any, dict[str, Any]], tmp_path: Path) -> None:
    family, _, states = trained
    te = "te1" if family == "sdxl" else "te"
    prefixes = {"unet": "unet", "text_encoder": te, "text_encoder_2": "te2"}
    tensors = {}
    for part, state in states.items():
        for key, value in state.items():
            name, _, which = key.removesuffix(".weight").rpartition(".")
            lora = f"lora_{prefixes[part]}_{flat(name)}"
            if part != "unet" and name.startswith("encoder."):
                lora = lora.replace("_encoder_", "_text_model_encoder_", 1)
            role = {"lora_A": "lora_down", "lora_B": "lora_up"}[which]
            tensors[f"{lora}.{role}.weight"] = value.half().contiguous()
            tensors[f"{lora}.alpha"] = torch.tensor(2.0)
    path = tmp_path / "x.safetensors"
    save_file(tensors, path)
    check(read_lora(path), "kohya", trained)


@pytest.mark.parametrize("form", ["kohya", "peft", "locon"])
def test_the_bundled_forms(tmp_path: Path, form: str) -> None:
    lowrank: Any = importlib.import_module("presets.rehearsal.lowrank")
    diffusers: Any = importlib.import_module("diffusers")
    unet = diffusers.UNet2DConditionModel(
        block_out_channels=(8, 16),
        norm_num_groups=4,
        layers_per_block=1,
        attention_head_dim=4,
        cross_attention_dim=96,
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
    )
    additions = lowrank.Additions(unet, 3, convolutions=form == "locon")
    path = tmp_path / "anime.safetensors"
    lowrank.save(additions, form, path, {"artflow.base": "rehearsal", "artflow.form": form})
    file = read_lora(path)
    shapes = {flat(name): tuple(layer.weight.shape) for name, layer in unet.named_modules()
              if hasattr(layer, "weight")}  # fmt: skip
    assert (file.base, file.form) == ("rehearsal", "peft" if form == "peft" else "kohya")
    assert (file.ranks, file.dtype) == ((3,), "F16")
    assert [layer.path for layer in file.layers]
    assert {layer.path: layer.shape for layer in file.layers} == {
        flat(name): shapes[flat(name)] for name in additions.names
    }
    # what the header says of a tensor is what safetensors reads
    tensors = load_file(path)
    for layer in file.layers:
        for role, key in layer.roles.items():
            assert tuple(tensors[key].shape) == layer.shapes[role]


def test_a_whole_model_is_refused(tmp_path: Path) -> None:
    diffusers: Any = importlib.import_module("diffusers")
    vae = diffusers.AutoencoderTiny(
        encoder_block_out_channels=(4, 4), decoder_block_out_channels=(4, 4),
        num_encoder_blocks=(1, 1), num_decoder_blocks=(1, 1),
    )  # fmt: skip
    for name, model in (("unet", pipeline("sd15").unet), ("vae", vae)):
        model.save_pretrained(tmp_path / name)
        with pytest.raises(LoraError, match="is a whole model or a part of one, not a LoRA"):
            read_lora(tmp_path / name / "diffusion_pytorch_model.safetensors")


def test_a_pickle_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.pt"
    torch.save({"a": torch.zeros(2)}, path)
    with pytest.raises(LoraError, match="pickles can run code"):
        read_lora(path)
