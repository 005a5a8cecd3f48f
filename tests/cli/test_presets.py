"""`artflow presets ...` through the front door, on a mirror of our own."""

from __future__ import annotations

import hashlib
import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from artflow import main
from engine.logs import PRINTER
from presets import models
from presets.part_file import part_path
from presets.statistics import Statistics
from tests.helpers.loras import kohya, safetensors_file
from tests.helpers.mirror_beside import mirror_beside
from tests.helpers.mirror_server import Answer, MirrorServer
from tests.helpers.program import artflow
from tests.presets.test_models import make_model

TO_K = "down_blocks_1_attentions_0_transformer_blocks_0_attn2_to_k"
BODY = safetensors_file(kohya(TO_K, 320, 768, rank=1000))
"""2.2 MB for SD 1.5."""
OTHER = safetensors_file(kohya(TO_K, 320, 2048))
FILE = "loras/ours.safetensors"


@pytest.fixture
def mirror() -> Iterator[MirrorServer]:
    files = {"/ours": BODY, "/again": BODY, "/xl": OTHER, "/wrong": OTHER}
    with mirror_beside(files) as server:
        yield server


@pytest.fixture(autouse=True)
def catalogue(data: Path, mirror: MirrorServer, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The data folder's own entries, from this mirror."""
    monkeypatch.setattr(models, "gpu_ready", lambda: False)
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)

    def variant(base: str, file: str, *paths: str, body: bytes | None = None) -> dict[str, Any]:
        said: dict[str, Any] = {"verified": False}
        if body is not None:
            said = {"size": len(body), "sha256": hashlib.sha256(body).hexdigest()}
        urls = [mirror.url(f"{path}?signature=SECRET") for path in paths]
        named = [{"name": f"mirror {n}", "url": url} for n, url in enumerate(urls)]
        return {"base": base, "file": f"{file}.safetensors", "mirrors": named, **said}

    entries = [
        {
            "id": "ours",
            "variants": [
                variant("sd15", "ours", "/ours", "/again", body=BODY),
                variant("sdxl", "ours-xl", "/xl", body=OTHER),
            ],
        },
        {"id": "loose", **variant("sd15", "loose", "/ours")},
        {"id": "gone", **variant("sd15", "gone", "/nothing")},
        {"id": "wrong", **variant("sd15", "wrong", "/wrong")},
        {"id": "shipped", "base": "rehearsal", "bundled": "loras/shipped.safetensors"},
    ]
    data.mkdir()
    path = data / "presets.yaml"
    path.write_text(json.dumps({"presets": entries}))  # JSON is YAML
    return path


def said(capsys: pytest.CaptureFixture[str], *words: str, code: int = 0) -> list[str]:
    """The lines that `artflow presets ...` printed."""
    capsys.readouterr()
    found = main(["presets", *words])
    PRINTER.flush()
    out, err = capsys.readouterr()
    assert found == code, out + err
    assert "SECRET" not in out + err
    return (err if code else out).splitlines()


