"""Scene files: every problem is named with its place, and the good rest is used."""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from engine.controls import Controls, Parameter, Value
from engine.errors import ControlError, SettingError
from engine.option_readers import shown
from engine.yaml_file import Document, Place, read_yaml
from scenes.scene import QUANTIZE, Mod, Quantize, Scene, Span, Unit
from scenes.scene_keys import (
    LEAST_AFTER,
    MOD_FIELDS,
    MOST_AFTER,
    MOST_FADE,
    MOST_MODS,
    NONE_LEAST,
    SCENE_KEYS,
    SPAN_WORDS,
)
from scenes.values import checked, control_values, nearest, settable, source_beside

SUFFIX: Final = ".yaml"

_SPAN: Final = re.compile(r"([0-9]{1,9}(?:\.[0-9]{0,9})?|\.[0-9]{1,9}) *([A-Za-z]+)")
_UNIT: Final[dict[str, Unit]] = {
    "s": "s",
    "second": "s",
    "seconds": "s",
    "beat": "beats",
    "beats": "beats",
    "bar": "bars",
    "bars": "bars",
}
_WEIGHT: Final = re.compile("preset/([a-z0-9-]+)/weight")


def read_scene(path: Path, controls: Controls) -> tuple[Scene | None, list[str]]:
    """The scene at `path`, named by its file, and a line for each problem in the file's order.

    What a line names is left out. `controls` says what may be named; it is not changed. None where
    the file cannot be read, or is no scene at all.
    """
    try:
        document = read_yaml(path)
        return scene_of(document, path.name.removesuffix(SUFFIX), controls)
    except SettingError as error:
        return None, [str(error)]


def scene_of(document: Document, name: str, controls: Controls) -> tuple[Scene | None, list[str]]:
    """The scene that a document says, as `read_scene`."""
    value = {} if document.value is None else document.value
    if not isinstance(value, dict):
        line = f"{document.where()}: found {shown(value)}; allowed: a scene's keys, such as set:"
        return None, [line]
    scene = _Reader(document, controls).scene(name, value)
    return scene, document.in_order(document.problems)


def where_next(path: Path) -> str:
    """`file:line` of a scene's `next`."""
    try:
        return read_yaml(path).where("next")
    except SettingError:
        return str(path)


def read_span(raw: object, most: Mapping[Unit, float]) -> Span:
    """The span that `raw` says, 0 to `most`. Raises ValueError."""
    if isinstance(raw, (int, float)) and not isinstance(raw, bool):
        amount, unit = float(raw), _UNIT["s"]
    else:
        match = _SPAN.fullmatch(raw.strip()) if isinstance(raw, str) else None
        if match is None or match[2].lower() not in _UNIT:
            raise ValueError(raw)
        amount, unit = float(match[1]), _UNIT[match[2].lower()]
    if not (math.isfinite(amount) and 0 <= amount <= most[unit]):
        raise ValueError(raw)
    return Span(amount, unit)


