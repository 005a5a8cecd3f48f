"""What is fetched, from where, and how a download is told: values, and nothing that acts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Final, Literal, Protocol

from engine.errors import ArtflowError

GIB: Final = 1 << 30

State = Literal[
    "absent",
    "queued",
    "resolving",
    "downloading",
    "verifying",
    "installed",
    "failed",
    "cancelled",
]
FINAL: Final[frozenset[State]] = frozenset({"installed", "failed", "cancelled"})

NEVER_YET: Final = 0.999
"""The largest share of what is not verified."""

CHECKED: Final = {
    "nothing": "where neither digest nor size is known, nothing was checked",
    "mirror's size": "where no digest is known, only the size that its mirror names was checked",
    "size": "where no digest is known, only the size was checked",
    "mirror's digest": "nobody vouches for a digest; it has the one that its mirror names",
    "digest": "the digest is right",
}
"""What vouches for an installed file, in words; the least first."""

CheckHeader = Callable[[bytes, int | None], bool]
"""Called with a file's first bytes and its size (None: not known yet), in a worker thread.

True: they are well; False: more of them are needed. Raises `ArtflowError` to refuse the file.
"""


class DownloadError(ArtflowError):
    """A file could not be fetched."""


@dataclass(frozen=True, slots=True)
class Mirror:
    """A place that has the file. The url may carry a signature, so no `repr` shows it."""

    name: str
    url: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class WantedFile:
    """One file: `name` is its place in the folder, such as `unet/model.safetensors`.

    `size` in bytes and `sha256` (64 hex digits) are the catalogue's word, None where it has none.
    """

    name: str
    mirrors: tuple[Mirror, ...]
    size: int | None = None
    sha256: str | None = None
    ceiling_bytes: int = 32 * GIB
    check_header: CheckHeader | None = None

    @property
    def limit(self) -> int:
        """More bytes than these are refused."""
        return self.ceiling_bytes if self.size is None else min(self.size, self.ceiling_bytes)


@dataclass(frozen=True, slots=True)
class Wanted:
    """An entry: one file or several, as one job. `first_mirror` (from 0) is tried before others."""

    id: str
    folder: Path
    files: tuple[WantedFile, ...]
    first_mirror: int | None = None

    def target(self, file: WantedFile) -> Path:
        """Where the file belongs. Raises `DownloadError` for a name that leaves the folder."""
        place = PurePosixPath(file.name)
        odd = place.is_absolute() or ".." in place.parts or not place.name
        if odd or any(character in file.name for character in '\\:\0<>|?*"'):
            raise DownloadError(
                f"{file.name!r} cannot be a file's name; allowed: plain names, with / for folders"
            )
        return self.folder.joinpath(*place.parts)


@dataclass(frozen=True, slots=True)
class Progress:
    """How a download stands. `share` is 0..1, never falls, and is 1 only for what is installed.

    `rate` in bytes/s over the last seconds; `eta_s` and `total_bytes` are 0 where not known.
    `checked` tells what vouches for an installed file: a key of `CHECKED`.
    """

    state: State = "absent"
    share: float = 0.0
    received_bytes: int = 0
    total_bytes: int = 0
    rate: float = 0.0
    eta_s: float = 0.0
    mirror: str = ""
    error: str = ""
    checked: str = ""


class Downloads(Protocol):
    """As `presets.download.Downloader`."""

    def want(self, wanted: Wanted) -> object: ...
    def cancel(self, id: str) -> bool: ...


@dataclass(frozen=True, slots=True)
class Transfer:
    """One answer of one mirror, for the statistics. `fault` is "" where all went well."""

    id: str
    mirror: str
    received_bytes: int
    seconds: float
    fault: str = ""


@dataclass(frozen=True, slots=True)
class Limits:
    """How patient a download is. Times in seconds."""

    connect_s: float = 10.0
    silent_s: float = 15.0
    """No byte for so long is a stall; so is less than `slow_bytes_s` bytes/s over `slow_s`."""
    slow_bytes_s: float = 16 * 1024
    slow_s: float = 30.0
    quiet_s: float = 55.0
    """Without `PACE_BYTES` more in so long from any mirror, the download has failed."""
    back_off_s: float = 0.5
    back_off_max_s: float = 10.0
    tries: int = 4
    """Of a mirror, while none has sent a byte yet; later `quiet_s` decides."""
    restarts: int = 5
    """So often what has arrived may be thrown away for another beginning."""
    lock_every_s: float = 0.25
    publish_every_s: float = 0.1
    gather_s: float = 0.05
    """So long the first of several wishes waits for those that come right after it."""


PACE_BYTES: Final = 800 * 1024
"""A mirror just above a stall sends these within `Limits.quiet_s`; those that all stall do not."""


def megabytes(count: int) -> str:
    """`27.2 MB`; under a tenth of one, bytes."""
    return f"{count / 1e6:,.1f} MB" if count >= 100_000 else f"{count:,} bytes"