def test_a_preset_is_fetched_and_once_only(
    data: Path, mirror: MirrorServer, capsys: pytest.CaptureFixture[str]
) -> None:
    # so slow that a tenth can be seen
    mirror.always["/ours"] = Answer(trickle=(len(BODY) // 10, 0.12))
    out = said(capsys, "download", "ours", "--model", "sd15-lcm")
    assert out[0] == "ours for SD 1.5: ours.safetensors, 2.2 MB, from mirror 0 or mirror 1"
    assert out[1:3] == ["ours: queued", "ours: resolving"]
    assert out[3].startswith("ours: downloading from mirror 0, ")
    assert any(re.search(r" \d+ %, .* MB of 2\.2 MB, .* MB/s", line) for line in out[4:-3])
    assert out[-3:-1] == ["ours: verifying", "ours: installed; the digest is right"]
    assert out[-1] == f"ours is here: {data / FILE}"
    assert (data / FILE).read_bytes() == BODY

    asked = len(mirror.requests)
    (first, second) = said(capsys, "download", "ours", "--base", "sd15")
    assert first.startswith("ours is installed already, there is nothing to fetch; ")
    assert "the digest is right" in first
    assert second == f"  {data / FILE}"
    assert len(mirror.requests) == asked
    totals = Statistics(data).read().presets["ours"]
    assert (totals.downloads, totals.bytes) == (1, len(BODY))
    assert any("mirror 0" in line for line in said(capsys, "stats"))
    assert "SECRET" not in (data / "logs" / "artflow.log").read_text()


def test_what_nobody_vouches_for_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    out = said(capsys, "download", "loose", "--base", "sd15")
    assert out[0] == "loose for SD 1.5: loose.safetensors, size unknown, from mirror 0"
    assert out[-2] == (
        "loose: installed; where no digest is known, only the size that its mirror names was "
        "checked"
    )
    (first, _) = said(capsys, "download", "loose", "--base", "sd15")
    told = "nobody vouches for a digest or a size, only its header was checked; it has the digest"
    assert told in first
    line, last = said(capsys, "verify", "loose")
    assert line.startswith(f"loose: no digest to compare; loose.safetensors: {told} ")
    assert last == "1 file read, nothing wrong found; 1 without a digest to compare"


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (
            "ours",
            1,
            r"'ours' is made for SD 1\.5 \(text width 768\) and SDXL \(2048\); .* model rehearsal "
            r".*\. Styles for it: anime, .*; to fetch a file of it all the same: --base sd15 or "
            "--base sdxl",
        ),
        ("ours --model sd-turbo", 1, r"'ours' is made for SD 1\.5 .* is SD 2\.1 \(1024\)\. Styles"),
        ("ours --base sd21", 1, r"no file for SD 2\.1; allowed: --base sd15 or --base sdxl"),
        ("shipped --base sd21", 1, r"no file for SD 2\.1; allowed: none, it comes with"),
        ("shipped", 1, r"shipped comes with the program, but .*; install artflow again"),
        ("ours --base sd16", 2, "--base is 'sd16'; allowed: rehearsal, sd15, sd21, sdxl"),
        ("ours --base sd15 --model sd15-lcm", 2, "--base stands beside --model"),
        ("ours --base sd15 --mirror 2", 1, "ours has no mirror 2; allowed: 0 or 1"),
        ("ours --base sd15 --mirror -1", 2, "value for '--mirror'"),
        ("ours --model nothing", 1, "unknown model 'nothing'"),
        ("sd-turbo --base sd21", 1, "sd-turbo is no preset; --model and --base choose"),
        ("sd-tubro", 1, "unknown preset 'sd-tubro'; did you mean 'sd-turbo'"),
        (
            "gone --base sd15",
            1,
            r"gone: no mirror gives gone\.safetensors: mirror 0 does not .*404",
        ),
        (
            "wrong --base sd15",
            1,
            r"wrong: the file of wrong is made for SDXL, its entry says SD 1\.5; the entry or its "
            r"mirror is wrong: .*; nothing is kept",
        ),
    ],
)
def test_what_cannot_be_fetched(
    words: str, code: int, says: str, capsys: pytest.CaptureFixture[str], data: Path
) -> None:
    (line,) = said(capsys, "download", *words.split(), code=code)
    assert line.startswith("artflow: ")
    assert re.search(says, line)
    assert not list((data / "loras").glob("*"))


def test_the_mirror_to_try_first(mirror: MirrorServer, capsys: pytest.CaptureFixture[str]) -> None:
    mirror.always["/again"] = Answer(status=403)
    out = said(capsys, "download", "ours", "--base", "sd15", "--mirror", "1")
    assert [request.path for request in mirror.requests] == ["/again", "/ours"]
    assert out[-2] == "ours: installed; the digest is right"


def test_a_file_that_is_wrong_is_not_written_over(
    data: Path, mirror: MirrorServer, capsys: pytest.CaptureFixture[str]
) -> None:
    (data / "loras").mkdir()
    (data / FILE).write_bytes(BODY[:-1] + b"x")
    (line,) = said(capsys, "download", "ours", "--base", "sd15", code=1)
    assert line.endswith("delete it and fetch it again")
    (data / FILE).write_bytes(BODY[:-1])
    why, line = said(capsys, "download", "ours", "--base", "sd15", code=1)
    assert " of 2176477 bytes" in why
    assert "artflow presets delete ours removes it, then download it again" in line
    assert not mirror.requests
    said(capsys, "delete", "ours")
    said(capsys, "download", "ours", "--base", "sd15")
    assert (data / FILE).read_bytes() == BODY
    assert said(capsys, "verify", "ours")[-1] == "1 file read, nothing wrong found"


