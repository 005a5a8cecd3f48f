"""Real TCP connections: oscsend, python-osc's client, and clients that behave badly."""

from __future__ import annotations

import functools
import socket
import struct
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest
from pythonosc import tcp_client

from controllers.osc_framing import Framing, framed
from controllers.osc_wire import pack_message
from engine.controls import Controls
from tests.helpers.osc import (
    PATIENCE_S,
    OscClient,
    OscDump,
    Served,
    osc_send,
    serving,
    table,
    wait_until,
)
from tests.helpers.tools import need_tool


@pytest.fixture
def controls() -> Controls:
    return table()


@pytest.fixture
def show(controls: Controls) -> Iterator[Served]:
    with serving(controls) as served:
        yield served


def oscsend_tcp(port: int, address: str, types: str = "", *values: object) -> None:
    """One message by the real oscsend, over a connection of its own."""
    words = [need_tool("oscsend"), f"osc.tcp://127.0.0.1:{port}/", address]
    subprocess.run(
        [*words, *([types, *map(str, values)] if types else [])], check=True, timeout=PATIENCE_S
    )


def test_oscsend_over_tcp_and_oscdump_hears(show: Served, controls: Controls) -> None:
    strokes: list[object] = []
    controls.on("draw/stroke", lambda args, _origin: strokes.append(args[0]))
    with OscDump() as dump:
        oscsend_tcp(show.port, "/artflow/subscribe", "i", dump.port)
        dump.wait_for(r"^/artflow/startup s")
        oscsend_tcp(show.port, "/artflow/paint/strength", "f", 0.25)
        for number in range(5):
            oscsend_tcp(show.port, "/artflow/draw/stroke", "f", number)
            # each is a connection of its own: between those no order is promised
            wait_until(lambda: len(strokes) > number, f"stroke {number}")  # noqa: B023
        oscsend_tcp(show.port, "/artflow/request", "ssi", "17", "paint/steps", 9)
        dump.wait_for(r'^/artflow/ack ssi "17" "paint/steps" 1$')
        dump.wait_for(r"^/artflow/paint/steps i 4$")
        osc_send(show.port, "/artflow/paint/strength", "s", "?")
        dump.wait_for(r"^/artflow/paint/strength f 0.25")
    assert strokes == [0.0, 1.0, 2.0, 3.0, 4.0]


@pytest.mark.parametrize("mode", ["1.0", "1.1"])
def test_python_osc_over_tcp(show: Served, controls: Controls, mode: str) -> None:
    untyped: Any = tcp_client
    client = untyped.SimpleTCPClient("127.0.0.1", show.port, mode=mode, timeout=PATIENCE_S)

    def said(name: str) -> list[Any]:
        """The arguments of the next message at this name."""
        while True:
            for message in client.get_messages():
                if message.address == f"/artflow/{name}":
                    return list(message.params)

    # 192 and 219 are SLIP's END and ESC
    client.send_message("/artflow/prompt/a", "ÀÛ")
    client.send_message("/artflow/paint/seed", 192 << 8 | 219)
    client.send_message("/artflow/subscribe", "paint/seed")
    assert said("paint/seed") == [192 << 8 | 219]
    show.run(functools.partial(controls.set, "paint/seed", 219 << 8 | 192))
    assert said("paint/seed") == [219 << 8 | 192]
    client.send_message("/artflow/prompt/a", "?")
    assert said("prompt/a") == ["ÀÛ"]
    client.close()


def connected(show: Served) -> socket.socket:
    return socket.create_connection(("127.0.0.1", show.port), PATIENCE_S)


def asked(line: socket.socket, number: int) -> None:
    """Ping over this connection and wait for its answer."""
    line.sendall(framed(pack_message("/artflow/ping", number), Framing.LENGTH))
    answer = framed(pack_message("/artflow/pong", number), Framing.LENGTH)
    heard = b""
    while answer not in heard:
        data = line.recv(65536)
        assert data, "the connection is closed"
        heard += data


def test_rude_clients_disturb_nobody(show: Served, controls: Controls) -> None:
    subscribe = framed(pack_message("/artflow/subscribe"), Framing.LENGTH)
    reset = struct.pack("ii", 1, 0)
    with OscClient(show.port) as udp, connected(show) as polite, connected(show) as deaf:
        deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
        deaf.sendall(subscribe)
        for _ in range(20):
            with connected(show) as vanishes:
                vanishes.sendall(subscribe)
                vanishes.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, reset)
            with connected(show) as silent:
                silent.sendall(b"\0\0\0\x40/artflow")
        for seed in range(300):
            show.run(functools.partial(controls.set, "paint/seed", seed))
            show.run(functools.partial(controls.publish, "record/seconds", float(seed)))
        asked(polite, 17)
        assert udp.ask("paint/seed") == 299


def test_no_osc_hears_one_error_and_the_end(show: Served) -> None:
    with connected(show) as web, connected(show) as polite:
        web.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n" * 100)
        heard = b""
        while data := web.recv(65536):
            heard += data
        assert heard.count(b"/artflow/error") == 1
        assert b"a packet of 1195725856 bytes in a stream" in heard
        asked(polite, 3)


def test_triggers_over_tcp_arrive_in_order_beside_a_flood(show: Served, controls: Controls) -> None:
    strokes: list[object] = []
    controls.on("draw/stroke", lambda args, _origin: strokes.append(args[0]))
    with OscClient(show.port) as flood, connected(show) as line:
        for number in range(500):
            for _ in range(10):
                flood.send("/artflow/paint/strength", number / 500)
            line.sendall(framed(pack_message("/artflow/draw/stroke", number), Framing.LENGTH))
        asked(line, 5)
    assert strokes == list(map(float, range(500)))
