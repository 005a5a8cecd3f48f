from __future__ import annotations

import json
import string
from pathlib import Path

import msgspec
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from engine.errors import SettingError
from presets import entry_readers as reader
from presets.catalogue import BASES, RESERVED_IDS, Preset, Variant
from presets.catalogue_file import CatalogueFile, read_catalogue
from presets.models import taken_ids
from presets.wanted import Mirror
from tests.helpers.catalogues import load_catalogue
from tests.helpers.program import ROOT

DIGEST = "0123456789abcdef" * 4
MODELS = ROOT / "presets" / "models.yaml"
NO_MIRROR = "has no mirror left; mend one, or copy the file into the LoRA folder"


def read(folder: Path, text: str) -> CatalogueFile:
    path = folder / "presets.yaml"
    path.write_text(text, encoding="utf-8")
    return read_catalogue(path)


def problems(folder: Path, text: str) -> list[str]:
    """The problems of a file, from the line number on."""
    start = f"{folder / 'presets.yaml'}:"
    found = read(folder, text).problems
    assert all(problem.startswith(start) for problem in found)
    return [problem.removeprefix(start) for problem in found]


def flat(folder: Path, line: str) -> list[str]:
    """The problems of a flat entry with these keys, the base and a file among them."""
    return problems(folder, f"presets:\n- {{id: x, base: sd15, file: x.safetensors, {line}}}\n")


def test_the_contracts_example(tmp_path: Path) -> None:
    text = f"""
presets:
  - id: neon
    name: "Neon"
    description: "..."
    kind: style
    weight: 0.8
    tags: [night]
    variants:
      - base: rehearsal
        bundled: loras/neon.safetensors
      - base: sd15
        file: CuteCartoonRedmond15V.safetensors
        size: 27216848
        sha256: {DIGEST}
        verified: true
        triggers: ["CuteCartoonAF"]
        license: openrail++
        mirrors:
          - {{name: HF Mirror, url: "https://hf-mirror.com/a/b/resolve/main/c.safetensors"}}
          - {{name: ModelScope, url: "https://modelscope.cn/models/a/b/resolve/master/c.safetensors"}}
  - {{id: mine, name: Mine, description: "", kind: style, base: sd15, file: mine.safetensors,
     size: 27216848, sha256: "{DIGEST.upper()}", mirrors: []}}
"""
    file = read(tmp_path, text)
    assert not file.problems
    neon, mine = file.presets
    path = tmp_path / "presets.yaml"
    assert neon == Preset(
        id="neon",
        name="Neon",
        description="...",
        tags=("night",),
        origin=path,
        variants=(
            Variant(base="rehearsal", bundled="loras/neon.safetensors", verified=True),
            Variant(
                base="sd15",
                file="CuteCartoonRedmond15V.safetensors",
                size=27216848,
                about_bytes=27216848,
                sha256=DIGEST,
                verified=True,
                triggers=("CuteCartoonAF",),
                license="openrail++",
                mirrors=(
                    Mirror("HF Mirror", "https://hf-mirror.com/a/b/resolve/main/c.safetensors"),
                    Mirror(
                        "ModelScope",
                        "https://modelscope.cn/models/a/b/resolve/master/c.safetensors",
                    ),
                ),
            ),
        ),
    )
    assert mine.variants[0].sha256 == DIGEST
    assert mine.weight == 0.8


def test_the_older_spellings(tmp_path: Path) -> None:
    text = """
presets:
  - id: old
    filename: old.safetensors
    model_type: SD1.5
    size: "50MB"
    verified: false
    licence: MIT
  - id: older
    filename: older.safetensors
    model_type: lora
    compatible_models: ["stabilityai/stable-diffusion-xl-base-1.0", "stabilityai/sdxl-turbo"]
  - {id: oldest, filename: oldest.safetensors, compatible_models: runwayml/stable-diffusion-v1-5}
  - {id: two, filename: two.safetensors, compatible_models: [sd-turbo, stable-diffusion-v1-5]}
  - {id: number, filename: number.safetensors, model_type: 2.1}
"""
    file = read(tmp_path, text)
    bases = {preset.id: preset.variants[0].base for preset in file.presets}
    assert bases == {"old": "sd15", "older": "sdxl", "oldest": "sd15", "number": "sd21"}
    old = file.presets[0].variants[0]
    assert (old.size, old.about_bytes, old.license) == (None, 50_000_000, "MIT")
    (problem,) = file.problems
    assert problem.endswith(
        ":14: compatible_models means sd15 and sd21; say base: and one of rehearsal, sd15, sd21, "
        "sdxl"
    )


