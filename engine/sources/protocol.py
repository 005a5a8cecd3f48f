"""What every source is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from engine.latest import Picture


class Source(Protocol):
    """Gives pictures at its own rate to the one thread that opened it.

    `size` (w, h) is what the next picture is to measure; its reader may set it between reads.
    `captured_ns` is `time.monotonic_ns()` when the last picture was taken. A source that moves only
    when somebody changes it gives its picture again 30 times a second.
    """

    size: tuple[int, int]
    captured_ns: int

    def read(self) -> Picture | None:
        """Block until the next picture: RGB uint8, (h, w, 3), contiguous, never written to again.

        None where the source has ended. Raises `SourceError` where it is lost.
        """

    def close(self) -> None:
        """Give back what it holds; after the last `read`, in the same thread."""
