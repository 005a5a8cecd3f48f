"""Painters: one painter process on each of several devices, which the show sees as one.

They take pictures in turn (`engine.dealing`). One that fails is started again as ever, and the
others go on meanwhile with what it would have had. Each has its own memory: what is fed back is a
device's own last picture.
"""

from __future__ import annotations

import logging
import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Final, Protocol

import trio

from engine.controls import Controls, Snapshot, Value
from engine.dealing import Dealer, Gatherer
from engine.frames import FrameMailbox, FramesIn, FramesOut
from engine.mixing import LoraFile, Mix
from engine.painter import protocol
from engine.painting import Job, Painting

log = logging.getLogger(__name__)

_BEST_FIRST: Final = ("painting", "stalled", "loading", "starting", "restarting", "failed")


def _mean(values: Sequence[float]) -> float:
    """Of those that have something to tell."""
    told = [value for value in values if value]
    return statistics.fmean(told) if told else 0.0


_TOLD: Final[dict[str, Callable[[Sequence[float]], float]]] = {
    "painter/progress": min,
    "painter/restarts": sum,
    "painter/fps": sum,
    "painter/frame-ms": _mean,
    "painter/latency-ms": max,
    "painter/memory-mb": sum,
    "painter/frames": sum,
    "painter/skipped": sum,
}
"""What is told of all of them, from what each tells."""


class Inputs(Protocol):
    """As `engine.sources.input.Input`."""

    def connect(self, mailbox: FramesIn | None, size: tuple[int, int]) -> None: ...


class Outputs(Protocol):
    """As `engine.output.Output`."""

    painting: bool

    def connect(self, painted: FramesOut | None) -> None: ...


class _Desk:
    """What one of the painters takes for the show: its controls, its inputs and its outputs."""

    def __init__(self, painters: Painters, number: int, name: str) -> None:
        self.told: dict[str, Value] = {}
        self.works = False
        self.box: FrameMailbox | None = None
        self._painters, self._number, self._name = painters, number, name

    # as controls

    def commit(self) -> Snapshot:
        return self._painters.controls.commit()

    def get(self, name: str) -> Value:
        return self.told.get(name, self._painters.controls.parameter(name).default)

    def publish(self, name: str, value: Value) -> None:
        self.told[name] = value
        self._painters.tell(name)

    def report(self, address: str, text: str, origin: object = None) -> None:
        self._painters.controls.report(address, f"{self._name}: {text}", origin)

    # as outputs

    @property
    def painting(self) -> bool:
        return self.works

    @painting.setter
    def painting(self, value: bool) -> None:
        self.works = value
        self._painters.worked()

    def connect(self, painted: FrameMailbox | None) -> None:
        self.box = painted
        self._painters.gather()


class _Inlet:
    """Where one of the painters says into which mailbox its pictures go."""

    def __init__(self, painters: Painters, number: int) -> None:
        self._painters, self._number = painters, number

    def connect(self, mailbox: FrameMailbox | None, size: tuple[int, int]) -> None:
        self._painters.deal(self._number, mailbox, size)


