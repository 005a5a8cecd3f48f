"""SHOW.yaml: a show's options and control values, written down."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.controls import Controls, Parameter, Value
from engine.errors import ControlError, SettingError
from engine.option_readers import shown
from engine.option_table import OPTIONS
from engine.options import near_option, option, read
from engine.yaml_file import Document, read_yaml

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
            values = _control_values(document, key, raw, controls)
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
        values["input/source"] = _at_home("source", source, folder)
    if values:
        options["values"] = values
    return ShowFile(options, document.in_order(problems))


def _option_name(key: str) -> str:
    name = key.strip().replace("_", "-").replace(" ", "-")
    return "setlist" if name == "set-list" else name


def _control_values(
    document: Document, key: str, raw: object, controls: Controls
) -> dict[str, Value]:
    if raw is None:
        return {}
    if not isinstance(raw, dict):
        document.problems.append(
            f"{document.where(key)}: set is {shown(raw)}; allowed: control: value, line by line"
        )
        return {}
    values: dict[str, Value] = {}
    for name, wanted in raw.items():
        try:
            if controls.is_trigger(name):
                raise ControlError(f"{name} is a trigger and holds no value; leave it out")
            parameter = controls.parameter(name)
            if parameter.read_only:
                raise ControlError(f"{name} is a reported value and cannot be set")
            value = parameter.coerce(wanted)
            if _clamped(wanted, value):
                raise ControlError(f"{name} is {shown(wanted)}; allowed: {_range(parameter)}")
            values[name] = value
        except ControlError as error:
            document.problems.append(f"{document.where(key, name)}: {error}")
    return values


def _clamped(wanted: object, value: Value) -> bool:
    # on the wire a value out of range is clamped and answered; a file cannot be answered
    return isinstance(wanted, (int, float)) and not isinstance(value, str) and wanted != value


def _range(parameter: Parameter) -> str:
    if parameter.choices is not None:
        return ", ".join(map(str, parameter.choices))
    return f"{parameter.low:g} to {parameter.high:g}"


def _at_home(name: str, value: Any, folder: Path) -> Any:
    """A path written in a show file, taken from the file's own folder."""
    if name == "source":
        from engine.sources.spec import FILES  # brings numpy along: only where it is asked for

        kind, _, argument = str(value).partition(":")
        if kind in FILES and argument and "://" not in argument:
            return f"{kind}:{folder / Path(os.path.expanduser(argument))}"
    elif name == "model":
        # a plain word is an id, or a folder where artflow was started
        return str(folder / Path(os.path.expanduser(value))) if {"/", "\\"} & set(value) else value
    elif option(name).file:
        return tuple(folder / item for item in value) if option(name).many else folder / value
    return value
