from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from engine.errors import LoraError
from engine.lora_header import read_header
from engine.painter import lora_tensors
from engine.painter.lora_deltas import LowRank, channels_last, compose, flat
from engine.painter.lora_tensors import ModelLayers, Place, stage
from tests.painter import lora_files, tiny
from tests.painter.lora_files import Tensors

LINEAR = Place("unet", "mid_block_attentions_0_transformer_blocks_0_attn1_to_q")
CONV = Place("unet", "mid_block_resnets_0_conv1")
POINT = Place("unet", "mid_block_attentions_0_proj_in")
OUT, IN = 12, 20


def model(*, last: bool = False, base: str = "sd15") -> ModelLayers:
    """A model of three layers, its convolutions with channels last or not."""
    made = {
        LINEAR: nn.Linear(IN, OUT),
        CONV: nn.Conv2d(IN, OUT, 3),
        POINT: nn.Conv2d(IN, OUT, 1) if base == "sd15" else nn.Linear(IN, OUT),
    }
    for module in made.values():
        module.requires_grad_(False)
        if last and isinstance(module, nn.Conv2d):
            module.weight.data = module.weight.data.to(memory_format=torch.channels_last)
    return ModelLayers("tiny", base, made)


def addition(layers: ModelLayers, place: Place, tensors: Tensors, folder: Path) -> Tensor:
    """What the mixed weight has more than the weight, in the weight's shape."""
    staged = lora_files.staged(layers, tensors, folder)
    weight = layers.weight(place)
    out = torch.zeros_like(weight)
    compose(flat(torch.zeros_like(weight)), ((staged.deltas[place], 1.0),), flat(out))
    return out


def random(seed: int = 0, /, **shapes: tuple[int, ...]) -> Tensors:
    generator = torch.Generator().manual_seed(seed)
    return {role: torch.randn(shape, generator=generator) for role, shape in shapes.items()}


def named(place: Place, prefix: str, tensors: Tensors, alpha: float | None = None) -> Tensors:
    key = f"lora_unet_{place.path}"
    made = {f"{key}.{prefix}{role}": tensor for role, tensor in tensors.items()}
    return made if alpha is None else {**made, f"{key}.alpha": torch.tensor(alpha)}


def close(found: Tensor, expected: Tensor) -> bool:
    return found.shape == expected.shape and torch.allclose(found, expected, rtol=1e-5, atol=1e-5)


def tucker(core: Tensor, a: Tensor, b: Tensor) -> Tensor:
    """(out, in, k, k), as LyCORIS rebuilds it: every axis of the core through its factor."""
    return torch.einsum("ijkl,ip,jr->prkl", core, a, b).contiguous()


both_layouts = pytest.mark.parametrize("last", [False, True])


@both_layouts
def test_lora_of_a_convolution_with_a_core(last: bool, tmp_path: Path) -> None:
    t = random(up=(OUT, 4, 1, 1), down=(4, IN, 1, 1), mid=(4, 4, 3, 3))
    tensors = named(CONV, "lora_", {f"{role}.weight": each for role, each in t.items()}, 2.0)
    # a 1x1 convolution down, a 3x3 inside, a 1x1 up: LyCORIS' LoCon module
    expected = tucker(t["mid"], t["up"][:, :, 0, 0].T, t["down"][:, :, 0, 0]) * (2.0 / 4)
    assert close(addition(model(last=last), CONV, tensors, tmp_path), expected)


@both_layouts
@pytest.mark.parametrize("place", [LINEAR, CONV, POINT])
def test_loha_is_fedparas_product(place: Place, last: bool, tmp_path: Path) -> None:
    # FedPara (arXiv:2108.06098), proposition 1: W = (X1 Y1^T) * (X2 Y2^T), flattened kernels
    layers = model(last=last)
    shape = layers.weight(place).shape
    n = math.prod(shape[1:])
    t = random(w1_a=(OUT, 3), w1_b=(3, n), w2_a=(OUT, 3), w2_b=(3, n))
    expected = (t["w1_a"] @ t["w1_b"]) * (t["w2_a"] @ t["w2_b"]) * (6.0 / 3)
    found = addition(layers, place, named(place, "hada_", t, 6.0), tmp_path)
    assert close(found, expected.reshape(shape))