@dataclass
class _Reader:
    document: Document
    controls: Controls

    def scene(self, name: str, value: dict[str, object]) -> Scene:
        self._unknown((), value, [key.name for key in SCENE_KEYS])
        # a key with nothing behind it is a key not yet written
        said: dict[str, Any] = {key: raw for key, raw in value.items() if raw is not None}
        after = self._span(("after",), said.get("after"), MOST_AFTER, LEAST_AFTER)
        return Scene(
            name,
            folder=str(self.document.path.absolute().parent),
            description=self._text("description", said),
            notes=self._text("notes", said),
            fade=self._span(("fade",), said.get("fade"), MOST_FADE),
            quantize=self._quantize(said.get("quantize")),
            set=self._set(said.get("set")),
            presets=self._presets(said["presets"]) if "presets" in said else None,
            mods=self._mods(said["mods"]) if "mods" in said else None,
            fades=self._fades(said.get("fades")),
            after=after,
            next=self._next(said.get("next")),
        )

    def _problem(self, place: Place, text: str) -> None:
        self.document.problems.append(f"{self.document.where(*place)}: {text}")

    def _unknown(self, place: Place, value: Collection[str], known: list[str]) -> None:
        for key in value:
            if key not in known:
                near = nearest(key, known, f"allowed: {', '.join(known)}")
                self._problem((*place, key), f"unknown key {shown(key)}; {near}")

    def _text(self, key: str, said: dict[str, Any]) -> str:
        raw = said.get(key, "")
        if not isinstance(raw, str):
            self._problem((key,), f"{key} is {shown(raw)}; allowed: text (in quotes)")
            return ""
        return raw

    def _span(
        self,
        place: Place,
        raw: object,
        most: Mapping[Unit, float],
        least: Mapping[Unit, float] = NONE_LEAST,
    ) -> Span | None:
        if raw is None:
            return None
        try:
            span = read_span(raw, most)
            if span.amount >= least[span.unit]:
                return span
        except ValueError:
            pass
        limits = ", ".join(f"{least[unit]:g} to {most[unit]:g} {unit}" for unit in most)
        self._problem(place, f"{place[-1]} is {shown(raw)}; allowed: {limits}: {SPAN_WORDS}")
        return None

    def _quantize(self, raw: object) -> Quantize | None:
        if raw is None:
            return None
        if raw not in QUANTIZE:
            allowed = ", ".join(QUANTIZE)
            self._problem(("quantize",), f"quantize is {shown(raw)}; allowed: {allowed}")
            return None
        return raw

    def _set(self, raw: object) -> dict[str, Value]:
        values = control_values(self.document, "set", raw, self.controls)
        if isinstance(source := values.get("input/source"), str):
            folder = self.document.path.absolute().parent
            values["input/source"] = source_beside(source, folder)
        return values

    def _presets(self, raw: object) -> dict[str, float] | None:
        if not isinstance(raw, dict):
            self._problem(
                ("presets",), f"presets is {shown(raw)}; allowed: preset: weight, such as anime: 1"
            )
            return None
        weights: dict[str, float] = {}
        for id, wanted in raw.items():
            name = f"preset/{id}/weight"
            try:
                if not (_WEIGHT.fullmatch(name) and self._has(name)):
                    near = nearest(id, self._presets_known(), "see artflow presets list")
                    raise ControlError(f"unknown preset {shown(id)}; {near}")
                parameter = _called(self.controls, name, f"the weight of {id}")
                weights[id] = float(checked(parameter, wanted))
            except ControlError as error:
                self._problem(("presets", id), str(error))
        return weights

    def _has(self, name: str) -> bool:
        try:
            self.controls.parameter(name)
        except ControlError:
            return False
        return True

    def _presets_known(self) -> list[str]:
        matches = (_WEIGHT.fullmatch(row.name) for row in self.controls.parameters())
        return [match[1] for match in matches if match]

    def _mods(self, raw: object) -> tuple[Mod, ...] | None:
        if not isinstance(raw, list):
            self._problem(
                ("mods",), f"mods is {shown(raw)}; allowed: a list of up to {MOST_MODS} modulators"
            )
            return None
        if len(raw) > MOST_MODS:
            self._problem(
                ("mods", MOST_MODS),
                f"{len(raw)} modulators; allowed: {MOST_MODS}, the rest is left out",
            )
        mods = (self._mod(("mods", at), item) for at, item in enumerate(raw[:MOST_MODS]))
        return tuple(mod for mod in mods if mod is not None)

    def _mod(self, place: Place, raw: object) -> Mod | None:
        if not isinstance(raw, dict):
            allowed = ":, ".join(("target", *MOD_FIELDS))
            self._problem(place, f"a modulator is {shown(raw)}; allowed: {allowed}:")
            return None
        if raw.get("target") is None:
            self._unknown(place, raw, ["target", *MOD_FIELDS])
            what = "a modulator without a target moves nothing"
            self._problem(place, f"{what}; name one, such as target: feedback/zoom")
            return None
        self._unknown(place, raw, ["target", *MOD_FIELDS])
        fields: dict[str, Any] = {}
        for key in MOD_FIELDS:
            if raw.get(key) is None:
                continue
            try:
                fields[key] = checked(_called(self.controls, f"mod/1/{key}", key), raw[key])
            except ControlError as error:
                self._problem((*place, key), str(error))
        try:
            return Mod(self._target(raw["target"]), **fields)
        except ControlError as error:
            self._problem((*place, "target"), str(error))
            return None

    def _target(self, raw: object) -> str:
        from engine.modulators import unfit  # brings trio along: only where there are modulators

        if not isinstance(raw, str):
            raise ControlError(f"target is {shown(raw)}; allowed: a float control's name")
        if reason := unfit(settable(raw, self.controls)):
            raise ControlError(reason)
        return raw

    def _fades(self, raw: object) -> dict[str, Span]:
        if raw is None:
            return {}
        if not isinstance(raw, dict):
            self._problem(
                ("fades",), f"fades is {shown(raw)}; allowed: control: {SPAN_WORDS}, line by line"
            )
            return {}
        spans: dict[str, Span] = {}
        for name, wanted in raw.items():
            try:
                settable(name, self.controls)
            except ControlError as error:
                self._problem(("fades", name), str(error))
                continue
            if (span := self._span(("fades", name), wanted, MOST_FADE)) is not None:
                spans[name] = span
        return spans

    def _next(self, raw: object) -> str | None:
        if raw is None:
            return None
        if not isinstance(raw, str) or not raw.strip():
            found = "a list" if isinstance(raw, list) else shown(raw)
            self._problem(("next",), f"next is {found}; allowed: a scene's name (in quotes)")
            return None
        return raw.strip()


def _called(controls: Controls, name: str, told: str) -> Parameter:
    """The row of the control `name`, called `told` in its errors."""
    row = controls.parameter(name)
    return replace(row, name=told)
