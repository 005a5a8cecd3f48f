"""The window's loop: take the newest picture, draw it, pump events. Main thread only.

Nothing is drawn when nothing is new, and presenting leaves the GIL to the conductor, so this thread
costs the others next to nothing. Each step may fail without ending the show: only `close` does.
"""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, ParamSpec

import pygame

from engine.events import CloseRequested, KeyPressed, WindowCommand, WindowEvent
from engine.latest import Frame, Latest
from engine.overlay import Overlay
from engine.window.screen import Screen, close_displays, open_displays
from engine.window.stages import Audience, Desk, Stage
from engine.window.translate import Translator
from engine.window.view import Keys

log = logging.getLogger(__name__)
P = ParamSpec("P")

OVERLAY_EVERY_S: Final = 0.1
MENU_EVERY_S: Final = 1 / 30
"""How often what is told may change while the menu is open, and after a key."""
CURSOR_HIDES_AFTER_S: Final = 2.0
DESK_EVERY_S: Final = 1 / 30
_REVIVE_EVERY_S: Final = 1.0
_STUMBLE_S: Final = 0.05
"""How long the loop rests after a step that failed, so that a lasting fault costs little."""
_KEY_REPEAT_MS: Final = (400, 50)
_DESK_SIZE: Final = (1280, 800)
_DRAW_AGAIN: Final = (
    pygame.WINDOWEXPOSED,
    pygame.WINDOWSIZECHANGED,
    pygame.WINDOWRESTORED,
    pygame.WINDOWSHOWN,
)
_LOST: Final = (pygame.RENDER_TARGETS_RESET, pygame.RENDER_DEVICE_RESET)


@dataclass(frozen=True)
class WindowOptions:
    """How the window opens. `size` in points; `keys` are listed by the help, in this order."""

    size: tuple[int, int] = (960, 960)
    fullscreen: bool = False
    display: int = 0
    desk: bool = False
    title: str = "ArtFlow Live"
    keys: Keys = ()


