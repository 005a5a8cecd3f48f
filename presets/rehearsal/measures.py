"""The figures that the model must reach."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np
import torch

from engine.sources.test_card import picture as test_card
from presets.rehearsal import lowrank, networks
from presets.rehearsal.autoencoder import psnr
from presets.rehearsal.canvas import SIDE, Bytes
from presets.rehearsal.dataset import Pictures
from presets.rehearsal.denoiser import BASE
from presets.rehearsal.latents import Latents
from presets.rehearsal.networks import Judge
from presets.rehearsal.studio import Studio, photographs
from presets.rehearsal.styles import BASE_STYLES
from presets.rehearsal.subjects import SUBJECTS

Figures = dict[str, Any]
ONE_STEP: Final = (300, 375, 450)
# where the words may change what is shown: in one step, and in several
HIGH: Final = ((850,), (950,), (900, 600), (950, 800, 600, 400))
_BATCH: Final = 32


def frame_time(model: Path, seconds: float, threads: int = 2) -> Figures:
    """One step at 256x256 as the show's painter does it; times in ms."""
    command = [
        sys.executable, "-m", "engine.painter.bench", "--model", str(model), "--threads",
        str(threads), "--steps", "1", "--seconds", str(seconds), "--ride", "0", "--json",
    ]  # fmt: skip
    said = subprocess.run(command, check=True, capture_output=True, text=True)
    result = json.loads(said.stdout)["results"][0]
    return {"p50_ms": result["frame_ms"]["p50"], "p95_ms": result["frame_ms"]["p95"],
            "threads": threads}  # fmt: skip


def reconstruction(vae: Any, pictures: Pictures, device: torch.device) -> Figures:
    """PSNR in dB through the autoencoder: by style over the held-out scenes, and photographs."""

    def of(pixels: Bytes) -> float:
        found = []
        for start in range(0, len(pixels), _BATCH):
            picture = networks.pictures_to_tensor(pixels[start : start + _BATCH], device)
            with torch.inference_mode():
                found.append(psnr(vae.decode(vae.encode(picture).latents).sample, picture))
        return round(float(torch.cat(found).mean()), 2)

    drawn = {
        style: of(pictures.pixels[::2, column]) for column, style in enumerate(pictures.styles)
    }
    photos = {name: of(picture[None]) for name, picture in photographs().items()}
    base = [drawn[style.name] for style in BASE_STYLES]
    return {
        "drawn_mean": round(float(np.mean(base)), 2),
        "all_drawn_mean": round(float(np.mean(list(drawn.values()))), 2),
        "photographs_mean": round(float(np.mean(list(photos.values()))), 2),
        "drawn": drawn,
        "photographs": photos,
    }


@dataclass(frozen=True, slots=True)
class Judged:
    """Shares of pictures, 0..1, whose style and subject the judge has recognised."""

    style: float
    subject: float


def judged(
    judge: Judge, pictures: torch.Tensor, styles: Sequence[int], subjects: Sequence[int]
) -> Judged:
    """pictures (n, 3, SIDE, SIDE) in -1..1."""
    with torch.inference_mode():
        style, subject = judge(pictures)
    return Judged(
        style=float((style.argmax(1).cpu() == torch.tensor(styles)).float().mean()),
        subject=float((subject.argmax(1).cpu() == torch.tensor(subjects)).float().mean()),
    )


def ceiling(judge: Judge, pictures: Pictures, device: torch.device) -> dict[str, Judged]:
    """What the judge makes of real held-out pictures, by style."""
    subjects = [spec.subject for spec in pictures.specs]
    return {
        style.name: judged(
            judge,
            networks.pictures_to_tensor(pictures.pixels[:, column], device),
            [column] * len(pictures),
            subjects,
        )
        for column, style in enumerate(BASE_STYLES)
    }


