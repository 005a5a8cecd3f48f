"""Pictures to the device and back: beside the painting on CUDA, by plain copies elsewhere."""

from __future__ import annotations

from typing import Final, Protocol

import numpy as np
import torch
from torch import Tensor

from engine.latest import Picture
from engine.painter.settings import MAX_PIPELINE

SLOTS: Final = MAX_PIPELINE + 1
"""Pictures that may be under way, and one that is being filled."""


class Ticket(Protocol):
    """A picture on its way home."""

    def collect(self) -> tuple[Picture, bool]:
        """Wait for it: a new (h, w, 3) uint8, and whether the numbers it came from are sound."""
        ...


class Transfers(Protocol):
    """Between the host and the static `input` and `output` of a stream."""

    def send(self, picture: Picture) -> None:
        """Have `picture` in the static input before whatever the device is given next."""
        ...

    def leave(self) -> Ticket:
        """Set off the static output as it is after whatever the device was given last."""
        ...


def make_transfers(given: Tensor, painted: Tensor, sound: Tensor) -> Transfers:
    """For the static `given` and `painted`, (h, w, 3) uint8, and `sound`, () bool, of a stream."""
    kind = DoubleBuffers if given.device.type == "cuda" else Copies
    return kind(given, painted, sound)


class Arrived:
    """What was at home when it left."""

    def __init__(self, picture: Picture, sound: bool) -> None:
        self._found = picture, sound

    def collect(self) -> tuple[Picture, bool]:
        return self._found


class Copies:
    """Each transfer is done when its call returns (CPU, MPS)."""

    def __init__(self, given: Tensor, painted: Tensor, sound: Tensor) -> None:
        self._given, self._painted, self._sound = given, painted, sound

    def send(self, picture: Picture) -> None:
        if self._given.device.type == "cpu":
            np.copyto(self._given.numpy(), picture)
        else:  # pragma: no cover - needs a Mac
            self._given.copy_(torch.from_numpy(np.ascontiguousarray(picture)))

    def leave(self) -> Ticket:
        picture: Picture = self._painted.cpu().numpy()
        if self._painted.device.type == "cpu":
            picture = picture.copy()
        return Arrived(picture, bool(self._sound))


class DoubleBuffers:  # pragma: no cover - needs a GPU
    """Pinned memory, and a stream for either direction, so that the pictures of neighbouring frames
    travel while one is painted. The compute stream sees copies within the device alone."""

    def __init__(self, given: Tensor, painted: Tensor, sound: Tensor) -> None:
        self._given, self._painted, self._sound = given, painted, sound
        self._up, self._down = (torch.cuda.Stream(given.device) for _ in range(2))
        self._slots = [_Slot(given, painted, sound) for _ in range(SLOTS)]
        self._sent = self._left = 0

    def send(self, picture: Picture) -> None:
        slot = self._slots[self._sent % SLOTS]
        self._sent += 1
        compute = torch.cuda.current_stream(self._given.device)
        slot.up.synchronize()  # long done: the host comes round to it only SLOTS pictures later
        np.copyto(slot.pinned_in.numpy(), picture)
        self._up.wait_event(slot.read)
        with torch.cuda.stream(self._up):
            slot.device_in.copy_(slot.pinned_in, non_blocking=True)
            slot.up.record(self._up)
        compute.wait_event(slot.up)
        self._given.copy_(slot.device_in)
        slot.read.record(compute)

    def leave(self) -> Ticket:
        slot = self._slots[self._left % SLOTS]
        self._left += 1
        compute = torch.cuda.current_stream(self._given.device)
        compute.wait_event(slot.home)
        slot.device_out.copy_(self._painted)
        slot.device_sound.copy_(self._sound)
        slot.painted.record(compute)
        self._down.wait_event(slot.painted)
        with torch.cuda.stream(self._down):
            slot.pinned_out.copy_(slot.device_out, non_blocking=True)
            slot.pinned_sound.copy_(slot.device_sound, non_blocking=True)
            slot.home.record(self._down)
        return slot


class _Slot:  # pragma: no cover - needs a GPU
    def __init__(self, given: Tensor, painted: Tensor, sound: Tensor) -> None:
        self.device_in, self.device_out = torch.empty_like(given), torch.empty_like(painted)
        self.device_sound = torch.empty_like(sound)
        self.pinned_in, self.pinned_out, self.pinned_sound = (
            torch.empty(each.shape, dtype=each.dtype, pin_memory=True)
            for each in (given, painted, sound)
        )
        # one that was never recorded is as good as passed
        self.up, self.read, self.painted, self.home = (torch.cuda.Event() for _ in range(4))

    def collect(self) -> tuple[Picture, bool]:
        self.home.synchronize()  # the only wait of a frame
        picture: Picture = self.pinned_out.numpy().copy()
        return picture, bool(self.pinned_sound)
