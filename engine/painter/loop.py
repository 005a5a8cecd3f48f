"""The painter's loop: newest frame, newest settings, paint, hand over."""

from __future__ import annotations

import statistics
import threading
import time
import traceback
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from engine.frames import FrameMailbox
from engine.latest import Frame, Picture
from engine.mixing import LoraFile
from engine.painter import protocol
from engine.painter.settings import Settings
from engine.painter.staging import Mixer, Staging

STATS_EVERY_S = 0.5
IDLE_S = 0.1

Report = Callable[[float, str], None]
"""(share of the loading done 0..1, what is being loaded)"""

Finish = Callable[[], Picture]
"""Waits for a picture that was begun, and brings it home."""


class Painter(Mixer, Protocol):
    """What turns an input picture into a painted one, both (height, width, 3) uint8 RGB."""

    @property
    def skipped(self) -> int: ...

    @property
    def frame_s(self) -> float:
        """What a frame takes, in seconds, as measured by `warm_up`."""
        ...

    def warm_up(self, report: Report) -> None: ...

    def paint(self, picture: Picture, settings: Settings) -> Picture: ...

    def begin(self, picture: Picture, settings: Settings) -> Finish:
        """`paint` in two parts, so that pictures can overlap; they are finished in order."""
        ...

    def look_ahead(self, settings: Settings, budget_ms: float) -> bool:
        """Work for about so long on what `settings` need and the next picture can do without;
        whether anything is left. Called after `begin`, while the device paints, and while no
        picture comes."""
        ...

    def tend(self) -> None:
        """Do now and then, between pictures, what makes the next ones faster."""
        ...

    def relieve(self) -> str | None:
        """Give memory of the device back at the price of speed; what was given up, None: nothing
        is left to give."""
        ...

    def memory_mb(self) -> float: ...


@dataclass
class Orders:
    """The newest settings and files, and whether to go on; written by the pipe's thread."""

    newest: protocol.Settings
    files: Mapping[str, LoraFile] = field(default_factory=dict)
    leave: threading.Event = field(default_factory=threading.Event)
    first: threading.Event = field(default_factory=threading.Event)
    launch: protocol.Launch | None = None


@dataclass
class Pulse:
    """How far the painter has got; the beat's thread reads it."""

    phase: str = "loading"
    progress: float = 0.0
    text: str = ""
    mark: int = 0
    frame_s: float = 0.0
    painted: int = 0

    def beat(self) -> protocol.Beat:
        return protocol.Beat(
            self.phase, self.mark, self.progress, self.text, self.frame_s, self.painted
        )

    def report(self, progress: float, text: str) -> None:
        self.progress, self.text = progress, text
        self.mark += 1


class Tally:
    """Counts pictures and times over the last half second."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._since = clock()
        self._frame_s: deque[float] = deque(maxlen=1000)
        self._latency_s: deque[float] = deque(maxlen=1000)
        self.painted = 0

    def count(self, frame_s: float, latency_s: float) -> None:
        self.painted += 1
        self._frame_s.append(frame_s)
        self._latency_s.append(latency_s)

    def due(self) -> bool:
        return self._clock() - self._since >= STATS_EVERY_S

    def stats(self, painter: Painter) -> protocol.Stats:
        """Medians since the last call; starts the next half second."""
        now = self._clock()
        elapsed, self._since = now - self._since, now
        stats = protocol.Stats(
            fps=len(self._frame_s) / elapsed if elapsed > 0 else 0.0,
            frame_ms=_median_ms(self._frame_s),
            latency_ms=_median_ms(self._latency_s),
            memory_mb=painter.memory_mb(),
            painted=self.painted,
            skipped=painter.skipped,
        )
        self._frame_s.clear()
        self._latency_s.clear()
        return stats


def _median_ms(seconds: deque[float]) -> float:
    return statistics.median(seconds) * 1000 if seconds else 0.0


def paint_forever(
    painter: Painter,
    staging: Staging,
    inputs: FrameMailbox,
    outputs: FrameMailbox,
    orders: Orders,
    pulse: Pulse,
    send: Callable[[protocol.FromPainter], None],
) -> None:
    """Paint until told to leave. Settings change between frames, never inside one.

    With `paint/pipeline` at 2 the next picture is begun before the last is finished, if its input
    is there already: the device never waits for the host, and a picture comes a frame later.
    """
    tally = Tally()
    taken = _Settings()
    under_way: deque[_UnderWay] = deque()
    ahead = False
    while not orders.leave.is_set():
        pulse.mark += 1
        if tally.due():
            send(tally.stats(painter))
        # settings are taken before the wait too, so that a trace is answered while no frame comes
        taken.newest(orders, send)
        frame = inputs.take() if inputs.wait(0.0 if under_way or ahead else IDLE_S) else None
        settings = taken.newest(orders, send)
        begun = time.monotonic_ns()
        try:
            budget_ms = staging.budget_ms(painter.frame_s)
            if frame is not None or not under_way:
                staging.turn(orders.files, taken.loras, budget_ms)
            begins = frame is not None and taken.active
            if frame is not None and begins:
                finish = painter.begin(frame.picture, settings)
                under_way.append(_UnderWay(frame, taken.snapshot_seq, begun, finish))
            ahead = painter.look_ahead(settings, budget_ms)
            if not under_way or (begins and len(under_way) < settings.pipeline):
                continue
            oldest = under_way.popleft()
            picture = oldest.finish()
        except MemoryError:
            ahead = False
            under_way.clear()
            told = staging.make_room() or painter.relieve()
            if told is None:
                raise
            traceback.print_exc()
            send(protocol.Note(told))
            continue
        outputs.put(picture, oldest.frame.captured_ns, oldest.snapshot_seq)
        pulse.painted += 1
        if pulse.painted == 1:
            send(pulse.beat())
        done = time.monotonic_ns()
        tally.count((done - oldest.begun_ns) / 1e9, (done - oldest.frame.captured_ns) / 1e9)
        painter.tend()


@dataclass(frozen=True, slots=True)
class _UnderWay:
    """A picture that was begun, and what it was begun with."""

    frame: Frame
    snapshot_seq: int
    begun_ns: int
    finish: Finish


class _Settings:
    """Decodes the newest settings once for each time they change."""

    def __init__(self) -> None:
        self._message: protocol.Settings | None = None
        self._settings = Settings()
        self.active = True
        self.snapshot_seq = 0
        self.loras: Mapping[str, float] = {}

    def newest(self, orders: Orders, send: Callable[[protocol.FromPainter], None]) -> Settings:
        message = orders.newest
        if message is not self._message:
            self._message = message
            self._settings = Settings.from_values(message.values)
            self.active = bool(message.values.get("paint/active", 1))
            self.snapshot_seq = message.snapshot_seq
            self.loras = message.loras
            if message.traced:
                send(protocol.Applied(message.snapshot_seq, time.monotonic_ns()))
        return self._settings
