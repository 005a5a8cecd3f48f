"""Sources: everything from a camera, a file, a screen or a hand to the newest input picture.

Nothing heavy is imported until a source is opened: the command line reads names from here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.sources.protocol import Source
from engine.sources.spec import FORMS, SourceSpec, parse_source

if TYPE_CHECKING:
    from collections.abc import Callable

    from engine.sources.drawing import Drawing

__all__ = ["FORMS", "Source", "SourceSpec", "open_source", "parse_source"]


def open_source(spec: SourceSpec, size: tuple[int, int], drawing: Drawing) -> Source:
    """Open what `spec` names, for pictures of `size` (w, h). Blocks; raises `SourceError`."""
    if spec.kind == "test-card":
        from engine.sources.test_card import TestCard

        return TestCard(size)
    if spec.kind == "drawing":
        from engine.sources.drawing import DrawingSource

        return DrawingSource(drawing, size)
    return _open_with_av(spec, size)


def _open_with_av(spec: SourceSpec, size: tuple[int, int]) -> Source:
    # PyAV takes a tenth of a second to import
    from engine.sources.camera import open_camera
    from engine.sources.image import Image
    from engine.sources.screen import open_screen
    from engine.sources.video import Video

    openers: dict[str, Callable[[str, tuple[int, int]], Source]] = {
        "camera": open_camera,
        "screen": open_screen,
        "video": Video,
        "image": Image,
    }
    return openers[spec.kind](spec.argument, size)
