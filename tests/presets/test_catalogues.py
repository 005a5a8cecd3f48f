"""The catalogues of a data folder as they change: what stands, what is told, and how often."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import trio

from presets import catalogues
from presets.catalogue import Catalogue
from presets.catalogue_file import CatalogueFile, read_catalogue
from presets.catalogues import Catalogues
from presets.library import Library, News, open_library
from tests.presets.test_library import lora

MINE = "presets: [{id: mine, base: sd15, file: mine.safetensors}]"


def entry(id: str, **more: object) -> str:
    said = "".join(f", {key}: {value}" for key, value in more.items())
    return f"- {{id: {id}, base: sd15, file: {id}.safetensors{said}}}\n"


class Files:
    """A data folder's catalogue, one named beside it, and what was told of both."""

    def __init__(self, data: Path) -> None:
        self.own, self.beside = data / "presets.yaml", data / "beside.yaml"
        self.beside.write_text("presets:\n")
        self._files = Catalogues(data, [self.beside])

    def read(self, *here: str, anew: bool = False) -> tuple[Catalogue, list[str]]:
        found, told = self._files.read(self._files.look(), here, anew=anew)
        return found, [line.rpartition("/")[2] for line in told]


def test_what_changes_is_read_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[str] = []

    def counted(path: Path, here: object) -> CatalogueFile:
        read.append(path.name)
        return read_catalogue(path, here)  # type: ignore[arg-type]

    monkeypatch.setattr(catalogues, "read_catalogue", counted)
    files = Files(tmp_path)
    found, told = files.read()
    assert (read, told, found.get("x")) == (["loras.yaml", "beside.yaml"], [], None)
    files.own.write_text("presets:\n" + entry("x", weight=0.3))
    assert files.read()[0].preset("x").weight == 0.3
    files.own.write_text("presets:\n" + entry("x", weight=0.45) + entry("y"))
    found, _ = files.read()
    assert (found.preset("x").weight, "y" in found.ids()) == (0.45, True)
    files.read()
    assert read[2:] == ["presets.yaml", "presets.yaml"], "once for each version"
    files.read(anew=True)
    assert read[4:] == ["presets.yaml", "beside.yaml"], "the bundled one never changes"
    files.own.unlink()
    assert files.read()[0].get("x") is None


def test_another_file_with_the_same_size_and_date_is_another(tmp_path: Path) -> None:
    files = Files(tmp_path)
    files.own.write_text("presets:\n" + entry("x", weight=0.3))
    files.read()
    status = files.own.stat()
    other = tmp_path / "other"
    other.write_text("presets:\n" + entry("x", weight=0.4))
    os.utime(other, ns=(status.st_atime_ns, status.st_mtime_ns))
    other.replace(files.own)
    assert files.own.stat().st_size == status.st_size
    assert files.read()[0].preset("x").weight == 0.4


def test_what_can_no_longer_be_read_keeps_its_entries_and_is_told_once(tmp_path: Path) -> None:
    files = Files(tmp_path)
    files.own.write_text("presets:\n" + entry("x"))
    files.beside.write_text("presets:\n" + entry("z"))
    files.read()
    files.own.write_text("presets: [")
    files.beside.unlink()
    found, told = files.read()
    assert {"x", "z"} <= {*found.ids()}
    assert [line.partition(":")[0] for line in told] == ["presets.yaml", "beside.yaml"]
    assert told[1] == "beside.yaml: there is no such file; the entries that it had stay"
    assert "not valid YAML" in told[0]
    assert told[0].endswith("; mend this line; the entries that it had stay")
    for anew in (False, True):
        again, told = files.read(anew=anew)
        assert (again, told) == (found, [])
    files.own.write_text("presets:\n" + entry("y"))
    found, told = files.read()
    assert ("x" in found.ids(), "y" in found.ids(), told) == (False, True, [])


def test_a_wrong_entry_is_told_once_for_each_version(tmp_path: Path) -> None:
    files = Files(tmp_path)
    files.own.write_text("presets:\n" + entry("x", weight=7))
    assert files.read()[1] == ["presets.yaml:2: weight is 7; allowed: 0 to 2"]
    assert files.read()[1] == []
    assert files.read(anew=True)[1] == []
    files.own.write_text("presets:\n" + entry("x", weight=7) + entry("y"))
    assert files.read()[1] == ["presets.yaml:2: weight is 7; allowed: 0 to 2"]


