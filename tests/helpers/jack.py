"""Real MIDI ports without hardware: a JACK server of our own, and devices that plug into it."""

from __future__ import annotations

import ctypes
import os
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from tests.helpers.program import ROOT
from tests.helpers.tools import need_tool

PATIENCE_S = 60.0
BACKEND = "mido.backends.rtmidi/UNIX_JACK"

OURS = "artflow-"
REGISTRY = Path("/dev/shm/jack-shm-registry")
PR_SET_PDEATHSIG = 1  # linux/prctl.h
LIBC = ctypes.CDLL(None)


class Jack:
    """A running server of this process id. `env` is what a program needs to use this one."""

    def __init__(self, env: dict[str, str], pid: int) -> None:
        self.env = env
        self.pid = pid

    def tool(self, name: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run one of JACK's own programs to its end."""
        return subprocess.run(
            [need_tool(name), *arguments],
            env={**os.environ, **self.env},
            capture_output=True,
            text=True,
            timeout=PATIENCE_S,
            check=False,
        )

    def start(self, name: str, *arguments: str) -> subprocess.Popen[str]:
        """Start one of JACK's own programs; its output is a pipe."""
        return subprocess.Popen(
            [need_tool(name), *arguments],
            env={**os.environ, **self.env},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            bufsize=1,
            preexec_fn=_end_with_us,
        )

    def ports(self) -> list[str]:
        return self.tool("jack_lsp").stdout.split("\n")

    @contextmanager
    def device(self, name: str) -> Iterator[Device]:
        """A controller that is plugged in."""
        device = Device(name, self.env)
        try:
            yield device
        finally:
            device.close()


class Device:
    """A MIDI controller, in a process of its own. `heard` are (seconds, bytes) that came to it."""

    def __init__(self, name: str, env: dict[str, str]) -> None:
        self.heard: list[tuple[float, bytes]] = []
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.helpers.midi_device", name],
            cwd=ROOT,
            env={**os.environ, **env},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            bufsize=1,
        )
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line == "plugged in\n", f"no device, but {line!r}"
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            at, _, data = line.partition(" ")
            self.heard.append((float(at), bytes.fromhex(data)))

    def send(self, *data: int) -> None:
        """Send these bytes as one message."""
        assert self.process.stdin is not None
        self.process.stdin.write(" ".join(f"{byte:02x}" for byte in data) + "\n")
        self.process.stdin.flush()

    def cc(self, number: int, value: int, channel: int = 1) -> None:
        self.send(0xB0 | (channel - 1), number, value)

    def note(self, number: int, velocity: int = 100, channel: int = 1) -> None:
        """Press a pad and let it go."""
        self.send(0x90 | (channel - 1), number, velocity)
        self.send(0x80 | (channel - 1), number, 0)

    def last(self, *begins: int) -> int | None:
        """The last byte of the newest message that begins so."""
        for _, data in reversed(list(self.heard)):
            if data[: len(begins)] == bytes(begins):
                return data[-1]
        return None

    def unplug(self) -> None:
        """Pull the plug."""
        self.send_line("bye")
        self.process.wait(PATIENCE_S)

    def send_line(self, line: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()

    def close(self) -> None:
        # gently: JACK waits long for a client that is killed
        try:
            if self.process.poll() is None:
                self.unplug()
        except (BrokenPipeError, subprocess.TimeoutExpired):
            self.process.kill()
            self.process.wait(PATIENCE_S)
        self._reader.join(PATIENCE_S)
        for pipe in (self.process.stdin, self.process.stdout):
            assert pipe is not None
            with suppress(BrokenPipeError):
                pipe.close()


def until(condition: Callable[[], object], what: str) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline, f"no {what}"
        time.sleep(0.02)


@contextmanager
def jack() -> Iterator[Jack]:
    """A JACK server with the dummy driver, under a name that no other run has."""
    need_tool("jackd")
    _reclaim()
    name = f"{OURS}{uuid.uuid4().hex[:12]}"
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "jackd.log"
        server = _serve(name, log)
        running = Jack(_environment(name), server.pid)
        try:

            def up() -> bool:
                assert server.poll() is None, log.read_text()
                return running.tool("jack_lsp").returncode == 0

            until(up, "JACK server")
            yield running
        finally:
            if not _ended(server):
                _reclaim()


def left_over() -> list[str]:
    """Names of servers of ours that JACK's registry keeps, although nobody runs them.

    The registry holds eight names, of all users of the machine; beyond, no server starts. One that
    is killed leaves its name there. An entry is the server's process id and "jack-USER:NAME:".
    """
    try:
        registry = REGISTRY.read_bytes()
    except OSError:
        return []
    entry = rb"(.{4})jack-%d:(%s[0-9a-f]{12}):\0" % (os.getuid(), OURS.encode())
    return [
        found[2].decode()
        for found in re.finditer(entry, registry, re.DOTALL)
        if not lives(int.from_bytes(found[1], sys.byteorder))
    ]


def lives(pid: int) -> bool:
    """Whether there is a process of this number."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True


def _reclaim() -> None:
    """Take the names that killed servers left out of the registry.

    One that is started under such a name and ends as it should takes it with it. Another run may
    be about the same: then ours does not start, which is as good.
    """
    for name in left_over():
        with tempfile.TemporaryDirectory() as folder:
            log = Path(folder) / "jackd.log"
            server = _serve(name, log)
            jack = Jack(_environment(name), server.pid)
            until(
                lambda server=server, jack=jack: (  # type: ignore[misc]
                    server.poll() is not None or jack.tool("jack_lsp").returncode == 0
                ),
                f"end of {name}",
            )
            _ended(server)
        for semaphore in REGISTRY.parent.glob(f"jack_sem.*_{name}_*"):
            semaphore.unlink(missing_ok=True)


def _environment(name: str) -> dict[str, str]:
    return {
        "JACK_DEFAULT_SERVER": name,
        "JACK_NO_START_SERVER": "1",
        "JACK_NO_AUDIO_RESERVATION": "1",
        "MIDO_BACKEND": BACKEND,
    }


def _serve(name: str, log: Path) -> subprocess.Popen[bytes]:
    with log.open("a") as into:
        return subprocess.Popen(
            # (the period is long, so that nobody is thrown out for being slow; and it waits for who
            # is late, -S: otherwise it goes on without them, and on a busy machine one message in
            # thirty was lost)
            ["jackd", "-S", "-r", "-n", name, "-d", "dummy", "-r", "48000", "-p", "512"],
            env={**os.environ, **_environment(name)},
            stdout=into,
            stderr=subprocess.STDOUT,
            preexec_fn=_end_with_us,
        )


def _end_with_us() -> None:
    """Let the kernel end this process, gently, when whoever started it is gone: also if killed."""
    if sys.platform == "linux":
        LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


def _ended(server: subprocess.Popen[bytes]) -> bool:
    """End it; whether it went by itself."""
    server.terminate()
    try:
        server.wait(20)
    except subprocess.TimeoutExpired:
        server.kill()
        server.wait()
        return False
    return True
