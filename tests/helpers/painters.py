"""Painters that fail on purpose, started by the real painter process as "module:name"."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping

import numpy as np

from engine.errors import LoraError, ModelError
from engine.latest import Picture
from engine.mixing import LoraFile
from engine.painter.copying import CopyPainter
from engine.painter.loop import Report
from engine.painter.settings import Settings

MODULE = "tests.helpers.painters"


class ShowsItsMix(CopyPainter):
    """Adds a hundred times the mix to every pixel; it cannot read files that are called bad.

    The first file takes a second to read; one that is called later is read once it is there.
    """

    def __init__(self) -> None:
        self._added = 0.0
        self._ready: set[str] = set()

    def stage(self, file: LoraFile) -> object:
        if not self._ready:
            time.sleep(1.0)
        while file.path.endswith("later") and not os.path.exists(file.path):
            time.sleep(0.01)
        if file.path.endswith("bad"):
            raise LoraError(f"'{file.path}' is bad for {file.base}")
        return file

    def add(self, id: str, staged: object) -> tuple[str, ...]:
        self._ready.add(id)
        return ()

    def remove(self, id: str) -> None:
        self._ready.discard(id)

    def mix(self, weights: Mapping[str, float], budget_ms: float | None) -> bool:
        self._added = sum(weight for id, weight in weights.items() if id in self._ready)
        return True

    def paint(self, picture: Picture, settings: Settings) -> Picture:
        words = len(settings.prompt_a)  # trigger words are seen, too
        return (picture.astype(np.int32) + round(100 * self._added) + words).astype(np.uint8)


class TakesItsTime(CopyPainter):
    """Some milliseconds more or fewer for each picture, which it marks as its own."""

    def paint(self, picture: Picture, settings: Settings) -> Picture:
        time.sleep(0.004 + 0.004 * (picture[0, 0, 0] % 3))
        marked = super().paint(picture, settings).copy()
        marked[:, :, 1] = os.getpid() % 256
        return marked


class FailsAtWork(CopyPainter):
    """Paints three pictures, then raises."""

    painted = 0

    def paint(self, picture: Picture, settings: Settings) -> Picture:
        self.painted += 1
        if self.painted > 3:
            raise RuntimeError("the third eye is blind\nand more lines")
        return super().paint(picture, settings)


class OutOfMemory(CopyPainter):
    def paint(self, picture: Picture, settings: Settings) -> Picture:
        raise MemoryError


class Cramped(OutOfMemory):
    """Has memory once it gave something up."""

    _relieved = False

    def relieve(self) -> str | None:
        relieved, self._relieved = self._relieved, True
        return None if relieved else "out of memory while painting: it goes on with less"

    def paint(self, picture: Picture, settings: Settings) -> Picture:
        return picture if self._relieved else super().paint(picture, settings)


class HangsAtWork(CopyPainter):
    """Beats go on, but no picture is ever finished."""

    def paint(self, picture: Picture, settings: Settings) -> Picture:
        time.sleep(600)
        return super().paint(picture, settings)


class NoModel(CopyPainter):
    def warm_up(self, report: Report) -> None:
        raise ModelError("the folder 'x' holds no unet; expected unet/config.json")


class DiesLoading(CopyPainter):
    def warm_up(self, report: Report) -> None:
        report(0.5, "unet")
        os._exit(9)


class DiesAtWork(CopyPainter):
    """Ends in its first frame, as a CUDA fault does."""

    def paint(self, picture: Picture, settings: Settings) -> Picture:
        os._exit(9)


class Garbled(CopyPainter):
    """Writes to the message pipe what is no message."""

    def warm_up(self, report: Report) -> None:
        super().warm_up(report)
        # our reports' pipe is the lowest duplicated descriptor of the old stdout
        for fd in range(3, 64):
            try:
                os.write(fd, b"\xff\xff\xff\xff")
            except OSError:
                continue