@both_layouts
def test_loha_through_cores(last: bool, tmp_path: Path) -> None:
    # FedPara, proposition 3: both factors in Tucker form
    t = random(w1_a=(3, OUT), w1_b=(3, IN), w2_a=(3, OUT), w2_b=(3, IN))
    t |= random(1, t1=(3, 3, 3, 3), t2=(3, 3, 3, 3))
    expected = tucker(t["t1"], t["w1_a"], t["w1_b"]) * tucker(t["t2"], t["w2_a"], t["w2_b"])
    found = addition(model(last=last), CONV, named(CONV, "hada_", t, 3.0), tmp_path)
    assert close(found, expected)


LOKR = {
    "whole": ({"w1": (3, 4), "w2": (4, 5)}, None),
    "second in factors": ({"w1": (3, 4), "w2_a": (4, 2), "w2_b": (2, 5)}, 2),
    "both in factors": ({"w1_a": (3, 2), "w1_b": (2, 4), "w2_a": (4, 2), "w2_b": (2, 5)}, 2),
}


@pytest.mark.parametrize("shapes", LOKR)
@both_layouts
@pytest.mark.parametrize("place", [LINEAR, CONV, POINT])
def test_lokr_is_a_kronecker_product(place: Place, shapes: str, last: bool, tmp_path: Path) -> None:
    # LyCORIS (arXiv:2309.14859), section 3: W = C kron (B A); a kernel goes with the second
    wanted, rank = LOKR[shapes]
    layers = model(last=last)
    weight = layers.weight(place)
    kernel = weight.shape[2:]
    t = random(**wanted)
    for role in ("w2", "w2_b"):
        if role in t:
            t[role] = random(1, x=(t[role].shape[0], t[role].shape[1] * math.prod(kernel)))["x"]
    first = t["w1"] if "w1" in t else t["w1_a"] @ t["w1_b"]
    second = t["w2"] if "w2" in t else t["w2_a"] @ t["w2_b"]
    expected = torch.kron(first, second).reshape(weight.shape) * (1.0 if rank is None else 5.0 / 2)
    # whole matrices are not scaled, whatever alpha says
    assert close(addition(layers, place, named(place, "lokr_", t, 5.0), tmp_path), expected)


@both_layouts
def test_lokr_with_a_kernel_and_with_a_core(last: bool, tmp_path: Path) -> None:
    t = random(w1=(3, 4), w2=(4, 5, 3, 3))
    expected = torch.kron(t["w1"][:, :, None, None], t["w2"])
    layers = model(last=last)
    assert close(addition(layers, CONV, named(CONV, "lokr_", t), tmp_path), expected)
    t = random(w1=(3, 4), w2_a=(2, 4), w2_b=(2, 5), t2=(2, 2, 3, 3))
    second = tucker(t["t2"], t["w2_a"], t["w2_b"])
    expected = torch.kron(t["w1"][:, :, None, None], second)
    assert close(addition(layers, CONV, named(CONV, "lokr_", t), tmp_path), expected)


def low_rank(place: Place, rank: int = 4, *, point: bool = False, seed: int = 0) -> Tensors:
    more = (1, 1) if point else ()
    t = random(seed, up=(OUT, rank, *more), down=(rank, IN, *more))
    return named(place, "lora_", {f"{role}.weight": each for role, each in t.items()})


@pytest.mark.parametrize("base", ["sd15", "sd21"])
@pytest.mark.parametrize("point", [False, True])
def test_projections_either_way(base: str, point: bool, tmp_path: Path) -> None:
    # in SD 2.1 another layer: a 1x1 convolution as proj_in would say SD 1.5
    place = LINEAR if base == "sd21" and point else POINT
    tensors = low_rank(place, point=point)
    up, down = (each.reshape(each.shape[:2]) for each in tensors.values())
    layers = model(base=base)
    expected = (up @ down).reshape(layers.weight(place).shape)
    assert close(addition(layers, place, tensors, tmp_path), expected)


@pytest.mark.parametrize(
    ("kept_in", "expected"),
    [
        (torch.float64, torch.float32),
        (torch.float32, torch.float32),
        (torch.float16, torch.float16),
        (torch.bfloat16, torch.bfloat16),
        (torch.float8_e4m3fn, torch.float16),
        (torch.float8_e5m2, torch.float16),
    ],
)
def test_factors_stay_as_exact_as_the_file_has_them(
    kept_in: torch.dtype, expected: torch.dtype, tmp_path: Path
) -> None:
    tensors = {key: each.to(kept_in) for key, each in low_rank(LINEAR).items()}
    staged = lora_files.staged(model(), tensors, tmp_path)
    delta = staged.deltas[LINEAR]
    assert isinstance(delta, LowRank)
    assert [each.dtype for each in delta.factors] == [expected] * 2
    up, down = (each.to(expected) for each in tensors.values())
    assert torch.equal(delta.up, up)
    assert torch.equal(delta.down, down)
    assert staged.size_bytes == sum(each.nbytes for each in delta.factors)


