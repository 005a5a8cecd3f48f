"""New prompts are encoded a little at a time between frames, so that no frame is late for one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Final

import torch

from engine.painter.prompts import Conditioning, Key
from engine.painter.settings import Settings
from engine.painter.slices import Slices
from engine.painter.stream import LiveStream, asks_negative

HELD: Final = ("prompt_a", "prompt_b", "prompt_mix", "negative")
"""They change together, and not before all of them that sound are encoded."""
GUIDANCE: Final = ("guidance", "guidance_mode")


@dataclass(slots=True)
class _Job:
    """A text on its way: `found` once all is given to the device, `arrival` once it is there."""

    key: Key
    age: int
    found: Conditioning | None = None
    arrival: torch.cuda.Event | None = None


class PromptsAhead:
    """Decides which prompts a frame is painted with, and has the others encoded meanwhile.

    What was begun is finished and painted, then the newest comes: texts may follow one another
    faster than they can be encoded, and the picture follows still. The decks that do not sound,
    the negative prompt that is not asked for and what scenes will bring come last, before they are
    needed.

    On CUDA the encoders run on a stream of their own, beside the frames.
    """

    def __init__(self, stream: LiveStream, slices: Slices[Conditioning] | None = None) -> None:
        self._stream, self._book = stream, stream.prompts
        self._slices = slices or Slices()
        self._beside: torch.cuda.Stream | None = None
        self._hooked = False
        self._job: _Job | None = None
        self._age = 0  # of the encoders' weights
        self._outdated: set[Key] = set()  # good until they are encoded anew
        self._heard: Settings | None = None  # all that sounds in these is known
        self._goal: Settings | None = None  # what was begun for
        self._answered: tuple[Settings, Settings] | None = None
        self._done_with: Settings | None = None

    def warm_up(self) -> None:
        """Encode something, so that the first prompt of the show finds all in place."""
        self._start(self._book.prompt_key(""))
        self._go_on(None)

    def heard(self, settings: Settings) -> Settings:
        """`settings` with the newest words that are encoded. Before the first frame: its own."""
        if self._answered is not None and self._answered[0] is settings:
            return self._answered[1]
        if self._heard is None:
            self.finish(settings)
        if self._knows(settings):
            self._heard, self._goal = settings, None
        elif self._goal is not None and self._knows(self._goal):
            self._heard, self._goal = self._goal, None
        assert self._heard is not None
        answer = self._with(settings, HELD)
        if not self._knows(answer):  # guidance asks for a negative prompt that comes yet
            answer = self._with(answer, GUIDANCE)
        self._answered = settings, answer
        return answer

    def work(self, settings: Settings, budget_s: float | None) -> bool:
        """Encode what `settings` lack for about so long (None: one text, to its end); whether
        anything is left."""
        if self._job is None:
            if settings is self._done_with:
                return False
            key = self._next(settings)
            if key is None:
                self._done_with = settings
                return False
            self._start(key)
        self._go_on(budget_s)
        return True

    def finish(self, settings: Settings) -> None:
        """Have all that sounds in `settings` encoded, and fresh."""
        while self._job is not None or any(map(self._lacks, self._sounding(settings))):
            self.work(settings, None)

    def outdate(self) -> None:
        """The encoders' weights have changed: what sounds is encoded anew, the rest forgotten."""
        in_use = self._in_use()
        self._book.forget(but=in_use)
        self._outdated = {key for key in in_use if self._book.knows(key)}
        self._age += 1
        self._done_with = None
        if self._heard is None:  # what warming up has left in the stream is of before, too
            self._stream.refresh_prompts()
        if self._beside is not None:  # pragma: no cover - needs a GPU
            # they were written on the stream that paints
            self._beside.wait_stream(torch.cuda.current_stream(self._beside.device))

    def _with(self, settings: Settings, names: tuple[str, ...]) -> Settings:
        if self._heard is settings:
            return settings
        held: dict[str, Any] = {name: getattr(self._heard, name) for name in names}
        return replace(settings, **held)

    def _sounding(self, settings: Settings) -> Iterator[Key]:
        if settings.prompt_mix < 1.0:
            yield self._book.prompt_key(settings.prompt_a)
        if settings.prompt_mix > 0.0:
            yield self._book.prompt_key(settings.prompt_b)
        if asks_negative(settings):
            yield self._book.negative_key(settings.negative)

    def _in_use(self) -> list[Key]:
        return [] if self._heard is None else list(self._sounding(self._heard))

    def _knows(self, settings: Settings) -> bool:
        return all(map(self._book.knows, self._sounding(settings)))

    def _lacks(self, key: Key) -> bool:
        return not self._book.knows(key) or key in self._outdated

    def _next(self, settings: Settings) -> Key | None:
        for wish in (self._goal, settings):
            for key in self._sounding(wish) if wish is not None else ():
                if not self._book.knows(key):
                    self._goal = wish
                    return key
        silent = [self._book.prompt_key(each) for each in (settings.prompt_a, settings.prompt_b)]
        silent.append(self._book.negative_key(settings.negative))
        silent += map(self._book.prompt_key, settings.coming.splitlines())
        return next(filter(self._lacks, [*self._sounding(settings), *silent]), None)

    def _start(self, key: Key) -> None:
        if not self._hooked:
            self._hooked = True
            for encoder in self._book.encoders:
                for module in encoder.modules():
                    if next(module.children(), None) is None:
                        module.register_forward_pre_hook(self._slices.pause)
            if self._stream.device.type == "cuda":  # pragma: no cover - needs a GPU
                self._beside = torch.cuda.Stream(self._stream.device)
                self._beside.wait_stream(torch.cuda.current_stream(self._stream.device))
        job = self._job = _Job(key, self._age)
        self._slices.start(lambda: self._encode(job))

    def _encode(self, job: _Job) -> Conditioning:
        """In the other thread: streams are each thread's own."""
        if self._beside is None:
            return self._book.encode(job.key)
        with torch.cuda.stream(self._beside):  # pragma: no cover - needs a GPU
            found = self._book.encode(job.key)
            job.arrival = torch.cuda.Event()
            job.arrival.record(self._beside)
            return found

    def _go_on(self, budget_s: float | None) -> None:
        job = self._job
        assert job is not None
        if job.found is None:
            try:
                job.found = self._slices.run(budget_s)
            except BaseException:
                self._job = None
                raise
        if job.found is None or not _arrived(job, wait=budget_s is None):
            return
        self._job = None
        for tensor in (job.found.embeds, job.found.pooled):
            if tensor is not None and tensor.is_cuda:  # pragma: no cover - needs a GPU
                # the stream that paints reads it, also when it is dropped
                tensor.record_stream(torch.cuda.current_stream(tensor.device))
        self._book.keep(job.key, job.found, self._in_use())
        if job.key in self._outdated:
            self._stream.refresh_prompts()
            self._outdated.discard(job.key)
        if job.age != self._age:  # the weights were being changed meanwhile
            self._outdated.add(job.key)
        self._answered = None


def _arrived(job: _Job, *, wait: bool) -> bool:
    if job.arrival is None:
        return True
    if wait:  # pragma: no cover - needs a GPU
        job.arrival.synchronize()
    return bool(job.arrival.query())  # pragma: no cover - needs a GPU
