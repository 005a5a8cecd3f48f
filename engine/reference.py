"""The reference of every control, written from the table that declares them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, Final

from engine.controls import Parameter, Trigger, Value

Rows = Sequence[Parameter | Trigger]

PREFIX: Final = "/artflow/"

_KINDS: Final = {"f": "float", "i": "int", "s": "string"}

_INTRODUCTION: Final = """\
# Controls

Made by `artflow controls --format md`; do not edit. Every control has one name. With `/artflow/`
before it, the name is an OSC address: `/artflow/paint/strength 0.7` sets the value,
`/artflow/paint/strength ?` asks for it. Numbers out of range are clamped and answered with the
clamped value.

Types: `f` float, `i` int, `s` string, `s...` several strings. Of a trigger's arguments, those
in brackets may be left out. *Slew* is the time that a change takes to arrive.
"""


def allowed(parameter: Parameter) -> str:
    """The range or the choices of a parameter, in words."""
    if parameter.choices is not None:
        return " ".join(map(str, parameter.choices))
    if parameter.low is None or parameter.high is None:
        return ""
    unit = f" {parameter.unit}" if parameter.unit else ""
    return f"{parameter.low:.12g}..{parameter.high:.12g}{unit}"


def shown_default(value: Value) -> str:
    """A default as it is written in the reference."""
    if isinstance(value, str):
        return value or '""'
    return f"{value:.12g}"


def parameters(rows: Rows, *, reported: bool) -> list[Parameter]:
    """The parameters that can be set, or the ones that report."""
    return [row for row in rows if isinstance(row, Parameter) and row.read_only == reported]


def triggers(rows: Rows) -> list[Trigger]:
    return [row for row in rows if isinstance(row, Trigger)]


def arguments_text(arguments: str) -> str:
    """A trigger's arguments as one reads them: those that may be left out in brackets."""
    if arguments == "*":
        return "f f ..."
    required, _, optional = arguments.partition("[")
    return " ".join([*required, *(f"[{kind}]" for kind in optional)])


def as_markdown(rows: Rows) -> str:
    """docs/CONTROLS.md."""
    settable = [
        (
            f"`{row.name}`",
            row.types,
            allowed(row),
            shown_default(row.default),
            f"{row.slew:g} s" if row.slew else "",
            row.help,
        )
        for row in parameters(rows, reported=False)
    ]
    reported = [
        (f"`{row.name}`", row.types, allowed(row) or row.unit, row.help)
        for row in parameters(rows, reported=True)
    ]
    fired = [(f"`{row.name}`", arguments_text(row.arguments), row.help) for row in triggers(rows)]
    parts = [
        _INTRODUCTION,
        "## Parameters\n",
        _table(("name", "type", "range", "default", "slew", "meaning"), settable),
        "## Triggers\n\nA trigger without arguments also takes one number: non-zero fires, 0 (a "
        "button's release) does nothing. `a` is a number or a text.\n",
        _table(("name", "arguments", "meaning"), fired),
        "## Reported values\n\nAsking answers them; setting them is an error.\n",
        _table(("name", "type", "range or unit", "meaning"), reported),
    ]
    return "\n".join(parts)


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    escaped = [[cell.replace("|", "\\|") for cell in row] for row in rows]
    lines = [head, ["---"] * len(head), *escaped]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def as_json(rows: Rows) -> str:
    """Everything about every control, for tools."""
    return json.dumps([_described(row) for row in rows], indent=1, ensure_ascii=False) + "\n"


def _described(row: Parameter | Trigger) -> dict[str, Any]:
    address = {"name": row.name, "address": f"{PREFIX}{row.name}"}
    if isinstance(row, Trigger):
        return {**address, "sort": "trigger", "arguments": row.arguments, "help": row.help}
    return {
        **address,
        "sort": "reported" if row.read_only else "parameter",
        "type": _KINDS[row.kind],
        "min": row.low,
        "max": row.high,
        "choices": row.choices,
        "default": row.default,
        "unit": row.unit,
        "slew_s": row.slew,
        "help": row.help,
    }


def print_controls(rows: Rows) -> None:
    """The reference as tables on the terminal."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console(highlight=False)

    def show(title: str, head: Sequence[str], lines: Sequence[Sequence[str]]) -> None:
        table = Table(*head, title=title, title_justify="left", box=None, padding=(0, 1))
        for line in lines:
            table.add_row(*map(Text, line))
        console.print(table)
        console.print()

    show(
        f"Parameters (OSC: {PREFIX}NAME VALUE)",
        ("name", "type", "range", "default", "meaning"),
        [
            (row.name, row.types, allowed(row), shown_default(row.default), row.help)
            for row in parameters(rows, reported=False)
        ],
    )
    show(
        f"Triggers (OSC: {PREFIX}NAME ARGUMENTS)",
        ("name", "arguments", "meaning"),
        [(row.name, arguments_text(row.arguments), row.help) for row in triggers(rows)],
    )
    show(
        f"Reported values (OSC: {PREFIX}NAME ?)",
        ("name", "type", "meaning"),
        [(row.name, row.types, row.help) for row in parameters(rows, reported=True)],
    )
