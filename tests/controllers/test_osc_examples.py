"""What lies under docs/examples plays a server and hears it, by the programs it is written for."""

from __future__ import annotations

import functools
import itertools
import json
import os
import re
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from controllers.osc_commands import COMMANDS as ASKING
from controllers.osc_wire import pack_message
from engine.controls import Controls, Value
from engine.id_trigger import IdTrigger
from engine.parameters import PARAMETERS, TRIGGERS
from presets.catalogue import Preset
from presets.control_table import Written, table
from presets.preset_controls import rows
from tests.helpers.catalogues import load_catalogue
from tests.helpers.osc import OscClient, Served, bundle, free_udp_port, serving
from tests.helpers.osc_programs import Peer, pure_data, super_collider, with_ports
from tests.helpers.tools import need_tool

EXAMPLES = Path(__file__).resolve().parents[2] / "docs" / "examples"
PATIENCE_S = 60.0
COMMANDS = {*ASKING, "error", "ack", "heartbeat"}

SCENES = tuple(f"scene-{number}" for number in range(1, 9))
GO = IdTrigger("scene/go", "go to a scene", "s[f", lambda: SCENES)


class Stage:
    """A server with the controls of a show, presets and scenes, that notes what is fired."""

    def __init__(self) -> None:
        self.controls: Controls = Written()
        others = (row for row in TRIGGERS if row.name != GO.name)
        self.controls.declare(*PARAMETERS, *others, GO)
        self.controls.declare(*(row for row in table() if row.name != "painter/model"))
        for id in ("anime", "watercolor"):
            self.controls.declare(*rows(Preset(id, id, ()), str))
        self.fired: list[tuple[str, tuple[Value, ...]]] = []
        for trigger in self.controls.triggers():
            self.controls.on(trigger.name, self._note(trigger.name))
        self.served: Served | None = None

    def _note(self, name: str) -> Callable[[tuple[Value, ...], object], None]:
        return lambda arguments, _origin: self.fired.append((name, arguments))

    @property
    def port(self) -> int:
        assert self.served is not None
        return self.served.port

    @property
    def received(self) -> int:
        assert self.served is not None
        return self.served.server.received

    def publish(self, name: str, value: Value) -> None:
        assert self.served is not None
        self.served.run(functools.partial(self.controls.publish, name, value))

    def until(self, condition: Callable[[], object], what: str) -> None:
        deadline = time.monotonic() + PATIENCE_S
        while not condition():
            assert time.monotonic() < deadline, f"no {what}; fired {self.fired}"
            time.sleep(0.01)

    def until_value(self, name: str, value: Value) -> None:
        wanted = pytest.approx(value) if isinstance(value, float) else value
        self.until(lambda: self.controls.get(name) == wanted, f"{name} = {value}")


@pytest.fixture
def stage() -> Iterator[Stage]:
    stage = Stage()
    with serving(stage.controls) as stage.served:
        yield stage


HEARER = """#N canvas 0 0 400 300 12;
#X obj 10 10 r artflow-heard;
#X obj 10 40 print heard;
#X obj 10 80 r artflow-progress;
#X obj 10 110 print progress;
#X connect 0 0 1 0;
#X connect 2 0 3 0;
"""


def test_the_pure_data_patch(stage: Stage, tmp_path: Path) -> None:
    patch = with_ports(EXAMPLES / "artflow.pd", tmp_path, plays=stage.port, hears=free_udp_port())
    hearer = tmp_path / "hearer.pd"
    hearer.write_text(HEARER)
    sends = [
        "artflow-strength 0.25",
        "artflow-prompt list a garden in the rain",
        "artflow-preset symbol anime",
        "artflow-scene 3",
        "artflow-scene-next bang",
        "artflow-panic bang",
    ]
    with pure_data(patch, hearer, sends=sends) as pd:
        pd.wait_for("heard: heartbeat 1")
        stage.until_value("paint/strength", 0.25)
        stage.until_value("prompt/a", "a garden in the rain")
        stage.until(lambda: len(stage.fired) == 4, "triggers")
        assert stage.fired == [
            ("preset/load", ("anime",)),
            ("scene/go", ("scene-4",)),
            ("scene/next", ()),
            ("panic", ()),
        ]
        stage.publish("preset/anime/progress", 0.5)
        pd.wait_for("^progress: 0.5$")
        stage.publish("painter/state", "painting")
        pd.wait_for("heard: painter state painting")
        with OscClient(stage.port) as other:
            other.send("/artflow/paint/strength", 0.75)
            pd.wait_for("heard: paint strength 0.75")
        assert not [line for line in pd.lines if line.startswith("error")]


