from __future__ import annotations

import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from presets import statistics
from presets.catalogue import PresetError
from presets.part_file import Lock
from presets.statistics import (
    MAX_HISTORY,
    Content,
    Event,
    MirrorTotals,
    PresetTotals,
    Statistics,
)
from presets.wanted import Transfer

ROOT = Path(__file__).parents[2]
MB = 1_000_000


class Moments:
    """A clock that moves on by a second when it is read."""

    def __init__(self, start: float = 1000.0) -> None:
        self.now = start

    def __call__(self) -> float:
        self.now += 1
        return self.now


def test_what_was_fetched_and_played_is_counted(tmp_path: Path) -> None:
    kept = Statistics(tmp_path, Moments())
    kept.transferred(Transfer("anime", "HF Mirror", 4 * MB, 2.0))
    kept.transferred(Transfer("anime", "HF Mirror", 2 * MB, 0.5, "stalled"))
    kept.transferred(Transfer("anime", "ModelScope", 100, 1.0))
    kept.installed("anime")
    kept.used("anime")
    kept.used("neon")
    before = kept.read()
    assert not kept.path.exists()
    kept.flush()
    kept.flush()
    content = Statistics(tmp_path).read()
    assert content == before
    assert content.mirrors == {
        "HF Mirror": MirrorTotals(2, 1, 6 * MB, 2.5, rate=3 * MB),
        "ModelScope": MirrorTotals(1, 0, 100, 1.0, rate=0.0),
    }
    assert content.presets["anime"] == PresetTotals(1, 6 * MB + 100, 3.5, 1004, 1, 1005)
    assert content.presets["neon"] == PresetTotals(uses=1, last_used=1006)
    assert [event.what for event in content.history] == ["transfer"] * 3 + [
        "installed",
        "used",
        "used",
    ]
    assert kept.rates() == {"HF Mirror": 3 * MB}


def test_the_history_keeps_the_newest(tmp_path: Path) -> None:
    kept = Statistics(tmp_path, Moments())
    for number in range(MAX_HISTORY + 5):
        kept.used(f"p{number}")
    kept.flush()
    content = kept.read()
    assert len(content.history) == MAX_HISTORY
    assert content.history[-1].id == f"p{MAX_HISTORY + 4}"
    assert len(content.presets) == MAX_HISTORY + 5


@settings(deadline=None, max_examples=100)
@given(
    st.binary(max_size=40)
    | st.sampled_from([b"{}1", b'{"mirrors": 5}', b"[" * 5000, b'{"history": [{"at": "x"}]}', b""])
)
def test_a_damaged_file_is_kept_aside(
    tmp_path_factory: pytest.TempPathFactory, content: bytes
) -> None:
    data = tmp_path_factory.mktemp("data")
    kept = Statistics(data, Moments())
    kept.path.write_bytes(content)
    kept.used("anime")
    kept.flush()
    assert kept.read().presets["anime"].uses == 1
    (aside,) = data.glob("statistics.json.damaged-*")
    assert aside.read_bytes() == content


def test_each_damaged_file_is_kept(tmp_path: Path) -> None:
    kept = Statistics(tmp_path)
    for content in (b"one", b"two"):
        kept.path.write_bytes(content)
        assert kept.read() == Content()
    found = sorted(path.read_bytes() for path in tmp_path.iterdir())
    assert found == [b"one", b"two"]


MORE = """
import sys
from pathlib import Path
from presets.statistics import Statistics
kept = Statistics(Path(sys.argv[1]))
for number in range(20):
    kept.used(f"{sys.argv[2]}-{number}")
    kept.flush()
"""


def test_two_processes_lose_nothing_of_each_others(tmp_path: Path) -> None:
    running = [
        subprocess.Popen([sys.executable, "-c", MORE, str(tmp_path), name], cwd=ROOT)
        for name in ("left", "right")
    ]
    assert [process.wait(60) for process in running] == [0, 0]
    content = Statistics(tmp_path).read()
    assert len(content.presets) == len(content.history) == 40
    assert [path.name for path in tmp_path.iterdir()] == ["statistics.json"]


def test_what_cannot_be_written_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(statistics, "LOCK_WITHIN_S", 0.0)
    kept = Statistics(tmp_path)
    kept.used("anime")
    lock = Lock(tmp_path / "statistics.json.lock")
    assert lock.acquire()
    with pytest.raises(PresetError, match="another artflow holds it"):
        kept.flush()
    lock.release()
    with monkeypatch.context() as patch:
        patch.setattr("os.fsync", fail)
        with pytest.raises(PresetError, match="cannot be written: No space left on device"):
            kept.flush()
    kept.flush()
    assert kept.read().presets["anime"].uses == 1
    monkeypatch.setattr(Path, "read_bytes", fail)
    with pytest.raises(PresetError, match="cannot be read"):
        kept.read()


def test_nobody_waits_while_it_is_written(tmp_path: Path) -> None:
    kept = Statistics(tmp_path)
    kept.used("anime")
    lock = Lock(tmp_path / "statistics.json.lock")
    assert lock.acquire()
    with ThreadPoolExecutor(1) as pool:
        written = pool.submit(kept.flush)
        while kept._pending and not written.done():  # until it is at it
            time.sleep(0.001)
        kept.used("neon")
        assert not written.done()
        lock.release()
        written.result()
    assert set(Statistics(tmp_path).read().presets) == {"anime"}
    assert set(kept.read().presets) == {"anime", "neon"}


def fail(*_: object) -> None:
    raise OSError(28, "No space left on device")


def test_a_newer_program_s_file_is_read() -> None:
    content = msgspec.json.decode(b'{"presets": {"a": {"uses": 2, "stars": 5}}}', type=Content)
    assert content.presets["a"].uses == 2
    assert Event(at=1.0, what="used", id="a").mirror == ""
