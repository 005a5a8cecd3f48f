"""What changes beside a running show: files deleted by another program, entries written anew."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.acceptance.conftest import played
from tests.helpers.loras_made import strong_lora
from tests.helpers.program import ROOT, artflow

pytestmark = pytest.mark.acceptance

STYLE = strong_lora(ROOT / "presets/models/rehearsal", strength=4.0)


@pytest.mark.usefixtures("nothing_left")
def test_a_file_that_plays_is_deleted_and_entries_are_written_anew(tmp_path: Path) -> None:
    data = tmp_path / "data"
    loras, own = data / "loras", data / "presets.yaml"
    loras.mkdir(parents=True)
    for name in ("one", "two"):
        (loras / f"{name}.safetensors").write_bytes(STYLE)
    with played("--headless", data=data) as (program, player):
        player.until_value("preset/one/state", "installed")
        player.send("preset/load", "one")
        player.until_value("preset/one/state", "active")

        with artflow("presets", "delete", "one", data=data) as other:
            assert other.ended() == 0
            assert "a show that plays one now has it in memory and goes on with it" in other.output
        assert not (loras / "one.safetensors").exists()
        player.send("preset/rescan")
        player.until(lambda: "gone: one" in program.output, "word of it")
        assert player.ask("preset/one/state") == "active"
        assert player.ask("preset/one/weight") > 0
        assert player.ask("painter/state") == "painting"
        player.until(lambda: player.ask("painter/fps") > 0, "pictures")
        player.send("preset/unload", "one", 0.0)
        player.until_value("preset/one/state", "absent")

        own.write_text(
            "presets: [{id: named, name: By name, base: rehearsal, file: two.safetensors}]"
        )
        player.until_value("preset/named/state", "installed")  # the watch has seen it
        assert player.ask("preset/named/name") == "By name"
        player.send("preset/load", "named")
        player.until_value("preset/named/state", "active")
        own.write_text("presets: [")
        player.send("preset/rescan")
        program.says(r"preset/rescan: .*presets\.yaml:1: not valid YAML.* that it had stay")
        player.send("preset/rescan")
        player.until(lambda: program.output.count("LoRA folder: new: nothing") > 1, "two looks")
        assert program.output.count("not valid YAML") == 1, "told once"
        assert player.ask("preset/named/state") == "active"
        assert program.stop() == 0
