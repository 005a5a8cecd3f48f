"""Mirrors: which may be asked, which is asked first, and when one is asked again."""

from __future__ import annotations

import ipaddress
import math
import random
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import httpx

from presets.wanted import Limits, Mirror

UNKNOWN_RATE: Final = 2.0**20
"""Bytes/s that a mirror without a record is trusted with: it goes before one known to be slow."""
NEWEST_WEIGHS: Final = 0.5
MAX_URL: Final = 16_384

_NAT64: Final = ipaddress.IPv6Network("64:ff9b::/96")
Address = ipaddress.IPv4Address | ipaddress.IPv6Address


class Refused(Exception):
    """A url that is not followed. The text says why, without the url."""


def read_url(text: str) -> httpx.URL:
    """The url of a mirror. Raises `Refused`."""
    try:
        return _whole(httpx.URL(text))
    except (httpx.InvalidURL, ValueError, TypeError) as error:
        raise Refused("is no readable url") from error


def moved(here: httpx.URL, location: str) -> httpx.URL:
    """Where a redirect leads. A login goes along within the host and is left behind otherwise.

    Raises `Refused`.
    """
    try:
        there = _whole(here.join(location))
    except (httpx.InvalidURL, ValueError, TypeError) as error:
        raise Refused("redirects to what is no url") from error
    if (there.scheme, there.host, there.port) != (here.scheme, here.host, here.port):
        return there.copy_with(userinfo=b"")
    return there if there.userinfo else there.copy_with(userinfo=here.userinfo)


def _whole(url: httpx.URL) -> httpx.URL:
    if not url.host or len(str(url)) > MAX_URL:
        raise ValueError("no host, or too long")
    return url


def check_url(url: httpx.URL, mirror: httpx.URL) -> None:
    """https only; within loopback a mirror that is there itself may use http. Raises `Refused`."""
    at_home = is_loopback(mirror.host) and is_loopback(url.host)
    if url.scheme != "https" and not (at_home and url.scheme == "http"):
        raise Refused(f"leads to {place(url)}; allowed: https")
    if not at_home:
        check_addresses(url.host, [url.host], mirror)
        if url.host.lower().rstrip(".").endswith("localhost"):
            raise Refused(
                f"leads to {place(url)}, which is this machine; allowed: public addresses"
            )


def check_addresses(host: str, addresses: Iterable[str], mirror: httpx.URL) -> None:
    """None may be private; all must be loopback where `host` and the mirror are.

    What is no address is passed over. Raises `Refused`.
    """
    at_home = is_loopback(mirror.host) and is_loopback(host)
    for text in addresses:
        address = _address(text)
        if address is None:
            continue
        if address.is_loopback if at_home else _is_public(address):
            continue
        kind = "not this machine" if at_home else "not a public address"
        at = "" if text == host else f" at {address}"
        raise Refused(f"leads to {host}{at}, {kind}")


def is_loopback(host: str) -> bool:
    address = _address(host)
    if address is None:
        return host.lower().rstrip(".") == "localhost"
    return address.is_loopback


def _is_public(address: Address) -> bool:
    return address.is_global and not (address.is_multicast or address.is_reserved)


def _address(text: str) -> Address | None:
    """The address that is meant: one wrapped in IPv6 counts as the IPv4 address that it is."""
    try:
        address = ipaddress.ip_address(text.strip("[]").partition("%")[0])
    except ValueError:
        return None
    if isinstance(address, ipaddress.IPv6Address):
        if address in _NAT64:
            return ipaddress.IPv4Address(int(address) & 0xFFFF_FFFF)
        return address.ipv4_mapped or address.sixtofour or address
    return address


def place(url: httpx.URL) -> str:
    """`https://host:port`: what of a url may be shown."""
    port = f":{url.port}" if url.port else ""
    return f"{url.scheme or '?'}://{url.host}{port}"


def label(url: httpx.URL) -> str:
    """What a mirror's file is remembered by: no login, no query."""
    return place(url) + url.path


class Rates:
    """What each mirror gave lately, in bytes/s. A fault halves the trust until it does well."""

    def __init__(self, known: Mapping[str, float] | None = None) -> None:
        self._rates = dict(known or {})

    def gave(self, name: str, received_bytes: int, seconds: float) -> None:
        rate = received_bytes / max(seconds, 1e-3)
        before = self._rates.get(name, rate)
        self._rates[name] = before + NEWEST_WEIGHS * (rate - before)

    def failed(self, name: str) -> None:
        self._rates[name] = self._rates.get(name, UNKNOWN_RATE) / 2

    def known(self) -> dict[str, float]:
        return dict(self._rates)

    def ordered(self, mirrors: Sequence[Mirror], first: int | None = None) -> list[Mirror]:
        """Fastest first, by the powers of two; the catalogue's order among equals.

        `first` (an index) is put before all.
        """

        def key(mirror: Mirror) -> tuple[bool, int]:
            chosen = first is not None and mirrors.index(mirror) == first % max(1, len(mirrors))
            rate = self._rates.get(mirror.name, UNKNOWN_RATE)
            return not chosen, -round(math.log2(max(rate, 1.0)))

        return sorted(mirrors, key=key)


@dataclass
class Life:
    """One mirror during one download. Times are trio's clock in seconds."""

    mirror: Mirror
    failures: int = 0
    not_before: float = 0.0
    reason: str = ""
    """Its last fault."""
    dead: bool = False
    ranges: bool = True
    """Whether it may be asked to continue what is kept."""
    suspect: int = 0
    """1: it had a part in a file that was wrong; 2: it was at fault otherwise, too."""

    def fail(self, reason: str, now: float, limits: Limits, after_s: float | None = None) -> None:
        """It failed: ask again later, twice as late each time, no sooner than it says."""
        self.reason = reason
        wait = back_off_s(self.failures, limits)
        self.failures += 1
        self.not_before = now + max(wait, after_s or 0.0)

    def end(self, reason: str) -> None:
        self.reason, self.dead = reason, True


def back_off_s(failures: int, limits: Limits, chance: Callable[[], float] = random.random) -> float:
    """Between half and one and a half times a wait that doubles: not all knock at once."""
    wait = min(limits.back_off_s * 2.0 ** min(failures, 20), limits.back_off_max_s)
    return wait * (0.5 + chance())


@dataclass
class Lives:
    """The mirrors of one download, in their order."""

    lives: list[Life] = field(default_factory=list)

    def next(self, now: float, *, continuing: bool) -> Life | float | None:
        """The one to ask now, or the time at which one may be asked; None: none is left.

        One that can continue what is kept goes before one that cannot.
        """
        alive = [life for life in self.lives if not life.dead]
        ready = [life for life in alive if life.not_before <= now]
        if ready:
            return min(ready, key=lambda life: (life.suspect, continuing and not life.ranges))
        return min((life.not_before for life in alive), default=None)

    def told(self) -> str:
        """`HF Mirror does not have it (404); ModelScope timed out`"""
        return "; ".join(f"{life.mirror.name} {life.reason}" for life in self.lives if life.reason)
