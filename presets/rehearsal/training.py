"""The recipe, stage after stage; what is done is skipped, so the same command goes on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Final

from presets.rehearsal import autoencoder, dataset, export, latents, together
from presets.rehearsal.autoencoder import AutoencoderStage
from presets.rehearsal.dataset import Pictures
from presets.rehearsal.decoder import DecoderStage
from presets.rehearsal.denoiser import BASE, DenoiserStage, Painter
from presets.rehearsal.judge import JudgeStage
from presets.rehearsal.latents import Latents
from presets.rehearsal.plans import Plan
from presets.rehearsal.preset_styles import PRESET_STYLES
from presets.rehearsal.presets import PresetStage
from presets.rehearsal.scene import HELD_OUT
from presets.rehearsal.stages import Workbench, run
from presets.rehearsal.styles import BASE_STYLES, INPUT_STYLES
from presets.rehearsal.together import TogetherStage

HOME: Final = Path(__file__).resolve().parent.parent
MODEL: Final = HOME / "models" / "rehearsal"
LORAS: Final = HOME / "loras"
STAGES: Final = (
    "draw", "autoencoder", "encode", "crisp", "denoiser", "together", "judge", "export",
)  # fmt: skip


@dataclass(frozen=True)
class Recipe:
    """All stages on one workbench; each needs those before it (but the judge, only the drawings).

    model, loras: where the finished weights go. workers: processes that draw.
    """

    plan: Plan
    bench: Workbench
    workers: int
    model: Path = MODEL
    loras: Path = LORAS

    def train(self, stages: Sequence[str] = STAGES) -> None:
        """The stages named, in the recipe's order. Raises `OutOfTime`."""
        for stage in (name for name in STAGES if name in stages):
            if not self.bench.done(stage).exists():
                getattr(self, f"_{stage}")()
                self.bench.done(stage).touch()

    def train_presets(self, styles: Sequence[str]) -> None:
        """The LoRAs of these styles. Raises `OutOfTime`."""
        for style in styles:
            if self.bench.done(f"preset-{style}").exists():
                continue
            _, painter = export.open_model(self.model, self.bench.device)
            stage = PresetStage(
                style, self.plan.preset, self.train_latents, self.preset_latents, painter,
                self.loras, self.bench,
            )  # fmt: skip
            run(stage, self.bench)

    def _draw(self) -> None:
        _ = self.held_out, self.preset_pictures, self.train_pictures

    def _autoencoder(self) -> None:
        pictures = (self.train_pictures, self.train_pictures, self.preset_pictures)
        run(AutoencoderStage(self.plan.autoencoder, pictures, self.bench), self.bench)

    def _encode(self) -> None:
        _ = self.held_out_latents, self.preset_latents, self.train_latents

    def _crisp(self) -> None:
        network = self._network("autoencoder")
        stage = DecoderStage(
            self.plan.crisp, network, self.train_pictures, self.train_latents, self.bench
        )
        run(stage, self.bench)

    def _denoiser(self) -> None:
        spread = latents.spread_of(self.train_latents, BASE)
        run(DenoiserStage(self.plan.denoiser, self.train_latents, spread, self.bench), self.bench)

    def _together(self) -> None:
        painter = Painter.load(self.bench.folder, self.bench.device)
        stage = TogetherStage(
            self.plan.together, painter, self._network("crisp"), self.train_pictures,
            self.train_latents, self.bench,
        )  # fmt: skip
        run(stage, self.bench)

    def _judge(self) -> None:
        run(JudgeStage(self.plan.judge, self.train_pictures, self.bench), self.bench)

    def _export(self) -> None:
        painter = Painter.load(self.bench.folder / together.NAME, self.bench.device)
        export.save(self.model, self._network(f"{together.NAME}/decoder"), painter)

    def _network(self, name: str) -> Any:
        return autoencoder.load(self.bench.folder / name, self.bench.device)

    def _pictures(self, name: str, first: int, count: int, styles: Any) -> Pictures:
        folder = self.bench.folder / "data" / name
        return dataset.render(folder, first, count, styles, self.workers)

    def _latents(self, name: str, pictures: Pictures) -> Latents:
        file = self.bench.folder / f"latents-{name}.pt"
        return latents.encode(pictures, self._network("autoencoder"), file, self.bench)

    @cached_property
    def train_pictures(self) -> Pictures:
        return self._pictures("train", 0, self.plan.scenes, BASE_STYLES + INPUT_STYLES)

    @cached_property
    def preset_pictures(self) -> Pictures:
        return self._pictures("presets", 0, self.plan.preset_scenes, PRESET_STYLES)

    @cached_property
    def held_out(self) -> Pictures:
        styles = BASE_STYLES + INPUT_STYLES + PRESET_STYLES
        return self._pictures("held-out", HELD_OUT, self.plan.held_out, styles)

    @cached_property
    def train_latents(self) -> Latents:
        return self._latents("train", self.train_pictures)

    @cached_property
    def preset_latents(self) -> Latents:
        return self._latents("presets", self.preset_pictures)

    @cached_property
    def held_out_latents(self) -> Latents:
        return self._latents("held-out", self.held_out)
