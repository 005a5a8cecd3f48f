from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.controls import Controls
from engine.errors import SettingError
from engine.option_table import OPTIONS
from engine.parameters import PARAMETERS, TRIGGERS
from scenes.show import read_show


def controls() -> Controls:
    table = Controls()
    table.declare(*PARAMETERS, *TRIGGERS)
    return table


CONTROLS = controls()


def show(tmp_path: Path, text: str) -> dict[str, object]:
    path = tmp_path / "show.yaml"
    path.write_text(text)
    read = read_show(path, CONTROLS)
    assert not read.problems
    return read.options


def problems(tmp_path: Path, text: str) -> list[str]:
    """The problems of a show file, from the line number on."""
    path = tmp_path / "show.yaml"
    path.write_text(text)
    try:
        lines = read_show(path, CONTROLS).problems
    except SettingError as error:
        lines = str(error).splitlines()
    name = str(tmp_path / "show.yaml")
    assert all(line.startswith(name) for line in lines)
    return [line.removeprefix(name).removeprefix(":") for line in lines]


def test_a_whole_show(tmp_path: Path) -> None:
    values = show(
        tmp_path,
        """
# a comment
model: sd-turbo
source: camera:1
size: 512x512
osc_port: 9100
web-host: 0.0.0.0
feedback: [10.0.0.2:9001]
fullscreen: yes
compile: on
set list: evening
prompt: no
seconds: 8
set:
  paint/strength: 0.37
  prompt/a: "oil painting of a sunrise"
  output/rotate: 90
  output/flip: horizontal
  paint/steps: 2.0
""",
    )
    assert values == {
        "model": "sd-turbo",
        "source": "camera:1",
        "size": (512, 512),
        "osc-port": 9100,
        "web-host": "0.0.0.0",
        "feedback": (("10.0.0.2", 9001),),
        "fullscreen": True,
        "compile": "on",
        "setlist": "evening",
        "prompt": "no",
        "seconds": 8.0,
        "values": {
            "paint/strength": 0.37,
            "prompt/a": "oil painting of a sunrise",
            "output/rotate": 90,
            "output/flip": "horizontal",
            "paint/steps": 2,
        },
    }


def test_who_may_play_from_other_machines(tmp_path: Path) -> None:
    values = show(tmp_path, "lan: true\nallow: [192.168.1.7/24, 10.0.0.9]\n")
    assert values == {"lan": True, "allow": ("192.168.1.0/24", "10.0.0.9/32")}
    assert show(tmp_path, "allow: 10.0.0.0/8\n") == {"allow": ("10.0.0.0/8",)}
    slip = "lan: true\nallow: [192.168.1.0/24, everyone]\n"
    [line] = problems(tmp_path, slip)
    assert line.startswith("2: allow is '192.168.1.0/24, everyone'; allowed: a network such as ")
    # what cannot be read lets nobody in
    assert read_show(tmp_path / "show.yaml", CONTROLS).options == {
        "lan": True,
        "allow": ("127.0.0.0/8",),
    }


def test_every_option_can_be_written_in_a_file(tmp_path: Path) -> None:
    for row in OPTIONS:
        for spelled in (row.name, row.name.replace("-", "_"), row.name.replace("-", " ")):
            lines = problems(tmp_path, f"{spelled}: {{}}\n")
            assert lines == [f"1: {row.name} is a mapping; allowed: {row.allowed}"]


def test_all_problems_are_told_at_once(tmp_path: Path) -> None:
    text = """\
source: camra
sorce: camera
osc-port: 70000
osc_port: 9000
size: 500x500
size: 512x512
set:
  paint/strength: 3
  paint/strengt: 0.5
  painter/fps: 3
  prompt/a: 5
  output/rotate: 45
  snapshot: 1
  paint/steps: [1]
"""
    assert problems(tmp_path, text) == [
        "1: source is 'camra'; allowed: "
        "test-card | drawing | camera[:N|NAME] | video:FILE | screen[:N] | image:FILE",
        "2: unknown option 'sorce'; did you mean 'source'?",
        "3: osc-port is 70000; allowed: a port from 0 to 65535 (0 = any free)",
        "4: 'osc_port' says again what 'osc-port' says; leave one",
        "5: size is '500x500'; allowed: WxH, both multiples of 8 up to 4096, such as 512x512",
        "6: 'size' stands here twice; leave one",
        "8: paint/strength is 3; allowed: 0 to 1",
        "9: unknown control 'paint/strengt'; did you mean paint/strength or "
        "paint/steps or paint/seed?",
        "10: painter/fps is a reported value and cannot be set",
        "11: prompt/a takes text, not the number 5",
        "12: output/rotate is 45; allowed: 0, 90, 180, 270",
        "13: snapshot is a trigger and holds no value; leave it out",
        "14: paint/steps takes a number, not a list",
    ]


