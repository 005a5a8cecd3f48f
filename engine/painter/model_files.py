"""What lies in a model folder in diffusers format, found out before anything is loaded.

Plain files and JSON, no torch: everything that can be wrong with a folder is said here, in one
line that names what was found, what is missing and what to do. Whatever is on the disk, only
`ModelError` leaves this room.
"""

from __future__ import annotations

import contextlib
import json
import os
import reprlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from engine.errors import ModelError
from engine.logs import one_line

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

BASE_OF_TEXT_WIDTH: Final = {96: "rehearsal", 768: "sd15", 1024: "sd21", 2048: "sdxl"}
"""Base models by the width of the text that their cross-attention reads."""

PICKLES: Final = (".bin", ".ckpt", ".pickle", ".pkl", ".pt", ".pth")
"""Suffixes of files that can run code when they are loaded, and never are."""

MAX_JSON_BYTES: Final = 8 << 20
"""The longest JSON that is read: a configuration, an index, the header of a safetensors file."""

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
_MAX_LATENT: Final = 2048
_MAX_STAGES: Final = 8


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
        with _readable(self.folder):
            return sum(path.stat().st_size for path in self.weights)


@dataclass(frozen=True, slots=True)
class ModelFolder:
    """A complete model folder: `family` is "sd" or "sdxl", `parts` in the order to load them.

    `base` is rehearsal, sd15, sd21, sdxl or other; `native_size` (width, height) in pixels, the
    size it was trained on.
    """

    folder: Path
    family: str
    index: Mapping[str, Any]
    parts: tuple[Part, ...]
    base: str
    native_size: tuple[int, int]


def survey(folder: Path, *, prefer_half: bool = False) -> ModelFolder:
    """Look through `folder`; `ModelError` if it cannot be played.

    `prefer_half` takes fp16 files where both precisions are there.
    """
    with _readable(folder):
        return _survey(folder, prefer_half)


def _survey(folder: Path, prefer_half: bool) -> ModelFolder:
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
    family = PIPELINES.get(pipeline) if isinstance(pipeline, str) else None
    if family is None:
        raise ModelError(
            f"model {folder}: made for {_told(pipeline)}; this painter plays {', '.join(PIPELINES)}"
        )
    absent = [f"{name}/" for name in PARTS[family] if not (folder / name).is_dir()]
    if absent:
        raise ModelError(
            f"model {folder}: folder {', '.join(absent)} is missing (found {_listing(folder)}); "
            "fetch it again"
        )
    parts = tuple(
        _part(folder, name, index.get(name), prefer_half=prefer_half) for name in PARTS[family]
    )
    configs = {part.name: part.config for part in parts}
    unet, vae = configs["unet"], configs["vae"]
    return ModelFolder(folder, family, index, parts, _base(unet), _native_size(folder, unet, vae))


def _base(unet: Mapping[str, Any]) -> str:
    if unet.get("addition_embed_type") == "text_time":
        return "sdxl"
    width = unet.get("cross_attention_dim")
    return BASE_OF_TEXT_WIDTH.get(width, "other") if isinstance(width, int) else "other"


def _native_size(folder: Path, unet: Mapping[str, Any], vae: Mapping[str, Any]) -> tuple[int, int]:
    latent = unet.get("sample_size") or 64
    sides = latent if isinstance(latent, list) else [latent, latent]
    if len(sides) != 2 or not all(type(each) is int and 0 < each <= _MAX_LATENT for each in sides):
        raise ModelError(
            f"{folder}/unet/config.json says sample_size {_told(latent)}; allowed: a number or "
            f"two, 1 to {_MAX_LATENT}"
        )
    stages = vae.get("block_out_channels") or [0, 0, 0, 0]
    if not isinstance(stages, list) or len(stages) > _MAX_STAGES:
        raise ModelError(
            f"{folder}/vae/config.json says block_out_channels {_told(stages)}; allowed: a list "
            f"of 1 to {_MAX_STAGES}"
        )
    height, width = (side * 2 ** (len(stages) - 1) for side in sides)
    return width, height


def autoencoder(folder: Path, *, prefer_half: bool = False) -> Part:
    """A tiny autoencoder's own folder (as taesd's: config.json and weights side by side)."""
    with _readable(folder):
        if not (folder / "config.json").is_file():
            raise ModelError(
                f"tiny autoencoder {folder}: it has no config.json; leave it out or mend it"
            )
        weights, variant = _weights(folder, "diffusion_pytorch_model", prefer_half)
    config = read_json(folder / "config.json")
    class_name = config.get("_class_name")
    if class_name != "AutoencoderTiny":
        raise ModelError(
            f"tiny autoencoder {folder}: it holds {_told(class_name)}, not AutoencoderTiny"
        )
    return Part("vae", folder, "AutoencoderTiny", config, weights, variant)


