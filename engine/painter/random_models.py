"""Models of the true architecture with random weights: how fast one paints is not in its weights.

So a bench needs no download. The numbers of `ARCHITECTURES` are those of the published
configurations: of stable-diffusion-v1-5 (Rombach et al., arXiv:2112.10752), sd-turbo (distilled
from SD 2.1), sdxl-turbo (from SDXL, Podell et al., arXiv:2307.01952) and taesd (O. B. Bohan); the
rehearsal model's are in its own folder. A test holds them to the published parameter counts.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final

import diffusers
import torch
import transformers

from engine.errors import ModelError
from engine.painter.card import precision_of, set_up
from engine.painter.models import Model, best_device

PREFIX: Final = "random:"


@dataclass(frozen=True, slots=True)
class Architecture:
    """What a model is made of; the mappings are configurations, by the libraries' own names.

    `kind` and `native_size` as in `Model`. `texts` are its text encoders, the second with a
    projection; `tokens` is how many they read.
    """

    kind: str
    native_size: tuple[int, int]
    unet: Mapping[str, Any]
    texts: tuple[Mapping[str, Any], ...]
    autoencoder: Mapping[str, Any] = field(default_factory=dict)
    tokens: int = 77
    prediction: str = "epsilon"


def _blocks(down: str, up: str) -> dict[str, Any]:
    """Block types by letters: a has attention, r has none."""
    names = {"a": "CrossAttn{}Block2D", "r": "{}Block2D"}
    return {
        "down_block_types": tuple(names[each].format("Down") for each in down),
        "up_block_types": tuple(names[each].format("Up") for each in up),
    }


# the text encoders: CLIP ViT-L/14 (SD 1.x, SDXL), OpenCLIP ViT-H/14 less its last layer (SD 2.x),
# OpenCLIP ViT-bigG/14 (SDXL's second)
_VIT_L: Final = {
    "hidden_size": 768,
    "intermediate_size": 3072,
    "num_hidden_layers": 12,
    "num_attention_heads": 12,
    "hidden_act": "quick_gelu",
    "projection_dim": 768,
}
_VIT_H: Final = {
    "hidden_size": 1024,
    "intermediate_size": 4096,
    "num_hidden_layers": 23,
    "num_attention_heads": 16,
    "hidden_act": "gelu",
    "projection_dim": 512,
}
_VIT_G: Final = {
    "hidden_size": 1280,
    "intermediate_size": 5120,
    "num_hidden_layers": 32,
    "num_attention_heads": 20,
    "hidden_act": "gelu",
    "projection_dim": 1280,
}

ARCHITECTURES: Final[Mapping[str, Architecture]] = {
    "sd15": Architecture(
        kind="sd15",
        native_size=(512, 512),
        unet={
            **_blocks("aaar", "raaa"),
            "sample_size": 64,
            "block_out_channels": (320, 640, 1280, 1280),
            "layers_per_block": 2,
            "attention_head_dim": 8,
            "cross_attention_dim": 768,
        },
        texts=(_VIT_L,),
    ),
    "sd-turbo": Architecture(
        kind="sd21",
        native_size=(512, 512),
        unet={
            **_blocks("aaar", "raaa"),
            "sample_size": 64,
            "block_out_channels": (320, 640, 1280, 1280),
            "layers_per_block": 2,
            "attention_head_dim": (5, 10, 20, 20),
            "cross_attention_dim": 1024,
            "use_linear_projection": True,
        },
        texts=(_VIT_H,),
    ),
    "sdxl-turbo": Architecture(
        kind="sdxl",
        native_size=(512, 512),
        unet={
            **_blocks("raa", "aar"),
            "sample_size": 64,
            "block_out_channels": (320, 640, 1280),
            "layers_per_block": 2,
            "attention_head_dim": (5, 10, 20),
            "cross_attention_dim": 2048,
            "transformer_layers_per_block": (1, 2, 10),
            "use_linear_projection": True,
            "addition_embed_type": "text_time",
            "addition_time_embed_dim": 256,
            "projection_class_embeddings_input_dim": 2816,
        },
        texts=(_VIT_L, _VIT_G),
        autoencoder={"scaling_factor": 1.0},
    ),
    "rehearsal": Architecture(
        kind="rehearsal",
        native_size=(256, 256),
        unet={
            **_blocks("raa", "aar"),
            "sample_size": 32,
            "block_out_channels": (48, 96, 144),
            "layers_per_block": 1,
            "attention_head_dim": 4,
            "cross_attention_dim": 96,
            "norm_num_groups": 16,
            "addition_embed_type": "text",
            "addition_embed_type_num_heads": 4,
            "resnet_time_scale_shift": "scale_shift",
        },
        texts=(
            {
                "vocab_size": 313,
                "hidden_size": 96,
                "intermediate_size": 192,
                "num_hidden_layers": 2,
                "num_attention_heads": 4,
            },
        ),
        autoencoder={
            "encoder_block_out_channels": (24, 24, 24, 24),
            "decoder_block_out_channels": (32, 32, 32, 32),
            "num_encoder_blocks": (0, 1, 3, 4),
            "num_decoder_blocks": (5, 4, 1, 0),
        },
        tokens=24,
        prediction="v_prediction",
    ),
    # for tests: as few channels as diffusers allows
    "tiny": Architecture(
        kind="sd21",
        native_size=(32, 32),
        unet={
            **_blocks("ra", "ar"),
            "sample_size": 4,
            "block_out_channels": (8, 16),
            "layers_per_block": 1,
            "norm_num_groups": 4,
            "attention_head_dim": (1, 2),
            "cross_attention_dim": 1024,
            "use_linear_projection": True,
        },
        texts=(
            {
                "vocab_size": 64,
                "hidden_size": 1024,
                "intermediate_size": 16,
                "num_hidden_layers": 2,
                "num_attention_heads": 2,
            },
        ),
        autoencoder={
            "encoder_block_out_channels": (4, 4, 4, 4),
            "decoder_block_out_channels": (4, 4, 4, 4),
            "num_encoder_blocks": (0, 1, 1, 1),
            "num_decoder_blocks": (1, 1, 1, 0),
        },
        tokens=8,
    ),
}


def random_model(
    name: str, device: str | torch.device | None = None, dtype: torch.dtype | None = None
) -> Model:
    """The architecture of this name (with or without `PREFIX`) on `device`, ready to play.

    In the precision that suits the device unless `dtype` says so. The same name gives the same
    weights on the same device. Raises `ModelError`.
    """
    bare = name.removeprefix(PREFIX)
    if bare not in ARCHITECTURES:
        raise ModelError(
            f"model '{name}' has no known architecture; allowed: "
            + ", ".join(f"{PREFIX}{each}" for each in ARCHITECTURES)
        )
    made = ARCHITECTURES[bare]
    place = torch.device(device) if device else best_device()
    set_up(place)
    kind = dtype or precision_of(place)
    torch.manual_seed(0)
    with _born_on(place, kind):
        parts = networks(made)
    for part in parts.values():
        part.eval().requires_grad_(False)
    if place.type in ("cpu", "cuda"):
        for name_of in ("unet", "vae"):
            parts[name_of].to(memory_format=torch.channels_last)
    return Model(
        pipe=_pipe(made, parts),
        kind=made.kind,
        device=place,
        dtype=kind,
        native_size=made.native_size,
        default_prompt="oil painting",
        name=f"{PREFIX}{bare}",
    )


def networks(made: Architecture) -> dict[str, Any]:
    """The networks by the pipeline's names, wherever torch makes tensors just now."""
    parts: dict[str, Any] = {
        "unet": diffusers.UNet2DConditionModel(in_channels=4, out_channels=4, **made.unet),
        "vae": diffusers.AutoencoderTiny(**made.autoencoder),
    }
    for number, config in enumerate(made.texts):
        text = transformers.CLIPTextConfig(
            max_position_embeddings=made.tokens, bos_token_id=0, eos_token_id=1, pad_token_id=1,
            **config,
        )  # fmt: skip
        if number:
            parts["text_encoder_2"] = transformers.CLIPTextModelWithProjection(text)
        else:
            parts["text_encoder"] = transformers.CLIPTextModel(text)
    return parts


