"""The MIDI ports of this machine: which there are, and how one is opened.

Through rtmidi, or whichever system mido's own variable MIDO_BACKEND names, as in
`MIDO_BACKEND=mido.backends.rtmidi/UNIX_JACK`. What rtmidi or mido raise becomes `MidiError` here.
"""

from __future__ import annotations

import fnmatch
import gc
import os
import re
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Protocol

import mido

from engine.errors import MidiError

CLIENT: Final = "ArtFlow Live"
"""What other programs call us. Our own ports are never listed, or we would play ourselves."""

_RTMIDI: Final = "mido.backends.rtmidi"
_ALSA_NUMBERS: Final = re.compile(r" \d+:\d+$")
_ALSA_SEQUENCER: Final = Path("/dev/snd/seq")

CALLBACK_S: Final = 0.05
"""Longer than a callback waits for its turn with the interpreter."""

Heard = Callable[[float, Sequence[int]], None]
"""(`time.perf_counter()` of arrival, the bytes). Called on a thread of the MIDI system's."""


@dataclass(frozen=True, slots=True)
class PortName:
    """A port. `label` is what performers read and maps match, unlike any other of its direction.

    `raw` is the system's own name, `nth` counts ports of that very name from 0.
    """

    label: str
    raw: str
    nth: int = 0


class Closable(Protocol):
    def close(self) -> None: ...


class Sender(Closable, Protocol):
    def send(self, data: bytes) -> None:
        """Send one whole message. May block; raises `MidiError`."""


class MidiSystem(Protocol):
    """Where ports come from. `inputs` and `outputs` are asked twice a second and must be cheap.

    Everything but `close` may raise `MidiError`.
    """

    def inputs(self) -> tuple[PortName, ...]: ...
    def outputs(self) -> tuple[PortName, ...]: ...
    def open_input(self, port: PortName, heard: Heard) -> Closable: ...
    def open_output(self, port: PortName) -> Sender: ...
    def close(self) -> None: ...


def told_apart(names: Iterable[str]) -> tuple[PortName, ...]:
    """Labels for the names a system gives: the second of the same is called "... #2".

    ALSA ends names in numbers that change with every plugging in; labels leave them out. Our own
    ports are left out, too.
    """
    ports: list[PortName] = []
    alike: dict[str, int] = {}
    same: dict[str, int] = {}
    for raw in names:
        plain = _ALSA_NUMBERS.sub("", raw)
        if plain.startswith(CLIENT):
            continue
        number = alike[plain] = alike.get(plain, 0) + 1
        nth = same[raw] = same.get(raw, -1) + 1
        ports.append(PortName(plain if number == 1 else f"{plain} #{number}", raw, nth))
    return tuple(ports)


def matches(pattern: str, label: str) -> bool:
    """Whether a map's glob names this port; capitals do not matter.

    ALSA and JACK put the client's name and a colon before the port's; the glob may do without it.
    """
    wanted = pattern.casefold()
    whole = label.casefold()
    return any(
        fnmatch.fnmatchcase(name, wanted) for name in (whole, whole.partition(":")[2]) if name
    )


def open_system(backend: str | None = None) -> MidiSystem:
    """The MIDI system of this machine, or the one that `backend` names as mido does.

    Raises `MidiError` where there is none.
    """
    chosen = mido.Backend(backend) if backend else mido.Backend()
    try:
        chosen.load()
    except (ImportError, ValueError) as error:
        raise MidiError(
            f"MIDI: MIDO_BACKEND is {chosen.name!r}, which cannot be loaded ({error}); "
            "unset it, or name another"
        ) from error
    if chosen.name == _RTMIDI:
        return Rtmidi(chosen.api)
    return Mido(chosen)


@contextmanager
def _translated(what: str) -> Iterator[None]:
    """Whatever a MIDI library raises, as one line."""
    try:
        yield
    except MidiError:
        raise
    except Exception as error:
        reason = str(error).strip().splitlines()
        raise MidiError(f"{what} ({reason[0] if reason else type(error).__name__})") from error


