"""What a change of scene costs, and how exactly it starts; figures for docs/PERFORMANCE.md.

`python -m tests.helpers.scene_bench`: the bundled model paints flat out in a process of its own,
the director goes from scene to scene, each with another style on this disk, and rests in between.
A frame is late by one where it came more than one and a half frames after the one before it, as
long as a frame takes while nothing happens (the median); by two, more than two and a half.
"""

from __future__ import annotations

import argparse
import logging
import tempfile
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import trio

from engine.bench import Stage, Times, painting_stage, times
from engine.controls import Change
from engine.motion import Motion
from engine.painting import Job
from engine.tempo import Tempo
from presets.playing import Playing, Stock
from scenes.director import Director
from scenes.shelf import Shelf

STYLES = ("blueprint", "stained-glass", "thermal", "woodcut")


class Frames(msgspec.Struct, frozen=True):
    """Times from one painted picture to the next, and how many were late by one and by two."""

    apart: Times
    late_by_one: int
    late_by_two: int


class Figures(msgspec.Struct, frozen=True):
    still: Frames
    first_visit: Frames
    going: Frames
    started_after_its_beat: Times


@dataclass
class Pictures:
    """Keeps the painter at work in a thread, and notes when each picture came."""

    stage: Stage
    came: list[float] = field(default_factory=list)
    stop: threading.Event = field(default_factory=threading.Event)

    def run(self) -> None:
        inputs, painted = self.stage.inputs, self.stage.painted
        width, height = self.stage.size
        source = np.random.default_rng(1).integers(0, 256, (height, width, 3), np.uint8)
        while not self.stop.is_set():
            if inputs.read == inputs.written:
                inputs.put(source, time.monotonic_ns())
            if painted.wait(0.01) and painted.take() is not None:
                self.came.append(time.perf_counter())

    def apart(self, spans: list[tuple[float, float]]) -> list[float]:
        """Seconds from one picture to the next, within these spans of time."""
        apart: list[float] = []
        for begun, ended in spans:
            came = [at for at in self.came if begun <= at <= ended]
            apart += [float(each) for each in np.diff(came)]
        return apart

    def frames(self, spans: list[tuple[float, float]], usual_s: float) -> Frames:
        apart = self.apart(spans)
        late = [sum(each > usual_s * (by + 1.5) for each in apart) for by in (0, 1)]
        return Frames(times(apart), late[0] - late[1], late[1])


def write_scenes(folder: Path) -> None:
    for number, style in enumerate(STYLES):
        (folder / f"{style}.yaml").write_text(
            "fade: 2 beats\n"
            f"set: {{prompt/a: a house by the sea {number}, paint/strength: 0.{4 + number},"
            f" paint/seed: {number}, output/saturation: 1.{number}}}\n"
            f"presets: {{{style}: 0.9}}\n"
        )


async def measure(visits: int, beats: int) -> Figures:
    with tempfile.TemporaryDirectory() as name:
        data = Path(name)
        (data / "scenes").mkdir()
        write_scenes(data / "scenes")
        stock = Stock(data, (), "rehearsal")
        model = stock.model
        job = Job(
            model.id,
            model.size,
            folder=str(model.folder),
            tiny_autoencoder=str(model.tiny_autoencoder or ""),
            default_prompt=model.default_prompt,
        )
        async with painting_stage(job) as stage:
            return await _played(stage, stock, data, visits, beats)


async def _played(stage: Stage, stock: Stock, data: Path, visits: int, beats: int) -> Figures:
    controls = stage.controls
    quiet: dict[str, Any] = {"notice": lambda _line: None}
    playing = Playing(
        controls, stock, stage.painting, lambda _model: None, tell=lambda *_: None, **quiet
    )
    motion, tempo = Motion(controls), Tempo(controls)
    controls.on_report(lambda where, text, _: logging.warning("%s: %s", where, text))
    shelf = Shelf([], controls, data / "scenes")
    director = Director(controls, shelf, motion, tempo, **quiet)
    changed = trio.Event()

    def wake() -> None:
        changed.set()

    async def commit() -> None:
        nonlocal changed
        while True:
            changed = trio.Event()
            snapshot = controls.commit()
            playing.follow(snapshot)
            stage.painting.offer(snapshot)
            await changed.wait()

    controls.wake = wake
    pictures = Pictures(stage)
    thread = threading.Thread(target=pictures.run)
    async with trio.open_nursery() as nursery:
        for task in (commit, motion.run):
            nursery.start_soon(task)
        await nursery.start(playing.run)
        await nursery.start(director.run)
        thread.start()
        try:
            await trio.sleep(3)
            still: list[tuple[float, float]] = []
            going: list[tuple[float, float]] = []
            for turn in range(visits):
                style = STYLES[turn % len(STYLES)]
                begun = time.perf_counter()
                controls.fire("scene/go", (style,))
                with trio.fail_after(60):
                    while controls.get(f"preset/{style}/state") != "active":
                        await trio.sleep(0.02)
                arrived = time.perf_counter()
                going.append((begun, arrived))
                await trio.sleep(arrived - begun)
                still.append((arrived, time.perf_counter()))
            late = await starts(controls, tempo, beats)
        finally:
            pictures.stop.set()
            thread.join()
        nursery.cancel_scope.cancel()
    usual_s = float(np.median(pictures.apart(still)))
    first, later = going[: len(STYLES)], going[len(STYLES) :]
    return Figures(
        still=pictures.frames(still, usual_s),
        first_visit=pictures.frames(first, usual_s),
        going=pictures.frames(later, usual_s),
        started_after_its_beat=times(late),
    )


async def starts(controls: Any, tempo: Tempo, number: int) -> list[float]:
    """How long after its beat each of so many changes started, in seconds; painting meanwhile."""
    late: list[float] = []
    controls.set("scene/quantize", "beat")
    controls.set("tempo/bpm", 300.0)
    begun = trio.Event()

    def listen(change: Change) -> None:
        if change.parameter.name == "scene/coming" and change.value == "":
            beat = tempo.beat_now()
            late.append((beat - int(beat)) * 60 / 300)
            begun.set()

    end = controls.listen(listen)
    for turn in range(number):
        begun = trio.Event()
        controls.fire("scene/go", (STYLES[turn % 2], 0.0))
        await begun.wait()
        await trio.sleep(0.01)
    end()
    return late


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--visits", type=int, default=40)
    parser.add_argument("--beats", type=int, default=200)
    asked = parser.parse_args()
    figures = trio.run(measure, asked.visits, asked.beats)
    print(msgspec.json.format(msgspec.json.encode(figures)).decode())
