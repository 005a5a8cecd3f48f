"""Nothing on the wire names a path of this machine."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controllers.osc_names import without_folders
from controllers.osc_peers import Address
from engine.controls import Parameter, Value
from engine.errors import ArtflowError, ControlError
from tests.controllers.stage import ALICE, Stage, errors

HOME = Path("/home/Jane Doe")


@pytest.mark.parametrize(
    ("said", "told"),
    [
        (
            "neon has no mirrors; copy n.safetensors to /srv/a/loras, or add mirrors: to its entry"
            " in /srv/a/presets.yaml",
            "neon has no mirrors; copy n.safetensors to loras, or add mirrors: to its entry"
            " in presets.yaml",
        ),
        ("no snapshot in /home/Jane Doe/artflow/snapshots: full", "no snapshot in snapshots: full"),
        ("source video:/srv/My Films/a.mp4 has given no picture", "source video:a.mp4 has given no"
         " picture"),
        ("[Errno 2] No such file: '/srv/with a space, and more/x.yaml'",
         "[Errno 2] No such file: 'x.yaml'"),
        ("PresetError(\"/srv/it's mine/x\")", 'PresetError("x")'),
        ("lora cannot be read: denied (/srv/loras/x.safetensors)",
         "lora cannot be read: denied (x.safetensors)"),
        (r"copy it to C:\Users\Jane\loras; or else", "copy it to loras; or else"),
        (r"OSError(22, 'C:\\Users\\Jane\\x')", "OSError(22, 'x')"),
        (r"file \\server\share\x is gone", "file x is gone"),
        ("/srv/a/b/presets.yaml:12: unknown key", "presets.yaml:12: unknown key"),
        ("/srv/My Films/a.yaml:3: output/freeze is 'yes'", "a.yaml:3: output/freeze is 'yes'"),
        ("from ~/loras/ on", "from loras on"),
        # no paths
        ("send painter/restart or choose another painter/model", None),
        ("see /artflow/list and /artflow/preset/load", None),
        ("/t_list takes 1 to 4", None),
        ("3 and/or 4, 1/2, a / b", None),
        ("rate 3 MB/s of https://example.org/a/b", None),
        ("the painter ended", None),
    ],
)  # fmt: skip
def test_of_a_path_only_its_name_is_told(
    monkeypatch: pytest.MonkeyPatch, said: str, told: str | None
) -> None:
    monkeypatch.setattr(Path, "home", lambda: HOME)
    assert without_folders(said) == (said if told is None else told)


@given(
    st.lists(st.text("abc é.-_", min_size=1, max_size=9).filter(str.strip), min_size=2, max_size=5),
    st.sampled_from(("'{}'", '"{}"')),
)
def test_nothing_of_a_quoted_folder_is_left(parts: list[str], quotes: str) -> None:
    path = "/srv!/" + "/".join(parts)
    assert without_folders("no " + quotes.format(path)) == "no " + quotes.format(parts[-1])


@pytest.mark.parametrize("word", ["/a/", "/a/b ", " /", "\\\\", "~/ ", "'/a/", "C:/", "/a/b c/"])
def test_long_texts_take_no_time(word: str) -> None:
    # (a pattern that backtracks would take minutes)
    assert len(without_folders(word * 100_000)) <= 4000


def test_what_the_show_reports_leaves_without_folders() -> None:
    stage = Stage()
    stage.controls.declare(Parameter("preset/x/error", "s", "", "", read_only=True))
    stage.subscribe(ALICE)
    stage.controls.report("preset/x", "copy it to /srv/show/loras")
    stage.controls.publish("preset/x/error", "copy it to /srv/show/loras")
    stage.controls.set("prompt/a", "a sign that says /home/sweet/home")

    def refuses(_arguments: tuple[Value, ...], _origin: object) -> None:
        raise ArtflowError("no entry in /srv/show/presets.yaml")

    stage.controls.on("panic", refuses)
    stage.send(ALICE, "panic")
    stage.wait(1)
    heard = stage.heard(ALICE)
    assert errors(heard) == [
        ("/artflow/preset/x", "copy it to loras"),
        ("/artflow/panic", "no entry in presets.yaml"),
    ]
    assert ("preset/x/error", ("copy it to loras",)) in heard
    # what a performer wrote is the performer's
    assert ("prompt/a", ("a sign that says /home/sweet/home",)) in heard
    other = Address("10.0.0.5", 5005)
    stage.send(other, "/elsewhere/of/mine")
    assert "'/elsewhere/of/mine'" in str(errors(stage.heard(other)))


class Moody(Parameter):
    """A parameter that refuses for a reason of the show, or fails."""

    def coerce(self, raw: object) -> Value:
        if raw == 1.0:
            raise ControlError("copy it to /srv/show/loras")
        return int(1 / (2.0 - float(str(raw))))


def test_a_value_that_the_show_refuses_ends_nothing() -> None:
    stage = Stage()
    stage.controls.declare(Moody("moody", "f", 0.0, ""))
    stage.send(ALICE, "moody", 1.0)
    stage.send(ALICE, "moody", 2.0)
    told = [("/artflow/moody", "copy it to loras")]
    told += [("/artflow/moody", "this went wrong inside; the log says how")]
    assert errors(stage.heard(ALICE)) == told
