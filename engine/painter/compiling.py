"""torch.compile for the unet: faster frames for a start that takes longer, the first time.

Only what warming up has prepared runs compiled. A frame of another shape is called as it always
was: nothing is ever compiled while the audience looks.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import diffusers
import torch
from torch import Tensor

from engine.logs import one_line
from engine.painter.models import Model

SHAPES: Final = 64
"""More than there are ways of painting: torch gives up on a function that has too many."""

Compile = Callable[[Any], Callable[..., Any]]


class Compiled:
    """A unet that runs compiled for inputs it was prepared for.

    While `preparing` any input is compiled for. Where that fails the unet is called, and `failed`
    says why.
    """

    def __init__(self, unet: Any, compile: Compile | None = None) -> None:
        self.eager = unet
        self.preparing = True
        self.failed = ""
        self._fast = (compile or _inductor)(unet)
        self._prepared: set[tuple[tuple[int, ...], tuple[int, ...]]] = set()

    def __call__(self, x: Tensor, *rest: Any, **named: Any) -> Any:
        key = tuple(x.shape), x.stride()
        if key in self._prepared:
            return self._fast(x, *rest, **named)
        if self.preparing and not self.failed:
            try:
                answer = self._fast(x, *rest, **named)
            except torch.OutOfMemoryError:
                raise
            except Exception as error:  # compilers fail in every way there is
                lines = str(error).strip().splitlines()
                said = ": ".join([type(error).__name__, *lines[:1]])
                self.failed = one_line(said)[:200]
            else:
                self._prepared.add(key)
                return answer
        return self.eager(x, *rest, **named)


def _inductor(unet: Any) -> Callable[..., Any]:
    for name in ("recompile_limit", "cache_size_limit"):  # torch has renamed it
        if hasattr(torch._dynamo.config, name):
            setattr(torch._dynamo.config, name, SHAPES)
    # each shape by itself: a graph is captured of every one of them anyway
    return torch.compile(unet, dynamic=False)


def is_wanted(choice: str, model: Model, size: tuple[int, int], cache: Path | None) -> bool:
    """Whether to compile: `choice` is on, off, or auto, which is for CUDA where the cache has it
    from an earlier start, so that it takes seconds and not minutes."""
    if choice != "auto":
        return choice == "on"
    return model.device.type == "cuda" and cache is not None and _mark(cache, model, size).is_file()


def use_cache(cache: Path) -> None:
    """Have the compiler keep what it makes there; before its first use."""
    os.environ["TORCHINDUCTOR_CACHE_DIR"] = str(cache / "inductor")
    os.environ["TRITON_CACHE_DIR"] = str(cache / "triton")


def note_compiled(cache: Path, model: Model, size: tuple[int, int]) -> None:
    """Remember for `auto` that this was compiled. A cache that cannot be written is none."""
    mark = _mark(cache, model, size)
    try:
        mark.parent.mkdir(parents=True, exist_ok=True)
        mark.write_text(json.dumps(_what(model, size), indent=2) + "\n", "utf-8")
    except OSError:
        return


def _mark(cache: Path, model: Model, size: tuple[int, int]) -> Path:
    digest = hashlib.sha256(json.dumps(_what(model, size)).encode()).hexdigest()[:16]
    return cache / f"{digest}.json"


def _what(model: Model, size: tuple[int, int]) -> dict[str, Any]:
    """Whatever makes another compilation necessary."""
    cuda = model.device.type == "cuda"
    return {
        "model": model.name,
        "kind": model.kind,
        "size": list(size),
        "dtype": str(model.dtype),
        "device": torch.cuda.get_device_name(model.device) if cuda else model.device.type,
        "torch": str(torch.__version__),
        "diffusers": diffusers.__version__,
    }
