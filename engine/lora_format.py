"""What a LoRA file is, from its header alone: base model, layers, ranks, words.

The downloader asks it of the first bytes of a file, the library of files copied in by hand, the
painter's mixer for the tensors of each layer. What cannot be mixed exactly, or not surely, is
refused with the reason; NaN and infinities are in the data, which only the mixer reads.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Never

from engine.errors import LoraError
from engine.logs import one_line
from engine.lora_base import find_base
from engine.lora_header import Header, Misfit, load_json, read_header
from engine.lora_keys import Key, for_transformer, other_kind, other_method, understand

WEIGHT_DTYPES: Final = ("F16", "BF16", "F32", "F64", "F8_E4M3", "F8_E5M2")
ALPHA_DTYPES: Final = (*WEIGHT_DTYPES, "I64", "I32", "I16", "I8", "U8")
ALLOWED: Final = "LoRA, LoCon, LoHa and LoKr in kohya's, PEFT's or diffusers' form"

_MAX_REASON: Final = 600

Shape = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class LoraLayer:
    """The addition to one layer, which is `scale * D`, scale = alpha / rank.

    `component` is unet, text or text2; `path` the module's, with underscores for its dots (text
    encoders' begin with text_model_, though transformers 5 has no such step). `roles` names the
    tensor of each role, `shapes` says their shapes:

    - lora: D = up @ down, rank r. Linear: down (r, in), up (out, r). Convolution: down
      (r, in, k, k), up (out, r, 1, 1); with mid (r, r, k, k) down is (r, in, 1, 1) and
      D = einsum("mnij,om,nc->ocij", mid, up, down).
    - loha: D = (w1_a @ w1_b) * (w2_a @ w2_b), with w_a (out, r), w_b (r, in * k * k); with t1, t2
      (r, r, k, k), w_a (r, out) and w_b (r, in) a factor is
      einsum("mnij,mo,nc->ocij", t, w_a, w_b).
    - lokr: D = kron(w1, w2); either may be given as w1_a @ w1_b, and w2 through t2 as above.

    `rank` is None for a lokr of two whole matrices: its scale is 1 whatever its alpha. `shape` is
    what D has, (out, in) or (out, in, k, k); LoHa and LoKr may have flattened a convolution to
    (out, in * k * k). alpha is the value of that role's tensor; else `alpha`, where the metadata
    say it; else the rank.
    """

    component: str
    path: str
    algorithm: str
    roles: Mapping[str, str]
    shapes: Mapping[str, Shape]
    shape: Shape
    rank: int | None
    alpha: float | None = None


@dataclass(frozen=True, slots=True)
class LoraFile:
    """A LoRA file that can be mixed: `base` is rehearsal, sd15, sd21 or sdxl.

    `form` is kohya, peft or diffusers; `dtype` that of most of its bytes, as safetensors calls it;
    `title` and `triggers` (words for the prompt) are hints from its metadata, "" and () without.
    """

    name: str
    base: str
    form: str
    layers: tuple[LoraLayer, ...]
    dtype: str
    size_bytes: int
    title: str = ""
    triggers: tuple[str, ...] = ()

    @property
    def ranks(self) -> tuple[int, ...]:
        return tuple(sorted({layer.rank for layer in self.layers if layer.rank is not None}))

    @property
    def components(self) -> frozenset[str]:
        return frozenset(layer.component for layer in self.layers)


def read_lora(path: Path, *, base: str | None = None) -> LoraFile:
    """What the file on the disk is; raises `LoraError`. `base` as of `describe`."""
    return describe(read_header(path), base=base)


def describe(header: Header, *, base: str | None = None) -> LoraFile:
    """What the file with this header is; raises `LoraError`, with a reason in one line.

    `base` is what its entry in the catalogue says: needed where the tensors do not show it, and
    refused where they show another.
    """
    try:
        keys = _understand(header)
        layers = _layers(header, keys)
    except Misfit as error:
        told = str(error)[:_MAX_REASON]  # it may quote names of any length
        raise LoraError(one_line(f"'{header.name}' {told}")) from error
    sizes: Counter[str] = Counter()
    for key in keys:
        tensor = header.tensors[key]
        sizes[tensor.dtype] += tensor.end - tensor.begin
    return LoraFile(
        header.name,
        find_base(header.name, layers, header.metadata, base),
        _form({key.form for key in keys.values()}),
        layers,
        sizes.most_common(1)[0][0],
        header.file_bytes,
        _title(header.metadata),
        _triggers(header.metadata),
    )


def _understand(header: Header) -> dict[str, Key]:
    found = {key: understand(key) for key in header.tensors}
    keys = {key: meant for key, meant in found.items() if meant is not None}
    unknown = [key for key in found if key not in keys]
    if unknown:
        _refuse_unknown(header, unknown, none_known=not keys)
    if all(meant.role == "alpha" for meant in keys.values()):
        raise Misfit("has alphas but no weights; fetch it again")
    return keys


def _refuse_unknown(header: Header, unknown: list[str], *, none_known: bool) -> Never:
    method = other_method(unknown)
    if method is not None:
        what, key = method
        raise Misfit(f"is {what} ({key}), which cannot be mixed; allowed: {ALLOWED}")
    transformer = for_transformer(unknown)
    if transformer is not None:
        raise Misfit(
            f"is made for a transformer model such as SD3 or Flux ({transformer}); allowed: "
            "SD 1.5, SD 2.1, SDXL and the rehearsal model"
        )
    kind = other_kind(header) if none_known else None
    if kind is not None:
        raise Misfit(f"is {kind}, not a LoRA; allowed: {ALLOWED}")
    first = ", ".join(key[:120] for key in unknown[:3]) + ", ..." * (len(unknown) > 3)
    raise Misfit(
        f"has {len(unknown)} of {len(header.tensors)} tensors that are not understood ({first}); "
        f"allowed: {ALLOWED}"
    )


def _form(forms: set[str]) -> str:
    # diffusers itself writes PEFT's spelling for some layers and its own for others
    return "diffusers" if forms == {"peft", "diffusers"} else next(iter(forms))


def _layers(header: Header, keys: Mapping[str, Key]) -> tuple[LoraLayer, ...]:
    forms = {meant.form for meant in keys.values()}
    if "kohya" in forms and len(forms) > 1:
        first = [next(key for key in keys if keys[key].form == form) for form in sorted(forms)]
        raise Misfit(f"mixes forms ({' and '.join(first)}); get another file")
    places: dict[tuple[str, str], dict[str, str]] = {}
    algorithms: dict[tuple[str, str], set[str]] = {}
    for key, meant in keys.items():
        place = meant.component, meant.path
        roles = places.setdefault(place, {})
        if meant.role in roles:
            raise Misfit(f"says one tensor twice: {roles[meant.role]} and {key}")
        roles[meant.role] = key
        kinds = algorithms.setdefault(place, set())
        if meant.algorithm is not None:
            kinds.add(meant.algorithm)
    settings = _adapter_settings(header.metadata)
    return tuple(
        _layer(header, place, algorithms[place], roles, settings) for place, roles in places.items()
    )


def _layer(
    header: Header,
    place: tuple[str, str],
    algorithms: set[str],
    roles: Mapping[str, str],
    settings: Mapping[str, Any],
) -> LoraLayer:
    component, path = place
    if len(algorithms) != 1:
        told = "an alpha but no weights" if not algorithms else " and ".join(sorted(algorithms))
        raise Misfit(f"has {told} for one layer ({component} {path}); get another file")
    (algorithm,) = algorithms
    tensors = {role: header.tensors[key] for role, key in roles.items()}
    shapes = {role: tensor.shape for role, tensor in tensors.items()}
    for role, tensor in tensors.items():
        allowed = ALPHA_DTYPES if role == "alpha" else WEIGHT_DTYPES
        if tensor.dtype not in allowed:
            raise Misfit(f"has {tensor.dtype} in {roles[role]}; allowed: {', '.join(allowed)}")
    if math.prod(shapes.get("alpha", ())) != 1:
        raise Misfit(f"has an alpha of shape {_told(shapes['alpha'])} ({roles['alpha']})")
    factors = {role: shape for role, shape in shapes.items() if role != "alpha"}
    if any(0 in shape for shape in factors.values()):
        raise Misfit(f"has an empty tensor (rank 0) in {component} {path}; fetch it again")
    required = _REQUIRED[algorithm]
    if not any(set(factors) == set(choice) for choice in required):
        raise Misfit(
            f"has {', '.join(factors)} for {component} {path}; allowed: "
            + " | ".join("+".join(choice) for choice in required)
        )
    result = _SHAPE_RULES[algorithm](factors)
    if result is None:
        told = ", ".join(f"{role} {_told(shape)}" for role, shape in factors.items())
        raise Misfit(f"has tensors that do not fit each other in {component} {path}: {told}")
    shape, rank = result
    alpha = None
    if "alpha" not in roles and rank is not None:
        alpha = _adapter_alpha(settings, component, path, rank)
    return LoraLayer(component, path, algorithm, roles, shapes, shape, rank, alpha)


_REQUIRED: Final[Mapping[str, tuple[tuple[str, ...], ...]]] = {
    "lora": (("down", "up"), ("down", "up", "mid")),
    "loha": (
        ("w1_a", "w1_b", "w2_a", "w2_b"),
        ("w1_a", "w1_b", "w2_a", "w2_b", "t1", "t2"),
    ),
    "lokr": tuple(
        first + second
        for first in (("w1",), ("w1_a", "w1_b"))
        for second in (("w2",), ("w2_a", "w2_b"), ("w2_a", "w2_b", "t2"))
    ),
}
"""Which roles a layer of an algorithm may have, besides an alpha."""


def _lora_shape(shapes: Mapping[str, Shape]) -> tuple[Shape, int] | None:
    down, up, mid = shapes["down"], shapes["up"], shapes.get("mid")
    rank = down[0] if down else 0
    if len(down) not in (2, 4) or len(up) != len(down) or up[1:] != (rank, 1, 1)[: len(up) - 1]:
        return None
    if mid is None:
        return (up[0], *down[1:]), rank
    if len(mid) != 4 or mid[:2] != (rank, rank) or down[2:] != (1, 1):
        return None
    return (up[0], down[1], *mid[2:]), rank


def _loha_shape(shapes: Mapping[str, Shape]) -> tuple[Shape, int] | None:
    factors = [_product(shapes[f"w{n}_a"], shapes[f"w{n}_b"], shapes.get(f"t{n}")) for n in (1, 2)]
    return factors[0] if factors[0] == factors[1] else None


def _lokr_shape(shapes: Mapping[str, Shape]) -> tuple[Shape, int | None] | None:
    ranks = set()
    factors: list[Shape] = []
    for name in ("w1", "w2"):
        if name in shapes:
            factors.append(shapes[name])
            continue
        core = shapes.get("t2") if name == "w2" else None
        product = _product(shapes[f"{name}_a"], shapes[f"{name}_b"], core)
        if product is None:
            return None
        factors.append(product[0])
        ranks.add(product[1])
    first, second = factors
    if len(first) != 2 or len(second) not in (2, 4) or len(ranks) > 1:
        return None
    shape = (first[0] * second[0], first[1] * second[1], *second[2:])
    return shape, ranks.pop() if ranks else None


def _product(a: Shape, b: Shape, core: Shape | None) -> tuple[Shape, int] | None:
    """Shape and rank of a @ b, or of what a and b make through a core (Tucker); None if neither."""
    if len(a) != 2 or len(b) != 2:
        return None
    if core is None:
        return ((a[0], b[1]), b[0]) if a[1] == b[0] else None
    if len(core) != 4 or core[:2] != (a[0], b[0]) or a[0] != b[0]:
        return None
    return (a[1], b[1], *core[2:]), b[0]


_SHAPE_RULES: Final[
    Mapping[str, Callable[[Mapping[str, Shape]], tuple[Shape, int | None] | None]]
] = {"lora": _lora_shape, "loha": _loha_shape, "lokr": _lokr_shape}
"""The shape of D and the rank, from those of the factors; None where they do not fit."""


# What the metadata say.

_ADAPTER: Final = "lora_adapter_metadata"
_ADAPTER_PREFIXES: Final = {"unet": "unet.", "text": "text_encoder.", "text2": "text_encoder_2."}
_PLAIN: Final = re.compile(r"[A-Za-z0-9_.]+")
_MAX_TITLE: Final = 100
_MAX_TRIGGERS: Final = 3


def _adapter_settings(metadata: Mapping[str, str]) -> Mapping[str, Any]:
    """PEFT's settings as newer diffusers saves them: they hold the alphas that its keys lack."""
    if _ADAPTER not in metadata:
        return {}
    settings = _json(metadata[_ADAPTER])
    if not isinstance(settings, dict):
        raise Misfit(f"has unreadable metadata ({_ADAPTER}), which hold its alphas; fetch it again")
    return settings


