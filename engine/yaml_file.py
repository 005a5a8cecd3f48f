"""YAML files with line numbers: plain values, and where each of them stands.

Scalars follow YAML 1.2's core schema, so that `prompt: no` and `prompt: 12:30` are text. No tag
makes an object.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import yaml

from engine.errors import SettingError

MAX_FILE_BYTES: Final = 1 << 20
MAX_NODES: Final = 100_000  # an alias in an alias in an alias grows without bound

Place = tuple[str | int, ...]
"""The keys and indices that lead to a value from the top of the file."""

_INTEGER: Final = re.compile(r"[-+]?[0-9]{1,18}|0x[0-9a-fA-F]{1,15}|0o[0-7]{1,18}")
_FLOAT: Final = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]{1,5})?")
_WORDS: Final[dict[str, object]] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
    **dict.fromkeys((".inf", "+.inf"), float("inf")),
    "-.inf": float("-inf"),
    ".nan": float("nan"),
}
_UNQUOTED: Final = "unquoted"
_TAGS: Final = {_UNQUOTED, *(f"tag:yaml.org,2002:{kind}" for kind in ("str", "seq", "map"))}


class _Loader(yaml.BaseLoader):
    """Gives scalars without quotes and without a tag a tag of their own."""

    def resolve(self, kind: type[yaml.Node], value: Any, implicit: Any) -> Any:
        if kind is yaml.ScalarNode and implicit[0]:
            return _UNQUOTED
        return super().resolve(kind, value, implicit)  # type: ignore[no-untyped-call]


@dataclass
class Document:
    """What a file says. `value` is made of dict (str keys), list, str, int, float, bool, None.

    `problems` are whole sentences with file and line: keys named twice, tags, keys not text.
    """

    path: Path
    value: object = None
    lines: dict[Place, int] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)

    def where(self, *place: str | int) -> str:
        """`file:line` of the value at `place`."""
        line = self.lines.get(place)
        return f"{self.path}:{line}" if line else str(self.path)

    def in_order(self, problems: Iterable[str]) -> list[str]:
        """`problems`, which start with `where`, from the top of the file to its end."""

        def line(problem: str) -> int:
            number = problem.removeprefix(f"{self.path}:").partition(":")[0]
            return int(number) if number.isdecimal() else 0

        return sorted(problems, key=line)


def read_yaml(path: Path) -> Document:
    """Read a YAML file. Raises `SettingError` where it cannot be read, or is not YAML."""
    return parse_yaml(_text(path), path)


def parse_yaml(text: str, path: Path) -> Document:
    """What `text` says, as if it stood at `path`. Raises `SettingError` where it is not YAML."""
    try:
        node = yaml.compose(text, Loader=_Loader)
        document = Document(path)
        if node is not None:
            document.value = _Builder(document).build(node, ())
        return document
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        at = f"{path}:{mark.line + 1}" if mark else str(path)
        raise SettingError(f"{at}: not valid YAML: {error.problem}; mend this line") from error
    except RecursionError as error:
        raise SettingError(f"{path}: nested too deeply; write it flatter") from error
    except (yaml.YAMLError, ValueError, OverflowError) as error:
        # PyYAML lets a few of Python's own errors through, as for "\UFFFFFFFF"
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise SettingError(f"{path}: not valid YAML: {reason}") from error


def _text(path: Path) -> str:
    try:
        with path.open("rb") as file:
            data = file.read(MAX_FILE_BYTES + 1)
    except FileNotFoundError as error:
        raise SettingError(f"{path}: there is no such file") from error
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise SettingError(f"{path}: cannot be read ({reason})") from error
    if len(data) > MAX_FILE_BYTES:
        raise SettingError(f"{path}: over {MAX_FILE_BYTES >> 20} MiB; such a file is a small text")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise SettingError(f"{path}: not UTF-8 text (byte {error.start}); save it as UTF-8") from (
            error
        )


class _Builder:
    """Values from nodes; the line of each is noted on the way."""

    def __init__(self, document: Document) -> None:
        self._document = document
        self._open: list[yaml.Node] = []
        self._built = 0

    def build(self, node: yaml.Node, place: Place) -> object:
        document = self._document
        line = node.start_mark.line + 1
        document.lines.setdefault(place, line)
        self._built += 1
        if self._built > MAX_NODES:
            raise ValueError(f"more than {MAX_NODES} values")
        if any(node is outer for outer in self._open):
            raise ValueError(f"line {line} contains itself")
        if node.tag not in _TAGS:
            tag = node.tag.removeprefix("tag:yaml.org,2002:")
            document.problems.append(
                f"{document.path}:{line}: found the tag {tag!r}; allowed: plain values without tags"
            )
            return None
        if isinstance(node, yaml.ScalarNode):
            return _plain(node.value) if node.tag == _UNQUOTED else node.value
        self._open.append(node)
        if isinstance(node, yaml.SequenceNode):
            built: object = [
                self.build(item, (*place, index)) for index, item in enumerate(node.value)
            ]
        else:
            built = dict(self._entries(node, place))
        self._open.pop()
        return built

    def _entries(self, node: yaml.Node, place: Place) -> Iterator[tuple[str, object]]:
        seen: set[str] = set()
        for key, value in node.value:
            line = key.start_mark.line + 1
            at = f"{self._document.path}:{line}"
            if not isinstance(key, yaml.ScalarNode):
                self._document.problems.append(f"{at}: found a list as a key; allowed: text")
                continue
            name = key.value
            if name in seen:
                self._document.problems.append(f"{at}: {name!r} stands here twice; leave one")
                continue
            seen.add(name)
            self._document.lines[(*place, name)] = line
            yield name, self.build(value, (*place, name))


def _plain(text: str) -> object:
    if text in _WORDS:
        return _WORDS[text]
    if _INTEGER.fullmatch(text):
        return int(text, 0) if text.startswith(("0x", "0o")) else int(text)
    if _FLOAT.fullmatch(text):
        return float(text)
    return text
