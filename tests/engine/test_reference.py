from __future__ import annotations

import json
from pathlib import Path

import pytest

from controllers.midi_map import device_rows
from engine import reference
from engine.controls import Parameter
from engine.parameters import PARAMETERS, TRIGGERS
from presets.control_table import ANY, table

ROWS = (*PARAMETERS, *TRIGGERS, *table(), *device_rows(ANY))
DOCUMENT = Path(__file__).parents[2] / "docs" / "CONTROLS.md"


def test_the_printed_reference_is_the_table() -> None:
    """If this fails: artflow controls --format md > docs/CONTROLS.md"""
    assert DOCUMENT.read_text(encoding="utf-8") == reference.as_markdown(ROWS)


def test_every_control_has_a_row() -> None:
    text = reference.as_markdown(ROWS)
    for name in [row.name for row in ROWS]:
        assert text.count(f"| `{name}` |") == 1


def test_a_bar_in_a_help_text_does_not_break_the_table() -> None:
    (line,) = (
        line
        for line in reference.as_markdown(ROWS).splitlines()
        if line.startswith("| `input/source` ")
    )
    assert line.replace("\\|", "").count("|") == 7


def test_json_says_the_same_to_tools() -> None:
    rows = {row["name"]: row for row in json.loads(reference.as_json(ROWS))}
    assert len(rows) == len(ROWS)
    strength = rows["paint/strength"]
    assert strength["address"] == "/artflow/paint/strength"
    assert (strength["min"], strength["max"], strength["default"]) == (0, 1, 0.5)
    assert rows["painter/fps"]["sort"] == "reported"
    assert rows["snapshot"] == {
        "name": "snapshot",
        "address": "/artflow/snapshot",
        "sort": "trigger",
        "arguments": "[s",
        "help": rows["snapshot"]["help"],
    }


def test_ranges_in_words() -> None:
    assert reference.allowed(Parameter("a", "f", 0.0, "", low=-180, high=180, unit="deg")) == (
        "-180..180 deg"
    )
    assert reference.allowed(Parameter("a", "i", 0, "", choices=(0, 90))) == "0 90"
    assert reference.allowed(Parameter("a", "s", "", "")) == ""
    assert reference.shown_default("") == '""'
    assert reference.shown_default("none") == "none"
    assert reference.shown_default(2147483647) == "2147483647"


def test_the_terminal_gets_tables(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    reference.print_controls(ROWS)
    out = capsys.readouterr().out
    assert "paint/strength" in out
    assert "painter/fps" in out
    assert "draw/stroke" in out
