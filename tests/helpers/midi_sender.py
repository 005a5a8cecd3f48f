"""A sequencer in a process of its own: `python -m tests.helpers.midi_sender NAME BPM`, on JACK.

It sends MIDI clock all the time. A line on stdin is an order: `start`, `stop`, `continue`,
`songpos N`, `bpm B`, `bye`. For each beat of a song that plays it prints the beat's number and
`time.perf_counter()`.
"""

from __future__ import annotations

import queue
import sys
import threading
import time

import mido


def main(name: str, bpm: float) -> None:
    out = mido.Backend("mido.backends.rtmidi/UNIX_JACK").open_output("out", client_name=name)
    orders: queue.Queue[list[str]] = queue.Queue()

    def listen() -> None:
        for line in sys.stdin:
            orders.put(line.split())
        orders.put(["bye"])

    threading.Thread(target=listen, daemon=True).start()
    print("plugged in", flush=True)
    tick, playing = 0, False
    due_s = time.perf_counter()
    while True:
        due_s += 60 / 24 / bpm
        time.sleep(max(0.0, due_s - time.perf_counter()))
        while not orders.empty():
            kind, *arguments = orders.get()
            if kind == "bye":
                out.close()
                return
            if kind == "bpm":
                bpm = float(arguments[0])
            elif kind == "songpos":
                tick = 6 * int(arguments[0])
                out.send(mido.Message("songpos", pos=int(arguments[0])))
            else:
                playing = kind != "stop"
                tick = 0 if kind == "start" else tick
                out.send(mido.Message(kind))
        out.send(mido.Message("clock"))
        if playing:
            if tick % 24 == 0:
                print(tick // 24, time.perf_counter(), flush=True)
            tick += 1


if __name__ == "__main__":
    main(sys.argv[1], float(sys.argv[2]))
