"""A painter that copies its input: the rest of the show without a model (benchmarks, tests)."""

from __future__ import annotations

from collections.abc import Mapping

from engine.latest import Picture
from engine.mixing import LoraFile
from engine.painter.loop import Finish, Report
from engine.painter.settings import Settings


class CopyPainter:
    """Hands every picture back as it came, whatever is mixed."""

    skipped = 0
    frame_s = 0.0

    def warm_up(self, report: Report) -> None:
        report(1.0, "nothing to load")

    def paint(self, picture: Picture, settings: Settings) -> Picture:  # noqa: ARG002
        return picture

    def begin(self, picture: Picture, settings: Settings) -> Finish:
        painted = self.paint(picture, settings)
        return lambda: painted

    def look_ahead(self, settings: Settings, budget_ms: float) -> bool:  # noqa: ARG002
        return False

    def tend(self) -> None: ...

    def relieve(self) -> str | None:
        return None

    def stage(self, file: LoraFile) -> object:
        return file

    def add(self, id: str, staged: object) -> tuple[str, ...]:  # noqa: ARG002
        return ()

    def remove(self, id: str) -> None: ...

    def mix(self, weights: Mapping[str, float], budget_ms: float | None) -> bool:  # noqa: ARG002
        return True

    def memory_mb(self) -> float:
        return 0.0
