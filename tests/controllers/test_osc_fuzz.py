"""Packets as performers' programs send them, damaged at random, against a whole session.

10 s of it, 20 s in CI, other packets each time; ARTFLOW_FUZZ_S=600 for a long run,
ARTFLOW_FUZZ_SEED to see one again.
"""

from __future__ import annotations

import math
import os
import random
import re
import struct
import time

from pythonosc.osc_packet import OscPacket

from controllers.osc_peers import Address
from controllers.osc_wire import (
    Color,
    Impulse,
    Midi,
    OscFormatError,
    OscMessage,
    TimeTag,
    pack_message,
    read_packet,
    timetag_at,
)
from engine.controls import Value
from tests.controllers.stage import ALICE, WALL_S, Stage
from tests.helpers.osc import bundle

IN_CI = os.environ.get("CI") == "true"
FUZZ_S = float(os.environ.get("ARTFLOW_FUZZ_S", "20" if IN_CI else "10"))
SEED = int(os.environ.get("ARTFLOW_FUZZ_SEED", "0")) or random.SystemRandom().randrange(1, 2**31)


def real_packets() -> list[bytes]:
    """What real programs send: plain values, questions, patterns, bundles, another dialect."""
    soon = timetag_at(WALL_S + 100.2)
    packets = [
        pack_message("/artflow/paint/strength", 0.5),
        pack_message("/artflow/paint/steps", 3),
        pack_message("/artflow/paint/seed", 2**40),
        pack_message("/artflow/paint/guidance-mode", "full"),
        pack_message("/artflow/prompt/a", "ein Öl-Bild vom Meer"),
        pack_message("/artflow/output/freeze", True),
        pack_message("/artflow/output/mix/normalized", 0.25),
        pack_message("/artflow/output/*/reset"),
        pack_message("/artflow/output/{brightness,contrast}", 1.5),
        pack_message("/artflow/[!a-o]*/s?e*", 2.0),
        pack_message("/artflow/" + "*a" * 20 + "b", 1.0),
        pack_message("/artflow/draw/stroke", 0.0, 0.5, 1.0, 1.0),
        pack_message("/artflow/draw/clear", Impulse()),
        pack_message("/artflow/snapshot", "evening"),
        pack_message("/artflow/get", "paint/*"),
        pack_message("/artflow/list", "p*/*"),
        pack_message("/artflow/subscribe", 9001, 10, "paint/*"),
        pack_message("/artflow/unsubscribe"),
        pack_message("/artflow/ping", 7, None, (1, (2.0, "x")), b"blob"),
        pack_message("/artflow/request", "cue-1", "paint/steps", 2),
        pack_message("/artflow/painter/state", "?"),
        pack_message("/artflow/x", TimeTag(1), Color(255), Midi(b"\0\x90\x3c\x7f"), 1e300),
        pack_message("/prompt_list", '[["sun", 0.75], ["storm", 0.25]]'),
        pack_message("/seed_list", "[[2, 1], [7, 0.5]]"),
        pack_message("/t_list", 16, 32),
        pack_message("/guidance_scale", 1.5),
        pack_message("/play"),
        b"/artflow/draw/undo\0\0",  # an old sender, without type tags
    ]
    several = packets[:5]
    packets += [
        bundle(1, *several),
        bundle(soon, *several),
        bundle(timetag_at(WALL_S + 200), *several),
        bundle(1, packets[0], bundle(soon, packets[1], bundle(1, packets[11])), packets[12]),
        bundle(1),
    ]
    return packets


def damaged(packet: bytes, packets: list[bytes], choose: random.Random) -> bytes:
    """The packet after one to three accidents."""
    data = bytearray(packet)
    for _ in range(choose.randint(1, 3)):
        at = choose.randrange(len(data) + 1)
        word = at & ~3
        size = choose.choice((-1, 0, 1, 4, 2**31 - 1, -(2**31), len(data)))
        start, end, octets = choose.choice(
            (
                (at, at + 1, choose.randbytes(1)),
                (at, at + 1, b""),
                (at, None, b""),
                (at, at, choose.randbytes(choose.choice((1, 4)))),
                (at, at, choose.choice(packets)),
                (word, word + 4, struct.pack(">i", size)),
                (word, word + 4, NAN),
                (at, at + 1, choose.choice(TAGS)),
            )
        )
        data[start:end] = octets
    return bytes(data)


