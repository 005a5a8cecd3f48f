"""The parts of a show that its options shape, each made of what it is given."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from controllers import link
from controllers.midi_part import MIDI_OFF, MidiPart, refuse_learning
from controllers.osc import OscServer
from engine.controls import Controls, Parameter, Trigger
from engine.data_folder import DataFolder
from engine.id_trigger import IdTrigger
from engine.logs import notice
from engine.options import ShowOptions
from engine.painters import Inputs, Outputs, Painters
from engine.painting import Job, Painting
from engine.parameters import PARAMETERS, TRIGGERS
from engine.tempo import Tempo
from engine.version import show_version
from presets.models import ModelChoice, model_ids
from scenes.shelf import BUNDLED, Shelf


def every_control(model: ModelChoice, scenes: Callable[[], tuple[str, ...]]) -> Controls:
    """The controls of the table; `painter/model` starts with `model`, `scenes` tells the scenes."""
    controls = Controls()
    ids = tuple(dict.fromkeys([*model_ids(), model.id]))
    rows: tuple[Parameter | Trigger, ...] = (*PARAMETERS, *TRIGGERS)
    for entry in rows:
        if isinstance(entry, Parameter) and entry.name == "painter/model":
            controls.declare(replace(entry, default=model.id, choices=ids))
        elif entry.name == "scene/go" and isinstance(entry, Trigger):
            controls.declare(IdTrigger(entry.name, entry.help, entry.arguments, scenes))
        else:
            controls.declare(entry)
    return controls


def job(options: ShowOptions, model: ModelChoice, data: DataFolder) -> Job:
    """What the painter is to run, and where."""
    return Job(
        model_id=model.id,
        size=options.size or model.size,
        folder=str(model.folder),
        tiny_autoencoder=str(model.tiny_autoencoder or ""),
        default_prompt=model.default_prompt,
        device="".join(options.devices[:1]),
        compile=options.compile,
        cache=str(data.root / "compiled"),
        lowvram=options.lowvram,
    )


def painting(
    options: ShowOptions,
    controls: Controls,
    inputs: Inputs,
    outputs: Outputs,
    first: Job,
    tell: Callable[[str], None],
) -> Painting | Painters:
    """What keeps the painter at work, or the painters, one for each device."""
    if len(options.devices) > 1:
        return Painters(controls, inputs, outputs, first, options.devices, notice=tell)
    return Painting(controls, inputs, outputs, first, notice=tell)


def scene_shelf(options: ShowOptions, controls: Controls, data: DataFolder) -> Shelf:
    """The bundled scenes, then those of --scenes, then the performer's own."""
    folders = (BUNDLED, *filter(None, [options.scenes]))
    return Shelf(folders, controls, data.folder("scenes"))


def tempo_refusals(options: ShowOptions) -> dict[str, str]:
    """Why `tempo/source` cannot be this or that here."""
    refusals = {"midi": MIDI_OFF} if options.no_midi else {}
    if reason := link.missing():
        refusals["link"] = reason
    return refusals


def midi_part(
    options: ShowOptions,
    controls: Controls,
    data: DataFolder,
    tempo: Tempo,
    tell: Callable[[str], None],
) -> MidiPart | None:
    """MIDI, unless the show is to do without; learning then says why it cannot."""
    if options.no_midi:
        refuse_learning(controls)
        return None
    return MidiPart(
        controls,
        options.midi,
        data.folder("midi"),
        tempo,
        notice=tell,
        monitor=notice if options.midi_monitor else None,
    )


def osc_server(
    options: ShowOptions,
    controls: Controls,
    allowed: Callable[[str], bool],
    told: Callable[[str, str], None],
) -> OscServer | None:
    """OSC, unless the show is to do without. `allowed` says which hosts may play."""
    if options.no_osc:
        return None
    return OscServer(
        controls,
        options.osc_host,
        options.osc_port,
        feedback=options.feedback,
        version=show_version(),
        told=told,
        allowed=allowed,
        compat=bool(options.compat),
    )
