from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine import yaml_file
from engine.errors import SettingError
from engine.yaml_file import read_yaml


def written(tmp_path: Path, text: str | bytes) -> Path:
    path = tmp_path / "file.yaml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def test_plain_values_and_their_lines(tmp_path: Path) -> None:
    document = read_yaml(
        written(
            tmp_path,
            "a: 1\nb:\n  - x\n  - 2.5\nc: {d: true, e: ~}\nf: 'yes'\ng: no\nh: 12:30\n"
            "i: 0x10\nj: 0o17\nk: -.inf\nl: 1e3\nm: 2024-13-45\nn: .5\n",
        )
    )
    assert document.value == {
        "a": 1,
        "b": ["x", 2.5],
        "c": {"d": True, "e": None},
        "f": "yes",
        "g": "no",
        "h": "12:30",
        "i": 16,
        "j": 15,
        "k": float("-inf"),
        "l": 1000.0,
        "m": "2024-13-45",
        "n": 0.5,
    }
    assert document.problems == []
    assert document.where("b", 1).endswith("file.yaml:4")
    assert document.where("c", "e").endswith("file.yaml:5")
    assert document.where("nowhere") == str(document.path)


def test_an_empty_file_holds_nothing(tmp_path: Path) -> None:
    assert read_yaml(written(tmp_path, "# only a comment\n")).value is None


def test_a_byte_order_mark_is_no_text(tmp_path: Path) -> None:
    assert read_yaml(written(tmp_path, b"\xef\xbb\xbfa: 1")).value == {"a": 1}


def test_twice_named_keys_tags_and_odd_keys_are_problems(tmp_path: Path) -> None:
    document = read_yaml(
        written(tmp_path, "a: 1\na: 2\nb: !!python/object:os.system x\n[c]: 3\n!!str d: !!str 4\n")
    )
    assert document.value == {"a": 1, "b": None, "d": "4"}
    assert [problem.partition("file.yaml:")[2] for problem in document.problems] == [
        "2: 'a' stands here twice; leave one",
        "3: found the tag 'python/object:os.system'; allowed: plain values without tags",
        "4: found a list as a key; allowed: text",
    ]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (b"a: [1", r"file\.yaml:1: not valid YAML"),
        (b"a: 1\nb: *none\n", r"file\.yaml:2: not valid YAML: found undefined alias"),
        (b"a\0b", "not valid YAML"),
        (b'"\\UFFFFFFFF"', "not valid YAML"),
        (b"\xff\xfe\xff", "not UTF-8 text"),
        (b"[" * 4000, "nested too deeply"),
        (b"a: &x [*x]", "contains itself"),
        (b"x: 1\n---\ny: 2\n", "not valid YAML"),
    ],
)
def test_what_is_not_yaml_is_one_line(tmp_path: Path, text: bytes, says: str) -> None:
    with pytest.raises(SettingError, match=says) as caught:
        read_yaml(written(tmp_path, text))
    assert "\n" not in str(caught.value)


def test_aliases_cannot_grow_without_bound(tmp_path: Path) -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 12)]
    with pytest.raises(SettingError, match="more than 100000 values"):
        read_yaml(written(tmp_path, "\n".join(lines)))


def test_files_that_cannot_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(SettingError, match="there is no such file"):
        read_yaml(tmp_path / "none.yaml")
    with pytest.raises(SettingError, match="cannot be read"):
        read_yaml(tmp_path)
    with pytest.raises(SettingError, match="cannot be read"):
        read_yaml(Path("a\0b"))
    monkeypatch.setattr(yaml_file, "MAX_FILE_BYTES", 8)
    with pytest.raises(SettingError, match="MiB"):
        read_yaml(written(tmp_path, "a: 12345678"))


@settings(deadline=None, max_examples=300)
@given(
    st.one_of(
        st.binary(max_size=200),
        st.text(max_size=200).map(lambda text: text.encode("utf-8", "ignore")),
        st.text(alphabet="ab:-[]{}&*!|>'\"#,?%@` \n\t0.~", max_size=80).map(str.encode),
    )
)
def test_garbage_is_read_or_refused(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    path = tmp_path_factory.getbasetemp() / "garbage.yaml"
    path.write_bytes(data)
    try:
        said = read_yaml(path).problems
    except SettingError as error:
        said = [str(error)]
    assert all(len(line.splitlines()) == 1 for line in said)
