"""A stage for the switcher: controls that move, and fakes of library, downloader and painter."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import trio
from trio.testing import MockClock

from engine.controls import Change, Controls
from engine.errors import ArtflowError
from engine.mixing import LoraFile, Mix
from engine.motion import Motion
from engine.parameters import PARAMETERS
from presets.catalogue import Catalogue, Kind, Preset, PresetError, Variant
from presets.library import News, Snapshot
from presets.lora_folder import OnDisk, Stamp
from presets.models import ModelChoice
from presets.preset_states import LEGAL, State
from presets.switcher import Switcher
from presets.wanted import FINAL, Mirror, Progress, Wanted
from presets.wanted import State as Fetched

SIZE = 1000
MIRRORS = (Mirror("one", "https://one.example/f"), Mirror("two", "https://two.example/f"))


def preset(id: str, *bases: str, kind: Kind = "style", weight: float = 0.8) -> Preset:
    variants = tuple(
        Variant(base, f"{id}-{base}.safetensors", size=SIZE, triggers=(f"{id}AF",), mirrors=MIRRORS)
        for base in bases
    )
    return Preset(id, id.title(), variants, kind=kind, weight=weight)


CATALOGUE = Catalogue(
    (
        preset("lcm", "sd15", kind="acceleration", weight=1.0),
        preset("tcd", "sd15", kind="acceleration", weight=1.0),
        preset("anime", "sd15", "sdxl"),
        preset("neon", "sd15", "sdxl", weight=0.7),
        preset("oil", "sd15", "sdxl"),
        preset("ink", "sd15"),
        preset("paper", "sdxl"),
    )
)
FILES = ("anime-sd15", "anime-sdxl", "neon-sd15", "lcm-sd15", "tcd-sd15")


def model(id: str = "sd15", base: str = "sd15", acceleration: str = "") -> ModelChoice:
    return ModelChoice(id, Path(id), (512, 512), "", None, base, acceleration)


class Shelf:
    """A library whose disk is `files`; `rescan` finds what changed."""

    def __init__(self, catalogue: Catalogue, files: Iterable[str]) -> None:
        self.files = {f"{name}.safetensors" for name in files}
        self.catalogue = catalogue
        self.snapshot = Snapshot(catalogue)
        self.trouble = ""
        self.copies: dict[str, int] = {}  # how often another was copied over a file, by name
        self.rescan()

    def path(self, variant: Variant) -> Path:
        return Path("loras") / variant.file

    def rescan(self) -> News:
        if self.trouble:
            raise PresetError(self.trouble)
        before = self.snapshot
        found = {name: OnDisk(name, Stamp(SIZE, self.copies.get(name, 0))) for name in self.files}
        self.snapshot = replace(before, catalogue=self.catalogue, files=found)
        now, then = self._here(self.snapshot), self._here(before)
        return News(added=tuple(now - then), removed=tuple(then - now))

    def replace(self, *names: str) -> None:
        """Copy another file of the same size over each."""
        for name in names:
            self.copies[f"{name}.safetensors"] = self.copies.get(f"{name}.safetensors", 0) + 1

    @staticmethod
    def _here(snapshot: Snapshot) -> set[str]:
        presets = snapshot.catalogue.presets
        return {p.id for p in presets if any(v.file in snapshot.files for v in p.variants)}

    def delete(self, id: str, in_use: Callable[[str], bool]) -> object:
        if in_use(id):
            raise PresetError(f"{id} is in the mix; unload it first")
        self.files -= {variant.file for variant in self.catalogue.preset(id).variants}
        return self.rescan()

    async def watch(self, on_news: Callable[[News], None]) -> None:  # noqa: ARG002
        await trio.sleep_forever()


@dataclass
class Downloads:
    """A downloader that gets on when it is told to; `files` is where it installs."""

    shelf: Shelf
    publish: Callable[[str, Progress], None] = lambda _id, _progress: None
    wanted: dict[str, Wanted] = field(default_factory=dict)
    stands: dict[str, Progress] = field(default_factory=dict)

    def want(self, wanted: Wanted) -> object:
        if wanted.id not in self.wanted:
            self.wanted[wanted.id] = wanted
            self.stands[wanted.id] = Progress()
            self.get_on(wanted.id, "queued")
        return wanted

    def cancel(self, id: str) -> bool:
        if id not in self.wanted:
            return False
        self.get_on(id, "cancelled", error="cancelled; 400 bytes of 1,000 bytes are kept")
        return True

    def get_on(self, id: str, state: Fetched, **news: Any) -> None:
        if state in FINAL:
            wanted = self.wanted.pop(id)
            if state == "installed":
                self.shelf.files.add(wanted.files[0].name)
                self.shelf.replace(wanted.files[0].name.removesuffix(".safetensors"))
                whole = {"share": 1.0, "received_bytes": SIZE, "total_bytes": SIZE}
                news = {**whole, "checked": "digest", **news}
        self.stands[id] = replace(self.stands[id], state=state, **news)
        self.publish(id, self.stands[id])

    def finish(self, id: str) -> None:
        for state in ("resolving", "downloading", "verifying", "installed"):
            self.get_on(id, state)

    def fail(self, id: str, error: str = "no mirror gives it") -> None:
        self.get_on(id, "resolving")
        self.get_on(id, "failed", error=error)


@dataclass
class Painter:
    """Keeps the newest mix, and stages what it is told to."""

    mix: Mix = field(default_factory=Mix)
    files: dict[str, LoraFile] = field(default_factory=dict)
    """What it was told to have ready and has not answered yet."""
    known: dict[str, LoraFile] = field(default_factory=dict)

    def blend(self, mix: Mix) -> None:
        new = {id: file for id, file in mix.files.items() if self.known.get(id) != file}
        self.files = new | {id: f for id, f in self.files.items() if id in mix.files}
        self.known = dict(mix.files)
        self.mix = mix

    def answer(self, id: str) -> None:
        self.files.pop(id, None)

    def restart(self) -> None:
        """A new process: it is told everything anew."""
        self.files, self.known = dict(self.mix.files), dict(self.mix.files)


class History:
    def __init__(self) -> None:
        self.told: list[str] = []

    def installed(self, id: str) -> None:
        self.told.append(f"installed {id}")

    def used(self, id: str) -> None:
        self.told.append(f"used {id}")

    def flush(self) -> None:
        self.told.append("flush")


class Stage:
    """All of it, as the show assembles it; every state and error in order."""

    def __init__(
        self, clock: MockClock, running: ModelChoice, files: Iterable[str], catalogue: Catalogue
    ) -> None:
        self.controls = Controls()
        self.controls.declare(*PARAMETERS)
        self.motion = Motion(self.controls, clock=clock.current_time)
        self.shelf = Shelf(catalogue, files)
        self.downloads = Downloads(self.shelf)
        self.painter = Painter()
        self.history = History()
        self.notices: list[str] = []
        self.waiting: list[Callable[[], None]] | None = None
        """What waits for its moment; None: it happens at once."""
        self.errors: list[str] = []
        self.changes: list[tuple[float, Change]] = []
        self.controls.on_report(lambda where, text, _: self.errors.append(f"{where}: {text}"))
        self.switcher = Switcher(
            self.controls,
            self.shelf,
            self.downloads,
            running,
            Path("data"),
            self.painter.blend,
            history=self.history,
            moment=self._moment,
            notice=self.notices.append,
            in_thread=_at_once,
        )
        self.downloads.publish = self.switcher.heard
        self.controls.listen(lambda change: self.changes.append((clock.current_time(), change)))
        self._changed = trio.Event()
        self.controls.wake = lambda: self._changed.set()

    async def commit(self) -> None:
        while True:
            self._changed = trio.Event()
            self.switcher.follow(self.controls.commit())
            await self._changed.wait()

    def _moment(self, act: Callable[[], None]) -> None:
        if self.waiting is None:
            act()
        else:
            self.waiting.append(act)

    async def moment(self) -> None:
        """The beat that was waited for."""
        waiting, self.waiting = self.waiting or [], []
        for act in waiting:
            act()
        await settled()

    # playing

    def fire(self, trigger: str, *arguments: object) -> None:
        self.controls.fire(f"preset/{trigger}", arguments, "a performer")

    def refused(self, trigger: str, *arguments: object) -> str:
        try:
            self.fire(trigger, *arguments)
        except ArtflowError as error:
            return str(error)
        return ""

    async def stage(self, *ids: str) -> None:
        """Let the painter answer for these, or for all that it was asked for."""
        await settled()
        for id in ids or tuple(self.painter.files):
            self.painter.answer(id)
            self.switcher.on_staged(id)
        await settled()

    async def play(self, *ids: str) -> None:
        """Have these installed presets in the mix, faded in."""
        for id in ids:
            self.controls.set(f"preset/{id}/weight", 0.5)
        await self.stage()
        await trio.sleep(1)

    # looking

    def get(self, id: str, aspect: str) -> Any:
        return self.controls.get(f"preset/{id}/{aspect}")

    def state(self, id: str) -> State:
        return self.get(id, "state")  # type: ignore[no-any-return]

    def states(self, id: str) -> list[State]:
        """Every one that was published."""
        name = f"preset/{id}/state"
        return [change.value for _, change in self.changes if change.parameter.name == name]  # type: ignore[misc]

    def weights(self) -> dict[str, float]:
        return dict(self.painter.mix.weights)

    def check_transitions(self) -> None:
        for id in self.switcher.roster.ids:
            row = self.states(id)
            for before, after in itertools.pairwise(row):
                assert after in LEGAL[before], (id, before, after, row)


async def _at_once(act: Callable[..., object], *arguments: object) -> object:
    await trio.lowlevel.checkpoint()
    return act(*arguments)


async def settled() -> None:
    """Let every task do what it can now."""
    for _ in range(8):
        await trio.lowlevel.checkpoint()


@asynccontextmanager
async def switching(
    clock: MockClock,
    running: ModelChoice | None = None,
    files: Iterable[str] = FILES,
    catalogue: Catalogue = CATALOGUE,
) -> AsyncIterator[Stage]:
    """A stage that runs; at the end no state was followed by one that must not follow it."""
    stage = Stage(clock, running or model(), files, catalogue)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(stage.motion.run)
        nursery.start_soon(stage.commit)
        await nursery.start(stage.switcher.run)
        await settled()
        yield stage
        nursery.cancel_scope.cancel()
    stage.check_transitions()
