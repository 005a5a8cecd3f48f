"""The order in which a show opens its parts, with stand-ins for those that matter."""

from __future__ import annotations

from pathlib import Path

import pytest
import trio

from artflow_show import Show
from controllers.midi_map import device_rows
from engine.options import ShowOptions
from engine.parameters import PARAMETERS, TRIGGERS
from engine.tasks import unwrapped
from presets.control_table import ANY, Written, table
from scenes.show import read_show


class Opened(Exception):
    """As far as the test goes."""


async def test_who_listens_from_the_start_hears_the_first_word_of_a_fetch(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.setswitchinterval", lambda _: None)
    show = Show(ShowOptions(headless=True, osc_port=0, model="sd-turbo", data=tmp_path))
    opened: list[str] = []

    async def osc(task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        opened.append("osc")
        task_status.started()
        await trio.sleep_forever()

    async def presets(**_: object) -> None:
        opened.append("presets")
        raise Opened

    assert show.osc is not None
    monkeypatch.setattr(show.osc, "run", osc)
    monkeypatch.setattr(show.presets, "run", presets)
    with pytest.raises((Opened, BaseExceptionGroup)) as ended:
        await show._open()
    assert isinstance(unwrapped(ended.value), Opened)
    assert opened == ["osc", "presets"]


async def test_the_page_of_a_midi_device_can_be_a_start_value(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.setswitchinterval", lambda _: None)
    (tmp_path / "map.yaml").write_text("devices:\n- {id: box, match: {input: Box}}\n")
    (tmp_path / "show.yaml").write_text("set: {midi/box/bank: 3, midi/box/pickup: 1}\n")
    written = Written()
    written.declare(*PARAMETERS, *TRIGGERS, *table(), *device_rows(ANY))
    read = read_show(tmp_path / "show.yaml", written)
    assert read.options["values"] == {"midi/box/bank": 3}
    (problem,) = read.problems
    assert "midi/box/pickup is a reported value" in problem
    options = ShowOptions(
        headless=True,
        osc_port=0,
        midi=(tmp_path / "map.yaml",),
        values={"midi/box/bank": 3},
        data=tmp_path,
    )
    assert Show(options).controls.get("midi/box/bank") == 3
