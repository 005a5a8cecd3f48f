"""What to ask a mirror, and what to make of its answer: plain decisions, no I/O.

What is kept may only be continued by bytes that are sure to follow it: a 206 counts if it begins
exactly where we are and is of a file of our size; a 200 begins anew; a 416 is believed where it
names the whole size. The rest is the digest's to decide.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Final

from presets.wanted import megabytes

Linked = tuple[str, int | None]
"""The sha256 ("" where it does not say) and the size that a hub tells of the file it points to."""

_RANGE: Final = re.compile(r"bytes\s+(\d{1,18})-(\d{1,18})/(\d{1,18}|\*)", re.ASCII)
_BEYOND: Final = re.compile(r"bytes\s+\*/(\d{1,18})", re.ASCII)
_SHA256: Final = re.compile(r"[0-9a-f]{64}")
_COUNT: Final = re.compile(r"\d{1,18}", re.ASCII)

REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
BUSY: Final = frozenset({408, 425, 429})
WORDS: Final = {
    401: "wants a login",
    403: "forbids it",
    404: "does not have it",
    408: "timed out",
    410: "has it no longer",
    416: "has no such range",
    429: "has had too many requests",
    451: "may not give it",
    500: "has a fault of its own",
    502: "has a fault behind it",
    503: "is overloaded",
    504: "timed out behind",
}
DATE_IS_STRONG_AFTER: Final = timedelta(seconds=60)
"""RFC 9110, 8.8.2.2: a file's date vouches for it when it is that much older than the answer."""


@dataclass(frozen=True, slots=True)
class Have:
    """What is kept, and what is known of the whole.

    `size` is the catalogue's word, `noted_size` that of the mirror that the kept bytes come from;
    `validator` is what this mirror called its file then. `pinned`: a digest will decide.
    """

    kept: int = 0
    size: int | None = None
    noted_size: int | None = None
    ceiling: int = 1 << 62
    validator: str = ""
    pinned: bool = False


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer's head; the names of `headers` in lower case. `hops`: redirects followed to it."""

    status: int
    headers: Mapping[str, str]
    hops: int = 0

    def header(self, name: str) -> str:
        return self.headers.get(name, "").strip()

    def count(self, name: str) -> int | None:
        text = self.header(name)
        return int(text) if _COUNT.fullmatch(text) else None


@dataclass(frozen=True, slots=True)
class Take:
    """Read the body: it continues (or begins) the file at `start`. `length` None: until it ends."""

    start: int
    size: int | None
    length: int | None
    validator: str


@dataclass(frozen=True, slots=True)
class Whole:
    """Nothing is missing."""


@dataclass(frozen=True, slots=True)
class Follow:
    """Ask there instead."""

    location: str


@dataclass(frozen=True, slots=True)
class Later:
    """Not now; `after_s` where the mirror said when."""

    reason: str
    after_s: float | None = None


@dataclass(frozen=True, slots=True)
class Anew:
    """This mirror cannot continue what is kept: ask it for the whole file."""

    reason: str


@dataclass(frozen=True, slots=True)
class Never:
    """This mirror is of no use for this file."""

    reason: str


Verdict = Take | Whole | Follow | Later | Anew | Never


def headers_for(have: Have, *, ranges: bool) -> dict[str, str]:
    """What to send along: from where on, and only if the file is still the same."""
    headers = {"accept": "*/*", "accept-encoding": "identity"}
    if have.kept and ranges and (have.pinned or have.validator):
        headers["range"] = f"bytes={have.kept}-"
        if have.validator:
            headers["if-range"] = have.validator
    return headers


def judge(reply: Reply, have: Have, asked_from: int, now: datetime | None = None) -> Verdict:
    """What to do with an answer to a request for the bytes from `asked_from` on."""
    status = reply.status
    if status in REDIRECTS:
        location = reply.header("location")
        return Follow(location) if location else Never(f"redirects to nowhere ({status})")
    if status in BUSY or status >= 500:
        return Later(told(status), retry_after_s(reply.header("retry-after"), now))
    if status == 403 and reply.hops:  # the store's, of a signed url: a fresh one may do
        return Later(told(status))
    if status == 416:
        return _beyond(reply, have, asked_from)
    if status not in (200, 206):
        return Never(told(status))
    coding = reply.header("content-encoding").lower()
    if coding not in ("", "identity"):
        return Never(f"sends it compressed ({_short(coding)}), though asked not to")
    return _part(reply, have, asked_from) if status == 206 else _all(reply, have)


