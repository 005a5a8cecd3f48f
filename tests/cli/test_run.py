"""`artflow run`: what is written becomes what the show is asked."""

from __future__ import annotations

from pathlib import Path

import pytest

from artflow import main
from engine.errors import ListenError
from engine.logs import log_path
from engine.option_table import OPTIONS
from engine.options import ShowOptions
from tests.cli.conftest import stand_in


def test_nothing_said_is_a_show_with_its_defaults(shows: list[ShowOptions], data: Path) -> None:
    assert main([]) == 0
    assert main(["run"]) == 0
    assert shows == [ShowOptions(data=data)] * 2
    assert (data / "logs" / "artflow.log").exists()
    assert log_path() is None, "the log is closed at the end"


def test_every_option_is_accepted(shows: list[ShowOptions], tmp_path: Path) -> None:
    show = tmp_path / "show.yaml"
    show.write_text("set: {paint/steps: 2}\n")
    words = [
        *("--model", "sd-turbo", "--source", "camera:1", "--size", "512x512"),
        *("--fullscreen", "--display", "1", "--desk"),
        *("--osc-host", "0.0.0.0", "--osc-port", "0", "--no-osc"),
        *("--web-host", "::1", "--web-port", "80", "--no-web"),
        *("--lan", "--allow", "10.0.0.0/8", "--allow", "192.168.0.0/16"),
        *("--feedback", "10.0.0.2:9001", "--feedback", "[::1]:9002"),
        *("--compat", "streamdiffusiontd"),
        *("--midi", "a.yaml", "--midi", "b.yaml", "--no-midi", "--midi-monitor"),
        *("--audio", "file:song.wav"),
        *("--compile", "on", "--lowvram", "--devices", "cuda:0,cuda:1"),
        *("--scenes", "scenes", "--presets", "p.yaml", "--data", str(tmp_path / "d")),
        *("--record", "out.mp4", "--seconds", "2.5", "--seed", "7", "--prompt", ""),
        *("--setlist", "evening"),
    ]
    assert {f"--{row.name}" for row in OPTIONS} - set(words) == {"--window", "--headless"}
    assert main([str(show), *words]) == 0
    assert shows == [
        ShowOptions(
            show_file=show,
            model="sd-turbo",
            source="camera:1",
            size=(512, 512),
            fullscreen=True,
            display=1,
            desk=True,
            osc_host="0.0.0.0",
            osc_port=0,
            no_osc=True,
            web_host="::1",
            web_port=80,
            no_web=True,
            lan=True,
            allow=("10.0.0.0/8", "192.168.0.0/16"),
            feedback=(("10.0.0.2", 9001), ("::1", 9002)),
            compat="streamdiffusiontd",
            midi=(Path("a.yaml"), Path("b.yaml")),
            no_midi=True,
            midi_monitor=True,
            audio="file:song.wav",
            compile="on",
            lowvram=True,
            devices=("cuda:0", "cuda:1"),
            scenes=Path("scenes"),
            presets=(Path("p.yaml"),),
            data=tmp_path / "d",
            record=Path("out.mp4"),
            seconds=2.5,
            seed=7,
            prompt="",
            setlist="evening",
            values={"paint/steps": 2},
        )
    ]


def test_options_may_stand_before_the_show_file(shows: list[ShowOptions], tmp_path: Path) -> None:
    show = tmp_path / "show.yaml"
    show.write_text(f"fullscreen: true\ndata: {tmp_path / 'there'}\nmidi: knobs.yaml\n")
    assert main(["--headless", str(show)]) == 0
    (options,) = shows
    assert options.headless
    assert not options.fullscreen
    assert options.data == tmp_path / "there"
    assert options.midi == (tmp_path / "knobs.yaml",)
    assert (tmp_path / "there" / "logs").is_dir()


