"""Scenes seen from outside: saved one night, gone to the next; and fetched meanwhile."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.acceptance.conftest import painted_more, played
from tests.acceptance.test_modulators import brightness_until
from tests.acceptance.test_presets import STYLE, catalogue
from tests.helpers.mirror_beside import mirror_beside
from tests.helpers.mirror_server import Answer
from tests.helpers.player import Player

pytestmark = pytest.mark.acceptance

LOOK: dict[str, float | int | str] = {
    "prompt/a": "a house by the sea, neon",
    "paint/strength": 0.71,
    "paint/seed": 99,
    "paint/steps": 2,
    "output/saturation": 1.3,
    "scene/quantize": "beat",
}


def settled(player: Player, name: str, data: Path) -> np.ndarray:
    """The picture that is shown once nothing changes any more."""
    painted_more(player, 12)
    path = data / "snapshots" / f"{name}.png"
    player.send("snapshot", name)
    player.until(lambda: path.exists() and path.stat().st_size, "a snapshot")
    with Image.open(path) as picture:
        return np.asarray(picture.convert("RGB"))


@pytest.mark.usefixtures("nothing_left")
def test_a_saved_look_comes_back_bit_for_bit(tmp_path: Path) -> None:
    data, still = tmp_path / "data", tmp_path / "still.png"
    noise = np.random.default_rng(1).integers(0, 256, (8, 8, 3), np.uint8)
    Image.fromarray(noise).resize((256, 256), Image.Resampling.BICUBIC).save(still)
    options = ("--headless", "--source", f"image:{still}", "--no-midi")
    with played(*options, data=data) as (program, player):
        player.until_value("painter/state", "painting")
        for name, value in LOOK.items():
            player.send(name, value)
        player.until_value("paint/strength", pytest.approx(0.71))
        first = settled(player, "first", data)
        told = {name: player.ask(name) for name in LOOK}
        player.send("scene/save", "sunrise")
        program.says("scene sunrise is saved")
        assert program.stop() == 0
    with played(*options, data=data) as (program, player):
        player.until_value("painter/state", "painting")
        plain = settled(player, "plain", data)
        assert (plain != first).any()
        player.send("scene/go", "sunrise", 0.5)
        player.until_value("scene/current", "sunrise")
        player.until_value("prompt/a", LOOK["prompt/a"])
        assert {name: player.ask(name) for name in LOOK} == told
        second = settled(player, "second", data)
        assert "Traceback" not in program.log
        assert program.stop() == 0
    assert (second == first).all()


@pytest.mark.usefixtures("nothing_left")
def test_a_scene_goes_on_while_its_style_is_fetched(tmp_path: Path) -> None:
    data = tmp_path / "data"
    (data / "scenes").mkdir(parents=True)
    (data / "scenes" / "stormy.yaml").write_text(
        "fade: 0.5\nset: {paint/strength: 0.6}\npresets: {storm: 0.8}\n"
    )
    with mirror_beside({"/storm": STYLE}) as server:
        server.always["/broken"] = Answer(status=503)
        server.always["/storm"] = Answer(trickle=(len(STYLE) // 20, 0.1))
        listed = catalogue(tmp_path, server, "storm")
        options = ("--headless", "--no-midi", "--presets", str(listed))
        with played(*options, data=data) as (program, player):
            player.until_value("painter/state", "painting")
            player.send("scene/go", "stormy")
            player.until_value("scene/current", "stormy")
            player.until_value("paint/strength", pytest.approx(0.6))
            painted_more(player)  # it goes on
            player.until_value("preset/storm/state", "active")
            player.until_value("preset/storm/weight", pytest.approx(0.8))
            program.says("storm is not on this disk; the scene goes on")
            assert "Traceback" not in program.log
            assert program.stop() == 0


@pytest.mark.usefixtures("nothing_left")
def test_panic_lets_nothing_come_any_more(tmp_path: Path) -> None:
    data = tmp_path / "data"
    (data / "scenes").mkdir(parents=True)
    (data / "scenes" / "waits.yaml").write_text("quantize: bar\nset: {output/brightness: 0.5}\n")
    (data / "scenes" / "turns.yaml").write_text("fade: 300\nset: {input/mirror: 1}\nafter: 1\n")
    with played("--headless", "--no-midi", data=data) as (program, player):
        player.until_value("painter/state", "painting")
        style = "oil-painting"
        player.send("scene/go", "turns")
        player.until_value("scene/current", "turns")
        player.send("tempo/bpm", 20.0)  # a bar is twelve seconds
        player.send("scene/quantize", "bar")
        player.send("preset/load", style, 0.0)
        player.send("scene/go", "waits")
        player.until_value("scene/coming", "waits")
        player.send("panic")
        player.until_value("scene/coming", "")
        player.until_value("output/mix", 0.0)
        player.send("tempo/bpm", 300.0)
        bar = player.ask("tempo/bar")
        player.until(lambda: player.ask("tempo/bar") > bar + 3, "three bars")
        assert player.ask("scene/current") == "turns"
        assert player.ask("output/brightness") == 1.0
        assert player.ask("input/mirror") == 0
        assert player.ask(f"preset/{style}/weight") == 0.0
        assert "Traceback" not in program.log
        assert program.stop() == 0


@pytest.mark.usefixtures("nothing_left")
def test_a_scene_brings_the_picture_that_lies_beside_it(tmp_path: Path) -> None:
    data, scenes = tmp_path / "data", tmp_path / "scenes"
    scenes.mkdir()
    for name, level in (("light", 250), ("dark", 5)):
        Image.new("RGB", (256, 256), (level, level, level)).save(scenes / f"{name}.png")
    (scenes / "light.yaml").write_text("set: {input/source: image:light.png, output/mix: 0}\n")
    options = ("--headless", "--no-midi", "--scenes", str(scenes))
    with played(*options, data=data) as (program, player):
        player.until_value("painter/state", "painting")
        player.send("scene/go", "light", 0.0)
        player.until_value("input/source", "image:light.png")  # no folder of anybody's
        player.until_value("input/state", "live")
        brightness_until(player, data / "snapshots", "light", 240, 255)
        # over the wire nobody names a file
        player.send("input/source", f"image:{scenes}/dark.png")
        player.until(lambda: "is refused" in str(player.last("error")), "refusal")
        player.until_value("input/source", "image:light.png")
        assert "Traceback" not in program.log
        assert program.stop() == 0