def _all(reply: Reply, have: Have) -> Verdict:
    length = reply.count("content-length")
    if reply.header("transfer-encoding"):
        length = None  # RFC 9112, 6.3: the framing overrides it
    if have.size is not None and length not in (None, have.size):
        return Never(another(length or 0, have.size))
    if (length or 0) > have.ceiling:
        return Never(f"sends {megabytes(length or 0)}; allowed: up to {megabytes(have.ceiling)}")
    if reply.header("content-type").lower().startswith("text/html"):
        return Never("answers with a web page")
    size = length if have.size is None else have.size
    if size is None and not have.pinned:
        return Never("tells neither size nor digest, so nothing could be checked")
    return Take(0, size, length, validator(reply))


def _part(reply: Reply, have: Have, asked_from: int) -> Verdict:
    found = _RANGE.fullmatch(reply.header("content-range"))
    if not found:
        return _from_zero("does not say which part it sends", asked_from)
    first, last = int(found[1]), int(found[2])
    total = None if found[3] == "*" else int(found[3])
    if have.size is not None and total not in (None, have.size):
        return Never(another(total or 0, have.size))
    if first != asked_from or last < first or (total is not None and last >= total):
        return _from_zero("sends another part than asked for", asked_from)
    length = last - first + 1
    if reply.count("content-length") not in (None, length):
        return _from_zero("contradicts itself about the length of a part", asked_from)
    new = validator(reply)
    changed = bool(have.validator and new and new != have.validator)
    if changed or (have.noted_size is not None and total not in (None, have.noted_size)):
        return _from_zero("has changed the file", asked_from)
    size = next((one for one in (have.size, total, have.noted_size) if one is not None), None)
    if size is None and not have.pinned:
        return _from_zero("tells neither size nor digest", asked_from)
    if (size or 0) > have.ceiling:
        return Never(f"sends {megabytes(size or 0)}; allowed: up to {megabytes(have.ceiling)}")
    return Take(asked_from, size, length, new or have.validator)


def _beyond(reply: Reply, have: Have, asked_from: int) -> Verdict:
    found = _BEYOND.fullmatch(reply.header("content-range"))
    total = int(found[1]) if found else None
    if total is not None and have.size is not None and total != have.size:
        return Never(another(total, have.size))
    if total == asked_from and asked_from and have.pinned:
        return Whole()
    return _from_zero(told(416), asked_from)


def _from_zero(reason: str, asked_from: int) -> Verdict:
    return Anew(reason) if asked_from else Never(reason)


def validator(reply: Reply) -> str:
    """What names exactly this version of the file, for If-Range; "" where nothing does."""
    tag = reply.header("etag")
    if tag.startswith('"') and tag.endswith('"') and len(tag) > 2 and tag.isascii():
        return tag
    if tag:
        return ""  # a weak one does not vouch for bytes
    changed, sent = (_date(reply.header(name)) for name in ("last-modified", "date"))
    strong = changed and sent and sent - changed >= DATE_IS_STRONG_AFTER
    return reply.header("last-modified") if strong else ""


def linked(reply: Reply) -> Linked:
    """What the answer tells of its file, by the hub's own headers."""
    digest = reply.header("x-linked-etag").strip('"').lower()
    if not _SHA256.fullmatch(digest):
        digest = ""
    return digest, reply.count("x-linked-size")


def retry_after_s(text: str, now: datetime | None = None) -> float | None:
    """Seconds that a Retry-After asks to wait; None where it says nothing readable."""
    if _COUNT.fullmatch(text):
        return float(text)
    moment = _date(text)
    return max(0.0, (moment - (now or datetime.now(UTC))).total_seconds()) if moment else None


def _date(text: str) -> datetime | None:
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def told(status: int) -> str:
    """`does not have it (404)`"""
    fallback = "has a fault of its own" if status >= 500 else "answers in an unexpected way"
    return f"{WORDS.get(status, fallback)} ({status})"


def another(found: int, expected: int) -> str:
    return f"has another file: {found:,} bytes, expected {expected:,}"


def _short(text: str) -> str:
    return text if len(text) <= 20 else text[:20] + "..."
