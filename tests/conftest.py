from __future__ import annotations

from collections.abc import Generator
from pathlib import Path

import pytest

from tests.helpers.coverage_files import weed


@pytest.hookimpl(wrapper=True, trylast=True)  # within pytest-cov's, which combines after it
def pytest_runtestloop(session: pytest.Session) -> Generator[None, object, object]:
    """Tests kill processes, some while they save their coverage: that shall cost no other's."""
    result = yield
    measuring = session.config.pluginmanager.getplugin("_cov")
    controller = measuring and measuring.cov_controller
    if controller:
        for line in weed(Path(controller.cov.config.data_file).absolute()):
            print(f"\ncoverage: {line}")
    return result
