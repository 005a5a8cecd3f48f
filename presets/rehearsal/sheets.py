"""Contact sheets: what the model paints, to be looked at."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import cv2
import numpy as np

from engine.sources.test_card import picture as test_card
from presets.rehearsal import lowrank
from presets.rehearsal.canvas import SIDE, Bytes
from presets.rehearsal.dataset import Pictures
from presets.rehearsal.measures import going_by
from presets.rehearsal.scene import Spec
from presets.rehearsal.studio import Studio, photographs
from presets.rehearsal.styles import BASE_STYLES
from presets.rehearsal.subjects import SUBJECTS

_MIDDLE: Final = 375  # the step that is strength 0.375
Cell = tuple[Bytes, str]


def write(rows: Sequence[Sequence[Cell]], file: Path, side: int = 160) -> None:
    """Rows of labelled pictures as one JPEG, each `side` pixels wide."""
    lines = []
    for row in rows:
        cells = []
        for picture, label in row:
            cell = cv2.resize(picture, (side, side), interpolation=cv2.INTER_AREA)
            bar = np.full((16, side, 3), 24, np.uint8)
            cv2.putText(
                bar, label[:26], (3, 11), cv2.FONT_HERSHEY_SIMPLEX, 0.33, (230, 230, 230), 1,
                cv2.LINE_AA,
            )  # fmt: skip
            cells.append(np.concatenate([bar, cell]))
        lines.append(np.concatenate(cells, 1))
    file.parent.mkdir(parents=True, exist_ok=True)
    sheet = np.concatenate(lines)
    cv2.imwrite(str(file), sheet[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 82])


def drawn_inputs() -> dict[str, Bytes]:
    """Three pictures as a performer might draw them with the program's brushes."""
    dark = np.full((SIDE, SIDE, 3), 12, np.uint8)
    house, face, sun = dark.copy(), np.full_like(dark, 245), dark.copy()
    cv2.polylines(
        house, [np.array([(60, 210), (60, 120), (128, 60), (196, 120), (196, 210), (60, 210)])],
        False, (240, 200, 90), 7, cv2.LINE_AA,
    )  # fmt: skip
    cv2.rectangle(house, (112, 150), (146, 210), (220, 90, 60), -1)
    cv2.line(house, (0, 211), (256, 211), (70, 190, 90), 9, cv2.LINE_AA)
    cv2.ellipse(face, (128, 130), (66, 86), 0, 0, 360, (40, 40, 40), 6, cv2.LINE_AA)
    for x in (104, 152):
        cv2.circle(face, (x, 112), 9, (40, 40, 40), -1, cv2.LINE_AA)
    cv2.ellipse(face, (128, 160), (28, 16), 0, 10, 170, (200, 40, 60), 6, cv2.LINE_AA)
    cv2.circle(sun, (128, 120), 40, (255, 190, 40), -1, cv2.LINE_AA)
    wave = [(x, int(205 + 10 * np.sin(x / 20))) for x in range(0, 257, 4)]
    cv2.polylines(sun, [np.array(wave)], False, (60, 120, 240), 10, cv2.LINE_AA)
    return {"drawn house": house, "drawn face": face, "drawn sun and sea": sun}


def inputs(pictures: Pictures) -> dict[str, tuple[Bytes, str]]:
    """What the sheets show: pictures by name, each with the subject a performer would type."""
    chosen: dict[str, tuple[Bytes, str]] = {}
    column = pictures.styles.index("camera")
    for wanted in ("face", "city", "mountains", "hand"):
        rows = [
            row for row, spec in enumerate(pictures.specs) if SUBJECTS[spec.subject].name == wanted
        ]
        row = min(rows, key=lambda row: _oddity(pictures.specs[row]))
        phrase = SUBJECTS[pictures.specs[row].subject].phrases[0]
        chosen[f"camera: {wanted}"] = (np.asarray(pictures.pixels[row, column]), phrase)
    words = ("portrait of a person", "cup on a table", "cat")
    for (name, photo), phrase in zip(photographs().items(), words, strict=True):
        chosen[f"photo: {name}"] = (photo, phrase)
    words = ("house", "face", "sunset, sea")
    for (name, picture), phrase in zip(drawn_inputs().items(), words, strict=True):
        chosen[name] = (picture, phrase)
    chosen["test card"] = (test_card(3.0, SIDE, SIDE), "hills")
    return chosen


def _oddity(spec: Spec) -> int:
    """The plainer the better: by day, in fair weather, of nothing special."""
    look = spec.look
    return (
        4 * spec.drawn
        + 2 * bool(spec.mood)
        + 2 * bool(spec.material)
        + (look.time != "day")
        + (look.weather != "clear")
    )


def draw_all(studio: Studio, pictures: Pictures, loras: Path, folder: Path) -> list[Path]:
    """Every sheet; returns the files."""
    shown = inputs(pictures)
    sheets = {
        "first": _first(studio, shown),
        "styles": _styles(studio, shown),
        "strengths": _strengths(studio, shown),
        "steps": _steps(studio, shown),
        "subjects": _subjects(studio, shown),
        "words": _words(studio, shown),
        "loras": _loras(studio, shown, sorted(loras.glob("*.safetensors"))),
        "video": _video(studio),
    }
    files = []
    for name, rows in sheets.items():
        if rows:
            write(rows, folder / f"{name}.jpg")
            files.append(folder / f"{name}.jpg")
    return files


