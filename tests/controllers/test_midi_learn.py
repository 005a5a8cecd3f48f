"""Learning: what moves plays what was asked for, and the file of its device says so."""

from __future__ import annotations

from pathlib import Path

import mido
import pytest

from controllers.midi_learn import COLLECT_S, GIVE_UP_S, UNSURE_S, Learn
from controllers.midi_map import Cc, Cc14, DeviceMap, Feedback, Mapping, Note, Program
from controllers.midi_map_file import read_map
from engine.controls import Controls
from engine.parameters import PARAMETERS, TRIGGERS
from presets.preset_controls import triggers

BOX = "Box [1] MIDI 1"


class Rig:
    """Learning with a folder, on a clock that the test moves."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.controls = Controls()
        self.controls.declare(*PARAMETERS, *TRIGGERS, *triggers(tuple))
        self.now_s = 100.0
        self.saved: list[DeviceMap] = []
        self.notices: list[str] = []
        self.reports: list[tuple[str, str, object]] = []
        self.controls.on_report(lambda *report: self.reports.append(report))
        self.learn = Learn(
            self.controls,
            folder,
            self.saved.append,
            self.notices.append,
            clock=lambda: self.now_s,
        )

    def ask(self, *wish: str) -> None:
        self.controls.fire("midi/learn", wish, "somebody")

    def hear(self, text: str, label: str = BOX, id: str = "box") -> bool:
        return self.learn.hear(label, id, mido.Message.from_str(text), self.now_s)

    def turn(self, number: int, *values: int, apart_s: float = 0.01) -> None:
        for value in values:
            self.hear(f"control_change channel=0 control={number} value={value}")
            self.run(apart_s)

    def run(self, seconds: float) -> None:
        until_s = self.now_s + seconds
        while (due_s := self.learn.tick(self.now_s)) is not None and due_s <= until_s:
            assert due_s > self.now_s
            self.now_s = due_s
        self.now_s = until_s

    def teach(self, wish: str, number: int) -> None:
        self.ask(wish)
        self.turn(number, 10, 20, 30)
        self.run(1)

    def file(self, id: str = "box") -> Path:
        return self.folder / f"{id}.yaml"

    def mappings(self, id: str = "box") -> tuple[Mapping, ...]:
        read = read_map(self.file(id), self.controls)
        assert read.problems == []
        (device,) = read.devices
        return device.mappings

    def told(self, name: str) -> str:
        return str(self.controls.get(name))


@pytest.fixture
def rig(tmp_path: Path) -> Rig:
    return Rig(tmp_path / "midi")


def test_a_moved_knob_is_learned_saved_and_told(rig: Rig) -> None:
    rig.ask("paint/strength")
    assert rig.told("midi/learning") == "paint/strength"
    rig.turn(20, 10, 30, 50)
    assert rig.told("midi/candidate") == f"{BOX}: cc 20 channel 1 (knob)"
    assert not rig.file().exists()
    rig.run(COLLECT_S)

    mapping = Mapping(Cc(20, 1), "paint/strength")
    assert rig.mappings() == (mapping,)
    (device,) = rig.saved
    assert (device.id, device.mappings) == ("box", (mapping,))
    assert device.input == "Box [[]1] MIDI 1", "the name as it is, not a pattern"
    assert not rig.learn.learning
    assert (rig.told("midi/learning"), rig.told("midi/candidate")) == ("", "")
    assert rig.notices[-1] == f"{BOX}: cc 20 channel 1 (knob) plays paint/strength"
    assert rig.reports == []


def test_what_moves_while_learning_plays_nothing_else(rig: Rig) -> None:
    assert not rig.hear("control_change control=20 value=3")
    rig.ask("paint/strength")
    assert rig.hear("control_change control=20 value=9")
    assert not rig.hear("clock")
    assert not rig.hear("note_off note=3"), "the end of a press from before"
    rig.run(5)
    rig.turn(20, 20, 40)
    rig.run(1)
    assert not rig.hear("control_change control=20 value=50")


def test_the_furthest_moved_within_300_ms(rig: Rig) -> None:
    rig.ask("paint/strength")
    rig.turn(20, 1, 2, 3)
    rig.turn(21, 10, 40)
    rig.run(COLLECT_S)
    assert rig.mappings() == (Mapping(Cc(21, 1), "paint/strength"),)


def test_without_a_name_what_changed_last(rig: Rig) -> None:
    rig.ask()
    assert rig.told("midi/learning") == "paint/strength"
    rig.learn.cancel()
    rig.controls.set("feedback/hue", 20.0, "somebody")
    rig.controls.set("prompt/a", "sea", "somebody")
    rig.controls.publish("painter/fps", 20.0)
    rig.ask()
    assert rig.told("midi/learning") == "feedback/hue"
    rig.learn.cancel()
    rig.controls.set("tempo/source", "midi")
    rig.controls.set("feedback/zoom", 1.5)
    rig.controls.set("tempo/bpm", 121.0)
    rig.ask()
    assert rig.told("midi/learning") == "feedback/zoom", "the clock moves the tempo by itself"


@pytest.mark.parametrize(
    ("wish", "texts", "mapping"),
    [
        (
            "output/freeze",
            ["note_on channel=9 note=36 velocity=80"],
            Mapping(Note(36, 10), "output/freeze", feedback=(Feedback(note=36, channel=10),)),
        ),
        (
            "output/freeze",
            ["control_change control=41 value=127", "control_change control=41 value=0"],
            Mapping(Cc(41, 1), "output/freeze", feedback=(Feedback(cc=41, channel=1),)),
        ),
        (
            "paint/strength",
            ["control_change control=41 value=127", "control_change control=41 value=0"],
            Mapping(
                Cc(41, 1),
                "paint/strength",
                mode="momentary",
                feedback=(Feedback(cc=41, channel=1),),
            ),
        ),
        (
            "preset/load anime 2",
            ["note_on note=37 velocity=80"],
            Mapping(
                Note(37, 1),
                "preset/load",
                arguments=("anime", 2),
                feedback=(Feedback(note=37, channel=1),),
            ),
        ),
        (
            "record/start my show",
            ["note_on note=37 velocity=80"],
            Mapping(
                Note(37, 1),
                "record/start",
                arguments=("my show",),
                feedback=(Feedback(note=37, channel=1),),
            ),
        ),
        (
            "preset/load",
            ["program_change channel=3 program=7"],
            Mapping(Program(None, 4), "preset/load"),
        ),
        (
            "snapshot",
            ["program_change channel=3 program=7"],
            Mapping(Program(7, 4), "snapshot"),
        ),
        (
            "paint/seed",
            ["control_change control=20 value=1"] * 3 + ["control_change control=20 value=65"],
            Mapping(
                Cc(20, 1, "signed-bit"),
                "paint/seed",
                feedback=(Feedback(cc=20, channel=1, show="value"),),
            ),
        ),
        (
            "paint/guidance",
            [
                text
                for high in (3, 4, 5)
                for text in (
                    f"control_change control=5 value={high}",
                    f"control_change control=37 value={high * 9}",
                )
            ],
            Mapping(Cc14(5, 37, 1), "paint/guidance"),
        ),
    ],
)
def test_each_sort_of_knob(rig: Rig, wish: str, texts: list[str], mapping: Mapping) -> None:
    rig.ask(wish)
    for text in texts:
        rig.hear(text)
        rig.run(0.001)
    rig.run(UNSURE_S)
    assert rig.reports == []
    assert rig.mappings() == (mapping,)


def test_one_message_alone_waits_for_what_it_is(rig: Rig) -> None:
    rig.ask("paint/seed")
    rig.turn(20, 1)
    rig.run(COLLECT_S + 0.1)
    assert rig.learn.learning
    rig.turn(20, 1, 1)
    rig.run(UNSURE_S)
    (mapping,) = rig.mappings()
    assert mapping.on == Cc(20, 1, "twos-complement")


def test_a_knob_that_only_says_where_it_stands_is_not_learned(rig: Rig) -> None:
    rig.ask("paint/strength")
    rig.turn(20, 33)
    rig.run(3)
    assert rig.learn.learning
    rig.turn(21, 20, 40)
    rig.run(1)
    assert rig.mappings()[0].on == Cc(21, 1)


@pytest.mark.parametrize(
    ("wish", "says"),
    [
        ("paint/strenght", "did you mean paint/strength"),
        ("painter/fps", "reported value"),
        ("prompt/a", "no range"),
        ("paint/strength 3", "by its name alone"),
        ("preset/load a b c", "takes 1 to 2 arguments"),
    ],
)
def test_what_cannot_be_learned_is_refused_at_once(rig: Rig, wish: str, says: str) -> None:
    rig.ask(wish)
    ((address, text, origin),) = rig.reports
    assert (address, origin) == ("midi/learn", "somebody")
    assert says in text
    assert not rig.learn.learning


def test_a_pad_cannot_play_what_needs_more_than_a_pad_gives(rig: Rig) -> None:
    rig.ask("preset/load")
    rig.hear("note_on note=3 velocity=9")
    rig.run(1)
    ((address, text, _),) = rig.reports
    assert address == "midi/learn"
    assert text.startswith("note 3 channel 1 cannot play preset/load: ")
    assert not rig.file().exists()


def test_learning_again_replaces_the_knob_of_a_control_on_every_device(rig: Rig) -> None:
    rig.teach("paint/strength", 20)
    rig.teach("paint/delta", 21)
    rig.teach("paint/strength", 22)
    assert [(mapping.on, mapping.to) for mapping in rig.mappings()] == [
        (Cc(21, 1), "paint/delta"),
        (Cc(22, 1), "paint/strength"),
    ]
    rig.teach("feedback/zoom", 21)
    assert [mapping.to for mapping in rig.mappings()] == ["paint/strength", "feedback/zoom"]

    rig.saved.clear()
    rig.ask("paint/strength")
    for value in (1, 20, 40):
        rig.hear(f"control_change control=3 value={value}", "Other", "other")
    rig.run(1)
    assert [mapping.to for mapping in rig.mappings()] == ["feedback/zoom"]
    assert [mapping.to for mapping in rig.mappings("other")] == ["paint/strength"]
    assert {device.id for device in rig.saved} == {"box", "other"}


def test_one_trigger_with_other_arguments_is_another_wish(rig: Rig) -> None:
    for note, style in ((1, "anime"), (2, "ink"), (3, "anime")):
        rig.ask(f"preset/load {style}")
        rig.hear(f"note_on note={note} velocity=9")
        rig.run(1)
    assert [(mapping.on, mapping.arguments) for mapping in rig.mappings()] == [
        (Note(2, 1), ("ink",)),
        (Note(3, 1), ("anime",)),
    ]
    rig.controls.fire("midi/forget", ("preset/load ink",))
    assert [mapping.on for mapping in rig.mappings()] == [Note(3, 1)]


def test_forget(rig: Rig) -> None:
    rig.teach("paint/strength", 20)
    rig.teach("paint/delta", 21)
    rig.saved.clear()

    rig.controls.fire("midi/forget", ("paint/strength",), "somebody")

    assert [mapping.to for mapping in rig.mappings()] == ["paint/delta"]
    assert [device.mappings for device in rig.saved] == [rig.mappings()]
    rig.controls.fire("midi/forget", ("paint/strength",), "somebody")
    assert "nothing that was learned plays paint/strength" in rig.reports[-1][1]
    rig.controls.fire("midi/forget", ("paint/delta",))
    assert rig.saved[-1].mappings == ()


def test_undo_takes_back_what_was_learned_and_what_was_forgotten(rig: Rig) -> None:
    rig.teach("paint/strength", 20)
    first = rig.file().read_bytes()
    rig.teach("paint/strength", 21)
    rig.controls.fire("midi/learn-undo")
    assert rig.file().read_bytes() == first
    assert rig.saved[-1].mappings == (Mapping(Cc(20, 1), "paint/strength"),)
    rig.controls.fire("midi/learn-undo")
    assert rig.notices[-1] == "nothing learned to take back"

    rig.controls.fire("midi/forget", ("paint/strength",))
    rig.controls.fire("midi/learn-undo")
    assert rig.file().read_bytes() == first


def test_undo_of_the_first_leaves_no_file(rig: Rig) -> None:
    rig.teach("paint/strength", 20)
    rig.controls.fire("midi/learn-undo")
    assert not rig.file().exists()
    assert rig.saved[-1].id == "box"
    assert rig.saved[-1].mappings == ()


def test_undo_does_not_undo_what_a_hand_wrote(rig: Rig) -> None:
    rig.teach("paint/strength", 20)
    rig.file().write_text(rig.file().read_text() + "# mine\n")
    rig.controls.fire("midi/learn-undo")
    assert "was changed since" in rig.reports[-1][1]
    assert rig.file().read_text().endswith("# mine\n")


def test_comments_and_other_lines_survive(rig: Rig) -> None:
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


def test_a_file_written_otherwise_is_written_anew_and_loses_no_mapping(rig: Rig) -> None:
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


def test_a_line_that_cannot_be_read_is_kept(rig: Rig) -> None:
    rig.teach("paint/strength", 20)
    wrong = "      - {on: {cc: 30}, to: preset/gone/weight}\n"
    head, _, last = rig.file().read_text().rpartition("      - ")
    rig.file().write_text(f"{head}{wrong}      - {last}")
    rig.teach("paint/delta", 21)
    assert wrong in rig.file().read_text()
    read = read_map(rig.file(), rig.controls)
    assert [mapping.to for mapping in read.devices[0].mappings] == ["paint/strength", "paint/delta"]


def test_a_file_that_is_no_yaml_is_left_alone(rig: Rig) -> None:
    rig.folder.mkdir()
    rig.file().write_text("devices: [")
    rig.teach("paint/strength", 20)
    assert rig.file().read_text() == "devices: ["
    assert "not valid YAML" in rig.reports[-1][1]
    assert rig.saved == []


def test_a_folder_that_cannot_be_written_is_told(rig: Rig) -> None:
    rig.folder.write_text("a file where the folder should be")
    rig.teach("paint/strength", 20)
    ((address, text, _),) = rig.reports
    assert address == "midi/learn"
    assert "cannot be" in text
    assert "\n" not in text


def test_nothing_is_left_beside_the_file(rig: Rig) -> None:
    rig.teach("paint/strength", 20)
    rig.teach("paint/delta", 21)
    assert [path.name for path in rig.folder.iterdir()] == ["box.yaml"]


def test_cancel(rig: Rig) -> None:
    rig.ask("paint/strength")
    rig.turn(20, 3, 50)
    rig.controls.fire("midi/learn-cancel")
    rig.run(5)
    assert not rig.folder.exists()
    assert rig.told("midi/learning") == ""
    assert rig.notices[-1] == "learned nothing"


def test_learning_ends_by_itself_where_nothing_moves(rig: Rig) -> None:
    rig.ask("paint/strength")
    rig.run(GIVE_UP_S + 1)
    assert not rig.learn.learning
    assert "nothing moved" in rig.notices[-1]
    assert rig.learn.tick(rig.now_s) is None


def test_keys_choose_and_cancel_while_learning(rig: Rig) -> None:
    assert not rig.learn.key("up")
    assert not rig.learn.key("escape")
    rig.ask("paint/strength")
    assert rig.learn.key("down", repeat=True)
    assert rig.told("midi/learning") == "paint/steps"
    assert rig.learn.key("up")
    assert rig.told("midi/learning") == "paint/strength"
    assert not rig.learn.key("f")
    assert rig.learn.key("l", repeat=True), "the l that is still held"
    assert rig.told("midi/learning") == "paint/strength"
    assert rig.learn.key("l")
    assert rig.told("midi/learning") == ""
    rig.ask("paint/strength")
    assert rig.learn.key("escape")
    assert rig.told("midi/learning") == ""


def test_the_keys_pass_every_control_that_can_be_learned(rig: Rig) -> None:
    rig.ask("paint/strength")
    seen = set()
    for _ in range(200):
        rig.learn.key("down")
        seen.add(rig.told("midi/learning"))
    assert {"paint/strength", "output/fade", "output/freeze", "preset/mix"} - seen == {"preset/mix"}
    assert not any(name.startswith("midi/") for name in seen)
    assert rig.reports == []


def test_closed_it_learns_no_longer(rig: Rig) -> None:
    rig.ask("paint/strength")
    rig.learn.close()
    assert rig.told("midi/learning") == ""
    assert not rig.hear("control_change control=20 value=9")
