"""The shelf: which scenes and set lists there are, and what each says, read when it is needed."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from engine.controls import Controls
from engine.errors import SettingError
from engine.option_readers import shown
from engine.plain_names import can_be_said, plain_name
from engine.whole_file import write_whole
from scenes import scene_file, setlist
from scenes.scene import Scene
from scenes.scene_text import scene_text
from scenes.setlist import SetList, read_set_list
from scenes.values import nearest, source_from

BUNDLED: Final = Path(__file__).parent / "bundled"
"""The scenes that come with the program."""

Version = tuple[int, int]
"""Modification time in ns and size in bytes: another where a file's content is."""


@dataclass(frozen=True, slots=True)
class Shelved:
    """A scene as it was read, and the lines that tell what was wrong in its file."""

    version: Version
    scene: Scene | None
    problems: tuple[str, ...]


class Shelf:
    """The scenes of `folders`, the later over the earlier: a name stands for its last file.

    Listing opens no file. What was read stays as it is until `reload`, so that nobody's half-done
    edit walks on stage. `controls` says what scenes may name. Everything here may block.
    """

    def __init__(self, folders: Iterable[Path], controls: Controls, saved: Path) -> None:
        """`saved` is the last of the folders, where `save` writes; it need not be there yet."""
        self.folders = (*dict.fromkeys(folder for folder in folders if folder != saved), saved)
        self._controls = controls
        self._scenes: dict[str, Path] = {}
        self._set_lists: dict[str, Path] = {}
        self._read: dict[str, Shelved] = {}
        self._problems: list[str] = []
        self._list()

    # which there are

    def names(self) -> tuple[str, ...]:
        """The scenes by name, in the order of the list: as a reader sorts them, 2 before 10."""
        return tuple(self._scenes)

    def set_lists(self) -> tuple[str, ...]:
        """The set lists by name, in the order of the list."""
        return tuple(self._set_lists)

    def path(self, name: str) -> Path:
        """The file of the scene `name`; raises `SettingError` where there is none."""
        if name not in self._scenes:
            near = nearest(name, self._scenes, "see artflow scenes list")
            raise SettingError(f"unknown scene {shown(name)}; {near}")
        return self._scenes[name]

    def folder_problems(self) -> list[str]:
        """What is wrong with the folders."""
        return list(self._problems)

    @property
    def problems(self) -> list[str]:
        """What is wrong with the folders, and with the files that were read so far."""
        lines = (line for one in self._read.values() for line in one.problems)
        return [*self._problems, *lines]

    # what they say

    def scene(self, name: str) -> Scene:
        """The scene `name`; raises `SettingError` where there is none, or none can be read."""
        path = self.path(name)
        shelved = self._read.get(name)
        if shelved is None:
            shelved = self._read[name] = self._look(path)
        if shelved.scene is None:
            raise SettingError(shelved.problems[0])
        return shelved.scene

    def scene_problems(self, name: str) -> tuple[str, ...]:
        """What is wrong in the file of a scene that was read."""
        return self._read[name].problems if name in self._read else ()

    def set_list(self, name: str) -> tuple[SetList, list[str]]:
        """The set list `name` and what is wrong in it; raises `SettingError` as `scene` does."""
        if name not in self._set_lists:
            near = nearest(name, self._set_lists, "see artflow scenes list")
            raise SettingError(f"unknown set list {shown(name)}; {near}")
        found, problems = read_set_list(self._set_lists[name], self._scenes)
        if found is None:
            raise SettingError(problems[0])
        return found, problems

    # looking again, and saving

    def reload(self) -> list[str]:
        """Look through the folders again, and read what has changed; all problems known now."""
        self._list()
        self._read = {
            # (what had problems, too: a catalogue may have learned the name since)
            name: one if one.version == _version(path) and not one.problems else self._look(path)
            for name, one in self._read.items()
            if (path := self._scenes.get(name)) is not None
        }
        return self.problems

    def check(self) -> Iterator[str]:
        """Every problem of every file, and of the way that scenes follow one another.

        Reads all files, and keeps nothing of it but where each scene leads.
        """
        yield from self._problems
        scenes: dict[str, Scene] = {}
        for name, path in tuple(self._scenes.items()):
            scene, problems = scene_file.read_scene(path, self._controls)
            yield from problems
            if scene is not None:
                scenes[name] = scene
        yield from follow_problems(scenes, self._scenes)
        for path in tuple(self._set_lists.values()):
            yield from read_set_list(path, self._scenes)[1]

    def as_it_stands(self, name: str) -> Scene:
        """The scene as its file says now, though it plays as it was read. Raises as `scene`."""
        scene, problems = scene_file.read_scene(self.path(name), self._controls)
        if scene is None:
            raise SettingError(problems[0])
        return scene

    def saved_as(self, name: str) -> str:
        """What a scene saved under `name` is called; raises `SettingError` as `save` does."""
        return scene_name(name)

    def save(self, scene: Scene) -> Path:
        """Write `scene` where saved scenes stand, whole or not at all; where that is.

        The comments of the file that its name stands for stay. Raises `SettingError` where the name
        is no plain name, that file cannot be read as a scene, or the new one cannot be written.
        """
        name = scene_name(scene.name)
        path = self.folders[-1] / f"{name}{scene_file.SUFFIX}"
        earlier = self._scenes.get(name)
        if isinstance(source := scene.set.get("input/source"), str):
            source = source_from(source, path.absolute().parent)
            scene = replace(scene, set={**scene.set, "input/source": source})
        try:
            text = None if earlier is None else _text(earlier)
            write_whole(path, scene_text(scene, self._controls, text, earlier).encode())
        except OSError as error:
            reason = error.strerror or type(error).__name__
            raise SettingError(f"the scene {shown(name)} cannot be saved: {reason}") from error
        self._list()
        self._read[name] = self._look(path)
        return path

    def _look(self, path: Path) -> Shelved:
        version = _version(path)
        scene, problems = scene_file.read_scene(path, self._controls)
        return Shelved(version, scene, tuple(problems))

    def _list(self) -> None:
        scenes: dict[str, Path] = {}
        set_lists: dict[str, Path] = {}
        self._problems = []
        for folder in self.folders:
            for name in self._entries(folder):
                path = folder / name
                if name.endswith(setlist.SUFFIX):
                    set_lists[name.removesuffix(setlist.SUFFIX)] = path
                elif name.endswith(scene_file.SUFFIX):
                    scenes[name.removesuffix(scene_file.SUFFIX)] = path
                elif name.endswith(".yml"):
                    self._problems.append(
                        f"{path}: found .yml; allowed: {scene_file.SUFFIX}; rename it"
                    )
        self._scenes = {name: scenes[name] for name in sorted(scenes, key=reading_order)}
        self._set_lists = {name: set_lists[name] for name in sorted(set_lists, key=reading_order)}

    def _file(self, entry: os.DirEntry[str]) -> bool:
        try:
            return entry.is_file()
        except OSError as error:  # a link that leads to itself
            reason = error.strerror or type(error).__name__
            self._problems.append(f"{entry.path}: cannot be read ({reason}); it is left out")
            return False

    def _entries(self, folder: Path) -> list[str]:
        try:
            with os.scandir(folder) as entries:
                # a name that no wire could carry is none that could be asked for
                names = [one.name for one in entries if can_be_said(one.name) and self._file(one)]
        except OSError as error:
            # where nothing was saved yet there is no folder
            if not (isinstance(error, FileNotFoundError) and folder == self.folders[-1]):
                reason = error.strerror or type(error).__name__
                self._problems.append(
                    f"{folder}: cannot be read ({reason}); its scenes are left out"
                )
            return []
        return [name for name in names if not name.startswith(".")]