TAGS = [bytes([code]) for code in b"ifsbhdtScrmTFNI[]*?{},!#/,\0"]
NAN = struct.pack(">f", math.nan)


def test_whatever_comes_in_harms_nothing() -> None:
    """No crash, no hang; a malformed message changes nothing; every value stays in its range."""
    choose = random.Random(SEED)
    packets = real_packets()
    stage = Stage(compat=True)
    fired: list[str] = []
    for trigger in stage.controls.triggers():
        stage.controls.on(trigger.name, lambda *_, name=trigger.name: fired.append(name))
    parameters = list(stage.controls.parameters())
    peers = [ALICE, *(Address("10.0.0.7", port) for port in range(6000, 6400))]
    tried = malformed = agreed = spoiled = 0
    until = time.monotonic() + FUZZ_S
    while time.monotonic() < until:
        packet = damaged(choose.choice(packets), packets, choose)
        told = f"ARTFLOW_FUZZ_SEED={SEED}, packet {tried}: {packet!r}"
        before: dict[str, Value] = dict(stage.controls.snapshot.values)
        fired.clear()
        refused = stage.session.refused
        sender = choose.choice(peers)
        try:
            bad: list[OscFormatError] = []
            messages = read_packet(packet, bad)
        except OscFormatError:
            stage.session.receive([(packet, sender)])
            malformed += 1
            assert dict(stage.controls.snapshot.values) == before, told
            assert not fired, told
            assert stage.session.refused == refused + 1, told
        else:
            stage.session.receive([(packet, sender)])
            assert stage.session.refused >= refused + len(bad), told
            if bad:
                # what is sound in a bundle counts, and a malformed message nothing at all
                spoiled += 1
                sound = bool(messages)
                assert sound or dict(stage.controls.snapshot.values) == before, told
                assert sound or not fired, told
            else:
                agreed += agrees(packet, messages)
        stage.now += choose.choice((0.0, 0.0, 0.001, 0.3))
        stage.session.advance()
        for parameter in parameters:
            value = stage.controls.get(parameter.name)
            if not parameter.read_only:
                assert parameter.coerce(value) == value, (told, parameter.name)
        for address, text in (e for peer in {sender, ALICE} for e in errors_of(stage, peer)):
            assert "went wrong inside" not in text, (told, address, text)
        # (what is sent is read, and its size checked, by `heard`)
        for receiver in tuple(stage.unheard):
            stage.heard(receiver)
        assert stage.session.deadline() > stage.now - 1e-6, told
        tried += 1
    assert tried > malformed > 0
    assert agreed
    assert spoiled
    assert len(stage.session._answered) <= 2048
    assert stage.session.schedule.waiting <= 4096


def errors_of(stage: Stage, peer: Address) -> list[tuple[str, str]]:
    heard = stage.heard(peer)
    return [(str(args[0]), str(args[1])) for name, args in heard if name == "error"]


UNKNOWN_TO_PYTHON_OSC = re.compile(rb",[ifsbhdtrmTFN\[\]]*[ScI]")


def agrees(packet: bytes, ours: list[OscMessage]) -> bool:
    """Whether what we read could be compared: python-osc reads the same, or this fails."""
    plain = all(isinstance(arg, PLAIN) for message in ours for arg in message.args)
    if not plain or UNKNOWN_TO_PYTHON_OSC.search(packet):
        return False
    theirs = [timed.message for timed in OscPacket(packet).messages]
    found = sorted((message.address, repr(list(message.args))) for message in ours)
    assert found == sorted((m.address, repr(m.params)) for m in theirs), packet
    return True


PLAIN = (bool, int, float, str, bytes, type(None))
