"""A MIDI controller in a process of its own: `python -m tests.helpers.midi_device NAME`.

Made with mido on JACK. A line of hexadecimal bytes on stdin is sent as one message, "bye" unplugs
it; each message that comes to it is printed the same way, with the `time.perf_counter()` it came.
"""

from __future__ import annotations

import sys
import threading
import time

import mido


def main(name: str) -> None:
    jack = mido.Backend("mido.backends.rtmidi/UNIX_JACK")
    said = threading.Lock()

    def heard(message: mido.Message) -> None:
        with said:
            print(f"{time.perf_counter():.6f}", message.hex(), flush=True)

    out = jack.open_output("out", client_name=name)
    back = jack.open_input("in", client_name=name, callback=heard)
    with said:
        print("plugged in", flush=True)
    for line in sys.stdin:
        if line.strip() == "bye":
            break
        # past mido, so that what is no valid message can be sent, too
        out._rt.send_message([int(byte, 16) for byte in line.split()])
    back.close()
    out.close()


if __name__ == "__main__":
    main(sys.argv[1])
