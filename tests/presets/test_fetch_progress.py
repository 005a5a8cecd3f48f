"""What a terminal shows of downloads, and what a pipe is given."""

from __future__ import annotations

import io
import re
from dataclasses import replace

import pytest
from rich.console import Console

from presets.fetch_progress import Lines, bars, line, telling
from presets.wanted import Progress

GOING = Progress("downloading", 0.25, 25_000_000, 100_000_000, 5e6, 15.0, "HF Mirror")


@pytest.mark.parametrize(
    ("progress", "says"),
    [
        (Progress("queued"), "queued"),
        (Progress("resolving"), "resolving"),
        (Progress("resolving", mirror="HF Mirror"), "resolving HF Mirror"),
        (GOING, "downloading from HF Mirror, 25 %, 25.0 MB of 100.0 MB, 5.0 MB/s, 0:15 left"),
        (
            Progress("downloading", 0.0, 25_000_000, mirror="HF Mirror"),
            "downloading from HF Mirror, 25.0 MB",
        ),
        (replace(GOING, state="verifying"), "verifying"),
        (Progress("installed", 1.0, checked="digest"), "installed; the digest is right"),
        (
            Progress("installed", 1.0, checked="mirror's digest"),
            "installed; nobody vouches for a digest; it has the one that its mirror names",
        ),
        (Progress("cancelled", error="cancelled; nothing is kept"), "cancelled; nothing is kept"),
        (Progress("failed", error="no mirror"), "failed"),
    ],
)
def test_a_word_as_a_line(progress: Progress, says: str) -> None:
    assert line(progress) == says


def test_lines_come_at_changes_of_state_and_at_each_tenth() -> None:
    said: list[str] = []
    lines = Lines(said.append)
    for share in range(101):
        lines.tell("ink", replace(GOING, share=share / 100, received_bytes=share * 10**6))
    assert [words.split(", ")[1] for words in said] == [f"{n} %" for n in range(0, 101, 10)]
    lines.tell("ink", replace(GOING, state="verifying"))
    # bytes are fetched again: the share stands still meanwhile
    lines.tell("ink", replace(GOING, share=1.0, mirror="Other"))
    lines.tell("ink", replace(GOING, share=1.0, mirror="Other", received_bytes=5))
    assert [words.partition(",")[0] for words in said[11:]] == [
        "ink: verifying",
        "ink: downloading from Other",
    ]


def test_lines_where_the_whole_is_not_known() -> None:
    said: list[str] = []
    lines = Lines(said.append)
    for count in range(0, 260_000_000, 10_000_000):
        lines.tell("sd", Progress("downloading", 0.0, count, mirror="m"))
    assert said == [
        "sd: downloading from m",
        "sd: downloading from m, 100.0 MB",
        "sd: downloading from m, 200.0 MB",
    ]


def test_bars_fit_an_ordinary_terminal() -> None:
    screen = io.StringIO()
    standing = {
        "lcm-sdv1-5": replace(GOING, total_bytes=2_412_700_000, received_bytes=1_731_900_000),
        "taesd": Progress("resolving", mirror="HF Mirror"),
        "a[b]c\n": Progress("queued"),
    }
    Console(file=screen, width=80).print(bars(standing))
    first, second, third = (row.rstrip() for row in screen.getvalue().splitlines())
    assert first.startswith("lcm-sdv1-5 ━━━━")
    assert first.endswith(" 1,731.9/2,412.7 MB 5.0 MB/s 0:15 HF Mirror")
    assert re.fullmatch(r"taesd +0\.0 MB +resolving HF Mirror", second)
    assert re.fullmatch(r"a\[b\]c +0\.0 MB +queued", third)


def test_a_terminal_has_bars_and_then_a_line_for_each() -> None:
    screen = io.StringIO()
    console = Console(file=screen, force_terminal=True, width=80, legacy_windows=False)
    with telling(console) as tell:
        tell("ink", GOING)
        tell("dpo", replace(GOING, state="verifying"))
        tell("ink", Progress("installed", 1.0, checked="digest"))
        assert "verifying" in screen.getvalue().rpartition("ink: ")[2], "the other goes on"
    text = screen.getvalue()
    assert "25.0/100.0 MB" in text
    assert "ink: installed; the digest is right" in text
    assert text.endswith("\x1b[?25h") or "\x1b[?25h" in text[-20:], "the cursor is back"


def test_a_pipe_has_lines_only() -> None:
    pipe = io.StringIO()
    with telling(Console(file=pipe, width=80)) as tell:
        tell("ink", Progress("queued"))
        tell("ink", GOING)
    assert pipe.getvalue().splitlines() == [
        "ink: queued",
        "ink: downloading from HF Mirror, 25 %, 25.0 MB of 100.0 MB, 5.0 MB/s, 0:15 left",
    ]
