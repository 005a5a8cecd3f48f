"""The programs that performers play from, against the real show: values, triggers, bundles,
patterns, and what comes back; and who may play at all."""

from __future__ import annotations

import ipaddress
import socket
import struct
from collections.abc import Iterator
from pathlib import Path

import pytest

from controllers.osc_allow import own_addresses
from tests.acceptance.conftest import played
from tests.helpers.osc import OscDump, free_udp_port, osc_send
from tests.helpers.osc_programs import pure_data, super_collider, with_ports
from tests.helpers.player import Player
from tests.helpers.program import Program

pytestmark = pytest.mark.acceptance

EXAMPLES = Path(__file__).resolve().parents[2] / "docs" / "examples"


@pytest.fixture(scope="module")
def show(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Program, Player]]:
    """One show for all of them: they must not disturb one another."""
    folder = tmp_path_factory.mktemp("show")
    with played("--headless", data=folder / "data") as (program, player):
        program.until(lambda: player.ask("painter/fps") > 0, "painting")
        yield program, player
        assert program.stop() == 0
    assert "Traceback" not in program.output
    assert "Traceback" not in program.log


def snapshots(program: Program, name: str) -> bool:
    return (program.data / "snapshots" / f"{name}.png").is_file()


def test_oscsend_and_oscdump(show: tuple[Program, Player]) -> None:
    program, player = show
    with OscDump() as dump:
        osc_send(player.to_port, "/artflow/subscribe", "i", dump.port)
        dump.wait_for("^/artflow/painter/state s ")
        osc_send(player.to_port, "/artflow/paint/strength", "f", 0.25)
        dump.wait_for("^/artflow/paint/strength f 0.25")
        osc_send(player.to_port, "/artflow/output/{brightness,contrast}", "f", 1.25)
        dump.wait_for("^/artflow/output/contrast f 1.25")
        osc_send(player.to_port, "/artflow/snapshot", "s", "by-oscsend")
        program.until(lambda: snapshots(program, "by-oscsend"), "snapshot")
        osc_send(player.to_port, "/artflow/paint/stength", "f", 0.5)
        dump.wait_for('^/artflow/error ss "/artflow/paint/stength" "unknown control')
        dump.wait_for("^/artflow/heartbeat i ")
        osc_send(player.to_port, "/artflow/unsubscribe", "i", dump.port)
    player.until_value("output/brightness", 1.25)


# two messages as the elements of a bundle whose timetag is "at once"; each shorter than 256 bytes
BUNDLE = """#N canvas 0 0 600 400 12;
#X obj 10 10 loadbang;
#X obj 10 40 t b b b;
#X msg 300 40 connect 127.0.0.1 9000;
#X obj 300 300 netsend -u -b;
#X msg 10 70 3;
#X obj 10 100 oscformat artflow paint steps;
#X obj 10 130 t l l;
#X obj 60 160 list length;
#X obj 60 190 list prepend 0 0 0;
#X obj 10 220 list prepend;
#X msg 150 70 77;
#X obj 150 100 oscformat artflow paint seed;
#X obj 150 130 t l l;
#X obj 200 160 list length;
#X obj 200 190 list prepend 0 0 0;
#X obj 150 220 list prepend;
#X obj 10 250 list append;
#X obj 10 275 list prepend 35 98 117 110 100 108 101 0 0 0 0 0 0 0 0 1;
#X obj 10 300 list prepend send;
#X obj 10 325 list trim;
#X connect 0 0 1 0;
#X connect 1 0 4 0;
#X connect 1 1 10 0;
#X connect 1 2 2 0;
#X connect 2 0 3 0;
#X connect 4 0 5 0;
#X connect 5 0 6 0;
#X connect 6 0 9 0;
#X connect 6 1 7 0;
#X connect 7 0 8 0;
#X connect 8 0 9 1;
#X connect 9 0 16 0;
#X connect 10 0 11 0;
#X connect 11 0 12 0;
#X connect 12 0 15 0;
#X connect 12 1 13 0;
#X connect 13 0 14 0;
#X connect 14 0 15 1;
#X connect 15 0 16 1;
#X connect 16 0 17 0;
#X connect 17 0 18 0;
#X connect 18 0 19 0;
#X connect 19 0 3 0;
"""

PATTERN = """#N canvas 0 0 600 400 12;
#X obj 10 10 loadbang;
#X obj 10 40 t b b;
#X msg 300 40 connect 127.0.0.1 9000;
#X obj 10 300 netsend -u -b;
#X msg 10 70 1.5;
#X obj 10 100 oscformat artflow output s*on;
#X obj 10 250 list prepend send;
#X obj 10 275 list trim;
#X connect 0 0 1 0;
#X connect 1 0 4 0;
#X connect 1 1 2 0;
#X connect 2 0 3 0;
#X connect 4 0 5 0;
#X connect 5 0 6 0;
#X connect 6 0 7 0;
#X connect 7 0 3 0;
"""

HEARER = """#N canvas 0 0 400 300 12;
#X obj 10 10 r artflow-heard;
#X obj 10 40 print heard;
#X connect 0 0 1 0;
"""


