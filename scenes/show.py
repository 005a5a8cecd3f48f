"""SHOW.yaml: a show's options and control values, written down."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.controls import Controls, Value
from engine.errors import SettingError
from engine.option_readers import shown
from engine.option_table import OPTIONS
from engine.options import near_option, option, read
from engine.yaml_file import read_yaml
from scenes.values import control_values, source_at_home

_NAMES = {row.name for row in OPTIONS}


@dataclass(frozen=True, slots=True)
class ShowFile:
    """What a show file says: its options by name (`set:` under "values"), and its problems.

    `problems` are lines for the performer, in the file's order; what they name is left out of
    `options`, so that the rest of the show runs.
    """

    options: dict[str, object]
    problems: list[str]


def read_show(path: Path, controls: Controls) -> ShowFile:
    """Read a show file.

    Keys are the command line's options, with dashes, underscores or spaces. `controls` says which
    values `set:` may name. Relative paths start at the show file's folder.

    Raises `SettingError` where the file cannot be read, or is no YAML mapping.
    """
    document = read_yaml(path)
    if document.value is None:
        document.value = {}
    if not isinstance(document.value, dict):
        raise SettingError(
            f"{document.where()}: found {shown(document.value)}; allowed: options by name, "
            "such as source: camera"
        )
    problems = document.problems
    written: dict[str, object] = {}
    spelled: dict[str, str] = {}
    values: dict[str, Value] = {}
    for key, raw in document.value.items():
        name = _option_name(key)
        if name in spelled:
            problems.append(
                f"{document.where(key)}: {key!r} says again what {spelled[name]!r} says; leave one"
            )
        elif name == "set":
            values = control_values(document, key, raw, controls)
        elif name in _NAMES:
            written[name] = raw
        else:
            problems.append(
                f"{document.where(key)}: unknown option {shown(key)}; {near_option(name)}"
            )
        spelled.setdefault(name, key)
    options, refused = read(written, lambda name: f"{document.where(spelled[name])}: {name}")
    problems += refused
    folder = path.absolute().parent
    for name, value in options.items():
        options[name] = _at_home(name, value, folder)
    if isinstance(source := values.get("input/source"), str):
        values["input/source"] = source_at_home(source, folder)
    if values:
        options["values"] = values
    return ShowFile(options, document.in_order(problems))


def _option_name(key: str) -> str:
    name = key.strip().replace("_", "-").replace(" ", "-")
    return "setlist" if name == "set-list" else name


def _at_home(name: str, value: Any, folder: Path) -> Any:
    """A path written in a show file, taken from the file's own folder."""
    if name == "source":
        return source_at_home(str(value), folder)
    if name == "audio":
        kind, colon, file = str(value).partition("file:")
        return f"file:{folder / Path(os.path.expanduser(file))}" if colon and not kind else value
    if name == "model":
        # a plain word is an id, or a folder where artflow was started
        return str(folder / Path(os.path.expanduser(value))) if {"/", "\\"} & set(value) else value
    if option(name).file:
        return tuple(folder / item for item in value) if option(name).many else folder / value
    return value
