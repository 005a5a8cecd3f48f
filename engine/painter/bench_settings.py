"""`python -m engine.painter.bench_settings --model random:sd-turbo`: which of torch's settings pay.

Frames of one step, as they are replayed, with one setting after the other changed from what
`card.set_up` makes them; what a variant fails at is told, and the next is tried.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import replace
from typing import Any, Final

import torch
from torch.nn.attention import SDPBackend, sdpa_kernel

from engine.logs import one_line
from engine.painter.bench_frames import noise_pictures, order_statistics, steady
from engine.painter.diffusion import CAPTURE_AFTER_FRAMES, DiffusionPainter
from engine.painter.models import Model
from engine.painter.random_models import random_model
from engine.painter.settings import Settings

Variant = tuple[Callable[[], AbstractContextManager[Any]], torch.dtype | None]
"""What it is entered under, and the precision where that is another."""


@contextmanager
def _cudnn(name: str, value: bool) -> Any:
    before = getattr(torch.backends.cudnn, name)
    setattr(torch.backends.cudnn, name, value)
    try:
        yield
    finally:
        setattr(torch.backends.cudnn, name, before)


VARIANTS: Final[dict[str, Variant]] = {
    "as set up": (nullcontext, None),
    "without trying convolutions": (lambda: _cudnn("benchmark", False), None),
    "attention by cuDNN": (lambda: sdpa_kernel(SDPBackend.CUDNN_ATTENTION), None),
    "attention by flash": (lambda: sdpa_kernel(SDPBackend.FLASH_ATTENTION), None),
    "attention, memory-efficient": (lambda: sdpa_kernel(SDPBackend.EFFICIENT_ATTENTION), None),
    "bf16": (nullcontext, torch.bfloat16),
    "as set up, again": (nullcontext, None),
}
"""The first comes twice: what lies between the two is noise."""


def variants(model: Model, size: tuple[int, int], seconds: float) -> list[dict[str, Any]]:
    """A row for each: its rate and frame times in ms, or why it failed."""
    rows: list[dict[str, Any]] = []
    for name, (entered, dtype) in VARIANTS.items():
        try:
            with entered():
                row = _measured(_as(model, dtype or model.dtype), size, seconds)
        except Exception as error:  # a kernel that is not there, or does not fit
            row = {"failed": one_line(f"{type(error).__name__}: {error}")[:200]}
        finally:
            _as(model, model.dtype)
        rows.append({"variant": name, **row})
    return rows


def _as(model: Model, dtype: torch.dtype) -> Model:
    """The same networks in this precision; a rounding there and back does not matter to speed."""
    for name in ("unet", "vae", "text_encoder", "text_encoder_2"):
        if getattr(model.pipe, name, None) is not None:
            getattr(model.pipe, name).to(dtype)
    return replace(model, dtype=dtype)


def _measured(model: Model, size: tuple[int, int], seconds: float) -> dict[str, Any]:
    painter, settings = DiffusionPainter(model, *size), Settings()
    pictures = noise_pictures(size)
    for number in range(CAPTURE_AFTER_FRAMES + 2):
        painter.paint(pictures[number], settings)
        painter.tend()
    took = steady(lambda picture: painter.paint(picture, settings), pictures, seconds)
    return {
        "fps": round(len(took) / sum(took), 2),
        "frame_ms": order_statistics(took),
        "graphs": painter.runner.captures,
    }


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m engine.painter.bench_settings")
    parser.add_argument("--model", default="random:sd-turbo")
    parser.add_argument("--device")
    parser.add_argument("--seconds", type=float, default=2.0)
    asked = parser.parse_args(arguments)
    model = random_model(asked.model, asked.device)
    cuda = model.device.type == "cuda"
    report = {
        "model": asked.model,
        "device": torch.cuda.get_device_name(model.device) if cuda else model.device.type,
        "torch": str(torch.__version__),
        "variants": variants(model, model.native_size, asked.seconds),
    }
    print(json.dumps(report, indent=2))
    return 1 if any("failed" in row for row in report["variants"][:1]) else 0


if __name__ == "__main__":
    sys.exit(main())