def test_all_problems_are_told_at_once_and_the_rest_stands(tmp_path: Path) -> None:
    text = """presets:
  - id: good
    base: sd15
    file: good.safetensors
    colour: red
  - id: Bad_Id
    kind: sytle
    weight: 3
    base: sd14x
    file: ../x.safetensors
  - id: half
    variants:
      - {base: sd15, file: half.safetensors}
      - {base: sd21, file: half.ckpt}
      - {base: sdxl, file: half-xl.safetensors, mirrors: [{url: "http://example.com/x"}]}
      - 5
  - id: mix
    base: sd15
    file: mix.safetensors
  - id: good
    base: sdxl
    file: other.safetensors
  - 7
other: 1
"""
    assert problems(tmp_path, text) == [
        "5: unknown key 'colour'; allowed: id, name, description, kind, weight, tags, base, "
        "bundled, file, filename, size, about_size, sha256, verified, triggers, license, licence, "
        "model_type, compatible_models, mirrors",
        f"6: id is 'Bad_Id'; allowed: {reader.ALLOWED_ID}",
        "7: kind is 'sytle'; allowed: style or acceleration",
        "8: weight is 3; allowed: 0 to 2",
        "9: base is 'sd14x'; allowed: rehearsal, sd15, sd21 or sdxl",
        "10: file is '../x.safetensors'; allowed: a name without folders that ends in .safetensors",
        "14: file is 'half.ckpt'; allowed: a name without folders that ends in .safetensors",
        "15: url leads to http://example.com; allowed: https",
        f"15: the file 'half-xl.safetensors' {NO_MIRROR}",
        "16: a variant is 5; allowed: base:, file:, and so on",
        f"17: id is 'mix'; allowed: {reader.ALLOWED_ID}",
        "20: id 'good' is taken on line 2; choose another",
        "23: an entry is 7; allowed: id:, name:, and so on",
        "24: unknown key 'other'; allowed: presets",
    ]
    assert [(each.id, each.bases) for each in read(tmp_path, text).presets] == [
        ("good", ("sd15",)),
        ("half", ("sd15",)),
    ]


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("weight: .nan", "weight is nan; allowed: 0 to 2"),
        ("weight: true", "weight is true; allowed: 0 to 2"),
        ("size: -1", "size is -1; allowed: bytes"),
        ("size: 1.5", "size is 1.5; allowed: bytes"),
        ("sha256: abc", "sha256 is 'abc'; allowed: 64 hex digits"),
        ("verified: maybe", "verified is 'maybe'; allowed: true or false"),
        ("triggers: [5, 6]", "triggers is a list; allowed: a list of words"),
        ("filename: y.safetensors", "'filename' says again what 'file' says; leave one"),
        ("trigers: [a]", "unknown key 'trigers'; did you mean 'triggers'? allowed: id, "),
        ("verified: true", "is verified without sha256; say sha256: or verified: false"),
        ("mirrors: [{url: 'https://a.b/x'}]", "has no sha256; allowed only with verified: false"),
        ("bundled: loras/x.safetensors", "names bundled and file; leave one"),
        ("bundled: ../loras/x.safetensors", "allowed: loras/NAME.safetensors"),
        ("bundled: loras/../x.safetensors", "allowed: loras/NAME.safetensors"),
    ],
)
def test_what_is_wrong_with_an_entry(tmp_path: Path, line: str, says: str) -> None:
    (problem,) = flat(tmp_path, line)
    assert problem.startswith("2: ")
    assert says in problem


@pytest.mark.parametrize(
    "line",
    [
        "mirrors: [{url: 'http://127.0.0.1:8000/x'}], verified: false",
        "mirrors: [{url: 'http://localhost/x'}], verified: false",
        f"mirrors: [{{url: 'https://a.b/x'}}], sha256: {DIGEST}",
        "triggers: one word",
        "size:",
        "verified: false",
    ],
)
def test_what_is_well(tmp_path: Path, line: str) -> None:
    assert not flat(tmp_path, line)


