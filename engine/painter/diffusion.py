"""DiffusionPainter: pictures and settings in, painted pictures out."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Final

import numpy as np
import torch

from engine.errors import ModelError
from engine.latest import Picture
from engine.mixing import LoraFile
from engine.painter.attention import fuse
from engine.painter.compiling import Compile, Compiled, note_compiled
from engine.painter.graphs import FrameRunner, make_runner
from engine.painter.loop import Finish, Report
from engine.painter.lora_tensors import ModelLayers, Staged, stage
from engine.painter.loras import LoraMixer
from engine.painter.models import Model
from engine.painter.prompts_ahead import PromptsAhead
from engine.painter.settings import MAX_STEPS, Settings
from engine.painter.similarity import Similarity, Stillness
from engine.painter.stream import FrameKey, LiveStream
from engine.painter.transfers import Ticket, make_transfers

CAPTURE_AFTER_FRAMES: Final = 2
"""A capture takes as long as several frames: not for a way of painting that a knob passes by."""

ASKING: Final = tuple(
    Settings(steps=steps, guidance=2.0, guidance_mode=mode)
    for mode, counts in (("full", range(1, MAX_STEPS + 1)), ("initialize", (2, 4)))
    for steps in counts
)
"""Between them every number of rows that the unet is asked for beside 1 to 4: its convolutions are
chosen at the first pass, which takes as long as many frames."""


class DiffusionPainter:
    """Paints with a base model at one size.

    `skipped` counts inputs that were not painted because they were like the one before.
    """

    def __init__(
        self,
        model: Model,
        width: int,
        height: int,
        *,
        runner: FrameRunner | None = None,
        compile: Compile | bool = False,
        cache: Path | None = None,
        lowvram: bool = False,
        tell: Callable[[str], None] = lambda _: None,
    ) -> None:
        """`width` and `height` in pixels, multiples of the autoencoder's scale: 8, or `ModelError`.

        The unet's own halvings are no concern: diffusers pads odd sizes inside it. `runner` is
        the device's own where none is given; `compile` (with another compiler than torch's, for
        tests) has the unet compiled when warming up, which is noted in `cache`. `lowvram` keeps
        the weights as they were before a mix in the host's memory. `tell` hears what the performer
        should know.
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
        self._prompts = PromptsAhead(self.stream)
        fuse(model.pipe.unet)  # before anything holds its weights
        self._layers = ModelLayers.of(model.pipe, model.name or model.kind, model.kind)
        self._mixer = LoraMixer(self._layers, pristine_on_host=lowvram)
        self._compiled: Compiled | None = None
        if compile:
            self._compiled = Compiled(model.pipe.unet, None if compile is True else compile)
            self.stream.unet = self._compiled
        self._cache = cache
        self._tell = tell
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
        self._sent: Picture | None = None  # what the static input holds
        self._encoded = False  # whether the static latent is that input's
        self._frame_key: FrameKey | None = None
        self._frames_of_key = 0
        self.runner = runner or make_runner(model.device)
        self.transfers = make_transfers(self.stream.input, self.stream.output, self.stream.sound)

    def warm_up(self, report: Report) -> None:
        """Paint in the dark, so that no first frame is slow; on CUDA once for every step count."""
        while True:
            try:
                with out_of_memory_as_ours():
                    return self._warm_up(report)
            except MemoryError:
                told = self.relieve()
                if told is None:
                    raise
                self._tell(told)

    def _warm_up(self, report: Report) -> None:
        prepares = self.runner.records or self._compiled is not None
        sizes = range(1, MAX_STEPS + 1) if prepares else (1,)
        for done, steps in enumerate(sizes):
            report(done / len(sizes), f"first pass, {steps} step{'s' * (steps > 1)}")
            self.stream.apply(Settings(steps=steps))
            self.stream.fill()
            self.stream.frame()
            if self._compiled is not None and self._compiled.failed:
                self._tell(f"the model cannot be compiled here: {self._compiled.failed}")
                self._uncompile()
            self._capture()
        self._prompts.warm_up()
        if self._compiled is not None:
            self._compiled.preparing = False
            if self._cache is not None:
                note_compiled(self._cache, self._model, (self.stream.width, self.stream.height))
        if self.runner.records:
            report(1.0, "first pass, guided")
            with suppress(torch.OutOfMemoryError):  # then it is told when it is asked for
                for settings in ASKING:
                    self.stream.apply(settings)
                    self.stream.denoise()
        self.stream.apply(Settings())
        self.stream.fill(self.runner)
        self.transfers.leave().collect()
        begun = time.monotonic()
        self._run()
        self.transfers.leave().collect()
        self.frame_s = time.monotonic() - begun
        self.stream.restart()
        if self._model.device.type == "cuda":  # pragma: no cover - needs a GPU
            torch.cuda.empty_cache()  # recordings have memory of their own
        report(1.0, "ready")

    def paint(self, picture: Picture, settings: Settings) -> Picture:
        """Paint one `picture`, (h, w, 3) uint8, into a new one of the same shape, with these very
        prompts, however long their encoding takes.

        The last painted one comes again while the input is more alike than
        `settings.skip_similar`, nothing has changed and no frame is still in the batch.
        """
        with out_of_memory_as_ours():
            self._prompts.finish(settings)
        return self.begin(picture, settings)()

    def begin(self, picture: Picture, settings: Settings) -> Finish:
        """Set off one picture, as `paint` does; what is returned waits for it and brings it home.

        Pictures are finished in the order they were begun in, `MAX_PIPELINE` under way at most.
        A prompt that is not encoded yet is heard when `look_ahead` has come so far.
        """
        with out_of_memory_as_ours():
            self._send(picture)
            settings = self._prompts.heard(settings)
            changed = self.stream.apply(settings) or self._remixed
            self._remixed = False
            if self._may_skip(settings, changed) and self._picture is not None:
                self.skipped += 1
                return self._held
            if settings.skip_similar > 0.0:
                self._similarity.remember()
            self.stream.fill(self.runner)
            self._run()
            return partial(self._finish, self.transfers.leave())

    def look_ahead(self, settings: Settings, budget_ms: float) -> bool:
        with out_of_memory_as_ours():
            return self._prompts.work(settings, budget_ms / 1000)

    def _held(self) -> Picture:
        assert self._picture is not None
        return self._picture

    def _finish(self, ticket: Ticket) -> Picture:
        with out_of_memory_as_ours():
            picture, sound = ticket.collect()
        if not sound:
            # residual guidance feeds on itself: far out it leaves the numbers, for good
            self.stream.restart()
            picture = picture if self._picture is None else self._picture
        self._picture = picture
        return picture

    def _run(self) -> None:
        """The device part of a frame; what stands still is not encoded again."""
        stream = self.stream
        if stream.encodes_anew or not self._encoded:
            self.runner.run(stream.encode_key, stream.encode)
            self._encoded = not stream.encodes_anew
        self.runner.run(stream.paint_key, stream.paint)
        key = stream.frame_key
        self._frames_of_key = self._frames_of_key + 1 if key == self._frame_key else 1
        self._frame_key = key

    def tend(self) -> None:
        """Capture what is being painted but was never captured, once it has stood for a while."""
        if self.runner.records and self._frames_of_key == CAPTURE_AFTER_FRAMES:
            with out_of_memory_as_ours():
                self._capture()

    def _capture(self) -> None:
        for key, work in self.stream.parts:
            self.runner.capture(key, work, self.stream.written())

    def relieve(self) -> str | None:
        """Give up what only makes frames faster: first the compiled unet, then CUDA graphs."""
        if self._compiled is not None:
            self._uncompile()
            given_up = "a compiled model"
        elif self.runner.records:
            self.runner.retire()
            given_up = "CUDA graphs"
        else:
            return None
        self._frames_of_key = 0
        torch.cuda.empty_cache()
        return f"out of memory while painting: it goes on without {given_up}, slower"

    def _uncompile(self) -> None:
        self.stream.unet = self._model.pipe.unet
        self._compiled = None
        self.runner.forget()
        torch._dynamo.reset()

    @property
    def compiled(self) -> bool:
        """Whether the unet runs compiled."""
        return self._compiled is not None

    def stage(self, file: LoraFile) -> Staged:
        with out_of_memory_as_ours():
            return stage(Path(file.path), self._layers, base=file.base or None)

    def add(self, id: str, staged: Staged) -> tuple[str, ...]:
        return self._mixer.add(id, staged)

    def remove(self, id: str) -> None:
        self._mixer.remove(id)

    def mix(self, weights: Mapping[str, float], budget_ms: float | None) -> bool:
        self._mixer.set_weights(weights)
        with out_of_memory_as_ours():
            written = self._mixer.apply(budget_ms)
        self._remixed |= written.layers > 0
        if written.text:
            self._prompts.outdate()
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

    def _send(self, picture: Picture) -> None:
        expected = tuple(self.stream.input.shape)
        if picture.shape != expected or picture.dtype != np.uint8:
            raise ValueError(
                f"a picture of {picture.shape} {picture.dtype} came; {expected} uint8 is painted"
            )
        if self._sent is not None and same(picture, self._sent):
            return
        self._sent = picture  # nobody writes to a picture that was handed over
        self._encoded = False
        self.transfers.send(picture)


def same(picture: Picture, other: Picture) -> bool:
    """Whether two pictures of one shape are equal, bit for bit; soon told of most that are not."""
    middle = len(picture) // 2
    return np.array_equal(picture[middle], other[middle]) and np.array_equal(picture, other)


@contextmanager
def out_of_memory_as_ours() -> Iterator[None]:
    """The loop knows no torch: a device without memory is a `MemoryError` to it."""
    try:
        yield
    except torch.OutOfMemoryError as error:
        raise MemoryError(str(error)) from error


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