def _paint(studio: Studio, picture: Bytes, prompt: str, steps: Sequence[int]) -> Bytes:
    return np.asarray(studio.repaint(picture[None], [prompt], steps)[0])


def _first(studio: Studio, shown: dict[str, tuple[Bytes, str]]) -> list[list[Cell]]:
    """The best known styles on three inputs: the first picture of the README."""
    return [
        [(shown[name][0], name)]
        + [
            (_paint(studio, shown[name][0], f"{style} of {shown[name][1]}", [_MIDDLE]), style)
            for style in ("oil painting", "anime", "watercolor", "ink drawing", "neon cyberpunk")
        ]
        for name in ("test card", "photo: astronaut", "drawn house")
    ]


def _styles(studio: Studio, shown: dict[str, tuple[Bytes, str]]) -> list[list[Cell]]:
    """Every input in every style, one step."""
    return [
        [(picture, name)]
        + [
            (
                _paint(studio, picture, f"{style.phrases[0]} of {phrase}", [_MIDDLE]),
                style.phrases[0],
            )
            for style in BASE_STYLES
        ]
        for name, (picture, phrase) in shown.items()
    ]


def _strengths(studio: Studio, shown: dict[str, tuple[Bytes, str]]) -> list[list[Cell]]:
    """One step from weak to strong."""
    rows = []
    for name in ("camera: face", "photo: astronaut", "camera: city"):
        picture, phrase = shown[name]
        for style in ("oil painting", "anime", "neon cyberpunk"):
            row = [(picture, name)]
            for t in (150, 250, 350, 450, 550, 650, 800):
                row.append((_paint(studio, picture, f"{style} of {phrase}", [t]), f"{style} {t}"))
            rows.append(row)
    return rows


def _steps(studio: Studio, shown: dict[str, tuple[Bytes, str]]) -> list[list[Cell]]:
    """One to four steps from two strengths."""
    rows = []
    for name in ("camera: face", "photo: astronaut", "camera: mountains"):
        picture, phrase = shown[name]
        for style in ("oil painting", "watercolor"):
            row = [(picture, name)]
            for top in (450, 700):
                for count in (1, 2, 3, 4):
                    steps = [round(top * (count - step) / count) for step in range(count)]
                    painted = _paint(studio, picture, f"{style} of {phrase}", steps)
                    row.append((painted, f"{style[:10]} {top} x{count}"))
            rows.append(row)
    return rows


def _subjects(studio: Studio, shown: dict[str, tuple[Bytes, str]]) -> list[list[Cell]]:
    """Words that change what is there, at high strength."""
    asked = (
        "photo of a city at night", "oil painting of the sea at sunset", "anime of a forest",
        "watercolor of flowers", "photo of a face", "neon cyberpunk planet in space", "fire, oil",
    )  # fmt: skip
    rows = []
    for name in ("camera: mountains", "photo: coffee", "test card"):
        for steps in ([850], [900, 600], [950, 800, 600, 400]):
            row = [(shown[name][0], f"{name} {steps[0]} x{len(steps)}")]
            row += [(_paint(studio, shown[name][0], words, steps), words) for words in asked]
            rows.append(row)
    return rows


def _words(studio: Studio, shown: dict[str, tuple[Bytes, str]]) -> list[list[Cell]]:
    """Moods, light, weather and materials."""
    asked = ("at night", "sunset", "snow", "fog", "warm", "dark", "pastel", "red", "gold", "glass")
    rows = []
    for name in ("camera: city", "camera: face"):
        picture, phrase = shown[name]
        for style, t in (("photo", 500), ("anime", 700)):
            row = [(picture, f"{name}, {style} {t}")]
            for word in asked:
                row.append((_paint(studio, picture, f"{style} of {phrase}, {word}", [t]), word))
            rows.append(row)
    return rows


def _loras(
    studio: Studio, shown: dict[str, tuple[Bytes, str]], files: Sequence[Path]
) -> list[list[Cell]]:
    """Every bundled preset on two inputs at four weights."""
    rows = []
    for file in files:
        additions = lowrank.load(studio.painter.denoiser, file)
        row: list[Cell] = []
        for name in ("camera: face", "photo: chelsea"):
            picture, phrase = shown[name]
            for weight in (0.0, 0.35, 0.7, 1.0):
                additions.set_weight(weight)
                painted = _paint(studio, picture, phrase, [_MIDDLE])
                row.append((painted, f"{file.stem} {weight:g}"))
        additions.detach()
        rows.append(row)
    return rows


def _video(studio: Studio) -> list[list[Cell]]:
    """Every other frame of a video, and what becomes of it."""
    frames = going_by(16)[::2]
    rows = [[(frame, f"frame {2 * place}") for place, frame in enumerate(frames)]]
    for style in ("oil painting", "anime", "neon cyberpunk"):
        rows.append([(_paint(studio, frame, style, [_MIDDLE]), style) for frame in frames])
    return rows
