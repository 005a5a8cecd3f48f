"""What is being waited for, told on a terminal: one line on stderr that goes when it is over."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def waiting_for(what: str) -> Iterator[None]:
    """Show `what` while the block runs; nothing where stderr is no terminal.

    The line stands still: a thread that turned a wheel would disturb what a bench measures.
    """
    if not sys.stderr.isatty():
        yield
        return
    line = f"{what} ..."
    print(line, end="", file=sys.stderr, flush=True)
    try:
        yield
    finally:
        print(f"\r{' ' * len(line)}\r", end="", file=sys.stderr, flush=True)