def test_the_super_collider_file(stage: Stage, tmp_path: Path) -> None:
    with super_collider(with_ports(EXAMPLES / "artflow.scd", tmp_path, plays=stage.port)) as sclang:
        sclang.wait_for("the painter is starting")
        stage.until_value("prompt/a", "a lighthouse in fog")
        stage.until_value("paint/strength", 0.45)
        stage.until_value("output/brightness", 1.2)
        stage.until_value("output/contrast", 1.2)
        stage.until_value("paint/steps", 2)
        assert stage.controls.get("paint/seed") == 7
        stage.until_value("feedback/amount", 0.5)
        assert stage.fired == [("snapshot", ("from-supercollider",))]
        with OscClient(stage.port) as other:
            other.send("/artflow/paint/strength", 0.75)
        sclang.wait_for("strength is 0.75")
        stage.publish("painter/state", "painting")
        sclang.wait_for("the painter is painting")
        assert not [line for line in sclang.lines if "ERROR" in line or "refused" in line]


def test_the_python_file(stage: Stage) -> None:
    command = [sys.executable, str(EXAMPLES / "play_artflow.py"), "127.0.0.1", str(stage.port)]
    with Peer([*command, "3600"]) as python:
        # as it is; what this client sets itself meanwhile it need not be told
        python.wait_for(r"^/artflow/paint/guidance 1\.0$")
        python.wait_for("^/artflow/painter/state starting$")
        python.wait_for("^/artflow/ack python-1 snapshot 1$")
        assert not [line for line in python.lines if not re.match("/artflow/(?!error)", line)]
    values = [stage.controls.get(name) for name in ("prompt/a", "paint/seed", "paint/steps")]
    assert values == ["a lighthouse in fog", 7, 2]
    assert stage.fired == [("snapshot", ("from-python",))]
    # and it comes to its end by itself
    subprocess.run([*command, "0"], check=True, timeout=PATIENCE_S)


def test_the_shell_script(stage: Stage) -> None:
    need_tool("oscsend")
    mixes: list[Value] = []
    stage.controls.listen(
        lambda change: mixes.append(change.value) if change.parameter.name == "prompt/mix" else None
    )
    subprocess.run(
        ["sh", str(EXAMPLES / "artflow.sh"), "127.0.0.1", str(stage.port)],
        check=True,
        timeout=PATIENCE_S,
        env={"PATH": os.environ["PATH"], "PAUSE_S": "0"},
    )
    stage.until_value("prompt/mix", 1.0)
    # those that came together count as the newest of them
    assert mixes == sorted(mixes)
    assert set(mixes) <= {0.0, 0.25, 0.5, 0.75, 1.0}
    assert stage.received == 9
    assert stage.controls.get("prompt/b") == "the same lighthouse on fire"
    assert stage.controls.get("output/contrast") == pytest.approx(1.2)
    assert stage.fired == [("snapshot", ("from-a-shell",))]


# Max: there is none here, so its file is checked for what Max needs of it

MAX_BOXES = {
    # class to inlets, outlets; None: by its text
    "comment": (1, 0),
    "message": (2, 1),
    "textedit": (1, 4),
    "slider": (1, 1),
    "umenu": (1, 3),
    "tab": (1, 3),
    "flonum": (1, 2),
}
MAX_OBJECTS = {
    "udpsend": (1, 0),
    "udpreceive": (1, 1),
    "prepend": (1, 1),
    "tosymbol": (1, 1),
    "loadbang": (1, 1),
    "metro": (2, 1),
    "print": (1, 0),
    "s": (1, 0),
    "r": (0, 1),
}


