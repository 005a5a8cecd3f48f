"""What is said of a scene, in the words that performers type; and the vocabulary of it all."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from presets.rehearsal.canvas import Rng
from presets.rehearsal.moods import MATERIALS, MOODS
from presets.rehearsal.scene import Spec
from presets.rehearsal.styles import BASE_STYLES, Style
from presets.rehearsal.subjects import SUBJECTS

TOKENS: Final = 24  # a prompt's length, start and end included
START, END, UNKNOWN = "<|startoftext|>", "<|endoftext|>", "[UNK]"

TIMES: Final[Mapping[str, tuple[str, ...]]] = {
    "day": ("by day", "day", "sunny", "daylight", "blue sky", "noon"),
    "sunset": ("at sunset", "sunset", "sunrise", "dusk", "evening sky", "dawn"),
    "night": ("at night", "night", "moonlight", "starry night", "midnight", "stars"),
    "overcast": ("overcast", "grey sky", "gray day", "cloudy day"),
}
WEATHER: Final[Mapping[str, tuple[str, ...]]] = {
    "clear": (),
    "clouds": ("clouds", "cloudy", "cloudy sky"),
    "rain": ("rain", "rainy", "storm", "in the rain"),
    "snow": ("snow", "snowy", "snowfall", "blizzard"),
    "fog": ("fog", "foggy", "mist", "misty", "haze", "smoke"),
}
GLUE: Final = ("a", "an", "the", "of", "in", "with", "and", "on", "at", "by", "style", "very")
COLOURS: Final = (
    "red", "orange", "yellow", "green", "blue", "purple", "pink", "white", "black", "brown",
    "grey", "golden",
)  # fmt: skip


def words_of(text: str) -> list[str]:
    """As the tokenizer splits: lower case, runs of letters and digits."""
    return re.findall(r"\w+", text.lower())


def vocabulary() -> dict[str, int]:
    """Every trained word with its number, the start, end and unknown marks first."""
    phrases: Iterable[str] = (
        phrase
        for group in (
            *(style.phrases for style in BASE_STYLES),
            *(subject.phrases for subject in SUBJECTS),
            *TIMES.values(),
            *WEATHER.values(),
            *(mood.phrases for mood in (*MOODS.values(), *MATERIALS.values())),
            GLUE,
            COLOURS,
        )
        for phrase in group
    )
    words = sorted({word for phrase in phrases for word in words_of(phrase)})
    return {word: number for number, word in enumerate((START, END, UNKNOWN, *words))}


def about(spec: Spec, words: Sequence[str], rng: Rng, *, keep: float = 0.8) -> str:
    """The scene without its style; each part but the subject is left out now and then."""

    def told(phrases: Sequence[str], share: float = keep) -> str:
        return str(rng.choice(phrases)) if phrases and rng.random() < share else ""

    subject = told(SUBJECTS[spec.subject].phrases, 1.0)
    mood = told(MOODS[spec.mood].phrases, 0.9) if spec.mood else ""
    material = told(MATERIALS[spec.material].phrases, 0.9) if spec.material else ""
    before = [part for part in (*words, material) if part and rng.random() < 0.8]
    after = [mood]
    if SUBJECTS[spec.subject].outdoors:
        after += [told(TIMES[spec.look.time]), told(WEATHER[spec.look.weather])]
    elif spec.look.night:
        after.append(told(TIMES["night"], 0.5))
    after = [part for part in after if part]
    rng.shuffle(after)
    if mood and rng.random() < 0.5:  # "a dark city" as well as "a city, dark"
        after.remove(mood)
        before.insert(0, mood)
    return ", ".join([" ".join([*before, subject]), *after])


def prompt(spec: Spec, words: Sequence[str], style: Style, rng: Rng) -> str:
    """What one might type for the scene in that style; now and then the style alone."""
    name = str(rng.choice(style.phrases))
    kind = rng.random()
    if kind < 0.12:
        text = name
    elif kind < 0.22:
        text = f"{name}, {rng.choice(SUBJECTS[spec.subject].phrases)!s}"
    else:
        told = about(spec, words, rng)
        text = f"{name} of {told}" if rng.random() < 0.55 else f"{told}, {name}"
    return _with_strangers(text, rng)


def _with_strangers(text: str, rng: Rng) -> str:
    """Unknown words here and there, so that they come to mean nothing."""
    if rng.random() > 0.25:
        return text
    parts = text.split(" ")
    for _ in range(int(rng.integers(1, 4))):
        parts.insert(int(rng.integers(len(parts) + 1)), UNKNOWN)
    return " ".join(parts)


def tokens(text: str, known: Mapping[str, int]) -> list[int]:
    """TOKENS numbers: start, words (too many are cut off), end, and ends to fill up."""
    unknown = known[UNKNOWN]
    found = [known.get(word, unknown) for word in words_of(text.replace(UNKNOWN, "unk0"))]
    row = [known[START], *found[: TOKENS - 2], known[END]]
    return row + [known[END]] * (TOKENS - len(row))