def test_channels_last_is_told_by_the_memory() -> None:
    layers = model(last=True)
    assert channels_last(layers.weight(CONV))
    assert not channels_last(layers.weight(POINT))  # one and the same
    assert not channels_last(layers.weight(LINEAR))
    for place in layers.modules:
        assert flat(layers.weight(place)).data_ptr() == layers.weight(place).data_ptr()


def test_finds_the_layers_of_a_pipeline() -> None:
    layers = lora_files.model_of("sdxl")
    components = [place.component for place in layers.modules]
    assert components == sorted(components, key=["text", "text2", "unet"].index)
    assert Place("text", "text_model_encoder_layers_0_self_attn_q_proj") in layers.modules
    assert Place("text2", "text_projection") in layers.modules
    assert Place("unet", "add_embedding_linear_1") in layers.modules
    assert Place("unet", "down_blocks_1_attentions_0_proj_in") in layers.modules


def refusal(layers: ModelLayers, tensors: Tensors, folder: Path) -> str:
    path = lora_files.saved(tensors, folder / "ink.safetensors")
    with pytest.raises(LoraError) as caught:
        stage(path, layers, base=None if layers.name != "tiny" else layers.base)
    return str(caught.value)


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_refuses_what_is_no_number(bad: float, tmp_path: Path) -> None:
    tensors = low_rank(LINEAR)
    key = f"lora_unet_{LINEAR.path}.lora_down.weight"
    tensors[key][1, 2] = bad
    told = f"'ink.safetensors' has NaN or infinity in {key}; get another file"
    assert refusal(model(), tensors, tmp_path) == told


def test_refuses_what_is_no_number_any_more(tmp_path: Path) -> None:
    tensors = {key: each.double() * 1e300 for key, each in low_rank(LINEAR).items()}
    assert "has NaN or infinity in" in refusal(model(), tensors, tmp_path)


def test_refuses_layers_of_another_shape(tmp_path: Path) -> None:
    t = random(up=(OUT, 2), down=(2, IN + 1))
    tensors = named(LINEAR, "lora_", {f"{role}.weight": each for role, each in t.items()})
    assert refusal(model(), tensors, tmp_path) == (
        f"'ink.safetensors' is (12, 21) in unet {LINEAR.path}, which is (12, 20) in tiny; "
        "it is made for another model"
    )
    t = random(up=(OUT, 2, 1, 1), down=(2, IN * 9, 1, 1))
    tensors = named(CONV, "lora_", {f"{role}.weight": each for role, each in t.items()})
    assert "is (12, 180, 1, 1) in" in refusal(model(), tensors, tmp_path)


def test_refuses_kronecker_factors_that_cut_a_kernel(tmp_path: Path) -> None:
    t = random(w1=(3, 9), w2=(4, IN))
    told = refusal(model(last=True), named(CONV, "lokr_", t), tmp_path)
    assert "it is made for another model" in told


def test_refuses_layers_that_the_model_lacks(tmp_path: Path) -> None:
    tensors = low_rank(Place("unet", "mid_block_resnets_1_conv1"))
    assert refusal(model(), tensors, tmp_path) == (
        "'ink.safetensors' has the layer unet mid_block_resnets_1_conv1, which tiny has not; "
        "it is made for another model"
    )


def test_says_which_base_it_is_made_for(tmp_path: Path) -> None:
    tensors = lora_files.lora(tiny.pipeline("sd15"), "kohya", ["attn2.to_k"])
    layers = replace(lora_files.model_of("sd21"), name="sd-turbo")
    assert refusal(layers, tensors, tmp_path) == (
        "'ink.safetensors' is made for SD 1.5 (text width 768); "
        "the running model sd-turbo is SD 2.1 (1024)"
    )


def test_a_file_that_goes_away(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(LoraError, match="cannot be read"):
        stage(tmp_path / "ink.safetensors", model())
    path = lora_files.saved(low_rank(LINEAR), tmp_path / "ink.safetensors")
    header = read_header(path)
    monkeypatch.setattr(lora_tensors, "read_header", lambda _: header)
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(LoraError, match="was cut short while it was read"):
        stage(path, model(), base="sd15")
    path.unlink()
    with pytest.raises(LoraError, match="cannot be read"):
        stage(path, model(), base="sd15")
