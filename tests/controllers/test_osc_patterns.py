from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from controllers.osc_patterns import MAX_GROUPS, OscPatternError, Pattern, is_pattern
from engine.parameters import PARAMETERS

Item = tuple[str, tuple[str, ...]]
"""A piece of a pattern: its text, and the literal alternatives or characters it stands for."""


def reference(items: list[Item], text: str) -> bool:
    """The specification, read aloud: try everything."""
    if not items:
        return text == ""
    (piece, allowed), rest = items[0], items[1:]
    if piece == "*":
        run = text.split("/")[0]
        return any(reference(rest, text[cut:]) for cut in range(len(run) + 1))
    if piece.startswith("{"):
        return any(text.startswith(w) and reference(rest, text[len(w) :]) for w in allowed)
    if not text:
        return False
    first = text[0]
    if piece == "?":
        hit = first != "/"
    elif piece.startswith("[!"):
        hit = first not in allowed and first != "/"
    elif piece.startswith("["):
        hit = first in allowed and first != "/"
    else:
        hit = first == piece
    return hit and reference(rest, text[1:])


letters = st.sampled_from("ab/")
words = st.lists(st.text("ab/", max_size=2), min_size=1, max_size=3)
items: st.SearchStrategy[Item] = st.one_of(
    st.just(("*", ())),
    st.just(("?", ())),
    letters.map(lambda char: (char, ())),
    words.map(lambda found: ("{" + ",".join(found) + "}", tuple(found))),
    st.sampled_from(
        [
            ("[a]", ("a",)),
            ("[!a]", ("a",)),
            ("[a-b]", ("a", "b")),
            ("[b-a]", ("a", "b")),
            ("[!a-b]", ("a", "b")),
            ("[a-]", ("a", "-")),
            ("[]", ()),
            ("[!]", ()),
            ("[/]", ("/",)),
        ]
    ),
)


@given(st.lists(items, max_size=8), st.text("ab/-", max_size=8))
@example([("{a,}", ("a", "")), ("{,b}", ("", "b")), ("*", ())], "")
@example([("*", ()), ("{a,ab}", ("a", "ab")), ("b", ())], "aabb")
def test_agrees_with_the_slow_reading(pieces: list[Item], text: str) -> None:
    pattern = Pattern("".join(piece for piece, _ in pieces))
    assert pattern.matches(text) == reference(pieces, text)
    # the masks of the first run must not change the second
    assert pattern.matches(text) == reference(pieces, text)


@pytest.mark.parametrize(
    ("pattern", "yes", "no"),
    [
        ("/artflow/paint/*", "/artflow/paint/strength", "/artflow/prompt/a"),
        ("/artflow/*", "/artflow/panic", "/artflow/paint/strength"),
        ("/*/*/a", "/artflow/prompt/a", "/artflow/prompt/b"),
        ("/artflow/prompt/?", "/artflow/prompt/b", "/artflow/prompt/mix"),
        ("/artflow/{output,paint}/*", "/artflow/output/fade", "/artflow/draw/size"),
        ("/artflow/prompt/[!a]", "/artflow/prompt/b", "/artflow/prompt/a"),
        ("/x/[a-cx]1", "/x/x1", "/x/d1"),
        ("/é?", "/éü", "/é/"),
    ],
)
def test_examples(pattern: str, yes: str, no: str) -> None:
    assert is_pattern(pattern)
    assert Pattern(pattern).matches(yes)
    assert not Pattern(pattern).matches(no)


def test_plain_addresses_are_no_patterns() -> None:
    assert not is_pattern("/artflow/paint/strength")
    assert Pattern("/a/b").matches("/a/b")


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("/a[b", "a [ without its ]"),
        ("/a{b", "a { without its }"),
        ("/a]", "a ] that nothing opened"),
        ("/a}" + "x" * 99, "a } that nothing opened"),
        ("/" + "x" * 1000, "longer than 1000 bytes"),
        ("{a}" * (MAX_GROUPS + 1), "more than 16 {}"),
    ],
)
def test_what_is_no_pattern_is_said(text: str, fault: str) -> None:
    with pytest.raises(OscPatternError) as caught:
        Pattern(text)
    assert fault in str(caught.value)


def test_the_pattern_that_keeps_regular_expressions_busy_ends() -> None:
    pattern = Pattern("/" + "*a" * 20 + "b")
    assert not any(pattern.matches("/artflow/" + parameter.name) for parameter in PARAMETERS)
    assert not pattern.matches("/" + "a" * 2000)
    assert pattern.matches("/" + "a" * 2000 + "b")
