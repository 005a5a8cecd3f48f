"""What LoRAs cost is measured the painter's own way; a ride moves and rebuilds nothing."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from engine.errors import LoraError
from engine.latest import Picture
from engine.mixing import LoraFile
from engine.painter import bench, lora_bench
from engine.painter.diffusion import DiffusionPainter
from engine.painter.lora_bench import Ground, Maker, Play, bench_loras, extents, lora_table
from engine.painter.lora_tensors import ModelLayers, stage
from engine.painter.models import Model
from engine.painter.settings import Settings
from engine.painter.staging import Staging
from tests.painter import tiny

PARTS = ("unet", "vae", "text_encoder", "text_encoder_2")


class Scene:
    """A tiny model, a painter of it, and what a bench wants to know of them."""

    def __init__(self, family: tiny.Family) -> None:
        self.pipe = tiny.pipeline(family)
        cpu = torch.device("cpu")
        model = Model(self.pipe, family, cpu, torch.float32, (tiny.SIZE, tiny.SIZE), name="tiny")
        self.painter = DiffusionPainter(model, *model.native_size)
        self.painter.warm_up(lambda _share, _what: None)
        layers = ModelLayers.of(self.pipe, model.name, family)
        pictures = [tiny.picture(seed) for seed in range(3)]
        self.ground = Ground(self.painter, layers, pictures, Settings())

    def tensors(self) -> dict[str, Tensor]:
        """All that a frame reads and keeps: every weight, and every static buffer."""
        found: dict[str, Tensor] = {}
        for part in PARTS:
            if (module := getattr(self.pipe, part, None)) is not None:
                found |= {f"{part} {name}": each for name, each in module.named_parameters()}
                found |= {f"{part} {name}": each for name, each in module.named_buffers()}
        for steps, batch in self.painter.stream.batches.items():
            for name, each in vars(batch).items():
                if isinstance(each, Tensor):
                    found[f"{steps} {name}"] = each
        stream = self.painter.stream
        return found | {"input": stream.input, "output": stream.output, "delta": stream.delta}

    def modules(self) -> list[int]:
        return [id(each) for part in PARTS for each in _modules(getattr(self.pipe, part, None))]


def _modules(part: Any) -> list[torch.nn.Module]:
    return list(part.modules()) if part is not None else []


def addresses(tensors: Mapping[str, Tensor]) -> dict[str, int]:
    return {name: each.data_ptr() for name, each in tensors.items()}


@pytest.mark.parametrize(
    ("family", "kind"), [("sd15", "attention and conv"), ("sdxl", "attention")]
)
def test_a_ride_of_300_frames_rebuilds_nothing(
    family: tiny.Family, kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lora_bench, "LOADS", 2)
    scene = Scene(family)
    pristine = {name: each.clone() for name, each in scene.pipe.unet.state_dict().items()}
    before, modules = addresses(scene.tensors()), scene.modules()
    key = scene.painter.stream.frame_key
    file = Maker(scene.ground.layers, tmp_path).file(extents(scene.ground.layers)[kind], rank=4)
    told = Play(scene.ground, file).run(300)
    assert told["ride"]["frames"] == 300
    assert told["moved_weights"] == 0
    assert addresses(scene.tensors()) == before
    assert scene.modules() == modules
    assert scene.painter.stream.frame_key == key
    after = scene.pipe.unet.state_dict()
    assert all(torch.equal(after[name], each) for name, each in pristine.items())
    for phase in ("quiet", "load", "ride", "held"):
        figures = told[phase]
        assert 0 < figures["p50"] <= figures["p95"] <= figures["worst"]
    expected = told["load"]["worst"] / told["quiet"]["p50"]
    assert told["load"]["worst_by_quiet_p50"] == pytest.approx(expected, rel=0.02, abs=0.006)
    assert told["load"]["frames"] >= 2 * (lora_bench.FADE_FRAMES + 1)


def test_a_ride_changes_the_weights_before_every_picture(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lora_bench, "LOADS", 1)
    monkeypatch.setattr(Staging, "budget_ms", staticmethod(lambda _: None))  # all there is
    scene = Scene("sd15")
    places = extents(scene.ground.layers)["attention"]
    weight = scene.ground.layers.weight(places[0])
    seen: list[bytes] = []

    class Watched(DiffusionPainter):
        def paint(self, picture: Picture, settings: Settings) -> Picture:
            seen.append(weight.numpy().tobytes())
            return super().paint(picture, settings)

    scene.painter.__class__ = Watched
    told = Play(scene.ground, Maker(scene.ground.layers, tmp_path).file(places, 4)).run(20)
    assert told["ride"]["unfinished"] == 0
    after = 1 + 4 + 1 + 4  # until whole, held, leaving, quiet
    assert len(set(seen[-20 - after : -after])) == 20
    assert seen[0] == seen[-1]


def test_the_layers_of_each_kind() -> None:
    families: tuple[tiny.Family, ...] = ("sd15", "sdxl")
    for family in families:
        layers = ModelLayers.of(tiny.pipeline(family), "tiny", family)
        kinds = extents(layers)
        attention, both = kinds["attention"], kinds["attention and conv"]
        assert len(attention) % 8 == 0  # four of each of two attentions in every block
        assert both[: len(attention)] == attention
        assert any(layers.weight(place).dim() == 4 for place in both)
        assert {place.component for place in both} == {"unet"}
        assert len(set(both)) == len(both)


def test_its_loras_are_what_the_painter_takes(tmp_path: Path) -> None:
    layers = ModelLayers.of(tiny.pipeline("sd15"), "tiny", "sd15")
    places = extents(layers)["attention and conv"]
    file = Maker(layers, tmp_path).file(places, rank=128)  # more than these layers are wide
    staged = stage(Path(file.path), layers, base=file.base)
    assert set(staged.deltas) == set(places)
    assert staged.file.ranks == (128,)
    assert staged.file.dtype == "F16"
    delta = staged.deltas[places[0]]
    assert delta.product().abs().max() > 0


def test_the_report_and_its_table(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lora_bench, "LOADS", 1)
    scene = Scene("sd15")
    told = json.loads(json.dumps(bench_loras(scene.ground, 5, ranks=(1, 3))))
    rows = [(row["layers"], row["rank"]) for row in told["recomposition"]]
    kinds = ("attention", "attention and conv")
    assert rows == [(kind, rank) for kind in kinds for rank in (1, 3)]
    for row in told["recomposition"]:
        assert row["count"] > 0
        assert 0 < row["ms"]["p50"] <= row["ms"]["worst"]
        assert row["stage_ms"] > 0
        assert row["first_ms"] > 0
    small, large = told["recomposition"][0], told["recomposition"][2]
    assert small["elements"] < large["elements"]
    assert [row["layers"] for row in told["live"]] == list(kinds)
    lines = lora_table(told)
    assert len(lines) == 1 + 4 + 1 + 2 * 5
    assert "0 weights have moved" in lines[-1]


def test_a_lora_that_cannot_be_loaded_ends_it() -> None:
    scene = Scene("sd15")
    with pytest.raises(LoraError, match="cannot be read"):
        Play(scene.ground, LoraFile("nowhere.safetensors", "sd15")).run(2)


def test_the_bench_reports_loras_of_a_folder(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lora_bench, "LOADS", 1)
    tiny.pipeline("sd21").save_pretrained(tmp_path)
    options = ["--seconds", "0", "--steps", "1", "--threads", "1", "--ride", "2"]
    assert bench.main(["--model", str(tmp_path), *options, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)["loras"]
    assert [row["rank"] for row in told["recomposition"]] == [8, 32, 64, 128] * 2
    assert [row["ride"]["frames"] for row in told["live"]] == [2, 2]
    assert bench.main(["--model", str(tmp_path), *options]) == 0
    assert "LoRA layers" in capsys.readouterr().out