def max_patch() -> tuple[dict[str, dict[str, Any]], list[tuple[list[Any], list[Any]]]]:
    """The boxes by id, and (source, destination) of each line."""
    patcher = json.loads((EXAMPLES / "artflow.maxpat").read_text("utf-8"))["patcher"]
    assert patcher["fileversion"] == 1
    assert patcher["classnamespace"] == "box"
    assert set(patcher["appversion"]) >= {"major", "minor", "revision", "architecture"}
    boxes = [entry["box"] for entry in patcher["boxes"]]
    lines = [entry["patchline"] for entry in patcher["lines"]]
    by_id = {box["id"]: box for box in boxes}
    assert len(by_id) == len(boxes)
    return by_id, [(line["source"], line["destination"]) for line in lines]


def max_ends(box: dict[str, Any]) -> tuple[int, int]:
    """Inlets and outlets that Max gives such a box."""
    if box["maxclass"] != "newobj":
        return MAX_BOXES[box["maxclass"]]
    name, *arguments = box["text"].split()
    # since Max 6 every argument of route has an inlet
    return (len(arguments) + 1,) * 2 if name == "route" else MAX_OBJECTS[name]


def test_the_max_patch_is_whole() -> None:
    boxes, lines = max_patch()
    for box in boxes.values():
        assert (box["numinlets"], box["numoutlets"]) == max_ends(box), box
        assert len(box.get("outlettype", [])) == box["numoutlets"], box
        assert len(box["patching_rect"]) == 4
        assert all(isinstance(side, float) for side in box["patching_rect"])
    for (source, outlet), (destination, inlet) in lines:
        assert 0 <= outlet < boxes[source]["numoutlets"]
        assert 0 <= inlet < boxes[destination]["numinlets"]
    assert len({repr(line) for line in lines}) == len(lines)
    joined = {end[0] for line in lines for end in line}
    assert {id for id, box in boxes.items() if id not in joined} == {
        id for id, box in boxes.items() if box["maxclass"] == "comment"
    }


def test_the_max_patch_plays_and_shows_what_it_shall() -> None:
    boxes, lines = max_patch()
    leads: dict[str, set[str]] = defaultdict(set)
    for (source, _), (destination, _) in lines:
        leads[source].add(destination)

    def reached(start: str) -> set[str]:
        found, new = set[str](), {start}
        while new:
            found |= new
            new = {after for id in new for after in leads[id]} - found
        return {str(boxes[id].get("text", boxes[id]["maxclass"])) for id in found}

    ways = {str(id): reached(id) for id in boxes}
    sends = {"s artflow-out"}
    by_class = {boxes[id]["maxclass"]: way for id, way in ways.items()}
    assert {"prepend /artflow/prompt/a", "tosymbol"} | sends <= by_class["textedit"]
    assert {"prepend /artflow/preset/load"} | sends <= by_class["umenu"]
    assert {"prepend /artflow/scene/go"} | sends <= by_class["tab"]
    texts = {
        str(box.get("text")): way for box, way in zip(boxes.values(), ways.values(), strict=True)
    }
    assert "udpsend 127.0.0.1 9000" in texts["r artflow-out"]
    assert "udpsend 127.0.0.1 9000" in texts["/artflow/subscribe 9001"]
    assert {"slider", "flonum", "print artflow-error"} <= texts["udpreceive 9001"]
    [menu] = [box for box in boxes.values() if box["maxclass"] == "umenu"]
    ids = [item for item in menu["items"] if item != ","]
    assert menu["items"] == [word for id in ids for word in (id, ",")][:-1]
    [progress] = [text for text in texts if text.startswith("route /artflow/preset/")]
    assert progress.split()[1:] == [f"/artflow/preset/{id}/progress" for id in ids]