class Rtmidi:
    """Ports through rtmidi; the objects that list them are kept, which makes asking cheap."""

    def __init__(self, api: str | None = None) -> None:
        """`api` as mido writes it: LINUX_ALSA, UNIX_JACK, MACOSX_CORE, WINDOWS_MM."""
        import rtmidi

        self._rtmidi: Any = rtmidi
        self._api = _api(rtmidi, api)
        needs_alsa = api == "LINUX_ALSA" or (api is None and sys.platform == "linux")
        if needs_alsa and not _ALSA_SEQUENCER.exists():  # asked, ALSA would print lines of its own
            raise MidiError(
                f"MIDI: this machine has no {_ALSA_SEQUENCER}; load the kernel module snd-seq, or "
                f"play over JACK with MIDO_BACKEND={_RTMIDI}/UNIX_JACK"
            )
        with _translated("MIDI: no MIDI system answers here"):
            self._inputs: Any = rtmidi.MidiIn(self._api, CLIENT)
            self._outputs: Any = rtmidi.MidiOut(self._api, CLIENT)

    def inputs(self) -> tuple[PortName, ...]:
        with _translated("MIDI: the inputs cannot be listed"):
            return told_apart(self._inputs.get_ports())

    def outputs(self) -> tuple[PortName, ...]:
        with _translated("MIDI: the outputs cannot be listed"):
            return told_apart(self._outputs.get_ports())

    def open_input(self, port: PortName, heard: Heard) -> Closable:
        with _translated(f"MIDI input {port.label} cannot be opened"):
            device = self._rtmidi.MidiIn(self._api, CLIENT)
            # SysEx is wanted by nobody, and active sensing comes three times a second for ever
            device.ignore_types(sysex=True, timing=False, active_sense=True)
            return _OpenedInput(device, port, heard)

    def open_output(self, port: PortName) -> Sender:
        with _translated(f"MIDI output {port.label} cannot be opened"):
            return _OpenedOutput(self._rtmidi.MidiOut(self._api, CLIENT), port)

    def close(self) -> None:
        """Asked again, it raises `MidiError`; rtmidi's own objects would end the process."""
        inputs, outputs, self._inputs, self._outputs = self._inputs, self._outputs, None, None
        if inputs is not None:
            inputs.delete()
            outputs.delete()


class _Opened:
    """An rtmidi object with its port open. Raises whatever rtmidi does, or `LookupError`."""

    def __init__(self, device: Any, port: PortName) -> None:
        self._device = device
        self._label = port.label
        try:
            # numbers may have changed since the port was listed: looked for by its name
            same = [at for at, name in enumerate(device.get_ports()) if name == port.raw]
            if port.nth >= len(same):
                raise LookupError("it is gone")
            device.open_port(same[port.nth], port.label)
        except BaseException:
            device.delete()
            raise

    def close(self) -> None:
        self._device.close_port()
        self._device.delete()


class _OpenedInput(_Opened):
    """An input. Closing it takes care of what rtmidi does not.

    rtmidi closes a port with the interpreter held, and ends or kills the thread that calls back. A
    thread that waits for the interpreter at that moment, to call us, would hang the whole program
    for ever; and cancelling frees the pair (function, data) that such a thread is about to read.
    """

    def __init__(self, device: Any, port: PortName, heard: Heard) -> None:
        def call(event: tuple[Sequence[int], float], _: object) -> None:
            heard(time.perf_counter(), event[0])

        device.set_callback(call)
        self._read_late = [one for one in gc.get_referrers(call) if type(one) is tuple]
        super().__init__(device, port)

    def close(self) -> None:
        self._device.cancel_callback()
        time.sleep(CALLBACK_S)  # with the interpreter free: who waits for it gets it, and is done
        super().close()


class _OpenedOutput(_Opened):
    def send(self, data: bytes) -> None:
        with _translated(f"MIDI output {self._label} takes nothing"):
            self._device.send_message(data)


class Mido:
    """Ports through another of mido's systems (portmidi, amidi, one of your own).

    Such a system opens ports by name, so that the second of one name cannot be had.
    """

    def __init__(self, backend: Any) -> None:
        self._backend = backend
        self.inputs()  # raises here, where there is no such system

    def inputs(self) -> tuple[PortName, ...]:
        with _translated("MIDI: the inputs cannot be listed"):
            return told_apart(dict.fromkeys(self._backend.get_input_names()))

    def outputs(self) -> tuple[PortName, ...]:
        with _translated("MIDI: the outputs cannot be listed"):
            return told_apart(dict.fromkeys(self._backend.get_output_names()))

    def open_input(self, port: PortName, heard: Heard) -> Closable:
        def callback(message: Any) -> None:
            heard(time.perf_counter(), message.bytes())

        with _translated(f"MIDI input {port.label} cannot be opened"):
            opened: Closable = self._backend.open_input(port.raw, callback=callback)
            return opened

    def open_output(self, port: PortName) -> Sender:
        with _translated(f"MIDI output {port.label} cannot be opened"):
            return _MidoOutput(self._backend.open_output(port.raw), port.label)

    def close(self) -> None:
        """Nothing is kept open but what was opened."""


class _MidoOutput:
    def __init__(self, port: Any, label: str) -> None:
        self._port = port
        self._label = label

    def send(self, data: bytes) -> None:
        with _translated(f"MIDI output {self._label} takes nothing"):
            self._port.send(mido.Message.from_bytes(data))

    def close(self) -> None:
        self._port.close()


def _api(rtmidi: Any, name: str | None) -> int:
    compiled = {
        attribute.removeprefix("API_"): getattr(rtmidi, attribute)
        for attribute in dir(rtmidi)
        if attribute.startswith("API_") and getattr(rtmidi, attribute) in rtmidi.get_compiled_api()
    }
    if name is None:
        return int(rtmidi.API_UNSPECIFIED)
    if name not in compiled:
        raise MidiError(
            f"MIDI: MIDO_BACKEND is {os.environ.get('MIDO_BACKEND', name)!r}; allowed after "
            f"{_RTMIDI}/: {', '.join(compiled)}"
        )
    return int(compiled[name])
