"""The keyboard of the window: one table drives what the keys do and what the help says of them."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from engine.controls import Controls
from engine.errors import ArtflowError
from engine.events import WindowCommand

log = logging.getLogger(__name__)

ORIGIN: Final = "keyboard"
STEP: Final = 0.05
QUIT_WITHIN_S: Final = 1.0

Action = Callable[["Keyboard"], None]
First = Callable[[str, bool, bool], bool]
"""(key, repeat, shift) -> whether it meant something there, and so nothing here."""


@dataclass(frozen=True, slots=True)
class Key:
    """A row of the table: the key names that do it, what the help calls them, and what it does.

    `repeats` keys go on while held down. A row without a label is told of by another's. Names are
    those of `engine.events.KeyPressed`.
    """

    names: tuple[str, ...]
    label: str
    help: str
    action: Action
    repeats: bool = False


class Keyboard:
    """Turns plain key names into control changes; never raises, whatever is pressed.

    `window` obeys window commands, `sources` lists what `tab` steps through, `quit` ends the show,
    `notice` shows one line to the performer, and `first` gets each key before the table does: the
    preset menu, whose keys change with what it shows. What goes wrong is reported at "keyboard".
    """

    def __init__(
        self,
        controls: Controls,
        window: Callable[[WindowCommand], None],
        sources: Callable[[], list[str]],
        quit: Callable[[], None],
        clock: Callable[[], float] = time.monotonic,
        notice: Callable[[str], None] = lambda _: None,
        first: First = lambda *_: False,
    ) -> None:
        self._controls = controls
        self.window = window
        self._sources = sources
        self._quit = quit
        self._clock = clock
        self._notice = notice
        self._first = first
        self._escaped_at_s = float("-inf")
        self._rows = {name: row for row in KEYS for name in row.names}

    def press(self, key: str, repeat: bool = False, shift: bool = False) -> None:
        """Do what the menu or the table says of this key; unknown keys do nothing."""
        try:
            if self._first(key, repeat, shift):
                return
            row = self._rows.get(key)
            if row is not None and (row.repeats or not repeat):
                row.action(self)
        except ArtflowError as error:
            self._controls.report("keyboard", str(error), ORIGIN)
        except Exception as error:
            log.exception("the key %r failed", key)
            self._controls.report("keyboard", f"the key {key!r} failed: {error!r}", ORIGIN)

    # what the rows of the table do

    def toggle(self, name: str) -> None:
        """Flip a switch."""
        self._controls.set(name, int(not self._controls.get(name)), ORIGIN)

    def step(self, name: str, by: float) -> None:
        """Move a fader from where it is heading, staying on whole steps."""
        value = self._controls.get(name)
        if not isinstance(value, str):
            whole = round((value + by) / STEP)
            self._controls.set(name, round(whole * STEP, 6), ORIGIN)

    def fire(self, name: str) -> None:
        self._controls.fire(name, (), ORIGIN)

    def next_source(self) -> None:
        """The source after the one that plays; the first if that one is not in the list."""
        sources = self._sources()
        if not sources:
            return
        now = self._controls.get("input/source")
        following = sources.index(str(now)) + 1 if now in sources else 0
        self._controls.set("input/source", sources[following % len(sources)], ORIGIN)

    def record(self) -> None:
        """Start a recording, or stop the running one."""
        self.fire("record/stop" if self._controls.get("record/active") else "record/start")

    def presets(self) -> None:
        """Where a show has presets, their menu takes these keys first."""
        self._notice("this show has no presets")

    def escape(self) -> None:
        """Quit, if pressed twice within a second."""
        now_s = self._clock()
        if now_s - self._escaped_at_s <= QUIT_WITHIN_S:
            self._quit()
            return
        self._escaped_at_s = now_s
        self._notice("press esc once more to quit")


def _command(command: WindowCommand) -> Action:
    return lambda keyboard: keyboard.window(command)


def _toggle(name: str) -> Action:
    return lambda keyboard: keyboard.toggle(name)


def _step(name: str, by: float) -> Action:
    return lambda keyboard: keyboard.step(name, by)


def _fire(name: str) -> Action:
    return lambda keyboard: keyboard.fire(name)


KEYS: Final[tuple[Key, ...]] = (
    Key(("f", "f11"), "f", "fullscreen", _command(WindowCommand.FULLSCREEN)),
    Key(("b",), "b", "blackout", _toggle("output/blackout")),
    Key(("space",), "space", "freeze the picture", _toggle("output/freeze")),
    Key(("up",), "up down", "strength", _step("paint/strength", STEP), repeats=True),
    Key(("down",), "", "", _step("paint/strength", -STEP), repeats=True),
    Key(("left",), "left right", "to prompt a, b", _step("prompt/mix", -STEP), repeats=True),
    Key(("right",), "", "", _step("prompt/mix", STEP), repeats=True),
    Key(("tab",), "tab", "next source", Keyboard.next_source),
    Key(("z",), "z", "take back the last stroke", _fire("draw/undo")),
    Key(("c",), "c", "clear the drawing", _fire("draw/clear")),
    Key(("r",), "r", "record, and stop", Keyboard.record),
    Key(("s",), "s", "save a snapshot", _fire("snapshot")),
    Key(("p",), "p", "presets; with shift for all to see", Keyboard.presets),
    Key(tuple("123456789"), "1-9", "load an installed style", Keyboard.presets),
    Key(("l",), "l", "learn a knob for what changed last", _fire("midi/learn")),
    Key(("backspace",), "backspace", "panic: a safe picture", _fire("panic")),
    Key(("h",), "h", "overlay", _command(WindowCommand.OVERLAY)),
    Key(("?", "/"), "?", "this list", _command(WindowCommand.HELP)),
    Key(("escape",), "esc esc", "quit", Keyboard.escape),
)
"""Every key that does something, in the order of the help."""


def help_rows() -> tuple[tuple[str, str], ...]:
    """(keys, what they do) of every row with a label, for the window's help."""
    return tuple((row.label, row.help) for row in KEYS if row.label)
