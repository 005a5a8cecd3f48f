from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
import trio
from hypothesis import given
from hypothesis import strategies as st

from engine.lora_format import read_lora
from presets import lora_folder
from presets.catalogue import RESERVED_IDS, Catalogue, Preset, PresetError, Variant
from presets.entry_readers import id as read_id
from presets.library import Library, News
from presets.lora_folder import legal_id, look
from presets.part_file import Lock, lock_path, part_path
from tests.helpers.loras import kohya, safetensors_file

WIDTHS = {"rehearsal": 96, "sd15": 768, "sd21": 1024, "sdxl": 2048}


def lora(base: str = "sd15", **metadata: str) -> bytes:
    path = "down_blocks_1_attentions_0_transformer_blocks_0_attn2_to_k"
    return safetensors_file(kohya(path, 320, WIDTHS[base]), metadata or None)


def entry(id: str, base: str = "sd15", **more: object) -> Preset:
    values: dict[str, object] = {"file": f"{id}.safetensors", "base": base, **more}
    return Preset(id=id, name=id, variants=(Variant(**values),))  # type: ignore[arg-type]


WHOLE = hashlib.sha256(lora()).hexdigest()


class Shelf:
    """A data folder, a program's folder and the library of both."""

    def __init__(self, root: Path, *presets: Preset) -> None:
        self.loras = root / "data" / "loras"
        self.loras.mkdir(parents=True, exist_ok=True)
        self.program = root / "program"
        (self.program / "loras").mkdir(parents=True, exist_ok=True)
        self.library = Library(root / "data", Catalogue(presets), self.program)

    def put(self, name: str, content: bytes | None = None) -> Path:
        path = self.loras / name
        path.write_bytes(lora() if content is None else content)
        return path

    def status(self, id: str, base: str = "sd15") -> str:
        snapshot = self.library.snapshot
        return snapshot.status(snapshot.catalogue.resolve(id, base))

    @property
    def by_hand(self) -> list[str]:
        presets = self.library.snapshot.catalogue.presets
        return [preset.id for preset in presets if "by-hand" in preset.tags]


def test_what_is_installed_bundled_absent_or_wrong(tmp_path: Path) -> None:
    shelf = Shelf(
        tmp_path,
        entry("here", size=len(lora())),
        entry("absent"),
        entry("short", size=5),
        entry("other-base", base="sdxl"),
        entry("broken"),
        Preset(
            id="shipped",
            name="shipped",
            variants=(
                Variant(base="rehearsal", bundled="loras/shipped.safetensors"),
                Variant(base="sd15", bundled="loras/lost.safetensors"),
            ),
        ),
    )
    (shelf.program / "loras" / "shipped.safetensors").write_bytes(lora("rehearsal"))
    for id in ("here", "short", "other-base"):
        shelf.put(f"{id}.safetensors")
    shelf.put("broken.safetensors", lora()[:-1])
    news = shelf.library.rescan()
    assert [shelf.status(id) for id in ("here", "absent", "short", "broken")] == [
        "installed",
        "absent",
        "wrong",
        "wrong",
    ]
    assert shelf.status("other-base", "sdxl") == "wrong"
    assert (shelf.status("shipped", "rehearsal"), shelf.status("shipped")) == ("bundled", "absent")
    assert news.added == ("here",)
    assert len(news.troubles) == 3
    troubles = shelf.library.snapshot.troubles
    assert troubles["short.safetensors"] == (
        f"'short.safetensors' has {len(lora())} bytes, its entry says 5; delete it and fetch it "
        "again"
    )
    assert "contradicts itself" in troubles["other-base.safetensors"]
    assert "fetch it again" in troubles["broken.safetensors"]
    assert all(len(line.splitlines()) == 1 for line in troubles.values())
    ready = shelf.library.snapshot.ready
    assert (ready("here", "sd15"), ready("here", "sdxl")) == (True, False)
    assert (ready("shipped", "rehearsal"), ready("none", "sd15")) == (True, False)
    assert shelf.by_hand == []


