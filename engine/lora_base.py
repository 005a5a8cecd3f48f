"""Which base model a LoRA is made for, from the widths of its layers.

What the tensors show decides; what an entry of the catalogue says must agree with it, and decides
where they leave more than one base; a trainer's metadata are only hints, asked last.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Final, NamedTuple, Protocol

from engine.errors import LoraError
from engine.logs import one_line
from engine.painter.model_files import BASE_OF_TEXT_WIDTH

NAME_OF_BASE: Final[Mapping[str, str]] = {
    "rehearsal": "the rehearsal model",
    "sd15": "SD 1.5",
    "sd21": "SD 2.1",
    "sdxl": "SDXL",
}
"""The base models that LoRAs are made for, as a performer calls them."""
TEXT_WIDTH_OF_BASE: Final = {base: width for width, base in BASE_OF_TEXT_WIDTH.items()}

BASE_KEY: Final = "artflow.base"
"""Where our own files say their base, in their metadata."""

_ALL: Final = frozenset(NAME_OF_BASE)
_BASES_OF_ENCODER_WIDTH: Final[Mapping[int, frozenset[str]]] = {
    96: frozenset({"rehearsal"}),
    768: frozenset({"sd15", "sdxl"}),
    1024: frozenset({"sd21"}),
}
_READS_TEXT: Final = re.compile(r".*_attn2_to_[kv]")
_READS_HIDDEN: Final = re.compile(r".*_(?:q_proj|k_proj|v_proj|fc1)")
_STRUCTURE: Final = (
    # only one layout has such a layer; the tiny models of tests may have any, so it weighs less
    (re.compile(r"add_embedding_.*"), frozenset({"sdxl"})),
    (re.compile(r".*_transformer_blocks_[1-9]_.*"), frozenset({"sdxl"})),
    (re.compile(r"down_blocks_0_attentions_.*"), frozenset({"sd15", "sd21"})),
    (re.compile(r"(?:down|up)_blocks_3_.*"), frozenset({"sd15", "sd21"})),
)
_TIME_WIDTHS: Final = {128: frozenset({"rehearsal"}), 1280: _ALL - {"rehearsal"}}
_HINTS: Final = (
    # metadata key, how its value begins, what it hints at; the first that fits counts
    ("ss_base_model_version", "sdxl", "sdxl"),
    ("ss_base_model_version", "sd_v1", "sd15"),
    ("ss_base_model_version", "sd_1.5", "sd15"),
    ("ss_base_model_version", "sd_v2", "sd21"),
    ("modelspec.architecture", "stable-diffusion-xl", "sdxl"),
    ("modelspec.architecture", "stable-diffusion-v1", "sd15"),
    ("modelspec.architecture", "stable-diffusion-v2", "sd21"),
    ("ss_v2", "True", "sd21"),
)


class Layer(Protocol):
    """What this room needs of a layer; `shape` is the weight's, (out, in) or (out, in, k, k)."""

    @property
    def component(self) -> str: ...
    @property
    def path(self) -> str: ...
    @property
    def shape(self) -> tuple[int, ...]: ...


class Fact(NamedTuple):
    """Something seen, and the bases that have it."""

    seen: str
    bases: frozenset[str]


def find_base(
    name: str, layers: Iterable[Layer], metadata: Mapping[str, str], told: str | None = None
) -> str:
    """rehearsal, sd15, sd21 or sdxl; `told` is what an entry of the catalogue says.

    Raises `LoraError` where the facts contradict each other or leave more than one base.
    """
    layers = tuple(layers)
    possible = Fact("", _ALL)
    for fact in (*_facts(name, layers), *_said(name, metadata, told)):
        both = possible.bases & fact.bases
        if not both:
            raise LoraError(
                one_line(
                    f"'{name}' contradicts itself: {possible.seen} means {_names(possible.bases)}, "
                    f"{fact.seen} means {_names(fact.bases)}; get another file"
                )
            )
        if both != possible.bases:
            possible = Fact(fact.seen, both)
    bases = possible.bases
    for hint in (*_structure(layers), *_hints(metadata)):
        if len(bases) > 1:
            bases = bases & hint or bases
    if len(bases) > 1:
        raise LoraError(
            one_line(
                f"'{name}' does not show which model it is made for ({_names(bases)}); say it in "
                f"presets.yaml: an entry with file: and base: {' | '.join(_sorted(bases))}"
            )
        )
    (base,) = bases
    return base


