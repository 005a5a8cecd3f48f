"""Telling a still source from a moving one without ever waiting for the device."""

from __future__ import annotations

from typing import Protocol

import torch
from torch import Tensor
from torch.nn import functional

from engine.painter.pictures import to_signal


class Arrival(Protocol):
    """Tells when the device has got as far as here; `torch.cuda.Event` is one."""

    def record(self) -> None: ...

    def query(self) -> bool: ...


class Similarity:
    """Cosine similarity of the newest input to the last painted one (upstream's measure, -1..1).

    With an `arrival` (CUDA) the number travels to pinned memory in the device's own time and is
    read when it has come, so what `newest` answers may be a frame old. Without, it is there at
    once.
    """

    def __init__(self, picture: Tensor, white: Tensor, arrival: Arrival | None = None) -> None:
        """`picture` (h, w, 3) uint8 is the static input, `white` as `to_signal` takes it."""
        self._picture, self._white = picture, white
        self._painted = torch.zeros_like(picture)
        self._value = torch.zeros(1, pin_memory=picture.device.type == "cuda")
        self._arrival = arrival
        self._known: float | None = None
        self._asked = False

    def measure(self) -> None:
        """Compare the input as it is now. Asks nothing new while an answer is under way."""
        self._collect()
        if self._asked:
            return
        now = to_signal(self._picture, self._white).reshape(-1)
        then = to_signal(self._painted, self._white).reshape(-1)
        value = functional.cosine_similarity(now, then, dim=0, eps=1e-6)
        self._value.copy_(value.view(1), non_blocking=self._arrival is not None)
        self._asked = True
        if self._arrival is not None:
            self._arrival.record()

    def newest(self) -> float | None:
        """The last answer that has arrived; None before the first."""
        self._collect()
        return self._known

    def _collect(self) -> None:
        if self._asked and (self._arrival is None or self._arrival.query()):
            self._asked = False
            # Rounding may carry two equal pictures a hair above 1.
            self._known = min(1.0, float(self._value[0]))

    def remember(self) -> None:
        """The input as it is now is being painted: compare with it from here on."""
        self._painted.copy_(self._picture)


class Stillness:
    """Decides whether a frame may be skipped, and counts what must still be painted after motion.

    A stream batch shows an input only n-1 frames after it came, so a picture may rest only when
    that many frames of the still input have followed; a changed setting starts the count again.
    """

    def __init__(self) -> None:
        self._owed = 0

    def may_skip(
        self, similarity: float | None, threshold: float, *, restless: bool, steps: int
    ) -> bool:
        """`threshold` 0..1 (0 = never skip); `restless`: a setting changed, or feedback is on."""
        still = (
            threshold > 0.0 and not restless and similarity is not None and similarity > threshold
        )
        if not still:
            self._owed = steps - 1
            return False
        if self._owed:
            self._owed -= 1
            return False
        return True
