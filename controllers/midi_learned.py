"""The files of learned mappings, <data>/midi/<device>.yaml: one mapping in or out at a time.

They are the performer's own: where a file is written as `midi_map_text` writes it, a mapping a
line, the other lines stay as they are, comments too. What a change makes of a file is read back
before it takes the old one's place; a file is written whole or not at all.
"""

from __future__ import annotations

import glob
import os
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from itertools import count
from pathlib import Path
from typing import Final

from controllers.midi_map import DeviceMap, Mapping
from controllers.midi_map_file import MapFile, read_map
from controllers.midi_map_text import mapping_line, write_map
from engine.controls import Controls, Value
from engine.errors import SettingError
from engine.yaml_file import Document, read_yaml

SUFFIX: Final = ".yaml"

_HEAD: Final = "# What was learned; artflow reads and writes this file. See docs/MIDI.md.\n"

Keeps = Callable[[Mapping], bool]


@dataclass
class LearnedMaps:
    """The learned maps in `folder`, and what they were before the last change.

    `controls` says what mappings may name. All raise `SettingError` where a file cannot be read or
    written, with what to do; then nothing has changed.
    """

    folder: Path
    controls: Controls
    _before: dict[Path, bytes | None] = field(default_factory=dict)
    _after: dict[Path, bytes | None] = field(default_factory=dict)

    def devices(self) -> dict[str, DeviceMap]:
        """What is learned, by device. A file that cannot be read is left out."""
        found: dict[str, DeviceMap] = {}
        for path in self._files():
            try:
                found.update((one.id, one) for one in read_map(path, self.controls).devices)
            except SettingError:
                continue
        return found

    def add(self, id: str, label: str, mapping: Mapping) -> list[DeviceMap]:
        """Let the device `id`, whose port is called `label`, play `mapping`.

        Its control leaves what moved it, on any device, and what moves it leaves its other
        controls. Returns the devices as they are now, of all files that changed.
        """
        path = self.folder / f"{id}{SUFFIX}"

        def stays(old: Mapping, here: bool) -> bool:
            same_control = (old.to, old.arguments) == (mapping.to, mapping.arguments)
            return not (same_control or (here and old.on == mapping.on))

        edits: dict[Path, str] = {}
        for other in self._files():
            if other != path:
                edits |= self._without(other, lambda old: stays(old, False))
        device = DeviceMap(id, glob.escape(label))
        edits[path] = self._with(path, device, mapping, lambda old: stays(old, True))
        return self._write(edits)

    def forget(self, to: str, arguments: tuple[Value, ...] = ()) -> list[DeviceMap]:
        """Take out every mapping to the control `to`; returns the devices that changed.

        With `arguments`, of a trigger, only those that hand it these.
        """

        def stays(old: Mapping) -> bool:
            return old.to != to or bool(arguments and old.arguments != arguments)

        edits: dict[Path, str] = {}
        for path in self._files():
            edits |= self._without(path, stays)
        return self._write(edits) if edits else []

    def undo(self) -> list[DeviceMap]:
        """Take back the last `add` or `forget`; returns the devices as they are again.

        Nothing where there is nothing to take back. Raises `SettingError` where a file was changed
        by somebody else since.
        """
        for path, data in self._after.items():
            if _bytes(path) != data:
                raise SettingError(f"{path} was changed since; mend it by hand")
        before, self._before, self._after = self._before, {}, {}
        gone = self._ids(before)
        for path, data in before.items():
            if data is None:
                path.unlink(missing_ok=True)
            else:
                _put(path, data)
        now = self.devices()
        return [now.get(id, DeviceMap(id, "")) for id in gone]

    def _files(self) -> list[Path]:
        return sorted(self.folder.glob(f"*{SUFFIX}"))

    def _ids(self, paths: dict[Path, bytes | None]) -> list[str]:
        return [
            one.id
            for path in paths
            if path.exists()
            for one in read_map(path, self.controls).devices
        ]

    def _without(self, path: Path, stays: Keeps) -> dict[Path, str]:
        try:
            devices = read_map(path, self.controls).devices
        except SettingError:
            return {}  # not ours to mend: the show tells of it when it starts
        left = tuple(_kept(device, stays) for device in devices)
        return {} if left == devices else {path: self._edited(path, left)}

    def _with(self, path: Path, device: DeviceMap, mapping: Mapping, stays: Keeps) -> str:
        devices = read_map(path, self.controls).devices if path.exists() else ()
        left = [_kept(one, stays) for one in devices]
        at = next((n for n, one in enumerate(left) if one.id == device.id), None)
        if at is None:
            left.append(device)
            at = len(left) - 1
        left[at] = replace(left[at], mappings=(*left[at].mappings, mapping))
        return self._edited(path, tuple(left))

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

    def _write(self, edits: dict[Path, str]) -> list[DeviceMap]:
        before = {path: _bytes(path) for path in edits}
        written: list[Path] = []
        try:
            for path, text in edits.items():
                _put(path, text.encode())
                written.append(path)
        except SettingError:
            for path in written:
                data = before[path]
                path.unlink() if data is None else _put(path, data)
            raise
        self._before = before
        self._after = {path: text.encode() for path, text in edits.items()}
        return [one for path in edits for one in read_map(path, self.controls).devices]


def _kept(device: DeviceMap, stays: Keeps) -> DeviceMap:
    return replace(device, mappings=tuple(filter(stays, device.mappings)))


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


def _put(path: Path, data: bytes) -> None:
    """Write a file whole or not at all."""
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with part.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(part, path)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise SettingError(
            f"{path} cannot be written ({error.strerror}); what was learned is not kept"
        ) from error
