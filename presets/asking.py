"""One request to one mirror: the redirects, the verdict, the body taken.

What a mirror is asked and what its answer means is decided in `fetching`, where it may lead in
`mirrors`; here is the going and doing.
"""

from __future__ import annotations

import contextlib
import urllib.request
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final, Protocol

import httpx
import trio

from presets import fetching, mirrors
from presets.body import Fault, Store, as_fault, pour
from presets.mirrors import Life, Rates
from presets.part_file import Notes
from presets.wanted import DownloadError, Limits, State, WantedFile

MAX_HOPS: Final = 8

Resolve = Callable[[str, int], Awaitable[list[str]]]


class Tell(Protocol):
    """Who is told how it goes: `kept` and `total` in bytes of this file, `arrived` since last."""

    def state(self, state: State, mirror: str | None = None) -> None: ...
    def total(self, size: int) -> None: ...
    def kept(self, count: int) -> None: ...
    def arrived(self, count: int) -> None: ...
    def transferred(self, mirror: str, count: int, seconds: float, fault: str) -> None: ...


@dataclass(frozen=True)
class Tools:
    """What every download uses."""

    client: httpx.AsyncClient
    resolve: Resolve
    free_space: Callable[[Path], int]
    rates: Rates = field(default_factory=Rates)
    limits: Limits = field(default_factory=Limits)


async def resolve(host: str, port: int) -> list[str]:
    """The addresses of `host`. Raises `OSError`."""
    found = await trio.socket.getaddrinfo(host, port, type=trio.socket.SOCK_STREAM)
    return [str(address[0]) for *_, address in found]


def goes_through_proxy(url: httpx.URL) -> bool:
    """Whether the environment names a proxy for this url: then that resolves the name."""
    proxies = urllib.request.getproxies()
    named = url.scheme in proxies or "all" in proxies
    return named and not urllib.request.proxy_bypass(url.host)


