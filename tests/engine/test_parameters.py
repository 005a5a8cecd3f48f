"""The table equals what the contract promises. The rows below were copied from it by hand."""

from __future__ import annotations

import pytest

from engine.controls import Controls, Parameter, Trigger, Value
from engine.parameters import BUSY, PARAMETERS, SAFE_PICTURE, TRIGGERS

ROWS = {parameter.name: parameter for parameter in PARAMETERS}

FLOATS = [
    ("prompt/mix", 0, 1, 0),
    ("paint/strength", 0, 1, 0.5),
    ("paint/guidance", 0, 10, 1),
    ("paint/delta", 0, 2, 1),
    ("paint/seed-mix", 0, 1, 0),
    ("paint/skip-similar", 0, 1, 0),
    ("feedback/amount", 0, 1, 0),
    ("feedback/zoom", 0.5, 2, 1),
    ("feedback/rotate", -180, 180, 0),
    ("feedback/hue", -180, 180, 0),
    ("draw/size", 1, 200, 12),
    ("output/fade", 0, 1, 1),
    ("output/mix", 0, 1, 1),
    ("output/smooth", 0, 2, 0),
    ("output/brightness", 0, 2, 1),
    ("output/contrast", 0, 2, 1),
    ("output/saturation", 0, 2, 1),
    ("tempo/bpm", 20, 300, 120),
    ("scene/fade", 0, 600, 1),
]

INTEGERS = [
    ("paint/steps", 1, 4, 1),
    ("paint/seed", 0, 2147483647, 2),
    ("paint/seed-b", 0, 2147483647, 3),
    ("paint/active", 0, 1, 1),
    ("paint/pipeline", 1, 2, 1),
    ("input/mirror", 0, 1, 0),
    ("output/freeze", 0, 1, 0),
    ("output/blackout", 0, 1, 0),
]

TEXTS = [
    ("prompt/a", ""),
    ("prompt/b", ""),
    ("prompt/negative", ""),
    ("input/source", "test-card"),
    ("draw/color", "#ffffff"),
]

CHOICES: list[tuple[str, str, tuple[str | int, ...], Value]] = [
    ("paint/guidance-mode", "s", ("none", "self", "initialize", "full"), "none"),
    ("output/flip", "s", ("none", "horizontal", "vertical", "both"), "none"),
    ("output/rotate", "i", (0, 90, 180, 270), 0),
    ("output/on-fault", "s", ("hold", "input", "black"), "hold"),
    ("tempo/source", "s", ("internal", "midi", "link"), "internal"),
    ("scene/quantize", "s", ("none", "beat", "bar"), "none"),
]

MODULATOR_ROWS: dict[str, tuple[str, object, object, Value]] = {
    "target": ("s", None, None, ""),
    "shape": ("s", None, None, "sine"),
    "beats": ("f", 0.0625, 64, 4.0),
    "depth": ("f", -1, 1, 0.25),
    "phase": ("f", 0, 1, 0.0),
    "active": ("i", 0, 1, 0),
}

UNITS = {
    "feedback/rotate": "deg",
    "feedback/hue": "deg",
    "draw/size": "px",
    "output/smooth": "s",
}

TRIGGER_ROWS = {
    "draw/stroke": "*",
    "draw/clear": "",
    "draw/undo": "",
    "record/start": "[s",
    "record/stop": "",
    "snapshot": "[s",
    "midi/learn": "[saaaa",
    "midi/learn-cancel": "",
    "midi/learn-undo": "",
    "midi/forget": "s[aaaa",
    "tempo/tap": "",
    "scene/go": "s[f",
    "scene/next": "",
    "scene/previous": "",
    "scene/save": "s",
    "scene/reload": "",
    "painter/restart": "",
    "panic": "",
}