def test_a_file_that_comes_later_needs_no_mirror(tmp_path: Path) -> None:
    files = Files(tmp_path)
    files.own.write_text("presets:\n" + entry("x", verified="false", mirrors="[5]"))
    found, told = files.read()
    assert (found.get("x"), len(told)) == (None, 2)
    found, told = files.read("x.safetensors")
    assert (found.preset("x").variants[0].mirrors, told) == ((), [])


def test_an_entry_that_cannot_play_and_hides_another_is_told_once(tmp_path: Path) -> None:
    files = Files(tmp_path)
    files.own.write_text("presets:\n" + entry("mine") + entry("anime"))
    found, told = files.read()
    assert found.preset("anime").origin == files.own  # it counts all the same
    (line,) = told
    assert line.startswith("presets.yaml:3: 'anime' has no mirrors, and the LoRA folder has no ")
    assert line.endswith(", which hides that of loras.yaml")
    assert files.read()[1] == files.read(anew=True)[1] == []
    assert files.read("anime.safetensors")[1] == []
    assert files.read()[1] == [line], "its file is gone again"
    files.own.write_text("presets:\n\n" + entry("anime"))
    assert files.read()[1] == [line], "once for each version"
    mirrors = "[{name: m, url: 'https://a.example/x'}]"
    files.own.write_text("presets:\n" + entry("anime", verified="false", mirrors=mirrors))
    assert files.read()[1] == []
    files.own.write_text("presets:\n" + entry("mine"))
    files.beside.write_text("presets:\n" + entry("mine"))
    assert files.read()[1] == [
        "beside.yaml:2: 'mine' has no mirrors, and the LoRA folder has no 'mine.safetensors'; copy "
        "it there, add mirrors: or remove the entry, which hides that of presets.yaml"
    ]


def test_a_catalogue_that_may_not_be_read_is_told(tmp_path: Path) -> None:
    files = Files(tmp_path)
    files.own.mkdir()
    assert files.read()[1] == ["presets.yaml: cannot be read (Is a directory)"]
    assert files.read()[1] == []


def test_the_library_reads_entries_again(tmp_path: Path) -> None:
    own = tmp_path / "presets.yaml"
    own.write_text(MINE)
    library, problems = open_library(tmp_path)
    assert problems == []
    own.write_text(MINE.replace("id: mine", "id: mine, weight: 0.3"))
    assert library.rescan() == News(changed=("mine",))
    assert library.snapshot.catalogue.preset("mine").weight == 0.3
    own.write_text(MINE.replace("mine", "other"))
    assert library.rescan() == News(added=("other",), removed=("mine",))
    own.write_text("presets: [")
    (line,) = library.rescan().troubles
    assert line.endswith("; the entries that it had stay")
    assert not library.rescan()
    assert library.snapshot.catalogue.get("other")


def test_what_a_deletion_comes_upon_is_told_by_the_next_look(tmp_path: Path) -> None:
    (tmp_path / "loras").mkdir()
    (tmp_path / "loras" / "mine.safetensors").write_bytes(lora())
    own = tmp_path / "presets.yaml"
    own.write_text(MINE)
    library, _ = open_library(tmp_path)
    own.write_text(f"{MINE[:-1]}, 5]")
    library.delete("mine", lambda _: False)
    assert library.snapshot.status(library.snapshot.catalogue.resolve("mine", "sd15")) == "absent"
    (line,) = library.rescan().troubles
    assert ":1: an entry is 5; " in line
    assert not library.rescan()


async def test_the_watch_hears_of_entries_that_stand_still(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = tmp_path / "presets.yaml"
    library = Library(tmp_path, Catalogue(), tmp_path, catalogues=Catalogues(tmp_path))
    library.rescan()
    looks, turn = trio.open_memory_channel[None](0)
    heard: list[News] = []

    async def wait(_: float) -> None:
        await turn.receive()

    monkeypatch.setattr("presets.library.trio.sleep", wait)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(library.watch, heard.append)

        async def look(times: int) -> None:
            for _ in range(times):
                await looks.send(None)

        await look(2)
        own.write_text("presets: [{id: mi")
        await look(1)
        own.write_text(MINE)  # before it has been seen twice
        await look(3)
        assert heard == [News(added=("mine",))]
        own.write_text("presets: [")
        await look(5)
        (line,) = heard[1].troubles
        assert "not valid YAML" in line
        assert len(heard) == 2, "told once"
        assert library.snapshot.catalogue.get("mine")
        nursery.cancel_scope.cancel()
