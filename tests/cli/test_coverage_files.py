"""What a killed process leaves of its coverage costs neither the run nor what others measured."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from coverage import Coverage, CoverageData
from coverage.exceptions import DataError

from tests.helpers.coverage_files import damage, weed
from tests.helpers.program import ROOT


def measured(path: Path, source: Path, lines: int = 3) -> Path:
    data = CoverageData(str(path))
    data.add_arcs({str(source): [(line, line + 1) for line in range(1, lines)]})
    data.close(force=True)
    return path


def spoiled(path: Path, source: Path) -> Path:
    """Its schema can be read, but not what was measured."""
    measured(path, source, 50)
    with sqlite3.connect(path) as data:
        [size] = data.execute("pragma page_size").fetchone()
        [page] = data.execute("select rootpage from sqlite_master where name = 'arc'").fetchone()
    data.close()
    with path.open("r+b") as file:
        file.seek((page - 1) * size)
        file.write(b"\xff" * size)
    return path


def files(folder: Path) -> tuple[list[Path], list[Path]]:
    """Whole ones and damaged ones, as processes leave them."""
    names = ["a.py", "b.py", "c.py"]
    for name in names:
        (folder / name).write_text("x = 1\n" * 60)
    whole = [measured(folder / f".coverage.vm.pid{n}", folder / names[n]) for n in range(2)]
    damaged = [folder / f".coverage.vm.pid{n}" for n in range(5, 9)]
    damaged[0].write_bytes(b"")
    damaged[1].write_bytes(whole[0].read_bytes()[:10_000])
    damaged[2].write_bytes(b"no database at all, and longer than a header of one" * 50)
    spoiled(damaged[3], folder / names[2])
    return whole, damaged


def test_what_can_be_read_is_kept_and_combined(tmp_path: Path) -> None:
    whole, damaged = files(tmp_path)
    assert [damage(path) for path in whole] == ["", ""]
    assert all(map(damage, damaged))
    journal = tmp_path / f"{damaged[0].name}-journal"
    journal.write_bytes(b"")
    base = tmp_path / ".coverage"
    assert [line.split(" ")[0] for line in weed(base)] == [path.name for path in damaged]
    assert sorted(tmp_path.glob(".coverage.*")) == whole
    assert weed(base) == []
    combined = Coverage(data_file=str(base), config_file=False)
    combined.combine(strict=True)
    found = {Path(name).name for name in combined.get_data().measured_files()}
    combined.get_data().close(force=True)
    assert found == {"a.py", "b.py"}


def test_a_damaged_page_is_more_than_a_warning(tmp_path: Path) -> None:
    """Why this is done at all: combining does not pass over such a file."""
    (tmp_path / "a.py").write_text("x = 1\n" * 60)
    spoiled(tmp_path / ".coverage.vm.pid1", tmp_path / "a.py")
    combined = Coverage(data_file=str(tmp_path / ".coverage"), config_file=False)
    with pytest.raises(DataError, match="malformed"):
        combined.combine()
    combined.get_data().close(force=True)


INNER = """
from pathlib import Path
from tests.cli.test_coverage_files import spoiled

def test_leaves_half_a_file(request):
    here = Path(request.config.rootpath)
    spoiled(here / ".coverage.vm.pid7", here / "other.py")
    (here / ".coverage.vm.pid8").write_bytes(b"")
"""


def test_the_whole_run_goes_on(tmp_path: Path) -> None:
    (tmp_path / "conftest.py").write_text("from tests.conftest import pytest_runtestloop\n")
    (tmp_path / "test_inner.py").write_text(INNER)
    (tmp_path / "pytest.ini").write_text("[pytest]\nfilterwarnings = error\n")
    outer = ("COVERAGE_", "COV_", "PYTEST_")
    environment = {name: text for name, text in os.environ.items() if not name.startswith(outer)}
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "--cov=.", "--cov-report=term", "-p", "no:trio"],
        cwd=tmp_path,
        env={**environment, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert ".coverage.vm.pid7 is left out: " in done.stdout
    assert ".coverage.vm.pid8 is left out: " in done.stdout
    assert "CoverageWarning" not in done.stdout + done.stderr
