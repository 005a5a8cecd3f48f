"""The flood and the comparison measure what they say."""

from __future__ import annotations

import math

import pytest

from controllers.bench_beside import bench_beside, waited
from controllers.bench_flood import PLAYED, bench_flood
from engine.bench import Sent
from tests.helpers.osc import table


def test_the_flood_plays_what_takes_its_values() -> None:
    controls = table()
    for name in PLAYED:
        for value in (0.5, 0.75, 1.0):
            assert controls.parameter(name).coerce(value) == value


async def test_a_small_flood() -> None:
    # so few that the kernel has room for all of them, whoever is slow
    told = await bench_flood(floods=2, messages=200)
    assert (told.floods, told.messages, told.parameters) == (2, 200, len(PLAYED))
    assert told.triggers == 4
    assert told.triggers_in_order
    assert told.arrived_share == 1
    # every last value was held; how soon is not asserted
    assert len(told.right) == len(told.latest_ms) == 2
    assert not any(math.isnan(ms) for ms in told.latest_ms)
    assert told.fps_before > 0
    assert told.processor_us > 0
    assert told.memory_after_mb > 0


async def test_the_three_take_turns() -> None:
    told = await bench_beside(0.2)
    for figures in (told.artflow, told.python_osc_threading, told.python_osc_asyncio):
        assert 0 < figures.count <= 200
        assert 0 < figures.p50_ms <= figures.p99_ms


def test_a_message_counts_until_its_value_or_a_newer_one_is_stored() -> None:
    sent = [Sent(number, number * 1000) for number in range(1, 6)]
    stored = {1: 1500, 3: 4000, 4: 4100}
    assert waited(sent, stored) == pytest.approx([1e-7, 1e-6, 2e-6, 5e-7])
