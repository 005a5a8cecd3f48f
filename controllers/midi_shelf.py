"""The MIDI maps of a show: the performer's own, those that were learned, those that come along."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from pathlib import Path

from controllers.midi_bundled import map_files
from controllers.midi_map import DeviceMap
from controllers.midi_map_file import read_map
from controllers.midi_seats import Maps
from engine.controls import Controls
from engine.errors import SettingError

_LEFT_OUT = "left out, the rest plays"

log = logging.getLogger(__name__)


def read_maps(
    files: Sequence[Path], folder: Path, controls: Controls, bundled: Iterable[Path] | None = None
) -> tuple[Maps, list[str]]:
    """The maps, and a line for each problem in `files` or in what stands in `folder`.

    What is wrong is left out. `bundled` None are those that come with the program; one of
    theirs may name what this show does not have, and that is nobody's fault: it goes into the log.
    """
    problems: list[str] = []
    own = tuple(_devices(path, controls, problems) for path in files)
    learned = tuple(device for path in _in(folder) for device in _devices(path, controls, problems))
    missing: list[str] = []
    paths = map_files() if bundled is None else bundled
    along = tuple(device for path in paths for device in _devices(path, controls, missing))
    for line in missing:
        log.info("%s", line)
    return Maps(own, learned, along), problems


def _in(folder: Path) -> list[Path]:
    try:
        return sorted(path for path in folder.iterdir() if path.suffix in (".yaml", ".yml"))
    except OSError:
        return []


def _devices(path: Path, controls: Controls, problems: list[str]) -> tuple[DeviceMap, ...]:
    try:
        read = read_map(path, controls)
    except SettingError as error:
        problems.append(f"{error}; {_LEFT_OUT}")
        return ()
    problems += [f"{problem}; {_LEFT_OUT}" for problem in read.problems]
    problems += read.warnings
    return read.devices
