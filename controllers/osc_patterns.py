"""OSC address patterns: `* ? [] [!] {}`, matched in time linear in the text.

No regular expressions: `*a*a*a...b` keeps a backtracking one busy for minutes. The pattern becomes
an automaton whose whole set of states is one integer, moved on by a few shifts per character.
"""

from __future__ import annotations

from typing import Final

from engine.errors import ControlError

MAX_BYTES: Final = 1000
MAX_GROUPS: Final = 16
"""Each {} costs a step per character."""

_SPECIAL: Final = frozenset("*?[]{}")


class OscPatternError(ControlError):
    """Text that is not an OSC address pattern."""


def is_pattern(text: str) -> bool:
    """Whether `text` holds any of `* ? [ ] { }`, so that it may name more than one address."""
    return not _SPECIAL.isdisjoint(text)


class Pattern:
    """An address pattern as OSC 1.0 has it.

    `*` is any run of characters and `?` any one character within a part (neither crosses a `/`);
    `[a-z]` is one of these, `[!a-z]` one of the others; `{one,two}` is one of these words, taken
    literally. Raises `OscPatternError` where a bracket is left open or the pattern is too long.

    State `i` of the automaton is bit `i`: "everything before item `i` has matched".
    """

    def __init__(self, text: str) -> None:
        if len(text.encode("utf-8", "replace")) > MAX_BYTES:
            raise OscPatternError(f"the pattern is longer than {MAX_BYTES} bytes")
        self.text = text
        self._literals: dict[str, int] = {}
        self._classes: list[tuple[int, str, bool]] = []
        self._any = 0
        self._loops = 0
        self._groups: list[tuple[int, int, int, int]] = []
        self._length = 0
        self._compile()
        self._accept = 1 << self._length
        self._masks: dict[str, int] = {}
        self._start = self._through_groups(1)

    def matches(self, text: str) -> bool:
        """Whether the whole of `text` is one of those that the pattern names."""
        states = self._start
        masks = self._masks
        for char in text:
            mask = masks.get(char)
            if mask is None:
                mask = masks[char] = self._mask(char)
            moved = (states & mask) << 1
            if char != "/":
                moved |= states & self._loops
            if not moved:
                return False
            states = self._through_groups(moved) if self._groups else moved
        return bool(states & self._accept)

    def _through_groups(self, states: int) -> int:
        # left to right once: the exit of a group may be the entry of the next, never the reverse
        for entry, starts, ends, leave in self._groups:
            if states & entry:
                states |= starts
            if states & ends:
                states |= leave
        return states

    def _mask(self, char: str) -> int:
        """The states that `char` moves on by one."""
        mask = self._literals.get(char, 0)
        if char == "/":
            return mask
        mask |= self._any
        for bit, chars, negated in self._classes:
            if (char in chars) != negated:
                mask |= bit
        return mask

    def _compile(self) -> None:
        text, at = self.text, 0
        while at < len(text):
            char = text[at]
            bit = 1 << self._length
            if char == "*":
                self._loops |= bit
            elif char == "?":
                self._any |= bit
                self._length += 1
            elif char == "[":
                close = self._closing(at, "]")
                self._add_class(bit, text[at + 1 : close])
                at = close
            elif char == "{":
                close = self._closing(at, "}")
                self._add_group(bit, text[at + 1 : close].split(","))
                at = close
            elif char in "]}":
                raise OscPatternError(f"pattern {_shown(text)} has a {char} that nothing opened")
            else:
                self._add_literal(char)
            at += 1

    def _closing(self, at: int, bracket: str) -> int:
        close = self.text.find(bracket, at + 1)
        if close < 0:
            raise OscPatternError(
                f"pattern {_shown(self.text)} has a {self.text[at]} without its {bracket}"
            )
        return close

    def _add_literal(self, char: str) -> None:
        self._literals[char] = self._literals.get(char, 0) | 1 << self._length
        self._length += 1

    def _add_class(self, bit: int, inside: str) -> None:
        negated = inside.startswith("!")
        inside = inside[1:] if negated else inside
        chars: list[str] = []
        at = 0
        while at < len(inside):
            if inside[at + 1 : at + 2] == "-" and at + 2 < len(inside):
                low, high = sorted((ord(inside[at]), ord(inside[at + 2])))
                # addresses are ASCII; a range over all of Unicode would only cost memory
                chars.extend(map(chr, range(low, min(high, 127) + 1)))
                chars.append(inside[at + 2])
                at += 3
            else:
                chars.append(inside[at])
                at += 1
        self._classes.append((bit, "".join(chars), negated))
        self._length += 1

    def _add_group(self, entry: int, words: list[str]) -> None:
        if len(self._groups) == MAX_GROUPS:
            raise OscPatternError(f"pattern {_shown(self.text)} has more than {MAX_GROUPS} {{}}")
        starts = ends = 0
        for word in words:
            self._length += 1
            starts |= 1 << self._length
            for char in word:
                self._add_literal(char)
            ends |= 1 << self._length
        self._length += 1
        self._groups.append((entry, starts, ends, 1 << self._length))


def _shown(text: str) -> str:
    return repr(text if len(text) <= 60 else text[:57] + "...")
