from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from engine.errors import PainterError
from engine.painter import (
    bench,
    bench_mailboxes,
    bench_settings,
    bench_tables,
    bench_upstream,
)
from engine.painter.bench_frames import noise_pictures, steady
from engine.painter.bench_upstream import Upstream, against
from engine.painter.copying import CopyPainter
from engine.painter.diffusion import DiffusionPainter
from engine.painter.models import Model
from tests.painter import tiny

HOME = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("model")
    tiny.pipeline("sd21").save_pretrained(place)
    return place


def test_reports_json(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    options = ["--size", "40x32", "--seconds", "0.5", "--steps", "1,3", "--threads", "1", "--json"]
    options += ["--ride", "0"]
    assert bench.main(["--model", str(folder), *options]) == 0
    report = json.loads(capsys.readouterr().out)
    assert (report["kind"], report["size"], report["threads"]) == ("sd21", [40, 32], 1)
    assert [row["steps"] for row in report["results"]] == [1, 3]
    for row in report["results"]:
        assert row["frames"] > 0
        assert row["fps"] > 0
        frame = row["frame_ms"]
        assert frame["p50"] <= frame["p95"] <= frame["p99"] <= frame["worst"]
        for part in ("upload", "encode", "denoise", "decode", "download"):
            assert row["split_ms"][part] > 0
        assert row["mailboxes"]["fps"] > 0
        for way in ("latency_ms", "flat_out_latency_ms"):
            latency = row["mailboxes"][way]
            assert 0 < latency["p50"] <= latency["p95"] <= latency["p99"] <= latency["worst"]
    assert set(report["prompt_ms"]) == {"unchanged", "new", "known"}
    assert report["prompt_ms"]["new"]["heard_after"] >= 1
    assert all(each["late"] > 0 for each in report["prompt_ms"].values())
    assert report["loras"] == {}
    assert report["against"] == []
    assert report["memory_mb"]["loaded"] > 0
    assert report["memory_mb"]["now"] > 0


def test_reports_a_table_beside_upstream_of_a_random_model(
    capsys: pytest.CaptureFixture[str],
) -> None:
    options = ["--seconds", "0.5", "--steps", "2", "--ride", "0", "--against", "streamdiffusion"]
    assert bench.main(["--model", "random:tiny", *options, "--device", "cpu"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert "random:tiny (sd21) at 32x32, float32 on cpu" in lines[0]
    assert lines[3].split()[0] == "2"
    assert "through mailboxes" in lines[4]
    assert lines[-1].startswith("streamdiffusion, 2 steps: ")
    assert "times)" in lines[-1]


def test_a_part_that_fails_does_not_cost_the_others(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(*_: object) -> None:
        raise PainterError("no picture came")

    monkeypatch.setattr(bench, "through_mailboxes", fail)
    keep = tmp_path / "so-far.json"
    options = ["--seconds", "0.1", "--steps", "1", "--ride", "0", "--device", "cpu", "--json"]
    assert bench.main(["--model", "random:tiny", *options, "--keep", str(keep)]) == 1
    report = json.loads(capsys.readouterr().out)
    assert report == json.loads(keep.read_text())
    (why,) = report["failed"].values()
    assert why == "PainterError: no picture came"
    assert report["results"][0]["fps"] > 0
    assert report["prompt_ms"]["new"]["p50"] > 0
    assert "failed: through the mailboxes, 1 steps" in bench_tables.table(report)


def test_settings_are_tried_one_by_one(capsys: pytest.CaptureFixture[str]) -> None:
    """Kernels that are not there are told of, and torch's settings are afterwards as they were."""
    before = torch.backends.cudnn.benchmark
    arguments = ["--model", "random:tiny", "--device", "cpu", "--seconds", "0"]
    assert bench_settings.main(arguments) == 0
    rows = json.loads(capsys.readouterr().out)["variants"]
    assert [row["variant"] for row in rows] == list(bench_settings.VARIANTS)
    assert rows[0]["fps"] > 0
    assert all(("failed" in row) != ("fps" in row) for row in rows)
    assert torch.backends.cudnn.benchmark == before


def tiny_painter(family: tiny.Family) -> tuple[DiffusionPainter, Model]:
    pipe = tiny.pipeline(family)
    model = Model(pipe, family, torch.device("cpu"), torch.float32, (32, 32), "oil painting")
    return DiffusionPainter(model, 32, 32), model


def test_upstream_is_measured_in_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    turns: list[str] = []

    def noting(paint: Any, *rest: Any) -> list[float]:
        turns.append(getattr(paint, "__qualname__", ""))
        return steady(paint, *rest)

    monkeypatch.setattr(bench_upstream, "steady", noting)
    painter, model = tiny_painter("sd15")
    told = against(painter, model, (32, 32), noise_pictures((32, 32)), 2, 0.0)
    assert len(turns) == 3 * bench_upstream.TURNS
    assert turns[:3] == turns[3:6]
    ours, theirs = told["artflow"]["fps"], told["streamdiffusion"]["fps"]
    assert told["times"] == pytest.approx(ours / theirs, rel=0.01, abs=0.006)


def test_upstream_paints_pictures_of_the_model() -> None:
    _, model = tiny_painter("sd15")
    upstream = Upstream(model, (32, 32), 1)
    first, second = upstream.paint(tiny.picture(1)), upstream.paint(tiny.picture(2))
    assert first.shape == (32, 32, 3)
    assert first.dtype == np.uint8
    assert not np.array_equal(first, second)


def test_a_model_that_upstream_cannot_play_is_said() -> None:
    painter, model = tiny_painter("sdxl")
    told = against(painter, model, (32, 32), noise_pictures((32, 32)), 1, 0.0)
    assert set(told) == {"steps", "not_possible"}
    assert "\n" not in told["not_possible"]


def test_nothing_through_the_mailboxes_is_no_figure() -> None:
    with pytest.raises(PainterError, match=r"within 0\.1 s"):
        bench_mailboxes.through_mailboxes(CopyPainter(), (8, 8), {"paint/active": 0}, 1.0, 0.1)


def test_a_feeder_that_fails_is_told_of() -> None:
    with pytest.raises(PainterError, match="feeder failed"):
        bench_mailboxes.through_mailboxes(CopyPainter(), (8, 8), {}, "soon")  # type: ignore[arg-type]


SHOW = {"av", "mido", "platformdirs", "pygame", "pythonosc", "rtmidi", "trio"}


def test_it_needs_no_package_of_the_shows() -> None:
    """On a bare GPU machine there is nothing for windows, cameras, OSC, MIDI or downloads."""
    # the model libraries take some of it where it is there, and do without where it is not
    said = (
        "import sys, diffusers, transformers, streamdiffusion; theirs = set(sys.modules); "
        "from engine.painter import bench, bench_feed; print(*set(sys.modules) - theirs)"
    )
    command = [sys.executable, "-W", "ignore", "-c", said]
    done = subprocess.run(command, cwd=HOME, capture_output=True, text=True, check=True)
    ours = {name.partition(".")[0] for name in done.stdout.split()}
    assert "engine" in ours
    assert not ours & SHOW


def test_a_model_that_cannot_play_is_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert bench.main(["--model", str(tmp_path)]) == 1
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert "model_index.json" in said


@pytest.mark.parametrize(
    "wrong",
    [
        ["--size", "512"],
        ["--size", "ax8"],
        ["--steps", "0"],
        ["--steps", "1,5"],
        ["--ride", "-1"],
        ["--against", "others"],
        [],
    ],
)
def test_bad_usage(wrong: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    model = ["--model", "x"] if wrong else []
    with pytest.raises(SystemExit) as left:
        bench.main([*model, *wrong])
    assert left.value.code == 2
    assert "bench" in capsys.readouterr().err
