"""Link: a session in memory, and the real one with another program where there is only loopback."""

from __future__ import annotations

import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest
import trio
import trio.testing

from controllers import link
from controllers.link import MISSING, Link, missing
from engine.beats import BeatLine
from engine.controls import Controls
from engine.parameters import PARAMETERS, TRIGGERS
from engine.tempo import Reading, Tempo
from tests.helpers.tools import do_without, need_tool

ROOT = Path(__file__).parents[2]


class Room:
    """A Link session that others are in."""

    def __init__(self) -> None:
        self.line = BeatLine(0.0, 100.0, 90)
        self.peers = 2
        self.joined: list[tuple[float, float]] = []
        self.left = 0

    def join(self, now_s: float, bpm: float, beat: float) -> Room:  # noqa: ARG002
        self.joined.append((bpm, beat))
        return self

    def reading(self, now_s: float) -> Reading:
        return Reading(now_s, self.line.bpm, self.line.beat_at(now_s))

    def play_at(self, now_s: float, bpm: float) -> None:
        self.line = self.line.at_tempo(now_s, bpm)

    def close(self) -> None:
        self.left += 1


def table() -> Controls:
    controls = Controls()
    controls.declare(*PARAMETERS, *TRIGGERS)
    return controls


async def test_while_it_is_chosen_the_room_s_beat_is_ours(
    autojump_clock: trio.testing.MockClock,  # noqa: ARG001
) -> None:
    controls, room = table(), Room()
    room.line = BeatLine(trio.current_time(), 100.5, 90)
    tempo = Tempo(controls, clock=trio.current_time)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(tempo.run)
        nursery.start_soon(lambda: Link(controls, tempo, join=room.join).run())
        await trio.sleep(1.0)
        assert not room.joined

        controls.set("tempo/source", "link")
        await trio.sleep(8)
        ((bpm, beat),) = room.joined
        assert (bpm, round(beat, 3)) == (120, 2)
        now = trio.current_time()
        assert tempo.beat_at(now) == pytest.approx(room.line.beat_at(now), abs=0.01)
        assert [controls.get(f"tempo/{name}") for name in ("bpm", "peers", "locked")] == [90, 2, 1]

        room.line = room.line.at_tempo(trio.current_time(), 101)
        await trio.sleep(0.1)
        assert controls.get("tempo/bpm") == 101
        assert room.line.bpm == 101  # what it tells is not told back
        controls.set("tempo/bpm", 140, "knob")
        assert room.line.bpm == 140
        await trio.sleep(0.1)
        assert (controls.get("tempo/bpm"), tempo.line.bpm) == (140, 140)

        controls.set("tempo/source", "internal")
        await trio.sleep(0.1)
        assert (room.left, controls.get("tempo/peers")) == (1, 0)
        controls.set("tempo/bpm", 60)
        assert room.line.bpm == 140
        controls.set("tempo/source", "link")
        await trio.sleep(0.1)
        assert len(room.joined) == 2
        nursery.cancel_scope.cancel()
    assert room.left == 2


async def test_a_session_that_cannot_be_joined_is_said_and_the_beat_goes_on(
    autojump_clock: trio.testing.MockClock,  # noqa: ARG001
) -> None:
    controls = table()
    reports: list[tuple[str, str]] = []
    controls.on_report(lambda address, text, _: reports.append((address, text)))
    tempo = Tempo(controls, clock=trio.current_time)

    def broken(*_: float) -> Room:
        raise OSError("no network")

    async with trio.open_nursery() as nursery:
        nursery.start_soon(lambda: Link(controls, tempo, join=broken).run())
        controls.set("tempo/source", "link")
        await trio.sleep(0.1)
        assert controls.get("tempo/source") == tempo.source == "internal"
        nursery.cancel_scope.cancel()
    text = "Link cannot be joined: no network; the beat goes on by itself"
    assert reports == [("tempo/source", text)]


def test_without_the_package_one_line_says_how(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(link, "PACKAGE", "no-such-package")
    assert missing() == MISSING
    assert "pip install 'artflow-live[link]'" in MISSING


def test_another_program_s_beat_is_ours_and_ours_is_its() -> None:
    try:
        metadata.version(link.PACKAGE)
    except metadata.PackageNotFoundError:
        do_without(MISSING)
    # alone with the peer: no other session of the house's network, and none of theirs disturbed
    alone = [need_tool("unshare"), "--net", "--user", "--map-root-user"]
    if subprocess.run([*alone, "true"], capture_output=True, check=False).returncode:
        do_without("no network of one's own can be had here")
    network = "{0} link set lo up multicast on && {0} route add 224.0.0.0/4 dev lo".format(
        need_tool("ip")
    )
    meeting = subprocess.run(
        [
            *alone,
            "sh",
            "-c",
            f'{network} && exec "$0" -m tests.helpers.link_meeting',
            sys.executable,
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert meeting.returncode == 0, meeting.stderr
    assert meeting.stdout.split() == ["met", "followed", "led", "left"]
