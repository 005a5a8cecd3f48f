"""`python -m tests.helpers.fetch_once URL FOLDER SIZE SHA256 [LARGEST]` fetches one file, in a
process of its own, and prints how it ended, after a line for every state that it goes through.
LARGEST: no file may grow past so many bytes.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import trio

from presets.download import Downloader
from presets.wanted import Limits, Mirror, Progress, Wanted, WantedFile


def _tell(_id: str, progress: Progress) -> None:
    print(json.dumps(progress.state), flush=True)


async def _fetch(url: str, folder: str, size: str, sha256: str) -> Progress:
    async with trio.open_nursery() as nursery:
        downloader = Downloader(_tell, limits=Limits(lock_every_s=0.05))
        await nursery.start(downloader.run)
        file = WantedFile("anime.safetensors", (Mirror("m", url),), int(size), sha256)
        end = await downloader.want(Wanted("anime", Path(folder), (file,))).wait()
        nursery.cancel_scope.cancel()
    return end


if __name__ == "__main__":
    if len(sys.argv) > 5:
        import resource

        resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[5]), int(sys.argv[5])))
    url, folder, size, sha256 = sys.argv[1:5]
    found = trio.run(_fetch, url, folder, size, sha256)
    print(json.dumps([found.state, found.received_bytes, found.error]))
