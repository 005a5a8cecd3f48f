"""How downloads are told as controls: words at once, numbers at most ten times a second."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Final

import trio

from engine.controls import Controls
from presets.preset_controls import control
from presets.wanted import Progress

EVERY_S: Final = 0.1
MB: Final = 1e6


class ProgressBoard:
    """Publishes what `tell` is told; `run` brings what had to wait.

    `named(id, aspect)` is the control's name.
    """

    def __init__(self, controls: Controls, named: Callable[[str, str], str] = control) -> None:
        self._controls, self._named = controls, named
        self._waiting: dict[str, Progress] = {}
        self._next: dict[str, float] = {}
        self._news = trio.Event()

    def tell(self, id: str, progress: Progress) -> None:
        """The newest word on a download."""
        self._controls.publish(self._named(id, "mirror"), progress.mirror)
        self._waiting[id] = progress
        if trio.current_time() >= self._next.get(id, -math.inf):
            self._publish(id)
        else:
            self._news.set()

    async def run(self) -> None:
        """Publish what waits, until cancelled."""
        while True:
            await self._news.wait()
            while self._waiting:
                await trio.sleep_until(min(self._next[id] for id in self._waiting))
                now = trio.current_time()
                for id in [id for id in self._waiting if self._next[id] <= now]:
                    self._publish(id)
            self._news = trio.Event()

    def _publish(self, id: str) -> None:
        progress = self._waiting.pop(id)
        self._next[id] = trio.current_time() + EVERY_S
        for aspect, value in (
            ("progress", progress.share),
            ("mb", progress.received_bytes / MB),
            ("total-mb", progress.total_bytes / MB),
            ("rate", progress.rate / MB),
            ("eta", progress.eta_s),
        ):
            self._controls.publish(self._named(id, aspect), value)
