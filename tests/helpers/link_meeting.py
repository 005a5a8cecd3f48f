"""Our side of a Link session with `link_peer.py`; run where there is only a loopback network.

Prints `met`, `followed` and `led` as it goes; whoever started it decides how long that may take.
"""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import IO

import trio

from controllers.link import Link
from engine.controls import Controls
from engine.parameters import PARAMETERS, TRIGGERS
from engine.tempo import Tempo

Seen = list[tuple[float, ...]]


def read(lines: IO[str], seen: Seen) -> None:
    for line in lines:
        seen.append(tuple(map(float, line.split())))


async def until(holds: Callable[[], bool]) -> None:
    while not holds():
        await trio.sleep(0.02)


def near(one: float, other: float) -> bool:
    """The same place in a bar, within a few hundredths of a beat."""
    off = (one - other) % 4
    return min(off, 4 - off) < 0.05


async def meet(peer: subprocess.Popen[str], seen: Seen) -> None:
    assert peer.stdin is not None
    controls = Controls()
    controls.declare(*PARAMETERS, *TRIGGERS)
    controls.set("tempo/bpm", 133)
    tempo = Tempo(controls)

    def together() -> bool:
        """Whether our beat is the one that the peer saw, at the time when it looked."""
        _, bpm, beat, asked_s = seen[-1]
        return abs(tempo.line.bpm - bpm) < 0.05 and near(tempo.beat_at(asked_s), beat)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(tempo.run)
        nursery.start_soon(Link(controls, tempo).run)
        await until(lambda: bool(seen))
        controls.set("tempo/source", "link")
        await until(lambda: controls.get("tempo/peers") == 1 and together())
        print("met", flush=True)
        peer.stdin.write("tempo 97\n")
        peer.stdin.flush()
        await until(lambda: abs(float(controls.get("tempo/bpm")) - 97) < 0.05 and together())
        print("followed", flush=True)
        controls.set("tempo/bpm", 141.5, "knob")
        await until(lambda: abs(seen[-1][1] - 141.5) < 0.05 and together())
        print("led", flush=True)
        controls.set("tempo/source", "internal")
        await until(lambda: seen[-1][0] == 0 and controls.get("tempo/peers") == 0)
        print("left", flush=True)
        nursery.cancel_scope.cancel()


def main() -> None:
    command = [sys.executable, str(Path(__file__).with_name("link_peer.py")), "121"]
    seen: Seen = []
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as peer:
        assert peer.stdin is not None
        assert peer.stdout is not None
        threading.Thread(target=partial(read, peer.stdout, seen), daemon=True).start()
        try:
            trio.run(meet, peer, seen)
        finally:
            peer.kill()


if __name__ == "__main__":
    main()