@pytest.mark.parametrize(("name", "low", "high", "default"), FLOATS)
def test_floats(name: str, low: float, high: float, default: float) -> None:
    row = ROWS[name]
    assert (row.kind, row.low, row.high, row.default) == ("f", low, high, default)
    assert type(row.default) is float
    assert not row.read_only


@pytest.mark.parametrize(("name", "low", "high", "default"), INTEGERS)
def test_integers(name: str, low: int, high: int, default: int) -> None:
    row = ROWS[name]
    assert (row.kind, row.low, row.high, row.default) == ("i", low, high, default)
    assert type(row.default) is int
    assert not row.read_only


@pytest.mark.parametrize(("name", "default"), TEXTS)
def test_texts(name: str, default: str) -> None:
    row = ROWS[name]
    assert (row.kind, row.choices, row.default, row.read_only) == ("s", None, default, False)


@pytest.mark.parametrize(("name", "kind", "choices", "default"), CHOICES)
def test_choices(name: str, kind: str, choices: tuple[str | int, ...], default: Value) -> None:
    row = ROWS[name]
    assert (row.kind, row.choices, row.default, row.read_only) == (kind, choices, default, False)


def test_eight_modulators() -> None:
    names = {name for name in ROWS if name.startswith("mod/")}
    assert names == {f"mod/{number}/{row}" for number in range(1, 9) for row in MODULATOR_ROWS}
    for name in names:
        row = ROWS[name]
        told = (row.kind, row.low, row.high, row.default)
        assert told == MODULATOR_ROWS[name.split("/")[2]]
        assert not row.read_only
    shapes = ROWS["mod/8/shape"].choices
    assert shapes is not None
    assert shapes[:6] == ("sine", "triangle", "saw", "square", "random", "smooth-random")
    assert all(str(shape).replace("-", "/", 1) in ROWS for shape in shapes[6:])


def test_what_is_heard_only_reports() -> None:
    for name in ("level", "low", "mid", "high", "onset"):
        assert (ROWS[f"audio/{name}"].kind, ROWS[f"audio/{name}"].read_only) == ("f", True)


def test_units() -> None:
    for name, unit in UNITS.items():
        assert ROWS[name].unit == unit


def test_the_model_can_be_set_and_the_painter_reports() -> None:
    assert (ROWS["painter/model"].kind, ROWS["painter/model"].read_only) == ("s", False)
    state = ROWS["painter/state"]
    states = ("starting", "loading", "painting", "stalled", "restarting", "failed")
    assert state.choices == BUSY == states
    for name in ("painter/fps", "painter/frame-ms", "painter/latency-ms", "painter/memory-mb"):
        assert ROWS[name].kind == "f"
    for name, row in ROWS.items():
        if name.startswith("painter/") and name != "painter/model":
            assert row.read_only, name


def test_triggers() -> None:
    assert {trigger.name: trigger.arguments for trigger in TRIGGERS} == TRIGGER_ROWS


def test_every_row_is_whole() -> None:
    controls = Controls()
    controls.declare(*PARAMETERS, *TRIGGERS)
    entries: list[Parameter | Trigger] = [*PARAMETERS, *TRIGGERS]
    for entry in entries:
        assert entry.name == entry.name.lower().strip("/")
        assert entry.help
        assert "\n" not in entry.help
    for parameter in PARAMETERS:
        assert parameter.coerce(parameter.default) == parameter.default
        assert not parameter.wrap or (parameter.low, parameter.high) == (-180, 180)


def test_faders_slide_and_switches_cut() -> None:
    sliding = {parameter.name for parameter in PARAMETERS if parameter.slew}
    assert sliding >= {"paint/strength", "prompt/mix", "output/fade", "feedback/hue"}
    assert all(isinstance(ROWS[name], Parameter) and ROWS[name].kind == "f" for name in sliding)


def test_the_safe_picture_can_be_set() -> None:
    for name, value in SAFE_PICTURE.items():
        assert ROWS[name].coerce(value) == value
        assert not ROWS[name].read_only
