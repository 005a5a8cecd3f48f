"""What `artflow bench midi` measures is what it says."""

from __future__ import annotations

import pytest

from controllers import bench_midi
from controllers.bench_midi import RATE_HZ, bench_tempo
from controllers.midi_ports import MidiSystem
from engine.errors import MidiError
from engine.painting import Job


async def test_no_message_is_lost_and_each_has_its_time(monkeypatch: pytest.MonkeyPatch) -> None:
    def absent() -> MidiSystem:
        raise MidiError("MIDI: none here")

    monkeypatch.setattr(bench_midi, "open_system", absent)
    told = await bench_midi.bench_midi(0.3, Job("copy", (64, 64), painter="copy"))
    assert (told.ports, told.rate_hz) == ("none", RATE_HZ)
    assert (told.sent, told.stored, told.lost) == (300, 300, 0)
    assert told.painting_fps > 0
    assert told.callback_to_value.count == 300
    assert 0 < told.callback_to_value.p50_ms <= told.callback_to_value.worst_ms
    assert told.looking_ms_a_second >= 0


def test_the_tempo_is_true_and_settles_as_asked() -> None:
    told = bench_tempo()
    assert told.jitter_ms == 1
    assert told.error_bpm < 0.1
    assert told.error_bpm_p99 <= told.error_bpm
    assert len(told.settled_s) == 3
    assert all(0 < settled <= 1 for settled in told.settled_s.values())
