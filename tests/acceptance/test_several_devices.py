"""One show on two painters: both paint, one is killed, and nobody in the audience knows."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import numpy as np
import psutil
import pytest
from PIL import Image

from tests.acceptance.conftest import painted_more, played
from tests.helpers.program import Program

pytestmark = pytest.mark.acceptance


def painters(program: Program) -> list[int]:
    """The processes that paint."""
    children = psutil.Process(program.process.pid).children(recursive=True)
    return [child.pid for child in children if "engine.painter" in child.cmdline()]


@pytest.mark.usefixtures("nothing_left")
def test_two_painters_paint_one_show_and_one_may_die(tmp_path: Path) -> None:
    data = tmp_path / "data"
    with played("--headless", "--no-midi", "--devices", "cpu,cpu", data=data) as (program, player):
        program.says("painting with rehearsal on cpu, cpu")
        player.until_value("painter/state", "painting")
        painted_more(player)
        first, _second = painters(program)
        os.kill(first, signal.SIGKILL)
        program.says(r"cpu #\d: the painter .*; starting it again")
        assert player.ask("painter/state") == "painting"
        painted_more(player, 4)
        player.until(lambda: len(painters(program)) == 2, "another painter")
        player.until_value("painter/restarts", 1)
        player.send("paint/strength", 0.8)
        player.send("preset/load", "anime", 0.0)
        player.until_value("preset/anime/state", "active")
        painted_more(player)
        path = data / "snapshots" / "seen.png"
        player.send("snapshot", "seen")
        player.until(lambda: path.exists() and path.stat().st_size, "a snapshot")
        with Image.open(path) as picture:
            assert np.asarray(picture.convert("L")).std() > 10
        assert "Traceback" not in program.log
        assert program.stop() == 0