def wrong_base(name: str, made_for: str, model: str, base: str) -> str | None:
    """Why a LoRA made for one base cannot play on the running `model` of another; None if it can.

    `base` may also be "other", as of a model that no LoRA here is made for. The caller adds what
    to take instead.
    """
    if made_for == base:
        return None
    return (
        f"'{name}' is made for {NAME_OF_BASE.get(made_for, made_for)} "
        f"(text width {TEXT_WIDTH_OF_BASE.get(made_for, 'unknown')}); the running model {model} is "
        f"{NAME_OF_BASE.get(base, 'of another kind')} ({TEXT_WIDTH_OF_BASE.get(base, 'unknown')})"
    )


def _facts(name: str, layers: tuple[Layer, ...]) -> Iterator[Fact]:
    """What the tensors show without doubt, the plainest first."""
    widths = {
        layer.shape[1]
        for layer in layers
        if layer.component == "unet" and _READS_TEXT.fullmatch(layer.path)
    }
    for width in sorted(widths):
        base = BASE_OF_TEXT_WIDTH.get(width)
        if base is None:
            raise LoraError(_unknown_width(name, f"text width {width}", BASE_OF_TEXT_WIDTH))
        yield Fact(f"text width {width}", frozenset({base}))
    if any(layer.component == "text2" for layer in layers):
        yield Fact("a second text encoder", frozenset({"sdxl"}))
    encoders = {
        layer.shape[1]
        for layer in layers
        if layer.component == "text" and _READS_HIDDEN.fullmatch(layer.path)
    }
    for width in sorted(encoders):
        bases = _BASES_OF_ENCODER_WIDTH.get(width)
        if bases is not None:
            yield Fact(f"a text encoder {width} wide", bases)
        elif not widths:
            seen = f"a text encoder {width} wide"
            raise LoraError(_unknown_width(name, seen, _BASES_OF_ENCODER_WIDTH))
    if any(layer.path.endswith("_proj_in") and len(layer.shape) == 4 for layer in layers):
        yield Fact("a convolution as proj_in", frozenset({"sd15", "rehearsal"}))


def _said(name: str, metadata: Mapping[str, str], told: str | None) -> Iterator[Fact]:
    """What is said of the file on purpose."""
    for base, who in ((metadata.get(BASE_KEY), f"its {BASE_KEY}"), (told, "its entry")):
        if base is not None:
            if base not in _ALL:
                raise LoraError(
                    one_line(
                        f"'{name}' is for the unknown base '{base[:40]}' as {who} says; allowed: "
                        f"{', '.join(NAME_OF_BASE)}"
                    )
                )
            yield Fact(f"{who} ({base})", frozenset({base}))


def _structure(layers: tuple[Layer, ...]) -> Iterator[frozenset[str]]:
    unet = [layer for layer in layers if layer.component == "unet"]
    for pattern, bases in _STRUCTURE:
        if any(pattern.fullmatch(layer.path) for layer in unet):
            yield bases
    for layer in unet:
        if layer.path.endswith("_time_emb_proj"):
            yield _TIME_WIDTHS.get(layer.shape[1], _ALL)
        if layer.path.endswith("_proj_in") and len(layer.shape) == 2:
            yield _ALL - {"sd15", "rehearsal"}


def _hints(metadata: Mapping[str, str]) -> Iterator[frozenset[str]]:
    for key, beginning, base in _HINTS:
        if metadata.get(key, "").startswith(beginning):
            yield frozenset({base})
            return


def _unknown_width(name: str, seen: str, allowed: Iterable[int]) -> str:
    known = ", ".join(str(width) for width in sorted(allowed))
    return one_line(
        f"'{name}' is made for a model that is not played here ({seen}; allowed: {known})"
    )


def _names(bases: Iterable[str]) -> str:
    return " or ".join(NAME_OF_BASE[base] for base in _sorted(bases))


def _sorted(bases: Iterable[str]) -> list[str]:
    return [base for base in NAME_OF_BASE if base in set(bases)]
