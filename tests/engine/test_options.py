from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.option_readers import shown
from engine.option_table import OPTIONS
from engine.options import (
    ShowOptions,
    assemble,
    idle_notes,
    near_option,
    option,
    read,
)
from engine.sources.spec import FORMS


def accepted(name: str, raw: object) -> object:
    values, problems = read({name: raw}, lambda name: f"--{name}")
    assert problems == []
    return values[name]


def refused(name: str, raw: object) -> str:
    values, problems = read({name: raw}, lambda name: f"--{name}")
    safe = option(name).safe
    assert values == ({} if safe is None else {name: safe})
    (problem,) = problems
    assert "\n" not in problem
    assert problem.startswith(f"--{name} is ")
    assert problem.endswith(f"; allowed: {option(name).allowed}")
    return problem


@pytest.mark.parametrize(
    ("name", "raw", "value"),
    [
        ("size", "512x768", (512, 768)),
        ("size", "64 X 8", (64, 8)),
        ("window", "1x16384", (1, 16384)),
        ("display", "1", 1),
        ("display", 1, 1),
        ("osc-port", "0", 0),
        ("osc-port", 65535, 65535),
        ("seconds", "2.5", 2.5),
        ("seconds", 8, 8.0),
        ("seed", "2147483647", 2147483647),
        ("headless", True, True),
        ("headless", "yes", True),
        ("headless", "off", False),
        ("headless", "true", True),
        ("feedback", "desk.local:9001", (("desk.local", 9001),)),
        ("feedback", ["10.0.0.1:1", "[::1]:2"], (("10.0.0.1", 1), ("::1", 2))),
        ("allow", ["192.168.1.7/24", "fe80::/10"], ("192.168.1.0/24", "fe80::/10")),
        ("compile", "on", "on"),
        ("compat", "streamdiffusiontd", "streamdiffusiontd"),
        ("devices", "cuda:0,cuda:1", ("cuda:0", "cuda:1")),
        ("devices", ["mps"], ("mps",)),
        ("midi", "a.yaml", (Path("a.yaml"),)),
        ("data", "~nobody-at-all/x", Path("~nobody-at-all/x")),
        ("record", "out/show.MP4", Path("out/show.MP4")),
        ("prompt", "", ""),
        ("prompt", "a\nb", "a\nb"),
        ("source", "test-card", "test-card"),
        ("source", "camera", "camera"),
        ("source", "camera:HD Webcam: front", "camera:HD Webcam: front"),
        ("source", "screen:1", "screen:1"),
        ("source", "video:my clips/a.mp4", "video:my clips/a.mp4"),
        ("model", " sd-turbo ", "sd-turbo"),
    ],
)
def test_what_is_allowed(name: str, raw: object, value: object) -> None:
    assert accepted(name, raw) == value


@pytest.mark.parametrize(
    ("name", "raw"),
    [
        ("size", "513x512"),
        ("size", "0x0"),
        ("size", "512"),
        ("size", 512),
        ("size", "99999x8"),
        ("window", "-1x5"),
        ("display", -1),
        ("display", "front"),
        ("osc-port", 65536),
        ("osc-port", 1.5),
        ("osc-port", True),
        ("seconds", "0"),
        ("seconds", float("nan")),
        ("seconds", "inf"),
        ("seed", -1),
        ("headless", "perhaps"),
        ("headless", None),
        ("feedback", "host"),
        ("feedback", "host:0"),
        ("feedback", "::1:9000"),
        ("feedback", ["ok:1", 7]),
        ("allow", "everyone"),
        ("compile", True),
        ("compat", "other"),
        ("devices", "cuda:0,gpu"),
        ("midi", [[]]),
        ("record", "show.avi"),
        ("record", 5),
        ("prompt", "x" * 1001),
        ("prompt", 5),
        ("source", "video"),
        ("source", "video:"),
        ("source", "test-card:1"),
        ("source", "camra"),
        ("source", {"camera": 0}),
        ("model", ""),
        ("model", "a\x07b"),
        ("osc-host", []),
    ],
)
def test_what_is_not(name: str, raw: object) -> None:
    refused(name, raw)


def test_every_problem_is_told_at_once() -> None:
    values, problems = read(
        {"size": "7x7", "osc-port": "x", "seed": 5, "headless": True, "fullscreen": True},
        lambda name: f"show.yaml:1: {name}",
    )
    assert values["seed"] == 5
    assert problems == [
        "show.yaml:1: size is '7x7'; allowed: WxH, both multiples of 8 up to 4096, such as 512x512",
        "show.yaml:1: osc-port is 'x'; allowed: a port from 0 to 65535 (0 = any free)",
        "show.yaml:1: headless stands beside fullscreen; "
        "allowed: one of window, fullscreen, headless",
    ]


def test_the_table_and_the_struct_have_the_same_names() -> None:
    fields = {field.name.replace("_", "-") for field in msgspec.structs.fields(ShowOptions)}
    assert {row.name for row in OPTIONS} == fields - {"show-file", "values"}


def test_the_sources_are_those_there_are() -> None:
    assert option("source").allowed == " | ".join(FORMS.values())


