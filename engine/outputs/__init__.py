"""Who takes the audience's picture besides the window: recordings and snapshots.

`Outputs` answers their triggers. What touches the disk runs in threads, one job after the other in
the order in which the triggers came, so that no knob waits for a disk.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Final

import trio

from engine.controls import Controls, Value
from engine.errors import ArtflowError, ControlError, SettingError
from engine.latest import Frame
from engine.output import Output
from engine.outputs.recorder import Recorder
from engine.outputs.snapshot import save_snapshot
from engine.plain_names import plain_name

log = logging.getLogger(__name__)

PUBLISH_EVERY_S: Final = 0.5
_CLOSE_WITHIN_S: Final = 20.0
"""When the show ends: how long the job under way may still take, and then all that is left."""

_Job = tuple[str, object, Callable[[], str]]
"""Trigger, its origin, and the slow work; what the work returns is told in one line."""


class Outputs:
    """Recordings in `folder`/recordings and snapshots in `folder`/snapshots.

    `notice` gets one line for each event that matters ("recording to NAME.mp4"). Errors go to
    `controls.report`. Make it before the controllers start; `run` does the work until cancelled.
    """

    def __init__(
        self,
        controls: Controls,
        output: Output,
        folder: Path,
        notice: Callable[[str], None] = lambda _: None,
    ) -> None:
        self.recorder = Recorder(output.shown, folder / "recordings")
        self._controls = controls
        self._output = output
        self._snapshots = folder / "snapshots"
        self._notice = notice
        self._under_way = trio.CancelScope(shield=True)
        # triggers are never dropped, so there is no bound
        self._put, self._jobs = trio.open_memory_channel[_Job](math.inf)
        controls.on("record/start", self._on_start)
        controls.on("record/stop", self._on_stop)
        controls.on("snapshot", self._on_snapshot)

    def record_file(self, path: Path) -> None:
        """Record to the command line's FILE.mp4, from the first painted picture on."""
        self._put.send_nowait(("record/start", None, partial(self._start_file, path)))

    async def run(self) -> None:
        """Answer the triggers until cancelled; then finish what was asked for and close."""
        try:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._publish)
                nursery.start_soon(self._limit)
                async for job in self._jobs:
                    # a job begun is a job done, unless the show ends and its disk is dead
                    with trio.CancelScope(shield=True) as self._under_way:
                        await self._do(job)
        finally:
            with trio.move_on_after(_CLOSE_WITHIN_S, shield=True):
                await self._close()

    async def _limit(self) -> None:
        """Once the show ends, give the job under way a deadline."""
        try:
            await trio.sleep_forever()
        finally:
            self._under_way.deadline = trio.current_time() + _CLOSE_WITHIN_S

    async def _close(self) -> None:
        self._put.close()
        async for job in self._jobs:
            await self._do(job)
        await self._do(("record/stop", None, self._stop))
        self._controls.publish("record/active", 0)

    async def _publish(self) -> None:
        while True:
            await trio.sleep(PUBLISH_EVERY_S)
            self._controls.publish("output/fps", self._output.fps)
            self._tell()

    def _tell(self) -> None:
        recorder = self.recorder
        self._controls.publish("record/active", int(recorder.active))
        self._controls.publish("record/seconds", recorder.seconds)
        if recorder.error:  # of the last recording, or of one before
            error, recorder.error = recorder.error, ""
            self._controls.report("record/start", error)

    async def _do(self, job: _Job) -> None:
        address, origin, work = job
        try:
            # left behind only when the show ends and, _CLOSE_WITHIN_S later, no disk has answered
            line = await trio.to_thread.run_sync(work, abandon_on_cancel=True)
        except trio.Cancelled:
            log.warning("%s was left behind: the disk did not answer", address)
            raise
        except ArtflowError as error:
            self._controls.report(address, str(error), origin)
        except Exception as error:
            log.exception("%s failed", address)
            self._controls.report(address, f"{address} failed: {error!r}; see the log", origin)
        else:
            if line:
                self._notice(line)
        self._tell()

    # on the conductor's thread: only take down what was asked for

    def _on_start(self, arguments: tuple[Value, ...], origin: object) -> None:
        name = _named(arguments, ".mp4")
        self._ask("record/start", origin, partial(self._start, name))

    def _on_stop(self, _: tuple[Value, ...], origin: object) -> None:
        self._ask("record/stop", origin, self._stop)

    def _on_snapshot(self, arguments: tuple[Value, ...], origin: object) -> None:
        name = _named(arguments, ".png")
        frame = self._output.shown.get()
        if frame is None:
            self._controls.report("snapshot", "nothing is shown yet; try again soon", origin)
            return
        values = dict(self._controls.snapshot.values)
        self._ask("snapshot", origin, partial(self._save, frame, name, values))

    def _ask(self, address: str, origin: object, work: Callable[[], str]) -> None:
        try:
            self._put.send_nowait((address, origin, work))
        except (trio.ClosedResourceError, trio.BrokenResourceError):
            self._controls.report(address, "too late: the show is closing", origin)

    # in a thread

    def _start(self, name: str | None) -> str:
        return f"recording to {self.recorder.start(name).name}"

    def _start_file(self, path: Path) -> str:
        return f"recording to {self.recorder.start_file(path)}"

    def _stop(self) -> str:
        waiting = self.recorder.active
        if path := self.recorder.stop():
            return f"recorded {self.recorder.seconds:.1f} s to {path.name}"
        return "nothing was recorded: no picture was painted meanwhile" if waiting else ""

    def _save(self, frame: Frame, name: str | None, values: dict[str, Value]) -> str:
        return f"snapshot {save_snapshot(frame, values, self._snapshots, name)}"


def _named(arguments: tuple[Value, ...], suffix: str) -> str | None:
    """The name asked for. Raises `ControlError` at once for one that a file cannot have."""
    if not arguments:
        return None
    name = str(arguments[0])
    try:
        plain_name(name, suffix)
    except SettingError as error:
        raise ControlError(str(error)) from error
    return name
