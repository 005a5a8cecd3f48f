"""A CUDA graph's stand-in on the CPU: the very operations of a capture, on the very same storage.

Like a graph it runs no Python of the frame again: what the host decided, and every number that it
passed, is as it was at the capture; a tensor that was rebound since is not seen, one that was
written in place is. Like a graph it refuses to look at a value on the host.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_flatten, tree_map

from engine.painter.graphs import WARM_UPS


class Tape(TorchDispatchMode):
    """Notes operations while it is entered; `replay` does them again."""

    def __init__(self) -> None:
        super().__init__()
        self.replays = 0
        self._steps: list[tuple[Any, Any, Any, list[int]]] = []
        self._made: dict[int, Tensor] = {}  # kept, so that no id is given twice

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func is torch.ops.aten._local_scalar_dense.default:
            raise RuntimeError("the host looked at a value of the device during a capture")
        kwargs = kwargs or {}
        answer = func(*args, **kwargs)
        given = {id(each) for each in tree_flatten((args, kwargs))[0] if isinstance(each, Tensor)}
        made = [each for each in tree_flatten(answer)[0] if isinstance(each, Tensor)]
        # what works in place answers with what it was given: that stays what it was
        fresh = [id(each) if id(each) not in given else 0 for each in made]
        self._made.update((id(each), each) for each in made)
        self._steps.append((func, args, kwargs, fresh))
        return answer

    def replay(self) -> None:
        self.replays += 1
        now: dict[int, Tensor] = {}

        def current(each: Any) -> Any:
            return now.get(id(each), each) if isinstance(each, Tensor) else each

        with torch.no_grad():
            for func, args, kwargs, fresh in self._steps:
                answer = func(*tree_map(current, args), **tree_map(current, kwargs))
                made = [each for each in tree_flatten(answer)[0] if isinstance(each, Tensor)]
                now.update((name, each) for name, each in zip(fresh, made, strict=True) if name)


class TapeRecorder:
    """Warms up as the recorder of CUDA graphs does, then notes a pass; all of them leave their
    traces, which the runner has to undo."""

    def __init__(self) -> None:
        self.tapes: list[Tape] = []

    def record(self, work: Callable[[], None]) -> Tape:
        for _ in range(WARM_UPS):
            work()
        tape = Tape()
        with tape:
            work()
        self.tapes.append(tape)
        return tape