def test_a_window_is_one_of_three(tmp_path: Path) -> None:
    (line,) = problems(tmp_path, "window: 9x9\nheadless: true\n")
    assert line.startswith("2: headless stands beside window")


@pytest.mark.parametrize("text", ["", "# nothing\n", "set:\n", "{}"])
def test_an_empty_show_is_a_show(tmp_path: Path, text: str) -> None:
    assert show(tmp_path, text) == {}


@pytest.mark.parametrize(
    ("text", "says"),
    [("- camera\n", "1: found 'camera'"), ("camera\n", "1: found 'camera'"), ("5", "1: found 5")],
)
def test_a_file_that_is_no_show(tmp_path: Path, text: str, says: str) -> None:
    (line,) = problems(tmp_path, text)
    assert line.startswith(says)


def test_a_set_that_is_none(tmp_path: Path) -> None:
    (line,) = problems(tmp_path, "set: fast\n")
    assert line.startswith("1: set is 'fast'; allowed: control: value")


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(SettingError, match=r"none\.yaml: there is no such file"):
        read_show(tmp_path / "none.yaml", CONTROLS)


def test_paths_start_at_the_files_own_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "gig"
    folder.mkdir()
    (folder / "show.yaml").write_text(
        "source: video:clips/a.mp4\nmodel: ./models/mine\nmidi: [knobs.yaml, /abs/pads.yaml]\n"
        "record: out.mp4\ndata: /data\nset: {input/source: image:still.png}\n"
    )
    monkeypatch.chdir(tmp_path)
    values = read_show(Path("gig/show.yaml"), CONTROLS).options
    assert values == {
        "source": f"video:{folder}/clips/a.mp4",
        "model": f"{folder}/models/mine",
        "midi": (folder / "knobs.yaml", Path("/abs/pads.yaml")),
        "record": folder / "out.mp4",
        "data": Path("/data"),
        "values": {"input/source": f"image:{folder}/still.png"},
    }


def test_what_is_no_path_stays_as_written(tmp_path: Path) -> None:
    assert show(tmp_path, "audio: file:song.wav\n") == {"audio": f"file:{tmp_path}/song.wav"}
    for plain in ("default", "3", "Profile:1"):
        assert show(tmp_path, f"audio: {plain}\n") == {"audio": plain}
    assert show(tmp_path, "source: video:rtsp://camera/1\nmodel: rehearsal\n") == {
        "source": "video:rtsp://camera/1",
        "model": "rehearsal",
    }


keys = st.sampled_from([row.name for row in OPTIONS] + ["set", "set list", "osc_host", "nonsense"])
scalars = st.sampled_from(
    ["1", "-1", "0.5", "true", "no", "~", "camera", "512x512", "a/b.yaml", "[]", "[1, x]", "{a: 1}",
     "'9000'", "video:x.mp4", "{paint/strength: 0.5}", "{prompt/a: [x]}", ".nan", "99999999999999"]
)  # fmt: skip


@settings(deadline=None, max_examples=300)
@given(
    st.one_of(
        st.text(max_size=100),
        st.lists(st.tuples(keys, scalars), max_size=8).map(
            lambda rows: "".join(f"{key}: {value}\n" for key, value in rows)
        ),
        st.dictionaries(st.sampled_from([row.name for row in PARAMETERS]), scalars, max_size=8).map(
            lambda rows: "set:\n" + "".join(f"  {key}: {value}\n" for key, value in rows.items())
        ),
    )
)
def test_any_file_is_a_show_or_refused_line_by_line(
    tmp_path_factory: pytest.TempPathFactory, text: str
) -> None:
    path = tmp_path_factory.getbasetemp() / "any-show.yaml"
    path.write_bytes(text.encode("utf-8", "surrogatepass"))
    try:
        read_show(path, CONTROLS)
        said = ""
    except SettingError as error:
        said = str(error)
    assert all(line.startswith(str(path)) for line in said.splitlines())
