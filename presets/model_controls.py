"""The controls of base models that can be fetched."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, get_args

from engine.controls import Parameter, Trigger
from engine.id_trigger import IdTrigger
from presets.models import Catalogue
from presets.preset_controls import DOWNLOADED
from presets.wanted import State

_TRIGGERS: Final = (
    ("model/download", "fetch a base model without changing to it"),
    ("model/cancel", "stop fetching a base model; what arrived is kept for resuming"),
)


def control(id: str, aspect: str) -> str:
    """The name of a model's control, such as `model/sd-turbo/progress`."""
    return f"model/{id}/{aspect}"


def fetchable(catalogue: Catalogue) -> tuple[str, ...]:
    """The ids of what a hub has: base models and tiny autoencoders."""
    models = (model.id for model in catalogue.models if model.repository)
    return (*models, *(tiny.id for tiny in catalogue.tiny_autoencoders))


def triggers(ids: Sequence[str]) -> tuple[Trigger, ...]:
    """The triggers; `ids` are those of all that can be fetched, in the order of the list."""
    return tuple(IdTrigger(name, help, "s", lambda: ids) for name, help in _TRIGGERS)


def rows(id: str) -> tuple[Parameter, ...]:
    """The reported values of one base model or tiny autoencoder."""
    states = get_args(State)
    state = Parameter(
        control(id, "state"),
        "s",
        states[0],
        f"how the download of {id} stands",
        choices=states,
        read_only=True,
    )
    numbers = (
        Parameter(
            control(id, aspect),
            kind,
            0.0 if kind == "f" else "",
            help.format(name=id),
            unit=unit,
            read_only=True,
        )
        for aspect, kind, help, unit in DOWNLOADED
    )
    return (state, *numbers)
