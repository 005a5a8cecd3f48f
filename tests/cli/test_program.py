"""The real program in a process of its own: exit codes, one line, no traceback."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def program(*words: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "ARTFLOW_DATA": str(cwd / "data")}
    return subprocess.run(
        [sys.executable, *words],
        cwd=cwd,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["--help"], 0),
        (["--version"], 0),
        (["presets", "list"], 0),
        (["none.yaml"], 1),
        (["--model", "sdxl-turbo", "--data", "file/below"], 1),
        (["presets", "info", "nothing"], 1),
        (["--size", "5"], 2),
        (["--bogus"], 2),
    ],
)
def test_exit_codes(tmp_path: Path, words: list[str], code: int) -> None:
    (tmp_path / "file").write_text("")
    done = program("-m", "artflow", *words, cwd=tmp_path)
    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stdout + done.stderr
    assert len(done.stderr.splitlines()) == (1 if code else 0)
    if code:
        assert done.stderr.startswith("artflow: ")


def test_a_reader_that_leaves_early_is_no_trouble(tmp_path: Path) -> None:
    script = f"{sys.executable} -m artflow controls --format json | head -c 10"
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        ["bash", "-c", script], cwd=tmp_path, env=environment, capture_output=True, check=True
    )
    assert done.stderr == b""


@pytest.mark.parametrize("words", [["--version"], ["controls", "--format", "json"]])
def test_nobody_reading_is_no_trouble(tmp_path: Path, words: list[str]) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    environment.pop("PYTHONUNBUFFERED", None)  # what is kept back breaks only at the end
    command = [sys.executable, "-m", "artflow", *words]
    try:
        done = subprocess.run(
            command,
            cwd=tmp_path,
            env=environment,
            stdout=writer,
            stderr=subprocess.PIPE,
            check=False,
        )
    finally:
        os.close(writer)
    assert done.returncode == 1
    assert done.stderr == b""


IMPORTS = """
import sys
import artflow, engine.doctor, engine.devices, engine.options, engine.reference
import presets.models, scenes.show
print(artflow.main(["presets", "list"]))
print([name for name in ("torch", "diffusers", "pygame") if name in sys.modules])
"""


def test_nothing_heavy_comes_into_the_process(tmp_path: Path) -> None:
    done = program("-c", IMPORTS, cwd=tmp_path)
    assert done.stdout.splitlines()[-2:] == ["0", "[]"], done.stderr


FRONT_DOOR = """
import sys, types
show = types.ModuleType("artflow_show")
show.run_show = lambda options: 0
sys.modules["artflow_show"] = show
import artflow
code = artflow.main(["--headless", "--seconds", "1"])
heavy = ("torch", "pygame", "numpy", "trio", "av", "rich", "yaml", "httpx")
print(code, [name for name in heavy if name in sys.modules])
"""


def test_the_front_door_opens_with_little(tmp_path: Path) -> None:
    """The show's window is there within a second: nothing slow is imported before it is asked."""
    done = program("-c", FRONT_DOOR, cwd=tmp_path)
    assert done.stdout.splitlines() == ["0 []"], done.stderr