class Painters:
    """As `Painting`, on several `devices` at once; the names of `Job.device`."""

    def __init__(
        self,
        controls: Controls,
        inputs: Inputs,
        outputs: Outputs,
        job: Job,
        devices: Sequence[str],
        *,
        notice: Callable[[str], None] = log.info,
    ) -> None:
        self.controls = controls
        self.on_staged: Callable[[str], None] | None = None
        self.on_unfit: Callable[[str, str], None] | None = None
        self.on_dropped: Callable[[str], None] | None = None
        self._inputs, self._outputs, self._notice = inputs, outputs, notice
        self._job, self._devices = job, tuple(devices)
        self._size: tuple[int, int] | None = None
        self._dealer = Dealer(lambda: self._at_work)
        self._at_work: frozenset[int] = frozenset()  # read by the source's and the output's threads
        self._files: Mapping[str, LoraFile] = {}
        self._have: dict[str, set[int]] = {}  # who has read a file, by id
        self._ready: set[str] = set()  # told to be ready
        self._unfit: set[str] = set()  # told to be unfit
        self._announced = ""
        self._desks = [_Desk(self, each, name) for each, name in enumerate(_named(devices))]
        self.each = [
            Painting(
                desk,
                _Inlet(self, number),
                desk,
                replace(job, device=device),
                notice=self._noticed,
                on_staged=partial(self._on_staged, number),
                on_unfit=self._on_unfit,
                on_dropped=self._on_dropped,
            )
            for number, (desk, device) in enumerate(zip(self._desks, devices, strict=True))
        ]

    # what the show asks for

    @property
    def job(self) -> Job:
        """What all of them paint with; `device` is the first's."""
        return self._job

    @job.setter
    def job(self, job: Job) -> None:
        self._job = job
        for painting, device in zip(self.each, self._devices, strict=True):
            painting.job = replace(job, device=device)

    @property
    def loading(self) -> str:
        return next((painting.loading for painting in self.each if painting.loading), "")

    @property
    def on_applied(self) -> Callable[[protocol.Applied], None] | None:
        """Told by the first."""
        return self.each[0].on_applied

    @on_applied.setter
    def on_applied(self, told: Callable[[protocol.Applied], None] | None) -> None:
        self.each[0].on_applied = told

    def offer(self, snapshot: Snapshot) -> None:
        for painting in self.each:
            painting.offer(snapshot)

    def blend(self, mix: Mix) -> None:
        before, self._files = self._files, dict(mix.files)
        for id in [id for id, file in before.items() if file != self._files.get(id)]:
            self._forget(id)
        for painting in self.each:
            painting.blend(mix)

    def change(self, job: Job) -> None:
        self._announced = ""
        self.job = job
        self.restart()

    def restart(self) -> None:
        for id in tuple(self._have):
            self._forget(id)
        self._unfit.clear()
        for painting in self.each:
            painting.restart()

    async def run(self) -> None:
        """Paint until cancelled."""
        async with trio.open_nursery() as nursery:
            for painting in self.each:
                nursery.start_soon(painting.run)

    # what each of them tells

    def tell(self, name: str) -> None:
        """Publish what all of them together say of a control."""
        if name == "painter/state":
            states = [str(desk.get(name)) for desk in self._desks]
            self._at_work = frozenset(at for at, each in enumerate(states) if each == "painting")
            self.controls.publish(name, min(states, key=_BEST_FIRST.index))
            for have in self._have.values():  # a new process has read nothing yet
                have.difference_update(at for at, each in enumerate(states) if each == "starting")
            for id in self._have.keys() - self._ready:
                self._announce(id)
            return
        values = [desk.get(name) for desk in self._desks]
        whole = _TOLD[name]([float(value) for value in values])
        kind = self.controls.parameter(name).kind
        self.controls.publish(name, int(whole) if kind == "i" else whole)

    def worked(self) -> None:
        """One of them has begun to paint, or has left off."""
        self._outputs.painting = any(desk.works for desk in self._desks)

    def deal(self, number: int, mailbox: FrameMailbox | None, size: tuple[int, int]) -> None:
        """One of them takes its pictures from there now."""
        boxes = {each: box for each, box in self._dealer.boxes.items() if each != number}
        if mailbox is not None:
            boxes[number] = mailbox
        self._dealer.boxes = boxes
        if not boxes:
            self._size = None
            self._inputs.connect(None, size)
        elif mailbox is not None and size != self._size:
            self._size = size
            self._inputs.connect(self._dealer, size)

    def gather(self) -> None:
        """One of them brings its pictures to another place now."""
        found = {at: desk.box for at, desk in enumerate(self._desks) if desk.box is not None}
        # one that is about to change still has pictures of the size before
        boxes = {at: box for at, box in found.items() if (box.width, box.height) == self._size}
        self._outputs.connect(Gatherer(boxes, self._dealer, lambda: self._at_work))

    def _noticed(self, line: str) -> None:
        if line != self._announced:  # they say the same, one after the other
            self._announced = line
            self._notice(f"{line} on {', '.join(self._devices)}")

    def _on_staged(self, number: int, id: str) -> None:
        self._have.setdefault(id, set()).add(number)
        self._announce(id)

    def _announce(self, id: str) -> None:
        """It is ready when all that paint have it: else every other picture would be without."""
        have = self._have[id]
        if have and have >= self._at_work:
            self._ready.add(id)
            if self.on_staged is not None:
                self.on_staged(id)

    def _forget(self, id: str) -> None:
        self._have.pop(id, None)
        self._ready.discard(id)
        self._unfit.discard(id)

    def _on_unfit(self, id: str, text: str) -> None:
        told = id in self._unfit  # the same file, on another device
        self._forget(id)
        self._unfit.add(id)
        if self.on_unfit is not None and not told:
            self.on_unfit(id, text)

    def _on_dropped(self, id: str) -> None:
        self._forget(id)
        if self.on_dropped is not None:
            self.on_dropped(id)


def _named(devices: Sequence[str]) -> list[str]:
    """Their names, with a number where several are called alike."""
    alike = dict.fromkeys(devices, 0)
    names = []
    for name in devices:
        alike[name] += 1
        names.append(f"{name} #{alike[name]}" if devices.count(name) > 1 else name)
    return names
