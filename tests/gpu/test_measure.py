"""What runs everything on a lent GPU goes on where it had to stop; tried on the CPU."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest

from engine.painter.random_models import ARCHITECTURES, PREFIX
from tests.gpu import measure
from tests.gpu.measure import (
    BENCH,
    Job,
    dry,
    forget_failures,
    jobs,
    main,
    play,
    results,
    take_up,
    told,
)


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


def test_what_there_is_no_time_for_does_not_keep_the_shorter_from_their_turn(
    tmp_path: Path,
) -> None:
    log = tmp_path / "log"
    todo = [noting("long", log, about_s=6e3), noting("short", log)]
    assert not play(todo, tmp_path, 1.0)
    assert log.read_text() == "short"


def test_where_the_first_fails_nothing_else_is_tried(tmp_path: Path) -> None:
    log = tmp_path / "log"
    todo = [replace(noting("smoke", log, code=1), vital=True), noting("long", log)]
    assert play(todo, tmp_path, 1.0)
    assert log.read_text() == "smoke"


def test_what_failed_is_tried_again_by_the_next_call(tmp_path: Path) -> None:
    log = tmp_path / "log"
    todo = [noting("a", log, code=1), noting("b", log)]
    for expected in ("ab", "aba"):
        forget_failures(todo, tmp_path)
        play(todo, tmp_path, 1.0)
        assert log.read_text() == expected


def test_a_machine_that_has_lost_everything_goes_on_from_what_came_back(tmp_path: Path) -> None:
    log = tmp_path / "log"
    todo = [noting("a", log), noting("b", log, code=1), noting("c", log)]
    play(todo[:2], tmp_path / "lost", 1.0)
    earlier = tmp_path / "gpu.json"
    earlier.write_text(json.dumps(results(todo, tmp_path / "lost")))
    take_up(earlier, todo, tmp_path / "work")
    play(todo, tmp_path / "work", 1.0)
    assert log.read_text() == "abbc"


def test_what_was_cut_off_is_told_as_far_as_it_came(tmp_path: Path) -> None:
    """The bench writes down what it knows after each part."""
    arguments = [*BENCH, "0.1", "--model", "random:tiny", "--device", "cpu", "--steps", "1,2"]
    cut = Job("cut", (*arguments, "--ride", "0"), 0.0)
    came: list[int] = []
    assert play([cut], tmp_path, 5.0, lambda: came.append(1))
    kept, partly = tmp_path / "cut.json", tmp_path / "cut.part"
    assert json.loads(partly.read_text()) == json.loads(kept.read_text())["report"]
    kept.unlink()
    (result,) = results([cut], tmp_path)
    assert told(result).startswith("cut: cut off\nrandom:tiny (sd21)")
    assert came == [1]


def test_the_dry_run_has_every_step() -> None:
    real, tried = jobs(2.0, device="cpu"), dry(jobs(0.1, device="cpu"))
    assert [job.name for job in tried] == [job.name for job in real]
    said = " ".join(" ".join(job.arguments) for job in tried)
    assert set(re.findall("random:[^ ]*", said)) == {"random:tiny"}
    assert "--compile" not in said
    assert [job.name for job in tried if job.vital] == ["smoke"]


def test_every_job_is_one_that_can_be_run() -> None:
    names = [job.name for job in jobs(2.0)]
    assert len(set(names)) == len(names)
    benches = [job for job in jobs(2.0, device="cpu") if job.is_bench]
    models = {job.arguments[job.arguments.index("--model") + 1] for job in benches}
    assert models == {f"{PREFIX}{name}" for name in ARCHITECTURES}
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
    assert (tmp_path / "log").read_text() == "bad"
    assert main([*folders, "--minutes", "-1"]) == 3, "what failed is to be tried again"