def test_every_address_of_the_examples_is_a_control(tmp_path: Path) -> None:
    """And every preset named is in the bundled catalogue."""
    controls = Stage().controls
    known = {row.name for row in controls.parameters()}
    known |= {row.name for row in controls.triggers()} | COMMANDS
    catalogue, _ = load_catalogue(tmp_path)
    ids = set(catalogue.ids())
    for file in sorted(EXAMPLES.iterdir()):
        text = file.read_text("utf-8")
        # (a pattern stands for many; what is put together by the example is seen when it plays)
        for name in re.findall(r"/artflow/([a-z0-9/-]++)(?![{])", text):
            preset = re.fullmatch(r"preset/([a-z0-9-]+)/progress", name)
            assert preset[1] in ids if preset else name in known, (file.name, name)
        for words in re.findall(r"oscformat artflow ([a-z ]+);", text):
            assert words.replace(" ", "/") in known, words
        for id in re.findall(r"#X msg \S+ \S+ symbol (\S+);", text):
            assert id in ids


# TouchDesigner: there is none here, so its operators are stood in for


class Table:
    """What the callbacks use of a Table DAT."""

    def __init__(self) -> None:
        self.rows: list[list[object]] = []

    @property
    def numRows(self) -> int:  # noqa: N802
        return len(self.rows)

    def row(self, name: str) -> list[object] | None:
        return next((row for row in self.rows if row[0] == name), None)

    def appendRow(self, row: list[object]) -> None:  # noqa: N802
        self.rows.append(row)

    def replaceRow(self, name: str, row: list[object]) -> None:  # noqa: N802
        self.rows[[each[0] for each in self.rows].index(name)] = row

    def deleteRow(self, index: int) -> None:  # noqa: N802
        del self.rows[index]


class OscOut:
    """What the callbacks use of an OSC Out DAT: it sends by a client's socket."""

    def __init__(self, client: OscClient) -> None:
        self._client = client

    def sendOSC(self, *messages: Any, asBundle: bool = False) -> None:  # noqa: N802, N803
        packets = [
            pack_message(address, *values)
            for address, values in zip(messages[::2], messages[1::2], strict=True)
        ]
        for packet in [bundle(1, *packets)] if asBundle else packets:
            self._client.send_bytes(packet)


def test_the_touch_designer_callbacks(stage: Stage) -> None:
    with OscClient(stage.port) as hears, OscClient(stage.port) as sends:
        values, problems = Table(), Table()
        operators = {"oscout": OscOut(sends), "values": values, "problems": problems}
        module: Any = ModuleType("artflow")
        module.op = operators.__getitem__
        exec((EXAMPLES / "touchdesigner_callbacks.py").read_text("utf-8"), module.__dict__)
        module.HEARS_ON = hears.port

        def until(name: str, value: object) -> None:
            row = None
            while row is None or row[1] != value:
                message = hears.receive()
                assert message is not None, (name, values.rows)
                dat, address, args = object(), message.address, list(message.args)
                module.onReceiveOSC(dat, 0, address, b"", 0.0, address, args, object())
                row = values.row(name)

        module.stay_subscribed(100.0)
        until("paint/strength", 0.5)
        until("heartbeat", 1)
        module.play("prompt/a", "a garden")
        module.play_together({"paint/seed": 9, "paint/steps": 3})
        module.play("snapshot")
        stage.until(lambda: stage.fired == [("snapshot", ())], "snapshot")
        assert stage.controls.get("prompt/a") == "a garden"
        assert (stage.controls.get("paint/seed"), stage.controls.get("paint/steps")) == (9, 3)
        stage.publish("painter/state", "painting")
        until("painter/state", "painting")
        for number in range(25):
            problem = [f"/x/{number}", "no such thing"]
            module.onReceiveOSC(None, 0, "", b"", 0.0, "/artflow/error", problem, None)
        assert [row[0] for row in problems.rows] == [f"/x/{n}" for n in range(5, 25)]
        # every ten seconds, and at once where the clock starts anew
        asked = [stage.received]
        for now_s in (105.0, 110.0, 2.0, 11.0):
            module.stay_subscribed(now_s)
            hears.settle()
            asked.append(stage.received)
        pings = [later - earlier - 1 for earlier, later in itertools.pairwise(asked)]
        assert pings == [0, 1, 1, 0]
