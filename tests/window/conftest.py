from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.latest import Frame
from tests.helpers.tools import need_tool
from tests.helpers.x11 import xvfb
from tests.window.person import ROOT, Person, quarters


@pytest.fixture(scope="package")
def display() -> Iterator[str]:
    for tool in ("Xvfb", "xdotool", "import"):
        need_tool(tool)
    with xvfb(*ROOT) as name:
        yield name


@pytest.fixture
def rig(display: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Person:
    monkeypatch.setenv("DISPLAY", display)
    monkeypatch.delenv("SDL_VIDEODRIVER", raising=False)
    rig = Person(display, tmp_path)
    rig.show(quarters())
    rig.input.put(Frame(quarters()[::-1].copy(), 1, 0))
    return rig
