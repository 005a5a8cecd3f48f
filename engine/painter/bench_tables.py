"""The bench's report for people: plain lines."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from engine.painter.lora_bench import lora_table

_PARTS: Final = ("upload", "encode", "denoise", "decode", "download")


def table(report: Mapping[str, Any]) -> str:
    """The whole report of `bench`."""
    versions = ", ".join(f"{name} {version}" for name, version in report["versions"].items())
    memory = ", ".join(f"{name} {value} MB" for name, value in report["memory_mb"].items())
    lines = [
        f"{report['model']} ({report['kind']}) at {'x'.join(map(str, report['size']))}, "
        f"{report['dtype']} on {report['device']}, {report['threads']} threads; {versions}",
        f"loaded in {report['load_s']} s, warm in {report['warm_up_s']} s; memory: {memory}; "
        f"{'compiled' if report['compile'] else 'not compiled'}, {report['graphs']} graphs",
        "steps     fps   frame ms: p50      p95      p99    worst   "
        + " ".join(f"{part:>8}" for part in _PARTS),
    ]
    lines += [_frames(row) for row in report["results"]]
    lines.append("through mailboxes: steps     fps   latency ms: p50      p95      p99    worst")
    lines += [_mailboxes(row) for row in report["results"] if "mailboxes" in row]
    for name, took in report["prompt_ms"].items():
        heard = f", heard after {took['heard_after']:g} frames" if "heard_after" in took else ""
        lines.append(
            f"frame, prompt {name}: {took['p50']:.1f} ms, worst {took['worst']:.1f} "
            f"({took['late']:.2f} times the median unchanged){heard}"
        )
    for row in report["against"]:
        lines.append(_against(row))
    if report["loras"]:
        lines += lora_table(report["loras"])
    lines += [f"failed: {part}: {why}" for part, why in report["failed"].items()]
    return "\n".join(lines)


def _frames(row: Mapping[str, Any]) -> str:
    frame, split = row["frame_ms"], row["split_ms"]
    return (
        f"{row['steps']:>5} {row['fps']:>7.1f} {frame['p50']:>15.2f} {frame['p95']:>8.2f} "
        f"{frame['p99']:>8.2f} {frame['worst']:>8.2f}   "
        + " ".join(f"{split[part]:>8.2f}" for part in _PARTS)
    )


def _mailboxes(row: Mapping[str, Any]) -> str:
    found, latency = row["mailboxes"], row["mailboxes"]["latency_ms"]
    return (
        f"{row['steps']:>24} {found['fps']:>7.1f} {latency['p50']:>17.2f} {latency['p95']:>8.2f} "
        f"{latency['p99']:>8.2f} {latency['worst']:>8.2f}"
    )


def _against(row: Mapping[str, Any]) -> str:
    if "not_possible" in row:
        return f"streamdiffusion, {row['steps']} steps: not possible: {row['not_possible']}"
    return (
        f"streamdiffusion, {row['steps']} steps: {row['streamdiffusion']['fps']:.1f} fps against "
        f"{row['artflow']['fps']:.1f} ({row['times']} times); its encode, denoise and decode "
        f"alone {row['streamdiffusion_core']['fps']:.1f} ({row['times_core']} times)"
    )
