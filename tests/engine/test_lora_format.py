from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import LoraError
from engine.lora_base import wrong_base
from engine.lora_format import LoraFile, describe, read_lora
from tests.helpers.loras import Shape, header_of, kohya, safetensors_file

ATTN = "down_blocks_1_attentions_0_transformer_blocks_0_attn2_to_k"
SELF = "mid_block_attentions_0_transformer_blocks_0_attn1_to_q"
CONV = "mid_block_resnets_0_conv1"
PROJ = "mid_block_attentions_0_proj_in"
TEXT = "text_model_encoder_layers_0_self_attn_q_proj"
SD15 = kohya(ATTN, 320, 768)
DOTTED = "unet.down_blocks.1.attentions.0.transformer_blocks.0.attn2.to_k"
PEFT: dict[str, Shape] = {
    f"{DOTTED}.lora_A.weight": (4, 768),
    f"{DOTTED}.lora_B.weight": (320, 4),
}
PEFT_CONV: dict[str, Shape] = {
    "unet.conv_in.lora_A.weight": (4, 4, 3, 3),
    "unet.conv_in.lora_B.weight": (8, 4, 1, 1),
}


def lora(
    shapes: dict[str, Shape], metadata: dict[str, str] | None = None, base: str | None = None
) -> LoraFile:
    return describe(header_of(shapes, metadata), base=base)


def refused(
    shapes: dict[str, Shape], metadata: dict[str, str] | None = None, base: str | None = None
) -> str:
    with pytest.raises(LoraError) as caught:
        lora(shapes, metadata, base)
    told = str(caught.value)
    assert told.startswith("'x' ")
    assert told.isprintable()
    return told


def loha(path: str, **roles: Shape) -> dict[str, Shape]:
    return {f"lora_unet_{path}.hada_{role}": shape for role, shape in roles.items()}


def lokr(path: str, **roles: Shape) -> dict[str, Shape]:
    return {f"lora_unet_{path}.lokr_{role}": shape for role, shape in roles.items()}


def test_what_is_known_of_a_file(tmp_path: Path) -> None:
    metadata = {"modelspec.title": "Pixel\nArt", "modelspec.trigger_phrase": "PixArFK, pixels,"}
    convolution_8 = kohya(CONV, 1280, 640, rank=8, kernel=3)
    shapes = SD15 | convolution_8 | kohya(TEXT, 768, 768, prefix="te")
    path = tmp_path / "pixel.safetensors"
    path.write_bytes(safetensors_file(shapes, metadata))
    file = read_lora(path)
    assert (file.name, file.base, file.form) == ("pixel.safetensors", "sd15", "kohya")
    assert (file.ranks, file.dtype, file.size_bytes) == ((4, 8), "F16", path.stat().st_size)
    assert (file.title, file.triggers) == ("Pixel Art", ("PixArFK", "pixels"))
    assert file.components == {"unet", "text"}
    attention, convolution, text = file.layers
    assert (attention.component, attention.path) == ("unet", ATTN)
    assert attention.roles["down"] == f"lora_unet_{ATTN}.lora_down.weight"
    assert attention.shapes == {"down": (4, 768), "up": (320, 4), "alpha": ()}
    assert (attention.shape, attention.rank, attention.alpha) == ((320, 768), 4, None)
    assert (convolution.shape, convolution.rank) == ((1280, 640, 3, 3), 8)
    assert (text.component, text.shape) == ("text", (768, 768))


# The base.


@pytest.mark.parametrize(
    ("shapes", "base"),
    [
        (kohya(ATTN, 320, 768), "sd15"),
        (kohya(ATTN, 320, 1024), "sd21"),
        (kohya(ATTN, 320, 2048), "sdxl"),
        (kohya(ATTN, 32, 96), "rehearsal"),
        (loha(ATTN, w1_a=(320, 4), w1_b=(4, 768), w2_a=(320, 4), w2_b=(4, 768)), "sd15"),
        (lokr(ATTN, w1=(4, 8), w2_a=(80, 4), w2_b=(4, 128)), "sd21"),
        (kohya(TEXT, 768, 768, prefix="te") | kohya(PROJ, 1280, 1280, kernel=1), "sd15"),
        (kohya(TEXT, 1024, 1024, prefix="te"), "sd21"),
        (kohya(TEXT, 96, 96, prefix="te"), "rehearsal"),
        (kohya(TEXT, 768, 768, prefix="te1") | kohya(TEXT, 1280, 1280, prefix="te2"), "sdxl"),
        (kohya(TEXT, 1280, 1280, prefix="te2"), "sdxl"),
        (kohya("input_blocks_4_1_transformer_blocks_1_attn1_to_q", 640, 640), "sdxl"),
        (kohya("label_emb_0_0", 1280, 2816), "sdxl"),
        (kohya("mid_block_resnets_0_time_emb_proj", 128, 128), "rehearsal"),
    ],
)
def test_the_base_from_the_tensors(shapes: dict[str, Shape], base: str) -> None:
    file = lora(shapes)
    assert file.base == base


