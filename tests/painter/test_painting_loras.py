"""LoRAs from the conductor into the pictures of the bundled model, through a painter process."""

from __future__ import annotations

import os
import signal
import time
from functools import cache
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import trio
from diffusers import UNet2DConditionModel
from transformers import CLIPTextModel

from engine.latest import Picture
from engine.mixing import LoraFile, Mix
from engine.painting import Job
from presets.models import catalogue, model_folder
from tests.helpers.loras import kohya, safetensors_file
from tests.helpers.painting_bench import Bench, show
from tests.painter import lora_files

SIZE = (128, 128)
GIVEN = np.random.default_rng(1).integers(0, 255, (128, 128, 3), np.uint8)


@cache
def rehearsal() -> Path:
    model = catalogue().model("rehearsal")
    assert model is not None
    return model_folder(model, Path("unused"))


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, LoraFile]:
    """Two for the bundled model, random; one has a part for the text encoder."""
    pipe = SimpleNamespace(
        unet=UNet2DConditionModel.from_pretrained(rehearsal() / "unet"),
        text_encoder=CLIPTextModel.from_pretrained(rehearsal() / "text_encoder"),
    )
    folder = tmp_path_factory.mktemp("loras")
    made = {}
    for seed, (id, text) in enumerate({"neon": (), "anime": lora_files.TEXT}.items()):
        tensors = lora_files.lora(pipe, "kohya", text=text, seed=seed, ranks=[4], alphas=[0.5])
        path = lora_files.saved(tensors, folder / f"{id}.safetensors")
        made[id] = LoraFile(str(path), "rehearsal")
    return made


def job() -> Job:
    return Job("rehearsal", SIZE, folder=str(rehearsal()), default_prompt="oil", device="cpu")


async def next_picture(bench: Bench) -> Picture:
    """The next one that is painted of `GIVEN`."""
    with trio.fail_after(60):
        while True:
            if bench.ends.inputs is not None:
                bench.ends.inputs.put(GIVEN, time.monotonic_ns())
            await trio.sleep(0.005)
            frame = bench.ends.outputs.take() if bench.ends.outputs is not None else None
            if frame is not None:
                return frame.picture.copy()


async def settled(bench: Bench) -> Picture:
    """The picture when it has stayed the same for a while."""
    same, before = 0, await next_picture(bench)
    while same < 10:
        picture = await next_picture(bench)
        same = same + 1 if np.array_equal(picture, before) else 0
        before = picture
    return before


async def told(bench: Bench, *ids: str) -> None:
    """Wait until these were found ready, painting meanwhile."""
    with trio.fail_after(60):
        while not set(ids) <= set(bench.staged):
            await next_picture(bench)


def apart(a: Picture, b: Picture) -> float:
    """The mean difference of two pictures, 0..255."""
    return float(np.abs(a.astype(float) - b).mean())


async def test_a_look_comes_goes_without_a_trace_and_survives_the_painter(
    files: dict[str, LoraFile],
) -> None:
    async with show(job()) as bench:
        plain = await settled(bench)
        bench.painting.blend(Mix(files))
        await told(bench, *files)
        assert np.array_equal(await settled(bench), plain), "to be ready is not to be heard"

        looks = {}
        for id in files:
            bench.painting.blend(Mix(files, {id: 1.0}))
            looks[id] = await settled(bench)
            assert apart(looks[id], plain) > 1.0
        assert apart(looks["neon"], looks["anime"]) > 1.0

        for frame in range(100):
            weight = frame / 100
            bench.painting.blend(Mix(files, {"neon": weight, "anime": 1.0 - weight}))
            await next_picture(bench)
        bench.painting.blend(Mix(files, {"neon": 1.0}))
        assert np.array_equal(await settled(bench), looks["neon"])
        bench.painting.blend(Mix(files, {"anime": 1.0}))
        assert np.array_equal(await settled(bench), looks["anime"])

        assert bench.painting.pid is not None
        bench.staged.clear()
        os.kill(bench.painting.pid, signal.SIGKILL)
        await bench.state("restarting")
        assert bench.ends.outputs is not None
        bench.ends.outputs.take()
        assert np.array_equal(await next_picture(bench), looks["anime"]), "from the first one on"
        await told(bench, *files)

        bench.painting.blend(Mix())
        assert np.array_equal(await settled(bench), plain)
        assert bench.controls.get("painter/restarts") == 1
        assert bench.unfit == []


async def test_one_for_another_model_is_refused_and_painting_goes_on(
    files: dict[str, LoraFile], tmp_path: Path
) -> None:
    path = tmp_path / "oil.safetensors"
    attention = "down_blocks_1_attentions_0_transformer_blocks_0_attn2_to_k"
    path.write_bytes(safetensors_file(kohya(attention, 320, 768)))
    broken = tmp_path / "cut.safetensors"
    broken.write_bytes(Path(files["neon"].path).read_bytes()[:-100])
    wanted = {"oil": LoraFile(str(path)), "cut": LoraFile(str(broken), "rehearsal"), **files}
    async with show(job()) as bench:
        plain = await settled(bench)
        bench.painting.blend(Mix(wanted, {"oil": 1.0, "cut": 1.0}))
        await told(bench, *files)
        refused = dict(bench.unfit)
        assert refused["oil"] == (
            "'oil.safetensors' is made for SD 1.5 (text width 768); "
            "the running model rehearsal is the rehearsal model (96)"
        )
        assert "bytes; fetch it again" in refused["cut"]
        assert np.array_equal(await settled(bench), plain)
        assert bench.controls.get("painter/restarts") == 0
