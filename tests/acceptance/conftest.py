from __future__ import annotations

import os
import time
import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.helpers import shared_memory
from tests.helpers.player import Player
from tests.helpers.program import Program, artflow

PATIENCE_S = 30.0


@contextmanager
def played(
    *arguments: str, data: Path, env: dict[str, str] | None = None
) -> Iterator[tuple[Program, Player]]:
    """The program, and a client on the OSC port it printed."""
    with artflow(*arguments, "--osc-port", "0", data=data, env=env) as program:
        port = int(program.says(r"OSC.*?127\.0\.0\.1:(\d+)").group(1))
        player = Player(port)
        try:
            yield program, player
        finally:
            player.close()


@dataclass
class Running:
    """When a recording began and ended, as far as it is known from outside: not before the one
    moment and not after the other, both as `time.monotonic()` tells them.
    """

    began: tuple[float, float]
    ended: tuple[float, float] = (0.0, 0.0)

    @contextmanager
    def ending(self) -> Iterator[None]:
        """Around what ends it."""
        before = time.monotonic()
        yield
        self.ended = before, time.monotonic()

    @property
    def elapsed_s(self) -> tuple[float, float]:
        """How long it was, at least and at most."""
        return self.ended[0] - self.began[1], self.ended[1] - self.began[0]


def recording_since(player: Player, asked: float) -> Running:
    """Wait until a recording runs; `asked` is the moment at which it was asked for."""

    def length_s() -> float:
        return float(player.ask("record/seconds"))

    player.until(length_s, "recording")
    # so long it has been already: told twice a second, so it may be longer, but not shorter
    length = length_s()
    return Running((asked, time.monotonic() - length))


def painted_more(player: Player, pictures: int = 8) -> None:
    """Wait for so many pictures more: what was changed before is in the newest of them."""
    before = player.ask("painter/frames")
    player.until(lambda: player.ask("painter/frames") >= before + pictures, "pictures")


def gone(pids: Iterable[int]) -> None:
    """Wait until none of these processes is there."""
    deadline = time.monotonic() + PATIENCE_S
    while left := [pid for pid in pids if Path(f"/proc/{pid}").exists()]:
        assert time.monotonic() < deadline, f"orphans: {left}"
        time.sleep(0.05)


def frames_held(mark: str) -> list[str]:
    """Processes started under this mark that live and hold the memory of a frame mailbox."""
    holders = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if mark.encode() not in (process / "environ").read_bytes():
                continue
            links = [os.readlink(link) for link in (process / "fd").iterdir()]
            command = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode()
        except OSError:  # it is gone, or not ours
            continue
        if any("memfd:artflow-frames" in link for link in links):
            holders.append(f"{process.name} {command}")
    return holders


@pytest.fixture
def nothing_left(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No shared memory is left behind by whatever ran: none by name, none held by an orphan."""
    mark = f"ARTFLOW_TEST={uuid.uuid4().hex}"
    monkeypatch.setenv(*mark.split("="))
    before = shared_memory.names()
    yield
    deadline = time.monotonic() + PATIENCE_S
    while (held := frames_held(mark)) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not held
    assert not shared_memory.left_since(before)
