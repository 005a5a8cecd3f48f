"""Scenes as the command line tells of them: which there are, and what is wrong in a file."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from engine.controls import Controls
from engine.errors import SettingError
from engine.logs import complain, one_line
from engine.option_readers import shown
from scenes.scene import Scene
from scenes.scene_file import SUFFIX, read_scene, where_next
from scenes.scene_text import plain
from scenes.setlist import SUFFIX as SETLIST_SUFFIX
from scenes.setlist import read_set_list
from scenes.shelf import Shelf, circles
from scenes.values import nearest

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table


def print_scenes(shelf: Shelf, origins: dict[Path, str]) -> None:
    """Every scene by its number and name, then the set lists; what is wrong goes to stderr.

    `origins` says in a word where each of the shelf's folders comes from.
    """
    console = _console()
    table = _table("#", "scene", "from", "fade", "then", "what it is")
    for number, name in enumerate(shelf.names()):
        origin = origins.get(shelf.path(name).parent, "")
        try:
            scene = shelf.scene(name)
        except SettingError:  # told below, with its line
            _add(table, number, name, origin, "?", "?", "cannot be read")
            continue
        fade = _told(plain(scene).get("fade", ""))
        _add(table, number, name, origin, fade, _then(scene), scene.description)
    console.print(table)
    if shelf.set_lists():
        lists = _table("set list", "at its end", "its scenes")
        for name in shelf.set_lists():
            try:
                found, problems = shelf.set_list(name)
            except SettingError as error:
                complain(str(error))
                continue
            for problem in problems:
                complain(problem)
            end = "begins again" if found.wrap else "stops"
            told = f"{found.description}: " if found.description else ""
            _add(lists, name, end, told + ", ".join(found.scenes))
        console.print()
        console.print(lists)
    for problem in shelf.problems:
        complain(problem)


def _then(scene: Scene) -> str:
    after = plain(scene).get("after")
    if after is None:
        return scene.next or ""
    return f"after {_told(after)}: {scene.next or 'the next'}"


def _told(span: float | str) -> str:
    return span if isinstance(span, str) else f"{span:g} s"


def check_file(path: Path, shelf: Shelf, controls: Controls) -> tuple[str, list[str]]:
    """What `path` holds, in a line, and its problems; "" where it holds neither scene nor list.

    `shelf` says which scenes may follow; those beside the file may, too.
    """
    here = {
        one.name.removesuffix(SUFFIX)
        for one in path.absolute().parent.glob(f"*{SUFFIX}")
        if not one.name.endswith(SETLIST_SUFFIX)
    }
    known = [*dict.fromkeys((*shelf.names(), *sorted(here)))]
    if path.name.endswith(SETLIST_SUFFIX):
        listed, problems = read_set_list(path, known)
        if listed is None:
            return "", problems
        return f"{path}: a set list of {counted(len(listed.scenes), 'scene')}", problems
    scene, problems = read_scene(path, controls)
    if scene is None:
        return "", problems
    if path.suffix != SUFFIX:
        problems.append(f"{path}: found {path.suffix or 'no suffix'}; allowed: {SUFFIX}; rename it")
    problems += _follows(path, scene, known)
    problems += _circles(path, scene, shelf, controls)
    parts = [
        counted(len(scene.set), "control"),
        *([] if scene.presets is None else [counted(len(scene.presets), "preset")]),
        *([] if scene.mods is None else [counted(len(scene.mods), "modulator")]),
    ]
    return f"{path}: a scene of {', '.join(parts)}", problems


def _follows(path: Path, scene: Scene, known: Sequence[str]) -> list[str]:
    """What is wrong with where the scene leads: `known` are the scenes there are."""
    if scene.next is None or scene.next in known:
        return []
    near = nearest(scene.next, known, "see artflow scenes list")
    return [f"{where_next(path)}: next is {shown(scene.next)}, which is no scene; {near}"]


def _circles(path: Path, scene: Scene, shelf: Shelf, controls: Controls) -> Iterable[str]:
    """Whether it leads round without a time; a scene beside the file counts before the shelf's."""
    scenes, paths = {scene.name: scene}, {scene.name: path}
    at = scene.next
    while at is not None and at not in scenes:
        beside = path.absolute().parent / f"{at}{SUFFIX}"
        if not beside.is_file() and at not in shelf.names():
            break
        where = beside if beside.is_file() else shelf.path(at)
        found, _ = read_scene(where, controls)
        if found is None:
            break
        scenes[at], paths[at] = found, where
        at = found.next
    return circles(scenes, paths)


def counted(number: int, thing: str) -> str:
    """`1 scene`, `2 scenes`."""
    return f"{number} {thing}{'s' * (number != 1)}"


def say(line: str) -> None:
    """One line on stdout, as it is."""
    _console().print(one_line(line), soft_wrap=True, markup=False)


def _console() -> Console:
    from rich.console import Console

    return Console(highlight=False)


def _table(*columns: str) -> Table:
    from rich.table import Column, Table

    # names are to be typed: where the terminal is narrow, the last column alone is folded
    *whole, last = columns
    return Table(*(Column(name, no_wrap=True) for name in whole), last, box=None, padding=(0, 1))


def _add(table: Table, *cells: object) -> None:
    from rich.text import Text  # plain: a scene's words may hold rich's marks

    table.add_row(*(Text(one_line(str(cell))) for cell in cells))
