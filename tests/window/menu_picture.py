"""A menu in the middle of a show, and a picture of it: python -m tests.window.menu_picture [OUT].

The picture in docs/ is what a real window shows on a virtual screen, over one of the painter's.
"""

from __future__ import annotations

import os
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Final

import numpy as np
from PIL import Image, ImageFilter

from engine.latest import Frame, Latest
from engine.menu import Menu, MenuRow
from engine.overlay import Overlay
from engine.window import Window, WindowOptions
from tests.helpers.pictures import screenshot
from tests.helpers.x11 import xvfb

SIZE: Final = (960, 640)
_IMAGES: Final = Path(__file__).resolve().parents[2] / "docs" / "images"
KEPT: Final = _IMAGES / "preset-menu.png"
_SHOWN: Final = _IMAGES / "first.png"


def _style(id: str, name: str, number: int = 0, **facts: object) -> MenuRow:
    facts = {"state": "installed", "size_mb": 3.4, "weight": 0.0} | facts
    return MenuRow(id, name, "styles", number, **facts)  # type: ignore[arg-type]


ROWS: Final = (
    MenuRow("lcm", "LCM for SD 1.5", "acceleration", 0, True, "active", size_mb=134.6, weight=1.0),
    _style("anime", "Anime", 1, state="active", size_mb=75.6, weight=0.8),
    _style("ink", "Ink", 2, state="loading", size_mb=37.9, weight=0.25),
    _style(
        "pixel-art",
        "Pixel art",
        state="downloading",
        size_mb=170.5,
        progress=0.42,
        received_mb=71.6,
        rate=11.3,
        eta_s=8.0,
        weight=None,
    ),
    _style(
        "watercolor",
        "Watercolor",
        state="failed",
        size_mb=76.0,
        note="HF Mirror: 404; Hugging Face: the file has another digest",
        weight=None,
    ),
    _style("chalk", "Chalk", state="absent", size_mb=151.1, weight=None),
    MenuRow(
        "oil-painting",
        "Oil painting",
        "styles for other models",
        fits=False,
        state="absent",
        note="for the rehearsal model, SDXL",
    ),
)
MENU: Final = Menu(
    title="Presets",
    subtitle="for sd15-lcm",
    rows=ROWS,
    selected="pixel-art",
    about="Pixel art: sprites in blocks of few colours; adds PixArFK to the prompt",
    detail="pixel-art: downloading from HF Mirror, 71.6 of 170.5 MB, 11.3 MB/s, 0:08 left",
    keys=(("enter", "load when here"), ("c", "cancel"), ("esc", "close")),
)
PLAYING: Final = Overlay(
    painter_state="painting",
    model="sd15-lcm",
    playing=(("Anime", 0.8), ("Ink", 0.25), ("LCM for SD 1.5", 1.0)),
    painted_fps=23.7,
    latency_ms=84.2,
    source="camera:0",
    prompt="a windmill and a balloon over the mountains, clean lines",
    strength=0.56,
    osc="127.0.0.1:9000",
    menu=MENU,
)


def main(out: Path) -> None:
    with Image.open(_SHOWN) as strip:
        # its palette's grain, smoothed away
        crop = strip.convert("RGB").crop((372, 94, 728, 332)).filter(ImageFilter.GaussianBlur(1.4))
        picture = np.asarray(crop.resize(SIZE))
    with xvfb(*SIZE) as display, tempfile.TemporaryDirectory() as folder:
        os.environ["DISPLAY"] = display
        options = WindowOptions(size=SIZE)
        shown = Latest(Frame(picture, 1, 0))
        window = Window(options, shown, Latest(), lambda _: None, lambda: PLAYING)

        def look() -> None:
            while not window.presented:
                time.sleep(0.05)
            time.sleep(0.5)
            image = Image.fromarray(screenshot(display, Path(folder) / "screen.png"))
            image.save(out, optimize=True)
            window.close()

        looking = threading.Thread(target=look)
        looking.start()
        window.run()
        looking.join()


if __name__ == "__main__":
    main(Path(sys.argv[1]) if sys.argv[1:] else KEPT)
