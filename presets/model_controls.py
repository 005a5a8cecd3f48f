"""The controls of base models that can be fetched."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, get_args

from engine.controls import Parameter, Trigger
from presets.models import Catalogue
from presets.preset_controls import IdTrigger
from presets.wanted import State

_TRIGGERS: Final = (
    ("model/download", "fetch a base model without changing to it"),
    ("model/cancel", "stop fetching a base model; what arrived is kept for resuming"),
)

_REPORTED: Final = (
    # aspect, kind, help, unit
    ("progress", "f", "share of {id} that has arrived; 1 once it is verified", ""),
    ("mb", "f", "of {id} that has arrived", "MB"),
    ("total-mb", "f", "size of {id}", "MB"),
    ("rate", "f", "how fast {id} arrives", "MB/s"),
    ("eta", "f", "until {id} is here", "s"),
    ("mirror", "s", "where {id} comes from", ""),
    ("error", "s", "why {id} failed", ""),
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
            help.format(id=id),
            unit=unit,
            read_only=True,
        )
        for aspect, kind, help, unit in _REPORTED
    )
    return (state, *numbers)
