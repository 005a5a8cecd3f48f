"""The conductor's end of the painter: start it, tell it the newest settings, watch, restart."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final, Protocol

import msgspec
import trio

from engine.controls import Snapshot, Value
from engine.frames import FrameMailbox
from engine.mixing import Mix
from engine.painter import protocol
from engine.painter.settings import CONTROLS
from engine.painter_process import (
    LEAVE_WITHIN_S,
    begin_process,
    end_process,
    exit_reason,
    log_errors,
)
from engine.supervision import Life, Restarts

log = logging.getLogger(__name__)

READS: Final = frozenset({*CONTROLS, "paint/active"})
"""The controls that the painter is told."""

WATCH_EVERY_S: Final = 0.25


@dataclass(frozen=True, slots=True)
class Job:
    """What to paint with: a model's folder and what it is called. `painter`, `compile`, `cache` and
    `lowvram` as in `Launch`."""

    model_id: str
    size: tuple[int, int]
    folder: str = ""
    tiny_autoencoder: str = ""
    default_prompt: str = ""
    device: str = ""
    painter: str = "diffusion"
    compile: str = "off"
    cache: str = ""
    lowvram: bool = False


class Desk(Protocol):
    """What of `Controls` is needed here."""

    def commit(self) -> Snapshot: ...
    def get(self, name: str) -> Value: ...
    def publish(self, name: str, value: Value) -> None: ...
    def report(self, address: str, text: str, origin: object = None) -> None: ...


class Inputs(Protocol):
    def connect(self, mailbox: FrameMailbox | None, size: tuple[int, int]) -> None: ...


class Outputs(Protocol):
    @property
    def painting(self) -> bool: ...
    @painting.setter
    def painting(self, value: bool) -> None: ...

    def connect(self, painted: FrameMailbox | None) -> None: ...


@dataclass(frozen=True, slots=True)
class Ended:
    """Why a painter's life ended. `fatal`: another start would end the same."""

    reason: str
    fatal: bool = False


