"""docs/PRESETS.md is true: its tables, its entry, its commands, its addresses."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

import artflow
from controllers.keyboard import KEYS
from presets.catalogue import RESERVED_IDS
from presets.catalogue_file import read_catalogue
from presets.control_table import Written, table
from presets.model_shelf import entries
from presets.models import model_ids
from presets.preset_controls import triggers
from tests.helpers.catalogues import load_catalogue

TEXT = (Path(__file__).parents[2] / "docs" / "PRESETS.md").read_text("utf-8")


def blocks(kind: str) -> Iterator[str]:
    for block in re.findall(rf"```{kind}\n(.*?)```", TEXT, re.DOTALL):
        yield str(block)


def commands(program: str) -> list[list[str]]:
    """The words of each command line of this program, without comments."""
    lines = (line for block in blocks("sh") for line in block.splitlines())
    words = (shlex.split(line, comments=True) for line in lines)
    return [each[1:] for each in words if each and each[0] == program]


def test_the_table_of_presets() -> None:
    known = load_catalogue(Path("none"))[0]
    rows = [line.split("|")[1:-1] for line in TEXT.splitlines() if line.startswith("| `")]
    told = {}
    for first, *cells in rows:
        has = [base for base, cell in zip(("rehearsal", "sd15", "sd21", "sdxl"), cells, strict=True)
               if cell.strip()]  # fmt: skip
        for id in re.findall("`(.+?)`", first):
            told[id] = tuple(has)
            assert ("acceleration" in first) == (known.preset(id).kind == "acceleration")
            assert (cells[0].strip() == "bundled") == ("rehearsal" in has)
    assert told == {preset.id: preset.bases for preset in known.presets}


def test_the_entry_is_one(tmp_path: Path) -> None:
    (block,) = blocks("yaml")
    path = tmp_path / "presets.yaml"
    path.write_text(block)
    found = read_catalogue(path)
    assert found.problems == ()
    assert [preset.id for preset in found.presets] == ["neon-rain", "my-style"]
    assert [variant.verified for variant in found.presets[0].variants] == [True, False]


def test_the_words_that_are_no_ids() -> None:
    found = re.search(r"Some words cannot be ids.*?: (.*?)\.", TEXT, re.DOTALL)
    assert found
    assert set(re.split(r",\s+", found[1])) == RESERVED_IDS


@pytest.mark.parametrize("words", commands("artflow"), ids=" ".join)
def test_the_commands_are_commands(words: list[str]) -> None:
    command: Any = typer.main.get_command(artflow.app)
    rest = artflow.with_command(words)
    while hasattr(command, "commands"):
        name, *rest = rest
        command = command.commands[name]
    given = command.make_context("artflow", rest).params
    ids = {*load_catalogue(Path("none"))[0].ids(), *model_ids()}
    assert {given.get("id") or "anime", given.get("model") or "anime"} <= ids


def test_the_messages_are_understood() -> None:
    written = Written()
    written.declare(*table())
    known = {row.name: row for row in triggers(tuple)}
    sent = commands("oscsend")
    assert len(sent) > 15
    for host, port, address, *arguments in sent:
        assert (host, port) == ("localhost", "9000")
        types, values = (arguments[0], arguments[1:]) if arguments else ("", [])
        assert len(types) == len(values)
        given = [float(v) if t == "f" else v for t, v in zip(types, values, strict=True)]
        name = address.removeprefix("/artflow/")
        if name in known:
            assert known[name].coerce(tuple(given)) == tuple(given)
        else:
            assert written.parameter(name).coerce(given[0]) == given[0]


def test_what_is_told_of_presets_are_their_values() -> None:
    part = TEXT[TEXT.index("### What comes back") : TEXT.index("## What there is")]
    aspects = {row.name.rpartition("/")[2] for row in table() if row.name.startswith("preset/<id>")}
    named = set(re.findall(r"`([a-z-]+)`", part))
    assert aspects - {"state", "weight"} == named


def test_models_and_keys() -> None:
    for entry in entries():
        assert entry.id == "rehearsal" or f"`{entry.id}`" in TEXT
    names = {name for key in KEYS for name in key.names}
    assert {"p", "1", "9"} <= names
