"""What is sent to a device: in order, the newest of each light, and never waited for."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import mido
import pytest

from controllers.midi_outbox import MAX_EVENTS, MAX_STATE, Outbox
from tests.helpers.midi import FakeOutput

PATIENCE_S = 60.0


def until(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.001)


def light(number: int, value: int, channel: int = 0) -> mido.Message:
    return mido.Message("note_on", note=number, velocity=value, channel=channel)


def cc(number: int, value: int) -> mido.Message:
    return mido.Message("control_change", control=number, value=value)


@pytest.fixture
def stuck() -> FakeOutput:
    return FakeOutput("pads", stuck=threading.Event())


def free(port: FakeOutput) -> None:
    assert port.stuck is not None
    port.stuck.set()


def test_messages_leave_in_order_and_closing_waits_for_them() -> None:
    port = FakeOutput("pads")
    outbox = Outbox(port)
    messages = [light(1, 127), cc(1, 3), light(2, 5, channel=4), mido.Message("sysex", data=[1])]
    for message in messages:
        outbox.put(message)
    outbox.close(PATIENCE_S)
    assert port.sent == [bytes(message.bin()) for message in messages]
    assert port.closed


def test_of_each_light_only_the_newest_waits(stuck: FakeOutput) -> None:
    outbox = Outbox(stuck)
    outbox.put(cc(0, 0))
    until(lambda: not outbox._state)  # this one is inside the driver
    for value in range(100):
        outbox.put(light(1, value))
        outbox.put(light(2, value))
    outbox.put(mido.Message("note_off", note=1))
    free(stuck)
    outbox.close(PATIENCE_S)
    off = mido.Message("note_off", note=1)
    assert stuck.sent[1:] == [bytes(light(2, 99).bin()), bytes(off.bin())]


def test_a_device_that_takes_nothing_holds_up_nobody(stuck: FakeOutput) -> None:
    outbox = Outbox(stuck)
    for number in range(10_000):
        outbox.put(mido.Message("sysex", data=[number & 127, number >> 7]))
        outbox.put(mido.Message("clock"))
    assert len(outbox._state) <= MAX_STATE
    assert len(outbox._events) <= MAX_EVENTS
    outbox.close(0.01)  # comes back although nothing could leave
    assert not stuck.closed
    free(stuck)
    until(lambda: stuck.closed)


def test_clock_is_not_merged_and_goes_first(stuck: FakeOutput) -> None:
    outbox = Outbox(stuck)
    outbox.put(cc(0, 0))
    until(lambda: not outbox._state)
    outbox.put(cc(1, 1))
    for _ in range(3):
        outbox.put(mido.Message("clock"))
    free(stuck)
    outbox.close(PATIENCE_S)
    assert stuck.sent[1:] == [b"\xf8"] * 3 + [bytes(cc(1, 1).bin())]


def test_a_dead_output_says_why_and_takes_the_rest_in_silence() -> None:
    port = FakeOutput("pads", dead=True)
    outbox = Outbox(port)
    outbox.put(light(1, 1))
    until(lambda: outbox.failure)
    assert outbox.failure == "MIDI output pads takes nothing (gone)"
    outbox.put(light(1, 2))
    outbox.close(PATIENCE_S)
    assert port.closed
    assert not port.sent