@pytest.mark.parametrize(
    ("hint", "base"),
    [
        ({"ss_base_model_version": "sd_v1"}, "sd15"),
        ({"ss_base_model_version": "sd_v2_v"}, "sd21"),
        ({"ss_base_model_version": "sdxl_base_v1-0"}, "sdxl"),
        ({"modelspec.architecture": "stable-diffusion-v1/lora"}, "sd15"),
        ({"modelspec.architecture": "stable-diffusion-v2-768-v/lora"}, "sd21"),
        ({"modelspec.architecture": "stable-diffusion-xl-v1-base/lora"}, "sdxl"),
        ({"artflow.base": "rehearsal"}, "rehearsal"),
    ],
)
def test_metadata_decide_only_where_tensors_do_not(hint: dict[str, str], base: str) -> None:
    only_convolutions = kohya(CONV, 1280, 1280, kernel=3)
    assert lora(only_convolutions, hint).base == base
    if "artflow.base" not in hint:
        assert lora(SD15, hint).base == "sd15"


def test_a_file_that_does_not_show_its_base_says_how_to_name_it() -> None:
    only_convolutions = kohya(CONV, 1280, 1280, kernel=3)
    assert refused(only_convolutions) == (
        "'x' does not show which model it is made for (the rehearsal model or SD 1.5 or SD 2.1 or "
        "SDXL); say it in presets.yaml: an entry with file: and base: "
        "rehearsal | sd15 | sd21 | sdxl"
    )
    assert "base: sd15 | sdxl" in refused(kohya(TEXT, 768, 768, prefix="te"))
    assert lora(only_convolutions, base="sd21").base == "sd21"


@pytest.mark.parametrize(
    ("shapes", "told"),
    [
        (SD15 | kohya(ATTN.replace("_1_", "_2_", 1), 320, 1024), "text width 1024 means SD 2.1"),
        (SD15 | kohya(TEXT, 1280, 1280, prefix="te2"), "a second text encoder means SDXL"),
        (SD15 | kohya(TEXT, 1024, 1024, prefix="te"), "a text encoder 1024 wide means SD 2.1"),
        (
            kohya(ATTN, 320, 2048) | kohya(PROJ, 320, 320, kernel=1),
            "a convolution as proj_in means the rehearsal model or SD 1.5",
        ),
    ],
)
def test_tensors_of_two_bases_are_refused(shapes: dict[str, Shape], told: str) -> None:
    assert told in refused(shapes)


def test_what_an_entry_says_must_be_what_the_tensors_show() -> None:
    assert lora(SD15, base="sd15").base == "sd15"
    assert refused(SD15, base="sdxl") == (
        "'x' contradicts itself: text width 768 means SD 1.5, its entry (sdxl) means SDXL; "
        "get another file"
    )
    assert "its artflow.base (sd21) means SD 2.1" in refused(SD15, {"artflow.base": "sd21"})
    assert "unknown base 'sd3'" in refused(SD15, {"artflow.base": "sd3"})


def test_models_that_are_not_played() -> None:
    assert "text width 640; allowed: 96, 768, 1024, 2048" in refused(kohya(ATTN, 320, 640))
    assert "a text encoder 1280 wide" in refused(kohya(TEXT, 1280, 1280, prefix="te"))
    # tiny pipelines of tests have narrow encoders, and a unet that tells
    assert lora(SD15 | kohya(TEXT, 32, 32, prefix="te")).base == "sd15"


def test_the_message_for_a_wrong_base() -> None:
    assert wrong_base("x", "sd15", "sd-turbo", "sd21") == (
        "'x' is made for SD 1.5 (text width 768); the running model sd-turbo is SD 2.1 (1024)"
    )
    assert wrong_base("x", "sdxl", "mine", "other") == (
        "'x' is made for SDXL (text width 2048); the running model mine is of another kind "
        "(unknown)"
    )
    assert wrong_base("x", "sd21", "sd-turbo", "sd21") is None


# Shapes.


