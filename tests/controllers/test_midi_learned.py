"""What was learned, kept: in values, in files, and by a thread behind the show's back."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
import trio

from controllers.midi_learned import UNDO, Forgotten, Learned, Taught
from controllers.midi_learned_files import LearnedFiles
from controllers.midi_learned_keeper import LearnedKeeper
from controllers.midi_map import Cc, DeviceMap, Mapping
from controllers.midi_map_file import read_map
from tests.controllers.midi_learning import Teacher
from tests.helpers.osc import table


@pytest.fixture
def rig(tmp_path: Path) -> Teacher:
    return Teacher(tmp_path / "midi")


def test_undo_of_the_first_leaves_no_file(rig: Teacher) -> None:
    rig.teach("paint/strength", 20)
    rig.controls.fire("midi/learn-undo")
    assert not rig.file().exists()
    assert rig.saved[-1].id == "box"
    assert rig.saved[-1].mappings == ()


def test_undo_does_not_undo_what_a_hand_wrote(rig: Teacher) -> None:
    rig.teach("paint/strength", 20)
    rig.file().write_text(rig.file().read_text() + "# mine\n")
    rig.controls.fire("midi/learn-undo")
    assert "was changed since" in rig.problems[-1]
    assert rig.file().read_text().endswith("# mine\n")


def test_comments_and_other_lines_survive(rig: Teacher) -> None:
    rig.teach("paint/strength", 20)
    rig.teach("paint/delta", 21)
    text = rig.file().read_text()
    lines = text.splitlines()
    lines.insert(0, "# my show")
    lines.insert(-1, "      # the left knob")
    lines[-1] += "  # steady!"
    rig.file().write_text("\n".join(lines))  # no newline at the end
    rig.teach("paint/strength", 22)

    now = rig.file().read_text()
    assert all(part in now for part in ("# my show", "# the left knob", "# steady!"))
    assert [mapping.to for mapping in rig.mappings()] == ["paint/delta", "paint/strength"]
    rig.teach("paint/delta", 23)
    assert "# my show" in rig.file().read_text()
    assert {mapping.on for mapping in rig.mappings()} == {Cc(22, 1), Cc(23, 1)}


def test_a_file_written_otherwise_is_written_anew_and_loses_no_mapping(rig: Teacher) -> None:
    rig.folder.mkdir()
    rig.file().write_text(
        "devices:\n- id: box\n  match: {input: Box, output: Lights}\n  clock: none\n  mappings:\n"
        "  - on:\n      cc: 7\n    to: output/fade\n  - {on: {cc: 8}, to: paint/delta}\n"
    )
    rig.teach("paint/delta", 20)
    read = read_map(rig.file(), rig.controls)
    assert read.problems == []
    (device,) = read.devices
    assert (device.input, device.output, device.clock) == ("Box", "Lights", "none")
    assert [(mapping.on, mapping.to) for mapping in device.mappings] == [
        (Cc(7), "output/fade"),
        (Cc(20, 1), "paint/delta"),
    ]


def test_a_line_that_cannot_be_read_is_kept(rig: Teacher) -> None:
    rig.teach("paint/strength", 20)
    wrong = "      - {on: {cc: 30}, to: preset/gone/weight}\n"
    head, _, last = rig.file().read_text().rpartition("      - ")
    rig.file().write_text(f"{head}{wrong}      - {last}")
    rig.teach("paint/delta", 21)
    assert wrong in rig.file().read_text()
    read = read_map(rig.file(), rig.controls)
    assert [mapping.to for mapping in read.devices[0].mappings] == ["paint/strength", "paint/delta"]


def test_a_file_that_is_no_yaml_is_left_alone(rig: Teacher) -> None:
    rig.folder.mkdir()
    rig.file().write_text("devices: [")
    rig.teach("paint/strength", 20)
    assert rig.file().read_text() == "devices: ["
    assert "not valid YAML" in rig.problems[-1]
    assert [mapping.to for mapping in rig.saved[-1].mappings] == ["paint/strength"], "it plays"


def test_a_folder_that_cannot_be_written_is_told(rig: Teacher) -> None:
    rig.folder.write_text("a file where the folder should be")
    rig.teach("paint/strength", 20)
    (text,) = rig.problems
    assert "cannot be" in text
    assert "\n" not in text


def test_nothing_is_left_beside_the_file(rig: Teacher) -> None:
    rig.teach("paint/strength", 20)
    rig.teach("paint/delta", 21)
    assert [path.name for path in rig.folder.iterdir()] == ["box.yaml"]


# in values


def taught(number: int, to: str = "paint/strength", id: str = "box") -> Taught:
    return Taught(id, f"{id} port", Mapping(Cc(number), to))


def playing(learned: Learned, *edits: Taught | Forgotten) -> dict[str, list[Mapping]]:
    """What each device that these edits concern plays after them."""
    now: dict[str, list[Mapping]] = {}
    for edit in edits:
        now |= {device.id: [*device.mappings] for device in learned.change(edit)}
    return now


def test_a_control_leaves_its_knob_and_a_knob_its_control() -> None:
    assert playing(
        Learned(),
        taught(1),
        taught(2, "paint/delta"),
        taught(2, "output/fade"),
        taught(3, id="other"),
    ) == {
        "box": [Mapping(Cc(2), "output/fade")],
        "other": [Mapping(Cc(3), "paint/strength")],
    }


def test_the_same_number_of_another_box_is_another_knob() -> None:
    learned = Learned([DeviceMap("other", "Other", mappings=(Mapping(Cc(1), "paint/delta"),))])
    assert playing(learned, taught(1)) == {"box": [Mapping(Cc(1), "paint/strength")]}


def test_what_was_the_same_before_is_what_undo_brings_back() -> None:
    learned = Learned()
    learned.change(taught(1))
    learned.change(taught(2))
    learned.change(taught(2))
    assert [device.mappings for device in learned.undo()] == [(taught(2).mapping,)]
    assert learned.undo() == []
    assert learned.change(Forgotten("paint/delta")) == []


def test_files_follow_whatever_is_learned(tmp_path: Path) -> None:
    files = LearnedFiles(tmp_path, table())
    learned = Learned()
    for edit in (taught(1), taught(2, "paint/delta"), taught(1, "output/fade"), taught(9, id="b")):
        learned.change(edit)
        files.write(edit)
    assert files.devices() == list(learned._devices.values())[::-1]
    learned.undo()
    files.write(UNDO)
    assert [one for one in learned._devices.values() if one.mappings] == files.devices()


# by a thread


class SlowFiles(LearnedFiles):
    """A disk that takes its time, as long as the test wants."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder, table())
        self.go_on = threading.Event()

    def write(self, edit: object) -> None:
        assert self.go_on.wait(60)
        super().write(edit)  # type: ignore[arg-type]


