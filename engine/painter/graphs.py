"""Running a frame's device part: by plain calls, or as recordings that are replayed.

A recording (a CUDA graph) replays the very kernels of its capture on the very same storage: no
Python and no launches one by one. So whatever a frame reads and writes lives in static buffers, and
each way that a frame can go has a key and a recording of its own. What changes between frames (a
knob, a prompt, the weights of a mix) is written in place and needs no new one.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from typing import Any, Final, Protocol

import torch
from torch import Tensor

WARM_UPS: Final = 2
"""Passes before a capture: libraries choose their algorithms and take their workspaces in them."""

Key = Hashable
Work = Callable[[], None]
"""Device work on static storage: no host decision that its key does not name, no waiting."""


class Recording(Protocol):
    def replay(self) -> None: ...


class Recorder(Protocol):
    """Makes recordings; may run the work first, so its state is put back afterwards."""

    def record(self, work: Work) -> Recording: ...


class FrameRunner:
    """Runs work by its key; what was captured is replayed, the rest is called.

    Without a recorder all is called. `captures` counts recordings ever made: nothing that a
    performer does while a key stands may let it grow.
    """

    def __init__(self, recorder: Recorder | None = None) -> None:
        self._recorder = recorder
        self._recordings: dict[Key, Recording] = {}
        self.captures = 0

    @property
    def records(self) -> bool:
        """Whether anything can be captured."""
        return self._recorder is not None

    def holds(self, key: Key) -> bool:
        """Whether this key is replayed."""
        return key in self._recordings

    def run(self, key: Key, work: Work) -> None:
        recording = self._recordings.get(key)
        if recording is None:
            work()
        else:
            recording.replay()

    def capture(self, key: Key, work: Work, written: Sequence[Tensor]) -> None:
        """Have this key replayed from now on; `written` is the storage that the work writes, which
        is afterwards as it was. Does nothing without a recorder, or where the key is held."""
        if self._recorder is None or key in self._recordings:
            return
        before = [each.clone() for each in written]
        try:
            self._recordings[key] = self._recorder.record(work)
            self.captures += 1
        finally:
            for storage, content in zip(written, before, strict=True):
                storage.copy_(content)

    def forget(self) -> None:
        """Let every recording go; what is run is called until it is captured anew."""
        self._recordings.clear()

    def retire(self) -> None:
        """Forget, and capture nothing any more."""
        self.forget()
        self._recorder = None


class CudaRecorder:  # pragma: no cover - needs a GPU
    """CUDA graphs on one device; they share a pool of memory, since one is replayed at a time."""

    def __init__(self, device: torch.device) -> None:
        self._stream = torch.cuda.Stream(device)
        self._pool = torch.cuda.graph_pool_handle()

    def record(self, work: Work) -> Recording:
        current = torch.cuda.current_stream(self._stream.device)
        self._stream.wait_stream(current)
        with torch.cuda.stream(self._stream):
            for _ in range(WARM_UPS):
                work()
        current.wait_stream(self._stream)
        graph: Any = torch.cuda.CUDAGraph()
        # the thread that reads LoRA files may take memory meanwhile: that concerns no one here
        with torch.cuda.graph(
            graph, pool=self._pool, stream=self._stream, capture_error_mode="thread_local"
        ):
            work()
        current.wait_stream(self._stream)
        recording: Recording = graph
        return recording


def make_runner(device: torch.device) -> FrameRunner:
    """CUDA graphs where there is CUDA, plain calls elsewhere."""
    return FrameRunner(CudaRecorder(device) if device.type == "cuda" else None)