class Window:
    """The audience's window, and the operator's desk where it was asked for.

    Make it and `run` it on the main thread; `close` and `show` may be called from any thread.
    `post` gets every `WindowEvent` (from the main thread: hand it over and go); `overlay` is asked
    ten times a second for what to tell the performer, more often while the menu is open.
    `presented` counts pictures on the audience's screen, `present_ms` is what handing over the
    last one took.

    Raises `OutputError` if no display can be opened.
    """

    def __init__(
        self,
        options: WindowOptions,
        shown: Latest[Frame],
        input: Latest[Frame],
        post: Callable[[WindowEvent], None],
        overlay: Callable[[], Overlay],
    ) -> None:
        open_displays()
        self._shown = shown
        self._input = input
        self._post = post
        self._ask_overlay = overlay
        self._overlay = Overlay()
        self._overlay_at_s = 0.0
        self._commands: deque[WindowCommand] = deque()
        self._closing = False
        self._close_asked = False
        # the audience's picture stays clean when it fills a screen; h brings the overlay
        self._board = options.desk or not options.fullscreen
        self._help = False
        try:
            screen = Screen(
                options.title,
                options.size,
                fullscreen=options.fullscreen,
                display=options.display,
            )
            self._audience = Audience(screen, options.keys)
            self._desk: Desk | None = None
            if options.desk:
                # one screen at most may wait for its refresh: the audience's
                desk = Screen(
                    f"{options.title}: desk",
                    _DESK_SIZE,
                    display=_another_display(options.display),
                    vsync=False,
                )
                self._desk = Desk(desk, options.keys)
        except BaseException:
            close_displays()
            raise
        pygame.key.set_repeat(*_KEY_REPEAT_MS)
        self._translator = Translator(self._locate, self._touched)
        self._period_s = 1 / screen.refresh_hz
        self._due_s: dict[Stage, float] = {}
        self._drawn: dict[Stage, tuple[int, int]] = {}
        self._dirty: set[Stage] = set(self._stages)
        self._moved_at_s = 0.0
        self._over_desk = False
        self._cursor = True
        self.presented = 0
        self.on_presented: Callable[[Frame], None] | None = None
        """Told each picture that has been handed to the audience's screen (benchmarks)."""

    @property
    def present_ms(self) -> float:
        return self._audience.screen.present_ms

    @property
    def _stages(self) -> tuple[Stage, ...]:
        return (self._audience,) if self._desk is None else (self._audience, self._desk)

    # from any thread

    def close(self) -> None:
        """Let `run` return."""
        self._closing = True

    def show(self, command: WindowCommand) -> None:
        """Obey this at the next refresh."""
        self._commands.append(command)

    # on the main thread

    def run(self) -> None:
        """Show pictures until `close`; then the windows are gone."""
        try:
            while not self._closing:
                self._try(self._pump)
                self._try(self._obey)
                now_s = time.monotonic()
                self._try(self._look, now_s)
                for stage in self._stages:
                    self._try(self._refresh, stage, now_s)
                self._try(self._set_cursor, now_s)
                self._try(self._rest)
        finally:
            for stage in self._stages:
                self._try(stage.screen.close)
            close_displays()

    def _try(self, step: Callable[P, object], *args: P.args, **kwargs: P.kwargs) -> None:
        """Take one step; whatever is wrong with it, the audience keeps its picture."""
        try:
            step(*args, **kwargs)
        except Exception:
            log.exception("the window stumbled")
            time.sleep(_STUMBLE_S)

    def _pump(self) -> None:
        for event in pygame.event.get():
            self._try(self._hear, event)
        if self._close_asked:  # closing the last window is told twice
            self._close_asked = False
            self._post(CloseRequested())

    def _hear(self, event: pygame.Event) -> None:
        if event.type in _DRAW_AGAIN:
            self._dirty.update(self._stages)
            self._overlay_at_s = 0.0  # the panels' places depend on the size
        elif event.type in _LOST:
            for stage in self._stages:
                stage.screen.forget()
            self._dirty.update(self._stages)
        elif event.type == pygame.MOUSEMOTION:
            self._moved_at_s = time.monotonic()
            self._over_desk = self._stage(event.window) is self._desk
        for ours in self._translator.events(event):
            if isinstance(ours, CloseRequested):
                self._close_asked = True
            else:
                self._post(ours)
            if isinstance(ours, KeyPressed):  # what it did is told soon
                soon_s = time.monotonic() + MENU_EVERY_S
                self._overlay_at_s = min(self._overlay_at_s, soon_s)

    def _obey(self) -> None:
        while self._commands:
            command = self._commands.popleft()
            if command is WindowCommand.FULLSCREEN:
                self._audience.screen.toggle_fullscreen()
            elif command is WindowCommand.OVERLAY:
                self._board = not self._board
            else:
                self._help = not self._help
            self._dirty.update(self._stages)
            self._overlay_at_s = 0.0

    def _look(self, now_s: float) -> None:
        """Ask what to tell the performer, and lay it out."""
        if now_s < self._overlay_at_s:
            return
        self._overlay_at_s = now_s + OVERLAY_EVERY_S
        try:
            self._overlay = self._ask_overlay()
        except Exception:
            log.exception("no overlay this time")
        if self._overlay.menu is not None:
            self._overlay_at_s = now_s + MENU_EVERY_S
        for stage in self._stages:
            self._try(self._arrange, stage, now_s)

    def _arrange(self, stage: Stage, now_s: float) -> None:
        mine = stage is self._desk or self._desk is None
        menu = self._overlay.menu
        changed = stage.arrange(
            self._overlay,
            now_s,
            board=mine and self._board,
            help=mine and self._help,
            menu=menu is not None and (mine or menu.everywhere),
        )
        if changed:
            self._dirty.add(stage)

    def _refresh(self, stage: Stage, now_s: float) -> None:
        """Draw this window if there is something new and its screen is ready for it."""
        newest = self._newest(stage)
        if now_s < self._due_s.get(stage, 0.0):
            return
        if newest == self._drawn.get(stage) and stage not in self._dirty:
            return
        shown = self._shown.get()
        try:
            stage.draw(shown, self._input.get())
        except pygame.error as error:
            log.warning("the graphics driver stumbled (%s); the renderer is made anew", error)
            self._revive(stage, now_s)
            return
        self._drawn[stage] = newest
        self._dirty.discard(stage)
        if stage is self._audience:
            self.presented += 1
            if self.on_presented is not None and shown is not None:
                self.on_presented(shown)
        self._due_s[stage] = self._next_due(stage, now_s)

    def _newest(self, stage: Stage) -> tuple[int, int]:
        """How many pictures this window has had to choose from."""
        return (self._shown.replaced, self._input.replaced if stage is self._desk else 0)

    def _next_due(self, stage: Stage, now_s: float) -> float:
        if stage is self._desk:
            return now_s + DESK_EVERY_S
        if stage.screen.vsync:
            return now_s + self._period_s / 2  # presenting itself waits for the screen
        # a grid of deadlines, so that lateness does not add up
        due_s = self._due_s.get(stage, now_s) + self._period_s
        return due_s if due_s > now_s else now_s + self._period_s

    def _revive(self, stage: Stage, now_s: float) -> None:
        self._dirty.add(stage)
        self._due_s[stage] = now_s + _STUMBLE_S
        try:
            stage.screen.recover()
        except pygame.error as error:
            log.warning("no renderer yet: %s", error)
            self._due_s[stage] = now_s + _REVIVE_EVERY_S

    def _rest(self) -> None:
        """Until the next picture, but no longer than a refresh: events want to be pumped."""
        now_s = time.monotonic()
        audience = self._audience
        if self._newest(audience) != self._drawn.get(audience) or audience in self._dirty:
            wait_s = min(self._due_s.get(audience, 0.0) - now_s, self._period_s)
            if wait_s > 0:
                time.sleep(wait_s)
            return
        self._shown.wait(self._drawn[audience][0], self._period_s)

    def _set_cursor(self, now_s: float) -> None:
        over_picture = self._overlay.drawing or not self._audience.screen.fullscreen
        moving = now_s - self._moved_at_s < CURSOR_HIDES_AFTER_S
        visible = self._over_desk or (over_picture and moving)
        if visible != self._cursor:
            self._cursor = visible
            pygame.mouse.set_visible(visible)

    def _stage(self, window: object) -> Stage:
        if self._desk is not None and window is self._desk.screen.window:
            return self._desk
        return self._audience

    def _touched(self) -> pygame.Window:
        """The window that fingers are on: their events do not tell."""
        if self._desk is not None and self._desk.screen.window.focused:
            return self._desk.screen.window
        return self._audience.screen.window

    def _locate(
        self, window: object, pointer: int, x: float, y: float, anywhere: bool
    ) -> tuple[float, float] | None:
        stage = self._stage(window)
        return stage.locate(pointer, *stage.screen.pixel(x, y), self._overlay, anywhere)


def _another_display(than: int) -> int:
    """The first display that is not the audience's; the same one where there is no other."""
    others = [n for n in range(pygame.display.get_num_displays()) if n != than]
    return others[0] if others else than
