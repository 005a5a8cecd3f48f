from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st

from engine.bench import Sent, bench_frames, delays, machine, times
from engine.painter.protocol import Applied


@given(st.lists(st.floats(0, 10), min_size=1, max_size=200))
def test_percentiles_are_measured_values_in_order(seconds: list[float]) -> None:
    figures = times(seconds)
    measured = {round(value * 1000, 3) for value in seconds}
    ranks = [figures.p50_ms, figures.p95_ms, figures.p99_ms, figures.worst_ms]
    assert ranks == sorted(ranks)
    assert set(ranks) <= measured
    assert figures.count == len(seconds)
    assert sum(round(value * 1000, 3) <= figures.p50_ms for value in seconds) * 2 >= len(seconds)


def test_no_measurement_is_no_figure() -> None:
    assert math.isnan(times([]).p50_ms)


def test_a_message_arrives_with_the_first_snapshot_that_holds_it_or_newer() -> None:
    sent = [Sent(number, number * 1_000_000) for number in (1, 2, 3, 4)]
    stored = [(10, 1), (11, 3)]  # 2 was overtaken by 3; 4 never came
    applied = [Applied(10, 2_000_000), Applied(99, 3_000_000), Applied(11, 5_000_000)]
    assert delays(sent, stored, applied) == [0.001, 0.003, 0.002]


async def test_frames_go_through_both_mailboxes() -> None:
    figures = await bench_frames(0.6, (64, 48))
    assert figures.fps > 1
    assert figures.round_trip.count > 1
    assert figures.size == (64, 48)


def test_the_machine_is_told_in_words() -> None:
    told = machine()
    assert set(told) == {"processor", "cores", "system", "python"}
    assert int(told["cores"]) >= 1
