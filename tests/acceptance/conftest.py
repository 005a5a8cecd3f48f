from __future__ import annotations

import os
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

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


def recording_since(player: Player) -> float:
    """Wait until a recording runs; the `time.monotonic()` at which it began, within half a second.

    Call it as soon as it was asked for: record/seconds is told twice a second.
    """
    length_s = 0.0
    begun = time.monotonic()

    def runs() -> bool:
        nonlocal length_s, begun
        length_s, begun = float(player.ask("record/seconds")), time.monotonic()
        return length_s > 0

    player.until(runs, "recording")
    return begun


def shared_memory() -> set[str]:
    folder = Path("/dev/shm")
    return {path.name for path in folder.iterdir()} if folder.is_dir() else set()


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
    before = shared_memory()
    yield
    deadline = time.monotonic() + PATIENCE_S
    while (held := frames_held(mark)) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not held
    assert shared_memory() <= before
