"""How the fetching of base models is told, with downloads that get on when they are told to."""

from __future__ import annotations

from pathlib import Path

import pytest
import trio

from engine.controls import Controls
from presets import model_fetch
from presets.catalogue import Catalogue
from presets.model_fetch import ModelFetch
from presets.wanted import Progress, State, Wanted
from tests.presets.switching import settled

ARRIVING: tuple[State, ...] = ("queued", "resolving", "downloading", "verifying")
MODEL, TINY = Wanted("sd-turbo", Path(), ()), Wanted("taesd", Path(), ())


class Download:
    def __init__(self) -> None:
        self.ended = trio.Event()
        self.last = Progress()

    async def wait(self) -> Progress:
        await self.ended.wait()
        return self.last


class Rig:
    """A fetch whose downloads are played by hand, and all that it told."""

    def __init__(self) -> None:
        self.controls = Controls()
        self.states: list[tuple[str, str]] = []
        self.told: list[tuple[str, str]] = []
        self.notices: list[str] = []
        self.reports: list[str] = []
        self.downloads: dict[str, Download] = {}
        self.fetch = ModelFetch(
            self.controls,
            self,
            Catalogue,
            Path("data"),
            notice=self.notices.append,
            tell=lambda id, progress: self.told.append((id, progress.state)),
        )
        self.controls.on_report(lambda _address, text, _origin: self.reports.append(text))
        self.controls.listen(self._heard)

    def _heard(self, change: object) -> None:
        id, _, aspect = change.parameter.name.removeprefix("model/").partition("/")  # type: ignore[attr-defined]
        if aspect == "state":
            self.states.append((id, change.value))  # type: ignore[attr-defined]

    def want(self, wanted: Wanted) -> Download:
        if wanted.id not in self.downloads:
            self.downloads[wanted.id] = Download()
            self.fetch.heard(wanted.id, Progress("queued"))
        return self.downloads[wanted.id]

    def cancel(self, id: str) -> bool:
        return id in self.downloads

    async def get_on(self, id: str, *states: State) -> None:
        """As the downloader tells it: a final state ends the download."""
        for state in states:
            progress = Progress(state, error="no mirror" if state == "failed" else "")
            self.fetch.heard(id, progress)
            if state in ("installed", "failed", "cancelled"):
                download = self.downloads.pop(id)
                download.last = progress
                download.ended.set()
        await settled()


@pytest.fixture
async def rig(monkeypatch: pytest.MonkeyPatch, nursery: trio.Nursery) -> Rig:
    monkeypatch.setattr(model_fetch, "lacking", lambda *_: (MODEL, TINY))
    monkeypatch.setattr(model_fetch, "_here", lambda _: [])
    rig = Rig()
    await nursery.start(rig.fetch.run)
    return rig


async def begun(rig: Rig, times: int = 1) -> None:
    """Ask for it; the disk is looked at by a worker thread."""
    rig.fetch.download("sd-turbo")
    with trio.fail_after(20):
        while len(rig.notices) < times:
            await trio.sleep(0.001)


@pytest.mark.parametrize("end", ["installed", "failed", "cancelled"])
async def test_every_state_is_told_in_order_and_the_telling_ends_with_the_fetch(
    rig: Rig, end: State
) -> None:
    await begun(rig)
    await rig.get_on("sd-turbo", *ARRIVING[1:], end)
    for told in (rig.states, rig.told):
        assert [state for id, state in told if id == "sd-turbo"] == [*ARRIVING, end]
    await rig.get_on("taesd", "resolving", "installed")
    before = list(rig.told)
    rig.fetch.heard("taesd", Progress("queued"))  # fetched again, and no model waits for it
    assert rig.told == before
    assert rig.states[-1] == ("taesd", "queued"), "whoever asks for its state is told all the same"


async def test_another_model_that_needs_the_same_part_takes_nothing_from_the_first(
    rig: Rig,
) -> None:
    await begun(rig)
    await rig.get_on("taesd", *ARRIVING[1:], "installed")
    await begun(rig, 2)  # taesd is lacking again, by then
    await rig.get_on("sd-turbo", *ARRIVING[1:], "installed")
    assert rig.notices[2:] == ["sd-turbo is here; painter/model sd-turbo changes to it"]
    await rig.get_on("taesd", *ARRIVING[1:], "failed")
    assert rig.reports == ["no mirror; sd-turbo comes up without taesd"]
    assert len(rig.notices) == 4


async def test_what_was_here_at_the_start_takes_no_state_of_a_fetch(
    monkeypatch: pytest.MonkeyPatch, nursery: trio.Nursery
) -> None:
    looking = trio.Event()

    async def slowly(*_: object, **__: object) -> list[str]:
        await looking.wait()
        return ["sd-turbo", "taesd"]

    rig = Rig()
    monkeypatch.setattr(trio.to_thread, "run_sync", slowly)
    await nursery.start(rig.fetch.run)
    rig.want(MODEL)
    await rig.get_on("sd-turbo", "failed")
    looking.set()
    await settled()
    assert rig.controls.get("model/sd-turbo/state") == "failed"
    assert rig.controls.get("model/taesd/state") == "installed"
