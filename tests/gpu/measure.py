"""Everything worth measuring on a lent GPU, one program after the other, the most wanted first.

`python -m tests.gpu.measure`: `--work FOLDER` keeps each result, so that another call goes on where
this one had to stop, and tries again what failed; `--resume FILE` is an earlier `gpu.json`, for a
machine that has lost the folder. `--minutes` is what a call may take; `--out FOLDER` gets what
there is as `gpu.json` and `gpu.txt`, after each program. `--dry` tries every step on the CPU, on
models so small that their figures mean nothing.
Exit code 0 when all is done, 3 when another call is needed, 1 when something failed.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from engine.painter.bench_tables import table

BENCH: Final = ("-m", "engine.painter.bench", "--json", "--seconds")
SETTINGS: Final = ("-m", "engine.painter.bench_settings", "--seconds")
TESTS: Final = ("-m", "pytest", "-q", "-p", "no:cacheprovider", "-o", "addopts=")


@dataclass(frozen=True)
class Job:
    """One program: its name, Python's arguments, and about how long it takes on an H100.

    Where one that is `vital` fails, nothing after it is worth the time.
    """

    name: str
    arguments: tuple[str, ...]
    about_s: float
    vital: bool = False

    @property
    def is_bench(self) -> bool:
        return self.arguments[: len(BENCH)] == BENCH

    @property
    def reports(self) -> bool:
        """Whether it prints JSON."""
        return self.is_bench or self.arguments[: len(SETTINGS)] == SETTINGS


def jobs(seconds: float, *, device: str = "") -> list[Job]:
    """What there is to do, the most wanted first."""
    here = ("--device", device) if device else ()

    def bench(name: str, model: str, steps: str, *more: str, about_s: float) -> Job:
        asked = ("--model", model, "--steps", steps, *here, *more)
        return Job(name, (*BENCH, str(seconds), *asked), about_s)

    upstream, no_loras = ("--against", "streamdiffusion"), ("--ride", "0")
    # what tests need the show's packages cannot be collected on a bare machine
    options = ("-o", "filterwarnings=", "-o", "timeout=0", "--continue-on-collection-errors")
    smoke = bench("smoke", "random:tiny", "1,2", "--ride", "5", *upstream, about_s=45)
    return [
        replace(smoke, vital=True),
        bench("sd-turbo", "random:sd-turbo", "1", *upstream, about_s=75),
        Job("parity", (*TESTS, *options, "tests/gpu/test_cuda.py"), 60),
        bench("sd15, 4 steps", "random:sd15", "4", *upstream, *no_loras, about_s=60),
        bench("sdxl-turbo", "random:sdxl-turbo", "1", *upstream, about_s=110),
        Job("settings", (*SETTINGS, str(seconds), "--model", "random:sd-turbo", *here), 75),
        bench("sd-turbo, more steps", "random:sd-turbo", "2,3,4", *upstream, *no_loras, about_s=75),
        bench("sd-turbo, lowvram", "random:sd-turbo", "1", "--lowvram", about_s=60),
        bench("sd-turbo, compiled", "random:sd-turbo", "1,4", "--compile", *no_loras, about_s=300),
        bench("sd15", "random:sd15", "1,2,3", *upstream, about_s=110),
        bench("sdxl-turbo, more steps", "random:sdxl-turbo", "2,4", *no_loras, about_s=75),
        bench("rehearsal", "random:rehearsal", "1,2,3,4", *upstream, about_s=90),
        Job("painter's tests", (*TESTS, *options, "tests/painter"), 240),
    ]


def dry(todo: Sequence[Job]) -> list[Job]:
    """The same steps, tiny. Nothing is compiled, which takes minutes; tests are collected."""

    def tiny(job: Job) -> Job:
        arguments = [re.sub("^random:.*", "random:tiny", each) for each in job.arguments]
        arguments = [each for each in arguments if each != "--compile"]
        if job.is_bench and "--ride" not in arguments:
            arguments += ["--ride", "5"]
        if "tests/painter" in arguments:
            arguments += ["--collect-only"]
        return replace(job, arguments=tuple(arguments), about_s=0.0)

    return [tiny(job) for job in todo]


def play(
    todo: Sequence[Job],
    work: Path,
    minutes: float,
    came: Callable[[], None] = lambda: None,
) -> bool:
    """Do what is not done yet and what there is time for; whether all is done. `came` is called
    after each."""
    work.mkdir(parents=True, exist_ok=True)
    deadline = time.monotonic() + minutes * 60
    whole = True
    for job in todo:
        kept = _kept(job, work)
        if not kept.exists():
            left = deadline - time.monotonic()
            if left < job.about_s or not (result := _done(job, work, left)):
                whole = False
                came()
                continue
            kept.write_text(json.dumps(result, indent=2) + "\n")
            print(told(result), flush=True)
            came()
        if job.vital and json.loads(kept.read_text())["exit_code"]:
            print(f"{job.name} failed: mend that first, then call again", flush=True)
            return True
    return whole


def _done(job: Job, work: Path, left_s: float) -> dict[str, Any] | None:
    """Its result; None where it found no end in time."""
    print(f"=== {job.name}: python {' '.join(job.arguments)}", flush=True)
    partly = _partly(job, work)
    keep = ("--keep", str(partly)) if job.is_bench else ()
    begun = time.monotonic()
    result: dict[str, Any] = {
        "name": job.name,
        "command": ["python", *job.arguments],
        "date": time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime()),
    }
    try:
        done = subprocess.run(
            [sys.executable, *job.arguments, *keep],
            capture_output=True,
            text=True,
            timeout=left_s,
            check=False,
        )
    except subprocess.TimeoutExpired:
        print(f"no end after {left_s:.0f} s; another call tries again", flush=True)
        return None
    result |= {"exit_code": done.returncode, "took_s": round(time.monotonic() - begun, 1)}
    said = (done.stdout + done.stderr)[-6000:]
    if job.reports:
        try:
            result["report"] = json.loads(done.stdout)
        except ValueError:  # it broke off
            if partly.exists():
                result["report"] = json.loads(partly.read_text())
    if done.returncode or "report" not in result:
        result["said"] = (done.stderr if "report" in result else said)[-6000:]
    return result


def results(todo: Sequence[Job], work: Path) -> list[dict[str, Any]]:
    """What was measured so far, in order; of what was cut off, what it had got."""
    found = []
    for job in todo:
        if _kept(job, work).exists():
            found.append(json.loads(_kept(job, work).read_text()))
        elif _partly(job, work).exists():
            report = json.loads(_partly(job, work).read_text())
            found.append({"name": job.name, "cut_off": True, "report": report})
    return found


def told(result: Mapping[str, Any]) -> str:
    """One result for people."""
    how = "cut off" if "cut_off" in result else f"exit code {result['exit_code']}"
    lines = [f"{result['name']}: {how}" + (f", {result['took_s']} s" if "took_s" in result else "")]
    report = result.get("report", {})
    if "variants" in report:
        for row in report["variants"]:
            figures = row.get("failed") or f"{row['fps']} fps, p50 {row['frame_ms']['p50']} ms"
            lines.append(f"{row['variant']:<30} {figures}")
    elif report:
        lines.append(table(report))
    if "said" in result:
        lines.append(result["said"])
    return "\n".join(lines) + "\n"


def take_up(earlier: Path, todo: Sequence[Job], work: Path) -> None:
    """Have what an earlier call measured as if it had been measured here."""
    work.mkdir(parents=True, exist_ok=True)
    known = {job.name: job for job in todo}
    for result in json.loads(earlier.read_text()):
        job = known.get(result["name"])
        if job is not None and result.get("exit_code") == 0 and not _kept(job, work).exists():
            _kept(job, work).write_text(json.dumps(result, indent=2) + "\n")


def forget_failures(todo: Sequence[Job], work: Path) -> None:
    """What failed before this call is tried again: something was mended since."""
    for job in todo:
        kept = _kept(job, work)
        if kept.exists() and json.loads(kept.read_text())["exit_code"]:
            kept.unlink()


def _kept(job: Job, work: Path) -> Path:
    name = "".join(each if each.isalnum() else "-" for each in job.name)
    return work / f"{name}.json"


def _partly(job: Job, work: Path) -> Path:
    return _kept(job, work).with_suffix(".part")


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.gpu.measure", description=__doc__)
    parser.add_argument("--work", type=Path, default=Path("gpu-work"))
    parser.add_argument("--out", type=Path, default=Path("gpu-results"))
    parser.add_argument("--resume", type=Path)
    parser.add_argument("--minutes", type=float, default=9.0)
    parser.add_argument("--seconds", type=float, default=2.0, help="for each measurement")
    parser.add_argument("--device", default="")
    parser.add_argument("--only", default="", help="names of jobs, with semicolons between")
    parser.add_argument("--dry", action="store_true", help="tiny models on the CPU")
    asked = parser.parse_args(arguments)
    only = [name.strip() for name in asked.only.split(";") if name.strip()]
    todo = dry(jobs(0.1, device="cpu")) if asked.dry else jobs(asked.seconds, device=asked.device)
    todo = [job for job in todo if not only or job.name in only]
    if asked.resume is not None and asked.resume.is_file():
        take_up(asked.resume, todo, asked.work)
    forget_failures(todo, asked.work)
    asked.out.mkdir(parents=True, exist_ok=True)

    def write() -> None:
        found = results(todo, asked.work)
        (asked.out / "gpu.json").write_text(json.dumps(found, indent=2) + "\n")
        (asked.out / "gpu.txt").write_text("\n".join(map(told, found)))

    whole = play(todo, asked.work, asked.minutes, write)
    write()
    if not whole:
        print("not all is done: another call goes on from here")
        return 3
    return 1 if any(result.get("exit_code") for result in results(todo, asked.work)) else 0


if __name__ == "__main__":
    sys.exit(main())
