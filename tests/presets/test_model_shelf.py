"""Base models and tiny autoencoders on this disk."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from msgspec import structs

from presets import model_shelf
from presets.catalogue import PresetError
from presets.model_shelf import print_models
from presets.models import ModelFile, catalogue
from presets.part_file import Lock, part_path
from tests.presets.test_models import make_model

SD_TURBO = catalogue().models[1]


def test_the_table_of_models(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "150")
    print_models(tmp_path)
    lines = capsys.readouterr().out.splitlines()
    assert any(re.match(r" rehearsal +yes +256x256", line) for line in lines)
    assert any(re.match(r" sd-turbo +no +512x512 +sd21", line) for line in lines)
    assert lines[-1].startswith("artflow presets download ID fetches one")
    part = tmp_path / "models" / "sd-turbo"
    (part / "unet").mkdir(parents=True)
    print_models(tmp_path)
    out = capsys.readouterr().out
    assert re.search(r"\n sd-turbo +in part +512x512", out)
    make_model(part)
    print_models(tmp_path)
    assert re.search(r"\n sd-turbo +yes +512x512", capsys.readouterr().out)


def test_what_cannot_be_deleted(tmp_path: Path) -> None:
    with pytest.raises(PresetError, match="rehearsal comes with the program and stays"):
        model_shelf.delete(catalogue().models[0], tmp_path)
    folder = make_model(tmp_path / "models" / "sd-turbo")
    lock = Lock(folder / "unet" / "x.safetensors.part.lock")
    assert lock.acquire()
    with pytest.raises(PresetError, match="sd-turbo is being downloaded; cancel that first"):
        model_shelf.delete(SD_TURBO, tmp_path)
    lock.release()
    assert model_shelf.delete(SD_TURBO, tmp_path) == folder
    assert not folder.exists()


def test_a_link_is_deleted_and_what_it_leads_to_stays(tmp_path: Path) -> None:
    elsewhere = make_model(tmp_path / "elsewhere")
    folder = tmp_path / "models" / "sd-turbo"
    folder.parent.mkdir()
    folder.symlink_to(elsewhere)
    assert model_shelf.presence(SD_TURBO, tmp_path) == "yes"
    model_shelf.delete(SD_TURBO, tmp_path)
    assert not folder.exists()
    assert (elsewhere / "model_index.json").exists()


def test_what_was_checked_of_a_model_and_what_was_not(tmp_path: Path) -> None:
    folder = tmp_path / "models" / "sized"
    folder.mkdir(parents=True)
    model = structs.replace(
        SD_TURBO, id="sized", files=(ModelFile("a", verified=False), ModelFile("b", size=3))
    )
    for name in ("a", "b"):
        (folder / name).write_bytes(b"123")
    verdicts = list(model_shelf.verify(model, tmp_path, lambda *_: None))
    assert [(each.whole, each.told.rpartition(" ")[0]) for each in verdicts] == [
        (
            None,
            "a: nobody vouches for a digest or a size, nothing was checked; it has the digest",
        ),
        (None, "b: nobody vouches for a digest, only its size was checked; it has the digest"),
    ]
    (folder / "b").write_bytes(b"1234")
    *_, last = model_shelf.verify(model, tmp_path, lambda *_: None)
    assert (last.whole, last.told) == (
        False,
        "b has 4 bytes, not 3; delete it and fetch it again",
    )


def test_what_is_kept_of_a_model(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "150")
    assert model_shelf.kept(SD_TURBO, tmp_path) is None
    folder = tmp_path / "models" / "sd-turbo"
    folder.mkdir(parents=True)
    assert model_shelf.kept(SD_TURBO, tmp_path) is None
    (folder / "model_index.json").write_bytes(bytes(100_000))
    weights = next(file.file for file in SD_TURBO.files if file.is_weights)
    (folder / weights).parent.mkdir()
    part_path(folder / weights).write_bytes(bytes(1_200_000))
    print_models(tmp_path)
    assert re.search(r"\n sd-turbo +in part, 1\.3 MB kept +512x512", capsys.readouterr().out)
    told = "1.3 MB of about 2,600.0 MB are kept, the next download goes on from there"
    assert told in list(model_shelf.lines(SD_TURBO, tmp_path))
    tiny = catalogue().tiny_autoencoders[0]
    (tmp_path / "models" / "taesd").mkdir()
    part_path(tmp_path / "models" / "taesd" / tiny.files[-1].file).write_bytes(bytes(50))
    kept = model_shelf.kept(tiny, tmp_path)
    assert kept is not None
    assert kept.received == 50


def test_a_model_that_a_disk_will_not_give(tmp_path: Path) -> None:
    weights = "unet/diffusion_pytorch_model.fp16.safetensors"
    (tmp_path / "models" / "sd-turbo" / weights).mkdir(parents=True)
    with pytest.raises(PresetError, match="sd-turbo cannot be read: Is a directory"):
        list(model_shelf.verify(SD_TURBO, tmp_path, lambda *_: None))
