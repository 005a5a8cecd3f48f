"""What a flood does to a show: values at full speed, triggers beside them, and the frame rate."""

from __future__ import annotations

import gc
import json
import math
import sys
import threading
import time
from bisect import bisect_left
from collections.abc import Sequence
from contextlib import AsyncExitStack
from typing import Final

import msgspec
import numpy as np
import psutil
import trio

from controllers.bench import hearing
from controllers.osc_floats import meant
from engine.bench import Stage, copying_stage
from engine.controls import Change

MESSAGES: Final = 50_000
FLOODS: Final = 5
TRIGGER_EVERY: Final = 100
"""So many values between two triggers, which are sent over TCP."""
PICTURES_HZ: Final = 60.0
RIGHT_WITHIN_S: Final = 0.1
SETTLE_S: Final = 0.5

PLAYED: Final = (
    *("paint/strength", "paint/guidance", "paint/delta", "paint/skip-similar", "paint/seed-mix"),
    *("prompt/mix", "feedback/amount", "feedback/zoom", "feedback/rotate", "feedback/hue"),
    *("output/fade", "output/mix", "output/smooth", "output/brightness", "output/contrast"),
    "output/saturation",
)
"""Parameters that take any number from 0.5 to 1."""

# everything is built before the first leaves, so that this process is no slower than it can be
SENDER: Final = """
import json, socket, struct, sys, time
port, count, every, names = *map(int, sys.argv[1:4]), sys.argv[4].split()
def packed(text): return text.encode() + bytes(4 - len(text) % 4)
heads = [packed("/artflow/" + name) + b",f\\0\\0" for name in names]
values = [heads[n % len(names)] + struct.pack(">f", 0.5 + n / count / 2) for n in range(count)]
head = packed("/artflow/draw/stroke") + b",f\\0\\0"
strokes = [struct.pack(">i", len(head) + 4) + head + struct.pack(">f", n) for n in range(count)]
udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
udp.connect(("127.0.0.1", port))
tcp = socket.create_connection(("127.0.0.1", port))
time.sleep(1)  # the frame rate before, with nothing else going on
begun = time.monotonic()
for number in range(count):
    udp.send(values[number])
    if number % every == 0:
        tcp.sendall(strokes[number // every])
json.dump([begun, time.monotonic()], sys.stdout)
"""


class FloodFigures(msgspec.Struct, frozen=True):
    """`floods` times `messages` values from another process as fast as it can send, while painting.

    `arrived_share` is what the kernel handed on. `right` tells of each flood how many of
    `parameters` had their last value at most 100 ms after it ended, `latest_ms` when the last of
    them had (negative: before the sender had noticed that it was done). `processor_us` is this
    process's processor time for each value that arrived, the pictures included: what it takes
    whoever else wants the core. Frame rates are of pictures offered `pictures_hz` times a second,
    before, during and after the floods.
    """

    floods: int
    messages: int
    messages_per_s: float
    arrived_share: float
    coalesced_share: float
    processor_us: float
    parameters: int
    right: list[int]
    latest_ms: list[float]
    triggers: int
    triggers_in_order: bool
    pictures_hz: float
    fps_before: float
    fps_during: float
    fps_after: float
    fall_percent: float
    memory_before_mb: float
    memory_after_mb: float


class Paced:
    """Offers a picture so many times a second and notes when each came back painted."""

    def __init__(self, stage: Stage, hz: float) -> None:
        self.painted_at: list[float] = []
        self._stage = stage
        self._hz = hz
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        inputs, painted = self._stage.inputs, self._stage.painted
        width, height = self._stage.size
        source = np.zeros((height, width, 3), np.uint8)
        into = np.empty_like(source)
        due = time.monotonic()
        while not self._stop.is_set():
            inputs.put(source, time.monotonic_ns())
            due = max(due + 1 / self._hz, time.monotonic())
            while (left := due - time.monotonic()) > 0:
                if painted.wait(left) and painted.take(into) is not None:
                    self.painted_at.append(time.monotonic())

    def pictures(self, begin: float, end: float) -> int:
        """How many were painted between two moments (monotonic)."""
        at = self.painted_at
        return bisect_left(at, end) - bisect_left(at, begin)

    def close(self) -> None:
        self._stop.set()
        self._thread.join(10)