def _adapter_alpha(
    settings: Mapping[str, Any], component: str, path: str, rank: int
) -> float | None:
    prefix = _ADAPTER_PREFIXES[component]
    if not any(key.startswith(prefix) for key in settings):
        prefix = ""
    alpha = settings.get(f"{prefix}lora_alpha")
    patterns = settings.get(f"{prefix}alpha_pattern") or {}
    for pattern, value in patterns.items() if isinstance(patterns, dict) else ():
        if not _PLAIN.fullmatch(pattern):  # PEFT would take it as a regular expression
            raise Misfit(f"has an alpha for {pattern[:60]!r}; allowed: names of layers")
        if f"_{path}".endswith("_" + pattern.replace(".", "_")):
            alpha = value
            break
    if alpha is None:
        return None
    if type(alpha) not in (int, float) or not abs(alpha) < 1e6:
        raise Misfit(f"has the alpha {str(alpha)[:40]} in its metadata; allowed: a number")
    # PEFT's "rank-stabilised" scale is alpha / sqrt(rank)
    return float(alpha) * (math.sqrt(rank) if settings.get(f"{prefix}use_rslora") else 1.0)


def _title(metadata: Mapping[str, str]) -> str:
    title = metadata.get("modelspec.title") or metadata.get("ss_output_name") or ""
    return one_line(title.strip()[:_MAX_TITLE])


def _triggers(metadata: Mapping[str, str]) -> tuple[str, ...]:
    """The author's own words, or else the most frequent tag of each folder it was trained on."""
    phrase = metadata.get("modelspec.trigger_phrase", "")
    words = phrase.split(",")
    if not phrase.strip():
        folders = _json(metadata.get("ss_tag_frequency", "{}"))
        words = []
        for tags in folders.values() if isinstance(folders, dict) else ():
            if isinstance(tags, dict) and tags:
                words.append(max(tags, key=lambda tag: _count(tags[tag])))
    told = (one_line(word.strip()[:_MAX_TITLE]) for word in words)
    return tuple(dict.fromkeys(word for word in told if word))[:_MAX_TRIGGERS]


def _count(value: object) -> float:
    return value if isinstance(value, int | float) else 0


def _json(text: str) -> Any:
    try:
        return load_json(text)
    except (ValueError, RecursionError):
        return None


def _told(shape: Shape) -> str:
    return f"({', '.join(map(str, shape))})"
