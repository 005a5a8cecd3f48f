"""The base models: which there are, and where the asked one is on this disk."""

from __future__ import annotations

import difflib
import functools
import logging
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import msgspec

from engine.devices import gpu_ready
from engine.errors import ModelError
from engine.memory_need import Played
from engine.option_readers import Size, shown
from engine.painter.model_files import PICKLES, autoencoder, survey
from engine.yaml_file import read_yaml

log = logging.getLogger(__name__)

HERE: Final = Path(__file__).resolve().parent
GPU_DEFAULT: Final = "sd-turbo"
BUNDLED_DEFAULT: Final = "rehearsal"
MODEL_CATALOGUE: Final = "models.yaml"
FOLDER_PROMPT: Final = "oil painting, vivid colours, detailed"


class ModelFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A file of a model: `file` is its path in the model's folder, and in the repository.

    `size` in bytes and `sha256` are None and "" where nobody vouches for them: then `verified` is
    false, and what a mirror says of the file is all there is.
    """

    file: str
    size: int | None = None
    sha256: str = ""
    verified: bool = True

    @property
    def is_weights(self) -> bool:
        return self.file.endswith(".safetensors")


class Model(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An entry of models.yaml. `base` decides which styles fit; `size` is the native picture.

    Either `bundled` (a folder beside the catalogue) or `repository` says where it comes from;
    `modelscope` is the repository's name there. `acceleration` is the preset it comes up with.
    """

    id: str
    name: str
    description: str
    license: str
    base: str
    size: Size
    default_prompt: str
    tiny_autoencoder: str = ""
    acceleration: str = ""
    bundled: str = ""
    repository: str = ""
    modelscope: str = ""
    about_gb: float = 0.0
    files: tuple[ModelFile, ...] = ()


