"""The files of learned mappings, <data>/midi/<device>.yaml: one mapping in or out at a time.

They are the performer's own: where a file is written as `midi_map_text` writes it, a mapping a
line, the other lines stay as they are, comments too. What a change makes of a file is read back
before it takes the old one's place; a file is written whole or not at all.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Final

from controllers.midi_learned import Edit, TakenBack, Taught, edited, kept
from controllers.midi_map import DeviceMap
from controllers.midi_map_file import MapFile, read_map
from controllers.midi_map_text import mapping_line, write_map
from engine.controls import Controls
from engine.errors import SettingError
from engine.whole_file import write_whole
from engine.yaml_file import Document, read_yaml

SUFFIX: Final = ".yaml"

_HEAD: Final = "# What was learned; artflow reads and writes this file. See docs/MIDI.md.\n"


@dataclass
class LearnedFiles:
    """The learned maps in `folder`, and what they were before the last change.

    `controls` says what mappings may name; they are only read. Everything here blocks.
    """

    folder: Path
    controls: Controls
    _before: dict[Path, bytes | None] = field(default_factory=dict)
    _after: dict[Path, bytes | None] = field(default_factory=dict)

    def devices(self) -> list[DeviceMap]:
        """What is learned. A file that cannot be read is left out."""
        found: list[DeviceMap] = []
        for path in self._files():
            try:
                found += read_map(path, self.controls).devices
            except SettingError:
                continue
        return found

    def write(self, edit: Edit | TakenBack) -> None:
        """Do to the files what an edit says.

        Raises `SettingError` where a file cannot be read or written, or was changed by somebody
        else since what shall be taken back; then nothing has changed.
        """
        before, self._before = self._before, {}
        after, self._after = self._after, {}
        if isinstance(edit, TakenBack):
            self._restore(before, after)
            return
        own = self.folder / f"{edit.id}{SUFFIX}" if isinstance(edit, Taught) else None
        texts: dict[Path, str] = {}
        for path in self._files():
            if path != own:
                texts |= self._without(path, edit)
        if own is not None and isinstance(edit, Taught):
            texts[own] = self._with(own, edit)
        self._write(texts)

    def _restore(self, before: dict[Path, bytes | None], after: dict[Path, bytes | None]) -> None:
        for path, data in after.items():
            if _bytes(path) != data:
                raise SettingError(f"{path} was changed since; mend it by hand")
        for path, data in before.items():
            _put_back(path, data)

    def _files(self) -> list[Path]:
        return sorted(self.folder.glob(f"*{SUFFIX}"))

    def _without(self, path: Path, edit: Edit) -> dict[Path, str]:
        try:
            devices = read_map(path, self.controls).devices
        except SettingError:
            return {}  # not ours to mend: the show tells of it when it starts
        left = tuple(kept(device, edit) for device in devices)
        return {} if left == devices else {path: self._edited(path, left)}

    def _with(self, path: Path, edit: Taught) -> str:
        devices = read_map(path, self.controls).devices if path.exists() else ()
        if all(device.id != edit.id for device in devices):
            devices = (*devices, edit.device)
        return self._edited(path, tuple(edited(device, edit) for device in devices))

    def _edited(self, path: Path, devices: tuple[DeviceMap, ...]) -> str:
        """The file's text for `devices`: the old one with lines out and in where that will do."""
        if path.exists():
            old = read_map(path, self.controls)
            text = _with_lines(path, old, devices)
            if text is not None and self._says(text, MapFile(devices, old.problems)):
                return text
            if old.problems:
                # written anew it would lose the lines that could not be read
                raise SettingError(f"{old.problems[0]}; mend this before anything is learned here")
        return _HEAD + write_map(devices)

    def _says(self, text: str, wanted: MapFile) -> bool:
        probe = self.folder / f".{os.getpid()}.probe"
        try:
            _put(probe, text.encode())
            found = read_map(probe, self.controls)
            return found.devices == wanted.devices and len(found.problems) == len(wanted.problems)
        except SettingError:
            return False
        finally:
            probe.unlink(missing_ok=True)

    def _write(self, texts: dict[Path, str]) -> None:
        before = {path: _bytes(path) for path in texts}
        written: list[Path] = []
        try:
            for path, text in texts.items():
                _put(path, text.encode())
                written.append(path)
        except SettingError:
            for path in written:
                _put_back(path, before[path])
            raise
        self._before = before
        self._after = {path: text.encode() for path, text in texts.items()}


def _with_lines(path: Path, old: MapFile, devices: tuple[DeviceMap, ...]) -> str | None:
    """The file with the lines of mappings that go taken out, and of those that come put in.

    None where the file is written in another way than a mapping a line.
    """
    if [one.id for one in old.devices] != [one.id for one in devices]:
        return None
    document = read_yaml(path)
    lines = path.read_text(encoding="utf-8-sig").splitlines(keepends=True)
    wrong = {problem.removeprefix(f"{path}:").partition(":")[0] for problem in old.problems}
    out: set[int] = set()
    into: dict[int, list[str]] = {}
    for number, (was, will) in enumerate(zip(old.devices, devices, strict=True)):
        if was == will:
            continue
        places = _places(document, lines, number, wrong)
        if places is None or not places or len(places) != len(was.mappings):
            return None
        out |= {
            place
            for place, mapping in zip(places, was.mappings, strict=True)
            if mapping not in will.mappings
        }
        last = places[-1]
        indent = lines[last][: lines[last].index("-")]
        into[last] = [
            f"{indent}- {mapping_line(mapping)}\n"
            for mapping in will.mappings
            if mapping not in was.mappings
        ]
    if lines and not lines[-1].endswith("\n"):
        lines[-1] += "\n"
    kept = (
        [*([] if number in out else [line]), *into.get(number, ())]
        for number, line in enumerate(lines)
    )
    return "".join(part for parts in kept for part in parts)


def _places(document: Document, lines: list[str], device: int, wrong: set[str]) -> list[int] | None:
    """The indices of the lines that the device's mappings stand on, but for those that are wrong.

    None where one does not stand on a line of its own.
    """
    places: list[int] = []
    for number in count():
        line = document.lines.get(("devices", device, "mappings", number))
        if line is None:
            return places
        text = lines[line - 1].strip()
        if not (text.startswith("- {") and text.partition(" #")[0].rstrip().endswith("}")):
            return None
        if str(line) not in wrong:
            places.append(line - 1)
    return places


def _bytes(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise SettingError(f"{path} cannot be read ({error.strerror})") from error


def _put_back(path: Path, data: bytes | None) -> None:
    """Make a file what it was; None: there was none."""
    if data is not None:
        _put(path, data)
        return
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        raise SettingError(f"{path} cannot be removed ({error.strerror})") from error


def _put(path: Path, data: bytes) -> None:
    """Write a file whole or not at all."""
    try:
        write_whole(path, data)
    except OSError as error:
        raise SettingError(f"{path} cannot be written ({error.strerror})") from error
