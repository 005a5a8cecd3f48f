"""Real ports opened and closed while they are played, and the JACK server of the tests itself."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from tests.helpers import jack as helper
from tests.helpers.jack import jack
from tests.helpers.program import PATIENCE_S, ROOT
from tests.helpers.tools import need_tool

pytestmark = pytest.mark.acceptance

SENDER = """
import sys, mido, threading
out = mido.open_output("out", client_name="Flood")
print("plugged in", flush=True)
ended = threading.Event()
threading.Thread(target=lambda: (sys.stdin.readline(), ended.set()), daemon=True).start()
while not ended.wait(0.0005):
    out.send(mido.Message("control_change", control=1))
"""

# another thread keeps the interpreter busy, so that callbacks wait for it
OPENER = """
import threading
from controllers.midi_ports import open_system
system, ended, heard = open_system(), threading.Event(), threading.Event()
def compute():
    while not ended.is_set():
        sum(range(2000))
busy = threading.Thread(target=compute)
busy.start()
for _ in range(15):
    (port,) = system.inputs()
    opened = system.open_input(port, lambda *_: heard.set())
    heard.wait(60)
    heard.clear()
    opened.close()
ended.set()
busy.join()
system.close()
print("closed each time")
"""


def test_a_port_that_is_played_can_be_closed() -> None:
    """rtmidi closes with the interpreter held, and would wait for a callback that waits for it."""
    with jack() as server:
        env = {**os.environ, **server.env, "PYTHONPATH": str(ROOT)}
        sender = subprocess.Popen(
            [sys.executable, "-c", SENDER],
            env=env,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        try:
            assert sender.stdout is not None
            assert sender.stdout.readline() == "plugged in\n"
            done = subprocess.run(
                [sys.executable, "-c", OPENER],
                env=env,
                stdout=subprocess.PIPE,
                text=True,
                timeout=PATIENCE_S,
                check=False,
            )
            assert done.stdout == "closed each time\n"
        finally:
            sender.communicate("bye\n", PATIENCE_S)


def printed_by(script: str) -> str:
    """What this program, which kills itself, printed."""
    need_tool("jackd")
    return subprocess.run(
        [sys.executable, "-c", script],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    ).stdout


def test_names_of_killed_servers_are_reclaimed() -> None:
    script = (
        "import os, signal\n"
        "from tests.helpers import jack as helper\n"
        # as if this run had been killed before it could end its server
        "helper._end_with_us = lambda: None\n"
        "with helper.jack() as server:\n"
        "    print(server.env['JACK_DEFAULT_SERVER'], server.pid, flush=True)\n"
        "    os.kill(server.pid, signal.SIGKILL)\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    name, _ = printed_by(script).split()
    helper.until(lambda: name in helper.left_over(), "name of the killed server")
    with jack():
        assert name not in helper.left_over()


def test_no_server_outlives_a_run_that_is_killed() -> None:
    script = (
        "import os, signal\n"
        "from tests.helpers import jack as helper\n"
        "with helper.jack() as server:\n"
        "    print(server.pid, flush=True)\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    server = int(printed_by(script))
    helper.until(lambda: not helper.lives(server), "end of the server")
