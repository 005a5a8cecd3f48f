"""What lies in a model folder in diffusers format, found out before anything is loaded.

Plain files and JSON, no torch: everything that can be wrong with a folder is said here, in one
line that names what was found, what is missing and what to do.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from engine.errors import ModelError

PIPELINES: Final[Mapping[str, str]] = {
    "StableDiffusionPipeline": "sd",
    "StableDiffusionImg2ImgPipeline": "sd",
    "StableDiffusionXLPipeline": "sdxl",
    "StableDiffusionXLImg2ImgPipeline": "sdxl",
}
"""Pipeline classes of model_index.json that can be played, and their family."""

PARTS: Final[Mapping[str, tuple[str, ...]]] = {
    "sd": ("tokenizer", "text_encoder", "scheduler", "vae", "unet"),
    "sdxl": (
        "tokenizer", "tokenizer_2", "text_encoder", "text_encoder_2", "scheduler", "vae", "unet",
    ),
}  # fmt: skip

_CONFIGS: Final = {
    "tokenizer": "tokenizer_config.json",
    "tokenizer_2": "tokenizer_config.json",
    "scheduler": "scheduler_config.json",
}
_STEMS: Final = {
    "text_encoder": "model",
    "text_encoder_2": "model",
    "vae": "diffusion_pytorch_model",
    "unet": "diffusion_pytorch_model",
}
_PICKLED: Final = (".bin", ".ckpt", ".pt", ".pth")


@dataclass(frozen=True, slots=True)
class Part:
    """One component: its folder, class name, configuration and, where it has some, its weights.

    `variant` is "fp16" when only half-precision files are there, or when they were preferred.
    """

    name: str
    folder: Path
    class_name: str
    config: Mapping[str, Any]
    weights: tuple[Path, ...] = ()
    variant: str | None = None

    @property
    def size_bytes(self) -> int:
        return sum(path.stat().st_size for path in self.weights)


@dataclass(frozen=True, slots=True)
class ModelFolder:
    """A complete model folder: `family` is "sd" or "sdxl", `parts` in the order to load them."""

    folder: Path
    family: str
    index: Mapping[str, Any]
    parts: tuple[Part, ...]

    @property
    def size_bytes(self) -> int:
        return sum(part.size_bytes for part in self.parts)


def survey(folder: Path, *, prefer_half: bool = False) -> ModelFolder:
    """Look through `folder`; `ModelError` if it cannot be played.

    `prefer_half` takes fp16 files where both precisions are there.
    """
    if not folder.is_dir():
        found = "a file, not a folder" if folder.exists() else "nothing there"
        raise ModelError(
            f"model {folder}: {found}; a folder in diffusers format is needed "
            "(one with model_index.json)"
        )
    index_file = folder / "model_index.json"
    if not index_file.is_file():
        raise ModelError(
            f"model {folder}: no model_index.json among {_listing(folder)}; a folder in diffusers "
            "format is needed (diffusers converts single-file checkpoints to one)"
        )
    index = read_json(index_file)
    pipeline = index.get("_class_name")
    family = PIPELINES.get(str(pipeline))
    if family is None:
        raise ModelError(
            f"model {folder}: made for {pipeline}; this painter plays {', '.join(PIPELINES)}"
        )
    parts = tuple(
        _part(folder, name, index.get(name), prefer_half=prefer_half) for name in PARTS[family]
    )
    return ModelFolder(folder, family, index, parts)


def autoencoder(folder: Path, *, prefer_half: bool = False) -> Part:
    """A tiny autoencoder's own folder (as taesd's: config.json and weights side by side)."""
    if not (folder / "config.json").is_file():
        raise ModelError(
            f"tiny autoencoder {folder}: it has no config.json; leave it out or mend it"
        )
    weights, variant = _weights(folder, "diffusion_pytorch_model", prefer_half)
    config = read_json(folder / "config.json")
    if config.get("_class_name") != "AutoencoderTiny":
        raise ModelError(
            f"tiny autoencoder {folder}: it holds {config.get('_class_name')}, not AutoencoderTiny"
        )
    return Part("vae", folder, "AutoencoderTiny", config, weights, variant)


def read_json(path: Path) -> Mapping[str, Any]:
    """The object in a JSON file; `ModelError` if it is not one."""
    try:
        value = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise ModelError(f"{path} cannot be read: {error}; fetch it again") from error
    if not isinstance(value, dict):
        raise ModelError(f"{path} holds no JSON object; fetch it again")
    return value


def check_safetensors(path: Path) -> None:
    """`ModelError` unless the file is as long as its own header says (8 + N + last offset)."""
    size = path.stat().st_size
    with path.open("rb") as file:
        head = file.read(8)
        if head == b"version ":
            raise ModelError(f"{path} is a Git LFS pointer, not the weights: run 'git lfs pull'")
        length = int.from_bytes(head, "little")
        if size < 8 or length > size - 8:
            raise ModelError(f"{path} is cut short at {size} bytes; fetch it again")
        try:
            header = json.loads(file.read(length))
            ends = [each["data_offsets"][1] for key, each in header.items() if key[:2] != "__"]
        except (ValueError, TypeError, LookupError, AttributeError) as error:
            raise ModelError(f"{path} is not a safetensors file; fetch it again") from error
    expected = 8 + length + max(ends, default=0)
    if size != expected:
        raise ModelError(f"{path} has {size} of {expected} bytes; fetch it again")


def _part(folder: Path, name: str, entry: object, *, prefer_half: bool) -> Part:
    class_name = entry[1] if isinstance(entry, list) and len(entry) == 2 else None
    if not isinstance(class_name, str):
        raise ModelError(f"model {folder}: its model_index.json names no {name}, which is needed")
    place = folder / name
    if not place.is_dir():
        raise ModelError(
            f"model {folder}: folder {name}/ is missing (found {_listing(folder)}); fetch it again"
        )
    config_file = place / _CONFIGS.get(name, "config.json")
    if not config_file.is_file():
        raise ModelError(
            f"model {folder}: {name}/{config_file.name} is missing (found {_listing(place)})"
        )
    config = read_json(config_file)
    if name not in _STEMS:
        if name.startswith("tokenizer"):
            _check_vocabulary(place)
        return Part(name, place, class_name, config)
    weights, variant = _weights(place, _STEMS[name], prefer_half)
    return Part(name, place, class_name, config, weights, variant)


def _check_vocabulary(folder: Path) -> None:
    """A tokenizer is one file that holds everything, or a vocabulary and its merges."""
    if not any(
        all((folder / name).is_file() for name in names)
        for names in (("tokenizer.json",), ("vocab.json", "merges.txt"))
    ):
        raise ModelError(
            f"{folder}: tokenizer.json, or vocab.json and merges.txt, are missing "
            f"(found {_listing(folder)})"
        )


def _weights(folder: Path, stem: str, prefer_half: bool) -> tuple[tuple[Path, ...], str | None]:
    """The weight files to take: whole or in shards, in full or half precision."""
    choices: list[tuple[str | None, str, str]] = [
        (None, f"{stem}.safetensors", f"{stem}.safetensors.index.json"),
        ("fp16", f"{stem}.fp16.safetensors", f"{stem}.safetensors.index.fp16.json"),
    ]
    for variant, whole, index in reversed(choices) if prefer_half else choices:
        if (folder / whole).is_file():
            files = [folder / whole]
        elif (folder / index).is_file():
            shards = read_json(folder / index).get("weight_map", {})
            files = [folder / shard for shard in sorted(set(shards.values()))]
        else:
            continue
        missing = [path.name for path in files if not path.is_file()]
        if missing or not files:
            raise ModelError(f"{folder}: shards missing: {', '.join(missing) or 'all'}")
        for path in files:
            check_safetensors(path)
        return tuple(files), variant
    pickled = [path.name for path in sorted(folder.iterdir()) if path.suffix in _PICKLED]
    wanted = f"{stem}.safetensors or {stem}.fp16.safetensors"
    if pickled:
        raise ModelError(
            f"{folder} has only {', '.join(pickled)}: pickled weights can run code and are never "
            f"loaded; get {wanted}"
        )
    raise ModelError(f"{folder} has no weights: {wanted} is missing (found {_listing(folder)})")


def _listing(folder: Path) -> str:
    names = sorted(path.name + "/" * path.is_dir() for path in folder.iterdir())
    return (", ".join(names[:8]) + (", ..." if len(names) > 8 else "")) or "nothing"