@contextmanager
def _born_on(device: torch.device, dtype: torch.dtype) -> Iterator[None]:
    """Tensors are made there and in this precision: billions of numbers never cross the bus."""
    before = torch.get_default_dtype()
    torch.set_default_dtype(dtype)
    try:
        with device:
            yield
    finally:
        torch.set_default_dtype(before)


def _pipe(made: Architecture, parts: dict[str, Any]) -> Any:
    scheduler = diffusers.LCMScheduler(
        beta_start=0.00085,
        beta_end=0.012,
        beta_schedule="scaled_linear",
        clip_sample=False,
        set_alpha_to_one=False,
        steps_offset=1,
        prediction_type=made.prediction,
    )
    tokenizer = _tokenizer(made.tokens)
    if "text_encoder_2" in parts:
        return diffusers.StableDiffusionXLPipeline(
            **parts,
            tokenizer=tokenizer,
            tokenizer_2=tokenizer,
            scheduler=scheduler,
            add_watermarker=False,
        )
    return diffusers.StableDiffusionPipeline(
        **parts,
        tokenizer=tokenizer,
        scheduler=scheduler,
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )


def _tokenizer(tokens: int) -> Any:
    """One token for each word: what it is does not matter, how many there are does."""
    from tokenizers import Tokenizer, models, pre_tokenizers, processors

    words = [
        "oil",
        "ink",
        "neon",
        "painting",
        "drawing",
        "of",
        "a",
        "red",
        "blue",
        "city",
        "cat",
        "sky",
        "number",
    ]
    vocabulary = {word: at for at, word in enumerate(["<start>", "<end>", "[UNK]", *words])}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<start> $A <end>", special_tokens=[("<start>", 0), ("<end>", 1)]
    )
    return transformers.PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        bos_token="<start>",
        eos_token="<end>",
        pad_token="<end>",
        unk_token="[UNK]",
        model_max_length=tokens,
    )
