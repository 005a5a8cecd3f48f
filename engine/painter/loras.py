"""LoraMixer: any mix of LoRAs in a model's own weights, ridden at frame rate, left without a trace.

Of every layer a LoRA touches the pristine weight W0 is kept, and `W0 + sum(weight * scale * D)` is
written into the storage the model computes with, always from W0 and with one rounding. So a mix
costs no frame time, wraps no module, keeps captured graphs valid, never drifts, and nothing of it
is left when it is over: then W0 itself is copied back.
"""

from __future__ import annotations

import math
import time
from collections import OrderedDict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

import torch
from torch import Tensor

from engine.errors import LoraError
from engine.logs import one_line
from engine.painter.lora_deltas import Mix, compose, flat
from engine.painter.lora_pace import Clock, Pace
from engine.painter.lora_tensors import ModelLayers, Place, Staged

CAP_BYTES: Final = 2_000_000_000
"""What staged LoRAs may take of the device's memory; some five of the largest for SDXL."""


@dataclass(frozen=True, slots=True)
class Written:
    """What one `apply` has done: how many layers it wrote, and whether the prompts must be encoded
    anew because text encoders were among them."""

    layers: int = 0
    text: bool = False


@dataclass(slots=True)
class _Layer:
    """`pristine` is W0, flat, from the first change on; `written` None while that is uncertain."""

    place: Place
    weight: Tensor
    pristine: Tensor | None = None
    written: Mix | None = ()
    target: Mix = ()


