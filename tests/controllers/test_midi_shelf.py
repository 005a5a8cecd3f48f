"""The maps of a show, from their files, and which port each would play."""

from __future__ import annotations

from pathlib import Path

import pytest

from controllers.midi_bundled import map_files
from controllers.midi_listing import UNMAPPED, port_rows
from controllers.midi_shelf import read_maps
from tests.helpers.midi import FakeSystem
from tests.helpers.osc import table


def written(path: Path, id: str, input: str, *numbers: int) -> Path:
    path.parent.mkdir(exist_ok=True)
    lines = [f"    - {{on: {{cc: {number}}}, to: paint/strength}}\n" for number in numbers]
    path.write_text(
        f"devices:\n- id: {id}\n  match: {{input: {input!r}}}\n  mappings:\n{''.join(lines)}"
    )
    return path


@pytest.mark.parametrize("learned", [False, True])
def test_an_id_that_two_files_give_to_two_boxes_is_told_once(tmp_path: Path, learned: bool) -> None:
    folder = tmp_path / "midi"
    where = folder if learned else tmp_path
    files = [
        written(where / f"{name}.yaml", "box", input, 1)
        for name, input in (("a", "Nano*"), ("b", "nano*"), ("c", "Pads*"))
    ]
    _, problems = read_maps(() if learned else files, folder, table(), ())
    (line,) = problems
    assert line.startswith(f"{files[2]}: box is the id of another box in {files[0]}; give one")


def test_what_was_learned_over_a_map_has_its_id_and_is_not_told_of(tmp_path: Path) -> None:
    own = written(tmp_path / "own.yaml", "box", "Nano*", 1)
    written(tmp_path / "midi" / "box.yaml", "box", "Nano 1", 2)
    maps, problems = read_maps([own], tmp_path / "midi", table(), ())
    assert problems == []
    (row, _) = port_rows(maps, lambda: FakeSystem(["Nano 1"], ["Nano 1"]))
    assert row == (
        "Nano 1",
        "in",
        # the control has left the knob that it had
        f"plays as box: 1 mapping of {own} and {tmp_path / 'midi' / 'box.yaml'}",
    )


def test_a_bundled_map_is_told_as_one(tmp_path: Path) -> None:
    maps, _ = read_maps((), tmp_path, table(), map_files())
    rows = port_rows(maps, lambda: FakeSystem(["nanoKONTROL2", "stranger"]))
    assert rows[0][2].endswith(" mappings of the bundled nanokontrol2")
    assert rows[1][2] == UNMAPPED