def scene_name(name: str) -> str:
    """`name` as a scene may be called; raises `SettingError` where that is no plain name."""
    plain = plain_name(name, scene_file.SUFFIX)
    if plain.lower().endswith(".set"):
        raise SettingError(f"{shown(name)} would be a set list's file; leave .set out of the name")
    return plain


def reading_order(name: str) -> tuple[list[tuple[int, str]], str]:
    """A key to sort names by: without regard to case, numbers by their value."""
    parts: list[tuple[int, str]] = []
    digits = ""
    for character in name.casefold():
        if character in "0123456789":
            digits += character
            continue
        if digits:
            parts.append((int(digits[:18]), ""))
            digits = ""
        parts.append((1 << 62, character))
    if digits:
        parts.append((int(digits[:18]), ""))
    return parts, name


def follow_problems(scenes: Mapping[str, Scene], paths: Mapping[str, Path]) -> Iterator[str]:
    """What is wrong with the way that scenes follow: nobody there, or round and round at once."""
    for name, scene in scenes.items():
        if scene.next is not None and scene.next not in paths:
            near = nearest(scene.next, paths, "see artflow scenes list")
            where = scene_file.where_next(paths[name])
            yield f"{where}: next is {shown(scene.next)}, which is no scene; {near}"
    yield from circles(scenes, paths)


def circles(scenes: Mapping[str, Scene], paths: Mapping[str, Path]) -> Iterator[str]:
    """A line for each round of `next` among these that has no time in it."""
    told: set[str] = set()
    for name in scenes:
        way: list[str] = []
        at: str | None = name
        # a scene with a time of its own breaks the chain: there the show stays a while
        while at is not None and at in scenes and at not in told and not scenes[at].after:
            told.add(at)
            way.append(at)
            at = scenes[at].next
        if at is not None and at in way:
            ring = " -> ".join([*way[way.index(at) :], at])
            yield (
                f"{scene_file.where_next(paths[at])}: next leads round in a circle ({ring}) in "
                "which no scene has after:; give one a time, or take a next out"
            )


def _version(path: Path) -> Version:
    try:
        found = path.stat()
    except OSError:
        return (0, 0)
    return (found.st_mtime_ns, found.st_size)


def _text(path: Path) -> str:
    try:
        return path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise SettingError(f"{path}: not UTF-8 text; save under another name") from error
