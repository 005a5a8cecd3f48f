"""Map files, written: they read back, and whatever else stands in one is told of."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any, get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from controllers.midi_map import (
    Aftertouch,
    Cc,
    Cc14,
    Curve,
    DeviceMap,
    Feedback,
    Mapping,
    Note,
    Nrpn,
    Pitch,
    Program,
    Relative,
    Source,
    TakeoverMode,
    mode_of,
)
from controllers.midi_map_fields import BESIDE_SOURCE, DEVICE, FEEDBACK, MAPPING, MATCH, SOURCES
from controllers.midi_map_file import read_map
from controllers.midi_map_text import mapping_line, source_name, write_map
from engine.errors import SettingError
from tests.controllers.midi_desk import controls

CONTROLS = controls()

SEVEN = st.integers(0, 127)
CHANNEL = st.none() | st.integers(1, 16)
KNOBS: st.SearchStrategy[Source] = st.one_of(
    st.builds(Cc, SEVEN, CHANNEL),
    st.builds(Cc14, st.integers(0, 31), SEVEN, CHANNEL),
    st.builds(Nrpn, st.integers(0, 16383), CHANNEL, st.booleans()),
    st.builds(Pitch, CHANNEL),
    st.builds(Aftertouch, st.none() | SEVEN, CHANNEL),
)
ENCODERS = st.builds(Cc, SEVEN, CHANNEL, st.sampled_from(get_args(Relative)))
KEYS: st.SearchStrategy[Source] = st.one_of(
    st.builds(Note, SEVEN, CHANNEL), st.builds(Program, st.none() | SEVEN, CHANNEL)
)
LIGHT = st.builds(
    Feedback,
    cc=SEVEN,
    channel=CHANNEL,
    show=st.sampled_from(["state", "value"]),
    on=SEVEN,
    off=SEVEN,
    busy=st.none() | st.just("blink") | SEVEN,
) | st.builds(Feedback, note=SEVEN)
LIGHTS = st.lists(LIGHT, max_size=3).map(tuple)
BANK = st.none() | st.integers(1, 16)
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
RANGE = st.none() | st.tuples(st.floats(0, 1), st.floats(0, 1)).filter(lambda r: r[0] != r[1])
MAPPINGS = st.one_of(
    st.builds(
        Mapping,
        KNOBS,
        st.just("paint/strength"),
        RANGE,
        st.sampled_from(get_args(Curve)),
        st.booleans(),
        st.sampled_from(get_args(TakeoverMode)),
        bank=BANK,
        feedback=LIGHTS,
    ),
    st.builds(
        Mapping,
        ENCODERS,
        st.just("paint/guidance"),
        invert=st.booleans(),
        step=st.none() | st.floats(1e-6, 1e6),
        acceleration=st.floats(0, 100),
        feedback=LIGHTS,
    ),
    st.builds(Mapping, KEYS, st.just("prompt/a"), value=TEXT, bank=BANK, feedback=LIGHTS),
    st.builds(
        Mapping,
        KEYS,
        st.just("go/style"),
        arguments=st.tuples(TEXT) | st.tuples(TEXT, st.floats(0, 60)),
    ),
)
DEVICES = st.lists(
    st.builds(
        DeviceMap,
        st.from_regex(r"[a-z0-9][a-z0-9-]{0,31}", fullmatch=True),
        TEXT,
        TEXT,
        st.lists(MAPPINGS, max_size=8, unique_by=lambda m: (m.on, m.to, m.bank)).map(tuple),
        st.sampled_from(["in", "out", "none"]),
        st.lists(
            st.binary(max_size=8).map(lambda b: b"\xf0" + bytes(x & 127 for x in b) + b"\xf7")
        ).map(tuple),
        st.just((b"\xb0\x00\x01",)),
    ),
    max_size=4,
    unique_by=lambda device: device.id,
)


@settings(max_examples=100, deadline=None)
@given(DEVICES)
def test_what_is_written_reads_back(tmp_path_factory: Any, devices: list[DeviceMap]) -> None:
    path = tmp_path_factory.getbasetemp() / "written.yaml"
    path.write_text(write_map(devices), encoding="utf-8")
    found = read_map(path, CONTROLS)
    assert found.problems == []
    assert list(found.devices) == devices


def test_a_written_mapping_says_no_more_than_it_must() -> None:
    plain = Mapping(Cc(16, 1), "paint/strength")
    assert mapping_line(plain) == "{on: {cc: 16, channel: 1}, to: paint/strength}"
    full = replace(plain, range=(0.1, 0.9), curve="exp", feedback=(Feedback(note=3, on=5),))
    assert mapping_line(full) == (
        "{on: {cc: 16, channel: 1}, to: paint/strength, range: [0.1, 0.9], curve: exp, "
        "feedback: {note: 3, show: state, on: 5}}"
    )


@pytest.mark.parametrize(
    ("source", "name"),
    [
        (Cc(16), "cc 16"),
        (Cc(16, 2, "signed-bit"), "cc 16 channel 2"),
        (Cc14(16, 48), "cc14 16/48"),
        (Nrpn(3, None, True), "rpn 3"),
        (Pitch(), "pitch"),
        (Aftertouch(36, 10), "aftertouch 36 channel 10"),
        (Program(), "program"),
    ],
)
def test_what_a_source_is_called(source: Source, name: str) -> None:
    assert source_name(source) == name


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers(-200, 20000) | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3)
    ),
    max_leaves=6,
)
KEYED = {"on": ANYTHING, "to": ANYTHING | st.sampled_from(["paint/strength", "draw/clear"])}
ODD_ON = st.dictionaries(st.sampled_from([*SOURCES, *BESIDE_SOURCE]), ANYTHING | SEVEN, max_size=3)
ODD_MAPPING = st.fixed_dictionaries(
    {"on": ODD_ON | ANYTHING, "to": KEYED["to"]},
    optional={
        **dict.fromkeys(MAPPING, ANYTHING | SEVEN),
        "feedback": st.dictionaries(st.sampled_from([*FEEDBACK]), ANYTHING | SEVEN) | ANYTHING,
    },
)
ODD_DEVICE = st.fixed_dictionaries(
    {"id": st.sampled_from(["a", "b"]) | ANYTHING, "match": st.just("x") | ANYTHING},
    optional={
        **dict.fromkeys((*DEVICE, *MATCH), ANYTHING),
        "mappings": st.lists(ODD_MAPPING | ANYTHING, max_size=4) | ANYTHING,
    },
)


@settings(max_examples=200, deadline=None)
@given(st.lists(ODD_DEVICE | ANYTHING, max_size=3) | ANYTHING)
def test_whatever_stands_in_a_file(tmp_path_factory: Any, devices: Any) -> None:
    path = tmp_path_factory.getbasetemp() / "odd.yaml"
    text = json.dumps({"devices": devices}).replace("NaN", ".nan").replace("Infinity", ".inf")
    path.write_text(text, encoding="utf-8")
    try:
        found = read_map(path, CONTROLS)
    except SettingError:
        return
    assert all(line.startswith(str(path)) and "\n" not in line for line in found.problems)
    for device in found.devices:
        for mapping in device.mappings:
            mode_of(mapping, CONTROLS)