@pytest.mark.parametrize(
    ("mirrors", "says"),
    [
        ("5", "mirrors is 5; allowed: a list of name: and url:"),
        ("[5]", "a mirror is 5; allowed: name: and url:"),
        ("[{name: x}]", "a mirror without url; allowed: an https address"),
        ("[{name: 5, url: 'https://a.b/x'}]", "name is 5; allowed: a line of text"),
        ("[{url: 'https://[::1'}]", "url is no readable url"),
        ("[{url: 'https://10.0.0.1/x'}]", "10.0.0.1, not a public address"),
        ("[{url: 'ftp://a.b/x'}]", "url leads to ftp://a.b; allowed: https"),
    ],
)
def test_a_file_without_a_mirror_that_can_be_used_plays_only_if_it_is_here(
    tmp_path: Path, mirrors: str, says: str
) -> None:
    line = f"mirrors: {mirrors}, verified: false"
    first, second = flat(tmp_path, line)
    assert first.startswith("2: ")
    assert says in first
    assert second == f"2: the file 'x.safetensors' {NO_MIRROR}"
    path = tmp_path / "presets.yaml"
    away = read_catalogue(path)
    assert not away.presets
    assert away.lacking == {"x.safetensors"}
    here = read_catalogue(path, {"x.safetensors"})
    assert [each.mirrors for each in here.presets[0].variants] == [()]
    assert here.problems == (f"{path}:{first}",)
    assert not here.lacking


def test_a_bad_mirror_alone_is_left_out(tmp_path: Path) -> None:
    text = """presets:
- id: x
  base: sd15
  file: x.safetensors
  verified: false
  mirrors:
  - {name: one, url: "https://one.example/x"}
  - {name: two, url: "http://two.example/x"}
  - {name: three, url: "https://three.example/x"}
- {id: y, bundled: loras/y.safetensors, base: rehearsal, mirrors: [5]}
"""
    assert problems(tmp_path, text) == [
        "8: url leads to http://two.example; allowed: https",
        "10: a mirror is 5; allowed: name: and url:",
        "10: the file 'loras/y.safetensors' is bundled and has mirrors; leave one",
    ]
    (preset,) = read(tmp_path, text).presets
    assert [mirror.name for mirror in preset.variants[0].mirrors] == ["one", "three"]


@pytest.mark.parametrize("id", ["sd-turbo", "taesdxl", "rehearsal"])
def test_no_preset_takes_a_model_s_id(tmp_path: Path, id: str) -> None:
    line = next(
        number
        for number, text in enumerate(MODELS.read_text("utf-8").splitlines(), 1)
        if text.strip() == f"- id: {id}"
    )
    text = f"presets:\n- {{id: {id}, base: sd15, file: x.safetensors}}\n"
    assert problems(tmp_path, text) == [
        f"2: id '{id}' is a model's (models.yaml:{line}); choose another"
    ]
    assert read(tmp_path, text).presets == ()


def test_no_model_has_a_preset_s_id() -> None:
    assert not {*load_catalogue(Path("none"))[0].ids()} & {*taken_ids()}


def test_an_address_is_never_shown_whole(tmp_path: Path) -> None:
    problem, _ = flat(tmp_path, "mirrors: [{url: 'http://me:secret@a.b/x?signature=s'}]")
    assert "secret" not in problem
    assert "signature" not in problem
    (preset,) = read(
        tmp_path,
        "presets: [{id: x, base: sd15, file: x.safetensors, verified: false, "
        "mirrors: [{url: 'https://a.b/x?signature=s'}]}]",
    ).presets
    assert "signature" not in repr(preset)