def test_defaults(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("ARTFLOW_DATA", str(tmp_path))
    options = assemble({}, {})
    assert options == ShowOptions(data=tmp_path)
    assert (options.osc_host, options.osc_port) == ("127.0.0.1", 9000)
    assert options.window == (960, 960)
    assert options.size is None
    assert options.start_values == {"input/source": "test-card"}
    with pytest.raises(AttributeError):
        options.seed = 1  # type: ignore[misc]


def test_the_command_line_wins() -> None:
    file: dict[str, object] = {
        "source": "camera",
        "fullscreen": True,
        "no-osc": True,
        "seed": 4,
        "values": {"paint/seed": 1, "prompt/a": "file", "paint/steps": 2},
    }
    line: dict[str, object] = {"headless": True, "osc-port": 9001, "prompt": "line"}
    options = assemble(file, line, Path("show.yaml"))
    assert options.show_file == Path("show.yaml")
    assert options.source == "camera"
    assert options.headless
    assert not options.fullscreen
    assert not options.no_osc
    assert options.osc_port == 9001
    assert options.start_values == {
        "input/source": "camera",
        "paint/seed": 4,
        "paint/steps": 2,
        "prompt/a": "line",
    }


def test_lan_is_every_interface_unless_a_host_is_named() -> None:
    assert assemble({}, {}).osc_host == "127.0.0.1"
    assert assemble({}, {"lan": True}).osc_host == "0.0.0.0"
    assert assemble({"lan": True}, {"osc-host": "127.0.0.1"}).osc_host == "127.0.0.1"
    assert assemble({"osc-host": "10.0.0.5"}, {"lan": True}).osc_host == "10.0.0.5"


def test_who_may_play_matters_where_others_are_heard() -> None:
    assert not assemble({}, {}).guarded
    assert not assemble({}, {"osc-host": "10.0.0.5"}).guarded
    assert assemble({"lan": True}, {}).guarded
    assert assemble({}, {"osc-host": "10.0.0.5", "allow": ("10.0.0.0/8",)}).guarded


def test_networks_of_another_machine_without_listening_to_it() -> None:
    allow = ("10.0.0.0/8",)
    [note] = idle_notes({"allow": allow})
    assert note == "--allow: without --lan only this machine is listened to"
    assert not idle_notes({"allow": allow, "lan": True})
    assert not idle_notes({"allow": allow, "osc-host": "10.0.0.5"})


def test_a_slip_in_a_show_file_lets_nobody_in() -> None:
    """Left out, it would stand for every private network."""
    values, problems = read({"lan": True, "allow": ["192.168.1.0/33"]}, str)
    assert len(problems) == 1
    options = assemble(values, {})
    assert (options.lan, options.allow) == (True, ("127.0.0.0/8",))
    # the command line still wins
    assert assemble(values, {"allow": ("10.0.0.0/8",)}).allow == ("10.0.0.0/8",)


def test_a_source_or_model_in_set_is_the_option() -> None:
    values = {"input/source": "drawing", "painter/model": "sd-turbo"}
    options = assemble({"values": values}, {})
    assert (options.source, options.model) == ("drawing", "sd-turbo")
    assert options.values == {}
    options = assemble({"values": values}, {"source": "screen", "model": "rehearsal"})
    assert (options.source, options.model) == ("screen", "rehearsal")
    assert options.start_values == {"input/source": "screen"}


def test_parts_that_come_later_say_so() -> None:
    used: dict[str, object] = {
        "web-port": 80,
        "midi": (Path("m.yaml"),),
        "midi-monitor": True,
        "compile": "on",
        "devices": ("cuda:0", "cuda:1"),
        "lan": True,
        "seed": 3,
        "lowvram": True,
        "allow": ("10.0.0.0/8",),
    }
    notes = idle_notes(used)
    assert [note.partition(":")[0] for note in notes] == [
        "--web-port",
    ]
    assert all("the show goes on" in note for note in notes)
    assert (
        list(idle_notes({"devices": ("cuda:0", "cuda:1"), "no-midi": True, "no-web": True})) == []
    )


def test_a_wrong_name_is_answered_with_the_near_one() -> None:
    assert near_option("sorce") == "did you mean 'source'?"
    assert near_option("qqqq") == "see artflow run --help"


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        (None, "nothing"),
        (True, "true"),
        (5, "5"),
        (0.25, "0.25"),
        (float("nan"), "nan"),
        ("x" * 70, f"'{'x' * 60}...'"),
        ({}, "a mapping"),
        ([5], "5"),
        (["a", "b"], "'a, b'"),
        ([[1]], "a list"),
        (b"x", "bytes"),
    ],
)
def test_what_was_found_is_shown_briefly(raw: object, text: str) -> None:
    assert shown(raw) == text


anything = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**18), 10**18) | st.floats() | st.text(max_size=40),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=5,
)


@settings(deadline=None, max_examples=300)
@given(st.sampled_from(OPTIONS), anything)
def test_any_value_is_read_or_refused_in_one_line(row: Any, raw: object) -> None:
    _, problems = read({row.name: raw}, lambda name: f"--{name}")
    for problem in problems:
        assert "\n" not in problem
        assert len(problem) < 400
