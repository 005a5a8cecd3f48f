"""The maps that come along, for common boxes: controllers/maps, each with a chart of its numbers.

A chart, NAME.csv beside NAME.yaml, starts with lines of `#` that say where its numbers come from.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

FOLDER: Final = Path(__file__).parent / "maps"

Direction = Literal["sends", "takes", "both"]


@dataclass(frozen=True, slots=True)
class ChartRow:
    """A knob, pad or light of a box: what it sends, or takes, on which channel (None: any)."""

    control: str
    message: Literal["cc", "note"]
    number: int
    channel: int | None
    direction: Direction


def map_files() -> tuple[Path, ...]:
    """The bundled maps, in the order of their names."""
    return tuple(sorted(FOLDER.glob("*.yaml")))


def chart_of(map_file: Path) -> tuple[ChartRow, ...]:
    """The chart beside a bundled map. Raises `ValueError` or `KeyError` where it is none."""
    lines = map_file.with_suffix(".csv").read_text(encoding="utf-8").splitlines()
    rows = csv.DictReader(line for line in lines if not line.startswith("#"))
    return tuple(map(_row, rows))


def _row(row: dict[str, str]) -> ChartRow:
    message, direction = row["message"], row["direction"]
    if message not in ("cc", "note") or direction not in ("sends", "takes", "both"):
        raise ValueError(f"{row}: allowed: cc or note; sends, takes or both")
    channel = None if row["channel"] == "any" else int(row["channel"])
    return ChartRow(
        row["control"],
        "cc" if message == "cc" else "note",
        int(row["number"]),
        channel,
        "sends" if direction == "sends" else "takes" if direction == "takes" else "both",
    )
