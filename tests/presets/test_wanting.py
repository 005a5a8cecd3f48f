from __future__ import annotations

from pathlib import Path

import pytest

from engine.errors import LoraError
from engine.painter.model_files import PARTS
from presets import wanting
from presets.catalogue import Catalogue, Preset, PresetError, Variant
from presets.mirrors import check_url, read_url
from presets.models import catalogue as models
from presets.wanted import Mirror, Wanted
from presets.wanting import hub_mirrors, lacking, wanted_model, wanted_preset
from tests.helpers.catalogues import load_catalogue
from tests.helpers.loras import kohya, safetensors_file
from tests.presets.test_models import WEIGHTS, make_model

TO_K = "down_blocks_1_attentions_0_transformer_blocks_0_attn2_to_k"
MIRRORS = (Mirror("here", "https://a.b/x"),)


def lora(width: int) -> bytes:
    return safetensors_file(kohya(TO_K, 320, width))


@pytest.fixture(scope="module")
def bundled() -> Catalogue:
    return load_catalogue(Path("none"))[0]


def test_a_preset_s_file(bundled: Catalogue, tmp_path: Path) -> None:
    wanted = wanted_preset(bundled, "lcm-sdv1-5", "sd15", tmp_path, first_mirror=1)
    (file,) = wanted.files
    assert (wanted.id, wanted.first_mirror) == ("lcm-sdv1-5", 1)
    assert wanted.target(file) == tmp_path / "loras" / "lcm-lora-sdv1-5.safetensors"
    assert file.size == 134_621_556
    assert file.sha256 == "8f90d840e075ff588a58e22c6586e2ae9a6f7922996ee6649a7f01072333afe4"
    rounded = wanted_preset(bundled, "tcd-sd21", "sd21", tmp_path).files[0]
    assert rounded.size is None, "136 MB is only told"


def test_every_file_of_the_catalogues_can_be_wanted(bundled: Catalogue, tmp_path: Path) -> None:
    known = models()
    wanted = [wanted_model(model, tmp_path) for model in known.models if model.repository]
    wanted += [wanted_model(tiny, tmp_path) for tiny in known.tiny_autoencoders]
    for preset in bundled.presets:
        for base in preset.bases:
            if base != "rehearsal":
                wanted.append(wanted_preset(bundled, preset.id, base, tmp_path))
    assert len(wanted) == 3 + 2 + 18
    for each in wanted:
        for file in each.files:
            assert each.target(file).is_relative_to(tmp_path)
            for mirror in file.mirrors:
                url = read_url(mirror.url)
                check_url(url, url)
                assert url.scheme == "https"


def test_a_bundled_preset_and_one_without_mirrors_are_not_fetched(tmp_path: Path) -> None:
    shipped = Preset("s", "s", (Variant("rehearsal", bundled="loras/s.safetensors"),))
    mine = Preset("mine", "m", (Variant("sd15", "mine.safetensors"),), origin=Path("p.yaml"))
    known = Catalogue((shipped, mine))
    with pytest.raises(PresetError, match="s comes with the program"):
        wanted_preset(known, "s", "rehearsal", tmp_path)
    with pytest.raises(PresetError, match=r"no mirrors; copy mine\.safetensors to .*p\.yaml"):
        wanted_preset(known, "mine", "sd15", tmp_path)
    with pytest.raises(PresetError, match=r"'mine' is made for SD 1\.5"):
        wanted_preset(known, "mine", "sdxl", tmp_path)


def test_a_wrong_base_is_seen_in_the_header(tmp_path: Path) -> None:
    known = Catalogue(
        (
            Preset(
                "x",
                "x",
                (Variant("sd21", "x.safetensors", mirrors=MIRRORS),),
                origin=Path("folder/mine.yaml"),
            ),
        )
    )
    check = wanted_preset(known, "x", "sd21", tmp_path, model="sd-turbo").files[0].check_header
    assert check is not None
    good = lora(1024)
    assert not check(good[:50], len(good))
    assert check(good, len(good))
    assert check(good, None)
    with pytest.raises(PresetError) as caught:
        check(lora(768), None)
    assert str(caught.value) == (
        "'x' is made for SD 1.5 (text width 768); the running model sd-turbo is SD 2.1 (1024). "
        "Styles for it: none yet"
    )
    check = wanted_preset(known, "x", "sd21", tmp_path).files[0].check_header
    assert check is not None
    with pytest.raises(PresetError) as caught:
        check(lora(768), None)
    # no model need run for that, and another one would not help
    assert str(caught.value) == (
        "the file of x is made for SD 1.5, its entry says SD 2.1; the entry or its mirror is "
        "wrong: mend base: or url: in mine.yaml"
    )
    with pytest.raises(LoraError, match="is a web page"):
        check(b"<html>" + bytes(90), None)
    with pytest.raises(LoraError, match="not understood"):
        check(safetensors_file({"what": (4, 4), **kohya(TO_K, 320, 1024)}), None)


