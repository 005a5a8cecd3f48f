"""The words of `artflow scenes`: commands and options. Each brings in its own part.

An `ArtflowError` is left to the front door, which makes one line of it.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Protocol

import typer

if TYPE_CHECKING:
    from engine.controls import Controls, Parameter, Trigger
    from scenes.shelf import Shelf

app = typer.Typer(help="Scenes: which there are, checking their files.")

Data = Annotated[
    Path | None,
    typer.Option("--data", metavar="FOLDER", help="the data folder", show_default=False),
]
Scenes = Annotated[
    Path | None,
    typer.Option(
        "--scenes", metavar="FOLDER", help="scenes beside the bundled ones", show_default=False
    ),
]
Catalogues = Annotated[
    list[Path] | None,
    typer.Option(
        "--presets", metavar="FILE", help="a catalogue on top; repeatable", show_default=False
    ),
]


class Session(Protocol):
    """What the front door gives to its commands as the context's object."""

    data: Path | None

    def table(self) -> tuple[Parameter | Trigger, ...]:
        """Every control there is; `<id>` stands for each preset, model and MIDI device."""

    def known(self, data: Path, catalogues: Iterable[Path]) -> Controls:
        """The controls as a show has them: with every preset's of these catalogues."""


@app.command("list")
def list_scenes(
    context: typer.Context,
    scenes: Scenes = None,
    presets: Catalogues = None,
    data: Data = None,
) -> None:
    """Scenes by number and name, and set lists: those that come along, and your own."""
    from scenes.listing import print_scenes
    from scenes.shelf import BUNDLED

    shelf, _ = _shelf(context, scenes, presets, data)
    origins = {folder: str(folder) for folder in shelf.folders} | {BUNDLED: "bundled"}
    print_scenes(shelf, origins | {shelf.folders[-1]: "yours"})


@app.command("check")
def check(
    context: typer.Context,
    files: Annotated[
        list[Path] | None, typer.Argument(metavar="[FILE]...", show_default=False)
    ] = None,
    scenes: Scenes = None,
    presets: Catalogues = None,
    data: Data = None,
) -> None:
    """What is wrong in a scene or set list, line by line; without a FILE, in all there are."""
    from engine.logs import complain
    from scenes.listing import check_file, counted, say

    shelf, controls = _shelf(context, scenes, presets, data)
    problems: list[str] = []
    if not files:
        problems = list(shelf.check())
        counts = f"{counted(len(shelf.names()), 'scene')}, "
        counts += counted(len(shelf.set_lists()), "set list")
        say(f"{counts}: {counted(len(problems), 'problem') if problems else 'no problems'}")
    for file in files or ():
        told, wrong = check_file(file, shelf, controls)
        problems += wrong
        if told:
            say(f"{told}; no problems" if not wrong else told)
    for problem in problems:
        complain(problem)
    raise typer.Exit(1 if problems else 0)


@app.command("schema")
def schema(context: typer.Context) -> None:
    """The JSON schema of scene files, for editors."""
    from scenes.schema import as_json

    session: Session = context.obj
    print(as_json(session.table()), end="")


def _shelf(
    context: typer.Context, scenes: Path | None, presets: list[Path] | None, data: Path | None
) -> tuple[Shelf, Controls]:
    from engine.data_folder import default_data_folder
    from scenes.shelf import BUNDLED, Shelf

    session: Session = context.obj
    session.data = folder = data.absolute() if data else default_data_folder()
    controls = session.known(folder, presets or ())
    folders = [BUNDLED, *([scenes.absolute()] if scenes else [])]
    return Shelf(folders, controls, folder / "scenes"), controls