def read_json(path: Path) -> Mapping[str, Any]:
    """The object in a JSON file; `ModelError` if it is not one."""
    with _readable(path), path.open("rb") as file:
        text = file.read(MAX_JSON_BYTES + 1)
    if len(text) > MAX_JSON_BYTES:
        raise ModelError(f"{path} is longer than {MAX_JSON_BYTES} bytes; fetch it again")
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ModelError(f"{path} cannot be read: {error}; fetch it again") from error
    if not isinstance(value, dict):
        raise ModelError(f"{path} holds no JSON object; fetch it again")
    return value


def check_safetensors(path: Path) -> None:
    """`ModelError` unless the file is as long as its own header says (8 + N + last offset)."""
    with _readable(path), path.open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        head = file.read(8)
        if head == b"version ":
            raise ModelError(f"{path} is a Git LFS pointer, not the weights: run 'git lfs pull'")
        length = int.from_bytes(head, "little")
        if len(head) == 8 and length > MAX_JSON_BYTES:
            raise ModelError(
                f"{path} is not a safetensors file (a header of {length} bytes; allowed: up to "
                f"{MAX_JSON_BYTES}); fetch it again"
            )
        if len(head) < 8 or length > size - 8:
            raise ModelError(f"{path} is cut short at {size} bytes; fetch it again")
        header = file.read(length)
    try:
        expected = 8 + length + _last_offset(json.loads(header))
    except (ValueError, TypeError, LookupError, AttributeError, RecursionError) as error:
        raise ModelError(f"{path} is not a safetensors file; fetch it again") from error
    if size != expected:
        raise ModelError(f"{path} has {size} of {expected} bytes; fetch it again")


def _last_offset(header: Any) -> int:
    """Where the data end, counted from their beginning; raises where `header` is no header."""
    last = 0
    for name, tensor in header.items():
        if name != "__metadata__":
            begin, end = tensor["data_offsets"]
            if type(begin) is not int or type(end) is not int or not 0 <= begin <= end:
                raise ValueError(name)
            last = max(last, end)
    return last


def _part(folder: Path, name: str, entry: object, *, prefer_half: bool) -> Part:
    class_name = entry[1] if isinstance(entry, list) and len(entry) == 2 else None
    if not isinstance(class_name, str) or not class_name.isidentifier():
        raise ModelError(f"model {folder}: its model_index.json names no {name}, which is needed")
    place = folder / name
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
            files = [folder / name for name in _shards(folder / index)]
        else:
            continue
        missing = [path.name for path in files if not path.is_file()]
        if missing or not files:
            raise ModelError(f"{folder}: shards missing: {_some(missing) if missing else 'all'}")
        for path in files:
            check_safetensors(path)
        return tuple(files), variant
    pickled = [path.name for path in sorted(folder.iterdir()) if path.suffix in PICKLES]
    wanted = f"{stem}.safetensors or {stem}.fp16.safetensors"
    if pickled:
        raise ModelError(
            f"{folder} has only {_some(pickled)}: pickled weights can run code and are never "
            f"loaded; get {wanted}"
        )
    raise ModelError(f"{folder} has no weights: {wanted} is missing (found {_listing(folder)})")


def _shards(index: Path) -> list[str]:
    """The names of the files that an index of shards points to, each once."""
    named = read_json(index).get("weight_map", {})
    if isinstance(named, dict) and all(map(_is_file_name, named.values())):
        return sorted(set(named.values()))
    raise ModelError(
        f"{index}: its weight_map is {_told(named)}, not the files of tensors; fetch it again"
    )


def _is_file_name(name: object) -> bool:
    # a path would lead out of the model's folder
    return isinstance(name, str) and Path(name).name == name and name not in ("", "..")


def _listing(folder: Path) -> str:
    return _some(sorted(path.name + "/" * path.is_dir() for path in folder.iterdir())) or "nothing"


def _some(names: list[str]) -> str:
    return one_line(", ".join(names[:8]) + ", ..." * (len(names) > 8))


def _told(value: object) -> str:
    """What a file says, short and in one line."""
    if isinstance(value, str) and len(value) <= 60 and value.isidentifier():
        return value
    return "nothing" if value is None else one_line(reprlib.repr(value))


@contextlib.contextmanager
def _readable(path: Path) -> Iterator[None]:
    """What the system refuses becomes a `ModelError`."""
    try:
        yield
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise ModelError(
            one_line(
                f"{error.filename or path} cannot be read: {reason}; mend it or fetch it again"
            )
        ) from error
