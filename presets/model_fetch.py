"""Fetching base models: what one lacks comes from its mirrors while another plays."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Protocol

import trio

from engine.controls import Controls
from engine.errors import ArtflowError, ModelError
from presets.catalogue import Catalogue
from presets.model_controls import control, fetchable, rows, triggers
from presets.models import Model, ModelChoice, TinyAutoencoder, find_model
from presets.models import catalogue as model_catalogue
from presets.preset_progress import ProgressBoard
from presets.wanted import FINAL, Progress, Wanted
from presets.wanting import is_here, lacking


def begin_with(asked: str, catalogue: Catalogue, data: Path) -> tuple[ModelChoice, str]:
    """The model a show begins with, and the id of the one to fetch meanwhile ("" for none).

    Blocks. Raises `ModelError`: unknown, or not to be had.
    """
    try:
        return find_model(asked, data), ""
    except ModelError:
        if not lacking(asked, catalogue, data):
            raise
        return find_model("", data), asked


class Fetching(Protocol):
    """As `presets.download.Download`: `wait` returns how it ended."""

    async def wait(self) -> Progress: ...


class Downloads(Protocol):
    """As `presets.download.Downloader`."""

    def want(self, wanted: Wanted) -> Fetching: ...
    def cancel(self, id: str) -> bool: ...


class ModelFetch:
    """Brings base models onto this disk, and tells how that stands on `model/<id>/*`.

    `heard` is told of downloads; those of presets pass through unseen, unless a model needs one.
    `tell` hears of what models need, until that is here or has failed, for the terminal, and
    `on_installed` of each that has come. `run` brings the numbers that had to wait.
    """

    def __init__(
        self,
        controls: Controls,
        downloads: Downloads,
        catalogue: Callable[[], Catalogue],
        data: Path,
        *,
        notice: Callable[[str], None],
        tell: Callable[[str, Progress], None] = lambda _id, _progress: None,
        on_installed: Callable[[str], None] = lambda _id: None,
    ) -> None:
        self._controls, self._downloads = controls, downloads
        self._catalogue, self._data, self._notice, self._tell = catalogue, data, notice, tell
        self._on_installed = on_installed
        known = model_catalogue()
        self._models = tuple(model.id for model in known.models if model.repository)
        self._ids = fetchable(known)
        self._board = ProgressBoard(controls, control)
        self._needed: set[str] = set()  # by a model, and under way
        self._asked, self._to_fetch = trio.open_memory_channel[tuple[str, object]](64)
        for id in self._ids:
            controls.declare(*rows(id))
        controls.declare(*triggers(self._ids))
        controls.on("model/download", lambda given, origin: self.download(str(given[0]), origin))
        controls.on("model/cancel", lambda given, _origin: self.cancel(str(given[0])))

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Work until cancelled."""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._board.run)
            nursery.start_soon(self._look)
            task_status.started()
            async for id, origin in self._to_fetch:
                nursery.start_soon(self._download, id, origin)

    async def _look(self) -> None:
        """Tell what is here already."""
        here = await trio.to_thread.run_sync(_here, self._data, abandon_on_cancel=True)
        for id in here:
            if self._controls.get(control(id, "state")) == "absent":
                self._controls.publish(control(id, "state"), "installed")
                self._controls.publish(control(id, "progress"), 1.0)

    def download(self, id: str, origin: object = None) -> None:
        """Fetch what it lacks, and stay with the model that runs. Raises `ModelError`."""
        if id not in self._models:
            raise ModelError(f"{id!r} cannot be fetched; allowed: {_list(self._models)}")
        try:
            self._asked.send_nowait((id, origin))
        except trio.WouldBlock:
            raise ModelError(f"{id}: too many downloads are being begun; ask again") from None

    def cancel(self, id: str) -> None:
        """Stop fetching it. Raises `ModelError` where it is not being fetched."""
        if id not in self._ids or not self._downloads.cancel(id):
            raise ModelError(f"{id!r} is not being fetched; there is nothing to cancel")

    async def _download(self, id: str, origin: object) -> None:
        try:
            if await self.get(id):
                self._notice(f"{id} is here; painter/model {id} changes to it")
            else:
                self._notice(f"{id} is on this disk; there is nothing to fetch")
        except ArtflowError as error:
            self._controls.report("model/download", str(error), origin)

    async def complete(self, id: str) -> None:
        """Fetch what the running model lacks, such as its tiny autoencoder, for the next start."""
        try:
            if await self.get(id):
                self._notice(f"{id} is complete; what came is used from the next start")
        except ArtflowError as error:
            self._controls.report(f"model/{id}", str(error))

    async def get(self, id: str) -> bool:
        """Wait until all that `id` lacks is here; whether anything was lacking.

        Without its tiny autoencoder or its acceleration a model plays, too: it is said and done
        without. Raises `ModelError` where the model itself did not come.
        """
        wanted = await trio.to_thread.run_sync(
            lacking, id, self._catalogue(), self._data, abandon_on_cancel=True
        )
        if wanted:
            self._notice(fetching_told(id, wanted))
        self._needed.update(each.id for each in wanted)
        fetches = [(each.id, self._downloads.want(each)) for each in wanted]
        for part, fetching in fetches:
            progress = await fetching.wait()
            if progress.state == "installed":
                continue
            reason = progress.error or f"{part}: {progress.state}"
            if part == id and progress.state == "cancelled":
                raise ModelError(f"{id}: {reason}")
            if part == id:
                raise ModelError(f"{id} did not come: {reason}; asked for again, it goes on")
            self._controls.report(f"model/{id}", f"{reason}; {id} comes up without {part}")
        return bool(wanted)

    def heard(self, id: str, progress: Progress) -> None:
        """The newest word on a download."""
        if id in self._needed:
            self._tell(id, progress)
            if progress.state in FINAL:
                self._needed.discard(id)
        if id in self._ids:
            self._controls.publish(control(id, "state"), progress.state)
            self._controls.publish(control(id, "error"), progress.error)
            self._board.tell(id, progress)
            if progress.state == "installed":
                self._on_installed(id)


def _here(data: Path) -> list[str]:
    known = model_catalogue()
    entries: list[Model | TinyAutoencoder] = [*known.models, *known.tiny_autoencoders]
    return [entry.id for entry in entries if entry.repository and is_here(entry, data)]


def fetching_told(id: str, wanted: Sequence[Wanted]) -> str:
    """The line that says what is being fetched for a model."""
    model = model_catalogue().model(id)
    size = f" (about {model.about_gb:g} GB)" if model and wanted[0].id == id else ""
    others = [each.id for each in wanted if each.id != id]
    beside = f", with {_list(others)}" if others and size else _list(others)
    return f"fetching {id if size else ''}{size}{beside}"


def _list(ids: Iterable[str]) -> str:
    return ", ".join(ids)
