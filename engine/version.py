"""Which version this is."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version


def show_version() -> str:
    """The installed version, or "0+source" where only a checkout runs."""
    try:
        return version("artflow-live")
    except PackageNotFoundError:
        return "0+source"
