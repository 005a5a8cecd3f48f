"""Everything worth measuring on a lent GPU, one program after the other.

`python -m tests.gpu.measure`: `--work FOLDER` keeps each result, so that another call goes on where
this one had to stop; `--minutes` is what a call may take; `--out FOLDER` gets what there is so far
as `gpu.json` and `gpu.txt`.
Exit code 0 when all is done, 3 when another call is needed, 1 when something failed.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from engine.painter.bench_tables import table

BENCH: Final = ("-m", "engine.painter.bench", "--json", "--seconds")
TESTS: Final = ("-m", "pytest", "-q", "-p", "no:cacheprovider", "-o", "addopts=")


@dataclass(frozen=True)
class Job:
    """One program: its name, Python's arguments, and about how long it takes on an H100."""

    name: str
    arguments: tuple[str, ...]
    about_s: float

    @property
    def is_bench(self) -> bool:
        return self.arguments[: len(BENCH)] == BENCH


def jobs(seconds: float, *, device: str = "") -> list[Job]:
    """What there is to do, the most wanted first."""
    here = ("--device", device) if device else ()

    def bench(name: str, model: str, *more: str, about_s: float = 120) -> Job:
        return Job(name, (*BENCH, str(seconds), "--model", model, *here, *more), about_s)

    upstream = ("--against", "streamdiffusion")
    options = ("-o", "filterwarnings=", "-o", "timeout=0")
    return [
        Job("parity", (*TESTS, *options, "tests/gpu"), 60),
        bench("sd-turbo", "random:sd-turbo", *upstream),
        bench("sd15", "random:sd15", *upstream),
        bench("sdxl-turbo", "random:sdxl-turbo", "--steps", "1,2", *upstream),
        bench("rehearsal", "random:rehearsal", *upstream, about_s=90),
        bench("sd-turbo, compiled", "random:sd-turbo", "--steps", "1,4", "--compile", about_s=240),
        bench("sd-turbo, lowvram", "random:sd-turbo", "--steps", "1", "--lowvram", about_s=60),
        Job("painter's tests", (*TESTS, *options, "tests/painter"), 240),
    ]


def play(todo: Sequence[Job], work: Path, minutes: float) -> bool:
    """Do what is not done yet while there is time; whether all is done."""
    work.mkdir(parents=True, exist_ok=True)
    deadline = time.monotonic() + minutes * 60
    for job in todo:
        if _kept(job, work).exists():
            continue
        left = deadline - time.monotonic()
        if left < job.about_s:
            return False
        print(f"=== {job.name}: python {' '.join(job.arguments)}", flush=True)
        begun = time.monotonic()
        try:
            done = subprocess.run(
                [sys.executable, *job.arguments],
                capture_output=True,
                text=True,
                timeout=left,
                check=False,
            )
        except subprocess.TimeoutExpired:
            print(f"no end after {left:.0f} s; another call tries again", flush=True)
            return False
        result = {
            "name": job.name,
            "command": ["python", *job.arguments],
            "exit_code": done.returncode,
            "took_s": round(time.monotonic() - begun, 1),
            "date": time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime()),
        }
        if job.is_bench and done.returncode == 0:
            result["report"] = json.loads(done.stdout)
        else:
            result["said"] = (done.stdout + done.stderr)[-6000:]
        _kept(job, work).write_text(json.dumps(result, indent=2) + "\n")
        print(told(result), flush=True)
    return True


def results(todo: Sequence[Job], work: Path) -> list[dict[str, Any]]:
    """What was measured so far, in order."""
    return [json.loads(_kept(job, work).read_text()) for job in todo if _kept(job, work).exists()]


def told(result: Mapping[str, Any]) -> str:
    """One result for people."""
    head = f"{result['name']}: exit code {result['exit_code']}, {result['took_s']} s"
    return f"{head}\n{table(result['report']) if 'report' in result else result['said']}\n"


def _kept(job: Job, work: Path) -> Path:
    name = "".join(each if each.isalnum() else "-" for each in job.name)
    return work / f"{name}.json"


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.gpu.measure", description=__doc__)
    parser.add_argument("--work", type=Path, default=Path("gpu-work"))
    parser.add_argument("--out", type=Path, default=Path("gpu-results"))
    parser.add_argument("--minutes", type=float, default=9.0)
    parser.add_argument("--seconds", type=float, default=2.0, help="for each measurement")
    parser.add_argument("--device", default="")
    parser.add_argument("--only", default="", help="names of jobs, with semicolons between")
    asked = parser.parse_args(arguments)
    only = [name.strip() for name in asked.only.split(";") if name.strip()]
    todo = [job for job in jobs(asked.seconds, device=asked.device) if not only or job.name in only]
    whole = play(todo, asked.work, asked.minutes)
    found = results(todo, asked.work)
    asked.out.mkdir(parents=True, exist_ok=True)
    (asked.out / "gpu.json").write_text(json.dumps(found, indent=2) + "\n")
    (asked.out / "gpu.txt").write_text("\n".join(map(told, found)))
    if not whole:
        print("not all is done: another call goes on from here")
        return 3
    return 1 if any(result["exit_code"] for result in found) else 0


if __name__ == "__main__":
    sys.exit(main())
