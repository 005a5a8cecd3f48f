"""The table of built-in controls: the one place where a control is declared.

A row here is all that OSC, MIDI, scenes, the web and the printed reference need.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final, Literal

from engine.controls import Parameter, Trigger
from engine.sources.spec import parse_source

Turns = Literal["", "start", "mid"]
"""When what cannot travel takes its new value in a fade."""

RIDE_S: Final = 0.05
"""Travel time of faders: hides the steps of 7-bit knobs and 30 Hz senders, too short to feel."""

MODULATORS: Final = range(1, 9)
"""The numbers of the modulators."""

SHAPES: Final = ("sine", "triangle", "saw", "square", "random", "smooth-random")
"""What a modulator may follow in beats."""

HEARD: Final = ("level", "low", "mid", "high", "onset")
"""What is heard in the sound, each 0..1; a modulator follows one as `audio-<name>`."""

LISTENING: Final = ("off", "live", "lost")
"""What `audio/state` may be."""

BUSY: Final = ("starting", "loading", "painting", "stalled", "restarting", "failed")


def _f(
    name: str,
    low: float,
    high: float,
    default: float,
    help: str,
    *,
    unit: str = "",
    slew: float = 0.0,
    wrap: bool = False,
    log: bool = False,
) -> Parameter:
    return Parameter(
        name,
        "f",
        float(default),
        help,
        low=low,
        high=high,
        unit=unit,
        slew=slew,
        wrap=wrap,
        log=log,
    )


def _i(name: str, low: int, high: int, default: int, help: str, turns: Turns = "") -> Parameter:
    return Parameter(name, "i", default, help, low=low, high=high, turns=turns)


def _switch(name: str, default: int, help: str, turns: Turns = "") -> Parameter:
    return Parameter(name, "i", default, help, low=0, high=1, turns=turns)


def _s(
    name: str,
    default: str,
    help: str,
    choices: tuple[str, ...] | None = None,
    turns: Turns = "",
) -> Parameter:
    return Parameter(name, "s", default, help, choices=choices, turns=turns)


def _moment(row: Parameter) -> Parameter:
    return replace(row, moment=True)


def _report(
    name: str, kind: str, help: str, unit: str = "", choices: tuple[str, ...] | None = None
) -> Parameter:
    defaults: dict[str, float | int | str] = {"f": 0.0, "i": 0, "s": ""}
    default = defaults[kind]
    return Parameter(
        name,
        kind,
        choices[0] if choices else default,
        help,
        unit=unit,
        read_only=True,
        choices=choices,
    )


def _modulator(number: int) -> tuple[Parameter, ...]:
    shapes = (*SHAPES, *(f"audio-{name}" for name in HEARD))
    return (
        _s(f"mod/{number}/target", "", "the float parameter that is moved"),
        _s(f"mod/{number}/shape", "sine", "what it follows, in beats or in the sound", shapes),
        # not through the lengths between: far from beat 0 each of those is another place
        replace(
            _f(f"mod/{number}/beats", 0.0625, 64, 4, "length of one cycle", unit="beats"),
            turns="start",
        ),
        _f(
            f"mod/{number}/depth",
            -1,
            1,
            0.25,
            "way from lowest to highest, as a share of the target's range",
            slew=RIDE_S,
        ),
        _f(f"mod/{number}/phase", 0, 1, 0, "where in the cycle the beat 0 is", slew=RIDE_S),
        _switch(f"mod/{number}/active", 0, "1 = it moves its target"),
    )


PARAMETERS: Final[tuple[Parameter, ...]] = (
    _s("prompt/a", "", "prompt of deck a (empty: the model's own default prompt)"),
    _s("prompt/b", "", "prompt of deck b (empty: the model's own default prompt)"),
    _f("prompt/mix", 0, 1, 0, "crossfade of the decks' embeddings (spherical)", slew=RIDE_S),
    _s("prompt/negative", "", "used when paint/guidance-mode needs it"),
    _f("paint/strength", 0, 1, 0.5, "how far the picture may leave its input", slew=RIDE_S),
    _i("paint/steps", 1, 4, 1, "denoising steps (stream batch)"),
    _f("paint/guidance", 0, 10, 1, "classifier-free guidance scale", slew=RIDE_S),
    _s(
        "paint/guidance-mode",
        "none",
        "how guidance is computed (StreamDiffusion's cfg_type)",
        ("none", "self", "initialize", "full"),
        "mid",
    ),
    _f("paint/delta", 0, 2, 1, "residual-guidance delta", slew=RIDE_S),
    _i("paint/seed", 0, 2147483647, 2, "noise seed of deck a", "start"),
    _i("paint/seed-b", 0, 2147483647, 3, "noise seed of deck b", "start"),
    _f("paint/seed-mix", 0, 1, 0, "spherical blend of the two noises", slew=RIDE_S),
    _f("paint/skip-similar", 0, 1, 0, "do not repaint inputs more similar than this; 0 = off"),
    _moment(_i("paint/pipeline", 1, 2, 1, "pictures under way at a time; 1 = lowest latency")),
    _moment(_switch("paint/active", 1, "0 = stop painting and hold")),
    Parameter(
        "input/source",
        "s",
        "test-card",
        "test-card | drawing | camera | video | screen | image",
        turns="mid",
        check=parse_source,
    ),
    _switch("input/mirror", 0, "flip horizontally (self view)", "mid"),
    _f(
        "feedback/amount",
        0,
        1,
        0,
        "share of the last painted picture in the next input",
        slew=RIDE_S,
    ),
    _f("feedback/zoom", 0.5, 2, 1, "zoom of the fed-back picture", slew=RIDE_S, log=True),
    _f(
        "feedback/rotate",
        -180,
        180,
        0,
        "turn of the fed-back picture",
        unit="deg",
        slew=RIDE_S,
        wrap=True,
    ),
    _f(
        "feedback/hue",
        -180,
        180,
        0,
        "hue turn of the fed-back picture",
        unit="deg",
        slew=RIDE_S,
        wrap=True,
    ),
    _f("draw/size", 1, 200, 12, "brush diameter", unit="px", log=True),
    Parameter("draw/color", "s", "#ffffff", "brush colour, #rrggbb", form="#rrggbb"),
    _f("output/fade", 0, 1, 1, "0 = black", slew=RIDE_S),
    _f("output/mix", 0, 1, 1, "0 = the input, 1 = the painted picture", slew=RIDE_S),
    _moment(_switch("output/freeze", 0, "hold the picture")),
    _moment(_switch("output/blackout", 0, "cut to black")),
    _f("output/smooth", 0, 2, 0, "temporal smoothing", unit="s"),
    _f("output/brightness", 0, 2, 1, "brightness", slew=RIDE_S),
    _f("output/contrast", 0, 2, 1, "contrast around mid grey", slew=RIDE_S),
    _f("output/saturation", 0, 2, 1, "saturation", slew=RIDE_S),
    _s(
        "output/flip",
        "none",
        "projector mounting",
        ("none", "horizontal", "vertical", "both"),
        "mid",
    ),
    _moment(
        Parameter(
            "output/rotate",
            "i",
            0,
            "turn, clockwise",
            choices=(0, 90, 180, 270),
            unit="deg",
            turns="mid",
        )
    ),
    _moment(
        _s(
            "output/on-fault",
            "hold",
            "what the audience sees while the painter restarts",
            ("hold", "input", "black"),
        )
    ),
    Parameter(
        "painter/model",
        "s",
        "rehearsal",
        "the running base model; setting it changes models",
        deliberate=True,
        moment=True,
    ),
    # at once, as the beat does: a control that crept after it would tell another tempo
    replace(
        _f("tempo/bpm", 20, 300, 120, "beats a minute; another clock sets it while it is followed"),
        turns="start",
        moment=True,
    ),
    _moment(_s("tempo/source", "internal", "whose beat it is", ("internal", "midi", "link"))),
    *(row for number in MODULATORS for row in _modulator(number)),
    _moment(_f("scene/fade", 0, 600, 1, "how long a change of scene takes", unit="s")),
    _moment(
        _s(
            "scene/quantize",
            "none",
            "when a change of scene or style starts",
            ("none", "beat", "bar"),
        )
    ),
    # what the engine reports
    _report("painter/state", "s", "what the painter is doing", choices=BUSY),
    _report("painter/progress", "f", "share of the model's loading that is done"),
    _report("painter/fps", "f", "painted pictures a second"),
    _report("painter/frame-ms", "f", "time to paint one picture", "ms"),
    _report("painter/latency-ms", "f", "capture to finished picture", "ms"),
    _report("painter/memory-mb", "f", "memory the painter holds", "MB"),
    _report("painter/frames", "i", "pictures painted since the painter started"),
    _report("painter/skipped", "i", "inputs not repainted because they were similar"),
    _report("painter/restarts", "i", "times the painter was started again"),
    _report("input/fps", "f", "pictures a second from the source"),
    _report("input/state", "s", "the source", choices=("opening", "live", "lost")),
    _report("output/fps", "f", "pictures a second shown to the audience"),
    _report("osc/received", "i", "OSC messages that came in"),
    _report("osc/coalesced", "i", "OSC values that a newer one replaced before they counted"),
    _report("osc/refused", "i", "OSC messages that were malformed, wrong or not allowed"),
    _report("midi/devices", "s", "the MIDI devices that are plugged in and have a map"),
    _report("midi/received", "i", "MIDI messages that came in"),
    _report("midi/lost", "i", "MIDI messages that nobody had time for"),
    _report("midi/learning", "s", "what the next moved knob or pad will play; empty: nothing"),
    _report("midi/candidate", "s", "the knob or pad that moved most while learning"),
    _report("tempo/beat", "f", "beats since the start"),
    _report("tempo/phase", "f", "place within the beat, 0..1"),
    _report("tempo/bar", "i", "the bar, counted from 1; four beats each"),
    _report("tempo/bar-phase", "f", "place within the bar, 0..1"),
    _report("tempo/playing", "i", "0 while another clock has stopped the beat"),
    _report("tempo/locked", "i", "1 while the clock that tempo/source names is heard"),
    _report("tempo/peers", "i", "others in the Link session"),
    _report("audio/state", "s", "the sound that is listened to", choices=LISTENING),
    _report("audio/level", "f", "how loud it is, 0..1 of what was loudest lately"),
    _report("audio/low", "f", "bass, 20 to 250 Hz, 0..1"),
    _report("audio/mid", "f", "voices and most else, 250 to 4000 Hz, 0..1"),
    _report("audio/high", "f", "cymbals and hiss, 4 to 16 kHz, 0..1"),
    _report("audio/onset", "f", "1 where something strikes, from there down to 0"),
    _report("scene/current", "s", "the scene that was gone to last"),
    _report("scene/progress", "f", "share of the way to that scene that is done, 0..1"),
    _report("scene/coming", "s", "the scene that waits for its beat or bar"),
    replace(
        _report("scene/list", "s", "the scenes in their order; +9: nine more"),
        lines=True,
    ),
    replace(
        _report("prompt/coming", "s", "prompts of scenes to come; they are encoded beforehand"),
        lines=True,
    ),
    _report("record/active", "i", "1 while recording"),
    _report("record/seconds", "f", "length of the running recording", "s"),
)

TRIGGERS: Final[tuple[Trigger, ...]] = (
    Trigger("draw/stroke", "a stroke from outside: x0 y0 x1 y1 ..., each 0..1", "*"),
    Trigger("draw/clear", "wipe the drawing"),
    Trigger("draw/undo", "take back the last stroke (or the wipe)"),
    Trigger("record/start", "record what the audience sees", "[s"),
    Trigger("record/stop", "close the recording"),
    Trigger("snapshot", "save what the audience sees as a PNG", "[s"),
    Trigger(
        "midi/learn",
        "the next moved knob or pad plays this control (with a trigger's arguments after it, in "
        "the same text or as more arguments); without a name the control that changed last",
        "[saaaa",
    ),
    Trigger("midi/learn-cancel", "learn nothing after all"),
    Trigger("midi/learn-undo", "take back what was learned or forgotten last"),
    Trigger(
        "midi/forget",
        "the learned knobs and pads of this control play it no longer; named as for midi/learn",
        "s[aaaa",
    ),
    Trigger("tempo/tap", "tap the tempo: the median of the last taps"),
    Trigger("scene/go", "go to a scene, in so many seconds if they are given", "s[f"),
    Trigger("scene/next", "go to the scene after this one"),
    Trigger("scene/previous", "go to the scene before this one"),
    Trigger("scene/save", "write everything as it is down under this name", "s"),
    Trigger("scene/reload", "read the scenes' folders again"),
    Trigger("painter/restart", "start the painter again"),
    Trigger("panic", "cut to a safe picture: the source shown, nothing moving"),
)

SAFE_PICTURE: Final[dict[str, float | int | str]] = {
    "output/mix": 0.0,
    "output/freeze": 0,
    "output/blackout": 0,
    "output/fade": 1.0,
    "output/smooth": 0.0,
    "output/brightness": 1.0,
    "output/contrast": 1.0,
    "output/saturation": 1.0,
    "feedback/amount": 0.0,
    **{f"mod/{number}/active": 0 for number in MODULATORS},
}
"""What `panic` cuts to: the source as it is, no modulator on it. How the projector hangs (flip,
rotate) stays."""
