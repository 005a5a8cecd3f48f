"""A client of the show as a performer's patch would be: it sends OSC, and hears what comes back."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable
from typing import Any

from pythonosc.osc_message_builder import OscMessageBuilder
from pythonosc.osc_packet import OscPacket

PATIENCE_S = 60.0


class Player:
    """Sends to one port from a socket of its own and keeps every message that comes to it."""

    def __init__(self, port: int) -> None:
        self.heard: list[tuple[float, str, list[Any]]] = []
        self.to_port = port
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self._socket.settimeout(0.2)
        self.port: int = self._socket.getsockname()[1]
        self._open = True
        self._thread = threading.Thread(target=self._listen, daemon=True)
        self._thread.start()

    def _listen(self) -> None:
        while self._open:
            try:
                data = self._socket.recv(65536)
            except (TimeoutError, ConnectionRefusedError):
                continue
            except OSError:
                return
            now = time.monotonic()
            for timed in OscPacket(data).messages:
                self.heard.append((now, timed.message.address, list(timed.message.params)))

    def send(self, name: str, *arguments: float | int | str) -> None:
        builder = OscMessageBuilder(address=f"/artflow/{name}")
        for argument in arguments:
            builder.add_arg(argument)
        self._socket.sendto(builder.build().dgram, ("127.0.0.1", self.to_port))

    def last(self, name: str) -> list[Any] | None:
        """The newest arguments that came for a name."""
        for _, address, arguments in reversed(self.heard):
            if address == f"/artflow/{name}":
                return list(arguments)
        return None

    def ask(self, name: str, patience_s: float = PATIENCE_S) -> Any:
        """A parameter's value, asked for with `?`; asks again while nothing answers."""
        before = len(self.heard)
        deadline = time.monotonic() + patience_s
        while time.monotonic() < deadline:
            self.send(name, "?")
            until = time.monotonic() + 0.25
            while time.monotonic() < until:
                for _, address, arguments in self.heard[before:]:
                    if address == f"/artflow/{name}":
                        return arguments[0]
                time.sleep(0.002)
        raise AssertionError(f"no answer to {name} ? in {patience_s:g} s")

    def until(self, condition: Callable[[], object], what: str) -> None:
        deadline = time.monotonic() + PATIENCE_S
        while not condition():
            assert time.monotonic() < deadline, f"no {what}; heard {self.heard[-20:]}"
            time.sleep(0.02)

    def until_value(self, name: str, wanted: Any) -> None:
        self.until(lambda: self.ask(name) == wanted, f"{name} = {wanted}")

    def close(self) -> None:
        self._open = False
        self._thread.join(5)
        self._socket.close()
