"""Writing a few numbers into storage that never moves."""

from __future__ import annotations

from collections.abc import Iterable

from torch import Tensor


def write(buffer: Tensor, numbers: Iterable[float]) -> None:
    """Put `numbers`, one for each element in order, into a contiguous `buffer`.

    Each travels as the argument of a kernel: no host memory is read later, and nobody waits.
    """
    for element, number in zip(buffer.view(-1), numbers, strict=True):
        element.fill_(number)
