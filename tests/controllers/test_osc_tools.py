"""Real sockets and real programs: oscsend, oscdump, and what docs/OSC.md shows."""

from __future__ import annotations

import functools
import re
import shlex
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from controllers.osc_wire import pack_message
from engine.controls import Controls, TriggerHandler, Value
from tests.helpers.osc import (
    PATIENCE_S,
    OscClient,
    OscDump,
    Served,
    bundle,
    osc_send,
    serving,
    table,
    wait_until,
)
from tests.helpers.tools import need_tool

DOC = Path(__file__).resolve().parents[2] / "docs" / "OSC.md"


@pytest.fixture
def fired() -> list[tuple[str, tuple[Value, ...]]]:
    return []


@pytest.fixture
def controls(fired: list[tuple[str, tuple[Value, ...]]]) -> Controls:
    controls = table()
    for trigger in controls.triggers():
        controls.on(trigger.name, _appending(fired, trigger.name))
    return controls


def _appending(fired: list[tuple[str, tuple[Value, ...]]], name: str) -> TriggerHandler:
    return lambda arguments, _origin: fired.append((name, arguments))


@pytest.fixture
def show(controls: Controls) -> Iterator[Served]:
    with serving(controls) as served:
        yield served


@pytest.fixture
def dump() -> Iterator[OscDump]:
    with OscDump() as dump:
        yield dump


def test_oscsend_plays_and_oscdump_hears(
    show: Served, dump: OscDump, fired: list[tuple[str, tuple[Value, ...]]]
) -> None:
    osc_send(show.port, "/artflow/subscribe", "i", dump.port)
    dump.wait_for(r"^/artflow/startup s \"0.1.0\"$")
    osc_send(show.port, "/artflow/paint/strength", "d", 0.25)
    dump.wait_for(r"^/artflow/paint/strength f 0.25")
    osc_send(show.port, "/artflow/paint/steps", "h", 3)
    dump.wait_for(r"^/artflow/paint/steps i 3$")
    osc_send(show.port, "/artflow/output/freeze", "T")
    dump.wait_for(r"^/artflow/output/freeze i 1$")
    osc_send(show.port, "/artflow/prompt/b", "s", "ein Öl-Bild")
    dump.wait_for(r"^/artflow/prompt/b s \"ein Öl-Bild\"$")
    osc_send(show.port, "/artflow/prompt/a", "S", "a symbol")
    dump.wait_for(r"^/artflow/prompt/a s \"a symbol\"$")
    osc_send(show.port, "/artflow/draw/stroke", "ffff", 0, 0.5, 1, 1)
    osc_send(show.port, "/artflow/draw/undo")
    osc_send(show.port, "/artflow/draw/clear", "I")
    osc_send(show.port, "/artflow/draw/clear", "m", "00903c7f")
    dump.wait_for(r"^/artflow/error ss \"/artflow/draw/clear\"")
    assert fired == [
        ("draw/stroke", (0.0, 0.5, 1.0, 1.0)),
        ("draw/undo", ()),
        ("draw/clear", ()),
    ]
    dump.wait_for(r"^/artflow/heartbeat i \d+$")


def test_oscdump_reads_every_type_that_we_send(dump: OscDump) -> None:
    """liblo is the judge of our packets."""
    packet = pack_message("/all", 1, 2**40, 0.5, 1e300, "text", True, False, None, b"12345")
    with OscClient(dump.port) as client:
        client.send_bytes(packet)
        client.send_bytes(bundle(1, bundle(1, pack_message("/nested", "ü"))))
        line = dump.wait_for("^/all")
        assert line.startswith("/all ihfdsTFNb 1 1099511627776 0.500000 ")
        assert '"text" #T #F Nil [5b 0x31' in line
        dump.wait_for('^/nested s "ü"$')


def test_clients_with_one_socket(show: Served, controls: Controls) -> None:
    with OscClient(show.port) as alice, OscClient(show.port) as bob:
        alice.send("/artflow/subscribe", "paint/*")
        bob.send("/artflow/subscribe")
        alice.settle()
        bob.settle()
        alice.send("/artflow/paint/strength", 0.75)
        assert bob.wait_for("/artflow/paint/strength") == (0.75,)
        assert [m.address for m in alice.settle() if m.address != "/artflow/heartbeat"] == []
        # from another part of the program
        show.run(lambda: controls.set("paint/strength", 0.5))
        assert alice.wait_for("/artflow/paint/strength") == (0.5,)
        assert bob.ask("paint/strength") == 0.5
        show.run(lambda: controls.publish("painter/state", "painting"))
        assert bob.wait_for("/artflow/painter/state/index") == (2,)
    assert show.server.refused == 0
    assert show.server.received >= 6