async def bench_flood(floods: int = FLOODS, messages: int = MESSAGES) -> FloodFigures:
    """Flood a server in this process while a painter that copies paints beside it."""
    last = _last_values(messages)
    came_at: dict[str, float] = {}
    strokes: list[float] = []
    right: list[int] = []
    latest_ms: list[float] = []
    spans: list[tuple[float, float]] = []

    def listen(change: Change) -> None:
        name = change.parameter.name
        if name not in last or change.origin is None:
            return
        if change.value == last[name]:
            came_at[name] = time.monotonic()
        else:
            came_at.pop(name, None)

    async with AsyncExitStack() as stack:
        stage = await stack.enter_async_context(copying_stage())
        heard = await stack.enter_async_context(hearing(stage.controls, stage.painting.offer))
        stage.controls.on("draw/stroke", lambda args, _: strokes.append(float(args[0])))
        stage.controls.listen(listen)
        paced = Paced(stage, PICTURES_HZ)
        memory_before = _memory_mb()
        processor_s = 0.0
        for _ in range(floods):
            came_at.clear()
            so_far = time.process_time()
            begun, ended = await _flooded(heard.port, messages)
            await trio.sleep(SETTLE_S)
            processor_s += time.process_time() - so_far
            spans.append((begun, ended))
            in_time = [at for at in came_at.values() if at <= ended + RIGHT_WITHIN_S]
            right.append(len(in_time))
            lost = len(came_at) < len(last)
            latest = math.nan if lost else max(came_at.values()) - ended
            latest_ms.append(round(latest * 1000, 2))
        memory_after = _memory_mb()
        paced.close()
        server = heard.server
    during_s = sum(end - begin for begin, end in spans)
    before = _rate(paced, [(begin - SETTLE_S, begin) for begin, _ in spans])
    during = _rate(paced, spans)
    after = _rate(paced, [(end + RIGHT_WITHIN_S, end + SETTLE_S) for _, end in spans])
    sent = floods * messages
    arrived = server.received
    triggers = floods * len(range(0, messages, TRIGGER_EVERY))
    return FloodFigures(
        floods=floods,
        messages=messages,
        messages_per_s=round(sent / during_s),
        arrived_share=round((arrived - triggers) / sent, 4),
        coalesced_share=round(server.coalesced / sent, 4),
        processor_us=round(processor_s / arrived * 1e6, 2),
        parameters=len(last),
        right=right,
        latest_ms=latest_ms,
        triggers=triggers,
        triggers_in_order=strokes == list(map(float, range(triggers // floods))) * floods,
        pictures_hz=PICTURES_HZ,
        fps_before=before,
        fps_during=during,
        fps_after=after,
        fall_percent=round(100 * (1 - during / before), 1) if before else math.nan,
        memory_before_mb=memory_before,
        memory_after_mb=memory_after,
    )


def _last_values(messages: int) -> dict[str, float]:
    """What each parameter is set to last, as it is held when it came in 32 bits."""
    last: dict[str, float] = {}
    for number in range(max(0, messages - len(PLAYED)), messages):
        last[PLAYED[number % len(PLAYED)]] = meant(float(np.float32(0.5 + number / messages / 2)))
    return last


async def _flooded(port: int, messages: int) -> tuple[float, float]:
    """Run the sender; when it began and ended to send (monotonic)."""
    words = [str(port), str(messages), str(TRIGGER_EVERY), " ".join(PLAYED)]
    sender = await trio.run_process([sys.executable, "-c", SENDER, *words], capture_stdout=True)
    begun, ended = json.loads(sender.stdout)
    return float(begun), float(ended)


def _rate(paced: Paced, spans: Sequence[tuple[float, float]]) -> float:
    pictures = sum(paced.pictures(*span) for span in spans)
    return round(pictures / sum(end - begin for begin, end in spans), 1)


def _memory_mb() -> float:
    gc.collect()
    resident: int = psutil.Process().memory_info().rss
    return round(resident / 1e6, 1)
