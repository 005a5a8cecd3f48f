"""Learning: what moves plays what was asked for, and the file of its device says so."""

from __future__ import annotations

from pathlib import Path

import pytest

from controllers.midi_learn import COLLECT_S, GIVE_UP_S, UNSURE_S
from controllers.midi_map import Cc, Cc14, Feedback, Mapping, Note, Program
from tests.controllers.midi_learning import BOX, Teacher


@pytest.fixture
def rig(tmp_path: Path) -> Teacher:
    return Teacher(tmp_path / "midi")


def test_a_moved_knob_is_learned_saved_and_told(rig: Teacher) -> None:
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


def test_what_moves_while_learning_plays_nothing_else(rig: Teacher) -> None:
    assert not rig.hear("control_change control=20 value=3")
    rig.ask("paint/strength")
    assert rig.hear("control_change control=20 value=9")
    assert not rig.hear("clock")
    assert not rig.hear("note_off note=3"), "the end of a press from before"
    rig.run(5)
    rig.turn(20, 20, 40)
    rig.run(1)
    assert not rig.hear("control_change control=20 value=50")


def test_the_furthest_moved_within_300_ms(rig: Teacher) -> None:
    rig.ask("paint/strength")
    rig.turn(20, 1, 2, 3)
    rig.turn(21, 10, 40)
    rig.run(COLLECT_S)
    assert rig.mappings() == (Mapping(Cc(21, 1), "paint/strength"),)


def test_without_a_name_what_changed_last(rig: Teacher) -> None:
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
def test_each_sort_of_knob(rig: Teacher, wish: str, texts: list[str], mapping: Mapping) -> None:
    rig.ask(wish)
    for text in texts:
        rig.hear(text)
        rig.run(0.001)
    rig.run(UNSURE_S)
    assert rig.reports == []
    assert rig.mappings() == (mapping,)


def test_one_message_alone_waits_for_what_it_is(rig: Teacher) -> None:
    rig.ask("paint/seed")
    rig.turn(20, 1)
    rig.run(COLLECT_S + 0.1)
    assert rig.learn.learning
    rig.turn(20, 1, 1)
    rig.run(UNSURE_S)
    (mapping,) = rig.mappings()
    assert mapping.on == Cc(20, 1, "twos-complement")


def test_a_knob_that_only_says_where_it_stands_is_not_learned(rig: Teacher) -> None:
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
def test_what_cannot_be_learned_is_refused_at_once(rig: Teacher, wish: str, says: str) -> None:
    rig.ask(wish)
    ((address, text, origin),) = rig.reports
    assert (address, origin) == ("midi/learn", "somebody")
    assert says in text
    assert not rig.learn.learning


def test_a_pad_cannot_play_what_needs_more_than_a_pad_gives(rig: Teacher) -> None:
    rig.ask("preset/load")
    rig.hear("note_on note=3 velocity=9")
    rig.run(1)
    ((address, text, _),) = rig.reports
    assert address == "midi/learn"
    assert text.startswith("note 3 channel 1 cannot play preset/load: ")
    assert not rig.file().exists()


def test_learning_again_replaces_the_knob_of_a_control_on_every_device(rig: Teacher) -> None:
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


def test_one_trigger_with_other_arguments_is_another_wish(rig: Teacher) -> None:
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


def test_forget(rig: Teacher) -> None:
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


def test_undo_takes_back_what_was_learned_and_what_was_forgotten(rig: Teacher) -> None:
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


def test_cancel(rig: Teacher) -> None:
    rig.ask("paint/strength")
    rig.turn(20, 3, 50)
    rig.controls.fire("midi/learn-cancel")
    rig.run(5)
    assert not rig.folder.exists()
    assert rig.told("midi/learning") == ""
    assert rig.notices[-1] == "learned nothing"


def test_learning_ends_by_itself_where_nothing_moves(rig: Teacher) -> None:
    rig.ask("paint/strength")
    rig.run(GIVE_UP_S + 1)
    assert not rig.learn.learning
    assert "nothing moved" in rig.notices[-1]
    assert rig.learn.tick(rig.now_s) is None


def test_keys_choose_and_cancel_while_learning(rig: Teacher) -> None:
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


def test_the_keys_pass_every_control_that_can_be_learned(rig: Teacher) -> None:
    rig.ask("paint/strength")
    seen = set()
    for _ in range(200):
        rig.learn.key("down")
        seen.add(rig.told("midi/learning"))
    assert {"paint/strength", "output/fade", "output/freeze", "preset/mix"} - seen == {"preset/mix"}
    assert not any(name.startswith("midi/") for name in seen)
    assert rig.reports == []


def test_closed_it_learns_no_longer(rig: Teacher) -> None:
    rig.ask("paint/strength")
    rig.learn.close()
    assert rig.told("midi/learning") == ""
    assert not rig.hear("control_change control=20 value=9")


def test_devices_that_never_fall_silent_do_not_keep_it_learning(rig: Teacher) -> None:
    rig.ask("paint/strength")
    for _ in range(int(GIVE_UP_S * 4)):
        rig.turn(20, 33, apart_s=0.3)  # it says where it stands, and nothing moves
    assert not rig.learn.learning
    assert "nothing moved" in rig.notices[-1]