@dataclass
class Asker:
    """Asks for one file. `on_start` is called when the body begins: with True where it is anew."""

    file: WantedFile
    tools: Tools
    tell: Tell
    on_start: Callable[[Life, bool], None]
    ended: bool = False
    """Nothing is missing, as far as the last mirror knows."""

    def __post_init__(self) -> None:
        self._started_over = 0

    async def ask(self, life: Life, store: Store, arrived: Callable[[int], None]) -> None:
        """Ask, follow, decide, take. Raises `Fault`, and what `pour` raises."""
        try:
            mirror = here = mirrors.read_url(life.mirror.url)
            label = mirrors.label(mirror)
            linked: fetching.Linked = ("", None)
            for hops in range(MAX_HOPS):
                await self._check_url(here, mirror)
                have = self._have(store, label)
                headers = fetching.headers_for(have, ranges=life.ranges)
                asked_from = have.kept if "range" in headers else 0
                async with self._answer(here, headers) as response:
                    reply = fetching.Reply(response.status_code, response.headers, hops)
                    linked = self._learn(fetching.linked(reply), linked, store, asked_from)
                    have = self._knowing(linked, have, asked_from)
                    match fetching.judge(reply, have, asked_from):
                        case fetching.Follow(location):
                            here = mirrors.moved(here, location)
                        case fetching.Take() as take:
                            await self._begin(take, store, life, label, linked[0])
                            await pour(response, store, self.tools.limits, arrived)
                            self._end(take, store)
                            return
                        case fetching.Whole():
                            self.ended = True
                            return
                        case fetching.Later(reason, after_s):
                            asks = "" if after_s is None else f", asks to wait {after_s:g} s"
                            raise Fault(reason + asks, after_s=after_s)
                        case fetching.Anew(reason):
                            raise Fault(reason, anew=True)
                        case fetching.Never(reason):
                            raise Fault(reason, lasting=True)
            raise Fault("redirects without end", lasting=True)
        except mirrors.Refused as refused:
            raise Fault(str(refused), lasting=True) from refused

    async def _check_url(self, url: httpx.URL, mirror: httpx.URL) -> None:
        """Raises `mirrors.Refused`, or `Fault` where the name leads nowhere.

        The connection might be given another address a moment later; but the server there would
        have to hold the host's certificate, which is what https is for.
        """
        mirrors.check_url(url, mirror)
        if goes_through_proxy(url) and not mirrors.is_loopback(url.host):
            return
        try:
            with trio.fail_after(self.tools.limits.connect_s):
                addresses = await self.tools.resolve(url.host, url.port or 443)
        except (OSError, UnicodeError, trio.TooSlowError) as error:
            raise Fault(f"cannot be found: no address for {url.host}") from error
        mirrors.check_addresses(url.host, addresses, mirror)

    @contextlib.asynccontextmanager
    async def _answer(
        self, url: httpx.URL, headers: dict[str, str]
    ) -> AsyncIterator[httpx.Response]:
        client, limits = self.tools.client, self.tools.limits
        patience = httpx.Timeout(limits.silent_s, connect=limits.connect_s)
        try:
            request = client.build_request("GET", url, headers=headers, timeout=patience)
            response = await client.send(request, stream=True, follow_redirects=False)
        except (httpx.HTTPError, httpx.InvalidURL, OSError, ValueError) as error:
            raise as_fault(error, limits) from error
        try:
            yield response
        finally:
            with contextlib.suppress(httpx.HTTPError, OSError):
                await response.aclose()

    def _have(self, store: Store, label: str) -> fetching.Have:
        notes = store.part.notes
        return fetching.Have(
            kept=store.part.size,
            size=self.file.size,
            noted_size=notes.size,
            ceiling=self.file.ceiling_bytes,
            validator=notes.validators.get(label, ""),
            pinned=bool(self.file.sha256 or notes.sha256),
        )

    def _learn(
        self,
        said: fetching.Linked,
        before: fetching.Linked,
        store: Store,
        asked_from: int,
    ) -> fetching.Linked:
        """What the hub says of its file, the first word of each; held against what is wanted."""
        digest = before[0] or said[0]
        size = said[1] if before[1] is None else before[1]
        if self.file.sha256 and digest not in ("", self.file.sha256):
            raise Fault("has another file: its digest is another", lasting=True)
        if self.file.size is not None and size not in (None, self.file.size):
            raise Fault(fetching.another(size or 0, self.file.size), lasting=True)
        if asked_from and digest and store.part.notes.sha256 not in ("", digest):
            raise Fault("has another version of the file", anew=True)
        return digest, size

    def _knowing(
        self, linked: fetching.Linked, have: fetching.Have, asked_from: int
    ) -> fetching.Have:
        size = linked[1] if self.file.size is None else self.file.size
        # begun anew, the noted digest goes with the bytes that it was noted for
        pinned = bool(self.file.sha256 or linked[0]) or (asked_from > 0 and have.pinned)
        return replace(have, size=size, pinned=pinned)

    async def _begin(
        self, take: fetching.Take, store: Store, life: Life, label: str, digest: str
    ) -> None:
        """Make the part ready for a body. Raises `DownloadError`, `OSError`."""
        part = store.part
        anew = take.start == 0
        if anew and part.size:
            self._started_over += 1
            if self._started_over > self.tools.limits.restarts:
                raise DownloadError(
                    f"{self.file.name} had to begin anew {self._started_over} times: its mirrors "
                    f"cannot continue it ({life.reason or 'or change it'}); try again later"
                )
            await trio.to_thread.run_sync(store.start_over)
        self.on_start(life, anew)
        tag = {label: take.validator} if take.validator else {}
        notes = Notes() if anew else part.notes
        notes = Notes(
            self.file.sha256 or notes.sha256 or digest,
            notes.size if take.size is None else take.size,
            notes.validators | tag,
        )
        await trio.to_thread.run_sync(part.note, notes)
        store.size = take.size
        if take.size is not None:
            self.tell.total(take.size)
        await trio.to_thread.run_sync(store.look_for_room)
        self.tell.state("downloading", life.mirror.name)

    def _end(self, take: fetching.Take, store: Store) -> None:
        """A body has come to what looks like its end. Raises `Fault` where that is too early."""
        if store.size is None:
            self.ended = True
        elif store.part.size < store.size and take.length is None:
            raise Fault(f"ended after {store.part.size:,} of {store.size:,} bytes")
