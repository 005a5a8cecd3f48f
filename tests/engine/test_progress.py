from __future__ import annotations

import io

import pytest

from engine.progress import waiting_for


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_terminal_is_told_and_left_clean(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    terminal = Terminal()
    monkeypatch.setattr("sys.stderr", terminal)
    told = waiting_for("the disk")
    told.__enter__()
    assert terminal.getvalue() == "the disk ..."
    told.__exit__(None, None, None)
    assert terminal.getvalue() == f"the disk ...\r{' ' * 12}\r"
    assert capsys.readouterr().out == ""


def test_a_pipe_is_told_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    with waiting_for("the disk"):
        pass
    assert capsys.readouterr() == ("", "")
