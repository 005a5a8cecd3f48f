"""From the catalogue's words to a file in the library: all the rooms, on a mirror of our own."""

from __future__ import annotations

import hashlib
from pathlib import Path
from urllib.parse import quote

import pytest
import trio

from presets.download import Downloader
from presets.library import Library
from presets.models import catalogue as models
from presets.models import tiny_folder
from presets.statistics import Statistics
from presets.wanted import Progress, Wanted
from presets.wanting import wanted_model, wanted_preset
from tests.helpers.catalogues import load_catalogue
from tests.helpers.mirror_server import serving
from tests.presets.test_library import lora


async def fetch(wanted: Wanted, kept: Statistics) -> Progress:
    downloader = Downloader(lambda *_: None, on_transfer=kept.transferred)
    with trio.fail_after(30):
        async with trio.open_nursery() as nursery:
            await nursery.start(downloader.run)
            progress = await downloader.want(wanted).wait()
            nursery.cancel_scope.cancel()
    return progress


async def test_a_preset_comes_into_the_library(tmp_path: Path) -> None:
    body = lora("sd21")
    files = {"/good": body, "/wrong": lora("sd15")}
    async with serving(files) as server:
        (tmp_path / "presets.yaml").write_text(
            "presets:\n"
            f"- {{id: good, base: sd21, file: good.safetensors, size: {len(body)}, sha256: "
            f"{hashlib.sha256(body).hexdigest()}, mirrors: [{{name: ours, url: "
            f"'{server.url('/good')}'}}]}}\n"
            "- {id: wrong, base: sd21, file: wrong.safetensors, verified: false, mirrors: "
            f"[{{url: '{server.url('/wrong')}'}}]}}\n"
        )
        catalogue, problems = load_catalogue(tmp_path)
        assert not problems
        library, kept = Library(tmp_path, catalogue), Statistics(tmp_path)
        library.rescan()
        good = wanted_preset(catalogue, "good", "sd21", tmp_path, model="sd-turbo")
        assert (await fetch(good, kept)).state == "installed"
        wrong = wanted_preset(catalogue, "wrong", "sd21", tmp_path, model="sd-turbo")
        progress = await fetch(wrong, kept)
    assert progress.state == "failed"
    assert (
        "'wrong' is made for SD 1.5 (text width 768); the running model sd-turbo is SD 2.1 (1024). "
        "Styles for it: realistic, watercolor, dpo, good"
    ) in progress.error
    assert library.rescan().added == ("good",)
    assert library.snapshot.ready("good", "sd21")
    assert not library.snapshot.ready("wrong", "sd21")
    preset = catalogue.preset("good")
    verdict = library.verify(preset, preset.variants[0], lambda *_: None)
    assert verdict.whole
    kept.flush()
    assert kept.read().mirrors["ours"].bytes == len(body)
    assert [path.name for path in library.folder.iterdir()] == ["good.safetensors"]


async def test_a_tiny_autoencoder_is_fetched_file_by_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tiny = models().tiny_autoencoders[0]
    config = b'{"_class_name": "AutoencoderTiny"}'
    async with serving({"/madebyollin/taesd/config.json": config}) as server:
        hub = ("here", lambda repository, file: server.url(f"/{repository}/{quote(file)}"))
        monkeypatch.setattr("presets.wanting.HUBS", (hub,))
        progress = await fetch(wanted_model(tiny, tmp_path), Statistics(tmp_path))
    assert progress.state == "failed", "the server has no weights"
    assert (tiny_folder(tiny, tmp_path) / "config.json").read_bytes() == config
