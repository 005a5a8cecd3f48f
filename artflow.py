"""The front door: `artflow`, its commands and its options.

Only what the words on the command line need is imported; each command brings in its own part, so
that a show's window is there within a second.
"""

from __future__ import annotations

import contextlib
import difflib
import functools
import inspect
import logging
import os
import sys
import warnings
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from engine.errors import ArtflowError
from engine.option_table import OPTIONS, Option
from presets.command_line import app as presets_app
from scenes.command_line import app as scenes_app

log = logging.getLogger("artflow")

GLOBAL_OPTIONS: Final = ("--help", "-h", "--version")
USAGE_ERROR: Final[Any] = typer.BadParameter.__mro__[1]
"""Typer's class of errors in usage, which it does not export by a name of its own."""


class BadUsage(ArtflowError):
    """The command line asks for something that it cannot ask for."""


@dataclass
class Session:
    """What one call of `main` knows should something go wrong: where its log belongs."""

    data: Path | None = None

    def table(self) -> tuple[Any, ...]:
        return _table()

    def known(self, data: Path, catalogues: Iterable[Path]) -> Any:
        """The controls as a show has them: with every preset's of these catalogues."""
        from engine.controls import Controls
        from presets.control_table import preset_rows
        from presets.listing import opened

        controls = Controls()
        controls.declare(*(row for row in _table() if "<" not in row.name))
        controls.declare(*preset_rows(opened(data, catalogues).snapshot.catalogue.presets))
        return controls


