"""The running show: every part opened in nested nurseries, top to bottom.

Main thread: the window (or waiting). Conductor thread: trio, with everything else. Painter: a
process of its own. The parts know nothing of one another; this is the one place where they meet.
"""

from __future__ import annotations

import contextlib
import logging
import math
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Final

import trio

from artflow_parts import (
    every_control,
    job,
    midi_part,
    osc_server,
    painting,
    scene_shelf,
    tempo_refusals,
)
from artflow_told import Told
from controllers import link
from controllers.keyboard import Keyboard, help_rows
from controllers.osc_allow import everyone, gate, where
from engine.audio import Audio
from engine.data_folder import open_data_folder
from engine.errors import ControlError, OutputError
from engine.events import CloseRequested, KeyPressed, WindowCommand, WindowEvent
from engine.latest import SWITCH_INTERVAL_S
from engine.logs import notice
from engine.modulators import Modulators
from engine.moments import Moments
from engine.motion import Motion
from engine.options import ShowOptions
from engine.output import Output
from engine.outputs import Outputs
from engine.overlay import Overlay, knob_text, read_overlay
from engine.parameters import SAFE_PICTURE
from engine.sources.drawing import PointerEvent
from engine.sources.input import Input
from engine.tasks import running, unwrapped
from engine.tempo import Tempo
from engine.version import show_version
from engine.window import Window, WindowOptions
from presets.models import told_of
from presets.now_playing import now_playing
from presets.playing import Playing, Stock
from presets.preset_menu import PresetMenu
from scenes.director import Director

log = logging.getLogger(__name__)

WINDOW_FIRST_S: Final = 1.0
"""How long the painter waits at most for the window to open."""

OF_PRESETS: Final = ("preset/", "painter/model")
"""How the names begin that the presets' part answers."""
OF_MIDI: Final = "midi/"
"""And those that come with the devices of MIDI maps."""

STOPPED_BY: Final = tuple(
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)
)


def run_show(options: ShowOptions) -> int:
    """Run the show until it is stopped; the exit code. Raises `ArtflowError` if it cannot run."""
    return Show(options).run()


