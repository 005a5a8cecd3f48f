"""How much memory a frame needs beside the weights, counted and not guessed: no device is needed.

A frame of the true architecture is run on torch's meta device, where tensors have shapes and no
content, and what lives at a time is added up. Attention is counted as those kernels work that keep
no matrix of it (flash, memory-efficient). What libraries take as workspace is not in it.
"""

from __future__ import annotations

import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_flatten

from engine.painter.models import Model
from engine.painter.settings import Settings
from engine.painter.stream import LiveStream


class LiveBytes(TorchDispatchMode):
    """Counts the storage that is made while it is entered; `peak` is the most that lived."""

    def __init__(self) -> None:
        super().__init__()
        self.now = self.peak = 0
        self._alive: dict[int, int] = {}

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        answer = func(*args, **(kwargs or {}))
        given = {each.untyped_storage()._cdata for each in _tensors((args, kwargs))}
        for each in _tensors(answer):
            storage = each.untyped_storage()
            key = storage._cdata
            if key not in given and key not in self._alive:
                self._alive[key] = storage.nbytes()
                self.now += storage.nbytes()
                weakref.finalize(storage, self._gone, key)
        self.peak = max(self.peak, self.now)
        return answer

    def _gone(self, key: int) -> None:
        self.now -= self._alive.pop(key, 0)


def frame_bytes(model: Model, size: tuple[int, int], steps: int) -> int:
    """The most bytes that a frame of `steps` holds beside weights and static buffers; of a model on
    the meta device, in its own precision."""
    stream = LiveStream(model.pipe, width=size[0], height=size[1], torch_dtype=model.dtype)
    stream.apply(Settings(steps=steps))
    with _lean_attention(), LiveBytes() as live:
        stream.frame()
    return int(live.peak)


def _tensors(tree: Any) -> list[Tensor]:
    return [each for each in tree_flatten(tree)[0] if isinstance(each, Tensor)]


@contextmanager
def _lean_attention() -> Iterator[None]:
    def lean(query: Tensor, _key: Tensor, value: Tensor, *_: Any, **__: Any) -> Tensor:
        return torch.empty((*query.shape[:-1], value.shape[-1]), dtype=query.dtype, device="meta")

    before = functional.scaled_dot_product_attention
    functional.scaled_dot_product_attention = lean  # type: ignore[assignment]
    try:
        yield
    finally:
        functional.scaled_dot_product_attention = before
