"""The order in which a show opens its parts, with stand-ins for those that matter."""

from __future__ import annotations

from pathlib import Path

import pytest
import trio

from artflow_show import Show
from engine.options import ShowOptions
from engine.tasks import unwrapped


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
