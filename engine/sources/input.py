"""The input pump: whatever source is played, the newest picture is always there.

The conductor owns an `Input`. It decides here, ten times a second and whenever a reader tells it
something; the pictures themselves go from their reader's thread straight into the boxes.

Three readers matter: the *live* one; a *candidate* that is being opened and takes over with its
first picture; and a *stand-in* that shows the test card while nothing is live.
"""

from __future__ import annotations

import contextlib
from collections import deque
from collections.abc import Callable, Sequence
from typing import Final

import trio

from engine.controls import Change, Controls
from engine.errors import SettingError
from engine.frames import FramesIn
from engine.latest import Frame, Latest
from engine.sources import open_source
from engine.sources.brush import Brush
from engine.sources.drawing import Drawing, PointerEvent
from engine.sources.outlet import Outlet
from engine.sources.protocol import Source
from engine.sources.reader import Opener, Reader
from engine.sources.spec import NamedFiles, SourceSpec
from engine.sources.stand_in import HOLD_S, StandIn

TICK_S: Final = 0.1
GRACE_S: Final = 0.25
"""A source that opens within this time is the first thing seen; else the test card is."""

SILENT_S: Final = 2.0
"""A live source without a picture for so long is lost."""

OPEN_S: Final = 10.0
"""A source that takes longer to its first picture is given up."""

RETRY_S: Final = (1.0, 2.0, 3.0, 4.0, 5.0)
"""Waits before a lost source is opened again; the last one goes on."""

_RATE_S: Final = 0.5
_MOST_LEAVING: Final = 3  # threads stuck in a driver; no more are started beside them
_NO_DRIVER: Final = ("test-card", "drawing")  # cannot get stuck: always a way out
_WAIT_S: Final = 1.0  # stepping fast through sources is no reason to complain
_LEAVE_S: Final = 1.5

OpenSource = Callable[[SourceSpec, tuple[int, int], Drawing], Source]


