"""What to fetch for a preset or a base model: values for the downloader, with every mirror."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from pathlib import Path
from typing import Final
from urllib.parse import quote

from engine.errors import LoraError, ModelError
from engine.lora_base import NAME_OF_BASE
from engine.lora_format import describe
from engine.lora_header import parse_header
from engine.painter.model_files import autoencoder, survey
from presets.catalogue import Catalogue, Preset, PresetError
from presets.models import Model, TinyAutoencoder, model_folder, tiny_folder
from presets.models import catalogue as model_catalogue
from presets.wanted import GIB, CheckHeader, Mirror, Wanted, WantedFile

log = logging.getLogger(__name__)

LORAS: Final = "loras"
LORA_CEILING: Final = 4 * GIB
MODEL_CEILING: Final = 16 * GIB
TEXT_CEILING: Final = 16 << 20
"""Configurations and vocabularies: the longest is a tokenizer's of 2 MB."""

Hub = Callable[[str, str], str]
HUBS: Final[tuple[tuple[str, Hub], ...]] = (
    ("Hugging Face", lambda repo, file: f"https://huggingface.co/{repo}/resolve/main/{file}"),
    ("HF Mirror", lambda repo, file: f"https://hf-mirror.com/{repo}/resolve/main/{file}"),
)
"""Hubs that have the same repositories under the same names."""


def hub_mirrors(repository: str, file: str, modelscope: str = "") -> tuple[Mirror, ...]:
    """Where the file of a repository is; `modelscope` is its name there, "" where it has none."""
    path = quote(file)
    mirrors = tuple(Mirror(name, url(repository, path)) for name, url in HUBS)
    if not modelscope:
        return mirrors
    url = f"https://modelscope.cn/models/{modelscope}/resolve/master/{path}"
    return (*mirrors, Mirror("ModelScope", url))


def wanted_preset(
    catalogue: Catalogue,
    id: str,
    base: str,
    data: Path,
    *,
    model: str = "",
    first_mirror: int | None = None,
) -> Wanted:
    """The file that plays on the running `model` of this base, for `<data>/loras`.

    Its header is judged as soon as it has arrived. Raises `PresetError`: unknown, made for other
    bases, shipped with the program, or without a mirror.
    """
    preset, variant = catalogue.preset(id), catalogue.resolve(id, base, model)
    if variant.bundled:
        raise PresetError(f"{id} comes with the program, its file too; install artflow again")
    if not variant.mirrors:
        raise PresetError(
            f"{id} has no mirrors; copy {variant.file} to {data / LORAS}, or add mirrors: to its "
            f"entry in {preset.origin}"
        )

    def check(beginning: bytes, size: int | None) -> bool:
        header = parse_header(beginning, id, size)
        if header is None:
            return False
        try:
            describe(header, base=base)
        except LoraError as error:
            try:
                found = describe(header).base
            except LoraError:
                raise error from None
            # nobody is told of a running model where none runs
            why = (
                catalogue.misfit(preset, (found,), base, model)
                if model
                else _another_base(preset, base, found)
            )
            raise PresetError(why) from error
        return True

    file = WantedFile(
        variant.file, variant.mirrors, variant.size, variant.sha256, LORA_CEILING, check
    )
    return Wanted(id, data / LORAS, (file,), first_mirror)


def _another_base(preset: Preset, told: str, found: str) -> str:
    return (
        f"the file of {preset.id} is made for {NAME_OF_BASE[found]}, its entry says "
        f"{NAME_OF_BASE[told]}; the entry or its mirror is wrong: mend base: or url: in "
        f"{preset.origin.name}"
    )


def wanted_model(model: Model | TinyAutoencoder, data: Path) -> Wanted:
    """All files of a base model or a tiny autoencoder, for its own folder.

    Raises `PresetError` where no hub has it.
    """
    if not model.repository:
        raise PresetError(f"{model.id} comes with the program; there is nothing to fetch")
    files = tuple(
        WantedFile(
            each.file,
            hub_mirrors(model.repository, each.file, model.modelscope),
            each.size,
            each.sha256 or None,
            MODEL_CEILING if each.is_weights else TEXT_CEILING,
            _weights_check(f"{model.id}/{each.file}") if each.is_weights else None,
        )
        for each in model.files
    )
    folder = model_folder(model, data) if isinstance(model, Model) else tiny_folder(model, data)
    return Wanted(model.id, folder, files)


def lacking(id: str, catalogue: Catalogue, data: Path) -> tuple[Wanted, ...]:
    """What has to be fetched before the base model `id` comes up: nothing, for one that is whole.

    The model, its tiny autoencoder and its acceleration, in this order; a folder that was filled by
    hand with other files than ours counts if it can be played. An acceleration that a catalogue has
    for other bases only, or without a mirror, is left out: the model plays without it.
    """
    known = model_catalogue()
    model = known.model(id)
    if model is None or model.bundled:
        return ()
    wanted = []
    if not is_here(model, data):
        wanted.append(wanted_model(model, data))
    tiny = known.tiny_autoencoder(model.tiny_autoencoder)
    if tiny is not None and not is_here(tiny, data):
        wanted.append(wanted_model(tiny, data))
    if model.acceleration:
        try:
            variant = catalogue.resolve(model.acceleration, model.base, id)
            if not (variant.bundled or os.path.isfile(data / LORAS / variant.file)):
                wanted.append(
                    wanted_preset(catalogue, model.acceleration, model.base, data, model=id)
                )
        except PresetError as error:
            log.warning("%s", error)
    return tuple(wanted)


def is_here(model: Model | TinyAutoencoder, data: Path) -> bool:
    """Whether its folder can be played. Blocks."""
    try:
        if isinstance(model, Model):
            survey(model_folder(model, data))
        else:
            autoencoder(tiny_folder(model, data))
    except ModelError:
        return False
    return True


def _weights_check(name: str) -> CheckHeader:
    def check(beginning: bytes, size: int | None) -> bool:
        return parse_header(beginning, name, size) is not None

    return check
