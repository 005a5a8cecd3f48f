"""Painters that fail on purpose, started by the real painter process as "module:name"."""

from __future__ import annotations

import os
import time

from engine.errors import ModelError
from engine.latest import Picture
from engine.painter.copying import CopyPainter
from engine.painter.loop import Report
from engine.painter.settings import Settings

MODULE = "tests.helpers.painters"


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
