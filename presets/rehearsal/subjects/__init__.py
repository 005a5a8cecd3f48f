"""Everything that can be drawn, in one table; the order is the classifier's."""

from __future__ import annotations

from typing import Final

from presets.rehearsal.subjects import abstract, landscape, people, places, things
from presets.rehearsal.subjects.common import Subject

SUBJECTS: Final[tuple[Subject, ...]] = (
    *landscape.SUBJECTS,
    *places.SUBJECTS,
    *people.SUBJECTS,
    *things.SUBJECTS,
    *abstract.SUBJECTS,
)
