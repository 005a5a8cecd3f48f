"""What comes as 32 bits is held as it was meant, and leaves as the same 32 bits."""

from __future__ import annotations

import math
import struct
from collections.abc import Callable

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from controllers.osc_floats import MOST_ARGUMENTS, all_meant, meant
from controllers.osc_wire import Arg, pack_message
from engine.controls import Controls, Trigger
from tests.controllers.stage import ALICE, BOB, Stage
from tests.helpers.osc import bundle, table


def rounded(value: float) -> float:
    """The double that 32 bits of `value` are read as."""
    (there,) = struct.unpack(">f", struct.pack(">f", value))
    return float(there)


@given(st.integers(0, 2**32 - 1))
@example(0x80000000)
@example(0x00000001)
@example(0x7F7FFFFF)
@example(0x7F800000)
def test_the_bits_stay(bits: int) -> None:
    (value,) = struct.unpack(">f", struct.pack(">I", bits))
    if not math.isnan(value):
        short = meant(value)
        assert struct.pack(">f", short) == struct.pack(">I", bits)
        assert len(repr(short)) <= len(repr(value))
        assert meant(short) == short


@given(st.integers(-999_999, 999_999), st.integers(0, 3))
def test_what_is_typed_is_held(digits: int, places: int) -> None:
    typed = float(f"{digits}e-{places}")
    assert meant(rounded(typed)) == typed


@pytest.mark.parametrize("value", [0.1, 1 / 3, 1e300, -1e-300, 0.70000000001, math.inf])
def test_what_has_no_32_bits_stays_as_it_is(value: float) -> None:
    assert meant(value) == value


def test_a_strokes_points_are_left_alone() -> None:
    points = (rounded(0.7),) * (MOST_ARGUMENTS + 1)
    assert all_meant(points) is points
    assert all_meant(("a", 3, True, rounded(0.7))) == ("a", 3, True, 0.7)


STRENGTH = "/artflow/paint/strength"


def receive_first(stage: Stage, packet: bytes) -> None:
    stage.session.receive_first(pack_message(STRENGTH, 0.25), ALICE)
    stage.session.receive_first(packet, ALICE)


WAYS: dict[str, Callable[[Stage], None]] = {
    "alone": lambda stage: receive_first(stage, pack_message(STRENGTH, 0.7)),
    "among others": lambda stage: stage.send_bytes(
        ALICE, *(pack_message(STRENGTH, value) for value in (0.2, 0.3, 0.7))
    ),
    "in a bundle": lambda stage: stage.send_bytes(
        ALICE, bundle(1, pack_message(STRENGTH, 0.3), pack_message(STRENGTH, 0.7))
    ),
    "by a pattern": lambda stage: stage.send(ALICE, "paint/stren*", 0.7),
    "over the range": lambda stage: stage.send(ALICE, "paint/strength/normalized", 0.7),
}


@pytest.mark.parametrize("way", WAYS)
def test_a_value_is_held_as_it_was_meant_and_told_with_its_bits(way: str) -> None:
    stage = Stage()
    stage.subscribe(BOB)
    WAYS[way](stage)
    stage.wait(1)
    assert stage.controls.get("paint/strength") == 0.7
    told: dict[str, tuple[Arg, ...]] = dict(stage.heard(BOB))
    assert told["paint/strength"] == (rounded(0.7),)
    stage.send(ALICE, "paint/strength", "?")
    assert ("paint/strength", (rounded(0.7),)) in stage.heard(ALICE)
    assert stage.session.refused == 0


def test_a_triggers_arguments_are_what_was_meant() -> None:
    controls: Controls = table()
    heard: list[tuple[object, ...]] = []
    controls.declare(Trigger("look/bring", "", "sf"))
    controls.on("look/bring", lambda told, _: heard.append(told))
    Stage(controls).send(ALICE, "look/bring", "ink", 0.7)
    assert heard == [("ink", 0.7)]
