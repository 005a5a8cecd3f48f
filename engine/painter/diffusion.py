"""DiffusionPainter: pictures and settings in, painted pictures out."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from engine.errors import ModelError
from engine.latest import Picture
from engine.mixing import LoraFile
from engine.painter.loop import Report
from engine.painter.lora_tensors import ModelLayers, Staged, stage
from engine.painter.loras import LoraMixer
from engine.painter.models import Model
from engine.painter.settings import MAX_STEPS, Settings
from engine.painter.similarity import Similarity, Stillness
from engine.painter.stream import LiveStream


class DiffusionPainter:
    """Paints with a base model at one size.

    `skipped` counts inputs that were not painted because they were like the one before.
    """

    def __init__(self, model: Model, width: int, height: int) -> None:
        """`width` and `height` in pixels, multiples of the autoencoder's scale: 8, or `ModelError`.

        The unet's own halvings are no concern: diffusers pads odd sizes inside it.
        """
        grain = model.pipe.vae_scale_factor
        if width % grain or height % grain or min(width, height) < grain:
            nearest = [max(grain, round(side / grain) * grain) for side in (width, height)]
            raise ModelError(
                f"painted size {width}x{height}: this model paints multiples of {grain}; "
                f"try {nearest[0]}x{nearest[1]}"
            )
        self.stream = LiveStream(
            model.pipe,
            width=width,
            height=height,
            torch_dtype=model.dtype,
            default_prompt=model.default_prompt,
        )
        self._layers = ModelLayers.of(model.pipe, model.name or model.kind, model.kind)
        self._mixer = LoraMixer(self._layers)
        self._remixed = False
        self.skipped = 0
        self.frame_s = 0.0
        self._model = model
        cuda = model.device.type == "cuda"
        self._similarity = Similarity(
            self.stream.input, self.stream.white, torch.cuda.Event() if cuda else None
        )
        self._stillness = Stillness()
        self._picture: Picture | None = None
        self._upload = _pinned_like(self.stream.input)
        self._download = _pinned_like(self.stream.output)
        self._sent = torch.cuda.Event() if cuda else None
        self._sound = torch.ones((), dtype=torch.bool, pin_memory=cuda)

    def warm_up(self, report: Report) -> None:
        """Paint in the dark, so that no first frame is slow; on CUDA once for every step count."""
        sizes = range(1, MAX_STEPS + 1) if self._model.device.type == "cuda" else (1,)
        for done, steps in enumerate(sizes):
            report(done / len(sizes), f"first pass, {steps} step{'s' * (steps > 1)}")
            self.stream.apply(Settings(steps=steps))
            self.stream.fill()
            self.stream.frame()
            self.fetch()
        self.stream.apply(Settings())
        begun = time.monotonic()
        self.stream.fill()
        self.stream.frame()
        self.fetch()
        self.frame_s = time.monotonic() - begun
        self.stream.restart()
        report(1.0, "ready")

    def paint(self, picture: Picture, settings: Settings) -> Picture:
        """Paint one `picture`, (h, w, 3) uint8, into a new one of the same shape.

        The last painted one comes again while the input is more alike than
        `settings.skip_similar`, nothing has changed and no frame is still in the batch.
        """
        self.send(picture)
        changed = self.stream.apply(settings) or self._remixed
        self._remixed = False
        if self._may_skip(settings, changed) and self._picture is not None:
            self.skipped += 1
            return self._picture
        if settings.skip_similar > 0.0:
            self._similarity.remember()
        self.stream.fill()
        self.stream.frame()
        self._sound.copy_(torch.isfinite(self.stream.stock_noise).all(), non_blocking=True)
        picture = self.fetch()
        if not self._sound:
            # residual guidance feeds on itself: far out it leaves the numbers, for good
            self.stream.restart()
            picture = picture if self._picture is None else self._picture
        self._picture = picture
        return self._picture

    def stage(self, file: LoraFile) -> Staged:
        try:
            return stage(Path(file.path), self._layers, base=file.base or None)
        except torch.OutOfMemoryError as error:
            raise MemoryError(str(error)) from error

    def add(self, id: str, staged: Staged) -> tuple[str, ...]:
        return self._mixer.add(id, staged)

    def remove(self, id: str) -> None:
        self._mixer.remove(id)

    def mix(self, weights: Mapping[str, float], budget_ms: float | None) -> bool:
        self._mixer.set_weights(weights)
        try:
            written = self._mixer.apply(budget_ms)
        except torch.OutOfMemoryError as error:
            raise MemoryError(str(error)) from error
        self._remixed |= written.layers > 0
        if written.text:
            self.stream.refresh_prompts()
        return not self._mixer.pending

    def memory_mb(self) -> float:
        """Device memory held by this process in MB (10^6 bytes); on the CPU its resident memory."""
        kind = self._model.device.type
        if kind == "cuda":
            return torch.cuda.memory_reserved(self._model.device) / 1e6
        if kind == "mps":
            return torch.mps.driver_allocated_memory() / 1e6
        return _resident_bytes() / 1e6

    def _may_skip(self, settings: Settings, changed: bool) -> bool:
        if settings.skip_similar > 0.0:
            self._similarity.measure()
        return self._stillness.may_skip(
            self._similarity.newest(),
            settings.skip_similar,
            restless=changed or settings.feedback_amount > 0.0 or self._picture is None,
            steps=settings.steps,
        )

    def send(self, picture: Picture) -> None:
        expected = tuple(self.stream.input.shape)
        if picture.shape != expected or picture.dtype != np.uint8:
            raise ValueError(
                f"a picture of {picture.shape} {picture.dtype} came; {expected} uint8 is painted"
            )
        if self._sent is not None:
            self._sent.synchronize()  # long done, unless frames are being skipped very quickly
        np.copyto(self._upload.numpy(), picture)
        if self._upload is not self.stream.input:
            self.stream.input.copy_(self._upload, non_blocking=self._sent is not None)
        if self._sent is not None:
            self._sent.record()

    def fetch(self) -> Picture:
        """Wait for the device, the only wait of a frame, and bring its picture home."""
        if self._download is not self.stream.output:
            self._download.copy_(self.stream.output)
        picture: Picture = self._download.numpy().copy()
        return picture


def _pinned_like(tensor: Tensor) -> Tensor:
    """Memory of the host through which `tensor` travels; the tensor itself where it lives there."""
    if tensor.device.type == "cpu":
        return tensor
    return torch.zeros(tensor.shape, dtype=tensor.dtype, pin_memory=tensor.device.type == "cuda")


def _resident_bytes() -> float:
    try:
        pages = int(Path("/proc/self/statm").read_text("ascii").split()[1])
        return float(pages * os.sysconf("SC_PAGE_SIZE"))
    except (OSError, ValueError, AttributeError):
        pass
    try:
        import resource
    except ImportError:  # Windows tells it in no simple way
        return 0.0
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return float(peak if sys.platform == "darwin" else peak * 1024)
