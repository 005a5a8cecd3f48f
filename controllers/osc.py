"""The OSC server: lets the session hear, speak and keep time. It decides nothing itself."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from typing import Final

import trio

from controllers.osc_backlog import Backlog
from controllers.osc_peers import Address
from controllers.osc_session import OscSession
from controllers.osc_tcp import Listener, Opener, OscLines, open_both
from controllers.osc_udp import Datagrams, resolve
from engine.controls import Controls
from engine.errors import ArtflowError

TURN_PACKETS: Final = 256
TURN_BYTES: Final = 1_000_000
"""One turn of the conductor reads no more; what it does of that, `Backlog` bounds by its time."""
RETRY_S: Final = 0.1
COUNT_EVERY_S: Final = 0.5

_log = logging.getLogger(__name__)


class OscServer:
    """Plays `controls` over OSC, UDP and TCP on one port number, and tells what happens.

    `feedback` lists places, (host, port), that hear every change. `allowed` says of a host, as
    text, whether it may play: others are counted, never answered. `compat` understands
    StreamDiffusionTD's addresses, too. `told` gets (address, text) of
    what was refused, once a second at most, for the operator. `port` 0 takes any that is free;
    once `run` has started, `host` and `port` say where it listens.
    """

    def __init__(
        self,
        controls: Controls,
        host: str,
        port: int,
        *,
        feedback: Sequence[tuple[str, int]] = (),
        version: str,
        told: Callable[[str, str], None] | None = None,
        allowed: Callable[[str], bool] = lambda _: True,
        compat: bool = False,
        wall: Callable[[], float] = time.time,
        watch: Callable[[], float] = time.perf_counter,
        open_sockets: Opener = open_both,
    ) -> None:
        self.host = host
        self.port = port
        self._controls = controls
        self._targets = tuple(feedback)
        self._version = version
        self._told = told
        self._allowed = allowed
        self._compat = compat
        self._wall = wall
        self._watch = watch
        self._open = open_sockets
        self._session: OscSession | None = None
        self._due = math.inf
        self._news = trio.Event()
        self._stuck = trio.Event()

    @property
    def received(self) -> int:
        """Messages that came in, malformed packets included."""
        return self._session.received if self._session else 0

    @property
    def coalesced(self) -> int:
        """Messages that a newer value of the same parameter replaced before it was applied."""
        return self._session.coalesced if self._session else 0

    @property
    def refused(self) -> int:
        """Messages that were answered with an error."""
        return self._session.refused if self._session else 0

    async def run(
        self, task_status: trio.TaskStatus[tuple[str, int]] = trio.TASK_STATUS_IGNORED
    ) -> None:
        """Serve until cancelled. Starts with (host, port); raises `ListenError` if it cannot.

        Feedback begins once its target's name is found, which may take a slow network seconds.
        """
        datagrams, listener = await self._open(self.host, self.port)
        with closing(datagrams), closing(listener):
            self.host, self.port, _ = datagrams.address
            self._session = session = OscSession(
                self._controls,
                version=self._version,
                clock=trio.current_time,
                wall=self._wall,
                told=self._told,
                compat=self._compat,
            )
            session.feedback.wake = self._wake
            with closing(session.feedback):
                try:
                    async with trio.open_nursery() as nursery:
                        nursery.start_soon(self._hear, session, datagrams)
                        nursery.start_soon(self._connect, session, datagrams, listener)
                        nursery.start_soon(self._keep_time, session, datagrams)
                        nursery.start_soon(self._unblock, session, datagrams)
                        nursery.start_soon(self._count, session)
                        for target in self._targets:
                            nursery.start_soon(self._keep, session, target, datagrams.address)
                        task_status.started((self.host, self.port))
                finally:
                    # the last changes: what the socket takes now, whatever its pace
                    session.feedback.finish()
                    self._speak(session, datagrams, math.inf)

    async def _keep(self, session: OscSession, target: tuple[str, int], here: Address) -> None:
        """Find a --feedback target and tell it everything from then on."""
        try:
            session.feedback.keep([await resolve(*target, here)])
        except ArtflowError as error:
            self._controls.report("osc/feedback", str(error))
        self._wake()

    def _wake(self) -> None:
        self._news.set()

    async def _hear(self, session: OscSession, datagrams: Datagrams) -> None:
        backlog = Backlog(self._watch)
        flooded = False
        while True:
            if flooded:
                # the others have their turn, and to ask whether there is more takes time
                await trio.lowlevel.checkpoint()
            else:
                await datagrams.readable()
            batch: Sequence[tuple[bytes, Address]] = ()
            try:
                if not flooded:
                    # the first counts before we look whether more came with it
                    for first in self._allowed_of(session, datagrams.receive(1, TURN_BYTES)):
                        session.receive_first(*first)
                if not backlog.full:
                    # whoever waits behind a flood is found, though the flood is not done yet
                    batch = datagrams.receive(TURN_PACKETS, TURN_BYTES)
            except OSError as error:
                # a network that goes down comes back; the show does not end for it
                _log.warning("receiving OSC: %s", error)
                await trio.sleep(RETRY_S)
            session.turn_away(backlog.put(self._allowed_of(session, batch)))
            if backlog:
                session.receive(backlog.turn())
            flooded = bool(backlog) or len(batch) == TURN_PACKETS
            self._heard(session, datagrams)

    def _heard(self, session: OscSession, datagrams: Datagrams) -> None:
        """A turn is over: answer, and see to it that what it made due is done in time."""
        self._speak(session, datagrams)
        if self._next(session) < self._due:
            self._wake()

    def _allowed_of(
        self, session: OscSession, batch: Sequence[tuple[bytes, Address]]
    ) -> Sequence[tuple[bytes, Address]]:
        if len(batch) == 1 and self._allowed(batch[0][1].host):
            return batch  # nearly always; what follows takes as long as applying a value
        hosts = {address.host for _, address in batch}
        refused = {host for host in hosts if not self._allowed(host)}
        if not refused:
            return batch
        heard = [item for item in batch if item[1].host not in refused]
        session.turn_away(len(batch) - len(heard))
        return heard

    async def _connect(self, session: OscSession, datagrams: Datagrams, listener: Listener) -> None:
        def heard() -> None:
            self._heard(session, datagrams)

        await OscLines(session, heard, self._allowed).run(listener)

    async def _keep_time(self, session: OscSession, datagrams: Datagrams) -> None:
        while True:
            self._news = trio.Event()
            session.advance()
            self._speak(session, datagrams)
            self._due = self._next(session)
            with trio.move_on_at(self._due):
                await self._news.wait()

    def _next(self, session: OscSession) -> float:
        return min(session.deadline(), session.feedback.outbox.due())

    def _speak(self, session: OscSession, datagrams: Datagrams, now: float | None = None) -> None:
        """Send what may leave by now, unless the socket takes no more."""
        outbox = session.feedback.outbox
        now = trio.current_time() if now is None else now
        while (packet := outbox.first(now)) is not None:
            if not datagrams.send(*packet):
                self._stuck.set()
                return
            outbox.pop_first()

    async def _count(self, session: OscSession) -> None:
        while True:
            self._controls.publish("osc/received", session.received)
            self._controls.publish("osc/coalesced", session.coalesced)
            self._controls.publish("osc/refused", session.refused)
            await trio.sleep(COUNT_EVERY_S)

    async def _unblock(self, session: OscSession, datagrams: Datagrams) -> None:
        while True:
            await self._stuck.wait()
            await datagrams.writable()
            self._stuck = trio.Event()
            self._heard(session, datagrams)
