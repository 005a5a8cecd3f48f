"""Staging: a LoRA file's tensors, checked against the model and brought to its device.

It runs in a thread of its own beside the painting, reads nothing that painting writes, and leaves
the model alone: `LoraMixer` mixes what it returns.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from io import BufferedReader
from pathlib import Path
from typing import Any, Final, NamedTuple

import torch
from torch import Tensor, nn

from engine.errors import LoraError
from engine.logs import one_line
from engine.lora_base import wrong_base
from engine.lora_format import LoraFile, LoraLayer, describe
from engine.lora_header import Header, TensorEntry, read_header
from engine.painter.lora_deltas import (
    Delta,
    Hadamard,
    Kernel,
    Kronecker,
    LowRank,
    channels_last,
    in_order,
    right_in_order,
)


class Place(NamedTuple):
    """A layer: `component` is text, text2 or unet; `path` its module's, underscores for dots."""

    component: str
    path: str


_COMPONENTS: Final = {"text": "text_encoder", "text2": "text_encoder_2", "unet": "unet"}
_TEXT_STEP: Final = "text_model_"
"""transformers 5 has lost this step of the text encoders' paths; LoRA files have it."""


@dataclass(frozen=True, slots=True)
class ModelLayers:
    """The layers of a running model that a LoRA may touch: every linear one and convolution.

    `name` and `base` (rehearsal, sd15, sd21, sdxl) are what refusals call the model. Text encoders
    come first in `modules`, whose weights may not be moved to other storage afterwards.
    """

    name: str
    base: str
    modules: Mapping[Place, nn.Module]

    @classmethod
    def of(cls, pipe: Any, name: str, base: str) -> ModelLayers:
        """Those of a diffusers pipeline."""
        modules: dict[Place, nn.Module] = {}
        for component, attribute in _COMPONENTS.items():
            part = getattr(pipe, attribute, None)
            for dotted, module in part.named_modules() if part is not None else ():
                if isinstance(module, nn.Linear | nn.Conv2d):
                    modules[Place(component, _flattened(component, dotted))] = module
        return cls(name, base, modules)

    def weight(self, place: Place) -> Tensor:
        """The weight that the model computes with, outside of autograd."""
        weight = self.modules[place].weight
        assert isinstance(weight, Tensor)
        return weight.data


@dataclass(frozen=True, slots=True, eq=False)
class Staged:
    """A LoRA on the model's device, ready to be mixed; `size_bytes` is what its factors take."""

    file: LoraFile
    deltas: Mapping[Place, Delta]
    size_bytes: int


def stage(path: Path, model: ModelLayers, *, base: str | None = None) -> Staged:
    """Read the LoRA at `path` for `model`; `base` is what its entry of the catalogue says.

    Raises `LoraError`: a file that is no LoRA, of another base, damaged, with a layer that the
    model lacks or that does not fit, with NaN or infinities.
    """
    header = read_header(path)
    file = describe(header, base=base)
    refusal = wrong_base(file.name, file.base, model.name, model.base)
    if refusal is not None:
        raise LoraError(one_line(refusal))
    weights = [_weight_for(layer, file, model) for layer in file.layers]
    deltas: dict[Place, Delta] = {}
    try:
        with path.open("rb") as opened, _beside_painting({each.device for each in weights}):
            for layer, weight in zip(file.layers, weights, strict=True):
                place = Place(layer.component, layer.path)
                deltas[place] = _delta(layer, weight, _Reader(opened, header))
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise LoraError(one_line(f"'{file.name}' cannot be read: {reason}")) from error
    factors = [factor for delta in deltas.values() for factor in delta.factors]
    for factor in factors:
        if factor.is_cuda:  # pragma: no cover - needs a GPU
            # the painter's stream may still read it when it is dropped
            factor.record_stream(torch.cuda.default_stream(factor.device))
    return Staged(file, deltas, sum(factor.nbytes for factor in factors))


def _flattened(component: str, dotted: str) -> str:
    path = dotted.replace(".", "_")
    if component != "unet" and path.startswith("encoder_"):
        return _TEXT_STEP + path
    return path


# Does it fit?


def _weight_for(layer: LoraLayer, file: LoraFile, model: ModelLayers) -> Tensor:
    place = Place(layer.component, layer.path)
    if place not in model.modules:
        raise LoraError(
            one_line(
                f"'{file.name}' has the layer {layer.component} {layer.path}, which {model.name} "
                "has not; it is made for another model"
            )
        )
    weight = model.weight(place)
    if not _fits(layer, tuple(weight.shape)):
        raise LoraError(
            one_line(
                f"'{file.name}' is {_told(layer.shape)} in {layer.component} {layer.path}, which "
                f"is {_told(weight.shape)} in {model.name}; it is made for another model"
            )
        )
    return weight


def _fits(layer: LoraLayer, weight: tuple[int, ...]) -> bool:
    """A 1x1 convolution is a linear layer, and LyCORIS flattens the kernels of others."""
    if layer.shape[0] != weight[0] or math.prod(layer.shape) != math.prod(weight):
        return False
    kernel = layer.shape[2:]
    if layer.algorithm == "lokr" and not kernel:
        right = layer.shapes.get("w2") or layer.shapes["w2_b"]
        return right[1] % math.prod(weight[2:]) == 0  # it holds whole kernels
    return kernel in ((), weight[2:]) or (not weight[2:] and kernel == (1, 1))


def _told(shape: tuple[int, ...]) -> str:
    return f"({', '.join(map(str, shape))})"


