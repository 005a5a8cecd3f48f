"""The overlay: what the performer reads over the picture, or on the desk."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from engine.controls import Snapshot, Value
from engine.menu import Menu

ERROR_LASTS_S: Final = 10.0
NOTICE_LASTS_S: Final = 4.0
_FADES_S: Final = 1.0


@dataclass(frozen=True, slots=True)
class Overlay:
    """Everything the overlay can show, as plain values of one moment.

    `error` and `notice` come with the `time.monotonic()` they were said at, and fade by themselves.
    `scene` tells of the scene that plays and of the one that waits. `playing` is what is mixed into
    the model: (name, weight), what matters most first. `flip`, `rotate` are the output's, so that
    the window can tell where on the picture a pen is. `drawing` keeps the cursor visible; `knob`
    tells of a knob that does not have its value yet, `learning` what the next one that moves will
    play. `menu` is None while it is closed. Ratios are 0..1, times seconds unless the name says ms.
    """

    painter_state: str = "starting"
    painter_progress: float = 0.0
    painter_text: str = ""
    model: str = ""
    playing: tuple[tuple[str, float], ...] = ()
    painted_fps: float = 0.0
    latency_ms: float = 0.0
    source: str = ""
    source_state: str = "live"
    prompt: str = ""
    prompt_b: str = ""
    prompt_mix: float = 0.0
    strength: float = 0.0
    osc: str = ""
    knob: str = ""
    learning: str = ""
    scene: str = ""
    recording: bool = False
    record_s: float = 0.0
    record_name: str = ""
    frozen: bool = False
    blackout: bool = False
    error: str = ""
    error_at_s: float = 0.0
    notice: str = ""
    notice_at_s: float = 0.0
    flip: str = "none"
    rotate: int = 0
    drawing: bool = False
    menu: Menu | None = None

    def error_shows(self, now_s: float) -> float:
        """How visible the error is, 1..0."""
        return _fading(self.error, now_s - self.error_at_s, ERROR_LASTS_S)

    def notice_shows(self, now_s: float) -> float:
        """How visible the notice is, 1..0."""
        return _fading(self.notice, now_s - self.notice_at_s, NOTICE_LASTS_S)


Said = tuple[str, float]
"""A line, and the `time.monotonic()` it was said at."""


def read_overlay(
    values: Snapshot,
    *,
    default_prompt: str,
    painter_text: str,
    latency_ms: float,
    osc: str,
    knob: str = "",
    playing: tuple[tuple[str, float], ...],
    error: Said,
    notice: Said,
    menu: Menu | None,
) -> Overlay:
    """What the controls tell, and the rest, which no control does."""
    source = values.text("input/source")
    return Overlay(
        painter_state=values.text("painter/state"),
        painter_progress=values.number("painter/progress"),
        painter_text=painter_text,
        model=values.text("painter/model"),
        playing=playing,
        painted_fps=values.number("painter/fps"),
        latency_ms=latency_ms,
        source=source,
        source_state=values.text("input/state"),
        prompt=values.text("prompt/a") or default_prompt,
        prompt_b=values.text("prompt/b") or default_prompt,
        prompt_mix=values.number("prompt/mix"),
        strength=values.number("paint/strength"),
        osc=osc,
        knob=knob,
        learning=learning_text(values.text("midi/learning"), values.text("midi/candidate")),
        scene=scene_text(
            values.text("scene/current"),
            values.number("scene/progress"),
            values.text("scene/coming"),
        ),
        recording=bool(values.number("record/active")),
        record_s=values.number("record/seconds"),
        frozen=bool(values.number("output/freeze")),
        blackout=bool(values.number("output/blackout")),
        error=error[0],
        error_at_s=error[1],
        notice=notice[0],
        notice_at_s=notice[1],
        flip=values.text("output/flip"),
        rotate=int(values.number("output/rotate")),
        drawing=source.startswith("drawing"),
        menu=menu,
    )


def knob_text(control: str, knob: Value, value: Value) -> str:
    """Where a knob stands that waits for its value: "paint/strength 0.31 < 0.50, turn up"."""
    if isinstance(knob, str) or isinstance(value, str):
        return f"{control} {knob}, waiting at {value}"
    if knob == value:
        return f"{control} {_short(value)}"
    sign, way = ("<", "up") if knob < value else (">", "down")
    return f"{control} {_short(knob)} {sign} {_short(value)}, turn {way}"


def _short(value: float) -> str:
    return f"{value:.2f}" if isinstance(value, float) else str(value)


def learning_text(target: str, candidate: str) -> str:
    """What is learned and what moved: "paint/strength: cc 16?"; "" while nothing is learned."""
    if not target:
        return ""
    return f"{target}: {candidate}?" if candidate else f"{target}: move a knob or a pad"


def scene_text(current: str, progress: float, coming: str) -> str:
    """The scene, how far the fade to it is, and which waits: "sunrise 40 %, then moonrise"."""
    share = f" {progress:.0%}".replace("%", " %") if progress < 1 else ""
    now = f"{current}{share}" if current else ""
    return ", then ".join(filter(None, (now, coming)))


def _fading(text: str, age_s: float, lasts_s: float) -> float:
    if not text:
        return 0.0
    return max(0.0, min(1.0, (lasts_s - age_s) / _FADES_S))


def clock_text(seconds: float) -> str:
    """Minutes and seconds, hours where there are any: "0:07", "12:34", "1:02:03"."""
    whole = int(seconds)
    hours, minutes = divmod(whole // 60, 60)
    if hours:
        return f"{hours}:{minutes:02}:{whole % 60:02}"
    return f"{minutes}:{whole % 60:02}"
