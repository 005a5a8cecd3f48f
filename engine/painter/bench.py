"""How fast a model paints here: `python -m engine.painter.bench --model FOLDER`.

Needs only the painter's packages, so that it runs on a bare GPU machine. Frames are timed one by
one through `DiffusionPainter.paint`, host to host, back to back; the split is measured afterwards
with the device brought to a stop between the parts, so its sum may exceed the frame. What LoRAs
cost is measured by `lora_bench`.
"""

from __future__ import annotations

import argparse
import json
import platform
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import diffusers
import numpy as np
import torch
import transformers

from engine.errors import LoraError, ModelError
from engine.latest import Picture
from engine.painter.diffusion import DiffusionPainter
from engine.painter.lora_bench import Ground, bench_loras, lora_table
from engine.painter.lora_tensors import ModelLayers
from engine.painter.models import load_model
from engine.painter.settings import MAX_STEPS, Settings
from engine.progress import waiting_for

PICTURES = 8


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the bench; exit code 0, or 1 with one line on stderr when the model cannot play."""
    asked = _parser().parse_args(arguments)
    if asked.threads:
        torch.set_num_threads(asked.threads)
    try:
        report = bench(asked)
    except (ModelError, LoraError) as error:
        print(error, file=sys.stderr)
        return 1
    print(json.dumps(report, indent=2) if asked.json else table(report))
    return 0


def bench(asked: argparse.Namespace) -> dict[str, Any]:
    """Load, warm up and measure; `asked` as parsed. Times in ms, `memory_mb` at the end.

    Raises `ModelError`, and `LoraError` where the model's memory takes no LoRA.
    """
    started = time.perf_counter()
    with waiting_for("loading the model"):
        model = load_model(
            asked.model,
            device=asked.device,
            tiny_autoencoder=asked.tiny_autoencoder,
            report=lambda _share, _what: None,
        )
    loaded = time.perf_counter()
    width, height = asked.size or model.native_size
    painter = DiffusionPainter(model, width, height)
    with waiting_for("warming up"):
        painter.warm_up(lambda _share, _what: None)
    warm = time.perf_counter()
    random = np.random.default_rng(0)
    pictures: list[Picture] = [
        random.integers(0, 256, (height, width, 3), dtype=np.uint8) for _ in range(PICTURES)
    ]
    results = [measure(painter, pictures, steps, asked.seconds) for steps in asked.steps]
    loras: dict[str, Any] = {}
    if asked.ride:
        layers = ModelLayers.of(model.pipe, model.name or model.kind, model.kind)
        settings, wait = Settings(steps=asked.steps[0]), _waiter(model.device)
        loras = bench_loras(Ground(painter, layers, pictures, settings, wait), asked.ride)
    return {
        "model": str(asked.model),
        "kind": model.kind,
        "size": [width, height],
        "device": _device_name(model.device),
        "dtype": str(model.dtype).removeprefix("torch."),
        "threads": torch.get_num_threads(),
        "versions": {
            "python": platform.python_version(),
            "torch": torch.__version__,
            "diffusers": diffusers.__version__,
            "transformers": transformers.__version__,
        },
        "load_s": round(loaded - started, 3),
        "warm_up_s": round(warm - loaded, 3),
        "results": results,
        "loras": loras,
        "memory_mb": round(painter.memory_mb(), 1),
    }


def measure(
    painter: DiffusionPainter, pictures: list[Picture], steps: int, seconds: float
) -> dict[str, Any]:
    """Steady frame times with `steps`, painting for `seconds`, and where the time goes."""
    with waiting_for(f"painting with {steps} step{'s' * (steps > 1)}, {seconds:g} s"):
        return _measure(painter, pictures, steps, seconds)


def _measure(
    painter: DiffusionPainter, pictures: list[Picture], steps: int, seconds: float
) -> dict[str, Any]:
    settings = Settings(steps=steps)
    for picture in pictures[:3]:
        painter.paint(picture, settings)
    frame_s: list[float] = []
    began = last = time.perf_counter()
    while last - began < seconds or not frame_s:
        painter.paint(pictures[len(frame_s) % len(pictures)], settings)
        now = time.perf_counter()
        frame_s.append(now - last)
        last = now
    p50, p95, p99 = np.percentile(np.array(frame_s) * 1e3, (50, 95, 99))
    return {
        "steps": steps,
        "frames": len(frame_s),
        "fps": round(len(frame_s) / (last - began), 2),
        "frame_ms": {"p50": round(p50, 3), "p95": round(p95, 3), "p99": round(p99, 3)},
        "split_ms": _split(painter, repeats=min(20, len(frame_s))),
    }


def _split(painter: DiffusionPainter, repeats: int) -> dict[str, float]:
    stream = painter.stream
    wait = _waiter(stream.output.device)
    parts: dict[str, list[float]] = {"encode": [], "denoise": [], "decode": []}
    for _ in range(repeats):
        moments = [time.perf_counter()]
        latent = stream.take_in()
        wait()
        moments.append(time.perf_counter())
        denoised = stream.predict_x0_batch(latent)
        wait()
        moments.append(time.perf_counter())
        stream.give_out(denoised)
        wait()
        moments.append(time.perf_counter())
        for name, took in zip(parts, np.diff(moments), strict=True):
            parts[name].append(float(took))
    return {name: round(float(np.median(took)) * 1e3, 3) for name, took in parts.items()}


def _waiter(device: torch.device) -> Callable[[], None]:
    if device.type == "cuda":
        return lambda: torch.cuda.synchronize(device)
    if device.type == "mps":
        return torch.mps.synchronize
    return lambda: None


def _device_name(device: torch.device) -> str:
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    return f"{device.type} ({platform.machine()})"


def table(report: dict[str, Any]) -> str:
    """The report for people."""
    versions = ", ".join(f"{name} {version}" for name, version in report["versions"].items())
    lines = [
        f"{report['model']} ({report['kind']}) at {'x'.join(map(str, report['size']))}, "
        f"{report['dtype']} on {report['device']}, {report['threads']} threads; {versions}",
        f"loaded in {report['load_s']} s, warm in {report['warm_up_s']} s, "
        f"{report['memory_mb']} MB",
        "steps     fps   frame ms: p50      p95      p99   encode  denoise   decode",
    ]
    for row in report["results"]:
        frame, split = row["frame_ms"], row["split_ms"]
        lines.append(
            f"{row['steps']:>5} {row['fps']:>7.1f} {frame['p50']:>15.1f} {frame['p95']:>8.1f} "
            f"{frame['p99']:>8.1f} {split['encode']:>8.1f} {split['denoise']:>8.1f} "
            f"{split['decode']:>8.1f}"
        )
    if report["loras"]:
        lines += lora_table(report["loras"])
    return "\n".join(lines)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m engine.painter.bench", description="How fast a model paints here."
    )
    parser.add_argument("--model", type=Path, required=True, help="a folder in diffusers format")
    parser.add_argument("--tiny-autoencoder", type=Path, help="a folder with an AutoencoderTiny")
    parser.add_argument("--size", type=_size, help="WxH in pixels (default: the model's own)")
    parser.add_argument("--seconds", type=float, default=5.0, help="for each step count (5)")
    parser.add_argument("--steps", type=_steps, default=[1, 2, 3, 4], help="such as 1,2,4 (all)")
    parser.add_argument(
        "--ride", type=_count, default=300, help="frames of a LoRA's weight ride (300); 0: no LoRAs"
    )
    parser.add_argument("--threads", type=int, help="CPU threads (default: torch's choice)")
    parser.add_argument("--device", help="such as cpu or cuda:1 (default: the best there is)")
    parser.add_argument("--json", action="store_true", help="print JSON")
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
