"""What the documents promise is there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from controllers.keyboard import KEYS

ROOT = Path(__file__).parents[2]


def test_the_two_lines_stand_at_the_top_and_the_second_is_what_is_checked() -> None:
    head = (ROOT / "README.md").read_text(encoding="utf-8").split("```")[1]
    commands = [line.partition("#")[0].strip() for line in head.splitlines() if line.strip()]
    assert commands == ["pip install . && artflow", 'pip install -e ".[test]" && pytest']
    assert commands[1] in (ROOT / ".ci" / "run").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    "name",
    [
        "README.md",
        "docs/DESIGN.md",
        "docs/MIDI.md",
        "docs/OSC.md",
        "docs/PERFORMANCE.md",
        "docs/PRESETS.md",
        "docs/SCENES.md",
    ],
)
def test_links_lead_somewhere(name: str) -> None:
    document = ROOT / name
    for link in re.findall(r"(?<!!)\[[^\]]*\]\(([^)#:]+)\)", document.read_text(encoding="utf-8")):
        target = Path(str(link).strip())
        assert (document.parent / target).exists(), f"{name} links to {target}"


def test_the_keys_named_are_keys() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    table = text[text.index("| key | does |") : text.index("With `--desk`")]
    named = set(re.findall(r"`([a-z?]+)`", table))
    assert named - {"esc"} <= {name for key in KEYS for name in key.names}
