"""`python -m presets.rehearsal train|loras|evaluate`: make the model anew, and measure it."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated

import cv2
import diffusers
import torch
import typer

from presets.rehearsal import evaluation
from presets.rehearsal.dataset import WrongPictures
from presets.rehearsal.plans import PLANS
from presets.rehearsal.preset_styles import PRESET_STYLES
from presets.rehearsal.stages import OutOfTime, Workbench
from presets.rehearsal.training import LORAS, MODEL, STAGES, Recipe

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    help="The workshop of the rehearsal model. Run train, then loras, then evaluate; each goes on "
    "where it was when it is run again.",
)


@app.callback()
def workshop(
    context: typer.Context,
    work: Annotated[
        Path, typer.Option("--work", help="folder for drawings and checkpoints, some 15 GB")
    ] = Path("rehearsal-work"),
    plan: Annotated[
        str, typer.Option("--plan", help=f"{', '.join(PLANS)}; auto: gpu where there is one")
    ] = "auto",
    minutes: Annotated[
        float, typer.Option("--minutes", min=0, help="stop after so many (exit code 3); 0: never")
    ] = 0,
    threads: Annotated[int, typer.Option("--threads", min=0, help="torch's; 0: its choice")] = 0,
    workers: Annotated[int, typer.Option("--workers", min=1, help="processes that draw")] = 2,
    model: Annotated[Path, typer.Option("--model", help="the finished model's folder")] = MODEL,
    loras: Annotated[Path, typer.Option("--loras", help="the finished LoRAs' folder")] = LORAS,
) -> None:
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    if plan == "auto":
        plan = "gpu" if device.type == "cuda" else "cpu"
    if plan not in PLANS:
        raise typer.BadParameter(f"no plan {plan!r}; there are {', '.join(PLANS)}, and auto")
    if threads:
        torch.set_num_threads(threads)
    cv2.setNumThreads(1)
    diffusers.utils.logging.set_verbosity_error()
    work.mkdir(parents=True, exist_ok=True)
    deadline = time.monotonic() + minutes * 60 if minutes else None
    bench = Workbench(work, device, deadline=deadline)
    context.obj = Recipe(PLANS[plan], bench, workers, model, loras)


@app.command()
def train(
    context: typer.Context,
    only: Annotated[str, typer.Option("--only", help=f"some of {', '.join(STAGES)}")] = "",
) -> None:
    """Draw the scenes, train the networks, write the model."""
    recipe: Recipe = context.obj
    stages = _chosen(only, STAGES, "stage")
    _finish(lambda: recipe.train(stages))


@app.command("loras")
def train_loras(
    context: typer.Context,
    only: Annotated[str, typer.Option("--only", help="some styles, separated by commas")] = "",
) -> None:
    """Train the bundled LoRA presets on the finished model."""
    recipe: Recipe = context.obj
    styles = _chosen(only, [style.name for style in PRESET_STYLES], "style")
    _finish(lambda: recipe.train_presets(styles))


@app.command()
def evaluate(
    context: typer.Context,
    sheets: Annotated[Path, typer.Option("--sheets", help="where contact sheets go")] = Path(
        "docs/images/rehearsal"
    ),
) -> None:
    """Measure the model and its LoRAs; print the figures, draw the contact sheets."""
    recipe: Recipe = context.obj
    _finish(lambda: evaluation.evaluate(recipe, sheets))


def _chosen(only: str, known: Sequence[str], what: str) -> list[str]:
    chosen = [name.strip() for name in only.split(",") if name.strip()] or list(known)
    for name in chosen:
        if name not in known:
            raise typer.BadParameter(f"no {what} {name!r}; there are {', '.join(known)}")
    return chosen


def _finish(work: Callable[[], object]) -> None:
    try:
        work()
    except OutOfTime as stop:
        print(f"out of time at {stop}; run the same command again to go on", file=sys.stderr)
        raise typer.Exit(3) from None
    except WrongPictures as wrong:
        print(wrong, file=sys.stderr)
        raise typer.Exit(1) from None


if __name__ == "__main__":
    app()
