"""The other end of both mailboxes, in a process of its own, as the show's is: no torch here.

`python -m engine.painter.bench_feed INPUT OUTPUT SECONDS PATIENCE flat-out|lockstep` puts noise
into the input mailbox and takes pictures from the output mailbox (`MailboxHandle` texts), then
prints a line of JSON: frames a second, and each latency from putting to taking in ms.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Sequence
from typing import Any, Final

import numpy as np

from engine.frames import FrameMailbox, MailboxHandle

LOOK_EVERY_S: Final = 0.001
LEFT_OUT: Final = 10


def feed(
    inputs: FrameMailbox,
    outputs: FrameMailbox,
    seconds: float,
    patience_s: float,
    *,
    lockstep: bool,
) -> dict[str, Any]:
    """Flat out: the next frame waits while one is painted. In lockstep: one frame at a time.

    The first pictures are left out of the latencies, and what came before the first of the rate;
    for two at least it is patient for `patience_s`.
    """
    random = np.random.default_rng(1)
    shape = (inputs.height, inputs.width, 3)
    sources = [random.integers(0, 256, shape, np.uint8) for _ in range(8)]
    into = np.empty_like(sources[0])
    latencies_ms: list[float] = []
    owed = False
    deadline = 0.0
    patient_until = time.monotonic() + patience_s
    began = None
    while (now := time.monotonic()) < (deadline if latencies_ms else patient_until):
        if inputs.read == inputs.written and not (lockstep and owed):
            inputs.put(sources[inputs.written % len(sources)], time.monotonic_ns())
            owed = True
        if not outputs.wait(LOOK_EVERY_S):
            continue
        frame = outputs.take(into)
        if frame is None:
            continue
        owed = False
        if began is None:
            began = now
            deadline = began + seconds
        else:
            latencies_ms.append((time.monotonic_ns() - frame.captured_ns) / 1e6)
    spent = time.monotonic() - began if began is not None else 0.0
    return {
        "fps": len(latencies_ms) / spent if spent else 0.0,
        "latencies_ms": latencies_ms[min(LEFT_OUT, len(latencies_ms) // 4) :],
    }


def main(arguments: Sequence[str]) -> None:
    inputs, outputs = (FrameMailbox(MailboxHandle.from_text(each)) for each in arguments[:2])
    seconds, patience_s = map(float, arguments[2:4])
    lockstep = arguments[4] == "lockstep"
    print(json.dumps(feed(inputs, outputs, seconds, patience_s, lockstep=lockstep)))


if __name__ == "__main__":
    main(sys.argv[1:])
