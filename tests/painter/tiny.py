"""Tiny pipelines with random weights, of the true shapes that tell base models apart.

Text widths, projections, prediction types and extra conditioning are those of SD 1.5, SD 2.1 and
SDXL; channels, layers and vocabulary are as few as diffusers allows.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Literal

import numpy as np
import torch
from diffusers import (
    AutoencoderKL,
    AutoencoderTiny,
    LCMScheduler,
    StableDiffusionPipeline,
    StableDiffusionXLPipeline,
    UNet2DConditionModel,
)
from numpy.typing import NDArray
from tokenizers import Tokenizer, models, pre_tokenizers, processors
from transformers import (
    CLIPTextConfig,
    CLIPTextModel,
    CLIPTextModelWithProjection,
    PreTrainedTokenizerFast,
)

torch.set_num_threads(1)  # these networks are far too small to share out

Family = Literal["sd15", "sd21", "sdxl"]
SIZE = 32
"""Pixels on each side; 4 latents, halved once by the unet."""

WORDS = [
    *("a", "an", "of", "in", "red", "blue", "green", "neon", "oil", "ink", "painting"),
    *("city", "cat", "dog", "sky", "night", "blurry"),
]
TOKENS = 8


def pipeline(
    family: Family = "sd15", *, vae: Literal["kl", "tiny"] = "tiny", v: bool = False, seed: int = 0
) -> Any:
    """A pipeline in fp32 on the CPU, ready to run; the same seed gives the same weights."""
    torch.manual_seed(seed)
    scheduler = LCMScheduler(
        beta_start=0.00085,
        beta_end=0.012,
        beta_schedule="scaled_linear",
        clip_sample=False,
        steps_offset=1,
        prediction_type="v_prediction" if v else "epsilon",
        # so that upstream, too, can be brought to any whole timestep: index 999 - t of 1000
        original_inference_steps=1000,
    )
    autoencoder = _kl() if vae == "kl" else _tiny()
    pipe: Any
    if family == "sdxl":
        pipe = StableDiffusionXLPipeline(
            vae=autoencoder,
            text_encoder=_text(768),
            text_encoder_2=_text(1280, projection=64),
            tokenizer=tokenizer(),
            tokenizer_2=tokenizer(),
            unet=_unet(family),
            scheduler=scheduler,
            add_watermarker=False,
        )
    else:
        pipe = StableDiffusionPipeline(
            vae=autoencoder,
            text_encoder=_text(768 if family == "sd15" else 1024),
            tokenizer=tokenizer(),
            unet=_unet(family),
            scheduler=scheduler,
            safety_checker=None,
            feature_extractor=None,
            requires_safety_checker=False,
        )
    for part in ("unet", "vae", "text_encoder", "text_encoder_2"):
        if getattr(pipe, part, None) is not None:
            getattr(pipe, part).eval().requires_grad_(False)
    return pipe


def tokenizer() -> Any:
    """Whole words only, `WORDS`; made on the spot, so nothing is fetched."""
    vocabulary = {word: number for number, word in enumerate(["<start>", "<end>", "[UNK]", *WORDS])}
    words = Tokenizer(models.WordLevel(vocabulary, unk_token="[UNK]"))
    words.pre_tokenizer = pre_tokenizers.Whitespace()
    words.post_processor = processors.TemplateProcessing(
        single="<start> $A <end>", special_tokens=[("<start>", 0), ("<end>", 1)]
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=words,
        bos_token="<start>",
        eos_token="<end>",
        pad_token="<end>",
        unk_token="[UNK]",
        model_max_length=TOKENS,
    )


def signals(count: int, seed: int = 0, size: int = SIZE) -> Iterable[torch.Tensor]:
    """Inputs as models see them: (1, 3, size, size) in -1..1."""
    generator = torch.Generator().manual_seed(seed)
    for _ in range(count):
        yield torch.rand((1, 3, size, size), generator=generator) * 2 - 1


def picture(seed: int = 0, width: int = SIZE, height: int = SIZE) -> NDArray[np.uint8]:
    """(height, width, 3) uint8 noise."""
    random = np.random.default_rng(seed)
    return random.integers(0, 256, (height, width, 3), dtype=np.uint8)


def _text(width: int, projection: int | None = None) -> Any:
    config = CLIPTextConfig(
        vocab_size=len(WORDS) + 3,
        hidden_size=width,
        intermediate_size=16,
        num_hidden_layers=2,  # SDXL reads the last but one
        num_attention_heads=2,
        max_position_embeddings=TOKENS,
        projection_dim=projection or 512,
        bos_token_id=0,
        eos_token_id=1,
        pad_token_id=1,
    )
    return (CLIPTextModelWithProjection if projection else CLIPTextModel)(config)


def _unet(family: Family) -> Any:
    shapes: dict[Family, dict[str, Any]] = {
        "sd15": {"cross_attention_dim": 768, "attention_head_dim": 2},
        "sd21": {
            "cross_attention_dim": 1024,
            "attention_head_dim": [1, 2],
            "use_linear_projection": True,
        },
        "sdxl": {
            "cross_attention_dim": 2048,
            "attention_head_dim": [1, 2],
            "use_linear_projection": True,
            "transformer_layers_per_block": [1, 2],
            "addition_embed_type": "text_time",
            "addition_time_embed_dim": 8,
            "projection_class_embeddings_input_dim": 64 + 6 * 8,
        },
    }
    return UNet2DConditionModel(
        sample_size=SIZE // 8,
        in_channels=4,
        out_channels=4,
        block_out_channels=(8, 16),
        layers_per_block=1,
        norm_num_groups=4,
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
        **shapes[family],
    )


def _kl() -> Any:
    return AutoencoderKL(
        block_out_channels=(4, 4, 4, 4),
        norm_num_groups=2,
        down_block_types=("DownEncoderBlock2D",) * 4,
        up_block_types=("UpDecoderBlock2D",) * 4,
        latent_channels=4,
        sample_size=SIZE,
    )


def _tiny() -> Any:
    vae: Any = AutoencoderTiny(
        encoder_block_out_channels=(4, 4, 4, 4),
        decoder_block_out_channels=(4, 4, 4, 4),
        num_encoder_blocks=(0, 1, 1, 1),
        num_decoder_blocks=(1, 1, 1, 0),
        scaling_factor=0.7,
    )
    # As torch begins, these layers let next to nothing of a picture through.
    for name, weight in vae.named_parameters():
        if name.endswith("weight"):
            weight.data.mul_(2.2)
    return vae
