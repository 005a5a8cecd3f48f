"""What the finished model can do: every figure it must reach, and the sheets to look at."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from presets.rehearsal import autoencoder, export, judge, measures, sheets
from presets.rehearsal.studio import Studio
from presets.rehearsal.training import Recipe


def evaluate(recipe: Recipe, folder: Path) -> dict[str, Any]:
    """Print the figures, write <work>/evaluation.json, and the contact sheets to `folder`."""
    device = recipe.bench.device
    vae, painter = export.open_model(recipe.model, device)
    studio = Studio(vae, painter)
    recipe.train(["judge"])
    jury = judge.load(recipe.bench.folder / "judge.pt", device)
    pictures = recipe.held_out.few(recipe.plan.measured)
    latents = recipe.held_out_latents.few(recipe.plan.measured)
    found: dict[str, Any] = {}

    def tell(name: str, figures: Any) -> None:
        found[name] = figures
        print(f"{name}: {json.dumps(figures)}", flush=True)

    untuned = autoencoder.load(recipe.bench.folder / "autoencoder", device)
    tell("autoencoder before tuning, dB", measures.reconstruction(untuned, pictures, device))
    tell("autoencoder as shipped, dB", measures.reconstruction(vae, pictures, device))
    top = measures.ceiling(jury, pictures, device)
    tell("judge on real pictures", {
        "style": round(float(np.mean([judged.style for judged in top.values()])), 3),
        "subject": round(float(np.mean([judged.subject for judged in top.values()])), 3),
        "by_style": {name: asdict(judged) for name, judged in top.items()},
    })  # fmt: skip
    tell("styles in one step", measures.styles(studio, jury, latents, top))
    tell("subject switched by words", measures.switching(studio, jury, latents))
    tell("after steps", measures.several_steps(studio, jury, latents))
    for file in sorted(recipe.loras.glob("*.safetensors")):
        tell(f"preset {file.stem}", measures.preset(studio, jury, file, latents, pictures))
    tell("stillness, of 255", measures.stillness(studio))
    if device.type == "cpu":
        tell("frame, ms", measures.frame_time(recipe.model, recipe.plan.timed_s))
    report = recipe.bench.folder / "evaluation.json"
    report.write_text(json.dumps(found, indent=2) + "\n")
    for file in sheets.draw_all(studio, recipe.held_out, recipe.loras, folder):
        print(f"sheet: {file}")
    return found
