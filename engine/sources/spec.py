"""What a source is called: KIND or KIND:ARG, as on the command line, over OSC and in scenes."""

from __future__ import annotations

import contextlib
import difflib
import os
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from engine.errors import SettingError

FORMS: Final = {
    "test-card": "test-card",
    "drawing": "drawing",
    "camera": "camera[:N|NAME]",
    "video": "video:FILE",
    "screen": "screen[:N]",
    "image": "image:FILE",
}
"""How each kind is written."""

FILES: Final = ("video", "image")
"""The kinds that name a file, which nothing on the wire may do."""


@dataclass(frozen=True, slots=True)
class SourceSpec:
    """A source that can be opened: `argument` is a file, a name, or a number as text, or ""."""

    kind: str
    argument: str = ""

    def __str__(self) -> str:
        return f"{self.kind}:{self.argument}" if self.argument else self.kind


def parse_source(text: str) -> SourceSpec:
    """The source that `text` names; `str` of it is `text` again, but for spaces and zeros.

    `video` and `image` alone mean the file named when the show was started; who opens them knows
    it. Raises `SettingError` with what is allowed.
    """
    kind, colon, argument = (part.strip() for part in text.partition(":"))
    if kind not in FORMS:
        near = difflib.get_close_matches(kind, FORMS, 1)
        hint = f"did you mean {near[0]}? " if near else ""
        raise SettingError(
            f"unknown source {_shown(text)}; {hint}allowed: {', '.join(FORMS.values())}"
        )
    if not argument:
        if colon:
            raise SettingError(f"source {_shown(text)} ends in a colon; write {FORMS[kind]}")
        return SourceSpec(kind)
    if kind in ("test-card", "drawing"):
        raise SettingError(f"source {kind} takes nothing after it, not {_shown(argument)}")
    if "\0" in argument or "\n" in argument:
        raise SettingError(f"source {kind} cannot be called {_shown(argument)}; use one plain line")
    if kind == "screen":
        if not (argument.isascii() and argument.isdigit() and len(argument) <= 4):
            raise SettingError(
                f"source screen takes a number such as screen:1, not {_shown(argument)}"
            )
        argument = str(int(argument))
    return SourceSpec(kind, argument)


class NamedFiles:
    """The files that may be played: those named when the show was started, or in a file of it.

    `texts` are sources as they were named at the start; those without a file matter not here.
    """

    def __init__(self, texts: Iterable[str]) -> None:
        self._allowed: set[SourceSpec] = set()
        self._first: dict[str, SourceSpec] = {}
        self._at_start: frozenset[SourceSpec] = frozenset()
        self._beside: dict[SourceSpec, SourceSpec] = {}  # what scenes call a file, and where it is
        for text in texts:
            spec = self.add(text)
            if spec is not None:
                self._first.setdefault(spec.kind, spec)
        self._at_start = frozenset(self._allowed)

    def add(self, text: str) -> SourceSpec | None:
        """Let it be played by its whole name, too; None where that names no file."""
        spec = _file_spec(text)
        if spec is not None:
            self._allowed.add(spec)
        return spec

    def add_beside(self, text: str, folder: str) -> str:
        """Let what a file in `folder` names be played; what it is called from now on.

        That is its place from `folder` on, so that nobody on the wire reads where somebody's
        folders are. It keeps its whole name where it is not in there, or where another file is
        called so already. What was named at the start is that.
        """
        spec = _file_spec(text)
        if spec is None:
            return text
        if not folder or "://" in spec.argument or spec in self._at_start:
            self._allowed.add(spec)
            return text
        whole = SourceSpec(spec.kind, os.path.join(folder, os.path.expanduser(spec.argument)))
        self._allowed.add(whole)
        if not whole.argument.startswith(f"{folder}{os.sep}"):
            return str(whole)
        short = SourceSpec(spec.kind, whole.argument[len(folder) + 1 :])
        if short in self._at_start or self._beside.setdefault(short, whole) != whole:
            return str(whole)
        return str(short)

    def whole(self, text: str) -> str:
        """What `text` means, by its whole name, where `add_beside` has shortened it."""
        with contextlib.suppress(SettingError):
            return str(self._beside.get(parse_source(text), text))
        return text

    @property
    def kinds(self) -> list[str]:
        """The kinds that have a file: what can be asked for by its kind alone."""
        return list(self._first)

    def resolve(self, text: str) -> SourceSpec:
        """The source that `text` means, if it may be played. Raises `SettingError`."""
        spec = parse_source(text)
        spec = self._beside.get(spec, spec)
        if spec.kind not in FILES or spec in self._allowed:
            return spec
        first = self._first.get(spec.kind)
        if first is not None and not spec.argument:
            return first
        has = f"only {first} was" if first else f"no {spec.kind} was"
        raise SettingError(
            f"source {_shown(text)} is refused: files are named when the show is started,"
            f" with --source, or by a scene, and {has}"
        )


def _file_spec(text: str) -> SourceSpec | None:
    """The source that `text` means, where it names a file."""
    try:
        spec = parse_source(text)
    except SettingError:  # whoever plays it will be told
        return None
    return spec if spec.kind in FILES and spec.argument else None


def _shown(text: str) -> str:
    return repr(text if len(text) <= 60 else f"{text[:57]}...")
