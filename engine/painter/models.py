"""Loading a base model from a local folder, part by part, so that its progress can be told."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import diffusers
import torch
import transformers

from engine.errors import ModelError
from engine.painter.card import precision_of, set_up
from engine.painter.loop import Report
from engine.painter.model_files import ModelFolder, Part, autoencoder, survey

# transformers 5 has renamed the plain tokenizer; both names stand for the same files.
_TOKENIZERS: Final = {
    "CLIPTokenizer": "CLIPTokenizer",
    "CLIPTokenizerFast": "CLIPTokenizer",
    "PreTrainedTokenizerFast": "PreTrainedTokenizerFast",
    "TokenizersBackend": "PreTrainedTokenizerFast",
}
_NETWORKS: Final[dict[str, Any]] = {
    "AutoencoderKL": diffusers.AutoencoderKL,
    "AutoencoderTiny": diffusers.AutoencoderTiny,
    "UNet2DConditionModel": diffusers.UNet2DConditionModel,
    "CLIPTextModel": transformers.CLIPTextModel,
    "CLIPTextModelWithProjection": transformers.CLIPTextModelWithProjection,
}


@dataclass(frozen=True, slots=True)
class Model:
    """A base model, ready to play. `name` is what it is called in messages.

    `pipe` is a diffusers pipeline of `dtype` on `device`; `kind` and `native_size` (width, height)
    as in `ModelFolder`; `default_prompt` what an empty prompt means to it.
    """

    pipe: Any
    kind: str
    device: torch.device
    dtype: torch.dtype
    native_size: tuple[int, int]
    default_prompt: str = ""
    name: str = ""


def best_device() -> torch.device:
    """CUDA where there is one, else MPS, else the CPU."""
    if torch.cuda.is_available():
        return torch.device("cuda")
    if torch.backends.mps.is_available():
        return torch.device("mps")
    return torch.device("cpu")


def load_model(
    folder: Path,
    *,
    device: str | torch.device | None = None,
    tiny_autoencoder: Path | None = None,
    default_prompt: str = "",
    name: str = "",
    report: Report,
) -> Model:
    """Load an SD 1.x, SD 2.x or SDXL model in diffusers format; never reaches for the network.

    In the precision that suits the device. `tiny_autoencoder` replaces the folder's own; without a
    `name` the model is called as its folder. `report` hears each part's name with the share of
    bytes already loaded, then 1. Raises `ModelError`.
    """
    place = torch.device(device) if device else best_device()
    set_up(place)
    dtype = precision_of(place)
    half = dtype is torch.float16
    _hush()
    found = survey(Path(folder), prefer_half=half)
    parts = [
        autoencoder(Path(tiny_autoencoder), prefer_half=half)
        if part.name == "vae" and tiny_autoencoder
        else part
        for part in found.parts
    ]
    _check_fit(found, parts)

    total = sum(part.size_bytes for part in parts)
    done = 0
    loaded: dict[str, Any] = {}
    for part in parts:
        report(done / total, part.name)
        loaded[part.name] = _load(part, place, _precision(found.family, part, dtype))
        done += part.size_bytes
    pipe = _assemble(found, loaded)
    _check_pipe(found, pipe)
    report(1.0, "ready")
    return Model(
        pipe=pipe,
        kind=found.base,
        device=place,
        dtype=dtype,
        native_size=found.native_size,
        default_prompt=default_prompt,
        name=name or Path(folder).name,
    )


def _hush() -> None:
    """Libraries' own bars and notes would write over the performer's terminal."""
    diffusers.utils.logging.set_verbosity_error()
    diffusers.utils.logging.disable_progress_bar()
    transformers.utils.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()


def _load(part: Part, device: torch.device, dtype: torch.dtype) -> Any:
    try:
        if part.name.startswith("tokenizer"):
            tokenizer = getattr(transformers, _known(part, _TOKENIZERS))
            return tokenizer.from_pretrained(part.folder, local_files_only=True)
        if part.name == "scheduler":
            scheduler = getattr(diffusers, part.class_name)
            if not issubclass(scheduler, diffusers.SchedulerMixin):
                raise TypeError(f"{part.class_name} is no scheduler")
            return scheduler.from_pretrained(part.folder, local_files_only=True)
        network, missing = _load_network(part, dtype)
    except (ModelError, MemoryError, torch.OutOfMemoryError):
        raise
    except Exception as error:  # the libraries raise what they like, down to bare Exceptions
        told = " ".join(f"{type(error).__name__}: {error}".split())[:300]
        raise ModelError(f"{part.folder}: {part.name} cannot be loaded: {told}") from error
    if missing:
        raise ModelError(
            f"{part.folder}: the weights lack {len(missing)} tensors of {part.name}, the first is "
            f"{missing[0]}; they belong to another model, or are damaged: fetch them again"
        )
    network.eval().requires_grad_(False)
    if part.name in ("unet", "vae") and device.type in ("cpu", "cuda"):
        # Convolutions run faster so on both; nothing is reordered in memory at run time.
        return network.to(device, dtype, memory_format=torch.channels_last)
    return network.to(device, dtype)


def _load_network(part: Part, dtype: torch.dtype) -> tuple[Any, list[str]]:
    """The network and the names of tensors that its files do not have."""
    kind = _NETWORKS[_known(part, {name: name for name in _NETWORKS})]
    # transformers 4 and 5 disagree on the option's name; what they load is cast afterwards.
    casting = {} if part.name.startswith("text_encoder") else {"torch_dtype": dtype}
    network, told = kind.from_pretrained(
        part.folder,
        variant=part.variant,
        use_safetensors=True,
        local_files_only=True,
        output_loading_info=True,
        **casting,
    )
    # Old files carry CLIP's position numbers, new ones leave them out: they are no weights.
    return network, sorted(
        name for name in told["missing_keys"] if not name.endswith("position_ids")
    )


def _precision(family: str, part: Part, dtype: torch.dtype) -> torch.dtype:
    """SDXL's own autoencoder overflows in half precision, and says so; others say so needlessly."""
    overflows = (
        family == "sdxl"
        and part.class_name == "AutoencoderKL"
        and part.config.get("force_upcast", True)
    )
    return torch.float32 if overflows else dtype


