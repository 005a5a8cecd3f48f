"""Parts that run together, and the one error that ended them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import trio

from engine.errors import ArtflowError


@asynccontextmanager
async def running(*tasks: Callable[[], Awaitable[object]]) -> AsyncIterator[trio.Nursery]:
    """Parts that run until what is inside has closed."""
    async with trio.open_nursery() as nursery:
        for task in tasks:
            nursery.start_soon(task)
        yield nursery
        nursery.cancel_scope.cancel()


def unwrapped(error: BaseException) -> BaseException:
    """The one `ArtflowError` inside trio's groups, if that is what it is."""
    while isinstance(error, BaseExceptionGroup) and len(error.exceptions) == 1:
        error = error.exceptions[0]
    if isinstance(error, BaseExceptionGroup):
        inner = map(unwrapped, error.exceptions)
        ours = [one for one in inner if isinstance(one, ArtflowError)]
        return ours[0] if ours else error
    return error