@pytest.mark.parametrize(
    ("shapes", "shape", "rank"),
    [
        (kohya(CONV, 64, 32, rank=2, kernel=3), (64, 32, 3, 3), 2),
        (kohya(PROJ, 64, 64, rank=64, kernel=1), (64, 64, 1, 1), 64),
        (
            {
                f"lora_unet_{CONV}.lora_down.weight": (4, 32, 1, 1),
                f"lora_unet_{CONV}.lora_mid.weight": (4, 4, 3, 3),
                f"lora_unet_{CONV}.lora_up.weight": (64, 4, 1, 1),
            },
            (64, 32, 3, 3),
            4,
        ),
        (loha(CONV, w1_a=(64, 4), w1_b=(4, 288), w2_a=(64, 4), w2_b=(4, 288)), (64, 288), 4),
        (
            loha(
                CONV,
                t1=(4, 4, 3, 3), w1_a=(4, 64), w1_b=(4, 32),
                t2=(4, 4, 3, 3), w2_a=(4, 64), w2_b=(4, 32),
            ),
            (64, 32, 3, 3),
            4,
        ),
        (lokr(CONV, w1=(8, 4), w2=(8, 8, 3, 3)), (64, 32, 3, 3), None),
        (lokr(CONV, w1=(8, 4), w2_a=(8, 2), w2_b=(2, 72)), (64, 288), 2),
        (lokr(CONV, w1=(8, 4), w2_a=(2, 8), w2_b=(2, 8), t2=(2, 2, 3, 3)), (64, 32, 3, 3), 2),
        (lokr(SELF, w1_a=(8, 2), w1_b=(2, 4), w2_a=(8, 2), w2_b=(2, 8)), (64, 32), 2),
        (lokr(SELF, w1_a=(8, 2), w1_b=(2, 4), w2=(8, 8)), (64, 32), 2),
    ],
)  # fmt: skip
def test_shape_and_rank(shapes: dict[str, Shape], shape: Shape, rank: int | None) -> None:
    (layer,) = lora(shapes, base="sd15").layers
    assert (layer.shape, layer.rank) == (shape, rank)


@pytest.mark.parametrize(
    "shapes",
    [
        {**SD15, f"lora_unet_{ATTN}.lora_up.weight": (320, 8)},
        {**SD15, f"lora_unet_{ATTN}.lora_up.weight": (320, 4, 1, 1)},
        {**SD15, f"lora_unet_{ATTN}.lora_up.weight": (320,)},
        {**SD15, f"lora_unet_{ATTN}.lora_down.weight": ()},
        {**SD15, f"lora_unet_{ATTN}.lora_down.weight": (4, 768, 3)},
        {**kohya(CONV, 8, 8, kernel=3), f"lora_unet_{CONV}.lora_up.weight": (8, 4, 3, 3)},
        {**kohya(CONV, 8, 8, kernel=3), f"lora_unet_{CONV}.lora_mid.weight": (4, 4, 3, 3)},
        {**kohya(CONV, 8, 8, kernel=1), f"lora_unet_{CONV}.lora_mid.weight": (4, 5, 3, 3)},
        {**SD15, f"lora_unet_{ATTN}.lora_mid.weight": (4, 4)},
        loha(SELF, w1_a=(64, 4), w1_b=(4, 32), w2_a=(64, 4), w2_b=(4, 33)),
        loha(SELF, w1_a=(64, 4), w1_b=(4, 32), w2_a=(64, 2), w2_b=(2, 32)),
        loha(SELF, w1_a=(64, 4), w1_b=(5, 32), w2_a=(64, 4), w2_b=(5, 32)),
        lokr(SELF, w1=(8, 4, 1), w2=(8, 8)),
        lokr(SELF, w1=(8, 4), w2=(8,)),
        lokr(SELF, w1_a=(8, 2), w1_b=(2, 4), w2_a=(8, 3), w2_b=(3, 8)),
        lokr(CONV, w1=(8, 4), w2_a=(2, 8), w2_b=(2, 8), t2=(3, 3, 3, 3)),
    ],
)
def test_tensors_that_do_not_fit_each_other(shapes: dict[str, Shape]) -> None:
    assert "do not fit each other in unet" in refused(shapes, base="sd15")


@pytest.mark.parametrize("missing", ["lora_down.weight", "lora_up.weight"])
def test_a_tensor_without_its_partner(missing: str) -> None:
    shapes = {key: shape for key, shape in SD15.items() if not key.endswith(missing)}
    assert "allowed: down+up" in refused(shapes)