def _known(part: Part, names: dict[str, str]) -> str:
    if part.class_name not in names:
        raise ModelError(
            f"{part.folder}: {part.name} is a {part.class_name}; known are {', '.join(names)}"
        )
    return names[part.class_name]


def _assemble(found: ModelFolder, parts: dict[str, Any]) -> Any:
    if found.family == "sdxl":
        zeros = bool(found.index.get("force_zeros_for_empty_prompt", True))
        return diffusers.StableDiffusionXLPipeline(
            **parts, force_zeros_for_empty_prompt=zeros, add_watermarker=False
        )
    return diffusers.StableDiffusionPipeline(
        **parts, safety_checker=None, feature_extractor=None, requires_safety_checker=False
    )


def _check_fit(found: ModelFolder, parts: list[Part]) -> None:
    """Parts that load each by itself, and yet cannot play together."""
    by_name = {part.name: part.config for part in parts}
    unet, folder = by_name["unet"], found.folder
    channels = unet.get("in_channels", 4)
    if channels != 4:
        raise ModelError(
            f"model {folder}: its unet takes {channels} channels (an inpainting or editing model); "
            "a plain text-to-image model takes 4"
        )
    widths = [by_name[name].get("hidden_size") for name in by_name if name.startswith("text_enc")]
    text = sum(width for width in widths if isinstance(width, int))
    width = unet.get("cross_attention_dim", 1280)
    if text != width:
        raise ModelError(
            f"model {folder}: its text encoder is {text} wide, its unet reads {width}; "
            "the parts are of different models"
        )
    prediction = by_name["scheduler"].get("prediction_type", "epsilon")
    if prediction not in ("epsilon", "v_prediction"):
        raise ModelError(
            f"model {folder}: it predicts {prediction!r}; it must be epsilon or v_prediction"
        )


def _check_pipe(found: ModelFolder, pipe: Any) -> None:
    latent = pipe.vae.config.latent_channels
    if latent != pipe.unet.config.in_channels:
        raise ModelError(
            f"model {found.folder}: its autoencoder has {latent} latent channels, its unet takes "
            f"{pipe.unet.config.in_channels}"
        )