class TinyAutoencoder(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A small, fast stand-in for the autoencoder of the models whose base is in `bases`."""

    id: str
    name: str
    description: str
    license: str
    bases: tuple[str, ...]
    repository: str
    files: tuple[ModelFile, ...]
    modelscope: str = ""


class Catalogue(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What models.yaml holds."""

    models: tuple[Model, ...]
    tiny_autoencoders: tuple[TinyAutoencoder, ...]

    def model(self, id: str) -> Model | None:
        return next((model for model in self.models if model.id == id), None)

    def tiny_autoencoder(self, id: str) -> TinyAutoencoder | None:
        return next((tiny for tiny in self.tiny_autoencoders if tiny.id == id), None)


@dataclass(frozen=True, slots=True)
class ModelChoice:
    """A model that is on this disk, whole.

    `id` is the catalogue's, or the folder's name. `size` is its native (width, height). `base` is
    rehearsal, sd15, sd21, sdxl or other. `tiny_autoencoder` is a folder, None where there is none;
    `acceleration` the preset that it comes up with, "" for none.
    """

    id: str
    folder: Path
    size: Size
    default_prompt: str
    tiny_autoencoder: Path | None
    base: str
    acceleration: str = ""


@functools.cache
def catalogue() -> Catalogue:
    """The bundled catalogue."""
    return msgspec.convert(read_yaml(HERE / MODEL_CATALOGUE).value, Catalogue)


def model_ids() -> tuple[str, ...]:
    """The catalogue's ids, in its order."""
    return tuple(model.id for model in catalogue().models)


def taken_ids() -> tuple[str, ...]:
    """The ids of base models and tiny autoencoders, which no preset may take."""
    return tuple(id for ids in _ids().values() for id in ids)


def place_of(id: str) -> str:
    """Where the catalogue has a model or autoencoder of this id: `models.yaml:17`, or ""."""
    for kind, ids in _ids().items():
        if id in ids:
            line = read_yaml(HERE / MODEL_CATALOGUE).lines.get((kind, ids.index(id), "id"))
            return f"{MODEL_CATALOGUE}:{line}" if line else MODEL_CATALOGUE
    return ""


def _ids() -> dict[str, list[str]]:
    known = catalogue()
    return {
        "models": [model.id for model in known.models],
        "tiny_autoencoders": [tiny.id for tiny in known.tiny_autoencoders],
    }


def model_folder(model: Model, data: Path) -> Path:
    """Where this model is, or belongs."""
    return HERE / model.bundled if model.bundled else data / "models" / model.id


def tiny_folder(tiny: TinyAutoencoder, data: Path) -> Path:
    """Where this autoencoder is, or belongs."""
    return data / "models" / tiny.id


def find_model(text: str, data: Path) -> ModelChoice:
    """The model that `text` names: a catalogue's id, or a folder in diffusers format.

    A folder's name alone is looked up in `<data>/models`, too. Empty text means the default:
    `GPU_DEFAULT` where there is a GPU and that model is on the disk, else the bundled one.

    Raises `ModelError`: unknown, not on this machine, or with parts missing.
    """
    if not text:
        text = default_model(data)
    model = catalogue().model(text)
    if model is not None:
        folder = model_folder(model, data)
        if not os.path.isdir(folder):
            raise ModelError(_absent(model, folder))
        return _choice(model.id, folder, data, model)
    for folder in (_path(text), data / "models" / text):
        if os.path.isdir(folder):  # unlike pathlib's, it raises nothing
            return _choice(folder.absolute().name, folder.absolute(), data, None)
    raise ModelError(_unknown(text))


def _path(text: str) -> Path:
    try:
        return Path(os.path.expanduser(text))
    except ValueError:  # ~, and then a character that no user's name holds
        return Path(text)


def default_model(data: Path) -> str:
    """The id of the model that a show without --model begins with."""
    model = catalogue().model(GPU_DEFAULT)
    folder = model_folder(model, data) if model else None
    if folder is None or not os.path.isdir(folder) or not gpu_ready():
        return BUNDLED_DEFAULT
    if any(folder.rglob("*.part")):  # a download that has not ended
        log.warning("%s is not whole yet; %s is used", GPU_DEFAULT, BUNDLED_DEFAULT)
        return BUNDLED_DEFAULT
    try:
        survey(folder)
    except ModelError as error:  # one that ended between two files
        log.warning("%s; %s is used", error, BUNDLED_DEFAULT)
        return BUNDLED_DEFAULT
    return GPU_DEFAULT


def model_played(text: str, data: Path) -> Played | None:
    """What `find_model` finds, or would find were it here; None where nothing can be told of it."""
    try:
        choice = find_model(text, data)
        parts = survey(choice.folder).parts
    except ModelError:
        model = catalogue().model(text)
        if model is None:
            return None
        return Played(model.id, model.base, model.size, bool(model.tiny_autoencoder))
    own = any(part.class_name == "AutoencoderTiny" for part in parts)
    return Played(choice.id, choice.base, choice.size, own or choice.tiny_autoencoder is not None)


def told_of(choice: ModelChoice, asked: str) -> str:
    """The line with which a show names the model it begins with; `asked` is what was asked for."""
    if asked or choice.id != BUNDLED_DEFAULT:
        return f"model: {choice.id}"
    return (
        f"model: {choice.id}, which comes with the program and plays anywhere; "
        f"--model {GPU_DEFAULT} fetches a bigger one for a GPU, artflow presets list shows them all"
    )


def _choice(id: str, folder: Path, data: Path, model: Model | None) -> ModelChoice:
    found = survey(folder)
    vae = next(part.config for part in found.parts if part.name == "vae")
    base = model.base if model else found.base
    return ModelChoice(
        id=id,
        folder=folder,
        size=found.native_size,
        default_prompt=model.default_prompt if model else FOLDER_PROMPT,
        tiny_autoencoder=_tiny_autoencoder(base, vae, data),
        base=base,
        acceleration=model.acceleration if model else "",
    )


def _tiny_autoencoder(base: str, vae: Mapping[str, Any], data: Path) -> Path | None:
    if vae.get("_class_name") == "AutoencoderTiny":
        return None  # the model's own is one already
    for tiny in catalogue().tiny_autoencoders:
        folder = tiny_folder(tiny, data)
        if base in tiny.bases and os.path.isdir(folder):
            try:
                return autoencoder(folder).folder
            except ModelError as error:
                log.warning("%s; the model's own autoencoder is used", error)
    return None


def _absent(model: Model, folder: Path) -> str:
    if model.bundled:
        return f"the bundled model {model.id} is not at {folder}; install artflow again"
    return (
        f"{model.id} is not on this machine: it needs {model.repository} "
        f"(about {model.about_gb:g} GB); artflow presets download {model.id} fetches it to "
        f"{folder}, or start with --model {BUNDLED_DEFAULT}"
    )


def _unknown(text: str) -> str:
    path = _path(text)
    if os.path.isfile(path):
        kind = "a pickle, which can run code" if path.suffix in PICKLES else "a single file"
        return f"{shown(text)} is {kind}; allowed: a model's id, or a folder in diffusers format"
    ids = model_ids()
    near = difflib.get_close_matches(text, ids, n=1)
    hint = f"did you mean {near[0]}? " if near else ""
    allowed = f"{', '.join(ids)}, or a folder in diffusers format"
    return f"unknown model {shown(text)}; {hint}allowed: {allowed}"
