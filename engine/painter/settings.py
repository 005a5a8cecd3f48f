"""What one frame is painted with: the painter's part of the controls, as a frozen value.

No torch here: by `CONTROLS` the conductor's end knows what the painter wants to be told.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Final

MAX_STEPS: Final = 4
"""The longest stream batch; every length up to this one is prepared when a model is loaded."""

MAX_PIPELINE: Final = 2
"""The most pictures that may be under way at a time."""


def _control(name: str, default: Any) -> Any:
    return field(default=default, metadata={"control": name})


@dataclass(frozen=True, slots=True)
class Settings:
    """Every value the painter reads; ranges are those of the table of controls, which clamps.

    `strength` 0..1, `steps` 1..4, `guidance` 0..10, `guidance_mode` none, self, initialize or full,
    `delta` 0..2, seeds 0..2^31-1, mixes and `feedback_amount` 0..1, `feedback_zoom` 0.5..2,
    `feedback_rotate` and `feedback_hue` -180..180 degrees, `skip_similar` 0..1 (0 = off),
    `pipeline` 1..2 pictures under way. `coming` are prompts that may sound soon, one a line.
    """

    prompt_a: str = _control("prompt/a", "")
    prompt_b: str = _control("prompt/b", "")
    prompt_mix: float = _control("prompt/mix", 0.0)
    negative: str = _control("prompt/negative", "")
    strength: float = _control("paint/strength", 0.5)
    steps: int = _control("paint/steps", 1)
    guidance: float = _control("paint/guidance", 1.0)
    guidance_mode: str = _control("paint/guidance-mode", "none")
    delta: float = _control("paint/delta", 1.0)
    seed: int = _control("paint/seed", 2)
    seed_b: int = _control("paint/seed-b", 3)
    seed_mix: float = _control("paint/seed-mix", 0.0)
    skip_similar: float = _control("paint/skip-similar", 0.0)
    feedback_amount: float = _control("feedback/amount", 0.0)
    feedback_zoom: float = _control("feedback/zoom", 1.0)
    feedback_rotate: float = _control("feedback/rotate", 0.0)
    feedback_hue: float = _control("feedback/hue", 0.0)
    pipeline: int = _control("paint/pipeline", 1)
    coming: str = _control("prompt/coming", "")

    @classmethod
    def from_values(cls, values: Mapping[str, object]) -> Settings:
        """From control values by name: missing ones keep their default, unknown ones are not ours.

        Numbers come as the wire brought them (an int for a float and the reverse), so each takes
        the type of its default.
        """
        return cls(
            **{
                name: type(default)(values[control])
                for name, control, default in _FIELDS
                if control in values
            }
        )


_FIELDS: Final[tuple[tuple[str, str, Any], ...]] = tuple(
    (each.name, each.metadata["control"], each.default) for each in fields(Settings)
)

CONTROLS: Final = frozenset(control for _, control, _ in _FIELDS)
"""Names of the controls the painter reads."""
