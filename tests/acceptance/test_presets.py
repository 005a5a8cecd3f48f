"""Presets seen from outside: fetched from a mirror while the show paints, and played."""

from __future__ import annotations

import hashlib
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.acceptance.conftest import painted_more, played, recording_since
from tests.helpers.loras_made import strong_lora
from tests.helpers.mirror_beside import mirror_beside
from tests.helpers.mirror_server import Answer, MirrorServer
from tests.helpers.osc import OscDump, osc_send
from tests.helpers.pictures import assert_clock, difference, recorded
from tests.helpers.program import ROOT
from tests.helpers.tools import need_tool

pytestmark = pytest.mark.acceptance

STYLE = strong_lora(ROOT / "presets/models/rehearsal", strength=4.0)
ENTRY = """\
- id: {id}
  name: {id}
  kind: style
  weight: 1.0
  base: rehearsal
  file: {id}.safetensors
  size: {size}
  sha256: {digest}
  mirrors:
    - {{name: broken, url: "{broken}"}}
    - {{name: good, url: "{good}"}}
"""


def catalogue(folder: Path, server: MirrorServer, *ids: str) -> Path:
    path = folder / "mine.yaml"
    digest = hashlib.sha256(STYLE).hexdigest()
    path.write_text(
        "presets:\n"
        + "".join(
            ENTRY.format(
                id=id,
                size=len(STYLE),
                digest=digest,
                broken=server.url("/broken"),
                good=server.url(f"/{id}"),
            )
            for id in ids
        )
    )
    return path


@pytest.mark.usefixtures("nothing_left")
def test_a_style_is_fetched_while_the_show_paints_and_fades_in(tmp_path: Path) -> None:
    need_tool("oscsend")
    need_tool("oscdump")
    data, take, still = tmp_path / "data", tmp_path / "take.mp4", tmp_path / "still.png"
    Image.fromarray(np.random.default_rng(1).integers(0, 256, (8, 8, 3), np.uint8)).resize(
        (256, 256), Image.Resampling.BICUBIC
    ).save(still)
    with mirror_beside({"/storm": STYLE}) as server:
        server.always["/broken"] = Answer(status=503)
        server.always["/storm"] = Answer(trickle=(len(STYLE) // 20, 0.1))
        listed = catalogue(tmp_path, server, "storm")
        with (
            OscDump() as dump,
            played(
                "--headless",
                *("--source", f"image:{still}"),
                *("--record", str(take), "--presets", str(listed)),
                *("--feedback", f"127.0.0.1:{dump.port}"),
                data=data,
            ) as (program, player),
        ):
            recording = recording_since(player, program.started)
            player.until_value("painter/state", "painting")
            player.until(lambda: player.ask("painter/fps") > 0, "pictures")
            painted_s = float(player.ask("record/seconds"))
            player.until(lambda: player.ask("record/seconds") > painted_s + 1, "a calm picture")
            port = player.to_port
            before_s = float(player.ask("record/seconds"))
            osc_send(port, "/artflow/preset/load", "s", "storm")
            dump.wait_for('/preset/storm/state s "active"')
            player.until_value("preset/storm/weight", 1)
            assert player.ask("preset/current") == "storm"
            painted_more(player)
            active_s = float(player.ask("record/seconds"))
            player.until(lambda: player.ask("record/seconds") > active_s + 3, "more of the show")
            told = list(dump.lines)
            osc_send(port, "/artflow/preset/unload", "s", "storm")
            dump.wait_for('/preset/storm/state s "installed"', len(told))
            with recording.ending():
                assert program.stop() == 0

    states = [line.split('"')[1] for line in told if "/preset/storm/state s" in line]
    come = states[states.index("queued") :]
    assert come == [
        *("queued", "resolving", "downloading", "verifying", "installed", "loading", "active")
    ]
    shares = [float(line.split()[-1]) for line in told if "/preset/storm/progress f" in line]
    assert all(after >= before for before, after in pairwise(shares))
    assert len([share for share in shares if 0 < share < 1]) > 3, "a bar that moves"
    assert shares[-1] == 1
    assert any('/preset/storm/mirror s "good"' in line for line in told)
    assert hashlib.sha256((data / "loras/storm.safetensors").read_bytes()).hexdigest() == (
        hashlib.sha256(STYLE).hexdigest()
    )
    pictures, moments = recorded(take)
    assert_clock(moments, recording.elapsed_s)
    calm = pictures[int(30 * before_s)]
    restless = difference(calm, pictures[int(30 * before_s) - 15])
    styled = pictures[int(30 * (active_s + 2.5))]
    assert difference(calm, styled) > 4 * max(1.0, restless), "the style is seen"


@pytest.mark.usefixtures("nothing_left")
def test_what_is_installed_is_there_at_the_next_start(tmp_path: Path) -> None:
    data = tmp_path / "data"
    (data / "loras").mkdir(parents=True)
    (data / "loras" / "mine.safetensors").write_bytes(STYLE)
    show = tmp_path / "show.yaml"
    show.write_text("set:\n  preset/mine/weight: 0.7\n  preset/nobody/weight: 1\n")
    with played(str(show), "--headless", data=data) as (program, player):
        program.says("preset/nobody/weight: .*the show starts without it")
        player.until_value("preset/mine/state", "active")
        assert player.ask("preset/mine/weight") == pytest.approx(0.7)
        player.send("panic")
        player.until_value("preset/mine/state", "installed")
        player.send("preset/load", "mine")
        player.until_value("preset/mine/state", "active")
        player.send("preset/delete", "mine")
        player.until(lambda: "in the mix" in str(player.last("error")), "a refusal")
        assert program.stop() == 0


@pytest.mark.parametrize("written", [False, True])
def test_a_model_that_cannot_be_fetched_leaves_a_show(tmp_path: Path, written: bool) -> None:
    need_tool("oscdump")
    show = tmp_path / "show.yaml"
    show.write_text("set: {painter/model: sd-turbo}")
    asked = [str(show)] if written else ["--model", "sd-turbo"]
    with (
        OscDump() as dump,
        played(
            *asked,
            "--headless",
            *("--feedback", f"127.0.0.1:{dump.port}"),
            data=tmp_path / "data",
        ) as (program, player),
    ):
        program.says("fetching sd-turbo .about 2.6 GB., with taesd")
        program.says("painter/model: sd-turbo did not come: .*Hugging Face")
        assert player.ask("painter/model") == "rehearsal"
        assert player.ask("model/sd-turbo/state") == "failed"
        dump.wait_for('/model/sd-turbo/state s "failed"')
        told = [line for line in dump.lines if "/sd-turbo/state s" in line]
        states = [line.split('"')[1] for line in told]
        assert [state for state in states if state != "absent"] == ["queued", "resolving", "failed"]
        player.until(lambda: player.ask("painter/fps") > 0, "pictures of the bundled model")
        assert program.stop() == 0
