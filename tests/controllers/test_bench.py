"""How soon controls answer: messages from another process, and the commits that hold them."""

from __future__ import annotations

import trio

from controllers.bench import OSC_RATE_HZ, bench_controls, hearing, send_numbers
from engine.bench import delays
from engine.controls import Controls, Snapshot
from engine.parameters import PARAMETERS, TRIGGERS


async def test_every_message_is_held_by_a_commit() -> None:
    controls = Controls()
    controls.declare(*PARAMETERS, *TRIGGERS)
    offered: list[Snapshot] = []
    async with hearing(controls, offered.append) as heard:
        sent = await send_numbers(heard.port, 0.1)
        while controls.get("paint/seed") != 0.1 * OSC_RATE_HZ:
            await trio.sleep(0.01)
        await trio.testing.wait_all_tasks_blocked()
    assert [item.number for item in sent] == list(range(1, 101))
    held = [(snapshot.seq, snapshot.values["paint/seed"]) for snapshot in offered]
    assert heard.held[-1] == held[-1]
    waited = delays(sent, heard.held, heard.committed)
    assert len(waited) == 100  # those that a newer one replaced count till that one's commit
    assert min(waited) > 0


async def test_idle_and_busy_take_turns() -> None:
    begun = ended = 0

    async def work() -> None:
        nonlocal begun, ended
        begun += 1
        try:
            await trio.sleep_forever()
        finally:
            ended += 1

    told = await bench_controls(0.2, work, rounds=2)
    assert (begun, ended) == (2, 2)
    for figures in (told.idle, told.busy):
        assert 0 < figures.count <= 0.2 * OSC_RATE_HZ
        assert 0 < figures.p50_ms <= figures.p99_ms <= figures.worst_ms
    assert told.p99_later_ms == round(told.busy.p99_ms - told.idle.p99_ms, 3)