def test_other_sets_of_tensors() -> None:
    assert "alphas but no weights" in refused({f"lora_unet_{ATTN}.alpha": ()})
    lonely = SD15 | {f"lora_unet_{SELF}.alpha": ()}
    assert "has an alpha but no weights for one layer" in refused(lonely)
    t1_only = loha(SELF, w1_a=(4, 8), w1_b=(4, 8), w2_a=(8, 4), w2_b=(4, 8), t1=(4, 4, 3, 3))
    assert "has w1_a, w1_b, w2_a, w2_b, t1 for" in refused(t1_only)
    two = SD15 | loha(ATTN, w1_a=(320, 4), w1_b=(4, 768), w2_a=(320, 4), w2_b=(4, 768))
    assert "has loha and lora for one layer" in refused(two)
    twice = SD15 | kohya("input_blocks_4_1_transformer_blocks_0_attn2_to_k", 320, 768)
    assert "says one tensor twice" in refused(twice)


def test_rank_zero_and_odd_alphas_and_dtypes() -> None:
    assert "empty tensor (rank 0)" in refused(kohya(ATTN, 320, 768, rank=0))
    assert "an alpha of shape (4)" in refused({**SD15, f"lora_unet_{ATTN}.alpha": (4,)})
    assert lora({**SD15, f"lora_unet_{ATTN}.alpha": (1, 1)}).ranks == (4,)
    file = describe(header_of(SD15))
    assert file.dtype == "F16"
    whole_numbers = header_of(SD15)
    tensors: Any = {
        key: type(each)("I8", each.shape, each.begin, each.end)
        for key, each in whole_numbers.tensors.items()
    }
    with pytest.raises(LoraError, match=r"has I8 in lora_unet_.*; allowed: F16"):
        describe(type(whole_numbers)("x", tensors, {}, whole_numbers.file_bytes))


# What is no LoRA that can be mixed.


@pytest.mark.parametrize(
    ("key", "told"),
    [
        (f"lora_unet_{ATTN}.dora_scale", "is a DoRA"),
        ("unet.conv_in.lora_magnitude_vector", "is a DoRA"),
        ("unet.conv_in.lora_magnitude_vector.default.weight", "is a DoRA"),
        (f"lora_unet_{ATTN}.oft_blocks", "is an OFT or BOFT"),
        (f"lora_unet_{ATTN}.on_input", "is an IA3"),
        (f"lora_unet_{ATTN}.a1.weight", "is a GLoRA"),
        (f"lora_unet_{ATTN}.diff", "is a full difference"),
        ("unet.conv_in.boft_R", "is a BOFT"),
        ("unet.conv_in.lora_B.bias", "is a LoRA with trained biases"),
        ("lora_unet_double_blocks_0_img_attn_proj.lora_down.weight", "such as SD3 or Flux"),
        ("transformer.transformer_blocks.0.attn.to_q.lora_A.weight", "such as SD3 or Flux"),
        ("lora_unet_nonsense.lora_down.weight", "1 of 4 tensors that are not understood"),
        ("optimizer", "1 of 4 tensors that are not understood (optimizer); allowed"),
    ],
)
def test_one_tensor_of_another_kind_refuses_the_file(key: str, told: str) -> None:
    assert told in refused({**SD15, key: (4, 4)})


@pytest.mark.parametrize(
    ("key", "told"),
    [
        ("model.diffusion_model.input_blocks.0.0.weight", "a whole model"),
        ("down_blocks.0.resnets.0.conv1.weight", "a whole model"),
        ("text_model.embeddings.token_embedding.weight", "a whole model"),
        ("control_model.input_hint_block.0.weight", "a ControlNet"),
        ("ip_adapter.1.to_k_ip.weight", "an IP-Adapter"),
        ("down_blocks.0.motion_modules.0.proj_in.weight", "a motion module"),
        ("emb_params", "a textual inversion embedding"),
        ("<my-cat>", "a textual inversion embedding"),
    ],
)
def test_files_that_are_no_loras(key: str, told: str) -> None:
    assert f"is {told}" in refused({key: (8, 768)})


def test_unknown_tensors_are_counted_and_the_first_named() -> None:
    told = refused({f"a{number}": (7, 7) for number in range(9)})
    assert "has 9 of 9 tensors that are not understood (a0, a1, a2, ...)" in told
    assert len(refused({f"{number}" + "x" * 10_000: (7, 7) for number in range(9)})) < 700
    assert len(refused({"lora_unet_conv_in" + "x" * 10_000 + ".alpha": ()})) < 700


