"""The situations a performer can meet.

Every error that leaves a room of this house is one of these. Its text is a single line for the
performer: what was found, what is allowed, what to do.
"""

from __future__ import annotations


class ArtflowError(Exception):
    """Something the performer should be told in one line; the show goes on where it can."""


class ControlError(ArtflowError):
    """A control cannot be set, fired or found as asked."""


class UnknownControl(ControlError):
    """No control has this name."""


class ModelError(ArtflowError):
    """A base model cannot be loaded from where we were told."""


class PainterError(ArtflowError):
    """The painter process failed, or could not be started."""


class SourceError(ArtflowError):
    """A picture source cannot be opened, or has stopped delivering."""


class SettingError(ArtflowError):
    """The show cannot run as it was asked for (bad file, bad option, no place to write)."""


class ListenError(ArtflowError):
    """A network port cannot be opened."""


class OutputError(ArtflowError):
    """A recording or a snapshot cannot be made."""


class LoraError(ArtflowError):
    """A LoRA file cannot be mixed: it is damaged, of another kind, or of an unknown base."""


class MidiError(ArtflowError):
    """There is no MIDI system here, or a port of it cannot be opened or found."""


class SoundError(ArtflowError):
    """A sound cannot be listened to: no such input or file, or nothing to hear it with."""
