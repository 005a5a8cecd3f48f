"""Another program in a Link session: `python link_peer.py BPM`; prints what it sees, a line a turn.

On its standard input: `tempo BPM` sets everybody's tempo; the end leaves.
"""

from __future__ import annotations

import sys
import threading
import time
from importlib import import_module


def main() -> None:
    link = import_module("link").Link(float(sys.argv[1]))
    link.enabled = True
    done = threading.Event()

    def obey() -> None:
        for line in sys.stdin:
            state = link.captureAppSessionState()
            state.setTempo(float(line.split()[1]), link.clock().micros())
            link.commitAppSessionState(state)
        done.set()

    threading.Thread(target=obey, daemon=True).start()
    while not done.wait(0.02):
        asked_s = time.perf_counter()
        state = link.captureAppSessionState()
        beat = state.beatAtTime(link.clock().micros(), 4)
        print(link.numPeers(), state.tempo(), beat, asked_s, flush=True)


if __name__ == "__main__":
    main()
