"""ArtFlow Live from Python: play it, hear what comes back.

pip install python-osc, then: python play_artflow.py [HOST [PORT [SECONDS]]]
"""

import sys
import time

from pythonosc.osc_bundle_builder import IMMEDIATELY, OscBundleBuilder
from pythonosc.osc_message_builder import OscMessageBuilder
from pythonosc.udp_client import SimpleUDPClient


def message(address, *values):
    builder = OscMessageBuilder("/artflow/" + address)
    for value in values:
        builder.add_arg(value)
    return builder.build()


def main(host="127.0.0.1", port="9000", seconds="5"):
    # this client hears on the socket that it sends from, so no port need be named
    artflow = SimpleUDPClient(host, int(port))
    artflow.send_message("/artflow/subscribe", "p*/*")  # prompt/, paint/ and painter/
    artflow.send_message("/artflow/prompt/a", "a lighthouse in fog")
    artflow.send_message("/artflow/paint/strength", 0.45)

    # a bundle: both change in the same frame
    bundle = OscBundleBuilder(IMMEDIATELY)
    bundle.add_content(message("paint/seed", 7))
    bundle.add_content(message("paint/steps", 2))
    artflow.send(bundle.build())

    # to be sure that it arrived: a request is answered, and done only once however often it comes
    artflow.send_message("/artflow/request", ["python-1", "snapshot", "from-python"])

    until = time.monotonic() + float(seconds)
    while (left := until - time.monotonic()) > 0:
        # read on and on: many values come at once
        for heard in artflow.get_messages(timeout=min(left, 0.1)):
            print(heard.address, *heard.params, flush=True)
    artflow.send_message("/artflow/unsubscribe", [])


if __name__ == "__main__":
    main(*sys.argv[1:])