def test_one_name_is_one_file(tmp_path: Path) -> None:
    text = f"""presets:
- {{id: x, base: sd15, file: a.safetensors, sha256: {DIGEST}}}
- {{id: y, base: sd15, file: a.safetensors, sha256: {DIGEST}, weight: 0.2}}
- {{id: z, base: sd15, file: A.safetensors}}
"""
    assert problems(tmp_path, text) == [
        "4: the file 'A.safetensors' is another one on line 2; rename one"
    ]
    twice = "presets:\n- id: x\n  variants:\n  - {base: sd15, file: a.safetensors}\n"
    assert problems(tmp_path, f"{twice}  - {{base: sd15, file: b.safetensors}}\n") == [
        "5: a second file for sd15; allowed: one for each base"
    ]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("presets: 5", "1: presets is 5; allowed: a list of entries"),
        ("presets: [{base: sd15, file: a.safetensors}]", "1: an entry without id; allowed: "),
        ("presets: [{id: x, file: a.safetensors}]", "1: no base; say base: and one of "),
        ("presets: [{id: x, base: sd15}]", "1: the file '' names no file: nor bundled:"),
        ("presets: [{id: x, variants: []}]", "1: variants is empty; allowed: a list, a file for"),
        (
            "presets: [{id: x, base: sd15, variants: [{base: sd15, file: a.safetensors}]}]",
            "1: 'base' does not belong here; allowed: id, ",
        ),
    ],
)
def test_what_an_entry_needs(tmp_path: Path, text: str, says: str) -> None:
    (problem,) = problems(tmp_path, text)
    assert problem.startswith(says)


def test_no_entries_are_no_trouble(tmp_path: Path) -> None:
    for text in ("", "presets:\n", "presets: []\n"):
        assert read(tmp_path, text) == CatalogueFile()


def test_what_is_no_catalogue(tmp_path: Path) -> None:
    with pytest.raises(SettingError, match="found a list; allowed: presets: and a list of entries"):
        read(tmp_path, "- 5\n- {}")
    with pytest.raises(SettingError, match="not valid YAML"):
        read(tmp_path, "presets: [")


def test_a_users_own_entries_add_and_override(tmp_path: Path) -> None:
    (tmp_path / "presets.yaml").write_text(
        "presets:\n- {id: anime, base: sd21, file: mine.safetensors, weight: 0.3}\n- {id: 5}\n"
    )
    more = tmp_path / "more.yaml"
    more.write_text("presets: [{id: new, base: sd15, file: new.safetensors}]")
    known, told = load_catalogue(tmp_path, [more, tmp_path / "none.yaml"])
    assert known.preset("anime").bases == ("sd21",)
    assert known.preset("anime").origin == tmp_path / "presets.yaml"
    assert known.preset("new").variants[0].file == "new.safetensors"
    assert known.preset("lcm-sdxl").kind == "acceleration"
    assert [line.removeprefix(str(tmp_path)) for line in told] == [
        f"/presets.yaml:3: id is 5; allowed: {reader.ALLOWED_ID}",
        "/presets.yaml:2: 'anime' has no mirrors, and the LoRA folder has no 'mine.safetensors'; "
        "copy it there, add mirrors: or remove the entry, which hides that of loras.yaml",
        "/none.yaml: there is no such file",
    ]
    assert load_catalogue(tmp_path / "empty")[1] == []


@pytest.mark.parametrize("id", sorted(RESERVED_IDS | {"", "-a", "a_b", "A", "é", "a b", "x" * 65}))
def test_ids_that_cannot_be(id: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011
        reader.id(id)


NAMES = [
    "", ".safetensors", "a/b.safetensors", "..\\b.safetensors", "a.ckpt", " a.safetensors",
    "a\0.safetensors", "a\n.safetensors", "c:a.safetensors", "x" * 200 + ".safetensors",
    "\ud800.safetensors", "a.safetensors ",
]  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_names_that_cannot_be(name: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011
        reader.file(name)


# any file at all

SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=8),
    st.sampled_from(
        ["sd15", "x.safetensors", "loras/x.safetensors", "style", DIGEST, "50MB", "https://a.b/c",
         "http://[", "\x1b[31m", "..", "false", "\u2028", "1" * 400]
    ),
)  # fmt: skip
KEYS = st.sampled_from(
    ["presets", "id", "name", "kind", "weight", "tags", "base", "bundled", "file", "filename",
     "size", "about_size", "sha256", "verified", "triggers", "license", "model_type",
     "compatible_models", "mirrors", "variants", "url", "odd"]
)  # fmt: skip
ANYTHING = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=15,
)


