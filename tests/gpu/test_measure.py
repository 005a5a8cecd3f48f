"""What runs everything on a lent GPU goes on where it had to stop; tried on the CPU."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from engine.painter.random_models import ARCHITECTURES, PREFIX
from tests.gpu import measure
from tests.gpu.measure import BENCH, Job, jobs, main, play, results, told


def noting(name: str, log: Path, code: int = 0, about_s: float = 0.0) -> Job:
    said = f"open({str(log)!r}, 'a').write({name!r}); print('well'); raise SystemExit({code})"
    return Job(name, ("-c", said), about_s)


def test_what_is_done_is_not_done_again(tmp_path: Path) -> None:
    log = tmp_path / "log"
    todo = [noting("a", log), noting("b", log, code=3), noting("c", log, about_s=6e3)]
    assert not play(todo, tmp_path / "work", 1.0), "for the last there is no time"
    assert not play(todo, tmp_path / "work", 1.0)
    assert log.read_text() == "ab"
    assert [(each["name"], each["exit_code"]) for each in results(todo, tmp_path / "work")] == [
        ("a", 0),
        ("b", 3),
    ]
    assert play(todo, tmp_path / "work", 1e3)
    assert log.read_text() == "abc"


def test_what_does_not_end_is_tried_again(tmp_path: Path) -> None:
    todo = [Job("long", ("-c", "import time; time.sleep(600)"), 0.0)]
    assert not play(todo, tmp_path, 0.01)
    assert results(todo, tmp_path) == []


def test_every_job_is_one_that_can_be_run() -> None:
    names = [job.name for job in jobs(2.0)]
    assert len(set(names)) == len(names)
    benches = [job for job in jobs(2.0, device="cpu") if job.is_bench]
    models = {job.arguments[job.arguments.index("--model") + 1] for job in benches}
    assert models == {f"{PREFIX}{name}" for name in ARCHITECTURES if name != "tiny"}
    assert all("cpu" in job.arguments for job in benches)
    assert all(job.about_s < 9 * 60 for job in jobs(2.0)), "each fits into one call"


def test_a_bench_is_kept_and_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    tiny = ("--model", "random:tiny", "--steps", "1", "--ride", "0", "--device", "cpu")
    todo = [Job("tiny", (*BENCH, "0.2", *tiny), 0.0), noting("bad", tmp_path / "log", code=2)]
    monkeypatch.setattr(measure, "jobs", lambda *_, **__: todo)
    folders = ["--work", str(tmp_path / "work"), "--out", str(tmp_path / "out")]
    assert main([*folders, "--only", "tiny"]) == 0
    (result,) = json.loads((tmp_path / "out" / "gpu.json").read_text())
    assert result["report"]["model"] == "random:tiny"
    assert "through mailboxes" in told(result)
    assert "random:tiny (sd21)" in (tmp_path / "out" / "gpu.txt").read_text()
    assert "random:tiny (sd21)" in capsys.readouterr().out
    assert main(folders) == 1
    assert main([*folders, "--minutes", "-1"]) == 1, "all of it is there"