def test_one_that_comes_with_the_program(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (line,) = said(capsys, "download", "rehearsal")
    assert line.startswith("rehearsal comes with the program (")
    beside = tmp_path / "program"
    (beside / "loras").mkdir(parents=True)
    (beside / "loras" / "shipped.safetensors").write_bytes(
        safetensors_file(kohya(TO_K, 320, 96), {"artflow.base": "rehearsal"})
    )
    monkeypatch.setattr("presets.library.Library.__init__.__defaults__", (beside,))
    (line,) = said(capsys, "download", "shipped")
    assert line == "shipped for the rehearsal model comes with the program"


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, mirror: MirrorServer) -> Iterator[Path]:
    """A catalogue with one small model, its tiny autoencoder and its acceleration."""
    folder = make_model(tmp_path / "made")
    (folder / "tokenizer" / "tokenizer.json").unlink()
    for name in ("vocab.json", "merges.txt"):
        (folder / "tokenizer" / name).write_text("{}")
    weights = safetensors_file({"x": (1,)})
    for path in folder.rglob("*.safetensors"):
        path.write_bytes(weights)
    files = []
    for path in sorted(file for file in folder.rglob("*") if file.is_file()):
        name = str(path.relative_to(folder))
        mirror.files[f"/some/small/{name}"] = path.read_bytes()
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        known = {"size": path.stat().st_size, "sha256": digest}
        files.append({"file": name, **(known if "safe" in name else {"verified": False})})
    mirror.files["/some/tiny/config.json"] = b'{"_class_name": "AutoencoderTiny"}'
    mirror.files["/some/tiny/diffusion_pytorch_model.safetensors"] = weights
    tiny = [
        {"file": name, "verified": False}
        for name in ("config.json", "diffusion_pytorch_model.safetensors")
    ]
    both = {"description": "d", "license": "l"}
    model = {
        **both,
        "id": "small",
        "name": "Small",
        "base": "sd15",
        "size": [64, 64],
        "default_prompt": "p",
        "tiny_autoencoder": "tiny",
        "acceleration": "quick",
        "repository": "some/small",
        "about_gb": 0.1,
        "files": files,
    }
    autoencoder = {
        **both,
        "id": "tiny",
        "name": "Tiny",
        "bases": ["sd15"],
        "repository": "some/tiny",
        "files": tiny,
    }
    beside = tmp_path / "beside"
    beside.mkdir()
    known = {"models": [model], "tiny_autoencoders": [autoencoder]}
    (beside / "models.yaml").write_text(json.dumps(known))
    quick = tmp_path / "quick.yaml"
    entry = {
        "id": "quick",
        "kind": "acceleration",
        "base": "sd15",
        "file": "quick.safetensors",
        "sha256": hashlib.sha256(BODY).hexdigest(),
        "mirrors": [{"name": "ours", "url": mirror.url("/ours")}],
    }
    quick.write_text(json.dumps({"presets": [entry]}))
    here = ("here", lambda repository, file: mirror.url(f"/{repository}/{file}"))
    monkeypatch.setattr("presets.wanting.HUBS", (here,))
    monkeypatch.setattr(models, "HERE", beside)
    models.catalogue.cache_clear()
    yield quick
    models.catalogue.cache_clear()


def test_a_model_comes_with_all_that_it_wants(
    data: Path, hub: Path, mirror: MirrorServer, capsys: pytest.CaptureFixture[str]
) -> None:
    out = said(capsys, "download", "small", "--presets", str(hub))
    assert out[:3] == [
        "small: 11 files, about 0.1 GB, from here",
        "tiny: 2 files, from here",
        "quick: quick.safetensors, from ours",
    ]
    assert out[-3:] == [
        f"small is here: {data / 'models' / 'small'}",
        f"tiny is here: {data / 'models' / 'tiny'}",
        f"quick is here: {data / 'loras' / 'quick.safetensors'}",
    ]
    unsure = "where no digest is known, only the size that its mirror names was checked"
    assert f"small: installed; {unsure}" in out
    assert "quick: installed; the digest is right" in out
    asked = len(mirror.requests)
    for id in ("small", "tiny"):
        (line,) = said(capsys, "download", id, "--presets", str(hub))
        assert line.startswith(f"{id} is installed already, there is nothing to fetch (")
    assert len(mirror.requests) == asked
    assert models.find_model("small", data).tiny_autoencoder == data / "models" / "tiny"

    told = said(capsys, "info", "small")
    assert told[0] == "small: Small; d"
    assert f"on disk: yes, {data / 'models' / 'small'}" in told
    assert "comes up with tiny and quick" in told
    assert "  mirror 0  here" in told
    weights = data / "models" / "small" / "unet" / "diffusion_pytorch_model.safetensors"
    assert said(capsys, "verify", "small")[-1] == (
        "11 files read, nothing wrong found; 8 without a digest to compare"
    )
    weights.write_bytes(weights.read_bytes() + b" ")
    (line,) = said(capsys, "verify", code=1)
    assert line == "artflow: not whole: small; delete and download what is wrong"
    assert "on disk: in part, " in said(capsys, "info", "small")[4]
    for id in ("small", "tiny"):
        assert said(capsys, "delete", id) == [
            f"deleted {data / 'models' / id}",
            f"a show that plays {id} now has it in memory and goes on with it, until its painter "
            "restarts",
        ]
        (line,) = said(capsys, "delete", id, code=1)
        assert "is not on this disk; there is nothing to delete" in line
    assert not list((data / "models").iterdir())


