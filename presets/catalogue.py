"""The catalogue: which presets exist, and which file of one plays on a model.

A preset is one look under one id; its variants hold the file for each base model. Values and
decisions only: `catalogue_file` reads them, `library` knows what is on the disk.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal

import msgspec

from engine.errors import ArtflowError
from engine.lora_base import NAME_OF_BASE, TEXT_WIDTH_OF_BASE
from engine.option_readers import shown
from presets.wanted import Mirror

MANY: Final = 8
"""So many ids stand in one line of a message."""
HERE: Final = Path(__file__).resolve().parent
BUNDLED_CATALOGUE: Final = HERE / "loras.yaml"
BASES: Final = tuple(NAME_OF_BASE)

Kind = Literal["style", "acceleration"]
KINDS: Final[tuple[Kind, ...]] = ("style", "acceleration")

RESERVED_IDS: Final = frozenset(
    {"a", "b", "mix", "fade", "load", "unload", "clear", "next", "previous"}
    | {"download", "cancel", "delete", "rescan", "current"}
)
"""Words that stand beside ids in addresses, such as preset/mix."""
ID_PATTERN: Final = r"[a-z0-9][a-z0-9-]{0,63}"


class PresetError(ArtflowError):
    """A preset cannot be had as asked."""


class Variant(msgspec.Struct, frozen=True):
    """A preset's file for one base.

    Either `bundled` (a path beside the catalogue) or `file` (a name in the LoRA folder) says where
    it lies. `size` is exact, in bytes, None where only a rounded one is known; `about_bytes` is for
    telling. `verified`: somebody vouches for the digest.
    """

    base: str
    file: str = ""
    bundled: str = ""
    size: int | None = None
    about_bytes: int | None = None
    sha256: str | None = None
    verified: bool = False
    triggers: tuple[str, ...] = ()
    license: str = ""
    mirrors: tuple[Mirror, ...] = ()

    @property
    def filename(self) -> str:
        return self.file or self.bundled.rpartition("/")[2]


class Preset(msgspec.Struct, frozen=True):
    """One look, or one acceleration. `weight` is where preset/load brings it, 0..2.

    `origin` is the file that its entry stands in, or the file that it was made for.
    """

    id: str
    name: str
    variants: tuple[Variant, ...]
    description: str = ""
    kind: Kind = "style"
    weight: float = 0.8
    tags: tuple[str, ...] = ()
    origin: Path = BUNDLED_CATALOGUE

    def variant(self, base: str) -> Variant | None:
        return next((variant for variant in self.variants if variant.base == base), None)

    @property
    def bases(self) -> tuple[str, ...]:
        return tuple(variant.base for variant in self.variants)


@dataclass(frozen=True, slots=True)
class Catalogue:
    """Presets in their order, each id once."""

    presets: tuple[Preset, ...] = ()
    _by_id: dict[str, Preset] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_by_id", {preset.id: preset for preset in self.presets})

    def get(self, id: str) -> Preset | None:
        return self._by_id.get(id)

    def ids(self) -> tuple[str, ...]:
        return tuple(self._by_id)

    def preset(self, id: str) -> Preset:
        """Raises `PresetError`, with the id that was perhaps meant."""
        preset = self._by_id.get(id)
        if preset is None:
            raise PresetError(unknown(id, self._by_id))
        return preset

    def resolve(self, id: str, base: str, model: str = "") -> Variant:
        """The file that plays on the running `model` (as the performer calls it) of this base.

        Raises `PresetError`: no such preset, or none of its files fits; then it says what does.
        """
        preset = self.preset(id)
        variant = preset.variant(base)
        if variant is None:
            raise PresetError(self.misfit(preset, preset.bases, base, model))
        return variant

    def fitting(self, base: str, kind: Kind = "style") -> tuple[Preset, ...]:
        """Those with a file for this base."""
        return tuple(
            preset for preset in self.presets if preset.kind == kind and base in preset.bases
        )

    def over(self, others: Iterable[Preset]) -> Catalogue:
        """This one with `others` added; those whose id is here take that place."""
        merged = dict(self._by_id)
        merged.update((preset.id, preset) for preset in others)
        return Catalogue(tuple(merged.values()))

    def misfit(self, preset: Preset, bases: Sequence[str], base: str, model: str = "") -> str:
        """Why its files, made for `bases`, cannot play on `model` of another; what can instead.

        In the words of `engine.lora_base.wrong_base`, which knows of one file only.
        """
        first, *others = bases
        made_for = f"{NAME_OF_BASE[first]} (text width {TEXT_WIDTH_OF_BASE[first]})"
        if others:
            more = [f"{NAME_OF_BASE[other]} ({TEXT_WIDTH_OF_BASE[other]})" for other in others]
            made_for = f"{', '.join([made_for, *more[:-1]])} and {more[-1]}"
        running = f"the running model {model}".rstrip()
        kind = NAME_OF_BASE.get(base, "of another kind")
        width = TEXT_WIDTH_OF_BASE.get(base, "unknown")
        what = "Styles" if preset.kind == "style" else "Accelerations"
        fitting = [each.id for each in self.fitting(base, preset.kind) if each.id != preset.id]
        instead = ", ".join(fitting[:MANY]) or "none yet"
        if len(fitting) > MANY:
            instead += f" and {len(fitting) - MANY} more"
        return (
            f"'{preset.id}' is made for {made_for}; {running} is {kind} ({width}). "
            f"{what} for it: {instead}"
        )


def unknown(id: str, known: Iterable[str]) -> str:
    """That there is no such preset, and which of the `known` ids was perhaps meant."""
    near = difflib.get_close_matches(id, list(known), n=1)
    hint = f"did you mean {near[0]!r}? " if near else ""
    return f"unknown preset {shown(id)}; {hint}see artflow presets list"
