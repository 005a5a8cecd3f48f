"""Which cards compute fast in fp16. No torch here: the doctor asks, too.

bf16 is never chosen: cards that are slow in fp16 have none.
"""

from __future__ import annotations

from typing import Final

_EARLY: Final = frozenset({(5, 3), (6, 0), (6, 2)})
"""Before Volta: Tegra X1 and X2, and P100. Others of that time have it at a 64th of the speed."""


def has_fast_half(capability: tuple[int, int]) -> bool:
    """By the compute capability (major, minor) of an NVIDIA card."""
    return capability >= (7, 0) or capability in _EARLY
