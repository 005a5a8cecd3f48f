from __future__ import annotations

import json
from pathlib import Path

import pytest

from engine.painter import bench
from tests.painter import tiny


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("model")
    tiny.pipeline("sd21").save_pretrained(place)
    return place


def test_reports_json(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    options = ["--size", "40x32", "--seconds", "0.05", "--steps", "1,3", "--threads", "1", "--json"]
    options += ["--ride", "0"]
    assert bench.main(["--model", str(folder), *options]) == 0
    report = json.loads(capsys.readouterr().out)
    assert (report["kind"], report["size"], report["threads"]) == ("sd21", [40, 32], 1)
    assert [row["steps"] for row in report["results"]] == [1, 3]
    for row in report["results"]:
        assert row["frames"] > 0
        assert row["fps"] > 0
        assert row["frame_ms"]["p50"] <= row["frame_ms"]["p95"] <= row["frame_ms"]["p99"]
        assert all(row["split_ms"][part] > 0 for part in ("encode", "denoise", "decode"))
    assert report["loras"] == {}
    assert report["memory_mb"] > 0


def test_reports_a_table(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    options = ["--seconds", "0", "--steps", "2", "--ride", "0"]
    assert bench.main(["--model", str(folder), *options]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert "(sd21) at 32x32, float32 on cpu" in lines[0]
    assert lines[3].split()[0] == "2"


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
        [],
    ],
)
def test_bad_usage(wrong: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    model = ["--model", "x"] if wrong else []
    with pytest.raises(SystemExit) as left:
        bench.main([*model, *wrong])
    assert left.value.code == 2
    assert "bench" in capsys.readouterr().err
