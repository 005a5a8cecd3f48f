from __future__ import annotations

import hashlib
import re
from pathlib import Path

import msgspec
import pytest

from engine.errors import LoraError, ModelError
from engine.logs import PRINTER
from presets import listing
from presets.catalogue import PresetError
from presets.listing import (
    add_file,
    delete_entry,
    print_info,
    print_presets,
    print_stats,
    verify_presets,
)
from presets.part_file import Notes, notes_path, part_path
from presets.statistics import Statistics
from presets.wanted import Transfer
from tests.helpers.catalogues import load_catalogue
from tests.presets.test_library import lora


@pytest.fixture(autouse=True)
def wide(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "180")


def lines(capsys: pytest.CaptureFixture[str]) -> list[str]:
    PRINTER.flush()
    return capsys.readouterr().out.splitlines()


def loras(data: Path) -> Path:
    folder = data / "loras"
    folder.mkdir(exist_ok=True)
    return folder


def test_the_list_shows_what_fits_first(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (loras(tmp_path) / "mine.safetensors").write_bytes(lora("sd21"))
    print_presets(tmp_path, model="sd-turbo")
    out = lines(capsys)
    assert out[0] == "For sd-turbo (SD 2.1):"
    quick, styles = out.index(listing.TITLES["acceleration"]), out.index(listing.TITLES["style"])
    assert quick < styles
    assert re.match(r" tcd-sd21 +yes +no +about 136.0 MB +yes +few ", out[quick + 2])
    ids = [line.split()[0] for line in out[styles + 2 : out.index("", styles)]]
    assert ids[:4] == ["realistic", "watercolor", "dpo", "mine"]
    assert ids.index("anime") > 3
    row = next(line for line in out if line.startswith(" mine "))
    assert re.match(r" mine +yes +yes +[0-9,]+ bytes +no ", row)
    assert any(line.startswith(" sd-turbo") for line in out), "base models stand below"
    print_presets(tmp_path)
    out = lines(capsys)
    assert re.match(r" anime +yes ", out[out.index(listing.TITLES["style"]) + 2])
    with pytest.raises(ModelError, match="unknown model"):
        print_presets(tmp_path, model="nothing")


def test_a_catalogue_s_problems_are_told_beside(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "presets.yaml").write_text("presets: [{id: X}, {id: '[b]y', name: 5}]")
    (loras(tmp_path) / "bad.ckpt").write_bytes(b"5")
    more = tmp_path / "more.yaml"
    more.write_text("presets: [{id: y1, name: '[red]y', file: y.safetensors, base: sd15}]")
    print_presets(tmp_path, [more], model="sd15-lcm")
    PRINTER.flush()
    told = capsys.readouterr()
    assert told.err.count("; left out\n") == 4
    assert "[red]y" in told.out


def test_all_that_is_known_of_one(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    kept = Statistics(tmp_path)
    kept.used("anime")
    kept.flush()
    print_info("anime", tmp_path)
    out = "\n".join(lines(capsys))
    assert "in the mix 1 times, last 20" in out
    for text in ("for SD 1.5: no", "CuteCartoonAF", "mirror 1  HF Mirror", "43.2 MB", "c63af131"):
        assert text in out
    with pytest.raises(PresetError, match="did you mean 'anime'"):
        print_info("anme", tmp_path)


def test_verify_tells_of_each_and_fails_on_one(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    digest = hashlib.sha256(lora()).hexdigest()
    (tmp_path / "presets.yaml").write_text(
        "presets:\n"
        f"- {{id: good, base: sd15, file: good.safetensors, sha256: {digest}}}\n"
        f"- {{id: bad, base: sd15, file: bad.safetensors, sha256: {'f' * 64}}}\n"
    )
    for name in ("good", "bad", "mine"):
        (loras(tmp_path) / f"{name}.safetensors").write_bytes(lora())
    verify_presets(tmp_path, "good")
    assert "good: whole; good.safetensors: the digest is right" in lines(capsys)
    with pytest.raises(PresetError, match="not whole: bad; delete and download"):
        verify_presets(tmp_path)
    out = lines(capsys)
    assert any(line.startswith("bad: WRONG; ") for line in out)
    (line,) = (line for line in out if line.startswith("mine: no digest to compare; "))
    assert "nobody vouches for a digest or a size, only its header was checked; " in line
    verify_presets(tmp_path, "mine")
    assert lines(capsys)[-1] == "1 file read, nothing wrong found; 1 without a digest to compare"
    with pytest.raises(PresetError, match="ink is not on this disk; artflow presets download ink"):
        verify_presets(tmp_path, "ink")


def test_what_is_kept_of_a_stopped_download_is_shown(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def begun(name: str, count: int, notes: Notes | None = None) -> Path:
        target = loras(tmp_path) / name
        part_path(target).write_bytes(bytes(count))
        if notes:
            notes_path(target).write_bytes(msgspec.json.encode(notes))
        return target

    said = "base: sd15, verified: false, mirrors: [{url: 'https://a.b/c'}]"
    (tmp_path / "presets.yaml").write_text(
        "presets:\n"
        f"- {{id: known, file: known.safetensors, {said}}}\n"
        f"- {{id: rounded, file: rounded.safetensors, about_size: 3 MB, {said}}}\n"
        f"- {{id: odd, file: odd.safetensors, {said}}}\n"
    )
    pixel = begun("PixelArtRedmond15V-PixelArt-PIXARFK.safetensors", 2_700_000)
    begun("known.safetensors", 500_000, Notes(size=1_000_000, validators={"x": "y"}))
    begun("rounded.safetensors", 200_000, Notes(sha256="a" * 64))
    begun("odd.safetensors", 300_000)
    print_presets(tmp_path)
    out = lines(capsys)

    def row(id: str) -> str:
        return next(line for line in out if line.startswith(f" {id} "))

    assert re.match(r" pixel-art +sd15/sdxl +no, 2\.7 MB kept +27\.2 MB ", row("pixel-art"))
    assert re.match(r" known +sd15 +no, 0\.5 MB kept +\? ", row("known"))
    assert re.match(r" odd +sd15 +no +\? ", row("odd")), "nothing tells what that is"
    assert any("What is kept of a download is continued by the next one." in line for line in out)

    def told(id: str) -> str:
        print_info(id, tmp_path)
        (line,) = (line for line in lines(capsys) if line.startswith("  download  "))
        return line.removeprefix("  download  ")

    goes_on = "are kept, the next download goes on from there"
    assert told("pixel-art") == f"2.7 MB of 27.2 MB {goes_on}"
    assert told("known") == f"0.5 MB of 1.0 MB {goes_on}"
    assert told("rounded") == f"0.2 MB of about 3.0 MB {goes_on}"
    assert told("odd") == "0.3 MB are kept that cannot be continued; the next download begins anew"
    pixel.write_bytes(lora())
    print_info("pixel-art", tmp_path)
    assert not any("are kept" in line for line in lines(capsys)), "its file is there"


def test_what_is_kept_for_another_model_is_shown_beside(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    name = load_catalogue(tmp_path)[0].resolve("anime", "sd15").file
    part_path(loras(tmp_path) / name).write_bytes(bytes(2_700_000))
    (tmp_path / "presets.yaml").write_text(
        f"presets: [{{id: anime, variants: [{{base: rehearsal, bundled: loras/anime.safetensors}}, "
        f"{{base: sd15, file: {name}, sha256: {'a' * 64}, "
        "mirrors: [{url: 'https://a.b/c'}]}]}]"
    )
    print_presets(tmp_path)
    assert any(
        re.match(r" anime +yes +bundled, 2\.7 MB kept for SD 1\.5 ", line) for line in lines(capsys)
    )


def test_delete(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = loras(tmp_path) / "mine.safetensors"
    path.write_bytes(lora())
    delete_entry("mine", tmp_path)
    assert lines(capsys) == [
        f"deleted {path}",
        "a show that plays mine now has it in memory and goes on with it, until it is unloaded",
    ]
    assert not path.exists()
    with pytest.raises(PresetError, match="unknown preset 'mine'"):
        delete_entry("mine", tmp_path)
    part = part_path(loras(tmp_path) / "Chinese_Ink_Painting_Lora_SDXL.safetensors")
    part.write_bytes(b"5")
    delete_entry("ink", tmp_path)
    assert lines(capsys) == [f"deleted {part}"]
    with pytest.raises(PresetError, match="ink is not on this disk; there is nothing to delete"):
        delete_entry("ink", tmp_path)
    with pytest.raises(PresetError, match="hologram comes with the program and stays"):
        delete_entry("hologram", tmp_path)
    # also where it has files for other models, none of which is here
    with pytest.raises(PresetError, match="anime comes with the program and stays"):
        delete_entry("anime", tmp_path)


def test_add_copies_what_can_be_played(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "My Style.safetensors"
    file.write_bytes(lora("sdxl"))
    data = tmp_path / "data"
    for told in ("added", "there already"):
        add_file(file, data)
        target = data / "loras" / file.name
        assert lines(capsys) == [f"{told}: my-style (My Style, style for SDXL); {target}"]
    assert [path.name for path in (data / "loras").iterdir()] == [file.name]
    file.write_bytes(lora("sd15"))
    with pytest.raises(PresetError, match=r"another My Style\.safetensors is in .*; rename yours"):
        add_file(file, data)


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("x.ckpt", b"5", "is a pickle"),
        ("x.txt", b"5", "allowed: a name without folders that ends in .safetensors"),
        ("x.safetensors", b"5", "is cut short"),
        ("x.safetensors", None, "cannot be read"),
    ],
)
def test_what_cannot_be_added(tmp_path: Path, name: str, content: bytes | None, says: str) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises((LoraError, PresetError), match=re.escape(says)):
        add_file(tmp_path / name, tmp_path / "data")
    assert not (tmp_path / "data" / "loras").exists()


def test_a_copy_that_fails_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "x.safetensors"
    file.write_bytes(lora())

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(PresetError, match=r"x\.safetensors cannot be added to .*No space left"):
        add_file(file, tmp_path / "data")
    assert list((tmp_path / "data" / "loras").iterdir()) == []


def test_a_file_for_a_size_that_it_has_not(tmp_path: Path) -> None:
    file = tmp_path / "x.safetensors"
    file.write_bytes(lora())
    data = tmp_path / "data"
    data.mkdir()
    (data / "presets.yaml").write_text(
        "presets: [{id: x, file: x.safetensors, base: sd15, size: 5}]"
    )
    with pytest.raises(PresetError, match="its entry says 5"):
        add_file(file, data)


def test_the_statistics(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    print_stats(tmp_path)
    assert lines(capsys) == ["nothing has been fetched or played yet"]
    moments = iter((0.0, 1e9, 1e30))
    kept = Statistics(tmp_path, lambda: next(moments))
    kept.transferred(Transfer("anime", "HF Mirror", 5_000_000, 2.0, "stalled"))
    kept.installed("anime")
    kept.used("anime")
    kept.flush()
    print_stats(tmp_path)
    out = "\n".join(lines(capsys))
    assert re.search(r" HF Mirror +1 +1 +5\.0 MB +2 s +2\.5 MB/s", out)
    assert re.search(r" anime +1 +5\.0 MB +2001-09-", out)
    assert "5.0 MB in 2.0 s; stalled" in out