def test_pure_data(show: tuple[Program, Player], tmp_path: Path) -> None:
    _, player = show
    hears = free_udp_port()
    for name, text in (("bundle", BUNDLE), ("pattern", PATTERN), ("hearer", HEARER)):
        (tmp_path / f"{name}.pd").write_text(text.replace("9000", str(player.to_port)))
    patch = with_ports(EXAMPLES / "artflow.pd", tmp_path, plays=player.to_port, hears=hears)
    files = [tmp_path / f"{name}.pd" for name in ("hearer", "bundle", "pattern")]
    sends = [
        "artflow-strength 0.375",
        "artflow-prompt list a castle of glass",
        "artflow-preset symbol anime",
    ]
    with pure_data(patch, *files, sends=sends) as pd:
        pd.wait_for("heard: painter state painting")
        pd.wait_for("heard: preset anime state active")
        pd.wait_for("heard: heartbeat")
        player.until_value("paint/strength", 0.375)
        player.until_value("prompt/a", "a castle of glass")
        player.until_value("paint/seed", 77)
        player.until_value("paint/steps", 3)
        player.until_value("output/saturation", 1.5)
        player.send("paint/strength", 0.625)
        pd.wait_for("heard: paint strength 0.625")
        assert not [line for line in pd.lines if line.startswith("error")]
    player.send("paint/steps", 1)


PLAYS = """
var artflow = NetAddr("127.0.0.1", 9000);
OSCdef(\\state, { |message| "state %".format(message[1]).postln }, '/artflow/painter/state');
OSCdef(\\strength, { |message| "strength %".format(message[1]).postln }, '/artflow/paint/strength');
OSCdef(\\ack, { |message| "ack % %".format(message[1], message[3]).postln }, '/artflow/ack');
OSCdef(\\error, { |message| "refused %".format(message[2]).postln }, '/artflow/error');
artflow.sendMsg("/artflow/subscribe", "paint*/*");
artflow.sendMsg("/artflow/paint/strength", 0.875);
artflow.sendMsg("/artflow/output/{brightness,contrast}", 0.75);
artflow.sendMsg("/artflow/request", "sc-1", "snapshot", "by-sclang");
artflow.sendBundle(0.2, ["/artflow/paint/seed", 99], ["/artflow/feedback/zoom", 1.25]);
artflow.sendMsg("/artflow/paint/guidance", \\much);
"""


def test_super_collider(show: tuple[Program, Player], tmp_path: Path) -> None:
    program, player = show
    file = tmp_path / "plays.scd"
    file.write_text(PLAYS.replace("9000", str(player.to_port)))
    with super_collider(file) as sclang:
        sclang.wait_for("^state painting")
        sclang.wait_for("^ack sc-1 1")
        sclang.wait_for("^refused paint/guidance takes a number, not the text 'much'")
        program.until(lambda: snapshots(program, "by-sclang"), "snapshot")
        player.until_value("output/contrast", 0.75)
        player.until_value("paint/seed", 99)
        player.until_value("feedback/zoom", 1.25)
        player.send("paint/strength", 0.125)
        sclang.wait_for("^strength 0.125")
        assert not [line for line in sclang.lines if "ERROR" in line]


def test_a_touch_designer_patch_for_streamdiffusiontd(tmp_path: Path) -> None:
    with OscDump() as dump:
        options = ("--compat", "streamdiffusiontd", "--feedback", f"127.0.0.1:{dump.port}")
        with played("--headless", *options, data=tmp_path / "data") as (program, player):
            port = player.to_port
            osc_send(port, "/prompt_list", "s", '[["a storm", 0.75], ["a calm", 0.25]]')
            osc_send(port, "/t_list", "ii", 16, 32)
            osc_send(port, "/guidance_scale", "f", 1.5)
            osc_send(port, "/seed_list", "s", "nothing of the kind")
            player.until_value("prompt/b", "a calm")
            player.until_value("paint/steps", 2)
            player.until_value("paint/guidance", 1.5)
            assert player.ask("prompt/mix") == 0.25
            assert player.ask("paint/strength") == pytest.approx(679 / 999)
            program.until(lambda: player.ask("painter/fps") > 0, "painting")
            dump.wait_for("^/stream-info/fps f [1-9]|^/stream-info/fps f 0.[1-9]")
            dump.wait_for("^/framecount i [1-9]")
            dump.wait_for("^/server_active i 1")
            program.says("OSC refused: /seed_list: .*JSON")
            osc_send(port, "/pause")
            player.until_value("paint/active", 0)
            osc_send(port, "/play")
            player.until_value("paint/active", 1)
            assert program.stop() == 0
    assert "Traceback" not in program.output


def other_address() -> str | None:
    """An address of this machine that is not loopback: what comes from there is not from here."""
    found = (address for address, _ in own_addresses() if ":" not in address)
    return next((a for a in found if not ipaddress.ip_address(a).is_loopback), None)


def test_lan_lets_in_whom_it_names(tmp_path: Path) -> None:
    options = ("--headless", "--lan", "--allow", "10.254.254.0/24")
    with played(*options, data=tmp_path / "data") as (program, player):
        program.says(r"OSC: .*0\.0\.0\.0:.*who may play: this machine, 10\.254\.254\.0/24")
        player.send("paint/seed", 5)
        player.until_value("paint/seed", 5)
        if (address := other_address()) is not None:
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
                stranger.bind((address, 0))
                stranger.settimeout(1.0)
                seed = b"/artflow/paint/seed\0,i\0\0" + struct.pack(">i", 6)
                stranger.sendto(seed, (address, player.to_port))
                stranger.sendto(b"/artflow/ping\0\0\0,\0\0\0", (address, player.to_port))
                program.says(f"OSC refused: {address}: not from a network that may play .*--allow")
                with pytest.raises(TimeoutError):
                    stranger.recv(2000)
            assert player.ask("paint/seed") == 5
            assert player.ask("osc/refused") == 2
        assert program.stop() == 0


def test_without_lan_nobody_else_reaches_it(tmp_path: Path) -> None:
    # without a network another of loopback's own: who listens everywhere has that, too
    address = other_address() or "127.0.0.2"
    with (
        played("--headless", data=tmp_path / "data") as (program, player),
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other,
    ):
        other.bind((address, player.to_port))  # still free there
        assert program.stop() == 0