def test_mixed_forms() -> None:
    assert "mixes forms (lora_unet_" in refused(SD15 | PEFT_CONV)


def test_diffusers_writes_some_layers_in_its_own_spelling_and_some_in_pefts() -> None:
    own: dict[str, Shape] = {
        f"{DOTTED}.lora.down.weight": (4, 768),
        f"{DOTTED}.lora.up.weight": (320, 4),
    }
    file = lora(own | PEFT_CONV)
    assert file.form == "diffusers"
    assert {layer.path for layer in file.layers} == {ATTN, "conv_in"}


# Metadata.


def adapter(**settings: object) -> dict[str, str]:
    return {"lora_adapter_metadata": json.dumps(settings)}


@pytest.mark.parametrize(
    ("settings", "alpha"),
    [
        ({}, None),
        ({"unet.lora_alpha": 8, "unet.r": 4}, 8.0),
        ({"lora_alpha": 2.5}, 2.5),
        ({"text_encoder.lora_alpha": 8}, None),
        ({"unet.lora_alpha": 8, "unet.use_rslora": True}, 16.0),
        ({"unet.lora_alpha": 8, "unet.alpha_pattern": {"to_q": 1, "attn2.to_k": 3}}, 3.0),
        ({"unet.lora_alpha": 8, "unet.alpha_pattern": None}, 8.0),
    ],
)
def test_alphas_that_only_the_metadata_say(settings: dict[str, Any], alpha: float | None) -> None:
    (layer,) = lora(PEFT, adapter(**settings)).layers
    assert layer.alpha == alpha
    (with_tensor,) = lora(SD15, adapter(**settings)).layers
    assert with_tensor.alpha is None


@pytest.mark.parametrize(
    ("metadata", "told"),
    [
        (adapter(lora_alpha="8"), "the alpha 8 in its metadata"),
        (adapter(lora_alpha=True), "the alpha True"),
        ({"lora_adapter_metadata": '{"lora_alpha": 1e999}'}, "the alpha inf"),
        (adapter(lora_alpha=10**400), "the alpha 1000"),
        (adapter(alpha_pattern={"(a+)+$": 3}), "allowed: names of layers"),
        ({"lora_adapter_metadata": "[" * 100_000}, "unreadable metadata"),
        ({"lora_adapter_metadata": "8"}, "unreadable metadata"),
    ],
)
def test_alphas_that_cannot_be_trusted(metadata: dict[str, str], told: str) -> None:
    assert told in refused(PEFT, metadata)


@pytest.mark.parametrize(
    ("frequency", "triggers"),
    [
        ({"10_a": {"PixArFK": 40, "cat": 3}, "2_b": {"PixArFK": 4}}, ("PixArFK",)),
        ({"10_a": {"one": 4}, "b": {"two": 1}, "c": {}, "d": 3}, ("one", "two")),
        ({"a": {"x": "many", "y": [1]}}, ("x",)),
        ([], ()),
        ({"a": {"  ": 3}}, ()),
    ],
)
def test_trigger_words_from_the_tags(frequency: object, triggers: tuple[str, ...]) -> None:
    assert lora(SD15, {"ss_tag_frequency": json.dumps(frequency)}).triggers == triggers


@given(
    st.dictionaries(
        st.sampled_from(
            [
                *SD15,
                *PEFT,
                f"lora_unet_{ATTN}.dora_scale",
                *loha(SELF, w1_a=(), w1_b=(), w2_a=(), w2_b=(), t1=(), t2=()),
                *lokr(CONV, w1=(), w1_a=(), w1_b=(), w2=(), w2_a=(), w2_b=(), t2=()),
                "x",
            ]
        )
        | st.text(max_size=5).filter(lambda key: key != "__metadata__"),
        st.lists(st.sampled_from([0, 1, 4, 768]), max_size=5).map(tuple),
        min_size=1,
        max_size=8,
    ),
    st.dictionaries(
        st.sampled_from(["artflow.base", "ss_tag_frequency", "lora_adapter_metadata", "ss_v2"]),
        st.sampled_from(["sd15", "{}", '{"a": {"b": 1}}', '{"unet.lora_alpha": 1}', "[]"])
        | st.text(max_size=8),
    ),
)
def test_any_header_is_a_lora_or_refused(
    shapes: dict[str, Shape], metadata: dict[str, str]
) -> None:
    try:
        assert lora(shapes, metadata).layers
    except LoraError as error:
        told = str(error)
    else:
        told = ""
    assert not told or told.isprintable()
