"""What was learned, as values: a mapping comes in, goes out, comes back.

`Learned` says at once what plays. `midi_learned_files` writes the same changes down after it.
"""

from __future__ import annotations

import glob
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Final

from controllers.midi_map import DeviceMap, Mapping
from engine.controls import Value


@dataclass(frozen=True, slots=True)
class Taught:
    """The device `id`, whose port is called `label`, plays `mapping`.

    Its control leaves what moved it, on any device, and what moves it leaves its other controls.
    """

    id: str
    label: str
    mapping: Mapping

    def stays(self, old: Mapping, device: DeviceMap) -> bool:
        """Whether the mapping `old` of a device is left as it is."""
        new = self.mapping
        same_control = (old.to, old.arguments) == (new.to, new.arguments)
        return not (same_control or (device.id == self.id and old.on == new.on))

    @property
    def device(self) -> DeviceMap:
        """The device before it has learned anything."""
        return DeviceMap(self.id, glob.escape(self.label))


@dataclass(frozen=True, slots=True)
class Forgotten:
    """Nothing plays the control `to`; of a trigger with `arguments`, nothing hands it these."""

    to: str
    arguments: tuple[Value, ...] = ()

    def stays(self, old: Mapping, _: DeviceMap) -> bool:
        """Whether the mapping `old` of a device is left as it is."""
        return old.to != self.to or bool(self.arguments and old.arguments != self.arguments)


@dataclass(frozen=True, slots=True)
class TakenBack:
    """What was taught or forgotten last is as it was before."""


Edit = Taught | Forgotten
UNDO: Final = TakenBack()


def kept(device: DeviceMap, edit: Edit) -> DeviceMap:
    """The device without the mappings that an edit takes out."""
    stay = tuple(old for old in device.mappings if edit.stays(old, device))
    return replace(device, mappings=stay)


def edited(device: DeviceMap, edit: Edit) -> DeviceMap:
    """The device after an edit."""
    left = kept(device, edit)
    if isinstance(edit, Taught) and edit.id == device.id:
        return replace(left, mappings=(*left.mappings, edit.mapping))
    return left


class Learned:
    """The learned mappings of every device, and what they were before the last change."""

    def __init__(self, devices: Iterable[DeviceMap] = ()) -> None:
        self._devices = {device.id: device for device in devices}
        self._before: dict[str, DeviceMap] = {}

    def change(self, edit: Edit) -> list[DeviceMap]:
        """The devices that an edit concerns, as they are now; none where it changes nothing."""
        old = dict(self._devices)
        taught = None
        if isinstance(edit, Taught):
            old.setdefault(edit.id, edit.device)
            taught = edit.id  # once more the same is a change, too: it is what undo takes back
        now = [edited(device, edit) for device in old.values()]
        changed = [one for one in now if one != old[one.id] or one.id == taught]
        if changed:
            self._before = {one.id: old[one.id] for one in changed}
            self._devices |= {one.id: one for one in changed}
        return changed

    def undo(self) -> list[DeviceMap]:
        """Take back the last change; the devices as they are again, none where there was none."""
        before, self._before = self._before, {}
        self._devices |= before
        return [*before.values()]
