"""The coverage that processes leave behind, one SQLite file each: which of it can be read.

A process that is killed while it saves leaves half a file. coverage.py passes over one without a
schema with a warning, but one with a damaged page ends the combining, and with it the whole run.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Final

# what combining reads
_TABLES: Final = frozenset({"coverage_schema", "meta", "file", "context", "line_bits", "arc"})


def damage(path: Path) -> str:
    """What is wrong with a data file; "" where it can be combined."""
    try:
        with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)) as data:
            [(verdict,), *_] = data.execute("pragma quick_check(1)")
            names = {name for (name,) in data.execute("select name from sqlite_master")}
            (versions,) = data.execute("select count(*) from coverage_schema").fetchone()
    except sqlite3.Error as error:
        return str(error)
    if verdict != "ok":
        return str(verdict).replace("\n", " ")
    missing = sorted(_TABLES - names)
    return "" if versions and not missing else f"unfinished: no {', '.join(missing) or 'version'}"


def weed(data_file: Path) -> list[str]:
    """Remove the damaged ones beside `data_file`; a line for each."""
    told = []
    for path in sorted(data_file.parent.glob(f"{data_file.name}.*")):
        if path.name.endswith("-journal") or not path.is_file():
            continue
        if wrong := damage(path):
            path.unlink()
            path.with_name(f"{path.name}-journal").unlink(missing_ok=True)
            told.append(f"{path.name} is left out: {wrong}")
    return told
