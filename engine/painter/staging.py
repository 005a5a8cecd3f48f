"""Keeps the LoRAs that are wanted ready beside the painting, and has them mixed between frames."""

from __future__ import annotations

import time
import traceback
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Protocol

from engine.errors import LoraError
from engine.logs import one_line
from engine.mixing import LoraFile
from engine.painter import protocol

FIRST_BUDGET_MS: Final = 4.0
"""While nobody knows how long a frame takes."""
SHARE_OF_FRAME: Final = 0.25
"""What writing weights may add to a frame, and what encoding prompts may; a change that needs more
is spread over several."""

Weights = Mapping[str, float]


class Mixer(Protocol):
    """What a painter does with LoRAs; `stage` runs in a thread of its own, the rest between frames.

    Where the device's memory does not suffice, `stage` and `mix` raise `MemoryError`.
    """

    def stage(self, file: LoraFile) -> Any:
        """Read and check a file; raises `LoraError`."""
        ...

    def add(self, id: str, staged: Any) -> tuple[str, ...]:
        """Have what was staged ready; the ids dropped for it. Raises `LoraError`: no room."""
        ...

    def remove(self, id: str) -> None: ...

    def mix(self, weights: Weights, budget_ms: float | None) -> bool:
        """Write towards `weights` for about so long (None: to the end); whether all is written."""
        ...


@dataclass(frozen=True, slots=True)
class _Job:
    id: str
    file: LoraFile
    future: Future[Any]


class Staging:
    """What is wanted, what waits, what is ready: all of the loop's thread, and one file at a time
    read in another."""

    def __init__(self, mixer: Mixer, send: Callable[[protocol.FromPainter], None]) -> None:
        self._mixer = mixer
        self._send = send
        self._reader = ThreadPoolExecutor(1, "staging")
        self._wanted: Mapping[str, LoraFile] = {}
        self._waiting: list[str] = []  # the newest wanted first
        self._job: _Job | None = None
        self._ready: dict[str, LoraFile] = {}  # the newest last
        self._dropped: set[str] = set()
        self._weights: Weights = {}

    @staticmethod
    def budget_ms(frame_s: float) -> float:
        """What one turn may take of a frame of `frame_s`."""
        return SHARE_OF_FRAME * frame_s * 1000 or FIRST_BUDGET_MS

    def turn(
        self, files: Mapping[str, LoraFile], weights: Weights, budget_ms: float | None
    ) -> None:
        """Between two frames: take on the newest wishes, and write towards them for a while."""
        self._weights = weights
        if files is not self._wanted:
            self._want(files)
        self._take()
        self._begin(weights)
        try:
            written = self._mixer.mix(weights, budget_ms)
        except MemoryError:
            newest = next((id for id in reversed(self._ready) if weights.get(id)), None)
            if newest is None:
                raise
            traceback.print_exc()
            self._send(protocol.Unfit(newest, _no_memory(self._forget(newest))))
            return
        if written:
            # one that still sounds fades first
            for id in [id for id in self._ready if id not in files and not weights.get(id)]:
                self._forget(id)

    def settle(self, files: Mapping[str, LoraFile], weights: Weights, within_s: float) -> None:
        """Before the first frame: have the whole mix in the weights, so that a painter that was
        started again comes back with the look it had. Slow files come later, as ever."""
        deadline = time.monotonic() + within_s
        self.turn(files, weights, None)
        while self._job is not None and weights.get(self._job.id):
            wait([self._job.future], max(0.0, deadline - time.monotonic()))
            if not self._job.future.done():
                return
            self.turn(files, weights, None)

    def make_room(self) -> str | None:
        """Forget what is ready and does not sound; it is read again when it gets a weight. What
        was done, in words; None: there was nothing to forget."""
        idle = [id for id in self._ready if not self._weights.get(id)]
        for id in idle:
            self._forget(id)
            if id in self._wanted:
                self._dropped.add(id)
                self._send(protocol.Dropped(id))
        if not idle:
            return None
        return f"out of memory while painting: {len(idle)} presets that are not in the mix left it"

    def _want(self, files: Mapping[str, LoraFile]) -> None:
        new = [id for id, file in files.items() if self._wanted.get(id) != file]
        self._waiting = new + [id for id in self._waiting if id in files and id not in new]
        self._dropped = {id for id in self._dropped if id in files and id not in new}
        self._wanted = files

    def _begin(self, weights: Weights) -> None:
        """Have the next file read: what sounds first, then the newest wanted."""
        back = [id for id in self._dropped if weights.get(id)]
        self._dropped.difference_update(back)
        self._waiting = back + self._waiting
        while self._job is None and self._waiting:
            id = min(self._waiting, key=lambda id: not weights.get(id))
            self._waiting.remove(id)
            file = self._wanted[id]
            if self._ready.get(id) == file:  # wanted again before it was forgotten
                self._send(protocol.Staged(id))
            else:
                self._job = _Job(id, file, self._reader.submit(self._mixer.stage, file))

    def _take(self) -> None:
        """Take what was read, unless it is not wanted any more."""
        job = self._job
        if job is None or not job.future.done():
            return
        self._job = None
        if self._wanted.get(job.id) != job.file or job.id in self._waiting:
            return
        try:
            dropped = self._mixer.add(job.id, job.future.result())
        except LoraError as error:
            self._send(protocol.Unfit(job.id, str(error)))
        except MemoryError:
            self._send(protocol.Unfit(job.id, _no_memory(job.file)))
        except Exception as error:  # whatever a file brings about, the show goes on
            traceback.print_exception(error)
            told = f"'{Path(job.file.path).name}' cannot be mixed: {type(error).__name__}: {error}"
            self._send(protocol.Unfit(job.id, one_line(told)[:400]))
        else:
            for id in dropped:
                self._ready.pop(id, None)
                if id in self._wanted:
                    self._dropped.add(id)
                    self._send(protocol.Dropped(id))
            self._ready.pop(job.id, None)
            self._ready[job.id] = job.file
            self._send(protocol.Staged(job.id))

    def _forget(self, id: str) -> LoraFile:
        self._mixer.remove(id)
        return self._ready.pop(id)


def _no_memory(file: LoraFile) -> str:
    return one_line(
        f"'{Path(file.path).name}' needs more memory than there is; take a preset out of the mix, "
        "or choose a smaller --size"
    )