def test_mirrors_of_the_hubs() -> None:
    assert [mirror.url for mirror in hub_mirrors("a/b", "c d.safetensors", "e/f")] == [
        "https://huggingface.co/a/b/resolve/main/c%20d.safetensors",
        "https://hf-mirror.com/a/b/resolve/main/c%20d.safetensors",
        "https://modelscope.cn/models/e/f/resolve/master/c%20d.safetensors",
    ]
    assert len(hub_mirrors("a/b", "c")) == 2


def ids(wanted: tuple[Wanted, ...]) -> list[str]:
    return [each.id for each in wanted]


def test_what_a_model_lacks(bundled: Catalogue, tmp_path: Path) -> None:
    assert lacking("rehearsal", bundled, tmp_path) == ()
    assert lacking(str(tmp_path), bundled, tmp_path) == ()
    assert ids(lacking("sd-turbo", bundled, tmp_path)) == ["sd-turbo", "taesd"]
    assert ids(lacking("sd15-lcm", bundled, tmp_path)) == ["sd15-lcm", "taesd", "lcm-sdv1-5"]
    make_model(tmp_path / "models" / "sd15-lcm")
    assert ids(lacking("sd15-lcm", bundled, tmp_path)) == ["taesd", "lcm-sdv1-5"]
    taesd = tmp_path / "models" / "taesd"
    taesd.mkdir()
    (taesd / "config.json").write_text('{"_class_name": "AutoencoderTiny"}')
    (taesd / "diffusion_pytorch_model.safetensors").write_bytes(WEIGHTS)
    (tmp_path / "loras").mkdir()
    (tmp_path / "loras" / "lcm-lora-sdv1-5.safetensors").write_bytes(b"")
    assert lacking("sd15-lcm", bundled, tmp_path) == ()


def test_a_model_comes_without_an_acceleration_that_is_nowhere_to_be_had(tmp_path: Path) -> None:
    for variant in (Variant("sdxl", "x.safetensors"), Variant("sd15", "x.safetensors")):
        known = Catalogue((Preset("lcm-sdv1-5", "mine", (variant,), kind="acceleration"),))
        assert ids(lacking("sd15-lcm", known, tmp_path)) == ["sd15-lcm", "taesd"]


def test_a_model_s_files(tmp_path: Path) -> None:
    turbo = models().model("sd-turbo")
    assert turbo is not None
    wanted = wanted_model(turbo, tmp_path)
    assert wanted.folder == tmp_path / "models" / "sd-turbo"
    files = {file.name: file for file in wanted.files}
    unet = files["unet/diffusion_pytorch_model.fp16.safetensors"]
    assert unet.size == 1_731_904_736
    assert [mirror.name for mirror in unet.mirrors] == ["Hugging Face", "HF Mirror", "ModelScope"]
    assert unet.check_header is not None
    assert unet.check_header(WEIGHTS[:9], None) is False
    assert unet.check_header(lora(768), None)
    config = files["unet/config.json"]
    assert (config.size, config.sha256, config.check_header) == (None, None, None)
    assert config.limit == wanting.TEXT_CEILING
    rehearsal = models().model("rehearsal")
    assert rehearsal is not None
    with pytest.raises(PresetError, match="comes with the program"):
        wanted_model(rehearsal, tmp_path)


@pytest.mark.parametrize("id", ["sd-turbo", "sd15-lcm", "sdxl-turbo"])
def test_the_files_of_a_model_are_a_whole_folder(id: str) -> None:
    """Its list fills every place that a folder in diffusers format needs."""
    model = models().model(id)
    assert model is not None
    names = {file.file for file in model.files}
    assert "model_index.json" in names
    for part in PARTS["sdxl" if model.base == "sdxl" else "sd"]:
        inside = {name.removeprefix(f"{part}/") for name in names if name.startswith(f"{part}/")}
        if part.startswith("tokenizer"):
            assert {"tokenizer_config.json", "vocab.json", "merges.txt"} <= inside
        elif part == "scheduler":
            assert inside == {"scheduler_config.json"}
        else:
            stem = "model" if part.startswith("text") else "diffusion_pytorch_model"
            assert inside == {"config.json", f"{stem}.fp16.safetensors"}
