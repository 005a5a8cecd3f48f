"""`python bench_server.py FILE RATE`: a mirror on this machine, for `artflow bench download`.

It serves FILE at `/free` as fast as it goes and at `/capped` at RATE bytes/s, in a process of its
own, and prints its port. It is of the standard library alone, so that it starts at once.
"""

from __future__ import annotations

import contextlib
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import BinaryIO, Final

SLICE_BYTES: Final = 64 * 1024
BURST_S: Final = 0.02
"""What a late slice may catch up on, as the buffers of a line would; the rest is lost."""


class Mirror(ThreadingHTTPServer):
    """Serves `path`, under `/capped` at `rate` bytes/s."""

    daemon_threads = True

    def __init__(self, path: Path, rate: float) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.path, self.rate = path, rate

    def handle_error(self, request: object, client_address: object) -> None:
        """Whoever read has gone: that is how a measurement ends."""


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Mirror

    def do_GET(self) -> None:
        size = self.server.path.stat().st_size
        self.send_response(200)
        self.send_header("content-length", str(size))
        self.end_headers()
        with open(self.server.path, "rb", buffering=0) as file:
            if self.path == "/capped":
                self._send_paced(file, size, self.server.rate)
            else:
                self.connection.sendfile(file)

    def _send_paced(self, file: BinaryIO, size: int, rate: float) -> None:
        due = time.monotonic()
        for start in range(0, size, SLICE_BYTES):
            count = min(SLICE_BYTES, size - start)
            self.connection.sendfile(file, start, count)  # os.sendfile where there is one
            now = time.monotonic()
            due = next_due_s(due, now, count / rate)
            time.sleep(max(0.0, due - now))

    def log_message(self, format: str, *args: object) -> None:
        """Nothing to say of what goes well."""


def next_due_s(due_s: float, now_s: float, takes_s: float) -> float:
    """When the slice after one that was due at `due_s` and sent by `now_s` is due."""
    return max(due_s, now_s - BURST_S) + takes_s


if __name__ == "__main__":
    server = Mirror(Path(sys.argv[1]), float(sys.argv[2]))
    print(server.server_port, flush=True)
    with contextlib.suppress(KeyboardInterrupt):
        server.serve_forever()
