"""A set list: the order of a night's scenes, as a value and as a file."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from engine.errors import SettingError
from engine.option_readers import shown
from engine.yaml_file import Document, read_yaml
from scenes.scene_keys import SETLIST_KEYS
from scenes.values import nearest

SUFFIX: Final = ".set.yaml"

_SHAPE: Final = "allowed: scenes: [first, second]"


@dataclass(frozen=True, slots=True)
class SetList:
    """`scenes` by name, in order; with `wrap` the first follows the last."""

    name: str
    scenes: tuple[str, ...]
    wrap: bool = False
    description: str = ""


def read_set_list(path: Path, known: Collection[str]) -> tuple[SetList | None, list[str]]:
    """The set list at `path`, and a line for each problem; what a line names is left out.

    `known` are the scenes there are. None where the file cannot be read or holds no list.
    """
    try:
        document = read_yaml(path)
    except SettingError as error:
        return None, [str(error)]
    value = document.value
    if not isinstance(value, dict):
        return None, [f"{document.where()}: found {shown(value)}; {_SHAPE}"]
    problems = document.problems
    names = [key.name for key in SETLIST_KEYS]
    for key in value:
        if key not in names:
            near = nearest(key, names, f"allowed: {', '.join(names)}")
            problems.append(f"{document.where(key)}: unknown key {shown(key)}; {near}")
    if not isinstance(value.get("scenes"), list):
        found = f"scenes is {shown(value['scenes'])}" if "scenes" in value else "no scenes: in it"
        problems.append(f"{document.where('scenes')}: {found}; {_SHAPE}")
        return None, document.in_order(problems)
    wrap = value.get("wrap", False)
    if not isinstance(wrap, bool):
        problems.append(f"{document.where('wrap')}: wrap is {shown(wrap)}; allowed: true or false")
        wrap = False
    description = value.get("description", "")
    if not isinstance(description, str):
        at = document.where("description")
        problems.append(f"{at}: description is {shown(description)}; allowed: text (in quotes)")
        description = ""
    name = path.name.removesuffix(SUFFIX)
    scenes = _scenes(document, value["scenes"], name, known)
    if not scenes:
        problems.append(f"{document.where('scenes')}: no scene is left in it; name at least one")
    return SetList(name, scenes, wrap, description), document.in_order(problems)


def _scenes(
    document: Document, raw: list[object], name: str, known: Collection[str]
) -> tuple[str, ...]:
    scenes: list[str] = []
    for at, item in enumerate(raw):
        where = document.where("scenes", at)
        if isinstance(item, str) and item in known:
            scenes.append(item)
        elif item == name:
            document.problems.append(
                f"{where}: the set list {shown(name)} names itself; wrap: true begins it again"
            )
        elif not isinstance(item, str):
            document.problems.append(
                f"{where}: a scene is {shown(item)}; allowed: its name (in quotes)"
            )
        else:
            near = nearest(item, known, "see artflow scenes list")
            document.problems.append(f"{where}: unknown scene {shown(item)}; {near}")
    return tuple(scenes)
