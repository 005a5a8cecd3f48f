"""Modulators from outside: the picture follows a sound file, panic lets it go, and all is told."""

from __future__ import annotations

import wave
from pathlib import Path

import numpy as np
import pytest

from tests.acceptance.conftest import played
from tests.helpers.pictures import loaded
from tests.helpers.player import Player

pytestmark = pytest.mark.acceptance


def write_tone(path: Path, hz: float = 100.0, rate: int = 48000) -> Path:
    """A second of one tone, which goes on without a seam."""
    samples = 0.5 * np.sin(2 * np.pi * hz * np.arange(rate) / rate)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes((samples * 32767).astype("<i2").tobytes())
    return path


def brightness_until(player: Player, folder: Path, name: str, low: float, high: float) -> None:
    """Until a snapshot's mean lies between `low` and `high` (0..255)."""
    taken = 0

    def fits() -> bool:
        nonlocal taken
        taken += 1
        path = folder / f"{name}-{taken}.png"
        player.send("snapshot", path.stem)
        player.until(path.exists, "snapshot")
        return low <= float(loaded(path).mean()) <= high

    player.until(fits, f"picture with a mean between {low} and {high}")


def test_the_picture_follows_the_sound_and_panic_lets_it_go(tmp_path: Path) -> None:
    data, tone = tmp_path / "data", write_tone(tmp_path / "tone.wav")
    with played("--headless", "--no-midi", "--audio", f"file:{tone}", data=data) as (
        program,
        player,
    ):
        program.says("hears .*tone.wav")
        player.until_value("audio/state", "live")
        player.until(lambda: player.ask("audio/low") > 0.9, "bass")
        assert player.ask("audio/high") < 0.3
        brightness_until(player, data / "snapshots", "before", 20, 255)
        player.send("mod/1/target", "output/brightness")
        player.send("mod/1/shape", "audio-low")
        player.send("mod/1/depth", -1.0)
        player.send("mod/1/active", 1)
        brightness_until(player, data / "snapshots", "dark", 0, 3)
        assert player.ask("output/brightness") == 1.0  # what is set stays
        player.send("panic")
        brightness_until(player, data / "snapshots", "after", 20, 255)
        player.until_value("mod/1/active", 0)

        player.send("mod/1/target", "output/brightnes")
        player.send("mod/1/active", 1)
        player.until(lambda: "output/brightness" in str(player.last("error")), "error")
        assert program.stop() == 0


def test_without_a_sound_the_show_goes_on(tmp_path: Path) -> None:
    gone = tmp_path / "none.wav"
    with played("--headless", "--no-midi", "--audio", f"file:{gone}", data=tmp_path / "data") as (
        program,
        player,
    ):
        program.says("audio: there is no sound file .*none.wav")
        player.until_value("audio/state", "lost")
        write_tone(gone)  # it is looked for again
        player.until_value("audio/state", "live")
        assert program.stop() == 0
