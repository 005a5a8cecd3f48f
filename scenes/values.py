"""Control values as files name them, for shows and scenes alike."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from engine.controls import Controls, Parameter, Value
from engine.errors import ControlError
from engine.option_readers import shown
from engine.yaml_file import Document


def control_values(
    document: Document, key: str, raw: object, controls: Controls
) -> dict[str, Value]:
    """What the mapping `raw` under `key` sets; what is wrong becomes a problem of the document."""
    if raw is None:
        return {}
    if not isinstance(raw, dict):
        document.problems.append(
            f"{document.where(key)}: {key} is {shown(raw)}; allowed: control: value, line by line"
        )
        return {}
    values: dict[str, Value] = {}
    for name, wanted in raw.items():
        try:
            values[name] = checked(settable(name, controls), wanted)
        except ControlError as error:
            document.problems.append(f"{document.where(key, name)}: {error}")
    return values


def settable(name: str, controls: Controls) -> Parameter:
    """The parameter `name`; raises `ControlError` where a file cannot set it."""
    if controls.is_trigger(name):
        raise ControlError(f"{name} is a trigger and holds no value; leave it out")
    parameter = controls.parameter(name)
    if parameter.read_only:
        raise ControlError(f"{name} is a reported value and cannot be set")
    return parameter


def checked(parameter: Parameter, wanted: object) -> Value:
    """The value that `wanted` asks for; raises `ControlError` where it is none of those allowed.

    Whether it can be had now (a preset may be absent today) is asked when it is set, not here.
    """
    switch = parameter.kind == "i" and (parameter.low, parameter.high) == (0, 1)
    if switch and isinstance(wanted, str):  # `yes` and `on` are text since YAML 1.2
        raise ControlError(f"{parameter.name} is {shown(wanted)}; allowed: 0 or 1, true or false")
    choices = parameter.choices if parameter.kind == "s" else None
    if (
        choices is not None
        and isinstance(wanted, float | int)
        and wanted not in range(len(choices))
    ):
        raise ControlError(f"{parameter.name} is {shown(wanted)}; allowed: {allowed(parameter)}")
    value = Parameter.coerce(parameter, wanted)
    # on the wire a value out of range is clamped and answered; a file cannot be answered
    number = isinstance(wanted, (int, float)) and not isinstance(value, str)
    if number and wanted != value:
        raise ControlError(f"{parameter.name} is {shown(wanted)}; allowed: {allowed(parameter)}")
    return value


def allowed(parameter: Parameter) -> str:
    """Its range or its choices, in words."""
    if parameter.choices is not None:
        return ", ".join(map(str, parameter.choices))
    return f"{parameter.low:g} to {parameter.high:g}"


def source_at_home(value: str, folder: Path) -> str:
    """A picture source written in a file, its path taken from the file's own folder."""
    from engine.sources.spec import FILES  # brings numpy along: only where it is asked for

    kind, _, argument = value.partition(":")
    if kind in FILES and argument and "://" not in argument:
        return f"{kind}:{folder / Path(os.path.expanduser(argument))}"
    return value


def source_beside(value: str, folder: Path) -> str:
    """As `source_at_home` where a path leads to a file in `folder`; else `value` as it is.

    What was saved from a running show stays what the show called it, letter by letter.
    """
    _, _, argument = value.partition(":")
    if Path(argument).is_absolute() or not argument:
        return value
    found = source_at_home(value, folder)
    return found if found != value and Path(found.partition(":")[2]).exists() else value


def source_from(value: str, folder: Path) -> str:
    """A picture source as a file in `folder` names it: what lies in there without the folder."""
    kind, colon, argument = value.partition(":")
    inside = argument.removeprefix(f"{folder}{os.sep}")
    return f"{kind}{colon}{inside}" if inside else value


def nearest(word: object, words: Iterable[str], otherwise: str) -> str:
    """`did you mean ...?`, or `otherwise` where none of `words` is near."""
    import difflib

    near = difflib.get_close_matches(str(word), list(words), n=2)
    return f"did you mean {' or '.join(near)}?" if near else otherwise
