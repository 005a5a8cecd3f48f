"""What a client that reads slowly is sent, and what one that does not read costs."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from controllers.osc_outbox import MAX_WAITING_BYTES, Outbox


class Calls:
    def __init__(self) -> None:
        self.woken = 0
        self.overflowed = 0

    def outbox(self) -> Outbox:
        def wake() -> None:
            self.woken += 1

        def overflowed() -> None:
            self.overflowed += 1

        return Outbox(wake, overflowed)


STEPS = st.lists(
    st.one_of(
        st.tuples(st.sampled_from("abc"), st.integers(0, 99)),  # a value
        st.integers(0, 99),  # an event
        st.none(),  # a client that takes one packet
    )
)


@given(STEPS)
def test_of_values_the_newest_and_of_events_all(
    steps: list[tuple[str, int] | int | None],
) -> None:
    outbox = Calls().outbox()
    events: list[bytes] = []
    values: dict[str, bytes] = {}
    sent: list[bytes] = []
    for step in steps:
        if step is None:
            sent += outbox.take(1)
        elif isinstance(step, int):
            events.append(b"event %d" % step)
            outbox.put(events[-1])
        else:
            name, number = step
            values[name] = f"{name} {number}".encode()
            outbox.put(values[name], name)
            assert outbox.waiting_bytes <= sum(map(len, events)) + 4 * len(values)
    while outbox:
        sent += outbox.take(1)
    assert outbox.waiting_bytes == 0
    assert [packet for packet in sent if packet.startswith(b"event")] == events
    for name, newest in values.items():
        of_it = [packet for packet in sent if packet.startswith(name.encode() + b" ")]
        assert of_it[-1] == newest


def test_a_value_that_always_changes_keeps_its_place() -> None:
    outbox = Calls().outbox()
    outbox.put(b"1", "restless")
    outbox.put(b"ack")
    outbox.put(b"22", "restless")
    assert outbox.waiting_bytes == 5
    assert outbox.take(100) == [b"22", b"ack"]
    assert not outbox


def test_a_newer_value_follows_the_answer_that_told_an_older_one() -> None:
    outbox = Calls().outbox()
    outbox.put(b"0", "strength")
    outbox.put(b"11", "strength", answer=True)
    outbox.put(b"ack")
    outbox.put(b"22", "strength")
    outbox.put(b"33", "strength")
    assert outbox.waiting_bytes == 7
    assert outbox.take(100) == [b"11", b"ack", b"33"]
    assert outbox.waiting_bytes == 0


def test_about_so_many_bytes_are_taken() -> None:
    calls = Calls()
    outbox = calls.outbox()
    for number in range(5):
        outbox.put(b"%d" % number * 10)
    assert calls.woken == 5
    assert len(outbox.take(25)) == 3
    assert outbox.waiting_bytes == 20


def test_values_never_overflow_and_events_do_once() -> None:
    calls = Calls()
    outbox = calls.outbox()
    for _ in range(3 * MAX_WAITING_BYTES // 1000):
        outbox.put(b"v" * 1000, "value")
    assert calls.overflowed == 0
    while not calls.overflowed:
        outbox.put(b"e" * 1000)
    assert outbox.waiting_bytes == 0
    assert not outbox
    outbox.put(b"late")
    assert not outbox
    assert calls.overflowed == 1
