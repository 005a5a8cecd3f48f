"""Real programs that some tests drive."""

from __future__ import annotations

import os
import shutil
from typing import NoReturn

import pytest


def need_tool(name: str) -> str:
    """The path of a program; the test is skipped where it is missing, but fails so in CI."""
    path = shutil.which(name)
    if path is None:
        do_without(f"{name} is not installed")
    return path


def do_without(reason: str) -> NoReturn:
    """Skip the test for want of something; in CI that is a failure."""
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)
