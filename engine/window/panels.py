"""The overlay's panels as surfaces: the board, badges, messages and the table of keys."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import pygame

from engine.overlay import Overlay, clock_text
from engine.window.typeface import AMBER, BLUE, GREEN, GREY, RED, WHITE, Color, Typeface, bar, plate

_SHADE: Final = (13, 15, 20, 205)
_CAPTION: Final = 0.62
MESSAGE_LINES: Final = 3
_TONES: Final[dict[str, Color]] = {
    "painting": GREEN,
    "failed": RED,
    "stalled": RED,
    "restarting": RED,
}
_PALE: Final[dict[Color, Color]] = {RED: (255, 168, 162)}  # of a dot's colour, words are paler
_BUSY: Final = ("starting", "loading", "restarting")


def unit_for(width: int, height: int) -> int:
    """The size of the main text in a window of so many pixels: readable from 480 to 2160 lines."""
    return max(15, min(64, min(width, height) // 34))


def board(overlay: Overlay, width: int, typeface: Typeface) -> pygame.Surface:
    """What is playing, as a panel `width` pixels wide."""
    unit = typeface.unit
    pad = round(unit * 0.8)
    inner = width - 2 * pad
    rows = [
        _stats_row(overlay, inner, typeface),
        _words_row(overlay, inner, typeface),
    ]
    if overlay.painter_state in _BUSY:
        rows.insert(1, _progress_row(overlay, inner, typeface))
    if overlay.scene:
        scene = typeface.fitted(overlay.scene, inner)
        rows.append(_column("SCENE", scene, typeface))
    if overlay.learning or overlay.knob:
        rows.append(_midi_row(overlay, inner, typeface))
    return _stacked(rows, width, pad, round(unit * 0.7))


def _midi_row(overlay: Overlay, width: int, typeface: Typeface) -> pygame.Surface:
    """What is learned, or else the knob that waits for its value."""
    if overlay.learning:
        return _column("LEARN", typeface.fitted(overlay.learning, width, 1.0, AMBER), typeface)
    return _column("KNOB", typeface.fitted(overlay.knob, width, 1.0, BLUE), typeface)


def _stacked(rows: Sequence[pygame.Surface], width: int, pad: int, gap: int) -> pygame.Surface:
    height = 2 * pad + sum(row.height for row in rows) + gap * (len(rows) - 1)
    panel = plate(width, height, pad, _SHADE)
    top = pad
    for row in rows:
        panel.blit(row, (pad, top))
        top += row.height + gap
    return panel


def _stats_row(overlay: Overlay, width: int, typeface: Typeface) -> pygame.Surface:
    unit = typeface.unit
    tone = _TONES.get(overlay.painter_state, AMBER)
    source = overlay.source
    if overlay.source_state != "live":
        source = f"{source} ({overlay.source_state})"
    columns = [
        _column("PAINTER", _dotted(overlay.painter_state, tone, typeface), typeface),
        _column("STRENGTH", _strength(overlay.strength, typeface), typeface),
        _column("FPS", typeface.text(_rate(overlay.painted_fps)), typeface, at_least=2.4),
        _column("LATENCY", typeface.text(f"{overlay.latency_ms:.0f} ms"), typeface, at_least=3.6),
        _column("SOURCE", typeface.fitted(source, unit * 9), typeface),
        _column("OSC", typeface.text(overlay.osc or "off"), typeface),
    ]
    gap = round(unit * 1.3)
    row = pygame.Surface((width, max(c.height for c in columns)), pygame.SRCALPHA)
    left = 0
    for column in columns:
        if left + column.width > width:
            break  # the less needed stand last
        row.blit(column, (left, 0))
        left += column.width + gap
    return row


def _rate(fps: float) -> str:
    return f"{fps:.1f}" if fps < 10 else f"{fps:.0f}"


def _column(
    caption: str, value: pygame.Surface, typeface: Typeface, at_least: float = 0.0
) -> pygame.Surface:
    head = typeface.text(caption, _CAPTION, GREY)
    gap = round(typeface.unit * 0.18)
    # a least width, so that changing figures do not push their neighbours about
    width = max(head.width, value.width, round(typeface.unit * at_least))
    column = pygame.Surface((width, head.height + gap + value.height), pygame.SRCALPHA)
    column.blit(head, (0, 0))
    column.blit(value, (0, head.height + gap))
    return column


def _dotted(text: str, tone: Color, typeface: Typeface) -> pygame.Surface:
    words = typeface.text(text)
    size = round(typeface.unit * 0.5)
    gap = round(typeface.unit * 0.3)
    row = pygame.Surface((size + gap + words.width, words.height), pygame.SRCALPHA)
    row.blit(plate(size, size, size // 2, (*tone, 255)), (0, (words.height - size) // 2))
    row.blit(words, (size + gap, 0))
    return row


def _strength(strength: float, typeface: Typeface) -> pygame.Surface:
    words = typeface.text(f"{strength:.2f}")
    level = bar(round(typeface.unit * 4.5), round(typeface.unit * 0.34), strength, BLUE)
    gap = round(typeface.unit * 0.4)
    row = pygame.Surface((level.width + gap + words.width, words.height), pygame.SRCALPHA)
    row.blit(level, (0, (words.height - level.height) // 2))
    row.blit(words, (level.width + gap, 0))
    return row


def _progress_row(overlay: Overlay, width: int, typeface: Typeface) -> pygame.Surface:
    what = overlay.painter_text or overlay.painter_state
    share = typeface.text(f"{overlay.painter_progress:.0%}", 0.85, GREY)
    words = typeface.fitted(what, width - share.width - typeface.unit, 0.85, GREY)
    level = bar(width, max(3, round(typeface.unit * 0.22)), overlay.painter_progress, AMBER)
    gap = round(typeface.unit * 0.25)
    row = pygame.Surface((width, words.height + gap + level.height), pygame.SRCALPHA)
    row.blit(words, (0, 0))
    row.blit(share, (width - share.width, 0))
    row.blit(level, (0, words.height + gap))
    return row


def _words_row(overlay: Overlay, width: int, typeface: Typeface) -> pygame.Surface:
    """The model, what is mixed into it, and the prompt, which gets the room that is left."""
    unit = typeface.unit
    gap = round(unit * 1.3)
    model = _column("MODEL", typeface.fitted(overlay.model or "none", unit * 7), typeface)
    left = model.width + gap
    presets = _column("PRESETS", _mixed(overlay, max(1, (width - left) // 2), typeface), typeface)
    after = left + presets.width + gap
    prompt = _column("PROMPT", _prompts(overlay, max(1, width - after), typeface), typeface)
    row = pygame.Surface((width, model.height), pygame.SRCALPHA)
    for column, place in ((model, 0), (presets, left), (prompt, after)):
        row.blit(column, (place, 0))
    return row


def _mixed(overlay: Overlay, width: int, typeface: Typeface) -> pygame.Surface:
    """Each preset with its weight; of those for which there is no room, how many they are."""
    if not overlay.playing:
        return typeface.fitted("none", width, 1.0, GREY)
    gap, inner = round(typeface.unit * 0.8), round(typeface.unit * 0.3)
    parts: list[tuple[pygame.Surface, int]] = []
    used, left = 0, len(overlay.playing)
    for name, weight in overlay.playing:
        figure = typeface.text(f"{weight:.2f}", 0.85, BLUE)
        more = typeface.text(f"+{left}", 0.85, GREY)
        left -= 1
        spare = width - used - figure.width - inner - (gap + more.width if left else 0)
        if parts and typeface.text(name).width > spare:
            parts.append((more, used))
            used += more.width + gap
            break
        words = typeface.fitted(name, max(1, spare))
        parts += [(words, used), (figure, used + words.width + inner)]
        used += words.width + inner + figure.width + gap
    height = max(part.height for part, _ in parts)
    row = pygame.Surface((max(1, used - gap), height), pygame.SRCALPHA)
    for part, place in parts:
        row.blit(part, (place, (height - part.height) // 2))
    return row


def _prompts(overlay: Overlay, width: int, typeface: Typeface) -> pygame.Surface:
    """The prompt, or both decks' with the mix between them."""
    first = overlay.prompt or "(the model's own)"
    if not overlay.prompt_b or overlay.prompt_mix <= 0:
        return typeface.fitted(first, width)
    gap = round(typeface.unit * 0.7)
    share = typeface.text(f"{overlay.prompt_mix:.0%}", 0.85, AMBER)
    half = max(1, (width - share.width - 2 * gap) // 2)
    left, right = typeface.fitted(first, half), typeface.fitted(overlay.prompt_b, half)
    size = (left.width + share.width + right.width + 2 * gap, left.height)
    row = pygame.Surface(size, pygame.SRCALPHA)
    row.blit(left, (0, 0))
    row.blit(share, (left.width + gap, (left.height - share.height) // 2))
    row.blit(right, (left.width + share.width + 2 * gap, 0))
    return row


def flagged(overlay: Overlay) -> bool:
    """Whether there is a badge to show."""
    return overlay.recording or overlay.frozen or overlay.blackout


def badges(overlay: Overlay, typeface: Typeface) -> pygame.Surface:
    """What must not be forgotten, side by side: recording, freeze, blackout; at least one is on."""
    pills = []
    if overlay.recording:
        pills.append(_pill(f"REC  {clock_text(overlay.record_s)}", typeface, dot=RED))
    if overlay.frozen:
        pills.append(_pill("FREEZE", typeface, dot=BLUE))
    if overlay.blackout:
        pills.append(_pill("BLACKOUT", typeface, dot=AMBER))
    gap = round(typeface.unit * 0.4)
    width = sum(pill.width for pill in pills) + gap * (len(pills) - 1)
    row = pygame.Surface((width, pills[0].height), pygame.SRCALPHA)
    left = 0
    for pill in pills:
        row.blit(pill, (left, 0))
        left += pill.width + gap
    return row


def message(text: str, tone: Color, alpha: float, width: int, typeface: Typeface) -> pygame.Surface:
    """What fades, an error or a notice: in one line, or in up to `MESSAGE_LINES`."""
    color = _PALE.get(tone, WHITE)
    pill = _pill(text, typeface, dot=tone, width=width, color=color, most=MESSAGE_LINES)
    pill.set_alpha(round(255 * alpha))
    faded = pygame.Surface(pill.size, pygame.SRCALPHA)
    faded.blit(pill, (0, 0))
    return faded


def _pill(
    text: str,
    typeface: Typeface,
    dot: Color,
    width: int = 10_000,
    color: Color = WHITE,
    most: int = 1,
) -> pygame.Surface:
    unit = typeface.unit
    pad, rim = round(unit * 0.55), round(unit * 0.35)
    dot_size = round(unit * 0.45)
    lines = typeface.wrapped(text, width - 3 * pad - dot_size, most, 0.9, color)
    line = lines[0].height
    size = (max(words.width for words in lines) + 3 * pad + dot_size, line * len(lines) + 2 * rim)
    pill = plate(*size, line // 2 + rim, _SHADE)
    middle = rim + line // 2
    pill.blit(plate(dot_size, dot_size, dot_size // 2, (*dot, 255)), (pad, middle - dot_size // 2))
    for place, words in enumerate(lines):
        pill.blit(words, (2 * pad + dot_size, rim + place * line))
    return pill


def help_table(keys: Sequence[tuple[str, str]], typeface: Typeface) -> pygame.Surface:
    """The keys and what they do, as a panel."""
    unit = typeface.unit
    caps = [key_caps(key, typeface) for key, _ in keys]
    words = [typeface.text(what) for _, what in keys]
    first = max((cap.width for cap in caps), default=0)
    second = max((word.width for word in words), default=0)
    pad = round(unit * 1.3)
    title = typeface.text("Keys", 1.3)
    step = round(unit * 1.55)
    top = pad + title.height + round(unit * 0.8)
    height = top + step * len(keys) + pad - round(unit * 0.4)
    width = max(2 * pad + first + unit + second, 2 * pad + title.width)
    panel = plate(width, height, unit, (*_SHADE[:3], 244))
    panel.blit(title, (pad, pad))
    for cap, word in zip(caps, words, strict=True):
        panel.blit(cap, (pad + first - cap.width, top))
        panel.blit(word, (pad + first + unit, top + (cap.height - word.height) // 2))
        top += step
    return panel


def key_caps(keys: str, typeface: Typeface) -> pygame.Surface:
    """The caps of one or more keys, side by side."""
    caps = [_key_cap(key, typeface) for key in keys.split()]
    gap = round(typeface.unit * 0.25)
    size = (sum(cap.width for cap in caps) + gap * (len(caps) - 1), caps[0].height)
    row = pygame.Surface(size, pygame.SRCALPHA)
    left = 0
    for cap in caps:
        row.blit(cap, (left, 0))
        left += cap.width + gap
    return row


def _key_cap(key: str, typeface: Typeface) -> pygame.Surface:
    words = typeface.text(key, 0.85, WHITE)
    height = round(typeface.unit * 1.3)
    width = max(height, words.width + round(typeface.unit * 0.8))
    cap = plate(width, height, round(typeface.unit * 0.3), (255, 255, 255, 40))
    cap.blit(words, ((width - words.width) // 2, (height - words.height) // 2))
    return cap
