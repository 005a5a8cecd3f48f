"""The painter process: `python -m engine.painter`, orders on stdin, reports on stdout.

It leaves when its orders end, so it can never outlive the show. Exit codes: 0 told to leave,
1 something failed while painting (worth another start), 2 cannot paint with what it was given.
"""

from __future__ import annotations

import contextlib
import faulthandler
import importlib
import os
import signal
import sys
import threading
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO, cast

from engine.errors import ArtflowError
from engine.frames import FrameMailbox, MailboxHandle
from engine.painter import protocol
from engine.painter.loop import Orders, Painter, Pulse, paint_forever
from engine.painter.staging import Staging

BEAT_S = 0.25
LEAVE_WITHIN_S = 1.0
RESTORE_WITHIN_S = 5.0
"""What files on a slow disk may hold up the first picture for."""
STUCK_S = 60.0
"""Longer than anything that paints keeps the interpreter; the conductor ends what hangs sooner."""


class Reports:
    """The way back to the conductor; any thread may send."""

    def __init__(self, pipe: BinaryIO) -> None:
        self._pipe = pipe
        self._lock = threading.Lock()

    def send(self, message: protocol.FromPainter) -> None:
        # a broken pipe means the show has ended; the orders' thread sees that too and leaves
        with self._lock, contextlib.suppress(OSError, ValueError):
            self._pipe.write(protocol.pack(message))
            self._pipe.flush()


def read_orders(pipe: BinaryIO, orders: Orders) -> None:
    """Keep the newest settings and files until the pipe ends, then see that the process leaves."""
    unpacker = protocol.Unpacker(protocol.ToPainter)
    fd = pipe.fileno()
    try:
        while data := os.read(fd, 1 << 16):
            for message in unpacker.feed(data):
                if isinstance(message, protocol.Launch):
                    orders.launch = message
                    orders.newest = protocol.Settings(
                        message.snapshot_seq, message.values, loras=message.loras
                    )
                    orders.files = message.files
                    orders.first.set()
                elif isinstance(message, protocol.Settings):
                    orders.newest = message
                elif isinstance(message, protocol.Files):
                    orders.files = message.files
                else:
                    _leave(orders)
    finally:
        _leave(orders)


def _leave(orders: Orders) -> None:
    orders.leave.set()
    orders.first.set()
    # a frame that hangs must not keep an orphan alive
    timer = threading.Timer(LEAVE_WITHIN_S, os._exit, (0,))
    timer.daemon = True
    timer.start()


def beat(pulse: Pulse, reports: Reports, orders: Orders) -> None:
    while not orders.leave.wait(BEAT_S):
        # native code that keeps the interpreter for itself keeps this thread and the orders' from
        # running; this watchdog needs neither, so that no orphan stays when the show is gone
        faulthandler.dump_traceback_later(STUCK_S, exit=True)
        reports.send(pulse.beat())


def make_painter(
    launch: protocol.Launch, pulse: Pulse, tell: Callable[[str], None] = lambda _: None
) -> Painter:
    """The painter that `launch` asks for; torch is imported only where a model paints."""
    handle = MailboxHandle.from_text(launch.input)
    if launch.painter == "copy":
        from engine.painter.copying import CopyPainter

        return CopyPainter()
    if launch.painter != "diffusion":  # a test's own painter, "module:name"
        module, _, name = launch.painter.partition(":")
        return cast(Painter, getattr(importlib.import_module(module), name)())
    from engine.painter.compiling import is_wanted, use_cache
    from engine.painter.diffusion import DiffusionPainter
    from engine.painter.models import load_model

    tiny = Path(launch.tiny_autoencoder) if launch.tiny_autoencoder else None
    model = load_model(
        Path(launch.model),
        device=launch.device or None,
        tiny_autoencoder=tiny,
        default_prompt=launch.default_prompt,
        name=launch.model_id,
        report=pulse.report,
    )
    if model.device.type == "cpu" and hasattr(os, "nice"):
        os.nice(5)  # the window and the controls share these cores, and come first
    size = handle.width, handle.height
    cache = Path(launch.cache) if launch.cache else None
    compile = is_wanted(launch.compile, model, size, cache)
    if compile:
        pulse.phase = "compiling"
        if cache is not None:
            use_cache(cache)
    return DiffusionPainter(
        model, *size, compile=compile, cache=cache, lowvram=launch.lowvram, tell=tell
    )


def main() -> int:
    # Ctrl-C reaches the whole group; the show decides when the painter leaves
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    out = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # whatever a library prints goes to the log, not between our messages
    reports = Reports(out)
    orders = Orders(protocol.Settings(0, {}))
    pulse = Pulse()
    threading.Thread(target=read_orders, args=(sys.stdin.buffer, orders), daemon=True).start()
    threading.Thread(target=beat, args=(pulse, reports, orders), daemon=True).start()
    orders.first.wait()
    launch = orders.launch
    if launch is None:
        return 0
    inputs = FrameMailbox(MailboxHandle.from_text(launch.input))
    outputs = FrameMailbox(MailboxHandle.from_text(launch.output))
    try:
        pulse.report(0.0, "starting")
        painter = make_painter(launch, pulse, lambda text: reports.send(protocol.Note(text)))
        painter.warm_up(pulse.report)
        pulse.report(1.0, "styles")
        staging = Staging(painter, reports.send)
        staging.settle(orders.files, orders.newest.loras, RESTORE_WITHIN_S)
        pulse.phase, pulse.frame_s = "painting", painter.frame_s
        pulse.report(1.0, "")
        reports.send(pulse.beat())
        paint_forever(painter, staging, inputs, outputs, orders, pulse, reports.send)
    except ArtflowError as error:
        traceback.print_exc()
        reports.send(protocol.Trouble(str(error), fatal=True))
        return 2
    except Exception as error:
        traceback.print_exc()
        reports.send(protocol.Trouble(_one_line(error)))
        return 1
    return 0


def _one_line(error: Exception) -> str:
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":
        return "out of memory while painting; try a smaller --size or fewer paint/steps"
    text = str(error).strip().splitlines()
    return f"the painter failed: {type(error).__name__}: {text[0] if text else 'no message'}"[:400]


if __name__ == "__main__":
    code = main()
    sys.stderr.flush()
    os._exit(code)  # torch's own teardown can hang or crash; there is nothing left to save
