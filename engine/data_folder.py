"""The data folder: downloads, learned maps, saved scenes, recordings, snapshots, logs."""

from __future__ import annotations

import os
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from engine.errors import SettingError

SUBFOLDERS: Final = ("loras", "models", "scenes", "midi", "recordings", "snapshots", "logs")
ENVIRONMENT: Final = "ARTFLOW_DATA"


def default_data_folder() -> Path:
    """`ARTFLOW_DATA` where it is set, else the platform's folder for a user's data."""
    named = os.environ.get(ENVIRONMENT, "").strip()
    if named:
        return Path(os.path.expanduser(named)).absolute()
    import platformdirs

    return platformdirs.user_data_path("artflow", appauthor=False)


@dataclass(frozen=True, slots=True)
class DataFolder:
    """A folder that can be written, and the places in it. Sub-folders are made when asked for."""

    root: Path

    @property
    def log_file(self) -> Path:
        return self.folder("logs") / "artflow.log"

    def folder(self, name: str) -> Path:
        """The sub-folder `name`, one of SUBFOLDERS, made if it is not there.

        Raises `SettingError` where it cannot be made.
        """
        if name not in SUBFOLDERS:
            raise ValueError(f"{name!r} is no part of the data folder: {', '.join(SUBFOLDERS)}")
        return _made(self.root / name)


def open_data_folder(root: Path | None = None) -> DataFolder:
    """The data folder at `root` (or the default), made if needed and tried by writing to it.

    Raises `SettingError` where nothing can be written.
    """
    folder = _made((root or default_data_folder()).absolute())
    try:
        with tempfile.TemporaryFile(dir=folder) as probe:
            probe.write(b"artflow")
    except OSError as error:
        raise _unwritable(folder, error) from error
    return DataFolder(folder)


def _made(folder: Path) -> Path:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise _unwritable(folder, error) from error
    return folder


def _unwritable(folder: Path, error: OSError) -> SettingError:
    reason = error.strerror or type(error).__name__
    return SettingError(
        f"the data folder {folder} cannot be written ({reason}); "
        f"name another with --data FOLDER or {ENVIRONMENT}"
    )