@settings(deadline=None, max_examples=120)
@given(
    st.fixed_dictionaries({"presets": st.lists(st.dictionaries(KEYS, ANYTHING), max_size=3)})
    | ANYTHING
)
@example({"presets": [{"id": "x", "variants": [{"base": "sd15", "mirrors": [{"url": 5}]}]}]})
def test_any_yaml_is_entries_or_lines(
    tmp_path_factory: pytest.TempPathFactory, content: object
) -> None:
    folder = tmp_path_factory.getbasetemp()
    survives(folder, json.dumps(content))


@settings(deadline=None, max_examples=200)
@given(st.text(alphabet=string.printable, max_size=60) | st.binary(max_size=40))
def test_any_bytes_are_entries_or_lines(
    tmp_path_factory: pytest.TempPathFactory, content: str | bytes
) -> None:
    survives(tmp_path_factory.getbasetemp(), content)


def survives(folder: Path, content: str | bytes) -> None:
    path = folder / "presets.yaml"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    try:
        file = read_catalogue(path)
    except SettingError as error:
        file = CatalogueFile(problems=(str(error),))
    for problem in file.problems:
        assert problem.splitlines() == [problem]
        assert problem.startswith(f"{path}:")
    for preset in file.presets:
        assert preset.id not in RESERVED_IDS
        assert len(set(preset.bases)) == len(preset.bases) > 0
        for variant in preset.variants:
            assert bool(variant.bundled) != bool(variant.file)
            assert variant.base in BASES
            assert "/" not in variant.file
            assert variant.sha256 or not variant.verified or variant.bundled


LINES = st.text(string.ascii_letters + string.digits + " '\":#{}[]&*!|>%@`é水", min_size=1).map(
    str.strip
)
VARIANTS: st.SearchStrategy[dict[str, object]] = st.builds(
    dict,
    file=st.from_regex(r"[A-Za-z0-9][A-Za-z0-9 ._()水-]{0,30}\.safetensors", fullmatch=True),
    size=st.none() | st.integers(1, 10**12),
    sha256=st.from_regex("[0-9a-f]{64}", fullmatch=True),
    triggers=st.lists(LINES.filter(bool), max_size=3).map(tuple),
    license=st.just("") | LINES.filter(bool),
    mirrors=st.lists(
        st.builds(
            Mirror,
            LINES.filter(bool),
            st.from_regex(r"https://[a-z]{1,9}\.org/[a-z0-9/%._-]{0,20}", fullmatch=True),
        ),
        max_size=3,
    ).map(tuple),
)


@settings(deadline=None, max_examples=60)
@given(
    st.from_regex(r"[a-z0-9][a-z0-9-]{0,20}", fullmatch=True).filter(
        lambda id: id not in RESERVED_IDS
    ),
    LINES.filter(bool),
    st.sampled_from(["style", "acceleration"]),
    st.floats(0, 2),
    st.dictionaries(st.sampled_from(BASES), VARIANTS, min_size=1),
)
def test_what_is_written_comes_back(
    tmp_path_factory: pytest.TempPathFactory,
    id: str,
    name: str,
    kind: str,
    weight: float,
    files: dict[str, dict[str, object]],
) -> None:
    path = tmp_path_factory.getbasetemp() / "presets.yaml"
    for number, said in enumerate(files.values()):
        said["file"] = f"{number}{said['file']}"
        said["about_bytes"] = said["size"]
    preset = Preset(
        id=id,
        name=name,
        kind=kind,  # type: ignore[arg-type]
        weight=weight,
        origin=path,
        variants=tuple(
            Variant(base=base, verified=True, **said)  # type: ignore[arg-type]
            for base, said in files.items()
        ),
    )
    entry = msgspec.to_builtins(preset, enc_hook=str)
    del entry["origin"]
    for variant in entry["variants"]:
        del variant["about_bytes"], variant["bundled"]
        for key in [key for key, value in variant.items() if value in ("", None)]:
            del variant[key]
    path.write_text(json.dumps({"presets": [entry]}, ensure_ascii=False), encoding="utf-8")
    file = read_catalogue(path)
    assert not file.problems
    assert file.presets == (preset,)