def styles(studio: Studio, judge: Judge, latents: Latents, top: Mapping[str, Judged]) -> Figures:
    """One step from camera, plain and photo inputs towards every style, at each of ONE_STEP."""
    scenes = list(range(0, len(latents), 2))
    subjects = [latents.specs[scene].subject for scene in scenes]
    inputs = [("camera", "plain", "photo")[turn % 3] for turn in range(len(scenes))]
    shown = _shown(studio, latents, scenes, inputs)
    style_share: dict[str, list[float]] = {}
    kept: dict[str, list[float]] = {}
    for t in ONE_STEP:
        for column, style in enumerate(BASE_STYLES):
            prompts = [
                f"{style.phrases[0]} of {SUBJECTS[subject].phrases[0]}" for subject in subjects
            ]
            found = judged(
                judge, studio.decode(studio.paint(shown, prompts, [t])), [column] * len(scenes),
                subjects,
            )  # fmt: skip
            style_share.setdefault(style.name, []).append(found.style)
            kept.setdefault(style.name, []).append(found.subject)
    by_style = {name: round(float(np.mean(values)), 3) for name, values in style_share.items()}
    limit = float(np.mean([judged_.subject for judged_ in top.values()]))
    subject = float(np.mean(list(kept.values())))
    return {
        "recognised_mean": round(float(np.mean(list(by_style.values()))), 3),
        "recognised_least": min(by_style.values()),
        "recognised": by_style,
        "subject_kept": round(subject, 3),
        "subject_kept_of_ceiling": round(subject / limit, 3) if limit else 0.0,
        "subject_kept_by_style": {name: round(float(np.mean(v)), 3) for name, v in kept.items()},
    }


def switching(studio: Studio, judge: Judge, latents: Latents) -> Figures:
    """How often the painted subject is the one asked for, where the input shows another."""
    chance = np.random.default_rng(0)
    scenes = list(range(0, len(latents), 2))
    inputs = ["plain" if turn % 2 else "camera" for turn in range(len(scenes))]
    shown = _shown(studio, latents, scenes, inputs)
    own = [latents.specs[scene].subject for scene in scenes]
    wanted = [(subject + int(chance.integers(1, len(SUBJECTS)))) % len(SUBJECTS) for subject in own]
    columns = [int(chance.integers(BASE)) for _ in scenes]
    prompts = [
        f"{BASE_STYLES[column].phrases[0]} of {SUBJECTS[subject].phrases[0]}"
        for column, subject in zip(columns, wanted, strict=True)
    ]
    found = {}
    for steps in HIGH:
        painted = studio.decode(studio.paint(shown, prompts, steps))
        found[" ".join(map(str, steps))] = round(judged(judge, painted, columns, wanted).subject, 3)
    return {"best": max(found.values()), "chance": round(1 / len(SUBJECTS), 3), "by_steps": found}


def several_steps(studio: Studio, judge: Judge, latents: Latents) -> Figures:
    """What 1 to 4 steps from one strength make of camera pictures, all styles together.

    error: mean squared error of the latents (of their spread); style, subject: the judge's shares.
    The steps are spaced as the show spaces them: evenly from the strength's down.
    """
    scenes = list(range(0, len(latents), 6))
    subjects = [latents.specs[scene].subject for scene in scenes]
    shown = _shown(studio, latents, scenes, ["camera"] * len(scenes))
    found: dict[str, list[tuple[float, float, float]]] = {}
    for column, style in enumerate(BASE_STYLES):
        prompts = [f"{style.phrases[0]} of {SUBJECTS[subject].phrases[0]}" for subject in subjects]
        wanted = latents.z[scenes, column].float().to(studio.device) * studio.painter.scale
        for top in (450, 700):
            for count in (1, 2, 3, 4):
                steps = [round(top * (count - step) / count) for step in range(count)]
                made = studio.paint(shown, prompts, steps)
                error = float(((made - wanted) / networks.LATENT_SPREAD).pow(2).mean())
                seen = judged(judge, studio.decode(made), [column] * len(scenes), subjects)
                told = found.setdefault(f"t {top}, {count} steps", [])
                told.append((error, seen.style, seen.subject))
    return {
        name: dict(
            zip(("error", "style", "subject"), np.mean(told, 0).round(4).tolist(), strict=True)
        )
        for name, told in found.items()
    }


