from __future__ import annotations

import re
from pathlib import Path

import pytest

from engine.lora_base import wrong_base
from presets.catalogue import (
    BASES,
    BUNDLED_CATALOGUE,
    ID_PATTERN,
    RESERVED_IDS,
    Catalogue,
    Preset,
    PresetError,
    Variant,
)
from presets.catalogue_file import read_catalogue
from presets.models import catalogue as models

USERS_SIX = ("lcm-sdv1-5", "lcm-sdxl", "anime", "realistic", "oil-painting", "cyberpunk")
REHEARSAL = {
    "anime", "realistic", "oil-painting", "cyberpunk", "blueprint",
    "stained-glass", "thermal", "woodcut", "chalk", "hologram",
}  # fmt: skip


@pytest.fixture(scope="module")
def bundled() -> Catalogue:
    file = read_catalogue(BUNDLED_CATALOGUE)
    assert not file.problems
    return Catalogue(file.presets)


def preset(id: str, *bases: str, **more: object) -> Preset:
    variants = tuple(Variant(base=base, file=f"{id}-{base}.safetensors") for base in bases)
    return Preset(id=id, name=id, variants=variants, **more)  # type: ignore[arg-type]


def test_the_bundled_catalogue_is_sound(bundled: Catalogue) -> None:
    files: dict[str, str | None] = {}
    for each in bundled.presets:
        assert re.fullmatch(ID_PATTERN, each.id)
        assert each.id not in RESERVED_IDS
        assert each.description
        assert set(each.bases) <= set(BASES)
        for variant in each.variants:
            assert bool(variant.bundled) == (variant.base == "rehearsal")
            if variant.bundled:
                assert variant.bundled == f"loras/{each.id}.safetensors"
                assert not variant.mirrors
                continue
            assert files.setdefault(variant.file, variant.sha256) == variant.sha256
            assert len(variant.mirrors) >= 2
            assert all(mirror.url.startswith("https://") for mirror in variant.mirrors)
            assert variant.verified == bool(variant.sha256)
            assert not variant.sha256 or re.fullmatch("[0-9a-f]{64}", variant.sha256)
            assert variant.size is None or variant.size == variant.about_bytes
    assert len({digest for digest in files.values() if digest}) == sum(map(bool, files.values()))


@pytest.mark.parametrize("id", USERS_SIX)
def test_each_of_the_six_plays_on_a_real_model(bundled: Catalogue, id: str) -> None:
    real = [base for base in BASES if base != "rehearsal" and base in bundled.preset(id).bases]
    assert real
    assert all(bundled.resolve(id, base).mirrors for base in real)


def test_the_rehearsal_styles_come_with_the_program(bundled: Catalogue) -> None:
    assert {each.id for each in bundled.fitting("rehearsal")} == REHEARSAL
    assert all(bundled.resolve(id, "rehearsal").bundled for id in USERS_SIX[2:])


def test_a_model_comes_up_with_an_acceleration_that_fits(bundled: Catalogue) -> None:
    named = {model.id: model.acceleration for model in models().models if model.acceleration}
    assert named == {"sd15-lcm": "lcm-sdv1-5"}
    for model in models().models:
        if model.acceleration:
            assert bundled.preset(model.acceleration).kind == "acceleration"
            assert bundled.resolve(model.acceleration, model.base)


def test_what_does_not_fit_is_told_with_what_does() -> None:
    known = Catalogue(
        (
            preset("x", "sd15"),
            preset("y", "sd21"),
            preset("z", "sd21", "sdxl"),
            preset("both", *BASES[1:]),
        )
    )
    assert known.resolve("z", "sdxl").file == "z-sdxl.safetensors"
    with pytest.raises(PresetError) as caught:
        known.resolve("x", "sd21", "sd-turbo")
    assert str(caught.value) == (
        "'x' is made for SD 1.5 (text width 768); the running model sd-turbo is SD 2.1 (1024). "
        "Styles for it: y, z, both"
    )
    assert str(caught.value).startswith(wrong_base("x", "sd15", "sd-turbo", "sd21") or "?")
    with pytest.raises(PresetError) as caught:
        known.resolve("both", "rehearsal")
    assert str(caught.value) == (
        "'both' is made for SD 1.5 (text width 768), SD 2.1 (1024) and SDXL (2048); the running "
        "model is the rehearsal model (96). Styles for it: none yet"
    )
    with pytest.raises(PresetError, match=r"of another kind \(unknown\)\. Styles for it: none yet"):
        known.resolve("x", "other", "mine")


def test_an_acceleration_is_answered_with_accelerations() -> None:
    known = Catalogue((preset("quick", "sd15", kind="acceleration"), preset("y", "sdxl")))
    with pytest.raises(PresetError, match="Accelerations for it: none yet"):
        known.resolve("quick", "sdxl")
    assert known.fitting("sd15", "acceleration") == known.presets[:1]


def test_an_unknown_id_is_answered_with_the_near_one() -> None:
    known = Catalogue((preset("neon", "sd15"),))
    with pytest.raises(PresetError) as caught:
        known.preset("neno")
    assert str(caught.value) == (
        "unknown preset 'neno'; did you mean 'neon'? see artflow presets list"
    )
    with pytest.raises(PresetError, match=r"^unknown preset 'q'; see artflow presets list$"):
        known.resolve("q", "sd15")
    assert known.get("neno") is None


def test_later_entries_take_the_place_of_earlier_ones() -> None:
    first = Catalogue((preset("a1", "sd15"), preset("b1", "sd15")))
    mine = preset("a1", "sdxl", origin=Path("presets.yaml"))
    both = first.over([mine, preset("c1", "sd21")])
    assert both.ids() == ("a1", "b1", "c1")
    assert both.preset("a1") is mine
    assert first.preset("a1").bases == ("sd15",)