class Input:
    """The source that plays, its standby, and the drawing. For the conductor's thread.

    `size` is the painted size (w, h). `allowed` lists the sources with a file that may be played:
    those named when the show was started; input/source cannot name others later, but `video` and
    `image` alone mean the first of them. What input/source says now counts as named, too; `files`
    may be told of more.
    """

    def __init__(
        self,
        controls: Controls,
        size: tuple[int, int],
        allowed: Sequence[str] = (),
        opener: OpenSource = open_source,
    ) -> None:
        self.drawing = Drawing(size)
        self._controls = controls
        self._size = size
        self._opener = opener
        self._outlet = Outlet(size)
        self._brush = Brush(controls, self.drawing, size)
        self.files = NamedFiles((*allowed, str(controls.get("input/source"))))
        self._home = SourceSpec("test-card")  # what plays, or is to play again when it returns
        self._home_text = "test-card"  # ... as the performer calls it
        self._live: Reader | None = None
        self._candidate: Reader | None = None
        self._switch_to: str | None = None  # the candidate's name, where it is not home's
        self._wish: SourceSpec | None = None  # is to be the candidate as soon as there is room
        self._wait_told = False
        self._since = 0.0  # when the candidate was started, or wished for
        self._stand_in: Reader | None = None
        self._leaving: set[Reader] = set()
        self._tried = 0  # since home was last live
        self._told = False
        self._retry_at: float | None = None
        self._asked: Change | None = None  # a source that somebody wants instead
        self._asker: object = None  # of the candidate or wish: hears why it cannot be
        self._naming = False
        self._heard: deque[tuple[Reader, str | None]] = deque()
        self._bell = trio.Event()
        self._token: trio.lowlevel.TrioToken | None = None
        self._rates: deque[tuple[float, int]] = deque(maxlen=3)  # when, how many pictures

    @property
    def latest(self) -> Latest[Frame]:
        """The newest input picture; any thread may read it."""
        return self._outlet.latest

    def sources(self) -> list[str]:
        """What one can step through: every kind that is there, cameras one by one."""
        from engine.sources.camera import list_cameras
        from engine.sources.screen import has_screen

        cameras = [f"camera:{camera}" for camera, _ in list_cameras()]
        screens = ["screen"] if has_screen() else []
        return ["test-card", "drawing", *cameras, *screens, *self.files.kinds]

    def connect(self, mailbox: FramesIn | None, size: tuple[int, int]) -> None:
        """Send pictures of `size` (w, h) to `mailbox` from now on, in place of the one before.

        When this returns, the mailbox before is not touched again and may be closed.
        """
        self._size = self._brush.size = size
        self._outlet.connect(mailbox, size)
        for reader in (self._live, self._candidate, self._stand_in):
            if reader is not None:
                reader.size = size

    def pointer(self, event: PointerEvent) -> None:
        """A pointer in the window, at 0..1 of the picture; draws where the drawing is shown."""
        if self._home.kind == "drawing" or not event.pressed:
            self._brush.pointer(event)

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Play input/source until cancelled; started when the first picture is in `latest`."""
        self._token = trio.lowlevel.current_trio_token()
        stop_listening = self._controls.listen(self._on_change)
        started = False
        try:
            self._begin(trio.current_time())
            while True:
                with trio.move_on_after(TICK_S):
                    await self._bell.wait()
                self._turn(trio.current_time())
                if not started and self.latest.get() is not None:
                    started = True
                    task_status.started()
                await self._draw_unseen()
        finally:
            stop_listening()
            await self._end()

    def _turn(self, now: float) -> None:
        self._bell = trio.Event()
        while self._heard:
            self._hear(*self._heard.popleft(), now)
        if self._asked is not None:
            asked, self._asked = self._asked, None
            self._switch(str(asked.value), asked.origin, now)
        self._watch(now)
        self._measure(now)

    # what the readers tell

    def _tell(self, reader: Reader, text: str | None) -> None:
        # in the reader's thread
        assert self._token is not None
        with contextlib.suppress(trio.RunFinishedError):
            self._token.run_sync_soon(self._knock, reader, text)

    def _knock(self, reader: Reader, text: str | None) -> None:
        self._heard.append((reader, text))
        self._bell.set()

    def _hear(self, reader: Reader, text: str | None, now: float) -> None:
        if text is None:
            if reader is self._candidate:
                self._take_over(reader)
            return
        self._leaving.discard(reader)
        if reader is self._candidate:
            self._candidate = None
            self._outlet.expect(None)
            self._failed(text, now)
        elif reader is self._live:
            self._live = None
            self._lose(text, now, HOLD_S)
        elif reader is self._stand_in:  # pragma: no cover - it has nothing that could fail
            self._stand_in = None

    # what the performer asks for

    def _on_change(self, change: Change) -> None:
        self._brush.changed(change)
        if change.parameter.name == "input/mirror":
            self._mirror(change.value)
        elif change.parameter.name == "input/source" and not self._naming:
            # answered in the next turn: an answer has to come after the change for every listener
            self._asked = change
            self._bell.set()

    def _mirror(self, value: object) -> None:
        self._outlet.mirror = self._brush.mirrored = bool(value)

    def _switch(self, text: str, asker: object, now: float) -> None:
        try:
            spec = self.files.resolve(text)
        except SettingError as error:
            self._controls.report("input/source", str(error), asker)
            self._name_it()
            return
        if self._candidate is not None:
            self._drop(self._candidate)
        self._wish = self._switch_to = None  # whatever was wished for before is not any more
        if spec != self._home:
            self._wish, self._switch_to, self._asker = spec, text, asker
            self._since, self._wait_told = now, False
            self._publish_state("opening")  # `_watch` opens it
            return
        self._home_text = text
        self._publish_state("live" if self._live else "lost")
        if self._live is None:
            self._retry_at = now

    def _name_it(self) -> None:
        """Let input/source say again what plays, or is about to."""
        self._naming = True
        try:
            self._controls.set("input/source", self._switch_to or self._home_text)
        finally:
            self._naming = False

    # what happens then

    def _begin(self, now: float) -> None:
        self._mirror(self._controls.get("input/mirror"))
        text = str(self._controls.get("input/source"))
        try:
            self._home, self._home_text = self.files.resolve(text), text
        except SettingError as error:
            self._controls.report("input/source", str(error))
            self._name_it()
        self._try(self._home, None, now)

    def _try(self, spec: SourceSpec, switch_to: str | None, now: float) -> None:
        """Open a source in the background."""
        self._candidate = self._reader(spec, self._open)
        self._switch_to, self._since = switch_to, now
        self._outlet.expect(self._candidate)
        self._candidate.start()
        if switch_to is not None or not self._told:
            self._publish_state("opening")

    def _take_over(self, candidate: Reader) -> None:
        """The candidate has delivered: it is live."""
        if self._switch_to is not None:
            self._home, self._home_text = candidate.spec, self._switch_to
        self._leave(self._live)
        self._leave(self._stand_in)
        self._live, self._candidate, self._stand_in = candidate, None, None
        self._switch_to = self._retry_at = None
        self._tried, self._told = 0, False
        self._publish_state("live")

    def _failed(self, text: str, now: float) -> None:
        """The candidate could not be opened."""
        if self._switch_to is None:
            self._lost(text, now)
            return
        self._switch_to = None
        self._controls.report("input/source", text, self._asker)
        self._name_it()
        self._publish_state("live" if self._live else "lost")
        if self._live is None:
            self._retry_at = now + RETRY_S[0]

    def _lose(self, text: str, now: float, hold_s: float) -> None:
        """The live source gives no more pictures."""
        self._leave(self._live)
        self._live = None
        self._stand(hold_s)
        self._lost(text, now)

    def _lost(self, text: str, now: float) -> None:
        if self._stand_in is None:
            self._stand(0.0)
        if not self._told:
            self._told = True
            self._controls.report("input/source", f"{text}; it is tried again by itself")
        self._publish_state("lost" if self._switch_to is None else "opening")
        self._retry_at = now + RETRY_S[min(self._tried, len(RETRY_S) - 1)]
        self._tried += 1

    def _stand(self, hold_s: float) -> None:
        """Show the last picture for `hold_s`, then the test card."""
        last = self._outlet.original if hold_s else None

        def stand_in(_spec: SourceSpec, size: tuple[int, int]) -> Source:
            return StandIn(size, last, hold_s)

        self._stand_in = self._reader(SourceSpec("test-card"), stand_in)
        self._outlet.own(self._stand_in)
        self._stand_in.start()

    def _watch(self, now: float) -> None:
        """What only time can tell."""
        waited = now - self._since
        if self._live is None and self._stand_in is None and waited > GRACE_S:
            self._stand(0.0)
        if self._candidate is not None and waited > OPEN_S:
            what = f"source {self._candidate.spec} has not opened for {OPEN_S:g} s"
            if self._drop(self._candidate):
                self._failed(what, now)
        if self._live is not None and self._outlet.silent_s > SILENT_S:
            what = f"source {self._live.spec} has given no picture for {SILENT_S:g} s"
            self._lose(what, now, 0.0)
        due = self._retry_at is not None and now >= self._retry_at
        if self._wish is not None:
            self._grant(self._wish, now)
        elif due and self._candidate is None and self._has_room(self._home):
            self._retry_at = None
            self._try(self._home, None, now)

    def _grant(self, wish: SourceSpec, now: float) -> None:
        """Open what is wished for, or say once that it has to wait."""
        if self._has_room(wish):
            self._wish = None
            self._try(wish, self._switch_to, now)
        elif not self._wait_told and now - self._since > _WAIT_S:
            self._wait_told = True
            why = f"{_MOST_LEAVING} sources before it are stuck in their drivers"
            how = "it opens when one lets go; test-card and drawing open at once"
            self._controls.report("input/source", f"source {wish} waits: {why}; {how}", self._asker)

    def _has_room(self, spec: SourceSpec) -> bool:
        return spec.kind in _NO_DRIVER or len(self._leaving) < _MOST_LEAVING

    # the small things

    def _reader(self, spec: SourceSpec, opener: Opener) -> Reader:
        return Reader(spec, self._size, opener, self._outlet.deliver, self._tell)

    def _open(self, spec: SourceSpec, size: tuple[int, int]) -> Source:
        return self._opener(spec, size, self.drawing)

    def _drop(self, candidate: Reader) -> bool:
        """Send the candidate away; False where it has just taken over all the same."""
        self._outlet.expect(None)
        if self._outlet.owned_by(candidate):
            self._take_over(candidate)
            return False
        self._candidate = None
        self._leave(candidate)
        return True

    def _leave(self, reader: Reader | None) -> None:
        if reader is not None:
            reader.stop()
            self._leaving.add(reader)

    def _publish_state(self, state: str) -> None:
        self._controls.publish("input/state", state)

    def _measure(self, now: float) -> None:
        if not self._rates:
            self._rates.append((now, self._outlet.delivered))
        if now - self._rates[-1][0] >= _RATE_S:
            self._rates.append((now, self._outlet.delivered))
            (before, had), (at, has) = self._rates[0], self._rates[-1]
            self._controls.publish("input/fps", round((has - had) / (at - before), 1))

    async def _draw_unseen(self) -> None:
        # strokes from outside while another source plays: not to pile up until somebody looks
        if self._home.kind != "drawing" and self.drawing.waiting:
            await trio.to_thread.run_sync(self.drawing.picture, self._size)

    async def _end(self) -> None:
        self._outlet.own(None)
        self._outlet.expect(None)
        for reader in (self._live, self._candidate, self._stand_in):
            self._leave(reader)
        self._live = self._candidate = self._stand_in = None
        with trio.move_on_after(_LEAVE_S, shield=True):
            while self._leaving:
                await self._bell.wait()
                self._bell = trio.Event()
                self._leaving -= {reader for reader, text in self._heard if text is not None}
                self._heard.clear()