app = typer.Typer(
    help="A live instrument for realtime diffusion pictures.",
    epilog="Without a command, the show runs: artflow --source camera. "
    "All its options: artflow run --help",
    add_completion=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.add_typer(presets_app, name="presets")
app.add_typer(scenes_app, name="scenes")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; the exit code: 0 clean, 1 could not run, 2 bad usage.

    Whatever goes wrong becomes one line on stderr; its traceback goes into the log.
    """
    from engine.logs import close_log, complain, one_line

    given = with_command(sys.argv[1:] if arguments is None else arguments)
    session = Session()
    try:
        code = typer.main.get_command(app).main(
            given, prog_name="artflow", standalone_mode=False, obj=session
        )
        sys.stdout.flush()
        return int(code or 0)
    except USAGE_ERROR as error:
        topic = given[0] if given and given[0] in command_names() else ""
        complain(f"{error.format_message().rstrip('.')}; see artflow {f'{topic} '.lstrip()}--help")
        return 2
    except BadUsage as error:
        complain(str(error))
        return 2
    except BrokenPipeError:
        # whoever read our output left; without this, Python complains as it flushes at exit
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1  # as Typer does where it meets this first
    except (KeyboardInterrupt, typer.Abort):
        _hush()
        return 130
    except Exception as error:
        where = _record(error, session)
        if isinstance(error, ArtflowError):
            complain(str(error))
        else:
            details = f"; details: {where}" if where else ""
            complain(one_line(f"unforeseen trouble: {type(error).__name__}: {error}{details}"))
        return 1
    except BaseExceptionGroup:  # Ctrl-C once more, while the first was being heard
        _hush()
        return 130
    finally:
        close_log()


def _hush() -> None:
    """What Ctrl-C cut short complains as it is thrown away (a coroutine that never began)."""
    warnings.simplefilter("ignore", RuntimeWarning)


def command_names() -> list[str]:
    """The words that may come first."""
    commands = [str(command.name) for command in app.registered_commands]
    return commands + [str(group.name) for group in app.registered_groups]


def with_command(arguments: Sequence[str]) -> list[str]:
    """`arguments` with `run` in front, where they start with no command."""
    given = list(arguments)
    if given and (given[0] in GLOBAL_OPTIONS or given[0] in command_names()):
        return given
    return ["run", *given]


def _record(error: Exception, session: Session) -> Path | None:
    """Put the traceback into the log, wherever one can be had; where that is."""
    from engine.data_folder import open_data_folder
    from engine.logs import log_path, open_log

    if log_path() is None:
        with contextlib.suppress(ArtflowError):
            open_log(open_data_folder(session.data).log_file)
    log.error("the program ends: %s", error, exc_info=error)
    return log_path()


@app.callback(invoke_without_command=True)
def artflow(
    version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
) -> None:
    if version:
        from engine.version import show_version

        print(f"artflow {show_version()}")
        raise typer.Exit


# the show


def run(context: typer.Context, **written: Any) -> None:
    """Run the show: a picture source, painted live, played over OSC."""
    from engine.data_folder import open_data_folder
    from engine.logs import complain, notice, open_log
    from engine.options import assemble, idle_notes, read

    show_text = written.pop("show_file")
    line, problems = read(_given(written), lambda name: f"--{name}")
    if problems:
        raise BadUsage("\n".join(problems))
    session: Session = context.obj
    session.data = line.get("data")  # type: ignore[assignment]  # `read` made it a Path
    show_file = Path(show_text) if show_text else None
    file, faults = _show_values(show_file)
    options = assemble(file, line, show_file)
    session.data = options.data
    open_log(open_data_folder(options.data).log_file)
    for fault in faults:
        told = f"{fault}; left out, the rest of the show runs"
        log.warning("%s", told)
        complain(told)
    for note in idle_notes({**file, **line}):
        notice(note)

    from artflow_show import run_show

    raise typer.Exit(run_show(options))


def _given(written: Mapping[str, Any]) -> dict[str, Any]:
    """What stood on the command line, by option name; the rest is None, False or empty."""
    return {
        name.replace("_", "-"): list(raw) if isinstance(raw, (list, tuple)) else raw
        for name, raw in written.items()
        if raw is not None and raw is not False and raw not in ((), [])
    }


def _show_values(show_file: Path | None) -> tuple[dict[str, object], list[str]]:
    """What the show file sets, and the lines it is wrong in."""
    if show_file is None:
        return {}, []
    from scenes.show import read_show

    if not show_file.suffix and not show_file.exists():
        near = difflib.get_close_matches(str(show_file), command_names(), n=1)
        hint = f"did you mean {near[0]}? " if near else ""
        allowed = ", ".join(command_names())
        raise BadUsage(f"unknown command {str(show_file)!r}; {hint}allowed: {allowed}, SHOW.yaml")
    show = read_show(show_file, _written())
    return show.options, show.problems


def _written() -> Any:
    """The controls as files may name them."""
    from presets.control_table import Written

    controls = Written()
    controls.declare(*_table())
    return controls


def _table() -> tuple[Any, ...]:
    """Every control there is; `<id>` stands for each preset, model and MIDI device."""
    from controllers.midi_map import device_rows
    from engine.parameters import PARAMETERS, TRIGGERS
    from presets.control_table import ANY, table

    return (*PARAMETERS, *TRIGGERS, *table(), *device_rows(ANY))


def _show_signature() -> inspect.Signature:
    """The signature that Typer reads `run`'s options from: the table's rows."""
    keyword = inspect.Parameter.KEYWORD_ONLY
    show_help = "options written down: source: camera, and so on; those given here win"
    argument = Annotated[str | None, typer.Argument(metavar="SHOW.yaml", help=show_help)]
    parameters = [
        inspect.Parameter("context", keyword, annotation=typer.Context),
        inspect.Parameter("show_file", keyword, default=None, annotation=argument),
    ]
    for row in OPTIONS:
        name = row.name.replace("-", "_")
        default = None if row.metavar else False
        parameters.append(inspect.Parameter(name, keyword, default=default, annotation=_typed(row)))
    return inspect.Signature(parameters)


def _typed(row: Option) -> Any:
    later = " (in a later version)" if row.later else ""
    info = typer.Option(
        f"--{row.name}",
        help=f"{row.help}{later}",
        rich_help_panel=row.group,
        show_default=False,
        metavar=row.metavar or " ",  # or else a flag is called <bool>
    )
    if not row.metavar:
        return Annotated[bool, info]
    return Annotated[list[str] | None, info] if row.many else Annotated[str | None, info]


run.__signature__ = _show_signature()  # type: ignore[attr-defined]
app.command("run")(run)


# what there is


@app.command("devices")
def devices(
    midi: Annotated[
        list[Path] | None,
        typer.Option(metavar="MAP.yaml", help="as in a show; repeatable", show_default=False),
    ] = None,
    data: Annotated[
        Path | None,
        typer.Option(metavar="FOLDER", help="whose learned maps count", show_default=False),
    ] = None,
) -> None:
    """Cameras, displays, MIDI ports and which map plays each, compute devices of this machine."""
    from controllers.midi_listing import port_rows
    from controllers.midi_shelf import read_maps
    from engine.data_folder import default_data_folder
    from engine.devices import print_devices
    from engine.logs import complain

    def midi_rows() -> list[tuple[str, ...]]:
        folder = (data or default_data_folder()) / "midi"
        maps, problems = read_maps(midi or (), folder, _written())
        for problem in problems:
            complain(problem)
        return [*port_rows(maps)]

    print_devices(midi_rows)


@app.command("controls")
def controls(
    format: Annotated[
        str | None, typer.Option(metavar="md|json", help="instead of a table", show_default=False)
    ] = None,
) -> None:
    """Every control: its address, type, range, default and what it does."""
    from engine import reference

    writers = {"md": reference.as_markdown, "json": reference.as_json}
    if format is None:
        reference.print_controls(_table())
    elif format in writers:
        print(writers[format](_table()), end="")
    else:
        raise BadUsage(f"--format is {format!r}; allowed: md or json")


@app.command("doctor")
def doctor(
    json: Annotated[bool, typer.Option("--json", help="for tools")] = False,
    data: Annotated[Path | None, typer.Option(metavar="FOLDER", show_default=False)] = None,
    model: Annotated[str, typer.Option(metavar="ID|FOLDER", show_default=False)] = "",
    osc_host: Annotated[str, typer.Option(metavar="H")] = "127.0.0.1",
    osc_port: Annotated[int, typer.Option(metavar="N", min=0, max=65535)] = 9000,
) -> None:
    """Whether a show can run here; each finding says what to do. Exit code 1 if it cannot."""
    from controllers.midi_listing import input_names
    from engine import doctor
    from engine.data_folder import default_data_folder
    from presets.models import find_model, model_played

    folder = data or default_data_folder()

    def check_model() -> list[doctor.Finding]:
        choice = find_model(model, folder)
        return [doctor.Finding("model", "ok", f"{choice.id}, {choice.size[0]}x{choice.size[1]}")]

    played = functools.partial(model_played, model, folder)
    checks = doctor.checks(folder, osc_host, osc_port, check_model, played, input_names)
    findings = doctor.examine(checks)
    doctor.print_findings(findings, as_json=json)
    raise typer.Exit(0 if doctor.can_run(findings) else 1)


@app.command("bench")
def bench(
    what: Annotated[str, typer.Argument(metavar="[show|osc|midi|download|model]")] = "show",
    model: Annotated[str, typer.Option(metavar="ID|FOLDER", show_default=False)] = "",
    seconds: Annotated[float, typer.Option(metavar="S", min=0.5)] = 10.0,
    against: Annotated[
        str, typer.Option(metavar="streamdiffusion", help="also measure it", show_default=False)
    ] = "",
    json: Annotated[bool, typer.Option("--json", help="for tools")] = False,
) -> None:
    """How fast this machine plays."""
    benches = ("show", "osc", "midi", "download", "model")
    if what not in benches:
        raise BadUsage(f"bench is {what!r}; allowed: {', '.join(benches)}")
    if against not in ("", "streamdiffusion"):
        raise BadUsage(f"--against is {against!r}; allowed: streamdiffusion")

    from artflow_bench import run_bench

    raise typer.Exit(run_bench(what, model=model, seconds=seconds, against=against, as_json=json))


if __name__ == "__main__":
    sys.exit(main())
