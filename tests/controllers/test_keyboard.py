from __future__ import annotations

import pytest

from controllers.keyboard import KEYS, Keyboard, help_rows
from engine.controls import Controls, Value
from engine.errors import ControlError
from engine.events import WindowCommand
from engine.parameters import PARAMETERS, TRIGGERS


class Rig:
    """A keyboard and everything it plays."""

    def __init__(self) -> None:
        self.controls = Controls()
        self.controls.declare(*PARAMETERS, *TRIGGERS)
        self.reports: list[tuple[str, str, object]] = []
        self.controls.on_report(lambda *report: self.reports.append(report))
        self.changes: list[tuple[str, Value, object]] = []
        self.controls.listen(
            lambda change: self.changes.append((change.parameter.name, change.value, change.origin))
        )
        self.commands: list[WindowCommand] = []
        self.notices: list[str] = []
        self.sources = ["test-card", "drawing", "camera"]
        self.quits = 0
        self.now_s = 50.0
        self.keyboard = Keyboard(
            self.controls,
            self.commands.append,
            lambda: self.sources,
            self._quit,
            clock=lambda: self.now_s,
            notice=self.notices.append,
        )
        self.press = self.keyboard.press
        self.fired: list[tuple[str, object]] = []

    def _quit(self) -> None:
        self.quits += 1

    def answer(self, *names: str) -> None:
        def on(name: str) -> None:
            self.controls.on(name, lambda _, origin: self.fired.append((name, origin)))

        for name in names:
            on(name)


@pytest.fixture
def rig() -> Rig:
    return Rig()


@pytest.mark.parametrize(
    ("key", "command"),
    [
        ("f", WindowCommand.FULLSCREEN),
        ("f11", WindowCommand.FULLSCREEN),
        ("h", WindowCommand.OVERLAY),
        ("?", WindowCommand.HELP),
    ],
)
def test_window_keys(rig: Rig, key: str, command: WindowCommand) -> None:
    rig.press(key)
    assert rig.commands == [command]


@pytest.mark.parametrize(("key", "name"), [("b", "output/blackout"), ("space", "output/freeze")])
def test_switches_go_on_and_off(rig: Rig, key: str, name: str) -> None:
    rig.press(key)
    rig.press(key)
    assert rig.changes == [(name, 1, "keyboard"), (name, 0, "keyboard")]


@pytest.mark.parametrize(
    ("key", "name", "value"),
    [
        ("up", "paint/strength", 0.55),
        ("down", "paint/strength", 0.45),
        ("right", "prompt/mix", 0.05),
        ("left", "prompt/mix", 0.0),
    ],
)
def test_arrows_move_faders_by_whole_steps(rig: Rig, key: str, name: str, value: float) -> None:
    rig.press(key)
    assert rig.changes[0] == (name, value, "keyboard")


def test_a_held_arrow_goes_on_to_the_end_but_a_held_switch_does_not_flicker(rig: Rig) -> None:
    for _ in range(30):
        rig.press("up", repeat=True)
    assert rig.controls.get("paint/strength") == 1.0
    assert [value for _, value, _ in rig.changes][:3] == [0.55, 0.6, 0.65]
    rig.press("b", repeat=True)
    assert rig.controls.get("output/blackout") == 0


def test_tab_goes_round_the_sources(rig: Rig) -> None:
    for expected in ("drawing", "camera", "test-card"):
        rig.press("tab")
        assert rig.controls.get("input/source") == expected
    rig.controls.set("input/source", "video:/some/file.mp4")
    rig.press("tab")
    assert rig.controls.get("input/source") == "test-card"
    rig.sources.clear()
    rig.press("tab")
    assert rig.controls.get("input/source") == "test-card"


@pytest.mark.parametrize(
    ("key", "trigger"),
    [("z", "draw/undo"), ("c", "draw/clear"), ("s", "snapshot"), ("backspace", "panic")],
)
def test_triggers(rig: Rig, key: str, trigger: str) -> None:
    rig.answer(trigger)
    rig.press(key)
    assert rig.fired == [(trigger, "keyboard")]


def test_r_starts_and_stops_recordings(rig: Rig) -> None:
    rig.answer("record/start", "record/stop")
    rig.press("r")
    rig.controls.publish("record/active", 1)
    rig.press("r")
    assert [name for name, _ in rig.fired] == ["record/start", "record/stop"]


def test_escape_quits_only_twice_within_a_second(rig: Rig) -> None:
    rig.press("escape")
    assert rig.notices == ["press esc once more to quit"]
    rig.now_s += 1.5
    rig.press("escape")
    assert rig.quits == 0
    rig.now_s += 0.9
    rig.press("escape")
    assert rig.quits == 1


def test_the_menu_gets_every_key_first(rig: Rig) -> None:
    heard: list[tuple[str, bool, bool]] = []

    def first(key: str, repeat: bool, shift: bool) -> bool:
        heard.append((key, repeat, shift))
        return key in ("p", "up", "1")

    rig.keyboard._first = first
    for key in ("p", "1", "up", "b"):
        rig.press(key)
    rig.press("up", repeat=True, shift=True)
    assert heard[3:] == [("b", False, False), ("up", True, True)]
    assert [name for name, _, _ in rig.changes] == ["output/blackout"]
    assert not rig.notices


def test_what_the_menu_refuses_is_reported(rig: Rig) -> None:
    def first(*_: object) -> bool:
        raise ControlError("anime is in the mix; unload it first")

    rig.keyboard._first = first
    rig.press("x")
    assert rig.reports == [("keyboard", "anime is in the mix; unload it first", "keyboard")]


def test_without_presets_their_keys_say_so(rig: Rig) -> None:
    for key in ("1", "9", "p"):
        rig.press(key)
    assert rig.notices == ["this show has no presets"] * 3


def test_keys_without_a_meaning_do_nothing(rig: Rig) -> None:
    for key in ("q", "F5", "", "日"):
        rig.press(key)
    assert not rig.changes
    assert not rig.commands
    assert not rig.reports


def _broken(_: WindowCommand) -> None:
    raise ZeroDivisionError


def test_what_goes_wrong_is_reported_and_nothing_is_raised(
    rig: Rig, caplog: pytest.LogCaptureFixture
) -> None:
    rig.press("s")  # nobody answers snapshot here
    rig.keyboard.window = _broken
    rig.press("f")
    assert [address for address, _, _ in rig.reports] == ["keyboard", "keyboard"]
    assert "snapshot" in rig.reports[0][1]
    assert "ZeroDivisionError" in rig.reports[1][1]
    assert "Traceback" in caplog.text


def test_one_table_drives_keys_and_help() -> None:
    names = [name for row in KEYS for name in row.names]
    assert len(names) == len(set(names))
    rows = help_rows()
    assert ("space", "freeze the picture") in rows
    told = {name for keys, _ in rows for name in keys.split()}
    assert {"f", "b", "tab", "h", "?", "r", "s", "p", "1-9", "esc", "up", "down", "left"} <= told
    assert all(what and len(what) < 40 for _, what in rows)
