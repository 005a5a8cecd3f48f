"""Director: which scene plays, when the next one starts, and what is made ready for it.

Whoever asks for a scene is answered in order; its file is read beside, in a thread. A scene then
waits for its beat or bar, and sets out. Everything goes through controls.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final, Protocol, cast

import trio

from engine.controls import Controls, TriggerHandler, Value
from engine.errors import ArtflowError
from engine.moments import Beat, Goal
from engine.motion import Motion, next_tick
from engine.sources.spec import NamedFiles
from scenes.coming import After, Coming, ends, in_seconds, words_of
from scenes.order import listed, neighbour
from scenes.saving import SOURCE, look, scene_now
from scenes.scene import Scene, Span
from scenes.setlist import SetList
from scenes.transition import Transition, course_of, weights_in

MAX_FADE_S: Final = 600.0
TOLD_PROBLEMS: Final = 20
"""So many problems of a folder are told line by line; the rest is counted."""


class Shelf(Protocol):
    """As `scenes.shelf.Shelf`; everything may block and raise `ArtflowError`."""

    def names(self) -> tuple[str, ...]: ...
    def scene(self, name: str) -> Scene: ...
    def scene_problems(self, name: str) -> tuple[str, ...]: ...
    def set_list(self, name: str) -> tuple[SetList, list[str]]: ...
    def reload(self) -> list[str]: ...
    def save(self, scene: Scene) -> Path: ...
    def saved_as(self, name: str) -> str: ...
    def as_it_stands(self, name: str) -> Scene: ...
    def folder_problems(self) -> Sequence[str]: ...


InThread = Callable[..., Any]


@dataclass(frozen=True, slots=True)
class _Asked:
    """What was asked for, and by which trigger; after how many halts."""

    trigger: str
    act: Callable[..., Any]
    arguments: tuple[object, ...]
    origin: object
    halts: int


class _Overtaken(Exception):
    """What was being done is not wanted any more."""


class Director:
    """Answers scene/* and brings scenes on. `run` does what takes time.

    `set_list` names the one to play, "" for none: then all scenes, in the order of the list.
    `files` are the sources that may be played by a file's name: those of scenes are added.
    """

    def __init__(
        self,
        controls: Controls,
        shelf: Shelf,
        motion: Motion,
        tempo: Beat,
        *,
        set_list: str = "",
        files: NamedFiles | None = None,
        notice: Callable[[str], None] = lambda _line: None,
        clock: Callable[[], float] = trio.current_time,
        in_thread: InThread = trio.to_thread.run_sync,
    ) -> None:
        self.order: tuple[str, ...] = ()
        """The scenes by name: of the set list, or all."""
        self.transition = Transition(controls, motion)
        self._controls, self._shelf, self._tempo = controls, shelf, tempo
        self._set_list, self._notice = set_list, notice
        self._files = NamedFiles(()) if files is None else files
        self._clock, self._in_thread = clock, in_thread
        self._wrap = self._listed = False
        self._place: int | None = None
        """Where the show is in the order: at the scene that plays, or where it left the order."""
        self._playing: Scene | None = None
        self._ahead: Scene | None = None  # what follows it
        self._halts = self._begins = 0
        self._start_values: dict[str, Value] = {}
        self._coming: Coming | None = None
        self._after: After | None = None
        self._answering: _Asked | None = None
        self._ahead_s: float | None = None
        self._problems_told: set[str] = set()
        self._begun = trio.Event()
        self._send, self._asked = trio.open_memory_channel[_Asked](math.inf)
        controls.on("scene/go", self._on_go)
        for verb, step in (("next", 1), ("previous", -1)):
            controls.on(f"scene/{verb}", self._stepping(f"scene/{verb}", step))
        for verb, act in (("save", self._save), ("reload", self._reload)):
            controls.on(f"scene/{verb}", self._handler(f"scene/{verb}", act))

    # being asked

    def _handler(self, trigger: str, act: Callable[..., Any]) -> TriggerHandler:
        return lambda told, origin: self._ask(trigger, act, *told, origin=origin)

    def _stepping(self, trigger: str, step: int) -> TriggerHandler:
        return lambda _, origin: self._ask(
            trigger, self._step, step, self._beat(self._clock()), origin=origin
        )

    def _ask(
        self, trigger: str, act: Callable[..., Any], *arguments: object, origin: object = None
    ) -> None:
        self._send.send_nowait(_Asked(trigger, act, arguments, origin, self._halts))

    def _on_go(self, told: tuple[Value, ...], origin: object) -> None:
        fade = cast(float, told[1]) if len(told) > 1 else None
        # the moment at which it was asked counts, however long its file takes to be read
        self._ask(
            "scene/go", self._go, str(told[0]), None, fade, self._beat(self._clock()), origin=origin
        )

    def halt(self) -> None:
        """Let nothing come any more: neither a scene, nor what the last one has not brought yet."""
        self._halts += 1  # and none of those whose files are still being read
        self._coming = self._after = None
        self._controls.publish("scene/coming", "")
        self.transition.halt()

    # the beat

    def _beat(self, now: float) -> float:
        """The beat at a time of this director's clock."""
        if self._ahead_s is None:  # both clocks run alike, from different beginnings
            self._ahead_s = self._tempo.clock() - self._clock()
        return self._tempo.line.beat_at(now + self._ahead_s)

    # working

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Work until cancelled. Has started when the list of scenes is known."""
        get, rows = self._controls.get, self._controls.parameters()
        self._start_values = {row.name: get(row.name) for row in rows}
        self._tell(await self._in_thread(self._shelf.folder_problems), "scene/list")
        self._tell(await self._list(), "scene/list")
        if self._set_list:
            self._notice(self._order_told())
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._answer)
            nursery.start_soon(self._play)
            task_status.started()

    async def _answer(self) -> None:
        async for asked in self._asked:
            self._answering = asked
            try:
                await asked.act(*asked.arguments, origin=asked.origin)
            except _Overtaken:
                continue
            except ArtflowError as error:
                self._controls.report(asked.trigger, str(error), asked.origin)

    async def _list(self) -> list[str]:
        """Look at what there is to play; what is wrong with the set list, line by line."""
        names = await self._in_thread(self._shelf.names)
        order, wrap, listed_in = names, True, False
        problems: list[str] = []
        if self._set_list:
            try:
                found, problems = await self._in_thread(self._shelf.set_list, self._set_list)
                order, wrap, listed_in = found.scenes, found.wrap, True
            except ArtflowError as error:
                problems = [f"{error}; all scenes are played instead"]
        before, self.order = self.order, order
        self._wrap, self._listed = wrap, listed_in
        if self._place is not None:
            self._place = self._moved(self._place, before)
        if self._place is None and self._playing is not None:
            self._place = self._moved(0, (self._playing.name,))
        if self._coming is not None and self._coming.place is not None:
            moved = self._moved(self._coming.place, before)
            self._coming = replace(self._coming, place=moved)
        self._controls.publish("scene/list", listed(self.order))
        return problems

    def _moved(self, place: int, before: Sequence[str]) -> int | None:
        """Where what stood at `place` of the order `before` stands now: of several, the nearest."""
        name = before[place]
        places = [at for at, each in enumerate(self.order) if each == name]
        return min(places, key=lambda at: abs(at - place), default=None)

    def _order_told(self) -> str:
        scenes = f"{len(self.order)} scene{'s' * (len(self.order) != 1)}"
        return f"set list {self._set_list}: {scenes}" if self._listed else scenes

    def _tell(self, problems: Iterable[str], trigger: str, origin: object = None) -> None:
        lines = list(problems)
        for line in lines[:TOLD_PROBLEMS]:
            self._controls.report(trigger, line, origin)
        if len(lines) > TOLD_PROBLEMS:
            more = f"and {len(lines) - TOLD_PROBLEMS} problems more; see artflow scenes check"
            self._controls.report(trigger, more, origin)

    async def _reload(self, *, origin: object) -> None:
        problems = await self._in_thread(self._shelf.reload)
        problems += await self._list()
        self._problems_told.clear()
        self._tell(problems, "scene/reload", origin)
        self._notice(self._order_told())

    async def _save(self, name: str, *, origin: object) -> None:  # noqa: ARG002
        # as it is now, not as it will be when the file has been looked at
        coming, weights = self.transition.pending, self.transition.styles.weights()
        now = scene_now(self._controls, coming, weights, self._files)
        earlier = await self._in_thread(self._earlier, name)
        now = look(now, self._controls, self._start_values, earlier.set)
        saved = replace(earlier, set=now.set, presets=now.presets, mods=now.mods)
        path = await self._in_thread(self._shelf.save, saved)
        await self._list()
        self._notice(f"scene {path.stem} is saved")

    def _earlier(self, name: str) -> Scene:
        """What this name stands for, or an empty scene. Blocks."""
        name = self._shelf.saved_as(name)
        if name not in self._shelf.names():
            return Scene(name)
        try:
            return self._shelf.as_it_stands(name)
        except ArtflowError as error:
            raise ArtflowError(f"{error}, or save under another name") from error

    async def _step(self, step: int, asked: float, *, origin: object) -> None:
        coming, playing = self._coming, self._playing
        if step > 0 and coming is None and playing is not None and playing.next is not None:
            await self._go(playing.next, None, None, asked, origin=origin)
            return
        here = self._place if coming is None or coming.place is None else coming.place
        place = neighbour(len(self.order), here, step, wrap=self._wrap)
        if place is None:
            what = "the last" if step > 0 else "the first"
            end = f"this is {what} scene of {self._set_list or 'the list'}"
            nothing = "there are no scenes yet; scene/save NAME makes one"
            raise ArtflowError(end if self.order else nothing)
        await self._go(self.order[place], place, None, asked, origin=origin)

    async def _go(
        self, name: str, place: int | None, fade_s: float | None, asked: float, *, origin: object
    ) -> None:
        scene = await self._read(name, origin)
        if place is None and name in self.order:
            place = self._nearest_place(name)
        fade = scene.fade or Span(self._number("scene/fade"))
        if fade_s is not None:
            fade = Span(min(MAX_FADE_S, max(0.0, fade_s)))
            if fade.amount != fade_s:
                text = f"a fade of {fade_s:g} s is clamped to {fade.amount:g}; allowed: 0 to"
                self._controls.report("scene/go", f"{text} {MAX_FADE_S:g}", origin)
        quantize = scene.quantize or str(self._controls.get("scene/quantize"))
        self._coming = Coming(scene, place, fade, Goal.after(asked, quantize))
        self._after = None  # what somebody asks for ends the wait for what follows
        self.transition.styles.prepare(weights_in(scene))
        self._controls.publish("prompt/coming", words_of(scene, self._ahead))
        if self._coming.goal is not None:
            self._controls.publish("scene/coming", name)
        self.step(self._clock())
        self._begun.set()

    def _nearest_place(self, name: str) -> int:
        """Where it stands in the order; of several, the first after the one that plays."""
        places = [place for place, each in enumerate(self.order) if each == name]
        after = -1 if self._place is None else self._place
        return next((place for place in places if place > after), places[0])

    async def _read(self, name: str, origin: object, *, by_itself: bool = False) -> Scene:
        scene: Scene = await self._in_thread(self._shelf.scene, name)
        if self._answering is not None and self._answering.halts != self._halts:
            raise _Overtaken
        if not (by_itself and name in self._problems_told):  # going round, they are told once
            self._problems_told.add(name)
            self._tell(self._shelf.scene_problems(name), "scene/go", origin)
        if SOURCE not in scene.set:
            return scene
        # by somebody who can write on this disk
        source = self._files.add_beside(str(scene.set[SOURCE]), scene.folder)
        return replace(scene, set={**scene.set, SOURCE: source})

    def _number(self, name: str) -> float:
        value = self._controls.get(name)
        assert not isinstance(value, str)
        return float(value)

    # time

    async def _play(self) -> None:
        while True:
            if not self.step(self._clock()):
                await self._begun.wait()
                self._begun = trio.Event()
            await trio.sleep_until(self._wakes(self._clock()))

    def _wakes(self, now: float) -> float:
        """The next tick, or the scene's moment where that is before it."""
        tick = next_tick(now)
        coming = self._coming
        if coming is None or coming.goal is None or self._ahead_s is None:
            return tick
        due = self._tempo.line.time_at(coming.goal.beat) - self._ahead_s
        return due if now < due < tick else tick

    def step(self, now: float) -> bool:
        """Do what is due at `now`; whether anything will be."""
        if self._coming is not None:
            self._wait_or_start(self._coming, now)
        after = self._after
        if after is not None and after.course.share(now) >= 1.0:
            self._after = None
            if (following := self._following(after.scene)) is not None:
                self._ask("scene/next", self._follow, *following, self._begins, after.due)
        moves = self.transition.step(now)
        if self._controls.get("scene/current"):
            self._controls.publish("scene/progress", self.transition.progress(now))
        return moves or self._coming is not None or self._after is not None

    def _wait_or_start(self, coming: Coming, now: float) -> None:
        goal, line = coming.goal, self._tempo.line
        if goal is not None and not line.playing:
            self._notice(f"the beat stands: {coming.scene.name} starts at once")
        elif goal is not None:
            beat = self._beat(now)
            goal = goal.seen(beat, now)
            if not goal.reached(beat):
                self._coming = replace(coming, goal=goal)
                return
        self._coming = None
        self._start(coming, now, None if goal is None else goal.beat)

    def _start(self, coming: Coming, now: float, moment: float | None) -> None:
        """Set out; `moment` is the beat for which the scene was meant, if it was for one."""
        if not self._tempo.line.playing:  # nothing waits for a beat that stands
            coming = in_seconds(coming, self._number("tempo/bpm"))
        scene = self._playing = coming.scene
        self._place = self._place if coming.place is None else coming.place
        self._begins += 1
        self._ahead = None
        self._controls.publish("prompt/coming", "")
        self._controls.publish("scene/coming", "")
        self._controls.publish("scene/current", scene.name)
        self.transition.begin(scene, coming.fade, now, self._beat)
        self._after = None
        following = self._following(scene)
        if following is None:
            return
        if scene.after is not None:
            after, due = ends(scene.after, self._beat(now), moment)
            self._after = After(course_of(after, now, self._beat), scene, due)
        self._ask("scene/next", self._prepare, following[0])

    def _following(self, scene: Scene) -> tuple[str, int | None] | None:
        """The scene after this one, and its place in the order."""
        if scene.next is not None:
            return scene.next, None
        place = neighbour(len(self.order), self._place, 1, wrap=self._wrap)
        return None if place is None or self._place is None else (self.order[place], place)

    async def _follow(
        self, name: str, place: int | None, begins: int, due: float | None, *, origin: object
    ) -> None:
        """Its time has come: whatever it is quantized to, it starts now.

        Unless another has begun since, which was the `begins`-th, or waits for its beat.
        """
        scene = await self._read(name, origin, by_itself=True)
        if place is None and name in self.order:
            place = self._nearest_place(name)
        if self._begins != begins or self._coming is not None:
            return
        fade = scene.fade or Span(self._number("scene/fade"))
        self._start(Coming(scene, place, fade, None), self._clock(), due)
        self._begun.set()

    async def _prepare(self, name: str, *, origin: object) -> None:
        """Have ready what the next scene needs. What is wrong with it is told when it plays."""
        del origin
        try:
            scene = await self._in_thread(self._shelf.scene, name)
        except ArtflowError as error:
            self._controls.report("scene/next", f"the next scene will not play: {error}")
            return
        self._ahead = scene
        self._controls.publish("prompt/coming", words_of(scene))
        self.transition.styles.prepare(weights_in(scene))
