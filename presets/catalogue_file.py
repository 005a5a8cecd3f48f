"""Reading a catalogue's file: entries, and every problem of it at once with file and line.

What is wrong is left out (a mirror, a variant, an entry), the rest stands. Each key is a row of a
table: how its value is read, and what is allowed.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Container, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, NamedTuple

import msgspec

from engine.errors import SettingError
from engine.logs import one_line
from engine.option_readers import shown
from engine.yaml_file import Document, Place, read_yaml
from presets import entry_readers as reader
from presets.catalogue import BASES, KINDS, Preset, Variant
from presets.mirrors import Refused, check_url, read_url
from presets.models import place_of
from presets.wanted import Mirror


@dataclass(frozen=True, slots=True)
class Key:
    """A key of an entry. `read` raises ValueError or msgspec.ValidationError.

    `older` are spellings of it that are understood, too.
    """

    name: str
    read: Callable[[object], object]
    allowed: str
    older: tuple[str, ...] = ()


PRESET_KEYS: Final = (
    Key("id", reader.id, reader.ALLOWED_ID),
    Key("name", reader.line, "a line of text"),
    Key("description", reader.text, "text"),
    Key("kind", reader.choice(KINDS), " or ".join(KINDS)),
    Key("weight", reader.weight, "0 to 2"),
    Key("tags", reader.words, "a list of words"),
)
VARIANT_KEYS: Final = (
    Key("base", reader.base, f"{', '.join(BASES[:-1])} or {BASES[-1]}"),
    Key("bundled", reader.bundled, "loras/NAME.safetensors, beside the program's catalogue"),
    Key("file", reader.file, reader.ALLOWED_FILE, older=("filename",)),
    Key("size", reader.size, "bytes"),  # older lists round it: 50MB
    Key("about_size", reader.size, "a rounded size, such as 136 MB"),
    Key("sha256", reader.sha256, "64 hex digits"),
    Key("verified", reader.flag, "true or false"),
    Key("triggers", reader.words, "a list of words"),
    Key("license", reader.line, "a line of text", older=("licence",)),
    # older spellings of base, which say it in words of their own
    Key("model_type", reader.model_type, "a base model, such as SD 1.5"),
    Key("compatible_models", reader.bases, "a list of base models"),
)
MIRROR_KEYS: Final = (
    Key("name", reader.line, "a line of text"),
    Key("url", reader.text, "an https address"),
)
_ELSEWHERE: Final = ("mirrors", "variants")
"""Keys that hold lists of mappings, and so are read place by place."""


@dataclass(frozen=True, slots=True)
class CatalogueFile:
    """What a file holds. `problems` are lines for the performer, in the file's order.

    `lacking` names files that were left out since nothing gives them: no mirror, and not here.
    `places` say by id where an entry stands: `presets.yaml:3`, with the folder.
    """

    presets: tuple[Preset, ...] = ()
    problems: tuple[str, ...] = ()
    lacking: frozenset[str] = frozenset()
    places: Mapping[str, str] = field(default_factory=dict)


def read_catalogue(path: Path, here: Container[str] = ()) -> CatalogueFile:
    """Read one file; `here` are the names of the files in the LoRA folder, which need no mirror.

    Raises `SettingError` where it cannot be read, or is no catalogue at all.
    """
    document = read_yaml(path)
    content = {} if document.value is None else document.value
    if not isinstance(content, dict):
        raise SettingError(
            f"{document.where()}: found {shown(content)}; allowed: presets: and a list of entries"
        )
    reading = _Reading(document, here)
    presets = tuple(reading.presets(content))
    problems = (one_line(problem) for problem in document.in_order(document.problems))
    places = {id: document.where(*place) for id, place in reading.ids.items()}
    return CatalogueFile(presets, tuple(problems), frozenset(reading.lacking), places)


class _Mirrors(NamedTuple):
    """The mirrors that can be used. `lost`: some are written, and none of them can."""

    usable: tuple[Mirror, ...] = ()
    lost: bool = False


@dataclass
class _Reading:
    """One reading of a document; problems go to it."""

    document: Document
    here: Container[str]
    lacking: set[str] = field(default_factory=set)
    ids: dict[str, Place] = field(default_factory=dict)
    files: dict[str, tuple[Variant, Place]] = field(default_factory=dict)

    def presets(self, content: Mapping[str, Any]) -> Iterable[Preset]:
        for key in content:
            if key != "presets":
                self._tell((key,), f"unknown key {shown(key)}; allowed: presets")
        entries = content.get("presets")
        if entries is None:
            return
        if not isinstance(entries, list):
            self._tell(("presets",), f"presets is {shown(entries)}; allowed: a list of entries")
            return
        for index, entry in enumerate(entries):
            preset = self._preset(("presets", index), entry)
            if preset is not None:
                yield preset

    def _preset(self, place: Place, raw: object) -> Preset | None:
        if not isinstance(raw, dict):
            self._tell(place, f"an entry is {shown(raw)}; allowed: id:, name:, and so on")
            return None
        flat = "variants" not in raw
        keys = (*PRESET_KEYS, *VARIANT_KEYS) if flat else PRESET_KEYS
        said = self._values(place, raw, keys, ("mirrors",) if flat else ("variants",))
        variants = self._flat(place, raw, said) if flat else self._variants(place, raw["variants"])
        if said is None:
            return None
        if "id" not in said:
            self._tell(place, f"an entry without id; allowed: {reader.ALLOWED_ID}")
            return None
        id = said["id"]
        if id in self.ids:
            first = self.document.where(*self.ids[id]).rpartition(":")[2]
            self._tell((*place, "id"), f"id {shown(id)} is taken on line {first}; choose another")
            return None
        if model := place_of(id):
            self._tell((*place, "id"), f"id {shown(id)} is a model's ({model}); choose another")
            return None
        self.ids[id] = (*place, "id")
        if not variants:
            return None  # its problems are told
        return Preset(
            variants=tuple(variants),
            origin=self.document.path,
            **{"name": id, **{key.name: said[key.name] for key in PRESET_KEYS if key.name in said}},
        )

    def _flat(
        self, place: Place, raw: Mapping[str, Any], said: Mapping[str, Any] | None
    ) -> list[Variant]:
        mirrors = self._mirrors(place, raw.get("mirrors"))
        variant = None if said is None else self._variant(place, said, mirrors)
        return [] if variant is None else [variant]

    def _variants(self, place: Place, raw: object) -> list[Variant]:
        place = (*place, "variants")
        if not isinstance(raw, list) or not raw:
            told = shown(raw) if raw else "empty"
            self._tell(place, f"variants is {told}; allowed: a list, a file for each base")
            return []
        found: dict[str, Variant] = {}
        for index, each in enumerate(raw):
            here = (*place, index)
            if not isinstance(each, dict):
                self._tell(here, f"a variant is {shown(each)}; allowed: base:, file:, and so on")
                continue
            said = self._values(here, each, VARIANT_KEYS, ("mirrors",))
            mirrors = self._mirrors(here, each.get("mirrors"))
            if said is None:
                continue
            variant = self._variant(here, said, mirrors)
            if variant is None:
                continue
            if variant.base in found:
                self._tell(here, f"a second file for {variant.base}; allowed: one for each base")
                continue
            found[variant.base] = variant
        return list(found.values())

    def _variant(self, place: Place, said: Mapping[str, Any], mirrors: _Mirrors) -> Variant | None:
        base = self._base(place, said)
        bundled, file = said.get("bundled", ""), said.get("file", "")
        sha256 = said.get("sha256")
        verified = said.get("verified", bool(bundled or sha256))
        size: reader.Size | None = said.get("size")
        about: reader.Size | None = said.get("about_size", size)
        problem = ""
        if bool(bundled) == bool(file):
            problem = "names bundled and file; leave one" if file else "names no file: nor bundled:"
        elif bundled and (mirrors.usable or mirrors.lost):
            problem = "is bundled and has mirrors; leave one"
        elif verified and sha256 is None and not bundled:
            problem = "is verified without sha256; say sha256: or verified: false"
        elif mirrors.usable and sha256 is None and "verified" not in said:
            problem = "has no sha256; allowed only with verified: false"
        elif mirrors.lost and file not in self.here:
            problem = "has no mirror left; mend one, or copy the file into the LoRA folder"
            self.lacking.add(file)
        if problem:
            self._tell(place, f"the file {shown(file or bundled)} {problem}")
        if problem or base is None:
            return None
        variant = Variant(
            base=base,
            file=file,
            bundled=bundled,
            size=size.number if size and size.exact else None,
            about_bytes=about.number if about else None,
            sha256=sha256,
            verified=verified,
            triggers=said.get("triggers", ()),
            license=said.get("license", ""),
            mirrors=mirrors.usable,
        )
        return variant if self._own_file(place, variant) else None

    def _base(self, place: Place, said: Mapping[str, Any]) -> str | None:
        base = said.get("base") or said.get("model_type")
        bases: frozenset[str] = said.get("compatible_models", frozenset())
        if base is None and len(bases) == 1:
            (base,) = bases
        if base is None:
            found = f"compatible_models means {' and '.join(sorted(bases))}" if bases else "no base"
            self._tell(place, f"{found}; say base: and one of {', '.join(BASES)}")
        return base

    def _own_file(self, place: Place, variant: Variant) -> bool:
        """Whether no other entry puts another file under this name."""
        if not variant.file:
            return True
        name = variant.file.casefold()
        other, where = self.files.setdefault(name, (variant, place))
        if (other.sha256, other.mirrors) == (variant.sha256, variant.mirrors):
            return True
        line = self.document.where(*where).rpartition(":")[2]
        self._tell(
            place, f"the file {shown(variant.file)} is another one on line {line}; rename one"
        )
        return False

    def _mirrors(self, place: Place, raw: object) -> _Mirrors:
        if raw is None:
            return _Mirrors()
        place = (*place, "mirrors")
        if not isinstance(raw, list):
            self._tell(place, f"mirrors is {shown(raw)}; allowed: a list of name: and url:")
            return _Mirrors(lost=True)
        mirrors = [self._mirror((*place, index), each) for index, each in enumerate(raw)]
        usable = tuple(mirror for mirror in mirrors if mirror is not None)
        return _Mirrors(usable, lost=bool(raw) and not usable)

    def _mirror(self, place: Place, raw: object) -> Mirror | None:
        if not isinstance(raw, dict):
            self._tell(place, f"a mirror is {shown(raw)}; allowed: name: and url:")
            return None
        said = self._values(place, raw, MIRROR_KEYS)
        if said is None:
            return None
        if "url" not in said:
            self._tell(place, "a mirror without url; allowed: an https address")
            return None
        try:
            url = read_url(said["url"])
            check_url(url, url)
        except Refused as refused:
            # not the address itself: it may carry a signature or a login
            self._tell((*place, "url"), f"url {refused}")
            return None
        return Mirror(said.get("name", url.host), said["url"])

    def _values(
        self,
        place: Place,
        raw: Mapping[str, Any],
        keys: tuple[Key, ...],
        lists: tuple[str, ...] = (),
    ) -> dict[str, Any] | None:
        """What the keys say; None where one of them is wrong. Unknown keys are told of only."""
        known = {spelling: key for key in keys for spelling in (key.name, *key.older)}
        values: dict[str, Any] = {}
        spelled: dict[str, str] = {}
        good = True
        for word, value in raw.items():
            key = known.get(word)
            if key is None:
                if word not in lists:
                    self._tell((*place, word), _unknown_key(word, (*known, *lists)))
                continue
            if key.name in spelled:
                said = f"{word!r} says again what {spelled[key.name]!r} says; leave one"
                self._tell((*place, word), said)
                continue
            spelled[key.name] = word
            if value is None:
                continue
            try:
                values[key.name] = key.read(value)
            except (ValueError, msgspec.ValidationError):
                self._tell((*place, word), f"{word} is {shown(value)}; allowed: {key.allowed}")
                good = False
        return values if good else None

    def _tell(self, place: Place, problem: str) -> None:
        self.document.problems.append(f"{self.document.where(*place)}: {problem}")


def _unknown_key(word: str, known: tuple[str, ...]) -> str:
    if word in _ELSEWHERE or any(word == key.name for key in VARIANT_KEYS):
        return f"{word!r} does not belong here; allowed: {', '.join(known)}"
    near = difflib.get_close_matches(word, known, n=1)
    hint = f"did you mean {near[0]!r}? " if near else ""
    return f"unknown key {shown(word)}; {hint}allowed: {', '.join(known)}"
