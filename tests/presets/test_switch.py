from __future__ import annotations

import json
import shutil
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
import trio

from engine.controls import Controls
from engine.errors import ModelError
from engine.parameters import PARAMETERS
from presets import switch
from presets.models import ModelChoice, find_model
from presets.switch import ModelSwitch
from tests.helpers.program import ROOT

REHEARSAL = ROOT / "presets" / "models" / "rehearsal"


class Desk:
    """Controls, a switch that starts with the rehearsal model, and what it changed to."""

    def __init__(self, data: Path, named: str = "") -> None:
        self.controls = Controls()
        self.controls.declare(*PARAMETERS)
        self.errors: list[str] = []
        self.controls.on_report(lambda _address, text, _origin: self.errors.append(text))
        self.changed: list[str] = []
        running = find_model(named, data)
        self.controls.set("painter/model", running.id)
        self.fetched: list[str] = []
        self.fetch: Callable[[str], Awaitable[bool]] = self._nothing_lacks
        self.switch = ModelSwitch(
            self.controls,
            running,
            named,
            data,
            lambda model: self.changed.append(model.id),
            lambda id: self.fetch(id),
        )

    async def _nothing_lacks(self, id: str) -> bool:
        self.fetched.append(id)
        return False

    async def until(self, condition: Callable[[], object]) -> None:
        with trio.fail_after(30):
            while not condition():
                await trio.sleep(0.01)


async def test_changes_to_what_is_there_and_back(tmp_path: Path, nursery: trio.Nursery) -> None:
    shutil.copytree(REHEARSAL, tmp_path / "models" / "sd-turbo")
    shutil.copytree(REHEARSAL, tmp_path / "elsewhere" / "mine")
    desk = Desk(tmp_path, str(tmp_path / "elsewhere" / "mine"))
    nursery.start_soon(desk.switch.run)
    desk.controls.set("painter/model", "sd-turbo")
    await desk.until(lambda: desk.changed == ["sd-turbo"])
    desk.controls.set("painter/model", "mine")
    await desk.until(lambda: desk.changed == ["sd-turbo", "mine"])
    assert desk.errors == []


async def test_what_is_not_there_is_told_and_put_back(
    tmp_path: Path, nursery: trio.Nursery
) -> None:
    desk = Desk(tmp_path)
    nursery.start_soon(desk.switch.run)
    desk.controls.set("painter/model", "sdxl-turbo")
    await desk.until(lambda: desk.errors)
    assert "sdxl-turbo" in desk.errors[0]
    assert desk.controls.get("painter/model") == "rehearsal"
    assert desk.changed == []


async def test_a_folder_that_holds_anything_at_all_ends_nothing(
    tmp_path: Path, nursery: trio.Nursery
) -> None:
    folder = tmp_path / "models" / "sd-turbo"
    shutil.copytree(REHEARSAL, folder)
    index = folder / "unet" / "diffusion_pytorch_model.safetensors.index.json"
    (folder / "unet" / "diffusion_pytorch_model.safetensors").unlink()
    index.write_text(json.dumps({"weight_map": ["a"]}))
    desk = Desk(tmp_path)
    nursery.start_soon(desk.switch.run)
    desk.controls.set("painter/model", "sd-turbo")
    await desk.until(lambda: desk.errors)
    assert desk.controls.get("painter/model") == "rehearsal"


async def test_the_newest_wish_wins(
    tmp_path: Path, nursery: trio.Nursery, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk = Desk(tmp_path)
    looked: list[str] = []

    def slow(text: str, data: Path) -> ModelChoice:
        looked.append(text)
        if text == "sd-turbo":  # while it is looked for, another is wished for
            trio.from_thread.run_sync(desk.controls.set, "painter/model", "sd15-lcm")
            raise ModelError("gone")
        return ModelChoice(text, data, (512, 512), "", None, "sd15")

    monkeypatch.setattr(switch, "find_model", slow)
    nursery.start_soon(desk.switch.run)
    desk.controls.set("painter/model", "sd-turbo")
    await desk.until(lambda: desk.changed == ["sd15-lcm"])
    assert looked == ["sd-turbo", "sd15-lcm"]
    assert desk.controls.get("painter/model") == "sd15-lcm"


async def test_what_is_lacking_is_fetched_while_the_other_plays_on(
    tmp_path: Path, nursery: trio.Nursery
) -> None:
    desk = Desk(tmp_path)
    said: list[object] = []

    async def fetch(id: str) -> bool:
        said.append(desk.controls.get("painter/model"))
        await trio.sleep(0)
        shutil.copytree(REHEARSAL, tmp_path / "models" / id)
        return True

    desk.fetch = fetch
    nursery.start_soon(desk.switch.run)
    desk.controls.set("painter/model", "sd-turbo")
    await desk.until(lambda: desk.changed == ["sd-turbo"])
    assert said == ["rehearsal"], "the control says what runs"
    assert desk.controls.get("painter/model") == "sd-turbo"
    assert desk.errors == []


async def test_another_wish_does_not_wait_for_a_fetch(
    tmp_path: Path, nursery: trio.Nursery
) -> None:
    shutil.copytree(REHEARSAL, tmp_path / "models" / "sd15-lcm")
    desk = Desk(tmp_path)
    begun = trio.Event()

    async def fetch(_id: str) -> bool:
        begun.set()
        await trio.Event().wait()
        return True

    desk.fetch = fetch
    nursery.start_soon(desk.switch.run)
    desk.controls.set("painter/model", "sd-turbo")
    await begun.wait()
    desk.controls.set("painter/model", "sd15-lcm")
    await desk.until(lambda: desk.changed == ["sd15-lcm"])
    assert desk.errors == []


async def test_a_fetch_that_fails_is_told(tmp_path: Path, nursery: trio.Nursery) -> None:
    desk = Desk(tmp_path)

    async def fetch(_id: str) -> bool:
        raise ModelError("no mirror has it")

    desk.fetch = fetch
    nursery.start_soon(desk.switch.run)
    desk.controls.set("painter/model", "sd-turbo")
    await desk.until(lambda: desk.errors == ["no mirror has it"])
    assert desk.controls.get("painter/model") == "rehearsal"
    assert desk.changed == []