# What the tensors hold.

_DTYPES: Final = {
    "F64": torch.float64, "F32": torch.float32, "F16": torch.float16, "BF16": torch.bfloat16,
    "F8_E4M3": torch.float8_e4m3fn, "F8_E5M2": torch.float8_e5m2,
    "I64": torch.int64, "I32": torch.int32, "I16": torch.int16, "I8": torch.int8,
    "U8": torch.uint8,
}  # fmt: skip
_KEPT_AS: Final = {
    # not every device computes with these; an 8-bit float is a 16-bit one exactly
    torch.float64: torch.float32,
    torch.float8_e4m3fn: torch.float16,
    torch.float8_e5m2: torch.float16,
}


@dataclass(frozen=True, slots=True)
class _Reader:
    """Reads by the header that was checked: a file that is changed meanwhile cannot mislead it."""

    file: BufferedReader
    header: Header

    def tensor(self, key: str) -> Tensor:
        """One tensor, on the CPU, finite."""
        entry = self.header.tensors[key]
        tensor = self._raw(entry)
        tensor = tensor.to(_KEPT_AS.get(tensor.dtype, tensor.dtype))
        if not torch.isfinite(tensor).all():
            raise LoraError(
                one_line(f"'{self.header.name}' has NaN or infinity in {key}; get another file")
            )
        return tensor

    def _raw(self, entry: TensorEntry) -> Tensor:
        data = bytearray(entry.end - entry.begin)
        self.file.seek(entry.begin)
        if self.file.readinto(data) != len(data):
            raise LoraError(
                one_line(f"'{self.header.name}' was cut short while it was read; fetch it again")
            )
        return torch.frombuffer(data, dtype=_DTYPES[entry.dtype]).reshape(entry.shape)


@dataclass(frozen=True, slots=True)
class _Fitting:
    """How a layer's factors become those of its weight."""

    kernel: Kernel
    last: bool
    device: torch.device
    scale: float

    def low_rank(self, up: Tensor, down: Tensor, scale: float = 1.0) -> LowRank:
        up = up.reshape(up.shape[0], -1)
        return LowRank(self.moved(up), self.moved(in_order(down, self.kernel, self.last)), scale)

    def moved(self, factor: Tensor) -> Tensor:
        return factor.to(self.device).contiguous()


def _delta(layer: LoraLayer, weight: Tensor, reader: _Reader) -> Delta:
    tensors = {role: reader.tensor(key) for role, key in layer.roles.items()}
    alpha = tensors.pop("alpha", layer.alpha)
    scale = 1.0 if alpha is None or layer.rank is None else float(alpha) / layer.rank
    fitting = _Fitting(tuple(weight.shape[2:]), channels_last(weight), weight.device, scale)
    return _BUILDERS[layer.algorithm](tensors, fitting)


def _low_rank(tensors: Mapping[str, Tensor], fitting: _Fitting) -> Delta:
    up, down = tensors["up"], tensors["down"]
    if "mid" in tensors:
        down = _through(tensors["mid"], down)
    return fitting.low_rank(up, down, fitting.scale)


def _hadamard(tensors: Mapping[str, Tensor], fitting: _Fitting) -> Delta:
    first, second = (fitting.low_rank(*_pair(tensors, name)) for name in ("1", "2"))
    return Hadamard(first, second, fitting.scale)


def _kronecker(tensors: Mapping[str, Tensor], fitting: _Fitting) -> Delta:
    left, right = (_whole(tensors, name) for name in ("1", "2"))
    right = right_in_order(right, fitting.kernel, fitting.last)
    return Kronecker(fitting.moved(left), fitting.moved(right), fitting.scale)


_BUILDERS: Final[Mapping[str, Callable[[Mapping[str, Tensor], _Fitting], Delta]]] = {
    "lora": _low_rank,
    "loha": _hadamard,
    "lokr": _kronecker,
}


def _pair(tensors: Mapping[str, Tensor], name: str) -> tuple[Tensor, Tensor]:
    """LyCORIS's w_a and w_b as (out, r) and (r, in...): with a core (Tucker) it goes into w_b."""
    up, down, core = tensors[f"w{name}_a"], tensors[f"w{name}_b"], tensors.get(f"t{name}")
    return (up, down) if core is None else (up.T, _through(core, down))


def _whole(tensors: Mapping[str, Tensor], name: str) -> Tensor:
    """A factor of a LoKr, multiplied out: it is small beside the layer."""
    if f"w{name}" in tensors:
        return tensors[f"w{name}"]
    up, down = _pair(tensors, name)
    whole: Tensor = torch.tensordot(up.float(), down.float(), dims=1)
    return whole


def _through(core: Tensor, down: Tensor) -> Tensor:
    """`down` (r, in) or (r, in, 1, 1) through a core (r, r, k, k): (r, in, k, k), fp32."""
    down = down.float().reshape(down.shape[0], -1)
    through: Tensor = torch.einsum("mnij,nc->mcij", core.float(), down)
    return through


@contextlib.contextmanager
def _beside_painting(devices: set[torch.device]) -> Iterator[None]:
    """Copies to a CUDA device on a stream of their own, so that no frame waits for them."""
    with contextlib.ExitStack() as stack:
        for device in devices:
            if device.type == "cuda":  # pragma: no cover - needs a GPU
                stream = torch.cuda.Stream(device)
                stack.callback(stream.synchronize)
                stack.enter_context(torch.cuda.stream(stream))
        yield