def test_files_copied_in_get_an_entry(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path, entry("neon"))
    shelf.put("My Style (v2).safetensors", lora("sdxl", **{
        "modelspec.title": "My style", "modelspec.trigger_phrase": "mystyle, bold"
    }))  # fmt: skip
    shelf.put("mix.safetensors", lora("sd21"))
    (tmp_path / "readme.txt").write_text("no LoRA")
    shelf.put("Neon!.safetensors")
    shelf.put("notes.txt")
    shelf.put(".hidden.safetensors")
    (shelf.loras / "folder.safetensors").mkdir()
    news = shelf.library.rescan()
    assert news == News(added=("my-style-v2", "neon-2", "mix-2"), removed=(), troubles=())
    catalogue = shelf.library.snapshot.catalogue
    mine = catalogue.preset("my-style-v2")
    assert (mine.name, mine.kind, mine.bases) == ("My style", "style", ("sdxl",))
    variant = catalogue.resolve("my-style-v2", "sdxl")
    assert variant.triggers == ("mystyle", "bold")
    assert variant.about_bytes == (shelf.loras / variant.file).stat().st_size
    assert variant.size is None, "nobody says how long it should be"
    assert shelf.status("my-style-v2", "sdxl") == "installed"
    assert catalogue.preset("mix-2").name == "mix"
    assert not shelf.library.rescan(), "nothing is new"
    (shelf.loras / "mix.safetensors").unlink()
    assert shelf.library.rescan() == News(removed=("mix-2",))


def test_ids_stay_while_files_come_and_go(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path)
    shelf.put("b!.safetensors")  # b itself is the deck's
    shelf.library.rescan()
    assert shelf.by_hand == ["b-2"]
    shelf.put("a.safetensors")
    shelf.put("B.safetensors")
    shelf.library.rescan()
    files = {
        shelf.library.snapshot.catalogue.preset(id).variants[0].file: id for id in shelf.by_hand
    }
    assert files["b!.safetensors"] == "b-2"
    assert len(set(files.values())) == 3


def test_a_file_copied_in_takes_no_model_s_id(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path)
    for name in ("sd-turbo", "taesd"):
        shelf.put(f"{name}.safetensors")
    shelf.library.rescan()
    assert shelf.by_hand == ["sd-turbo-2", "taesd-2"]


def test_one_of_several_files_that_comes_or_goes_is_news(tmp_path: Path) -> None:
    both = (Variant("sd15", "a.safetensors"), Variant("sdxl", "b.safetensors"))
    shelf = Shelf(tmp_path, Preset("two", "two", both))
    shelf.put("a.safetensors")
    shelf.library.rescan()
    path = shelf.put("b.safetensors", lora("sdxl"))
    assert shelf.library.rescan() == News(added=("two",))
    path.unlink()
    assert shelf.library.rescan() == News(removed=("two",))


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("old.ckpt", "'old.ckpt' is a pickle (.ckpt), which can run code and is never loaded"),
        ("old.PT", "is a pickle (.pt)"),
        ("upper.SAFETENSORS", "has a name that is not usable everywhere; rename it"),
        ("page.safetensors", "is a web page, not the weights"),
    ],
)
def test_what_cannot_be_played_says_why(tmp_path: Path, name: str, says: str) -> None:
    shelf = Shelf(tmp_path)
    shelf.put(name, b"<!DOCTYPE html><html>" + bytes(20))
    (line,) = shelf.library.rescan().troubles
    assert says in line
    assert shelf.by_hand == []


def test_a_file_that_another_of_its_size_replaces_is_told(tmp_path: Path) -> None:
    library = Library(tmp_path, Catalogue())
    library.folder.mkdir()
    file = library.folder / "mine.safetensors"
    file.write_bytes(lora("sd21"))
    library.rescan()
    before = library.snapshot.stamp(library.snapshot.catalogue.preset("mine").variants[0])
    assert library.rescan() == News()
    os.utime(file, ns=(1, 1))
    assert library.rescan() == News(changed=("mine",))
    preset = library.snapshot.catalogue.preset("mine")
    assert library.snapshot.stamp(preset.variants[0]) not in (None, before)


def test_unchanged_files_are_not_read_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shelf = Shelf(tmp_path, entry("neon"))
    read = []

    def counted(path: Path, *, base: str | None = None) -> object:
        read.append(path.name)
        return read_lora(path, base=base)

    monkeypatch.setattr("presets.lora_folder.read_lora", counted)
    shelf.put("neon.safetensors")
    shelf.put("mine.safetensors")
    shelf.library.rescan()
    shelf.library.rescan()
    assert sorted(read) == ["mine.safetensors", "neon.safetensors"]
    os.utime(shelf.put("mine.safetensors", lora("sdxl")), ns=(0, 5))
    shelf.library.rescan()
    assert read[2:] == ["mine.safetensors"]
    assert shelf.library.snapshot.catalogue.preset("mine").bases == ("sdxl",)


def test_no_folder_is_an_empty_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    library = Library(tmp_path / "none", Catalogue(), tmp_path)
    assert not library.rescan()

    def refuse(folder: Path) -> object:
        raise PermissionError(13, "Permission denied", str(folder))

    monkeypatch.setattr("presets.library.look", refuse)
    with pytest.raises(PresetError, match=r"loras cannot be read \(Permission denied\); mend it"):
        library.rescan()


