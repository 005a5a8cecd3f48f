from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import SettingError
from engine.sources import FORMS, SourceSpec, parse_source
from engine.sources.spec import FILES, NamedFiles

words = st.text(
    st.characters(blacklist_categories=["Cc", "Cs", "Zs", "Zl", "Zp"]), min_size=1, max_size=40
).filter(str.strip)


@pytest.mark.parametrize(
    ("text", "kind", "argument"),
    [
        ("test-card", "test-card", ""),
        ("drawing", "drawing", ""),
        ("camera", "camera", ""),
        ("camera:2", "camera", "2"),
        ("camera:FaceTime HD: front", "camera", "FaceTime HD: front"),
        ("screen", "screen", ""),
        ("screen:007", "screen", "7"),
        ("video:/a b/c:d.mp4", "video", "/a b/c:d.mp4"),
        ("video", "video", ""),
        ("image: x.png ", "image", "x.png"),
    ],
)
def test_every_form_is_read(text: str, kind: str, argument: str) -> None:
    assert parse_source(text) == SourceSpec(kind, argument)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "allowed: test-card, drawing, camera[:N|NAME], video:FILE"),
        ("testcard", "did you mean test-card?"),
        ("vidoe:x.mp4", "did you mean video?"),
        ("video:", "write video:FILE"),
        ("drawing:3", "takes nothing after it, not '3'"),
        ("test-card:blue", "takes nothing after it"),
        ("screen:left", "takes a number such as screen:1"),
        ("screen:-1", "takes a number"),
        ("screen:1.0", "takes a number"),
        ("screen:99999", "takes a number"),
        ("screen:²", "takes a number"),
        ("video:a\0b", "one plain line"),
        ("image:a\nb", "one plain line"),
        ("x" * 999, "..."),
    ],
)
def test_what_is_no_source_is_refused_in_one_line(text: str, says: str) -> None:
    with pytest.raises(SettingError) as caught:
        parse_source(text)
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 250


@given(st.sampled_from(["camera", "video", "image"]), words)
def test_what_is_printed_is_read_again(kind: str, argument: str) -> None:
    spec = parse_source(f"{kind}:{argument}")
    assert spec.kind == kind
    assert parse_source(str(spec)) == spec


@given(st.text(max_size=200))
def test_any_text_is_a_source_or_one_line_of_error(text: str) -> None:
    said = ""
    try:
        spec = parse_source(text)
    except SettingError as error:
        said = str(error)
    assert len(said.splitlines()) <= 1
    if not said:
        assert spec.kind in FORMS
        assert parse_source(str(spec)) == spec


def test_only_files_named_at_the_start_can_be_played() -> None:
    files = NamedFiles(["video:/show/a.mp4", "video:/show/b.mp4", "nonsense", "image", "camera:1"])
    assert files.kinds == ["video"]
    assert files.resolve("video:/show/b.mp4") == SourceSpec("video", "/show/b.mp4")
    assert files.resolve("video") == SourceSpec("video", "/show/a.mp4")
    assert files.resolve("camera:/dev/mem").argument == "/dev/mem"  # a name; only listed ones open
    with pytest.raises(SettingError, match=r"only video:/show/a\.mp4 was"):
        files.resolve("video:/etc/passwd")
    with pytest.raises(SettingError, match="no image was"):
        files.resolve("image")
    with pytest.raises(SettingError, match="no image was"):
        files.resolve("image:/show/a.mp4")


@given(st.sampled_from(FILES), words)
def test_nothing_on_the_wire_names_a_file(kind: str, path: str) -> None:
    with pytest.raises(SettingError):
        NamedFiles(["video:/show/a.mp4"]).resolve(f"{kind}:{path}x")


def test_a_scene_gets_no_other_scenes_picture_and_gives_no_folder_away() -> None:
    files = NamedFiles(["image:start.png"])
    assert files.add_beside("image:/gig/a/pic.png", "/gig/a") == "image:pic.png"
    assert files.resolve("image:pic.png").argument == "/gig/a/pic.png"
    # it is not there, which is told; but a's it is not
    assert files.add_beside("image:pic.png", "/gig/b") == "image:/gig/b/pic.png"
    assert files.add_beside("image:/gig/a/pic.png", "/gig/a") == "image:pic.png"
    assert files.whole("image:pic.png") == "image:/gig/a/pic.png"
    assert files.add_beside("image:start.png", "/gig/a") == "image:start.png"
    assert files.resolve("image:start.png").argument == "start.png"
    assert files.add_beside("video:rtsp://host/x", "/gig/a") == "video:rtsp://host/x"
    assert files.add_beside("camera:1", "/gig/a") == "camera:1"
    with pytest.raises(SettingError, match="is refused"):
        files.resolve("image:other.png")
