"""What the rehearsal scenes make of two pictures: python -m tests.scenes.picture [OUT].

Plays the set list in a real show, and saves a sheet of what the audience sees. Needs the packages
of the extra `workshop`, for its photograph.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from engine.sources.test_card import picture as test_card
from scenes.setlist import read_set_list
from scenes.shelf import BUNDLED
from tests.acceptance.conftest import painted_more, played
from tests.helpers.pictures import loaded
from tests.helpers.player import Player

KEPT: Final = Path(__file__).resolve().parents[2] / "docs" / "images" / "scenes.png"
SET_LIST: Final = BUNDLED / "rehearsal.set.yaml"
SIDE: Final = 256
_CELL: Final = 160
_BAR: Final = 16
_ACROSS: Final = 6
_SETTLED: Final = 40
"""Pictures until what is fed back looks as it will."""

Picture = NDArray[np.uint8]


def names() -> tuple[str, ...]:
    """The scenes of the set list, in its order."""
    bundled = [path.stem for path in BUNDLED.glob("*.yaml")]
    found, problems = read_set_list(SET_LIST, bundled)
    assert found is not None, problems
    return tuple(dict.fromkeys(found.scenes))


def painted(source: Picture) -> Iterator[tuple[str, Picture]]:
    """The picture itself, and then as each scene shows it when it has settled."""
    yield "the picture", source
    with tempfile.TemporaryDirectory() as folder:
        data, still = Path(folder), Path(folder) / "still.png"
        Image.fromarray(source).save(still)
        staying(data / "scenes")
        options = ("--headless", "--no-midi", "--source", f"image:{still}")
        with played(*options, data=data) as (program, player):
            player.until_value("painter/state", "painting")
            for name in names():
                yield name, _scene(player, name, data / "snapshots" / f"{name}.png")
            assert program.stop() == 0


def staying(folder: Path) -> None:
    """The scenes again, without what would end them before a slow machine has painted them."""
    folder.mkdir()
    for name in names():
        lines = (BUNDLED / f"{name}.yaml").read_text().splitlines(keepends=True)
        text = "".join(line for line in lines if not line.startswith(("after:", "next:")))
        (folder / f"{name}.yaml").write_text(text)


def _scene(player: Player, name: str, snapshot: Path) -> Picture:
    player.send("scene/go", name, 0.0)
    player.until_value("scene/current", name)
    painted_more(player, _SETTLED)
    player.send("snapshot", name)
    player.until(lambda: snapshot.exists() and snapshot.stat().st_size, "a snapshot")
    return loaded(snapshot)


def sheet(cells: list[tuple[str, Picture]]) -> Image.Image:
    """Labelled pictures, row by row."""
    rows = -(-len(cells) // _ACROSS)
    image = Image.new("RGB", (_CELL * _ACROSS, (_CELL + _BAR) * rows), (24, 24, 24))
    draw = ImageDraw.Draw(image)
    for at, (label, picture) in enumerate(cells):
        x, y = at % _ACROSS * _CELL, at // _ACROSS * (_CELL + _BAR)
        draw.text((x + 3, y + 2), label, (230, 230, 230))
        small = Image.fromarray(picture).resize((_CELL, _CELL), Image.Resampling.LANCZOS)
        image.paste(small, (x, y + _BAR))
    return image


def main(out: Path) -> None:
    from presets.rehearsal.studio import photographs  # brings torch along

    cells: list[tuple[str, Picture]] = []
    for source in (test_card(3.0, SIDE, SIDE), photographs()["astronaut"]):
        cells += painted(source)
        # the next begins in a row of its own
        cells += [("", np.full((8, 8, 3), 24, np.uint8))] * (-len(cells) % _ACROSS)
    whole = sheet(cells)
    few = whole.quantize(256)
    # dithered: painted skies would have steps
    whole.quantize(palette=few, dither=Image.Dither.FLOYDSTEINBERG).save(out, optimize=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]) if sys.argv[1:] else KEPT)