def test_one_of_several_that_fails(
    data: Path, hub: Path, mirror: MirrorServer, capsys: pytest.CaptureFixture[str]
) -> None:
    del mirror.files["/some/tiny/config.json"]
    del mirror.files["/ours"]
    first, second = said(capsys, "download", "small", "--presets", str(hub), code=1)
    assert first.startswith("artflow: tiny: no mirror gives config.json: here does not have it")
    assert second.startswith("artflow: quick: no mirror gives quick.safetensors: ours does not ")
    assert models.find_model("small", data).base == "sd15", "the others came"


def test_ctrl_c_keeps_what_came_and_the_next_goes_on(
    data: Path, mirror: MirrorServer, capsys: pytest.CaptureFixture[str]
) -> None:
    mirror.rate = 1e6
    mirror.answers["/ours"] = [Answer(stall_after=len(BODY) // 2)]
    part = part_path(data / FILE)
    words = ("presets", "download", "ours", "--base", "sd15")
    with artflow(*words, data=data) as program:
        program.says("downloading from mirror 0")
        program.until(lambda: part.exists() and part.stat().st_size > 400_000)
        assert program.stop() == 130
        assert "Traceback" not in program.output
        kept = part.stat().st_size
        assert 0 < kept < len(BODY)
        assert program.lines[-1] == (
            f"ours: cancelled; {kept / 1e6:.1f} MB of 2.2 MB are kept, "
            "the next download goes on from there"
        )
    told = f"{kept / 1e6:.1f} MB of 2.2 MB are kept, the next download goes on from there"
    assert f"  download  {told}" in said(capsys, "info", "ours")
    row = rf" ours +sd15/sdxl +no, {kept / 1e6:.1f} MB kept +2\.2 MB "
    assert any(re.match(row, line) for line in said(capsys, "list"))
    mirror.rate = 0
    with artflow(*words, data=data) as program:
        assert program.ended() == 0
        assert program.lines[-1] == f"ours is here: {data / FILE}"
    assert mirror.ranges("/ours") == ["", f"bytes={kept}-"]
    assert (data / FILE).read_bytes() == BODY
    assert not part.exists()


def test_a_socks_proxy_without_its_package_is_one_line(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "socksio", None)
    monkeypatch.setenv("ALL_PROXY", "socks5://me:SECRET@127.0.0.1:9")
    (line,) = said(capsys, "download", "ours", "--base", "sd15", code=1)
    assert "pip install socksio, or name http://HOST:PORT in HTTPS_PROXY" in line


def test_list_info_and_add(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    more = tmp_path / "more.yaml"
    more.write_text('presets: [{id: ours, base: sd21, file: m.safetensors, description: "mine"}]')
    out = said(capsys, "list", "--model", "sd-turbo", "--presets", str(more))
    assert out[0] == "For sd-turbo (SD 2.1):"
    assert any(re.match(r" ours +yes +no .*mine", line) for line in out)
    assert any(re.match(r" sd-turbo +no .*about 2\.6 GB", line) for line in out)
    assert any("artflow presets download ID fetches one" in line for line in out)
    assert "  mirror 1  mirror 1" in said(capsys, "info", "ours")
    assert "tiny autoencoder, SD 1.5, SD 2.1; licence MIT" in said(capsys, "info", "taesd")
    (line,) = said(capsys, "info", "our", code=1)
    assert line.endswith("unknown preset 'our'; did you mean 'ours'? see artflow presets list")

    file = tmp_path / "My Own.safetensors"
    file.write_bytes(BODY)
    (line,) = said(capsys, "add", str(file))
    assert line.startswith("added: my-own (My Own, style for SD 1.5); ")
    (line,) = said(capsys, "add", str(tmp_path / "none.safetensors"), code=1)
    assert line == "artflow: 'none.safetensors' cannot be read: No such file or directory"


def test_another_data_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    there = tmp_path / "there"
    assert said(capsys, "stats", "--data", str(there)) == ["nothing has been fetched or played yet"]
    # those that come with the program: their digests stand in the catalogue
    assert said(capsys, "verify", "--data", str(there))[-1] == "10 files read, nothing wrong found"
    assert not there.exists(), "looking leaves nothing behind"
    said(capsys, "delete", "ink", "--data", str(there), code=1)
    assert (there / "logs" / "artflow.log").exists(), "what failed stands in its log"
    (tmp_path / "file").write_text("")
    (line,) = said(capsys, "download", "ink", "--data", str(tmp_path / "file"), code=1)
    assert "cannot be written" in line
