from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.helpers.player import Player
from tests.helpers.program import Program, artflow


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


def shared_memory() -> set[str]:
    folder = Path("/dev/shm")
    return {path.name for path in folder.iterdir()} if folder.is_dir() else set()


@pytest.fixture
def nothing_left() -> Iterator[None]:
    """No shared memory by name is left behind by whatever ran."""
    before = shared_memory()
    yield
    assert shared_memory() <= before
