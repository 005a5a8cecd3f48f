"""The finished model as a folder in diffusers format, for old and new libraries alike; and back."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

import torch
from safetensors.torch import save_file
from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers, processors

from presets.rehearsal import autoencoder
from presets.rehearsal.captions import END, START, TOKENS, UNKNOWN
from presets.rehearsal.denoiser import Painter
from presets.rehearsal.noise import scheduler

_INDEX: Final = {
    "_class_name": "StableDiffusionPipeline",
    "feature_extractor": [None, None],
    "requires_safety_checker": False,
    "safety_checker": [None, None],
    "scheduler": ["diffusers", "LCMScheduler"],
    "text_encoder": ["transformers", "CLIPTextModel"],
    "tokenizer": ["transformers", "PreTrainedTokenizerFast"],
    "unet": ["diffusers", "UNet2DConditionModel"],
    "vae": ["diffusers", "AutoencoderTiny"],
}


def save(folder: Path, vae: Any, painter: Painter) -> None:
    """Write the model, fp16, into the folder; what else is in there stays."""
    folder.mkdir(parents=True, exist_ok=True)
    _write_json(folder / "model_index.json", _INDEX)
    vae.register_to_config(scaling_factor=painter.scale, force_upcast=False)
    for part, network in (("vae", vae), ("unet", painter.denoiser)):
        network.save_config(folder / part)
        _forget_origin(folder / part / "config.json")
        _write_weights(folder / part / "diffusion_pytorch_model.safetensors", network.state_dict())
    scheduler().save_config(folder / "scheduler")
    _save_text_encoder(folder / "text_encoder", painter.text)
    _save_tokenizer(folder / "tokenizer", dict(painter.words))


def _forget_origin(file: Path) -> None:
    """Diffusers writes down where a network was loaded from: a path of this machine."""
    config = json.loads(file.read_text())
    config.pop("_name_or_path", None)
    _write_json(file, config)


def open_model(folder: Path, device: torch.device) -> tuple[Any, Painter]:
    """The autoencoder and the painter of a saved model, in fp32, frozen."""
    from diffusers import UNet2DConditionModel
    from transformers import CLIPTextModel

    vae = autoencoder.load(folder / "vae", device).float()
    denoiser = UNet2DConditionModel.from_pretrained(folder / "unet", local_files_only=True)
    denoiser = denoiser.to(device, torch.float32, memory_format=torch.channels_last)
    text = CLIPTextModel.from_pretrained(folder / "text_encoder", local_files_only=True)
    words = json.loads((folder / "tokenizer" / "tokenizer.json").read_text())["model"]["vocab"]
    painter = Painter(
        denoiser.eval().requires_grad_(False),
        text.to(device, torch.float32).eval().requires_grad_(False),
        words,
        float(vae.config.scaling_factor),
    )
    return vae, painter


def _save_text_encoder(folder: Path, text: Any) -> None:
    """transformers 5 leaves out a prefix that 4.48 cannot do without; both take it."""
    folder.mkdir(parents=True, exist_ok=True)
    weights = {
        key if key.startswith("text_model.") else f"text_model.{key}": value
        for key, value in text.state_dict().items()
        if not key.endswith("position_ids")
    }
    _write_weights(folder / "model.safetensors", weights)
    wanted = (
        "attention_dropout", "bos_token_id", "eos_token_id", "hidden_act", "hidden_size",
        "initializer_factor", "initializer_range", "intermediate_size", "layer_norm_eps",
        "max_position_embeddings", "num_attention_heads", "num_hidden_layers", "pad_token_id",
        "projection_dim", "vocab_size",
    )  # fmt: skip
    config = {key: getattr(text.config, key) for key in wanted}
    named = {"architectures": ["CLIPTextModel"], "model_type": "clip_text_model"}
    _write_json(folder / "config.json", {**named, "torch_dtype": "float16", **config})


def _save_tokenizer(folder: Path, words: dict[str, int]) -> None:
    """Whole words; CLIP's own tokenizer would take a home-made vocabulary's words apart."""
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer = Tokenizer(models.WordLevel(words, unk_token=UNKNOWN))
    tokenizer.normalizer = normalizers.Lowercase()
    # as captions.words_of: commas and the like are no words, not even unknown ones
    tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex(r"\W+"), "removed")
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{START} $A {END}",
        special_tokens=[(START, words[START]), (END, words[END])],
    )
    tokenizer.add_special_tokens([START, END, UNKNOWN])
    tokenizer.save(str(folder / "tokenizer.json"))
    _write_json(
        folder / "tokenizer_config.json",
        {
            # the name that transformers 4 and 5 both know
            "tokenizer_class": "PreTrainedTokenizerFast",
            "bos_token": START,
            "eos_token": END,
            "pad_token": END,
            "unk_token": UNKNOWN,
            "model_max_length": TOKENS,
        },
    )


def _write_weights(file: Path, weights: dict[str, Any]) -> None:
    kept = {key: value.detach().half().cpu().contiguous() for key, value in weights.items()}
    save_file(kept, file, metadata={"format": "pt"})


def _write_json(file: Path, content: Any) -> None:
    file.write_text(json.dumps(content, indent=2) + "\n")