def keeper(folder: Path) -> tuple[LearnedKeeper, SlowFiles]:
    made = LearnedKeeper(folder, table())
    made._files = files = SlowFiles(folder)
    return made, files


async def test_a_slow_disk_holds_nobody_up_and_keeps_the_order(tmp_path: Path) -> None:
    kept, files = keeper(tmp_path)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(kept.run)
        for number in range(20):
            kept.put(taught(number))
            await trio.lowlevel.checkpoint()
        assert files.devices() == []
        files.go_on.set()
        with trio.fail_after(60):
            while not files.devices() or files.devices()[0].mappings != (taught(19).mapping,):
                await trio.sleep(0.01)
        nursery.cancel_scope.cancel()


async def test_what_was_learned_in_the_last_moment_is_still_written(tmp_path: Path) -> None:
    kept, files = keeper(tmp_path)
    files.go_on.set()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(kept.run)
        kept.put(taught(1))
        kept.put(taught(2, "paint/delta"))
        nursery.cancel_scope.cancel()
    assert [mapping.to for mapping in files.devices()[0].mappings] == [
        "paint/strength",
        "paint/delta",
    ]


async def test_what_cannot_be_kept_is_told_and_what_comes_next_is_kept(tmp_path: Path) -> None:
    controls = table()
    reports: list[tuple[str, str, object]] = []
    controls.on_report(lambda *report: reports.append(report))
    kept = LearnedKeeper(tmp_path, controls)
    (tmp_path / "box.yaml").write_text("devices: [")
    async with trio.open_nursery() as nursery:
        nursery.start_soon(kept.run)
        kept.put(taught(3, "output/fade", "first"))
        kept.put(taught(1))
        kept.put(UNDO)  # of what was not written there is nothing to take back
        kept.put(Taught("other", "Other", object()))  # type: ignore[arg-type]
        kept.put(taught(2, id="third"))
        await trio.lowlevel.checkpoint()
        nursery.cancel_scope.cancel()
    (first, bug) = reports
    assert first[0] == "midi/learn"
    assert "not valid YAML" in first[1]
    assert "in this show it counts all the same" in first[1]
    assert "went wrong inside" in bug[1]
    assert [device.id for device in kept.devices()] == ["first", "third"]
    assert (tmp_path / "box.yaml").read_text() == "devices: ["