@dataclass
class Painting:
    """Keeps a painter at work on the newest job, whatever happens to the process.

    `change(job)` paints with another model; the held picture covers it. `offer(snapshot)` tells the
    painter the newest settings, `blend(mix)` its LoRAs, coalesced; a painter that is started again
    gets both. State is published on `painter/*`; of each file that is wanted `on_staged` or
    `on_unfit` is called, after every start anew, and `on_dropped` when it had to make room.
    """

    controls: Desk
    inputs: Inputs
    outputs: Outputs
    job: Job
    notice: Callable[[str], None] = log.info
    on_applied: Callable[[protocol.Applied], None] | None = None
    on_staged: Callable[[str], None] | None = None
    on_unfit: Callable[[str, str], None] | None = None
    on_dropped: Callable[[str], None] | None = None
    mix: Mix = field(default_factory=Mix)
    pid: int | None = None
    loading: str = ""
    """What of the model is being loaded."""
    _snapshot: Snapshot | None = None
    _news: trio.Event = field(default_factory=trio.Event)
    _restart: trio.Event = field(default_factory=trio.Event)
    _restarts: Restarts = field(default_factory=Restarts)
    _boxes: tuple[FrameMailbox, FrameMailbox] | None = None
    _ended: Ended | None = None
    _left: list[trio.Process] = field(default_factory=list)

    def offer(self, snapshot: Snapshot) -> None:
        """The newest settings; they are in force from the painter's next frame."""
        self._snapshot = snapshot
        self._news.set()

    def blend(self, mix: Mix) -> None:
        """The newest mix of LoRAs; its weights are in force from the painter's next frame."""
        self.mix = mix
        self._news.set()

    def change(self, job: Job) -> None:
        """Paint with another model, behind the held picture."""
        self.job = job
        self.restart()

    def restart(self) -> None:
        """Start the painter again, however often it failed."""
        self._restarts.forgive()
        self._restart.set()

    async def run(self) -> None:
        """Paint until cancelled."""
        self._snapshot = self.controls.commit()
        try:
            while True:
                self._restart = trio.Event()
                life = Life(trio.current_time())
                ended = await self._live(life)
                self._silent()
                if ended is None:  # asked to restart: the held picture covers it
                    continue
                self.outputs.painting = False
                await self._after_failure(ended, life)
        finally:
            self.inputs.connect(None, self.job.size)

    async def _after_failure(self, ended: Ended, life: Life) -> None:
        wait = self._restarts.after(life, trio.current_time())
        self.controls.publish("painter/restarts", self._restarts.total)
        if ended.fatal or wait is None:
            self.controls.publish("painter/state", "failed")
            self.controls.report(
                "painter", f"{ended.reason}; send painter/restart or choose another painter/model"
            )
            await self._restart.wait()
            return
        self.controls.publish("painter/state", "restarting")
        again = f"in {wait:g} s" if wait else "now"
        self.controls.report("painter", f"{ended.reason}; starting it again {again}")
        with trio.move_on_after(wait):
            await self._restart.wait()

    def _silent(self) -> None:
        self.pid = None
        for name in ("painter/fps", "painter/frame-ms", "painter/latency-ms", "painter/memory-mb"):
            self.controls.publish(name, 0.0)

    def _mailboxes(self) -> tuple[FrameMailbox, FrameMailbox]:
        width, height = self.job.size
        if self._boxes is None or (self._boxes[0].width, self._boxes[0].height) != self.job.size:
            # whoever still reads the old ones keeps them until it looks up
            self._boxes = FrameMailbox.create(width, height), FrameMailbox.create(width, height)
            self.inputs.connect(self._boxes[0], self.job.size)
            self.outputs.connect(self._boxes[1])
        return self._boxes

    async def _live(self, life: Life) -> Ended | None:
        """One painter process from start to end; None where it was ended on request."""
        self._ended = None
        try:
            inputs, outputs = self._mailboxes()
        except (OSError, ValueError, MemoryError) as error:
            return Ended(f"there is no shared memory for frames: {error}")
        self.controls.publish("painter/state", "starting")
        self.controls.publish("painter/progress", 0.0)
        try:
            process = await begin_process((*inputs.handle.fds, *outputs.handle.fds))
        except OSError as error:
            return Ended(f"the painter process cannot be started: {error.strerror}")
        self.pid = process.pid
        try:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._speak, process, inputs, outputs)
                nursery.start_soon(self._hear, process, life)
                nursery.start_soon(log_errors, process)
                nursery.start_soon(self._reap)
                nursery.start_soon(self._watch, life, nursery.cancel_scope)
                nursery.start_soon(self._asked, process, nursery.cancel_scope)
                code = await process.wait()
                if self._ended is None:
                    self._ended = Ended(exit_reason(code))
                nursery.cancel_scope.cancel()
        finally:
            if not await end_process(process):
                # it may write into these for as long as the system cannot end it
                self._boxes = None
                self._left.append(process)
        return None if self._restart.is_set() else self._ended

    async def _speak(
        self, process: trio.Process, inputs: FrameMailbox, outputs: FrameMailbox
    ) -> None:
        """Launch, then the newest settings whenever they change."""
        job, snapshot = self.job, self._snapshot
        assert process.stdin is not None
        assert snapshot is not None
        mix = self.mix
        launch = protocol.Launch(
            painter=job.painter,
            input=inputs.handle.as_text(),
            output=outputs.handle.as_text(),
            model=job.folder,
            model_id=job.model_id,
            tiny_autoencoder=job.tiny_autoencoder,
            default_prompt=job.default_prompt,
            device=job.device,
            compile=job.compile,
            cache=job.cache,
            lowvram=job.lowvram,
            values=mix.with_words(told_values(snapshot.values), job.default_prompt),
            snapshot_seq=snapshot.seq,
            loras=mix.heard(),
            files=dict(mix.files),
        )
        files, told = launch.files, (launch.values, launch.loras)
        with contextlib.suppress(trio.BrokenResourceError, trio.ClosedResourceError):
            await process.stdin.send_all(protocol.pack(launch))
            while True:
                await self._news.wait()
                if self._restart.is_set():  # what is new is for the next painter
                    return
                self._news = trio.Event()
                snapshot, mix = self._snapshot or snapshot, self.mix
                values = mix.with_words(told_values(snapshot.values), job.default_prompt)
                news = b""
                if mix.files != files:
                    files = dict(mix.files)
                    news += protocol.pack(protocol.Files(files))
                if (values, mix.heard()) != told:
                    told = values, mix.heard()
                    traced = self.on_applied is not None
                    news += protocol.pack(protocol.Settings(snapshot.seq, values, traced, told[1]))
                if news:
                    await process.stdin.send_all(news)

    async def _hear(self, process: trio.Process, life: Life) -> None:
        assert process.stdout is not None
        unpacker = protocol.Unpacker(protocol.FromPainter)
        async for data in process.stdout:
            try:
                for message in unpacker.feed(bytes(data)):
                    self._heard(message, life)
            except msgspec.MsgspecError as error:
                self._ended = Ended(f"the painter sent what is no message: {error}")
                process.kill()
                return

    def _heard(self, message: protocol.ToPainter | protocol.FromPainter, life: Life) -> None:
        publish = self.controls.publish
        if isinstance(message, protocol.Beat):
            now = trio.current_time()
            life.beat(
                message.phase,
                message.mark,
                now,
                frame_s=message.frame_s,
                painted=message.painted,
            )
            publish("painter/progress", message.progress)
            self.loading = message.text
            if message.phase != "painting":
                publish("painter/state", "loading")
            elif life.verdict(now) == "well":  # beats go on during a frame that hangs
                self._paints(life)
        elif isinstance(message, protocol.Stats):
            publish("painter/fps", message.fps)
            publish("painter/frame-ms", message.frame_ms)
            publish("painter/latency-ms", message.latency_ms)
            publish("painter/memory-mb", message.memory_mb)
            publish("painter/frames", message.painted)
            publish("painter/skipped", message.skipped)
        elif isinstance(message, protocol.Applied):
            if self.on_applied is not None:
                self.on_applied(message)
        elif isinstance(message, protocol.Note):
            self.controls.report("painter", message.text)
        elif isinstance(message, protocol.Trouble):
            self._ended = Ended(message.text, message.fatal)
        elif not self._restart.is_set():  # the next painter tells of the files by itself
            self._heard_of_file(message)

    def _heard_of_file(self, message: protocol.ToPainter | protocol.FromPainter) -> None:
        if isinstance(message, protocol.Staged):
            if self.on_staged is not None:
                self.on_staged(message.id)
        elif isinstance(message, protocol.Unfit):
            if self.on_unfit is not None:
                self.on_unfit(message.id, message.text)
        elif isinstance(message, protocol.Dropped) and self.on_dropped is not None:
            self.on_dropped(message.id)

    def _paints(self, life: Life) -> None:
        if self.controls.get("painter/state") in ("starting", "loading"):
            self.notice(f"painting with {self.job.model_id}")
        self.controls.publish("painter/state", "painting")
        if life.painting_since is not None:
            self.outputs.painting = True

    async def _watch(self, life: Life, scope: trio.CancelScope) -> None:
        while True:
            await trio.sleep(WATCH_EVERY_S)
            verdict = life.verdict(trio.current_time())
            if verdict == "stalled":
                self.controls.publish("painter/state", "stalled")
                self.outputs.painting = False
            elif verdict != "well":
                self._ended = Ended(f"the painter {verdict}")
                scope.cancel()

    async def _reap(self) -> None:
        """Take leave of processes that could not be ended when it was their time."""
        while self._left:
            await self._left[0].wait()
            del self._left[0]

    async def _asked(self, process: trio.Process, scope: trio.CancelScope) -> None:
        """Let the painter leave by itself when a restart is asked for."""
        await self._restart.wait()
        assert process.stdin is not None
        with trio.move_on_after(LEAVE_WITHIN_S):
            with contextlib.suppress(trio.BrokenResourceError, trio.BusyResourceError):
                await process.stdin.send_all(protocol.pack(protocol.Stop()))
            await process.wait()
        scope.cancel()


def told_values(values: Mapping[str, Value]) -> dict[str, Value]:
    """The part of a snapshot that the painter reads."""
    return {name: value for name, value in values.items() if name in READS}