class LoraMixer:
    """Mixes staged LoRAs into the weights of a model; an acceleration LoRA is one among them.

    `add`, `remove` and `set_weights` only set a target; `apply`, between two frames, writes towards
    it. All are of one thread; `stage` may run in another. Weights and every other storage stay
    where they are.
    """

    def __init__(
        self,
        model: ModelLayers,
        *,
        cap_bytes: int = CAP_BYTES,
        pristine_on_host: bool = False,
        clock: Clock = time.perf_counter,
    ) -> None:
        """`pristine_on_host` spares the device's memory and makes every write wait for a copy."""
        self._layers = [_Layer(place, model.weight(place)) for place in model.modules]
        self._numbers = {layer.place: number for number, layer in enumerate(self._layers)}
        self._text_layers = sum(place.component != "unet" for place in model.modules)
        self._cap_bytes = cap_bytes
        self._on_host = pristine_on_host
        self._staged: OrderedDict[str, Staged] = OrderedDict()  # least recently used first
        self._weights: dict[str, float] = {}
        self._pending: set[int] = set()
        self._next = 0
        self._text_written = False
        self._outgrown = False
        device = self._layers[0].weight.device if self._layers else torch.device("cpu")
        self._pace = Pace(device, clock)

    @property
    def pending(self) -> int:
        """Layers that are not yet as the target has them."""
        return len(self._pending)

    @property
    def staged(self) -> tuple[str, ...]:
        """The ids that can be mixed at once, the least recently used first."""
        return tuple(self._staged)

    @property
    def staged_bytes(self) -> int:
        return sum(staged.size_bytes for staged in self._staged.values())

    @property
    def pristine_bytes(self) -> int:
        """What the kept weights take, on the device or on the host."""
        return sum(each.pristine.nbytes for each in self._layers if each.pristine is not None)

    def add(self, name: str, staged: Staged) -> tuple[str, ...]:
        """Have a LoRA ready under `name`, instead of any other of that name.

        Returns the names that were dropped to keep the cap, the least recently used first; those in
        the mix stay. Raises `LoraError`, and drops none, where that is not enough.
        """
        others = {key: each for key, each in self._staged.items() if key != name}
        in_mix = sum(each.size_bytes for key, each in others.items() if self._weights.get(key))
        if in_mix + staged.size_bytes > self._cap_bytes:
            raise LoraError(
                one_line(
                    f"'{staged.file.name}' needs {_mb(staged.size_bytes)} MB beside a mix of "
                    f"{_mb(in_mix)} MB; allowed: {_mb(self._cap_bytes)} MB; take a preset out of "
                    "the mix"
                )
            )
        room = (
            self._cap_bytes - staged.size_bytes - sum(each.size_bytes for each in others.values())
        )
        dropped = []
        for key, each in others.items():
            if room < 0 and not self._weights.get(key):
                room += each.size_bytes
                dropped.append(key)
        for key in dropped:
            self.remove(key)
        self.remove(name)
        self._staged[name] = staged
        self._retarget(staged.deltas)
        return tuple(dropped)

    def remove(self, name: str) -> None:
        """Forget a LoRA; what it added goes with the next writes. Of an unknown one nothing."""
        staged = self._staged.pop(name, None)
        if staged is not None:
            self._outgrown = True
            self._retarget(staged.deltas)

    def set_weights(self, weights: Mapping[str, float]) -> None:
        """The whole mix from now on: names that are not in it are out of it.

        Weights are finite numbers. A name that is not there yet counts from when it is added.
        """
        for name, weight in weights.items():
            if not math.isfinite(weight):
                raise ValueError(f"the weight of {name!r} is {weight}")
        before, self._weights = self._weights, {key: each for key, each in weights.items() if each}
        for name in self._weights:
            if name in self._staged:
                self._staged.move_to_end(name)
        changed = {
            place
            for name, staged in self._staged.items()
            if before.get(name) != self._weights.get(name)
            for place in staged.deltas
        }
        self._retarget(changed)

    @torch.no_grad()
    def apply(self, budget_ms: float | None = None) -> Written:
        """Write the layers that are not as the target has them, for about `budget_ms`; None: all.

        One at least. A turn begins with the layers that the one before did not reach, so that all
        have their turn even if the target moves in every frame; text encoders come first.
        """
        if not self._pending:
            self._let_go()
            return Written(0, self._take_text())
        written = 0
        self._pace.begin(budget_ms)
        for number in sorted(self._pending, key=lambda number: (number < self._next, number)):
            if not self._pace.allows(self._layers[number].weight.numel()):
                break
            self._write(self._layers[number])
            self._pending.discard(number)
            self._next = number + 1
            self._text_written |= number < self._text_layers
            written += 1
        self._pace.end()
        text = self._take_text()
        if not self._pending:
            self._next = 0
            self._let_go()
        return Written(written, text)

    def _retarget(self, places: Iterable[Place]) -> None:
        # In the order of the names: the same mix has the same bits, whatever came before.
        mix = [
            (self._staged[name].deltas, weight)
            for name, weight in sorted(self._weights.items())
            if name in self._staged
        ]
        for place in places:
            number = self._numbers[place]
            layer = self._layers[number]
            layer.target = tuple(
                (deltas[place], weight) for deltas, weight in mix if place in deltas
            )
            if layer.target == layer.written:
                self._pending.discard(number)
            else:
                self._pending.add(number)

    def _write(self, layer: _Layer) -> None:
        weight = flat(layer.weight)
        if layer.pristine is None:
            layer.pristine = self._keep(weight)
        layer.written = None  # until it is done: an error may come in between
        if layer.target:
            pristine = layer.pristine.to(weight.device, non_blocking=True)
            compose(pristine, layer.target, weight)
        else:
            weight.copy_(layer.pristine, non_blocking=True)
        layer.written = layer.target

    def _keep(self, weight: Tensor) -> Tensor:
        if not self._on_host:
            return weight.clone()
        kept = torch.empty(
            weight.shape, dtype=weight.dtype, device="cpu", pin_memory=weight.is_cuda
        )
        return kept.copy_(weight)

    def _take_text(self) -> bool:
        """Once for a pass over the text encoders, not for a part of one."""
        within = self._next < self._text_layers
        if within and any(number < self._text_layers for number in self._pending):
            return False
        told, self._text_written = self._text_written, False
        return told

    def _let_go(self) -> None:
        """Drop W0 of layers that no staged LoRA touches any more: they are W0 again themselves."""
        if not self._outgrown:
            return
        self._outgrown = False
        touched = {place for staged in self._staged.values() for place in staged.deltas}
        for layer in self._layers:
            if layer.place not in touched:
                layer.pristine = None


def _mb(size_bytes: int) -> int:
    return math.ceil(size_bytes / 1e6)
