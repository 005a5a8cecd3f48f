"""Ableton Link: one beat for every program in the room (the extra `[link]`)."""

from __future__ import annotations

import time
from collections.abc import Callable
from importlib import import_module, metadata
from typing import Any, Final, Protocol

import trio

from engine.beats import BEATS_PER_BAR
from engine.controls import Change, Controls
from engine.tempo import Reading, Tempo

ASKED_PER_S: Final = 30
"""How often the session is asked for its beat; between, ours runs by itself."""

PACKAGE: Final = "LinkPython-extern"
MISSING: Final = "Link needs one more package: pip install 'artflow-live[link]'"


class Session(Protocol):
    """A Link session, of which we are one. Times are seconds of the tempo's clock."""

    def reading(self, now_s: float) -> Reading:
        """The session's beat and tempo."""

    def play_at(self, now_s: float, bpm: float) -> None:
        """Another tempo, for everybody."""

    @property
    def peers(self) -> int:
        """How many others there are."""

    def close(self) -> None:
        """Leave."""


def missing() -> str | None:
    """Why there can be no Link here, in one line that says what to do; None where there can."""
    try:
        metadata.version(PACKAGE)
    except metadata.PackageNotFoundError:
        return MISSING
    return None


class LinkSession:
    """A session through LinkPython-extern. Alone in it, it begins with the beat it is given."""

    def __init__(self, now_s: float, bpm: float, beat: float) -> None:
        # (typed as Any: the package is an extra, and types must hold without it)
        self._link: Any = import_module("link").Link(bpm)
        self._clock: Any = self._link.clock()
        state = self._link.captureAppSessionState()
        state.forceBeatAtTime(beat, self._micros(now_s), BEATS_PER_BAR)
        self._link.commitAppSessionState(state)
        self._link.enabled = True

    def _micros(self, time_s: float) -> int:
        """A time of ours on Link's clock, which is another and may drift: set side by side anew."""
        return int(self._clock.micros() + (time_s - time.perf_counter()) * 1e6)

    def reading(self, now_s: float) -> Reading:
        """The session's beat; whether somebody has stopped playing does not concern us."""
        state = self._link.captureAppSessionState()
        beat = state.beatAtTime(self._micros(now_s), BEATS_PER_BAR)
        return Reading(now_s, float(state.tempo()), float(beat))

    def play_at(self, now_s: float, bpm: float) -> None:
        state = self._link.captureAppSessionState()
        state.setTempo(bpm, self._micros(now_s))
        self._link.commitAppSessionState(state)

    @property
    def peers(self) -> int:
        return int(self._link.numPeers())

    def close(self) -> None:
        self._link.enabled = False


class Link:
    """Joins a Link session while `tempo/source` is link; `tempo/bpm` then is everybody's."""

    def __init__(
        self,
        controls: Controls,
        tempo: Tempo,
        *,
        join: Callable[[float, float, float], Session] = LinkSession,
    ) -> None:
        self._controls = controls
        self._tempo = tempo
        self._join = join
        self._session: Session | None = None
        self._changed = trio.Event()

    async def run(self) -> None:
        """Join and leave as `tempo/source` says, until cancelled."""
        end = self._controls.listen(self._on_change)
        try:
            while True:
                self._changed = trio.Event()
                if self._tempo.source == "link":
                    await self._follow()
                else:
                    await self._changed.wait()
        finally:
            end()

    def _on_change(self, change: Change) -> None:
        name = change.parameter.name
        if name == "tempo/source":
            self._changed.set()
        elif name == "tempo/bpm" and change.origin is not self._tempo and self._session:
            assert not isinstance(change.value, str)
            self._session.play_at(self._tempo.clock(), float(change.value))

    async def _follow(self) -> None:
        now_s = self._tempo.clock()
        line = self._tempo.line
        try:
            session = self._join(now_s, line.bpm, line.beat_at(now_s))
        except (ImportError, OSError, RuntimeError) as error:
            text = f"Link cannot be joined: {error}; the beat goes on by itself"
            self._controls.report("tempo/source", text)
            self._controls.set("tempo/source", "internal")
            return
        self._session = session
        try:
            tick = now_s
            while self._tempo.source == "link":
                now_s = self._tempo.clock()
                self._tempo.hear("link", session.reading(now_s))
                self._controls.publish("tempo/peers", session.peers)
                tick = max(tick + 1 / ASKED_PER_S, now_s)
                with trio.move_on_after(max(0.0, tick - self._tempo.clock())):
                    await self._changed.wait()
                    return
        finally:
            self._session = None
            session.close()
            self._controls.publish("tempo/peers", 0)
