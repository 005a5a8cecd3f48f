"""The options of `artflow run`, one row each: the command line and SHOW.yaml both read this table.

A new option is a row here and a field of `engine.options.ShowOptions`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from engine import option_readers as reader
from engine.option_readers import Reader


@dataclass(frozen=True, slots=True)
class Option:
    """A row of the table. `allowed` completes "allowed: ...", `group` heads it in the help.

    A flag has no `metavar`. `many` options are lists. `file` marks a path: relative ones in a show
    file start at its folder. `later` names the part that is not in this version yet.
    What a show file says wrongly is left out; `safe`, where given, is then in force instead.
    """

    name: str
    group: str
    metavar: str
    help: str
    read: Reader
    allowed: str
    many: bool = False
    file: bool = False
    later: str = ""
    safe: object = None


def _flag(name: str, group: str, help: str, later: str = "") -> Option:
    return Option(name, group, "", help, reader.flag, "true or false", later=later)


_SOURCES: Final = "test-card | drawing | camera[:N|NAME] | video:FILE | screen[:N] | image:FILE"
_PORT: Final = reader.integer(0, 65535)
_A_PORT: Final = "a port from 0 to 65535 (0 = any free)"
_WEB: Final = "the web part"

OPTIONS: Final[tuple[Option, ...]] = (
    Option(
        "source",
        "Picture",
        "KIND[:ARG]",
        _SOURCES,
        reader.source,
        _SOURCES,
    ),
    Option(
        "model",
        "Picture",
        "ID|FOLDER",
        "the base model: an id, or a folder in diffusers format",
        reader.word,
        "a model's id, or a folder in diffusers format",
    ),
    Option(
        "prompt",
        "Picture",
        "TEXT",
        "what to paint (prompt/a)",
        reader.prompt,
        "text of at most 1000 bytes; where YAML sees a number, in quotes",
    ),
    Option(
        "seed",
        "Picture",
        "N",
        "seed of the noise (paint/seed)",
        reader.integer(0, 2147483647),
        "a whole number from 0 to 2147483647",
    ),
    Option(
        "size",
        "Picture",
        "WxH",
        "painted size, multiples of 8 (default: the model's own)",
        reader.size(8, reader.MAX_PAINTED_SIDE),
        f"WxH, both multiples of 8 up to {reader.MAX_PAINTED_SIDE}, such as 512x512",
    ),
    Option(
        "record",
        "Picture",
        "FILE.mp4",
        "record what the audience sees, from the first frame",
        reader.recording,
        "a file whose name ends in .mp4",
        file=True,
    ),
    Option(
        "seconds",
        "Picture",
        "S",
        "stop cleanly after S seconds",
        reader.seconds,
        "a time in seconds above 0",
    ),
    Option(
        "window",
        "Window",
        "WxH",
        "size of the window (default 960x960)",
        reader.size(1),
        "WxH in pixels, such as 960x960",
    ),
    _flag("fullscreen", "Window", "fill the display"),
    _flag("headless", "Window", "no window at all"),
    Option(
        "display",
        "Window",
        "N",
        "the display to show on, from 0; see artflow devices",
        reader.integer(0, 63),
        "a display's number from 0; see artflow devices",
    ),
    _flag("desk", "Window", "a second window for the operator; the audience's stays clean"),
    Option(
        "osc-host",
        "Control",
        "H",
        "address to listen on for OSC (default 127.0.0.1)",
        reader.word,
        "a host name or address",
    ),
    Option(
        "osc-port",
        "Control",
        "N",
        "port for OSC (default 9000; 0 = any free)",
        _PORT,
        _A_PORT,
    ),
    _flag("no-osc", "Control", "do not listen to OSC"),
    Option(
        "feedback",
        "Control",
        "HOST:PORT",
        "send every change there as OSC; repeatable",
        reader.several(reader.host_port),
        "HOST:PORT, such as 192.168.1.5:9001",
        many=True,
    ),
    _flag("lan", "Control", "listen to other machines, too; see --allow"),
    Option(
        "allow",
        "Control",
        "CIDR",
        "networks that may play (default: this machine's own private ones); repeatable",
        reader.several(reader.network),
        "a network such as 192.168.1.0/24",
        many=True,
        safe=("127.0.0.0/8",),  # a slip of the pen lets nobody in
    ),
    Option(
        "compat",
        "Control",
        "streamdiffusiontd",
        "understand that address set, too",
        reader.choice("streamdiffusiontd"),
        "streamdiffusiontd",
    ),
    Option(
        "web-host",
        "Control",
        "H",
        "address of the web page (default 127.0.0.1)",
        reader.word,
        "a host name or address",
        later=_WEB,
    ),
    Option(
        "web-port",
        "Control",
        "N",
        "port of the web page (default 8000; 0 = any free)",
        _PORT,
        _A_PORT,
        later=_WEB,
    ),
    _flag("no-web", "Control", "no web page"),
    Option(
        "midi",
        "Control",
        "MAP.yaml",
        "a MIDI map; repeatable",
        reader.several(reader.path),
        "a MIDI map's file",
        many=True,
        file=True,
    ),
    _flag("no-midi", "Control", "do not listen to MIDI"),
    _flag("midi-monitor", "Control", "print every MIDI message, and what it did"),
    Option(
        "audio",
        "Control",
        "INPUT",
        "listen to this sound, for modulators: default, an input's name or number, or file:PATH",
        reader.sound,
        "default, an input's name or number, or file:PATH",
    ),
    Option(
        "compile",
        "Machine",
        "auto|on|off",
        "compile the model; auto (default): where an earlier start has done it",
        reader.choice("auto", "on", "off"),
        "auto, on or off",
    ),
    _flag("lowvram", "Machine", "use less GPU memory; changes of a mix take longer"),
    Option(
        "devices",
        "Machine",
        "cuda:0,cuda:1",
        "what to paint on; several paint alternate pictures",
        reader.several(reader.device, split=","),
        "cuda:N, mps or cpu, with commas between",
    ),
    Option(
        "data",
        "Files",
        "FOLDER",
        "downloads, recordings, logs (default: the user's data folder; env ARTFLOW_DATA)",
        reader.path,
        "a folder",
        file=True,
    ),
    Option(
        "presets",
        "Files",
        "FILE",
        "a catalogue of style presets; repeatable",
        reader.several(reader.path),
        "a catalogue's file",
        many=True,
        file=True,
    ),
    Option(
        "scenes",
        "Files",
        "FOLDER",
        "scenes beside the bundled ones",
        reader.path,
        "a folder",
        file=True,
    ),
    Option(
        "setlist",
        "Files",
        "NAME",
        "the set list to play",
        reader.word,
        "a set list's name",
    ),
)
