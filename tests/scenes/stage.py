"""A stage for the director: every control, moving on a clock that jumps, and scenes in memory."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import trio

from engine.controls import Controls, Trigger, Value
from engine.errors import SettingError
from engine.id_trigger import IdTrigger
from engine.motion import Motion
from engine.parameters import PARAMETERS, TRIGGERS
from engine.sources.spec import NamedFiles
from engine.tempo import Tempo
from presets.catalogue import Preset
from presets.preset_controls import rows
from scenes.director import Director
from scenes.scene import Scene
from scenes.setlist import SetList


class Shelf:
    """Scenes in memory, as `scenes.shelf.Shelf` has them on the disk."""

    def __init__(self, *scenes: Scene, set_list: SetList | None = None) -> None:
        self.scenes = {scene.name: scene for scene in scenes}
        self._set_list = set_list

    def names(self) -> tuple[str, ...]:
        return tuple(self.scenes)

    def scene(self, name: str) -> Scene:
        if name not in self.scenes:
            raise SettingError(f"unknown scene {name!r}; see artflow scenes list")
        return self.scenes[name]

    def scene_problems(self, name: str) -> tuple[str, ...]:
        return (f"{name}.yaml:3: something",) if name == "faulty" else ()

    def set_list(self, name: str) -> tuple[SetList, list[str]]:
        if self._set_list is None:
            raise SettingError(f"unknown set list {name!r}; see artflow scenes list")
        return self._set_list, []

    def reload(self) -> list[str]:
        return ["somewhere: something"]

    def folder_problems(self) -> list[str]:
        return []

    def saved_as(self, name: str) -> str:
        return name

    def as_it_stands(self, name: str) -> Scene:
        return self.scene(name)

    def save(self, scene: Scene) -> Path:
        self.scenes[scene.name] = scene
        return Path(scene.name)


async def at_once(act: Callable[..., Any], *arguments: object) -> Any:
    await trio.lowlevel.checkpoint()
    return act(*arguments)


class Stage:
    """`shelf` may also be what makes one from the controls; `start` has __ for a name's /."""

    def __init__(
        self, shelf: Shelf | Callable[[Controls], Any], set_list: str = "", **start: Value
    ) -> None:
        self.controls = Controls()
        rows = (row for row in TRIGGERS if row.name != "scene/go")
        go = IdTrigger("scene/go", "", "s[f", lambda: self.director.order)
        self.controls.declare(*PARAMETERS, *rows, go)
        for name, value in start.items():
            self.controls.set(name.replace("__", "/"), value)
        self.motion = Motion(self.controls)
        self.tempo = Tempo(self.controls, clock=trio.current_time)
        self.files = NamedFiles(["image:a.png", "video:a.mp4"])
        self.told: list[str] = []
        self.notices: list[str] = []
        self.controls.on_report(lambda address, text, _: self.told.append(f"{address}: {text}"))
        self.director = Director(
            self.controls,
            shelf if isinstance(shelf, Shelf) else shelf(self.controls),
            self.motion,
            self.tempo,
            set_list=set_list,
            files=self.files,
            notice=self.notices.append,
            in_thread=at_once,
        )

    def go(self, *arguments: Value) -> None:
        self.controls.fire("scene/go", arguments)

    @property
    def current(self) -> Value:
        return self.controls.get("scene/current")

    def live(self, name: str) -> Value:
        return self.controls.snapshot.values[name]


@asynccontextmanager
async def on(stage: Stage) -> AsyncIterator[Stage]:
    async with trio.open_nursery() as nursery:
        nursery.start_soon(stage.motion.run)
        await nursery.start(stage.director.run)
        yield stage
        nursery.cancel_scope.cancel()


VERBS = {"bring": "sf[f", "stage": "s", "download": "s[i"}


class Presets:
    """As the controls of presets are, with what was asked of them."""

    def __init__(self, controls: Controls, **states: str) -> None:
        self.controls = controls
        self.fired: list[tuple[Value, ...]] = []
        controls.declare(*(Trigger(f"preset/{verb}", "", told) for verb, told in VERBS.items()))
        for id, state in states.items():
            controls.declare(*rows(Preset(id, id, ()), str))
            controls.publish(f"preset/{id}/state", state)
            controls.publish(f"preset/{id}/kind", "style")
            controls.publish(f"preset/{id}/fits", 1)
        for verb in VERBS:
            controls.on(f"preset/{verb}", self._note(verb))

    def _note(self, verb: str) -> Callable[[tuple[Value, ...], object], None]:
        def note(told: tuple[Value, ...], _origin: object) -> None:
            self.fired.append((verb, *told))
            ready = self.controls.get(f"preset/{told[0]}/state") == "active"
            if ready and verb == "bring":
                self.controls.set(f"preset/{told[0]}/weight", told[1], self)

        return note
