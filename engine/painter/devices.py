"""`python -m engine.painter.devices [PACKAGE...]`: what torch can compute on, as a line of JSON.

Run by `engine.devices`, which reads the answer as its `TorchReport`. Packages named are imported
too.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import sys
import warnings
from importlib import metadata
from pathlib import Path
from typing import Any

import torch


def compute_devices() -> list[dict[str, Any]]:
    """CUDA devices, MPS, and the CPU, the fastest first."""
    found: list[dict[str, Any]] = []
    for number in range(torch.cuda.device_count()):  # pragma: no cover - needs a GPU
        properties = torch.cuda.get_device_properties(number)
        found.append(
            {
                "id": f"cuda:{number}",
                "name": properties.name,
                "memory_mb": round(properties.total_memory / 1e6, 1),
                "free_mb": round(torch.cuda.mem_get_info(number)[0] / 1e6, 1),
                "capability": f"{properties.major}.{properties.minor}",
            }
        )
    if torch.backends.mps.is_available():  # pragma: no cover - needs a Mac
        found.append({"id": "mps", "name": "Apple GPU"})
    threads = f"{torch.get_num_threads()} threads"
    found.append({"id": "cpu", "name": threads, "free_mb": round(_free_bytes() / 1e6, 1)})
    return found


def _free_bytes(meminfo: Path = Path("/proc/meminfo")) -> float:
    """Memory that programs can have, as Linux tells it; 0 elsewhere."""
    try:
        lines = dict(line.split(":", 1) for line in meminfo.read_text("ascii").splitlines())
        return float(lines["MemAvailable"].split()[0]) * 1024
    except (OSError, ValueError, KeyError, IndexError):
        return 0.0


def report(packages: tuple[str, ...]) -> dict[str, Any]:
    """The devices, and which of `packages` can be imported."""
    versions = {"torch": str(torch.__version__)}
    broken = {}
    for name in packages:
        try:
            importlib.import_module(name)
            versions[name] = metadata.version(name)
        except Exception as error:  # a broken package may raise anything
            lines = str(error).splitlines() or [type(error).__name__]
            broken[name] = lines[0]
    return {"devices": compute_devices(), "packages": versions, "broken": broken}


def main() -> None:
    warnings.simplefilter("ignore")
    with contextlib.redirect_stdout(sys.stderr):  # packages may chatter
        answer = report(tuple(sys.argv[1:]))
    print(json.dumps(answer))


if __name__ == "__main__":
    main()
