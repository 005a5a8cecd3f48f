"""How fast a model paints here: `python -m engine.painter.bench --model FOLDER|random:NAME`.

Needs only the painter's packages, so that it runs on a bare GPU machine. What is measured:
`bench_frames` back to back, `bench_mailboxes` through both mailboxes with another process at their
other ends, `lora_bench` what LoRAs cost, `bench_upstream` StreamDiffusion in turns with ours.
"""

from __future__ import annotations

import argparse
import json
import platform
import sys
import time
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

import torch

from engine.errors import ModelError
from engine.painter.bench_frames import measure, noise_pictures, prompt_changes, waiter
from engine.painter.bench_mailboxes import through_mailboxes
from engine.painter.bench_tables import table
from engine.painter.bench_upstream import against
from engine.painter.diffusion import DiffusionPainter
from engine.painter.lora_bench import Ground, bench_loras
from engine.painter.lora_tensors import ModelLayers
from engine.painter.models import Model, load_model
from engine.painter.random_models import PREFIX, random_model
from engine.painter.settings import MAX_STEPS, Settings
from engine.progress import waiting_for


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the bench; exit code 0, or 1 where a part of it failed, or, with one line on stderr, the
    model cannot play."""
    asked = _parser().parse_args(arguments)
    if asked.threads:
        torch.set_num_threads(asked.threads)
    try:
        report = bench(asked)
    except ModelError as error:
        print(error, file=sys.stderr)
        return 1
    print(json.dumps(report, indent=2) if asked.json else table(report))
    return 1 if report["failed"] else 0


def bench(asked: argparse.Namespace) -> dict[str, Any]:
    """Load, warm up and measure; `asked` as parsed. Times in ms, memory in MB (10^6 bytes).

    Raises `ModelError`; parts that fail are told in `failed`.
    """
    started = time.perf_counter()
    with waiting_for("loading the model"):
        model = _model(asked)
    loaded = time.perf_counter()
    size = asked.size or model.native_size
    painter = DiffusionPainter(model, *size, compile=asked.compile, lowvram=asked.lowvram)
    loaded_mb = painter.memory_mb()
    with waiting_for("warming up"):
        painter.warm_up(lambda _share, _what: None)
    warm = time.perf_counter()
    pictures = noise_pictures(size)
    report: dict[str, Any] = {
        "model": asked.model,
        "kind": model.kind,
        "size": [*size],
        "device": _device_name(model.device),
        "dtype": str(model.dtype).removeprefix("torch."),
        "threads": torch.get_num_threads(),
        "compile": painter.compiled,
        "lowvram": asked.lowvram,
        "graphs": painter.runner.captures,
        "versions": _versions(),
        "load_s": round(loaded - started, 3),
        "warm_up_s": round(warm - loaded, 3),
        "failed": {},
        "results": [],
        "against": [],
        "prompt_ms": {},
        "loras": {},
        "memory_mb": {},
    }
    parts = _Parts(report, asked.keep)
    for steps in asked.steps:
        row: dict[str, Any] = {}
        with parts.part(f"painting with {steps} step{'s' * (steps > 1)}, {asked.seconds:g} s"):
            row |= measure(painter, pictures, steps, asked.seconds)
            report["results"].append(row)
        with parts.part(f"through the mailboxes, {steps} steps, {2 * asked.seconds:g} s"):
            values: dict[str, float | int | str] = {"paint/steps": steps}
            row["mailboxes"] = through_mailboxes(painter, size, values, asked.seconds)
        if asked.against:
            with parts.part(f"in turns with {asked.against}, {3 * asked.seconds:g} s"):
                report["against"].append(
                    against(painter, model, size, pictures, steps, asked.seconds)
                )
    settings = Settings(steps=asked.steps[0])
    with parts.part("changing prompts"):
        report["prompt_ms"] = prompt_changes(painter, pictures, settings)
    if asked.ride:
        with parts.part("playing LoRAs"):
            layers = ModelLayers.of(model.pipe, model.name or model.kind, model.kind)
            ground = Ground(painter, layers, pictures, settings, waiter(model.device))
            report["loras"] = bench_loras(ground, asked.ride)
    with parts.part("adding up memory"):
        report["memory_mb"] = {
            "loaded": round(loaded_mb, 1),
            "now": round(painter.memory_mb(), 1),
            **_peak_mb(model.device),
        }
    return report


@dataclass(frozen=True)
class _Parts:
    """Each part is measured by itself: what one fails at does not cost the others' figures, and
    what is known is written to `keep` as it comes."""

    report: dict[str, Any]
    keep: Path | None

    @contextmanager
    def part(self, name: str) -> Iterator[None]:
        try:
            with waiting_for(name):
                yield
        except Exception as error:
            traceback.print_exc()
            lines = str(error).strip().splitlines()
            self.report["failed"][name] = ": ".join([type(error).__name__, *lines[:1]])[:300]
        if self.keep is not None:
            self.keep.write_text(json.dumps(self.report, indent=2) + "\n", "utf-8")


def _model(asked: argparse.Namespace) -> Model:
    if asked.model.startswith(PREFIX):
        return random_model(asked.model, asked.device)
    return load_model(
        Path(asked.model),
        device=asked.device,
        tiny_autoencoder=asked.tiny_autoencoder,
        report=lambda _share, _what: None,
    )


def _versions() -> dict[str, str]:
    found = {"python": platform.python_version()}
    for package in ("torch", "diffusers", "transformers", "streamdiffusion"):
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:  # copied beside the others, without its papers
            found[package] = "unknown"
    return found


def _peak_mb(device: torch.device) -> dict[str, float]:
    if device.type != "cuda":
        return {}
    return {"peak": round(torch.cuda.max_memory_reserved(device) / 1e6, 1)}  # pragma: no cover


def _device_name(device: torch.device) -> str:
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    return f"{device.type} ({platform.machine()})"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m engine.painter.bench", description="How fast a model paints here."
    )
    parser.add_argument(
        "--model",
        required=True,
        metavar="FOLDER|random:NAME",
        help="a folder in diffusers format, or random weights in the architecture of sd-turbo, "
        "sd15, sdxl-turbo or rehearsal",
    )
    parser.add_argument("--tiny-autoencoder", type=Path, help="a folder with an AutoencoderTiny")
    parser.add_argument("--size", type=_size, help="WxH in pixels (default: the model's own)")
    parser.add_argument("--seconds", type=float, default=5.0, help="for each measurement (5)")
    parser.add_argument("--steps", type=_steps, default=[1, 2, 3, 4], help="such as 1,2,4 (all)")
    parser.add_argument(
        "--ride", type=_count, default=300, help="frames of a LoRA's weight ride (300); 0: no LoRAs"
    )
    parser.add_argument(
        "--against", choices=["streamdiffusion"], help="also measure it, in turns with ours"
    )
    parser.add_argument("--compile", action="store_true", help="compile the unet first")
    parser.add_argument("--lowvram", action="store_true", help="keep what it can on the host")
    parser.add_argument("--threads", type=int, help="CPU threads (default: torch's choice)")
    parser.add_argument("--device", help="such as cpu or cuda:1 (default: the best there is)")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--keep", type=Path, help="a file that has the JSON so far, at any time")
    return parser


def _size(text: str) -> tuple[int, int]:
    width, cross, height = text.partition("x")
    if not (cross and width.isdecimal() and height.isdecimal()):
        raise argparse.ArgumentTypeError(f"{text!r} is no size; write it as 512x512")
    return int(width), int(height)


def _count(text: str) -> int:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"{text!r} is no number of frames; write it as 300")
    return int(text)


def _steps(text: str) -> list[int]:
    parts = text.split(",")
    if not all(part.isdecimal() and 1 <= int(part) <= MAX_STEPS for part in parts):
        raise argparse.ArgumentTypeError(f"{text!r} are no step counts of 1 to {MAX_STEPS}")
    return [int(part) for part in parts]


if __name__ == "__main__":
    sys.exit(main())
