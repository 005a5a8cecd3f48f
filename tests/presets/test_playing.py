"""Presets and models as one part of a show, with mirrors of our own and no painter."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec
import pytest
import trio

from engine.controls import Controls
from engine.errors import ControlError, ModelError
from engine.mixing import Mix
from engine.motion import Motion
from engine.parameters import PARAMETERS
from presets import model_fetch, models, wanting
from presets.catalogue import PresetError
from presets.model_fetch import fetching_told
from presets.models import Catalogue, Model, ModelFile
from presets.playing import Playing, Stock
from presets.statistics import Statistics
from presets.wanted import Mirror, Wanted, WantedFile
from tests.helpers.mirror_server import Answer, MirrorServer, serving
from tests.helpers.program import ROOT

REHEARSAL = ROOT / "presets" / "models" / "rehearsal"
FILES = {
    str(path.relative_to(REHEARSAL)): path.read_bytes()
    for path in sorted(REHEARSAL.rglob("*"))
    if path.suffix in (".json", ".safetensors", ".txt")
}


def remote(id: str = "sd-turbo") -> Model:
    """A base model that a hub has: the bundled one under another name."""
    files = tuple(
        ModelFile(name, size=len(body), sha256=hashlib.sha256(body).hexdigest())
        for name, body in FILES.items()
    )
    return Model(
        id=id,
        name=id,
        description="",
        license="MIT",
        base="rehearsal",
        size=(256, 256),
        default_prompt="oil",
        repository="ours/turbo",
        files=files,
        about_gb=0.02,
    )


@pytest.fixture
async def hub(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[MirrorServer]:
    """A hub with one model, which is in the catalogue."""
    bundled = models.catalogue().model("rehearsal")
    assert bundled is not None
    known = Catalogue((bundled, remote()), ())
    for module, name in (
        (models, "catalogue"),
        (wanting, "model_catalogue"),
        (model_fetch, "model_catalogue"),
    ):
        monkeypatch.setattr(module, name, lambda: known)
    async with serving({f"/ours/turbo/{name}": body for name, body in FILES.items()}) as server:
        hubs = (("ours", lambda repo, file: server.url(f"/{repo}/{file}")),)
        monkeypatch.setattr(wanting, "HUBS", hubs)
        yield server


class Painter:
    def __init__(self) -> None:
        self.on_staged: Callable[[str], None] | None = None
        self.on_unfit: Callable[[str, str], None] | None = None
        self.on_dropped: Callable[[str], None] | None = None
        self.mixes: list[Mix] = []

    def blend(self, mix: Mix) -> None:
        self.mixes.append(mix)


class Part:
    """The part at work, and what it did and said."""

    def __init__(self, data: Path, asked: str = "") -> None:
        self.controls = Controls()
        self.controls.declare(*PARAMETERS)
        self.stock = Stock(data, (), asked)
        self.controls.set("painter/model", self.stock.model.id)
        self.motion = Motion(self.controls)
        self.painter = Painter()
        self.changed: list[str] = []
        self.notices: list[str] = []
        self.errors: list[str] = []
        self.states: list[str] = []
        self.told: list[tuple[str, str]] = []
        self.shares: list[float] = []
        self.controls.on_report(lambda _address, text, _origin: self.errors.append(text))
        self.controls.listen(self._heard)
        self.playing = Playing(
            self.controls,
            self.stock,
            self.painter,
            lambda model: self.changed.append(model.id),
            notice=self.notices.append,
            tell=lambda id, progress: self.told.append((id, progress.state)),
        )

    def _heard(self, change: object) -> None:
        name = change.parameter.name  # type: ignore[attr-defined]
        if name == "model/sd-turbo/state":
            self.states.append(change.value)  # type: ignore[attr-defined]
        if name == "model/sd-turbo/progress":
            self.shares.append(change.value)  # type: ignore[attr-defined]

    async def until(self, condition: Callable[[], object]) -> None:
        with trio.move_on_after(20):
            while not condition():
                await trio.sleep(0.01)
        assert condition(), (self.errors, self.notices, self.states, self.shares[-3:])


@asynccontextmanager
async def playing(data: Path, asked: str = "") -> AsyncIterator[Part]:
    part = Part(data, asked)
    async with trio.open_nursery() as nursery:
        await nursery.start(part.playing.run)
        yield part
        nursery.cancel_scope.cancel()


async def test_a_model_that_is_asked_for_at_the_start_comes_while_another_plays(
    tmp_path: Path, hub: MirrorServer
) -> None:
    async with playing(tmp_path, "sd-turbo") as part:
        assert part.playing.model.id == "rehearsal"
        await part.until(lambda: part.changed == ["sd-turbo"])
        assert part.playing.model.id == part.controls.get("painter/model") == "sd-turbo"
        await part.until(lambda: part.shares[-1:] == [1])  # ten times a second at most
    assert ("sd-turbo", "downloading") in part.told
    assert part.notices == ["fetching sd-turbo (about 0.02 GB)"]
    assert part.states[0] == "queued"
    assert part.states[-1] == "installed"
    assert {"resolving", "downloading", "verifying"} <= set(part.states)
    assert part.shares == sorted(part.shares)
    assert part.errors == []
    assert {request.path for request in hub.requests} == set(hub.files)
    for name, body in FILES.items():
        assert (tmp_path / "models/sd-turbo" / name).read_bytes() == body
    totals = Statistics(tmp_path).read().presets["sd-turbo"]
    assert (totals.downloads, totals.bytes) == (1, sum(map(len, FILES.values())))


async def test_what_is_here_is_told_and_not_fetched_again(
    tmp_path: Path, hub: MirrorServer
) -> None:
    async with playing(tmp_path) as part:
        part.controls.fire("model/download", ("sd-turbo",))
        await part.until(
            lambda: "sd-turbo is here; painter/model sd-turbo" in "".join(part.notices)
        )
        assert part.changed == [], "downloading is not changing"
        assert part.controls.get("painter/model") == "rehearsal"
    async with playing(tmp_path) as part:
        await part.until(lambda: part.controls.get("model/sd-turbo/state") == "installed")
        part.controls.fire("model/download", ("sd-turbo",))
        await part.until(lambda: part.notices)
        assert part.notices == ["sd-turbo is on this disk; there is nothing to fetch"]
    assert len(hub.requests) == len(FILES)


async def test_a_hub_without_it_leaves_what_plays(tmp_path: Path, hub: MirrorServer) -> None:
    hub.files.clear()
    async with playing(tmp_path, "sd-turbo") as part:
        await part.until(lambda: part.errors)
        assert "ours" in part.errors[0]
        assert part.controls.get("model/sd-turbo/state") == "failed"
        assert part.controls.get("painter/model") == "rehearsal"
        assert part.changed == []


async def test_a_fetch_can_be_stopped(tmp_path: Path, hub: MirrorServer) -> None:
    name = max(FILES, key=lambda name: len(FILES[name]))
    hub.always[f"/ours/turbo/{name}"] = Answer(trickle=(1024, 0.01))
    async with playing(tmp_path, "sd-turbo") as part:
        await part.until(lambda: part.controls.get("model/sd-turbo/state") == "downloading")
        part.controls.fire("model/cancel", ("sd-turbo",))
        await part.until(lambda: part.errors)
        assert part.controls.get("model/sd-turbo/state") == "cancelled"
        with pytest.raises(ModelError, match="not being fetched"):
            part.controls.fire("model/cancel", ("sd-turbo",))
        with pytest.raises(ModelError, match="allowed: sd-turbo"):
            part.controls.fire("model/download", ("nonsense",))
        with pytest.raises(ControlError, match="nothing has the number 9; allowed: 0 to 0"):
            part.controls.fire("model/cancel", (9,))


async def test_a_fetch_that_cannot_begin_is_told_and_ends_nothing(
    tmp_path: Path, hub: MirrorServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    def lacking(*_: object) -> None:
        raise PresetError("nowhere to be had")

    monkeypatch.setattr(model_fetch, "lacking", lacking)
    async with playing(tmp_path) as part:
        part.controls.fire("model/download", ("sd-turbo",))
        await part.until(lambda: part.errors == ["nowhere to be had"])
    assert not hub.requests


async def test_a_whole_model_gets_what_it_lacks_beside_it(
    tmp_path: Path, hub: MirrorServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(REHEARSAL, tmp_path / "models" / "sd-turbo")
    lacked = Wanted("taesd", tmp_path, (WantedFile("x", (Mirror("ours", hub.url("/x")),)),))
    hub.files["/x"] = b"1234"
    answers = [(lacked,), ()]
    monkeypatch.setattr(model_fetch, "lacking", lambda *_: answers.pop(0))
    async with playing(tmp_path, "sd-turbo") as part:
        assert part.playing.model.id == "sd-turbo"
        await part.until(lambda: len(part.notices) == 2)
    assert part.notices == [
        "fetching taesd",
        "sd-turbo is complete; what came is used from the next start",
    ]
    assert part.changed == []
    assert (tmp_path / "x").read_bytes() == b"1234"


def test_an_unknown_model_is_refused_at_the_start(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="unknown model 'sd-turbx'; did you mean sd-turbo"):
        Stock(tmp_path, (), "sd-turbx")


def test_what_is_fetched_is_said_in_one_line() -> None:
    turbo, tiny = Wanted("sd-turbo", Path(), ()), Wanted("taesd", Path(), ())
    assert (
        fetching_told("sd-turbo", [turbo, tiny]) == "fetching sd-turbo (about 2.6 GB), with taesd"
    )
    assert fetching_told("sd-turbo", [tiny]) == "fetching taesd"


def test_a_model_of_the_catalogue_has_a_size_to_tell() -> None:
    for model in models.catalogue().models:
        assert model.bundled or model.about_gb > 0
        assert msgspec.structs.asdict(model)["files"] or model.bundled