class Show:
    """Everything a show is made of, and the order in which it opens and closes."""

    def __init__(self, options: ShowOptions) -> None:
        self.options = options
        self.window: Window | None = None
        self.data = open_data_folder(options.data)
        log.info("artflow %s starts", show_version())
        sys.setswitchinterval(SWITCH_INTERVAL_S)
        self.stock = Stock(self.data.root, options.presets, options.model)
        self.model = self.stock.model
        self.controls = every_control(self.model, lambda: self.scenes.order)
        self.controls.on("painter/restart", lambda *_: self.painting.restart())
        self.controls.on("panic", self._panic)
        self.told = Told(self.controls)
        self._start_with(lambda name: not name.startswith((*OF_PRESETS, OF_MIDI)))
        size = options.size or self.model.size
        self.input = Input(self.controls, size, allowed=[options.source])
        self.output = Output(self.controls, self.input.latest)
        self.outputs = Outputs(self.controls, self.output, self.data.root, notice=self.told.notice)
        first = job(options, self.model, self.data)
        self.painting = painting(
            options, self.controls, self.input, self.output, first, self.told.notice
        )
        self.presets = Playing(
            self.controls,
            self.stock,
            self.painting,
            lambda model: self.painting.change(job(options, model, self.data)),
            moment=lambda act: self.moments.when(act),
            notice=self.told.notice,
            tell=self.told.fetched,
        )
        self.menu = PresetMenu(self.controls, self.presets.switcher.roster, self.told.notice)
        self._start_with(lambda name: name.startswith(OF_PRESETS))
        self.motion = Motion(self.controls)  # from here on values travel
        self.gate = gate(options.allow, self.told.refused) if options.guarded else None
        self.tempo = Tempo(self.controls, refusals=tempo_refusals(options), notice=self.told.notice)
        self.moments = Moments(self.controls, self.tempo)
        self.link = link.Link(self.controls, self.tempo)
        self.scenes = Director(
            self.controls,
            scene_shelf(options, self.controls, self.data),
            self.motion,
            self.tempo,
            set_list=options.setlist or "",
            files=self.input.files,
            notice=self.told.notice,
        )
        self.modulators = Modulators(self.controls, self.tempo.beat_now, seed=options.seed or 0)
        self.audio = Audio(self.controls, options.audio, notice=self.told.notice)
        self.midi = midi_part(options, self.controls, self.data, self.tempo, self.told.notice)
        self._start_with(lambda name: name.startswith(OF_MIDI))
        self.osc = osc_server(options, self.controls, self.gate or everyone, self.told.refused)
        self.keyboard = Keyboard(
            self.controls,
            self._command,
            self.input.sources,
            self.stop,
            notice=self.told.notice,
            first=self._first_press,
        )
        self._token: trio.lowlevel.TrioToken | None = None
        self._scope = trio.CancelScope()
        self._changed = trio.Event()
        self._listening = threading.Event()
        self._screened = trio.Event()
        self._done = threading.Event()
        self._failure: BaseException | None = None
        self._asked_to_stop = 0

    # before the show

    def _start_with(self, meant: Callable[[str], bool]) -> None:
        """Set the start values whose names are `meant`, now that their controls are there."""
        for name, value in self.options.start_values.items():
            if meant(name):
                try:
                    self.controls.set(name, value)
                except ControlError as error:
                    self.controls.report(name, f"{error}; the show starts without it")
        self.controls.commit()

    # what the performer asks of the show as a whole

    def _first_press(self, key: str, repeat: bool, shift: bool) -> bool:
        """Keys mean something else while a knob is learned, and in the menu."""
        if self.midi is not None and self.midi.learn.key(key, repeat, shift):
            return True
        return self.menu.press(key, repeat, shift)

    def _panic(self, *_: object) -> None:
        for name, value in SAFE_PICTURE.items():
            self.controls.set(name, value)  # whoever asked wants to hear what changed, too
        self.scenes.halt()
        self.moments.clear()
        self.presets.switcher.clear(0.0)

    def stop(self) -> None:
        """End the show cleanly, from any thread."""
        self._in_conductor(self._scope.cancel)
        if self.window is not None:
            self.window.close()

    # the main thread

    def run(self) -> int:
        """Open everything, show until stopped, close everything."""
        conductor = threading.Thread(target=self._conduct, name="conductor")
        with self._signals():
            conductor.start()
            try:
                self._listening.wait()
                if not self._done.is_set():
                    self._show_pictures()
            finally:
                self.stop()
                while conductor.is_alive():  # in slices, so that a third Ctrl-C can end it at once
                    conductor.join(0.1)
        if self._failure is not None:
            raise self._failure
        return 0

    def _show_pictures(self) -> None:
        if not self.options.headless:
            try:
                self.window = self.open_window()
            except OutputError as error:
                notice(f"{error}; running headless")
        self._in_conductor(self._screened.set)
        if self.window is not None:
            self.window.run()
        else:
            while not self._done.wait(0.2):
                pass

    def open_window(self) -> Window:
        """The window that the options ask for; raises `OutputError` where there is no display."""
        options = WindowOptions(
            size=self.options.window,
            fullscreen=self.options.fullscreen,
            display=self.options.display,
            desk=self.options.desk,
            keys=help_rows(),
        )
        return Window(options, self.output.shown, self.input.latest, self._post, self._overlay)

    @contextlib.contextmanager
    def _signals(self) -> Iterator[None]:
        def handle(number: int, frame: FrameType | None) -> None:  # noqa: ARG001
            self._asked_to_stop += 1
            if self._asked_to_stop > 2:
                os._exit(130)  # the painter leaves by itself when its pipe ends
            self.stop()

        # who ignores a signal (nohup) goes on ignoring it
        heard = [number for number in STOPPED_BY if signal.getsignal(number) != signal.SIG_IGN]
        before = {number: signal.signal(number, handle) for number in heard}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    # the conductor's thread

    def _conduct(self) -> None:
        try:
            trio.run(self._open)
        except BaseException as error:
            self._failure = unwrapped(error)
        finally:
            self._done.set()
            self._listening.set()
            if self.window is not None:
                self.window.close()

    async def _open(self) -> None:
        """Open the parts from the outside in; they close from the inside out."""
        self._token = trio.lowlevel.current_trio_token()
        self.controls.wake = lambda: self._changed.set()
        if self._asked_to_stop:
            return
        async with running() as source:
            await source.start(self.input.run)
            self.output.start()
            try:
                async with running(
                    self._commit,
                    self.motion.run,
                    self.tempo.run,
                    self.moments.run,
                    self.link.run,
                    self.modulators.run,
                    self.audio.run,
                ) as players:
                    if self.osc is not None:
                        await players.start(self.osc.run)
                        notice(f"OSC: udp and tcp {where(self.osc.host, self.osc.port, self.gate)}")
                    # after OSC, so that who listens from the start hears every state of a fetch
                    await players.start(self.presets.run)
                    await players.start(self.scenes.run)
                    if self.midi is not None:
                        await players.start(self.midi.run)
                    notice(told_of(self.model, self.options.model))
                    self._listening.set()
                    async with running(self._terminal):
                        await self._play()
            finally:
                self.output.close()

    async def _play(self) -> None:
        """Paint, record and show until stopped."""
        with self._scope:
            async with trio.open_nursery() as parts:
                parts.start_soon(self._paint)
                parts.start_soon(self.outputs.run)
                if self.options.record is not None:
                    self.outputs.record_file(self.options.record)
                await trio.sleep(math.inf if self.options.seconds is None else self.options.seconds)
                parts.cancel_scope.cancel()
        self.stop()

    async def _paint(self) -> None:
        # the window first: importing torch takes a core for seconds
        with trio.move_on_after(WINDOW_FIRST_S):
            await self._screened.wait()
        await self.painting.run()

    async def _commit(self) -> None:
        """Show the world each turn's changes at once: painter, output stage, window."""
        while True:
            self._changed = trio.Event()
            snapshot = self.controls.commit()
            self.presets.follow(snapshot)
            self.painting.offer(snapshot)
            await self._changed.wait()

    async def _terminal(self) -> None:
        await self._screened.wait()
        await self.told.run(windowed=self.window is not None)

    # the window

    def _overlay(self) -> Overlay:
        """What the overlay tells, from the newest snapshot; called on the window's thread."""
        values = self.controls.committed
        return read_overlay(
            values,
            default_prompt=self.presets.model.default_prompt,
            painter_text=self.painting.loading,
            latency_ms=self.output.latency_ms,
            osc=f"{self.osc.host}:{self.osc.port}" if self.osc else "",
            knob=self._knob(),
            playing=now_playing(values, self.presets.switcher.roster.ids),
            error=self.told.error,
            notice=self.told.noticed,
            menu=self.menu.shown(values),
        )

    def _knob(self) -> str:
        """The knob that moved last, while it waits for its value."""
        touched = self.midi.touched if self.midi is not None else None
        if touched is None or touched.held:
            return ""
        return knob_text(touched.control, touched.knob, touched.value)

    def _post(self, event: WindowEvent) -> None:
        self._in_conductor(self._happened, event)

    def _in_conductor(self, act: Callable[..., object], *arguments: object) -> None:
        """Let the conductor's thread do this, in a turn of its own."""
        if self._token is not None:
            with contextlib.suppress(trio.RunFinishedError):
                self._token.run_sync_soon(self._guarded, act, arguments)

    def _guarded(self, act: Callable[..., object], arguments: tuple[object, ...]) -> None:
        try:
            act(*arguments)
        except Exception as error:  # what escapes here would end the show
            log.exception("%s failed", act)
            self.controls.report("show", f"this went wrong inside: {error!r}; see the log")

    def _command(self, command: WindowCommand) -> None:
        if self.window is not None:
            self.window.show(command)

    def _happened(self, event: WindowEvent) -> None:
        if isinstance(event, CloseRequested):
            self.stop()
        elif isinstance(event, KeyPressed):
            self.keyboard.press(event.key, event.repeat, event.shift)
        else:
            self.input.pointer(
                PointerEvent(event.id, event.x, event.y, event.pressed, event.pressure)
            )
