from __future__ import annotations

import io
import os
import pty
from typing import IO, cast

import pytest
import trio
from rich.console import Console
from trio.testing import MockClock

from controllers.osc import OscServer
from controllers.terminal import REPEAT_S, Terminal, status
from engine.controls import Controls
from engine.logs import MAX_WAITING_LINES, Direct, Printer
from tests.helpers.osc import OscClient, table


class Screen:
    """A console in memory and the terminal that writes to it."""

    def __init__(self, controls: Controls, *, tty: bool, width: int = 100) -> None:
        self.text = io.StringIO()
        self.now = 0.0
        self.terminal = Terminal(
            controls,
            Console(file=self.text, force_terminal=tty, width=width, color_system=None),
            clock=lambda: self.now,
        )

    @property
    def lines(self) -> list[str]:
        return self.text.getvalue().splitlines()


def test_the_status_line() -> None:
    controls = table()
    assert status(controls.snapshot).plain == (
        "starting  0.0 fps  0 ms  test-card  (the model's own prompt)"
    )
    controls.publish("painter/state", "loading")
    controls.publish("painter/progress", 0.4)
    controls.publish("painter/fps", 12.34)
    controls.publish("painter/latency-ms", 81.6)
    controls.set("input/source", "camera:0")
    controls.set("prompt/a", "oil painting\nof a sunrise")
    controls.set("prompt/b", "the other")
    bar = "━" * 8 + "─" * 12
    assert status(controls.snapshot).plain == (
        f"loading  {bar} 40%  12.3 fps  82 ms  camera:0  oil painting of a sunrise"
    )
    controls.publish("painter/state", "failed")
    controls.set("prompt/mix", 0.75)
    line = status(controls.snapshot)
    assert line.plain.endswith("the other")
    assert "red" in str(line.spans[0].style)


def test_the_bar_stays_within_its_ends() -> None:
    controls = table()
    controls.publish("painter/state", "loading")
    for share, done in ((1.7, 20), (-1.0, 0)):
        controls.publish("painter/progress", share)
        assert status(controls.snapshot).plain.count("━") == done


@pytest.mark.parametrize("tty", [True, False])
def test_events_are_one_line_each(tty: bool) -> None:
    controls = table()
    screen = Screen(controls, tty=tty, width=40)
    screen.terminal.notice("listening for OSC on [127.0.0.1]:9000, a line longer than the width")
    controls.report("input/source", "camera 0 is gone")
    controls.publish("painter/state", "failed")
    assert screen.lines == [
        "listening for OSC on [127.0.0.1]:9000, a line longer than the width",
        "input/source: camera 0 is gone",
        "painter/state: failed",
    ]


def test_without_a_terminal_every_state_is_a_line() -> None:
    controls = table()
    plain, live = Screen(controls, tty=False), Screen(controls, tty=True)
    controls.publish("painter/state", "painting")
    controls.publish("painter/fps", 20.0)
    controls.set("prompt/a", "quiet")
    assert plain.lines == ["painter/state: painting"]
    assert live.lines == []


def test_an_error_that_repeats_is_printed_now_and_then() -> None:
    controls = table()
    screen = Screen(controls, tty=False)
    for step in range(100):
        screen.now = step * REPEAT_S / 50
        controls.report("input/source", "camera 0 is gone")
    assert len(screen.lines) == 2
    controls.report("input/source", "another thing")
    assert len(screen.lines) == 3


async def test_the_line_is_redrawn_and_cut_to_the_width(autojump_clock: MockClock) -> None:
    controls = table()
    controls.set("prompt/a", "an endless prompt " * 20)
    screen = Screen(controls, tty=True, width=60)
    begun = autojump_clock.current_time()
    with trio.move_on_after(2.9):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(screen.terminal.run)
            await trio.sleep(1)
            controls.publish("painter/fps", 33.3)
            screen.terminal.notice("something happened")
    assert autojump_clock.current_time() - begun == pytest.approx(2.9)
    drawn = screen.text.getvalue()
    assert drawn.count("starting") >= 12
    assert "33.3 fps" in drawn
    assert "something happened\n" in drawn
    assert "…" in drawn
    # the status never took a second line
    assert max(len(line) for line in drawn.replace("\r", "\n").splitlines()) < 100
    controls.report("x", "nobody shows this any more")
    assert screen.text.getvalue() == drawn


async def test_without_a_terminal_there_is_no_status_line(autojump_clock: MockClock) -> None:
    screen = Screen(table(), tty=False)
    with trio.move_on_after(5):
        await screen.terminal.run()
    assert autojump_clock.current_time() > 0
    assert screen.lines == []


def test_the_default_console_is_standard_error(capsys: pytest.CaptureFixture[str]) -> None:
    Terminal(table()).notice("hello")
    assert capsys.readouterr().err == "hello\n"


@pytest.mark.timeout(60)  # only so that a hang ends
async def test_a_stalled_terminal_freezes_no_control() -> None:
    controls = table()
    printer = Printer()
    master, slave = pty.openpty()  # and nobody reads
    with open(slave, "w") as file:
        console = Console(file=cast(IO[str], Direct(file)), force_terminal=True)
        terminal = Terminal(controls, console, printer=printer)
        server = OscServer(controls, "127.0.0.1", 0, version="9.9")
        try:
            async with trio.open_nursery() as nursery:
                await nursery.start(server.run)
                nursery.start_soon(terminal.run)
                for number in range(MAX_WAITING_LINES * 2):
                    terminal.notice(f"notice {number} " + "." * 100)
                controls.report("input/source", "camera 0 is gone")
                controls.publish("painter/state", "failed")
                with OscClient(server.port) as client:
                    assert await trio.to_thread.run_sync(client.ask, "painter/state") == "failed"
                nursery.cancel_scope.cancel()
            assert not printer.flush(0.01)
            assert printer.dropped > 0
        finally:
            os.close(master)  # the terminal hangs up: what waits is let go
        assert printer.flush(30)


async def test_on_a_real_terminal_the_status_comes_and_goes() -> None:
    controls = table()
    printer = Printer()
    master, slave = pty.openpty()
    with open(slave, "w") as file, open(master, "rb", buffering=0) as reader:
        terminal = Terminal(controls, Console(file=file, force_terminal=True), printer=printer)
        drawn = b""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(terminal.run)
            while b"starting" not in drawn:
                drawn += await trio.to_thread.run_sync(reader.read, 4096)
            nursery.cancel_scope.cancel()
        terminal.notice("afterwards")
        assert printer.flush(30)
        while b"afterwards" not in drawn:
            drawn += reader.read(4096)
    assert b"starting" in drawn
    hidden, shown = drawn.index(b"\x1b[?25l"), drawn.rindex(b"\x1b[?25h")
    assert hidden < shown < drawn.index(b"afterwards")
