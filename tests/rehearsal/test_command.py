"""The workshop as it is run: python -m presets.rehearsal."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from engine.painter.diffusion import DiffusionPainter
from engine.painter.models import load_model
from engine.painter.settings import Settings
from presets.rehearsal import lowrank
from presets.rehearsal.training import STAGES
from tests.helpers.program import ROOT
from tests.rehearsal import small

PATIENCE_S = 900
"""Only so that a hang ends."""
STYLES = ("anime", "hologram", "realistic")  # a form each
FIGURES = {
    "autoencoder before tuning, dB",
    "autoencoder as shipped, dB",
    "judge on real pictures",
    "styles in one step",
    "subject switched by words",
    "after steps",
    *(f"preset {style}" for style in STYLES),
    "stillness, of 255",
    "frame, ms",
}


pytestmark = [pytest.mark.acceptance, pytest.mark.timeout(PATIENCE_S)]


def workshop(work: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """One run on the trial's plan, in one thread."""
    options = ("--plan", "trial", "--work", str(work), "--model", str(work / "model"))
    return subprocess.run(
        [sys.executable, "-m", "presets.rehearsal", *options, "--loras", str(work / "loras"),
         "--workers", "2", "--threads", "1", *arguments],
        env={**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": "200", "OMP_NUM_THREADS": "1"},
        cwd=work, capture_output=True, text=True, timeout=PATIENCE_S, check=False,
    )  # fmt: skip


def files(folder: Path) -> dict[Path, float]:
    """When each file was written."""
    return {file: file.stat().st_mtime_ns for file in folder.rglob("*") if file.is_file()}


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A work folder after train and loras; cut off once, and run again."""
    work = tmp_path_factory.mktemp("work")
    cut = workshop(work, "--minutes", "0.01", "train")
    assert cut.returncode == 3, cut.stderr
    assert "out of time at autoencoder: 1 of 6 steps; run the same command again" in cut.stderr
    assert not (work / "model").exists()
    rest = workshop(work, "train")
    assert rest.returncode == 0, rest.stderr
    assert "autoencoder 6/6" in rest.stderr
    assert "draw" not in rest.stderr, "what was drawn is not drawn again"
    loras = workshop(work, "loras", "--only", ", ".join(STYLES))
    assert loras.returncode == 0, loras.stderr
    return work


def test_every_stage_is_done_and_done_once(trained: Path) -> None:
    assert all((trained / f"{stage}.done").exists() for stage in STAGES)
    assert not list(trained.rglob("*.checkpoint"))
    assert not list(trained.rglob("*.part"))
    before = files(trained)
    for again in (("train",), ("loras", "--only", STYLES[0])):
        assert workshop(trained, *again).returncode == 0
    assert files(trained) == before


def test_the_show_paints_with_what_was_trained(trained: Path) -> None:
    model = load_model(trained / "model", device="cpu", report=lambda *_: None)
    assert (model.kind, model.native_size) == ("rehearsal", (256, 256))
    painter = DiffusionPainter(model, 64, 64)
    grey = np.full((64, 64, 3), 128, np.uint8)
    assert painter.paint(grey, Settings(prompt_a="oil painting")).std() > 0
    assert sorted(file.stem for file in (trained / "loras").iterdir()) == sorted(STYLES)
    before = small.weights(model.pipe.unet)
    for style in STYLES:
        lowrank.load(model.pipe.unet, trained / "loras" / f"{style}.safetensors").detach()
    assert small.same(small.weights(model.pipe.unet), before)


def test_it_is_measured_and_drawn(trained: Path) -> None:
    said = workshop(trained, "evaluate", "--sheets", str(trained / "sheets"))
    assert said.returncode == 0, said.stderr
    found = json.loads((trained / "evaluation.json").read_text())
    assert set(found) == FIGURES
    assert all(f"{name}: {json.dumps(figures)}" in said.stdout for name, figures in found.items())
    sheets = sorted((trained / "sheets").iterdir())
    assert [sheet.stem for sheet in sheets] == sorted(
        ["first", "loras", "steps", "strengths", "styles", "subjects", "video", "words"]
    )
    for sheet in sheets:
        assert f"sheet: {sheet}" in said.stdout
        with Image.open(sheet) as picture:
            assert picture.format == "JPEG"
            assert picture.width % 160 == 0
            assert picture.height % 176 == 0
            assert picture.width >= 4 * 160
        assert 10_000 < sheet.stat().st_size < 1_500_000


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--plan", "tiny", "train"), "no plan 'tiny'; there are cpu, gpu, trial, and auto"),
        (("train", "--only", "drow"), "no stage 'drow'; there are draw, autoencoder,"),
        (("loras", "--only", "anime,oil"), "no style 'oil'; there are anime, realistic, oil-paint"),
    ],
)
def test_names_that_are_none_are_told(
    arguments: tuple[str, ...], told: str, tmp_path: Path
) -> None:
    said = workshop(tmp_path, *arguments)
    assert said.returncode == 2
    assert told in " ".join(said.stderr.replace("│", " ").split())
    assert not list(tmp_path.rglob("*.done"))


def test_another_plans_pictures_are_refused_in_one_line(tmp_path: Path) -> None:
    held = tmp_path / "data" / "held-out"
    held.mkdir(parents=True)
    np.save(held / "pixels.npy", np.zeros((0, 1, 256, 256, 3), np.uint8))
    (held / "scenes.json").write_text('{"styles": ["flat"], "first": 1000000, "words": []}')
    said = workshop(tmp_path, "train", "--only", "draw")
    assert said.returncode == 1
    assert "held-out holds 0 scenes from number 1000000 on in 1 styles" in said.stderr
    assert "Traceback" not in said.stderr
