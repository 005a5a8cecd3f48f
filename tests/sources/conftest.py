from __future__ import annotations

import pytest

from engine.sources import input as pump


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """Losses are noticed and made good sooner."""
    monkeypatch.setattr(pump, "HOLD_S", 0.3)
    monkeypatch.setattr(pump, "SILENT_S", 1.2)
    monkeypatch.setattr(pump, "RETRY_S", (0.1, 0.2))