def preset(
    studio: Studio, judge: Judge, file: Path, latents: Latents, pictures: Pictures, t: int = 375
) -> Figures:
    """How far a LoRA moves the answer towards its style, and what half of it does.

    moved: 1 - error with it / error without it, both against the true picture's latents. half:
    where the answer at weight 0.5 lies between those at 0 and 1. subject, subject_real: the judge's
    share of recognised subjects, painted and on the style's real pictures (it has seen neither).
    """
    name = file.stem
    # the presets' own, which come last: a base style may bear the same name
    column = len(latents.styles) - 1 - latents.styles[::-1].index(name)
    scenes = list(range(0, len(latents), 2))
    inputs = ["plain" if turn % 2 else "camera" for turn in range(len(scenes))]
    shown = _shown(studio, latents, scenes, inputs)
    subjects = [latents.specs[scene].subject for scene in scenes]
    prompts = [SUBJECTS[subject].phrases[0] for subject in subjects]
    wanted = latents.z[scenes, column].float().to(studio.device) * studio.painter.scale
    additions = lowrank.load(studio.painter.denoiser, file)
    answers = {}
    for weight in (0.0, 0.5, 1.0):
        additions.set_weight(weight)
        answers[weight] = studio.paint(shown, prompts, [t])
    additions.detach()
    errors = {weight: float((answer - wanted).pow(2).mean()) for weight, answer in answers.items()}
    way = answers[1.0] - answers[0.0]
    there = float(way.pow(2).sum())
    half = float(((answers[0.5] - answers[0.0]) * way).sum()) / there if there else 0.0
    nobody = [0] * len(scenes)
    real = networks.pictures_to_tensor(pictures.pixels[scenes, column], studio.device)
    limit = judged(judge, real, nobody, subjects).subject
    seen = judged(judge, studio.decode(answers[1.0]), nobody, subjects).subject
    return {
        "moved": round(1 - errors[1.0] / errors[0.0], 3),
        "half": round(half, 3),
        "subject": round(seen, 3),
        "subject_real": round(limit, 3),
        "kb": round(file.stat().st_size / 1000),
    }


def stillness(studio: Studio) -> Figures:
    """Mean difference of neighbouring painted frames, in 1/255: all of a still input, and of a
    moving one (the test card; a head going by) the places where nothing moves within 32 pixels.
    """
    still = test_card(3.0, SIDE, SIDE)
    rest = _differences(studio, [still] * 4, [np.ones((SIDE, SIDE), bool)] * 3)
    moving = {
        "test_card": [test_card(3.0 + step / 15, SIDE, SIDE) for step in range(16)],
        "video": going_by(16),
    }
    found: Figures = {"rest": rest}
    for name, frames in moving.items():
        quiet = [_unmoving(one, other) for one, other in pairwise(frames)]
        found[name] = _differences(studio, frames, quiet)
    return found


def _differences(studio: Studio, frames: Sequence[Bytes], where: Sequence[Any]) -> Figures:
    painted: dict[str, list[float]] = {}
    for style in ("oil painting", "anime", "photo"):
        made = [
            studio.repaint(frame[None], [style], [375])[0].astype(np.float32) for frame in frames
        ]
        for (one, other), mask in zip(pairwise(made), where, strict=True):
            if mask.mean() > 0.02:
                painted.setdefault(style, []).append(float(np.abs(one - other)[mask].mean()))
    return {style: round(float(np.mean(values)), 3) for style, values in painted.items()}


def _unmoving(one: Bytes, other: Bytes) -> Any:
    """Where neither this pixel nor any within 32 has changed."""
    changed = (np.abs(one.astype(int) - other.astype(int)).max(2) > 2).astype(np.uint8)
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (65, 65))
    return cv2.dilate(changed, kernel) == 0


def going_by(frames: int) -> list[Bytes]:
    """A video: a photographed head moves across a still, photographed room."""
    photos = photographs()
    room, head = photos["coffee"], photos["astronaut"][8:136, 52:180]
    y, x = np.mgrid[-1:1:128j, -1:1:128j]
    soft = np.clip((1 - np.hypot(x, y)) * 8, 0, 1)[..., None]
    made = []
    for step in range(frames):
        frame = room.astype(np.float32)
        left = 4 + step * 6
        frame[90:218, left : left + 128] += soft * (head - frame[90:218, left : left + 128])
        made.append(frame.astype(np.uint8))
    return made


def _shown(
    studio: Studio, latents: Latents, scenes: Sequence[int], inputs: Sequence[str]
) -> torch.Tensor:
    columns = [latents.style(name) for name in inputs]
    return latents.z[list(scenes), columns].float().to(studio.device) * studio.painter.scale
