"""From threads to the conductor: nothing lost, in order, and nobody kept waiting."""

from __future__ import annotations

import threading

import pytest
import trio

from controllers import midi_inbox
from controllers.midi_inbox import TURN_MESSAGES, Inbox


async def test_ten_thousand_from_two_threads_arrive_each_in_order() -> None:
    found: dict[str, list[int]] = {"a": [], "b": []}
    inbox = Inbox()

    def send(name: str) -> None:
        door = inbox.door(lambda _, data: found[name].append(data[0]))
        for number in range(5000):
            door(0.0, [number])

    threads = [threading.Thread(target=send, args=(name,)) for name in found]
    for thread in threads:
        thread.start()
    with trio.fail_after(60):
        while inbox.received < 10_000:
            await trio.sleep(0.001)
    for thread in threads:
        thread.join()
    assert found == {"a": list(range(5000)), "b": list(range(5000))}
    assert inbox.lost == 0


async def test_a_flood_leaves_others_their_turns() -> None:
    turns: list[int] = []
    taken: list[int] = []
    inbox = Inbox(lambda: turns.append(len(taken)))
    door = inbox.door(lambda _, data: taken.append(data[0]))
    for number in range(TURN_MESSAGES * 3):
        door(0.0, [number])
    with trio.fail_after(60):
        while len(taken) < TURN_MESSAGES * 3:
            before = len(taken)
            await trio.lowlevel.checkpoint()
            assert len(taken) - before <= 2 * TURN_MESSAGES
    assert turns[:2] == [TURN_MESSAGES, TURN_MESSAGES * 2]


async def test_what_fails_is_logged_and_the_next_is_taken(
    caplog: pytest.LogCaptureFixture,
) -> None:
    taken: list[int] = []

    def take(_: float, data: object) -> None:
        assert isinstance(data, list)
        if data == [1]:
            raise ValueError("no such thing")
        taken.append(data[0])

    inbox = Inbox()
    door = inbox.door(take)
    for number in range(3):
        door(0.0, [number])
    with trio.fail_after(60):
        while inbox.received < 3:
            await trio.lowlevel.checkpoint()
    assert taken == [0, 2]
    assert "no such thing" in caplog.text


async def test_what_nobody_has_time_for_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(midi_inbox, "MAX_WAITING", 10)
    inbox = Inbox()
    door = inbox.door(lambda *_: None)
    for _ in range(15):
        door(0.0, [])
    assert inbox.lost == 5
    with trio.fail_after(60):
        while inbox.received < 10:
            await trio.lowlevel.checkpoint()


def test_a_show_that_has_ended_hears_nothing_more() -> None:
    async def made() -> Inbox:
        return Inbox()

    inbox = trio.run(made)
    inbox.door(lambda *_: None)(0.0, [1])
    assert inbox.received == 0
