"""What the names of a LoRA file's tensors mean: which layer, which part of its addition.

Trainers spell a layer in many ways. Here each becomes a component (unet, text or text2) and a path
as diffusers has it, with underscores for dots: kohya's names have lost the dots, and the modules of
a model flatten to the same text without doubt.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple

from engine.lora_header import Header


class Key(NamedTuple):
    """One tensor's name, understood. `algorithm` is None for an alpha, which any of them has."""

    form: str
    component: str
    path: str
    algorithm: str | None
    role: str


_DOWN_UP: Final = (
    # ending before the direction, the direction's spellings, the form of a name with dots
    (".lora_{}.weight", ("down", "up"), "diffusers"),
    (".lora_{}.weight", ("A", "B"), "peft"),
    (".lora_{}.default.weight", ("A", "B"), "peft"),  # "default" is PEFT's name of the adapter
    (".lora.{}.weight", ("down", "up"), "diffusers"),
    (".lora_linear_layer.{}.weight", ("down", "up"), "diffusers"),
    ("_lora.{}.weight", ("down", "up"), "diffusers"),  # attention processors: to_q_lora
)
_LOHA: Final = ("w1_a", "w1_b", "w2_a", "w2_b", "t1", "t2")
_LOKR: Final = ("w1", "w1_a", "w1_b", "w2", "w2_a", "w2_b", "t2")

_ENDINGS: Final[tuple[tuple[str, str | None, str, str], ...]] = (
    *(
        (ending.format(spelling), "lora", role, form)
        for ending, spellings, form in _DOWN_UP
        for spelling, role in zip(spellings, ("down", "up"), strict=True)
    ),
    (".lora_mid.weight", "lora", "mid", "diffusers"),
    *((f".hada_{role}", "loha", role, "peft") for role in _LOHA),
    *((f".lokr_{role}", "lokr", role, "peft") for role in _LOKR),
    (".lora.alpha", None, "alpha", "diffusers"),
    ("_lora.alpha", None, "alpha", "diffusers"),
    (".alpha", None, "alpha", "diffusers"),
)

_KOHYA: Final = {
    "lora_unet_": "unet", "lora_te_": "text", "lora_te1_": "text", "lora_te2_": "text2",
}  # fmt: skip
_DOTTED: Final = {"unet.": "unet", "text_encoder.": "text", "text_encoder_2.": "text2"}
_PEFT_MODEL: Final = "base_model.model."

_UNET: Final = re.compile(
    r"(?:(?:down|up)_blocks_[0-9]_|mid_block_|time_embedding_|add_embedding_)[A-Za-z0-9_]+"
    r"|conv_in|conv_out"
)
_TEXT: Final = re.compile(r"text_model_encoder_layers_[0-9]{1,2}_[a-z0-9_]+|text_projection")
_OLD_NAMES: Final[Mapping[str, Mapping[str, str]]] = {
    "unet": {"to_out": "to_out.0"},
    "text": {"to_q": "q_proj", "to_k": "k_proj", "to_v": "v_proj", "to_out": "out_proj"},
}

_ORIGINAL: Final = re.compile(
    r"(?:(input|output)_blocks_([0-9]{1,2})|middle_block)_([0-2])_([a-z0-9_]+)"
)
_ORIGINAL_WHOLE: Final = {
    "input_blocks_0_0": "conv_in",
    "out_2": "conv_out",
    "time_embed_0": "time_embedding_linear_1",
    "time_embed_2": "time_embedding_linear_2",
    "label_emb_0_0": "add_embedding_linear_1",
    "label_emb_0_2": "add_embedding_linear_2",
}
_ORIGINAL_RESNET: Final = {
    "in_layers_2": "conv1",
    "emb_layers_1": "time_emb_proj",
    "out_layers_3": "conv2",
    "skip_connection": "conv_shortcut",
}
_ORIGINAL_ATTENTION: Final = ("proj_in", "proj_out", "transformer_blocks_")
_STAGE: Final = 3
"""Original blocks to one of diffusers': two layers and a change of size down, three layers up."""

_OTHER_METHODS: Final = {
    "dora_scale": "a DoRA",
    "lora_magnitude_vector": "a DoRA",
    "oft_blocks": "an OFT or BOFT",
    "oft_diag": "an OFT",
    "oft_r": "an OFT",
    "oft_R": "an OFT",
    "boft_R": "a BOFT",
    "boft_s": "a BOFT",
    "on_input": "an IA3",
    "ia3_l": "an IA3",
    "a1": "a GLoRA",
    "a2": "a GLoRA",
    "b1": "a GLoRA",
    "b2": "a GLoRA",
    "vera_lambda_b": "a VeRA",
    "vera_lambda_d": "a VeRA",
    "diff": "a full difference",
    "diff_b": "a full difference",
    "w_norm": "a LyCORIS with trained norms",
    "b_norm": "a LyCORIS with trained norms",
    "bias_values": "a LyCORIS with trained biases",
}
"""Methods that are not mixed, by a part of their tensors' names."""
_OTHER_ENDINGS: Final = {
    (".lora_B.bias", ".lora_up.bias", ".lora.up.bias"): "a LoRA with trained biases",
}
_TRANSFORMERS: Final = (
    "transformer.", "lora_transformer_", "diffusion_model.", "lora_te3_", "double_blocks.",
    "single_blocks.", "joint_blocks.", "transformer_blocks.", "single_transformer_blocks.",
    "lora_unet_double_blocks_", "lora_unet_single_blocks_", "lora_unet_joint_blocks_",
)  # fmt: skip
_NO_LORAS: Final[tuple[tuple[tuple[str, ...], str], ...]] = (
    (("control_model.", "controlnet_", "input_hint_block."), "a ControlNet"),
    (("image_proj.", "ip_adapter."), "an IP-Adapter"),
    (
        (
            "model.diffusion_model.", "first_stage_model.", "cond_stage_model.", "model_ema.",
            "conditioner.embedders.", "unet.", "vae.", "text_encoder.", "text_encoder_2.",
            "down_blocks.", "mid_block.", "up_blocks.", "conv_in.", "input_blocks.", "time_embed.",
            "text_model.", "embeddings.", "encoder.", "decoder.", "model.",
        ),
        "a whole model or a part of one",
    ),
    (("emb_params", "string_to_param", "clip_l", "clip_g"), "a textual inversion embedding"),
)  # fmt: skip
_EMBEDDING_WIDTHS: Final = (96, 768, 1024, 1280)


