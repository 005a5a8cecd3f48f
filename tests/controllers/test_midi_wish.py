"""What may be learned: how it is said, what is refused, and what is told of it at once."""

from __future__ import annotations

from pathlib import Path

import pytest

from controllers.midi_map import Cc
from engine.controls import Value
from engine.errors import MidiError
from tests.controllers.midi_learning import Teacher


@pytest.fixture
def rig(tmp_path: Path) -> Teacher:
    return Teacher(tmp_path / "midi")


@pytest.mark.parametrize(
    ("wish", "says"),
    [
        ("paint/strenght", "did you mean paint/strength"),
        ("painter/fps", "reported value"),
        ("prompt/a", "no range"),
        ("paint/strength 3", "by its name alone"),
        ("preset/load a b c", "takes 1 to 2 arguments"),
        ("preset/load", "preset/load needs to know what; allowed: midi/learn preset/load NAME"),
        ("draw/clear 1", "draw/clear takes nothing"),
    ],
)
def test_what_cannot_be_learned_is_refused_at_once(rig: Teacher, wish: str, says: str) -> None:
    rig.ask(wish)
    ((address, text, origin),) = rig.reports
    assert (address, origin) == ("midi/learn", "somebody")
    assert says in text
    assert not rig.learn.learning


def test_what_a_knob_cannot_play_is_told(rig: Teacher) -> None:
    rig.ask("draw/clear")
    rig.turn(20, 1, 1, 127, 127)
    rig.run(1)
    ((address, text, _),) = rig.reports
    assert address == "midi/learn"
    assert text.startswith("cc 20 channel 1 cannot play draw/clear: an encoder cannot fire")
    assert not rig.file().exists()


@pytest.mark.parametrize(
    ("words", "arguments"),
    [
        (("preset/load", "anime"), ("anime",)),
        (("preset/load", "anime", 2.5), ("anime", 2.5)),
        (("preset/load anime", 2), ("anime", 2)),
        (("record/start", "my show"), ("my show",)),
    ],
)
def test_arguments_may_be_words_of_their_own(
    rig: Teacher, words: tuple[Value, ...], arguments: tuple[Value, ...]
) -> None:
    rig.ask(*words)
    rig.hear("note_on note=3 velocity=9")
    rig.run(1)
    assert rig.reports == []
    assert [mapping.arguments for mapping in rig.mappings()] == [arguments]
    rig.controls.fire("midi/forget", words, "somebody")
    assert rig.reports == []
    assert rig.mappings() == ()


def test_a_value_takes_no_words_of_its_own(rig: Teacher) -> None:
    rig.ask("paint/strength", 0.5)
    assert "by its name alone" in rig.reports[0][1]
    assert not rig.learn.learning


def test_an_id_that_is_unknown_is_told_at_once_and_learned_all_the_same(tmp_path: Path) -> None:
    rig = Teacher(tmp_path, "anime", "ink")
    rig.ask("preset/load", "anmie")
    assert rig.reports == [
        (
            "midi/learn",
            "unknown preset 'anmie'; did you mean anime?; it is learned all the same",
            "somebody",
        )
    ]
    rig.hear("note_on note=3 velocity=9")
    rig.run(1)
    assert [mapping.arguments for mapping in rig.mappings()] == [("anmie",)]
    rig.reports.clear()
    rig.ask("preset/load", "ink")
    rig.ask("preset/a", "")
    assert rig.reports == []


def test_without_midi_it_says_at_once_why_it_cannot(rig: Teacher) -> None:
    def absent() -> int:
        raise MidiError("MIDI: none here; install one")

    rig.devices = absent
    rig.ask("paint/strength")
    assert rig.reports == [("midi/learn", "MIDI: none here; install one", "somebody")]
    assert not rig.learn.learning


def test_without_a_device_it_says_that_it_waits_for_one(rig: Teacher) -> None:
    rig.devices = lambda: 0
    rig.ask("paint/strength")
    waits = ("midi/learn", "no MIDI device is plugged in; it waits for one", "somebody")
    assert rig.reports == [waits]
    assert rig.learn.key("down")
    assert rig.reports == [waits], "once"
    rig.devices = lambda: 1
    rig.turn(20, 10, 30, 50)
    rig.run(1)
    assert [mapping.on for mapping in rig.mappings()] == [Cc(20, 1)]


def test_who_learns_when_midi_turns_out_to_be_absent_waits_no_longer(rig: Teacher) -> None:
    rig.learn.without_midi("MIDI: none here")
    assert rig.reports == []
    rig.ask("paint/strength")
    rig.learn.without_midi("MIDI: none here")
    assert rig.reports == [("midi/learn", "MIDI: none here", None)]
    assert not rig.learn.learning