def test_named_ports_and_strangers_of_one_host(show: Served) -> None:
    with OscClient(show.port) as hears, OscClient(show.port) as asks, OscClient(show.port) as third:
        asks.send("/artflow/subscribe", hears.port, 30, "prompt/a")
        assert hears.wait_for("/artflow/prompt/a") == ("",)
        asks.send("/artflow/paint/steps", "?")
        assert hears.wait_for("/artflow/paint/steps") == (1,)
        third.send("/artflow/paint/seed", "?")
        assert hears.wait_for("/artflow/paint/seed") == third.wait_for("/artflow/paint/seed")
        assert asks.receive(0) is None


def test_a_client_that_vanishes_disturbs_nobody(show: Served, controls: Controls) -> None:
    with OscClient(show.port) as stays:
        stays.send("/artflow/subscribe", "paint/*")
        for _ in range(5):
            with OscClient(show.port) as gone:
                gone.send("/artflow/subscribe")
                gone.settle()
        for seed in range(100, 150):
            show.run(functools.partial(controls.set, "paint/seed", seed))
        assert stays.wait_for("/artflow/paint/seed", lambda args: args == (149,))
        assert stays.ask("paint/seed") == 149


def test_a_flood_ends_in_the_right_place(
    show: Served, fired: list[tuple[str, tuple[Value, ...]]]
) -> None:
    with OscClient(show.port) as client:
        for number in range(2000):
            client.send("/artflow/paint/strength", number / 2000)
            if number % 100 == 0:
                client.send("/artflow/draw/stroke", number)
                # the kernel's buffer is not ours to enlarge everywhere
                client.settle()
        assert client.ask("paint/strength") == pytest.approx(1999 / 2000)
    assert [args for _, args in fired] == [(float(n),) for n in range(0, 2000, 100)]


def test_random_bytes_on_the_real_socket(show: Served) -> None:
    with OscClient(show.port) as client:
        for packet in (b"", b"x", b"/artflow\xff\0\0", b"#bundle\0" * 5, bytes(60_000)):
            client.send_bytes(packet)
            assert "malformed OSC" in str(client.wait_for("/artflow/error")[1])
        assert client.ask("paint/steps") == 1
    assert show.server.refused == 5


def test_feedback_targets(controls: Controls, dump: OscDump) -> None:
    with serving(controls, feedback=(("127.0.0.1", dump.port),)) as served:
        dump.wait_for("^/artflow/startup s")
        dump.wait_for("^/artflow/paint/steps i 1")
        osc_send(served.port, "/artflow/paint/steps", "i", 4)
        dump.wait_for("^/artflow/paint/steps i 4")


def test_the_port_is_free_again_afterwards(controls: Controls) -> None:
    with serving(controls) as first:
        port = first.port
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", port))


def _blocks() -> list[tuple[str, str]]:
    """(language, text) of every code block of the page."""
    return re.findall(r"^```(\w+)\n(.*?)^```$", DOC.read_text("utf-8"), re.DOTALL | re.MULTILINE)


@pytest.fixture
def understanding(controls: Controls) -> Iterator[Served]:
    with serving(controls, compat=True) as served:
        yield served


def test_every_example_of_the_page_works(
    understanding: Served, dump: OscDump, fired: list[tuple[str, tuple[Value, ...]]]
) -> None:
    """Its shell lines are run in order; what it then shows must be heard."""
    need_tool("oscsend")
    show = understanding
    heard = 0
    for language, text in _blocks():
        here = text.replace("9000", str(show.port)).replace("9001", str(dump.port))
        if language == "sh":
            heard = len(dump.lines)
            for line in here.splitlines():
                words = shlex.split(line)
                if words[0] != "oscdump":
                    subprocess.run(words, check=True, timeout=PATIENCE_S)
        elif language == "text":
            for line in here.splitlines():
                dump.wait_for("^" + re.escape(line), since=heard)
        elif language == "supercollider":
            # these lines are run as part of the whole file
            whole = (DOC.parent / "examples" / "artflow.scd").read_text("utf-8")
            assert not [line for line in text.splitlines() if line not in whole]
        else:
            command = [sys.executable, "-c", here]
            done = subprocess.run(
                command, check=True, timeout=PATIENCE_S, capture_output=True, text=True
            )
            assert done.stdout.startswith("/artflow/paint/strength [0.")
    assert ("snapshot", ("my-first",)) in fired
    wait_until(lambda: ("panic", ()) in fired, "panic, which went over TCP")
    assert show.controls.get("prompt/a") == "sunrise"
    assert {language for language, _ in _blocks()} == {"sh", "text", "python", "supercollider"}