def understand(key: str) -> Key | None:
    """What a tensor's name means; None if it is none of a LoRA, LoHa or LoKr that we know."""
    for ending, algorithm, role, form in _ENDINGS:
        if key.endswith(ending):
            where = _kohya_place(key.removesuffix(ending))
            if where is not None:
                return Key("kohya", *where, algorithm, role)
            where = _dotted_place(key.removesuffix(ending))
            return None if where is None else Key(form, *where, algorithm, role)
    return None


def from_original(path: str) -> str | None:
    """diffusers' flattened path of a UNet layer that has the original (CompVis, SGM) name.

    SD 1.x, 2.x and SDXL: they number their blocks alike. None if there is no such layer.
    """
    if path in _ORIGINAL_WHOLE:
        return _ORIGINAL_WHOLE[path]
    found = _ORIGINAL.fullmatch(path)
    if found is None:
        return None
    side, number, inner, rest = found[1], int(found[2] or 0), int(found[3]), found[4]
    if rest in _ORIGINAL_RESNET:
        kind, rest = "resnets", _ORIGINAL_RESNET[rest]
    elif rest.startswith(_ORIGINAL_ATTENTION):
        kind = "attentions"
    else:
        kind = rest
    if side is None:
        places = {0: ("resnets", 0), 1: ("attentions", 0), 2: ("resnets", 1)}
        expected, layer = places[inner]
        return f"mid_block_{kind}_{layer}_{rest}" if kind == expected else None
    stage, layer = divmod(number - (side == "input"), _STAGE)
    if side == "input":
        # the third block of a stage halves the picture
        allowed = {0: "op"} if layer == 2 else {0: "resnets", 1: "attentions"}
        if number and allowed.get(inner) == kind:
            return f"down_blocks_{stage}_" + (
                "downsamplers_0_conv" if kind == "op" else f"{kind}_{layer}_{rest}"
            )
    elif kind == "conv" and layer == 2 and inner:
        # the last of a stage doubles it, after its attention where it has one
        return f"up_blocks_{stage}_upsamplers_0_conv"
    elif {0: "resnets", 1: "attentions"}.get(inner) == kind:
        return f"up_blocks_{stage}_{kind}_{layer}_{rest}"
    return None


def other_method(keys: Iterable[str]) -> tuple[str, str] | None:
    """The name of a method that cannot be mixed, and a key that shows it; None if there is none."""
    for key in keys:
        for part in key.split(".")[1:]:
            if part in _OTHER_METHODS:
                return _OTHER_METHODS[part], key
        for endings, what in _OTHER_ENDINGS.items():
            if key.endswith(endings):
                return what, key
    return None


def for_transformer(keys: Iterable[str]) -> str | None:
    """A key that only the files for transformer models have (SD3, Flux); None if there is none."""
    return next((key for key in keys if key.startswith(_TRANSFORMERS)), None)


def other_kind(header: Header) -> str | None:
    """What a file without any key of a LoRA is; None if that cannot be told."""
    if any("motion_modules." in key for key in header.tensors):
        return "a motion module"
    for beginnings, what in _NO_LORAS:
        if any(key.startswith(beginnings) for key in header.tensors):
            return what
    shapes = [tensor.shape for tensor in header.tensors.values()]
    if len(shapes) <= 4 and all(
        len(shape) in (1, 2) and shape[-1] in _EMBEDDING_WIDTHS for shape in shapes
    ):
        return "a textual inversion embedding"
    return None


def _kohya_place(name: str) -> tuple[str, str] | None:
    for prefix, component in _KOHYA.items():
        if name.startswith(prefix):
            path = name.removeprefix(prefix)
            if component == "unet":
                path = from_original(path) or path
            return _checked(component, path)
    return None


def _dotted_place(name: str) -> tuple[str, str] | None:
    path, component = name.removeprefix(_PEFT_MODEL), None
    for prefix, each in _DOTTED.items():
        if path.startswith(prefix):
            path, component = path.removeprefix(prefix).removeprefix(_PEFT_MODEL), each
            break
    if component is None:
        component = "text" if path.startswith(("text_model.", "encoder.")) else "unet"
    parts = [part for part in path.split(".") if part != "processor"]
    if parts:
        old = _OLD_NAMES["unet" if component == "unet" else "text"]
        parts[-1] = old.get(parts[-1], parts[-1])
    flat = "_".join(parts).replace(".", "_")
    if component != "unet" and flat.startswith("encoder_"):
        flat = f"text_model_{flat}"  # transformers 5 has lost this step of the path
    return _checked(component, flat)


def _checked(component: str, path: str) -> tuple[str, str] | None:
    known = _UNET if component == "unet" else _TEXT
    return (component, path) if known.fullmatch(path) else None
