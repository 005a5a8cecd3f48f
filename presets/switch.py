"""Changing the running model: `painter/model` is a wish until its folder was found whole."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path

import trio

from engine.controls import Change, Controls
from engine.errors import ArtflowError
from presets.models import ModelChoice, find_model

log = logging.getLogger(__name__)


class ModelSwitch:
    """Follows `painter/model`; the newest wish wins, and one that cannot be is put back.

    `named` is how the model that runs at the start was named (an id or a folder), so that the show
    can come back to it. `change` gets each model that was found, on the conductor's thread.
    """

    def __init__(
        self,
        controls: Controls,
        running: ModelChoice,
        named: str,
        data: Path,
        change: Callable[[ModelChoice], None],
    ) -> None:
        self.running = running
        self._controls = controls
        self._folders = {running.id: named or running.id}
        self._data = data
        self._change = change
        self._origin: object = None
        self._asked = trio.Event()
        controls.listen(self._on_change)

    def _on_change(self, change: Change) -> None:
        if change.parameter.name == "painter/model":
            self._origin = change.origin
            self._asked.set()

    async def run(self) -> None:
        """Change models as asked until cancelled."""
        while True:
            await self._asked.wait()
            self._asked = trio.Event()
            await self._follow(str(self._controls.get("painter/model")), self._origin)

    async def _follow(self, asked: str, origin: object) -> None:
        if asked == self.running.id:
            return
        try:
            # a folder may lie on a slow disk, and hold anything
            found = await trio.to_thread.run_sync(
                find_model, self._folders.get(asked, asked), self._data, abandon_on_cancel=True
            )
        except Exception as error:
            if not isinstance(error, ArtflowError):
                log.exception("looking for the model %s", asked)
            self._controls.report("painter/model", str(error) or repr(error), origin)
            if self._controls.get("painter/model") == asked:
                self._controls.set("painter/model", self.running.id)
            return
        if self._controls.get("painter/model") == asked:
            self.running = found
            self._change(found)
