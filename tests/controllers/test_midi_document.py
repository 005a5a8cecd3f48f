"""docs/MIDI.md is true: its map, its tables, its commands and addresses."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import pytest

from controllers.keyboard import KEYS
from controllers.midi_bundled import map_files
from controllers.midi_map import Mode, TakeoverMode, device_rows
from controllers.midi_map_fields import (
    BESIDE_SOURCE,
    DEVICE,
    FEEDBACK,
    MAPPING,
    MATCH,
    SOURCES,
    Field,
)
from controllers.midi_map_file import read_map
from engine.controls import Controls
from engine.option_table import OPTIONS
from engine.parameters import PARAMETERS, TRIGGERS
from presets.control_table import Written, table

TEXT = (Path(__file__).parents[2] / "docs" / "MIDI.md").read_text("utf-8")


def reference() -> str:
    """The tables of every key, as the document has them; run this file to print them."""
    sources = {name: row for name, (row, _) in SOURCES.items()}
    tables: tuple[tuple[str, dict[str, Field]], ...] = (
        ("Of a device, beside `id` and `mappings`", DEVICE),
        ("In `match`", MATCH),
        ("In `on`, one of", sources),
        ("In `on`, beside it", BESIDE_SOURCE),
        ("Of a mapping, beside `on`, `to` and `feedback`", MAPPING),
        ("In `feedback` (one, or a list)", FEEDBACK),
    )
    return "\n".join(_table(title, rows) for title, rows in tables)


def _table(title: str, rows: dict[str, Field]) -> str:
    lines = [f"| `{name}` | {row.allowed} | {row.help} |" for name, row in rows.items()]
    return "\n".join(
        [f"**{title}**", "", "| key | allowed | meaning |", "|---|---|---|", *lines, ""]
    )


def blocks(kind: str) -> Iterator[str]:
    for block in re.findall(rf"```{kind}\n(.*?)```", TEXT, re.DOTALL):
        yield str(block)


def controls() -> Controls:
    known = Written()
    known.declare(*PARAMETERS, *TRIGGERS, *table(), *device_rows("<device>"))
    return known


def test_the_reference_is_that_of_the_reader() -> None:
    assert reference() in TEXT, reference()


def test_the_map_is_one(tmp_path: Path) -> None:
    for number, block in enumerate(blocks("yaml")):
        path = tmp_path / f"{number}.yaml"
        path.write_text(block)
        read = read_map(path, controls())
        assert read.problems == []
        assert len(read.devices[0].mappings) == block.count("- {on:")


def test_the_boxes_are_those_that_come_along() -> None:
    part = TEXT[TEXT.index("## Boxes") : TEXT.index("## Learn")]
    assert set(re.findall(r"^\| .+? \| `(.+?)` \|", part, re.MULTILINE)) == {
        path.stem for path in map_files()
    }


def test_the_modes_are_all() -> None:
    modes = re.findall(r"^\| `([a-z]+)` \| ", TEXT[TEXT.index("| mode |") :], re.MULTILINE)
    assert set(modes[: len(get_args(Mode))]) == set(get_args(Mode))
    assert all(f"takeover: {mode}" in TEXT for mode in get_args(TakeoverMode) if mode != "pickup")


@pytest.mark.parametrize("line", [line for block in blocks("sh") for line in block.splitlines()])
def test_the_commands_are_commands(line: str) -> None:
    words = shlex.split(line, comments=True)
    known = controls()
    if words[0] == "oscsend":
        name = words[3].removeprefix("/artflow/")
        assert known.is_parameter(name) or known.is_trigger(name), line
    else:
        assert words[0] in ("artflow", "pip")
        names = {option.name for option in OPTIONS}
        flags = [word[2:] for word in words if word.startswith("--")]
        assert set(flags) <= names | {"json"}, line


def test_the_addresses_are_controls() -> None:
    known = controls()
    for name in re.findall(r"`((?:midi|tempo|preset|paint)/[a-z<>/-]+)`", TEXT):
        assert known.is_parameter(name) or known.is_trigger(name) or name == "midi/<device>.yaml", (
            name
        )


def test_the_keys_are_keys() -> None:
    names = {name for key in KEYS for name in key.names}
    assert set(re.findall(r"`([a-z])`", TEXT)) <= names


if __name__ == "__main__":
    print(reference())