def test_links_to_nowhere_are_passed_over(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path)
    real = tmp_path / "elsewhere.safetensors"
    real.write_bytes(lora())
    (shelf.loras / "linked.safetensors").symlink_to(real)
    (shelf.loras / "nowhere.safetensors").symlink_to(tmp_path / "none")
    shelf.library.rescan()
    assert shelf.by_hand == ["linked"]
    shelf.library.delete("linked", in_use=lambda _: False)
    assert real.exists(), "the link goes, not what it points to"
    assert not os.path.lexists(shelf.loras / "linked.safetensors")


async def test_the_watch_waits_until_a_file_stands_still(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shelf = Shelf(tmp_path)
    asked, allowed = trio.open_memory_channel[None](0)
    steps: list[News] = []

    async def turn(_: float) -> None:
        await allowed.receive()

    monkeypatch.setattr("presets.library.trio.sleep", turn)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(shelf.library.watch, steps.append)

        async def look_again(times: int = 1) -> None:
            for _ in range(times):
                await asked.send(None)

        await look_again(2)
        path = shelf.put("slow.safetensors", lora()[:100])
        await look_again()
        path.write_bytes(lora())
        await look_again(2)
        await asked.send(None)
        assert steps == [News(added=("slow",))]
        path.unlink()
        await look_again(3)
        assert steps[1:] == [News(removed=("slow",))]
        nursery.cancel_scope.cancel()


async def test_the_watch_outlives_a_folder_that_cannot_be_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shelf = Shelf(tmp_path)
    seen: list[News] = []
    answers: Iterator[bool] = iter((False, True, True))

    def unsteady(folder: Path) -> object:
        if not next(answers, True):
            raise OSError(5, "Input/output error")
        return look(folder)

    monkeypatch.setattr("presets.library.look", unsteady)
    shelf.put("x.safetensors")

    async def heard(news: News) -> None:
        seen.append(news)
        nursery.cancel_scope.cancel()

    with trio.fail_after(20):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(shelf.library.watch, heard, 0.01)
    assert seen == [News(added=("x",))]


def test_verify_reads_all_of_it(tmp_path: Path) -> None:
    shelf = Shelf(
        tmp_path, entry("whole", sha256=WHOLE), entry("other", sha256="0" * 64), entry("unsure")
    )
    for id in ("whole", "other", "unsure"):
        shelf.put(f"{id}.safetensors")
    shelf.library.rescan()
    told: list[tuple[int, int]] = []

    def whole(id: str) -> tuple[bool | None, str]:
        preset = shelf.library.snapshot.catalogue.preset(id)
        verdict = shelf.library.verify(
            preset, preset.variants[0], lambda done, total: told.append((done, total))
        )
        assert verdict.sha256 == WHOLE
        return verdict.whole, verdict.told

    assert whole("whole") == (True, "whole.safetensors: the digest is right")
    assert told[-1] == (len(lora()), len(lora()))
    good, line = whole("other")
    assert good is False
    assert line.endswith(f"not {'0' * 64}; delete it and fetch it again")
    assert (whole("unsure"))[0] is None
    shelf.put("unsure.safetensors", lora() + b"1")
    shelf.library.rescan()
    preset = shelf.library.snapshot.catalogue.preset("unsure")
    verdict = shelf.library.verify(preset, preset.variants[0], lambda *_: None)
    assert verdict.whole is False
    (shelf.loras / "whole.safetensors").unlink()
    with pytest.raises(PresetError, match="whole is not on this disk"):
        whole("whole")


def test_verify_says_what_was_checked_and_what_was_not(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path, entry("sized", size=len(lora())), entry("unsure"))
    for id in ("sized", "unsure", "by-hand"):
        shelf.put(f"{id}.safetensors")
    library = shelf.library

    def told(id: str) -> str:
        preset = library.snapshot.catalogue.preset(id)
        verdict = library.verify(preset, preset.variants[0], lambda *_: None)
        assert verdict.whole is None
        return verdict.told.removeprefix(f"{id}.safetensors: ").removesuffix(WHOLE)

    assert told("unsure") == (
        "nobody vouches for a digest or a size, nothing was checked; it has the digest "
    )
    library.rescan()  # which reads the headers
    assert (
        told("unsure")
        == told("by-hand")
        == (
            "nobody vouches for a digest or a size, only its header was checked; it has the digest "
        )
    )
    assert told("sized") == (
        "nobody vouches for a digest, only its size and header were checked; it has the digest "
    )


def test_delete_is_careful(tmp_path: Path) -> None:
    two = Preset(
        id="two",
        name="two",
        variants=(
            Variant(base="rehearsal", bundled="loras/two.safetensors"),
            Variant(base="sd15", file="two.safetensors"),
            Variant(base="sd21", file="two-21.safetensors"),
        ),
    )
    shipped = Preset(
        id="shipped", name="s", variants=(Variant(base="rehearsal", bundled="loras/s.safetensors"),)
    )
    fetched = Variant(base="sd15", file="both-15.safetensors")
    both = Preset(id="both", name="b", variants=(*shipped.variants, fetched))
    shelf = Shelf(
        tmp_path, two, shipped, both, entry("absent"), entry("out", file="../x.safetensors")
    )
    for name in ("two", "two-21"):
        shelf.put(f"{name}.safetensors")
        shelf.put(f"{name}.safetensors.part")
    outside = shelf.loras.parent / "x.safetensors"
    outside.write_bytes(b"precious")
    library = shelf.library
    library.rescan()

    def refused(id: str, base: str | None = None) -> str:
        with pytest.raises(PresetError) as caught:
            library.delete(id, lambda id: id == "two", base)
        return str(caught.value)

    assert refused("two") == "two is in the mix; unload it first"
    assert refused("shipped") == "shipped comes with the program and stays"
    assert refused("both") == "both comes with the program and stays"
    assert refused("both", "sd15") == "both is not on this disk; there is nothing to delete"
    assert refused("absent") == "absent is not on this disk; there is nothing to delete"
    assert refused("out").startswith("out lies outside of ")
    assert refused("none").startswith("unknown preset")
    assert outside.exists()

    def free(_: str) -> bool:
        return False

    lock = Lock(lock_path(shelf.loras / "two.safetensors"))
    assert lock.acquire()
    with pytest.raises(PresetError, match="two is being downloaded; cancel that first"):
        library.delete("two", free)
    lock.release()
    assert library.delete("two", free, "sd15") == (shelf.loras / "two.safetensors",)
    assert not part_path(shelf.loras / "two.safetensors").exists()
    assert shelf.status("two") == "absent"
    assert library.delete("two", free) == (shelf.loras / "two-21.safetensors",)
    assert list(shelf.loras.iterdir()) == []


def test_a_file_that_another_preset_plays_is_not_deleted(tmp_path: Path) -> None:
    shelf = Shelf(
        tmp_path, entry("theirs", file="one.safetensors"), entry("mine", file="one.safetensors")
    )
    shelf.put("one.safetensors")
    shelf.library.rescan()
    with pytest.raises(
        PresetError, match="mine is in the mix and plays the file of theirs; unload"
    ):
        shelf.library.delete("theirs", lambda id: id == "mine")
    assert shelf.library.delete("theirs", lambda _: False) == (shelf.loras / "one.safetensors",)


def test_what_a_download_left_can_be_deleted(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path, entry("two"))
    part = part_path(shelf.loras / "two.safetensors")
    part.write_bytes(b"begun")
    assert shelf.library.delete("two", lambda _: False) == (part,)
    assert not part.exists()


def test_delete_from_no_folder(tmp_path: Path) -> None:
    library = Library(tmp_path / "none", Catalogue((entry("x"),)), tmp_path)
    with pytest.raises(PresetError, match="there is nothing to delete"):
        library.delete("x", in_use=lambda _: False)
    assert not (tmp_path / "none").exists()


def test_what_the_disk_refuses_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shelf = Shelf(tmp_path, entry("x"))
    shelf.put("x.safetensors")

    def refuse(path: object) -> None:
        raise PermissionError(13, "Permission denied", path)

    monkeypatch.setattr("os.unlink", refuse)
    with pytest.raises(PresetError, match="x cannot be deleted: Permission denied"):
        shelf.library.delete("x", in_use=lambda _: False)


@given(st.text(max_size=300))
def test_any_name_gives_a_legal_id(name: str) -> None:
    id = legal_id(name)
    if id not in ("a", "b") and len(id) > 1:
        try:
            read_id(id)
        except ValueError:
            assert id in RESERVED_IDS


@pytest.mark.parametrize(
    ("name", "id"),
    [("Löve.safetensors", "love"), ("Lo\u0308ve", "love"), ("été №2", "ete-no2"), ("夜", "lora")],
)
def test_a_letter_with_a_mark_keeps_the_letter(name: str, id: str) -> None:
    assert legal_id(name) == id


def test_many_alike_get_ids_of_their_own() -> None:
    stamp = lora_folder.Stamp(5, 0)
    files = [
        lora_folder.OnDisk(f"{'x' * 70}{end}.safetensors", stamp, base="sd15")
        for end in ("", "!", "?", "??")
    ]
    ids = [preset.id for preset in lora_folder.generated(files, ["x" * 64], {})]
    assert ids == [f"{'x' * 62}-{number}" for number in (2, 3, 4, 5)]
    assert [read_id(id) for id in ids] == ids
