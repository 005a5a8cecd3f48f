"""The words of `artflow presets`: commands and options. Each brings in its own part.

An `ArtflowError` is left to the front door, which makes one line of it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Protocol

import typer

app = typer.Typer(help="Style presets and base models: which there are, getting them.")


Data = Annotated[
    Path | None,
    typer.Option("--data", metavar="FOLDER", help="the data folder", show_default=False),
]
Catalogues = Annotated[
    list[Path] | None,
    typer.Option(
        "--presets", metavar="FILE", help="a catalogue on top; repeatable", show_default=False
    ),
]
PresetId = Annotated[str, typer.Argument(metavar="ID", show_default=False)]


class Session(Protocol):
    """What the front door gives to its commands as the context's object."""

    data: Path | None


def _data(context: typer.Context, data: Path | None) -> Path:
    """The data folder meant; what goes wrong is logged there."""
    from engine.data_folder import default_data_folder

    folder = data.absolute() if data else default_data_folder()
    session: Session = context.obj
    session.data = folder
    return folder


@app.command("list")
def list_entries(
    context: typer.Context,
    model: Annotated[
        str,
        typer.Option(metavar="ID|FOLDER", help="what fits it stands first", show_default=False),
    ] = "",
    presets: Catalogues = None,
    data: Data = None,
) -> None:
    """Style presets, accelerations and base models, and which are on this disk."""
    from presets.listing import print_presets

    print_presets(_data(context, data), presets or (), model)


@app.command("info")
def info(
    context: typer.Context, id: PresetId, presets: Catalogues = None, data: Data = None
) -> None:
    """All that is known of one: its files, their sizes, digests, licences, mirrors."""
    from presets.listing import print_info

    print_info(id, _data(context, data), presets or ())


@app.command("download")
def download(
    context: typer.Context,
    id: PresetId,
    model: Annotated[
        str,
        typer.Option(metavar="ID|FOLDER", help="the file that plays on it", show_default=False),
    ] = "",
    base: Annotated[
        str,
        typer.Option(
            metavar="rehearsal|sd15|sd21|sdxl",
            help="the file for such models (default: for the one that a show begins with)",
            show_default=False,
        ),
    ] = "",
    mirror: Annotated[
        int | None,
        typer.Option(
            metavar="N", min=0, help="the mirror to try first, from 0", show_default=False
        ),
    ] = None,
    presets: Catalogues = None,
    data: Data = None,
) -> None:
    """Fetch a preset, or a base model with all that it comes up with. Ctrl-C keeps what came."""
    from engine.data_folder import open_data_folder
    from engine.logs import open_log
    from presets import fetch_command
    from presets.catalogue import BASES

    if base not in ("", *BASES):
        context.fail(f"--base is {base!r}; allowed: {', '.join(BASES)}")
    if base and model:
        context.fail("--base stands beside --model; allowed: one of them")
    folder = open_data_folder(_data(context, data))
    open_log(folder.log_file)
    fetch_command.download(id, folder.root, presets or (), model=model, base=base, mirror=mirror)


@app.command("verify")
def verify(
    context: typer.Context,
    id: Annotated[str, typer.Argument(metavar="[ID]", show_default=False)] = "",
    presets: Catalogues = None,
    data: Data = None,
) -> None:
    """Read what is on this disk, all of it or of one, and compare the digests."""
    from presets.listing import verify_presets

    verify_presets(_data(context, data), id, presets or ())


@app.command("delete")
def delete(
    context: typer.Context, id: PresetId, presets: Catalogues = None, data: Data = None
) -> None:
    """Remove the files of a preset or a base model from this disk."""
    from presets.listing import delete_entry

    delete_entry(id, _data(context, data), presets or ())


@app.command("add")
def add(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(metavar="FILE.safetensors", show_default=False)],
    presets: Catalogues = None,
    data: Data = None,
) -> None:
    """Copy a LoRA file of your own into the library, if it can be played."""
    from presets.listing import add_file

    add_file(file, _data(context, data), presets or ())


@app.command("stats")
def stats(context: typer.Context, data: Data = None) -> None:
    """What was fetched, how fast and from where; what was played last."""
    from presets.listing import print_stats

    print_stats(_data(context, data))
