"""Changing the running model: `painter/model` is a wish until its folder was found whole."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from pathlib import Path

import trio

from engine.controls import Change, Controls
from engine.errors import ArtflowError, ModelError
from presets.models import ModelChoice, find_model

log = logging.getLogger(__name__)


class ModelSwitch:
    """Follows `painter/model`; the newest wish wins, and one that cannot be is put back.

    `named` is how the model that runs at the start was named (an id or a folder), so that the show
    can come back to it. `fetch(id)` brings what a model lacks while the running one goes on; it
    says whether anything was lacking, and raises `ArtflowError` where it did not come. `change`
    gets each model that was found, on the conductor's thread.
    """

    def __init__(
        self,
        controls: Controls,
        running: ModelChoice,
        named: str,
        data: Path,
        change: Callable[[ModelChoice], None],
        fetch: Callable[[str], Awaitable[bool]],
    ) -> None:
        self.running = running
        self._controls = controls
        self._folders = {running.id: named or running.id}
        self._data = data
        self._change = change
        self._fetch = fetch
        self._wish = ""
        self._origin: object = None
        self._asked = trio.Event()
        controls.listen(self._on_change)

    def _on_change(self, change: Change) -> None:
        if change.parameter.name == "painter/model" and change.origin is not self:
            self.want(str(change.value), change.origin)

    def want(self, id: str, origin: object = None) -> None:
        """Change to this model when it is here; the newest wish counts."""
        self._wish, self._origin = id, origin
        self._asked.set()

    async def run(self) -> None:
        """Change models as asked until cancelled."""
        while True:
            await self._asked.wait()
            self._asked = trio.Event()
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._follow, self._wish, self._origin)
                # a fetch goes on by itself; only nobody waits for it any more
                await self._asked.wait()
                nursery.cancel_scope.cancel()

    async def _follow(self, asked: str, origin: object) -> None:
        if asked == self.running.id:
            self._put_back()
            return
        try:
            try:
                found = await self._found(asked)
            except ModelError:
                self._put_back()
                if not await self._fetch(asked):
                    raise
                found = await self._found(asked)
        except Exception as error:
            if not isinstance(error, ArtflowError):
                log.exception("looking for the model %s", asked)
            self._controls.report("painter/model", str(error) or repr(error), origin)
            self._put_back()
            return
        self.running = found
        self._put_back()
        self._change(found)

    async def _found(self, asked: str) -> ModelChoice:
        # a folder may lie on a slow disk, and hold anything
        return await trio.to_thread.run_sync(
            find_model, self._folders.get(asked, asked), self._data, abandon_on_cancel=True
        )

    def _put_back(self) -> None:
        """Let the control say what runs."""
        if self._controls.get("painter/model") != self.running.id:
            self._controls.set("painter/model", self.running.id, self)
