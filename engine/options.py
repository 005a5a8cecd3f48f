"""What a show is started with: the options of the command line and of a SHOW.yaml.

`read` turns what somebody wrote into values, and problems into lines; `assemble` lays the command
line over the show file. Names are the command line's, without the dashes in front.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import msgspec

from engine.controls import Value
from engine.data_folder import default_data_folder
from engine.option_readers import Size, shown
from engine.option_table import OPTIONS, Option

EVERY_INTERFACE: Final = "0.0.0.0"
"""Where --lan listens, unless a host is named: then on that one alone."""


class ShowOptions(msgspec.Struct, frozen=True, kw_only=True):
    """Everything `artflow run` can be told, checked and with its defaults.

    `model` and `source` are as written ("" = the default model), `audio` too ("" =
    none). `size` None is the model's own.
    `seconds`, `seed`, `prompt`, `record`, `setlist` are None where nothing was said. `values` are
    the controls of a show file's `set:`.
    """

    show_file: Path | None = None
    model: str = ""
    source: str = "test-card"
    size: Size | None = None
    window: Size = (960, 960)
    fullscreen: bool = False
    headless: bool = False
    display: int = 0
    desk: bool = False
    osc_host: str = "127.0.0.1"
    osc_port: int = 9000
    no_osc: bool = False
    web_host: str = "127.0.0.1"
    web_port: int = 8000
    no_web: bool = False
    lan: bool = False
    allow: tuple[str, ...] = ()
    feedback: tuple[tuple[str, int], ...] = ()
    compat: str = ""
    midi: tuple[Path, ...] = ()
    no_midi: bool = False
    midi_monitor: bool = False
    audio: str = ""
    compile: str = "auto"
    lowvram: bool = False
    devices: tuple[str, ...] = ()
    scenes: Path | None = None
    presets: tuple[Path, ...] = ()
    data: Path = msgspec.field(default_factory=default_data_folder)
    record: Path | None = None
    seconds: float | None = None
    seed: int | None = None
    prompt: str | None = None
    setlist: str | None = None
    values: Mapping[str, Value] = {}

    @property
    def guarded(self) -> bool:
        """Whether it matters which network a message comes from."""
        return self.lan or bool(self.allow)

    @property
    def start_values(self) -> dict[str, Value]:
        """The controls as the show starts: `set:`, then the options that are controls too."""
        values = {**self.values, "input/source": self.source}
        if self.seed is not None:
            values["paint/seed"] = self.seed
        if self.prompt is not None:
            values["prompt/a"] = self.prompt
        return values


_BY_NAME: Final = {option.name: option for option in OPTIONS}

# an option on the command line takes these of the show file out of force
_DISPLACES: Final[dict[str, tuple[str, ...]]] = {
    "window": ("fullscreen", "headless"),
    "fullscreen": ("headless",),
    "headless": ("fullscreen",),
    "osc-host": ("no-osc",),
    "osc-port": ("no-osc",),
    "web-host": ("no-web",),
    "web-port": ("no-web",),
    "midi": ("no-midi",),
}
_ONE_OF: Final = ("window", "fullscreen", "headless")


def option(name: str) -> Option:
    """The row of an option. Raises KeyError."""
    return _BY_NAME[name]


def near_option(name: str) -> str:
    """A hint at the option that an unknown name may have meant, ready to follow a semicolon."""
    near = difflib.get_close_matches(name, [*_BY_NAME, "set"], n=1)
    return f"did you mean {near[0]!r}?" if near else "see artflow run --help"


def read(
    written: Mapping[str, object], named: Callable[[str], str]
) -> tuple[dict[str, object], list[str]]:
    """Values by option name, and a line for each problem. Every key is an option's name.

    `named(name)` is how a problem line calls the option: `--size`, or `show.yaml:3: size`.
    """
    values: dict[str, object] = {}
    problems: list[str] = []
    for name, raw in written.items():
        row = _BY_NAME[name]
        try:
            values[name] = row.read(raw)
        except (ValueError, msgspec.ValidationError):
            problems.append(f"{named(name)} is {shown(raw)}; allowed: {row.allowed}")
            if row.safe is not None:
                values[name] = row.safe
    together = [name for name in _ONE_OF if values.get(name)]
    if len(together) > 1:
        problems.append(
            f"{named(together[-1])} stands beside {' and '.join(together[:-1])}; "
            f"allowed: one of {', '.join(_ONE_OF)}"
        )
    return values, problems


def assemble(
    file: Mapping[str, object],
    line: Mapping[str, object],
    show_file: Path | None = None,
) -> ShowOptions:
    """The show's options: the command line's values over the show file's, over the defaults.

    Both come from `read`; the file's may hold `values`, its `set:`.
    """
    merged: dict[str, Any] = dict(file)
    for name in line:
        for other in _DISPLACES.get(name, ()):
            merged.pop(other, None)
    merged.update(line)
    values: dict[str, Value] = dict(merged.pop("values", {}))
    # where `set:` names what is also an option, the option wins
    for name, control in (("source", "input/source"), ("model", "painter/model")):
        if control in values:
            asked = values.pop(control)
            merged.setdefault(name, asked)
    if merged.get("lan"):
        merged.setdefault("osc-host", EVERY_INTERFACE)
    fields = {name.replace("-", "_"): value for name, value in merged.items()}
    return ShowOptions(show_file=show_file, values=values, **fields)


def idle_notes(values: Mapping[str, object]) -> Sequence[str]:
    """One line for each option in use that does nothing: yet, or without another option."""
    notes = []
    if values.get("allow") and not (values.get("lan") or values.get("osc-host")):
        notes.append("--allow: without --lan only this machine is listened to")
    for row in OPTIONS:
        value = values.get(row.name)
        said = value is not None and value is not False and value != ()  # 0 is said, too
        if row.later and said:
            notes.append(
                f"--{row.name}: {row.later} comes in a later version; the show goes on without it"
            )
    return notes