def test_a_later_part_says_so_once_and_the_show_goes_on(
    shows: list[ShowOptions], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    show = tmp_path / "show.yaml"
    show.write_text("web-port: 80\nlowvram: true\n")
    assert main([str(show), "--no-midi", "--no-web", "--compile", "off"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "--web-port: the web part comes in a later version; the show goes on without it",
    ]
    assert len(shows) == 1


def test_wrong_values_are_bad_usage_all_at_once(
    shows: list[ShowOptions], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--size", "13x7", "--osc-port", "x"]) == 2
    assert capsys.readouterr().err.splitlines() == [
        "artflow: --size is '13x7'; allowed: WxH, both multiples of 8 up to 4096, such as 512x512",
        "artflow: --osc-port is 'x'; allowed: a port from 0 to 65535 (0 = any free)",
    ]
    assert main(["--headless", "--fullscreen"]) == 2
    assert "allowed: one of window, fullscreen, headless" in capsys.readouterr().err
    assert shows == []


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--bogus"], "No such option"),
        (["--size"], "requires an argument"),
        (["a.yaml", "b.yaml"], "unexpected extra argument"),
        (["devics"], "unknown command 'devics'; did you mean devices? allowed: run, devices"),
        (["qqq"], "unknown command 'qqq'; allowed: run, devices"),
        (["presets"], "Missing command; see artflow presets --help"),
        (["presets", "bogus"], "see artflow presets --help"),
    ],
)
def test_bad_usage_is_one_line(
    words: list[str], says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(words) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("artflow: ")
    assert says in line


def test_a_bad_show_file_is_told_line_by_line(
    shows: list[ShowOptions], tmp_path: Path, data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    show = tmp_path / "show.yaml"
    show.write_text("sorce: camera\nsize: 5\nseed: 4\n")
    assert main([str(show)]) == 0
    assert [options.seed for options in shows] == [4]
    rest = "; left out, the rest of the show runs"
    assert capsys.readouterr().err.splitlines() == [
        f"artflow: {show}:1: unknown option 'sorce'; did you mean 'source'?{rest}",
        f"artflow: {show}:2: size is 5; allowed: WxH, both multiples of 8 up to 4096, "
        f"such as 512x512{rest}",
    ]
    assert "unknown option 'sorce'" in (data / "logs" / "artflow.log").read_text()


def test_a_show_that_cannot_run_says_why_in_one_line(
    monkeypatch: pytest.MonkeyPatch, data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def run_show(options: ShowOptions) -> int:
        raise ListenError(f"UDP {options.osc_host}:9000 is taken")

    stand_in(monkeypatch, run_show)
    assert main(["--headless"]) == 1
    assert capsys.readouterr() == ("", "artflow: UDP 127.0.0.1:9000 is taken\n")
    text = (data / "logs" / "artflow.log").read_text()
    assert "Traceback" in text
    assert "ListenError" in text


def test_what_nobody_foresaw_is_one_line_too(
    monkeypatch: pytest.MonkeyPatch, data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def run_show(_: ShowOptions) -> int:
        raise ZeroDivisionError("one\ntwo")

    stand_in(monkeypatch, run_show)
    assert main([]) == 1
    err = capsys.readouterr().err
    log = data / "logs" / "artflow.log"
    assert err == f"artflow: unforeseen trouble: ZeroDivisionError: one two; details: {log}\n"
    assert "ZeroDivisionError" in log.read_text()


def test_the_shows_exit_code_is_the_programs(monkeypatch: pytest.MonkeyPatch) -> None:
    stand_in(monkeypatch, lambda _: 3)
    assert main([]) == 3


def test_ctrl_c_leaves_without_a_word(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def run_show(_: ShowOptions) -> int:
        raise KeyboardInterrupt

    stand_in(monkeypatch, run_show)
    assert main([]) == 130
    assert capsys.readouterr().err == ""


def test_a_data_folder_that_cannot_be_written(
    tmp_path: Path, shows: list[ShowOptions], capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "file"
    file.write_text("")
    assert main(["--data", str(file / "data")]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert "cannot be written" in line
    assert "--data" in line
    assert shows == []
