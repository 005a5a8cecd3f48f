from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

from engine.options import ShowOptions


@pytest.fixture(autouse=True)
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Nothing here touches the user's own data folder."""
    folder = tmp_path / "data"
    monkeypatch.setenv("ARTFLOW_DATA", str(folder))
    monkeypatch.setenv("COLUMNS", "200")
    return folder


@pytest.fixture(autouse=True)
def shows(monkeypatch: pytest.MonkeyPatch) -> list[ShowOptions]:
    """What the show is asked to run; it returns at once, with code 0."""
    asked: list[ShowOptions] = []

    def run_show(options: ShowOptions) -> int:
        asked.append(options)
        return 0

    stand_in(monkeypatch, run_show)
    return asked


def stand_in(monkeypatch: pytest.MonkeyPatch, run_show: Callable[[ShowOptions], int]) -> None:
    """Let `run_show` be the show."""
    module = ModuleType("artflow_show")
    module.run_show = run_show  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "artflow_show", module)
