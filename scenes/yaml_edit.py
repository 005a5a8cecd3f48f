"""Changing values in a YAML text without touching the rest: comments, order and layout stay.

Works on plain values (dict, list, str, int, float, bool, None). What is written anew is written in
flow style, strings as JSON does.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

import yaml

_PLAIN: Final = re.compile(r"[A-Za-z][A-Za-z0-9/_-]*")
_SPAN: Final = re.compile(r"[0-9]+(\.[0-9]+)? (beats?|bars?)")
_WORDS: Final = frozenset({"true", "false", "null"})
_MISSING: Final = object()


def flow(value: Any) -> str:
    """`value` in YAML's flow style, in plain words where they stay what they are."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{flow(key)}: {flow(item)}" for key, item in value.items()) + "}"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(map(flow, value)) + "]"
    if isinstance(value, str):
        plain = _PLAIN.fullmatch(value) and value.lower() not in _WORDS
        if plain or _SPAN.fullmatch(value):
            return value
        quoted = json.dumps(value, ensure_ascii=False)
        return "".join(c if c.isprintable() else f"\\U{ord(c):08X}" for c in quoted)
    return json.dumps(value)


def comments(text: str) -> list[tuple[int, int]]:
    """Where the comments of a YAML text stand: from each # to its line's end.

    Raises `yaml.YAMLError` where the text is not YAML.
    """
    found: list[tuple[int, int]] = []
    end = 0
    for token in yaml.scan(text, Loader=yaml.BaseLoader):
        found += _in_gap(text, end, token.start_mark.index)
        end = max(end, token.end_mark.index)
    found += _in_gap(text, end, len(text))
    return found


def _in_gap(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    # between two tokens stand only white space, comments and line ends
    while (at := text.find("#", start, end)) >= 0:
        stop = min((n for n in (text.find(c, at) for c in "\r\n") if n >= 0), default=len(text))
        yield at, stop
        start = stop


def edited(text: str, old: dict[str, Any], new: dict[str, Any]) -> str | None:
    """`text`, which says `old`, edited until it says `new`; every comment stays.

    Keys that are in neither stay as they are. None where the text is written in a way that cannot
    be edited (anchors, tags, a key twice). Whoever calls reads the answer back to see what it says.
    """
    try:
        root = yaml.compose(text, Loader=yaml.BaseLoader)
        if not isinstance(root, yaml.MappingNode) or not _simple(text):
            return None
        editor = _Editor(text, comments(text))
        editor.mapping(root, old, new)
        return editor.result()
    except (yaml.YAMLError, _CannotEdit):
        return None


def _simple(text: str) -> bool:
    odd = (yaml.AliasToken, yaml.AnchorToken, yaml.TagToken, yaml.DirectiveToken)
    return not any(isinstance(token, odd) for token in yaml.scan(text, Loader=yaml.BaseLoader))


class _CannotEdit(Exception):
    """The text is written in a way that this editor does not know."""


@dataclass
class _Editor:
    """Collects what is to be replaced, as (start, end, text), and does it all at the end."""

    text: str
    comments: list[tuple[int, int]]
    edits: list[tuple[int, int, str]] = field(default_factory=list)

    def result(self) -> str:
        text = self.text
        before = len(text) + 1
        for start, end, put in sorted(self.edits, reverse=True):
            if end > before:
                raise _CannotEdit
            text = text[:start] + put + text[end:]
            before = start
        return text

    def mapping(self, node: yaml.MappingNode, old: dict[str, Any], new: dict[str, Any]) -> None:
        entries = {key.value: (key, value) for key, value in node.value}
        if len(entries) < len(node.value):
            raise _CannotEdit
        gone = [name for name in entries if name in old and name not in new]
        fresh = [name for name in new if name not in entries]
        kept = [name for name in entries if name not in gone]
        if (gone and node.flow_style) or (fresh and not kept):
            raise _CannotEdit
        for name in kept:
            if name in new:
                self.value(*entries[name], old.get(name, _MISSING), new[name])
        for name in gone:
            self._remove(*entries[name])
        if fresh:
            last = self._end(entries[kept[-1]][1])
            if node.flow_style:
                put = "".join(f", {flow(name)}: {flow(new[name])}" for name in fresh)
                self.edits.append((last, last, put))
                return
            at = self._line_end(last)
            lines = (f"{flow(name)}: {flow(new[name])}" for name in fresh)
            indent = self._newline + " " * node.start_mark.column
            self.edits.append((at, at, "".join(indent + line for line in lines)))

    def value(self, key: yaml.Node, node: yaml.Node, old: Any, new: Any) -> None:
        if old == new:
            return
        if isinstance(node, yaml.MappingNode) and isinstance(old, dict) and isinstance(new, dict):
            done = len(self.edits)
            try:
                self.mapping(node, old, new)
                return
            except _CannotEdit:
                del self.edits[done:]
        start, end = node.start_mark.index, self._end(node)
        # a value of nothing stands right behind its colon; a block's on a line of its own
        lead = " " if start == end else "  " if node.start_mark.line > key.start_mark.line else ""
        self._keep_comments(start, end, key.start_mark.index)
        self.edits.append((start, end, lead + flow(new)))

    def _remove(self, key: yaml.Node, node: yaml.Node) -> None:
        start = self._line_start(key.start_mark.index)
        if self.text[start : key.start_mark.index].strip():
            raise _CannotEdit  # behind a list's dash
        end = self._line_end(self._end(node))
        indent = " " * key.start_mark.column
        kept = [indent + line for line in self._comments(start, end)]
        if not kept:
            end = min(len(self.text), end + len(self._newline))
        self.edits.append((start, end, self._newline.join(kept)))

    def _keep_comments(self, start: int, end: int, key: int) -> None:
        """Put the comments between `start` and `end` above the line of `key`."""
        lines = self._comments(start, end)
        if lines:
            at = self._line_start(key)
            indent = " " * (key - at)
            put = "".join(indent + line + self._newline for line in lines)
            self.edits.append((at, at, put))

    def _comments(self, start: int, end: int) -> list[str]:
        return [self.text[a:b] for a, b in self.comments if start <= a < end]

    def _end(self, node: yaml.Node) -> int:
        """Where the last character of a value stands: a block's end mark is further down."""
        if isinstance(node, yaml.CollectionNode) and not node.flow_style and node.value:
            last = node.value[-1]
            return self._end(last[1] if isinstance(last, tuple) else last)
        end: int = node.end_mark.index
        if isinstance(node, yaml.ScalarNode) and node.style in ("|", ">"):
            start: int = node.start_mark.index
            return start + len(self.text[start:end].rstrip())
        return end

    def _line_start(self, at: int) -> int:
        return self.text.rfind("\n", 0, at) + 1

    def _line_end(self, at: int) -> int:
        end = self.text.find("\n", at)
        end = len(self.text) if end < 0 else end
        return end - 1 if self.text[at:end].endswith("\r") else end

    @property
    def _newline(self) -> str:
        return "\r\n" if "\r\n" in self.text else "\n"
