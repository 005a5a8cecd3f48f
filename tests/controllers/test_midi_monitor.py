"""The monitor: a line for each message, fewer in a flood, and always where each knob ended."""

from __future__ import annotations

import mido
from hypothesis import given
from hypothesis import strategies as st

from controllers.midi_monitor import MAX_LINES, WINDOW_S, Monitor


def cc(number: int, value: int, channel: int = 0) -> mido.Message:
    return mido.Message("control_change", control=number, value=value, channel=channel)


class Watched:
    """A monitor, and what it said."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.monitor = Monitor(self.lines.append)

    def take(self, at_s: float, *messages: mido.Message) -> None:
        for message in messages:
            self.monitor.take(at_s, "box", message, ())


def test_a_sweep_ends_on_the_value_that_it_ended_on() -> None:
    watched = Watched()
    for value in range(128):
        watched.take(10 + value / 1000, cc(1, value))
    assert len(watched.lines) == MAX_LINES
    due_s = watched.monitor.tick(10.2)
    assert due_s == 10 + WINDOW_S
    assert watched.monitor.tick(due_s) is None
    assert watched.lines[MAX_LINES:] == [
        f"MIDI: {127 - MAX_LINES} more, too many to tell",
        "MIDI: box: cc 1 ch 1 = 127: nothing",
    ]
    assert watched.monitor.tick(20) is None
    assert len(watched.lines) == MAX_LINES + 2


def test_each_knob_ends_where_it_stands() -> None:
    watched = Watched()
    watched.take(10, *(cc(n % 3, n % 128) for n in range(300)), cc(0, 1, channel=4))
    watched.take(10, mido.Message("note_on", note=0, velocity=9), mido.Message("note_off", note=0))
    watched.monitor.tick(11)
    assert [line.removeprefix("MIDI: box: ") for line in watched.lines[-5:]] == [
        "cc 0 ch 1 = 41: nothing",
        "cc 1 ch 1 = 42: nothing",
        "cc 2 ch 1 = 43: nothing",
        "cc 0 ch 5 = 1: nothing",
        "note 0 ch 1 off: nothing",
    ]


def test_what_was_done_later_is_counted_too() -> None:
    watched = Watched()
    for value in range(100):
        watched.monitor.tell(10, "box", f"cc14 1/33 -> paint/strength {value}")
    assert len(watched.lines) == MAX_LINES
    watched.monitor.tick(11)
    assert watched.lines[-1] == "MIDI: box: cc14 1/33 -> paint/strength 99"


def test_what_nobody_wants_to_read_is_not_told() -> None:
    watched = Watched()
    watched.take(10, mido.Message("clock"), mido.Message("active_sensing"))
    assert watched.lines == []


@given(
    st.lists(
        st.tuples(st.floats(0, 0.3), st.integers(0, 40), st.integers(0, 127), st.booleans()),
        max_size=200,
    )
)
def test_no_flood_of_lines_and_no_knob_left_wrong(
    moves: list[tuple[float, int, int, bool]],
) -> None:
    watched = Watched()
    now_s = 0.0
    stands: dict[int, int] = {}
    for wait_s, number, value, ticked in moves:
        now_s += wait_s
        stands.pop(number, None)
        stands[number] = value
        watched.take(now_s, cc(number, value))
        if ticked:
            watched.monitor.tick(now_s)
    while (due_s := watched.monitor.tick(now_s)) is not None:
        assert due_s > now_s
        now_s = due_s
    assert len(watched.lines) <= (now_s / WINDOW_S + 2) * (2 * MAX_LINES + 1)
    for number, value in [*stands.items()][-MAX_LINES:]:
        told = [line for line in watched.lines if f": cc {number} ch" in line]
        assert f" = {value}:" in told[-1]
