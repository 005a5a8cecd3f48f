from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.errors import ModelError
from engine.memory_need import Played
from engine.painter.model_files import check_safetensors
from presets import models
from presets.models import (
    ModelChoice,
    catalogue,
    find_model,
    model_folder,
    model_ids,
    model_played,
    told_of,
)

WEIGHTS = b"\x02\0\0\0\0\0\0\0{}"
"""A safetensors file that holds nothing."""


def make_model(folder: Path, **unet: Any) -> Path:
    """A folder that looks like a model in diffusers format; its weights are empty."""
    files: dict[str, Any] = {
        "model_index.json": {
            "_class_name": "StableDiffusionPipeline",
            "feature_extractor": [None, None],
            "safety_checker": ["stable_diffusion", "StableDiffusionSafetyChecker"],
            "scheduler": ["diffusers", "LCMScheduler"],
            "text_encoder": ["transformers", "CLIPTextModel"],
            "tokenizer": ["transformers", "CLIPTokenizer"],
            "unet": ["diffusers", "UNet2DConditionModel"],
            "vae": ["diffusers", "AutoencoderKL"],
        },
        "unet/config.json": {"cross_attention_dim": 768, "sample_size": 64, **unet},
        "vae/config.json": {"_class_name": "AutoencoderKL", "block_out_channels": [8, 8, 8, 8]},
        "text_encoder/config.json": {},
        "tokenizer/tokenizer_config.json": {},
        "tokenizer/tokenizer.json": {},
        "scheduler/scheduler_config.json": {},
    }
    for name, content in files.items():
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(content))
    (folder / "unet" / "diffusion_pytorch_model.safetensors").write_bytes(WEIGHTS)
    (folder / "vae" / "diffusion_pytorch_model.fp16.safetensors").write_bytes(WEIGHTS)
    (folder / "text_encoder" / "model.safetensors").write_bytes(WEIGHTS)
    return folder


def refused(text: str, data: Path) -> str:
    with pytest.raises(ModelError) as caught:
        find_model(text, data)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def refusal(call: Callable[[], object]) -> str | None:
    """What a `ModelError` says, None where there is none; anything else comes through."""
    try:
        call()
    except ModelError as error:
        return str(error)
    return None


def test_the_catalogue_is_whole() -> None:
    known = catalogue()
    assert model_ids() == ("rehearsal", "sd-turbo", "sd15-lcm", "sdxl-turbo")
    tiny = {entry.id: entry for entry in known.tiny_autoencoders}
    for model in known.models:
        assert bool(model.bundled) != bool(model.repository)
        assert model.base in ("rehearsal", "sd15", "sd21", "sdxl")
        assert not model.tiny_autoencoder or model.base in tiny[model.tiny_autoencoder].bases
        assert bool(model.files) == bool(model.repository)
    lists = [model.files for model in known.models]
    for files in (*lists, *(tiny.files for tiny in known.tiny_autoencoders)):
        for file in files:
            assert file.verified == bool(re.fullmatch("[0-9a-f]{64}", file.sha256))
            assert file.verified == (file.size is not None)
            assert file.is_weights or file.file.endswith((".json", ".txt"))
        assert len({file.file for file in files}) == len(files)
    assert known.model("sd-turbo") is known.models[1]
    assert known.model("none") is None


def test_the_default_is_the_bundled_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(models, "gpu_ready", lambda: False)
    make_model(tmp_path / "models" / "sd-turbo")
    choice = find_model("", tmp_path)
    assert choice == ModelChoice(
        id="rehearsal",
        folder=model_folder(catalogue().models[0], tmp_path),
        size=(256, 256),
        default_prompt=catalogue().models[0].default_prompt,
        tiny_autoencoder=None,
        base="rehearsal",
    )
    assert find_model("rehearsal", tmp_path) == choice


def test_a_gpu_gets_the_larger_one_once_it_is_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(models, "gpu_ready", lambda: True)
    assert find_model("", tmp_path).id == "rehearsal"
    folder = make_model(tmp_path / "models" / "sd-turbo", cross_attention_dim=1024)
    part = folder / "unet" / "diffusion_pytorch_model.safetensors.part"
    part.touch()
    assert find_model("", tmp_path).id == "rehearsal", "its download has not ended"
    part.unlink()
    choice = find_model("", tmp_path)
    assert (choice.id, choice.base, choice.folder) == ("sd-turbo", "sd21", folder)


def test_a_gpu_gets_the_bundled_one_while_the_larger_lacks_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(models, "gpu_ready", lambda: True)
    folder = make_model(tmp_path / "models" / "sd-turbo", cross_attention_dim=1024)
    (folder / "vae" / "config.json").unlink()  # a download that ended between two files
    assert find_model("", tmp_path).id == "rehearsal"


def test_a_tiny_autoencoder_is_used_where_there_is_one(tmp_path: Path) -> None:
    make_model(tmp_path / "models" / "sd-turbo")
    assert find_model("sd-turbo", tmp_path).tiny_autoencoder is None
    taesd = tmp_path / "models" / "taesd"
    taesd.mkdir()
    assert find_model("sd-turbo", tmp_path).tiny_autoencoder is None, "an empty folder is none"
    (taesd / "config.json").write_text('{"_class_name": "AutoencoderTiny"}')
    (taesd / "diffusion_pytorch_model.safetensors").write_bytes(WEIGHTS)
    assert find_model("sd-turbo", tmp_path).tiny_autoencoder == taesd
    assert find_model("sd-turbo", tmp_path).acceleration == ""
    make_model(tmp_path / "models" / "sd15-lcm")
    assert find_model("sd15-lcm", tmp_path).acceleration == "lcm-sdv1-5"
    mine = make_model(tmp_path / "mine", cross_attention_dim=2048)
    assert find_model(str(mine), tmp_path).tiny_autoencoder is None, "SDXL has another"


@pytest.mark.parametrize("id", ["sd-turbo", "sd15-lcm", "sdxl-turbo"])
def test_an_absent_model_says_what_it_needs_and_where(tmp_path: Path, id: str) -> None:
    line = refused(id, tmp_path)
    assert line.startswith(f"{id} is not on this machine: it needs ")
    assert "GB" in line
    assert f"artflow presets download {id} fetches it to {tmp_path / 'models' / id}" in line


def test_an_unknown_model_is_answered_with_the_near_one(tmp_path: Path) -> None:
    assert "did you mean sd-turbo?" in refused("sd-turb", tmp_path)
    assert "allowed: rehearsal, " in refused("x" * 300, tmp_path)
    for text in ("a\0b", "~a\0b", "~nobody-at-all", "x\ny", "/" + "x/" * 3000):
        assert "allowed: rehearsal, " in refused(text, tmp_path)


def test_a_single_file_is_not_a_folder(tmp_path: Path) -> None:
    single = tmp_path / "model.safetensors"
    single.write_bytes(b"1")
    assert "is a single file; allowed" in refused(str(single), tmp_path)
    pickled = tmp_path / "model.ckpt"
    pickled.write_bytes(b"1")
    assert "is a pickle" in refused(str(pickled), tmp_path)


def test_a_folder_by_path_or_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = make_model(tmp_path / "data" / "models" / "mine", sample_size=[48, 64])
    by_name = find_model("mine", tmp_path / "data")
    assert by_name.folder == folder
    assert by_name.size == (512, 384)
    assert by_name.base == "sd15"
    monkeypatch.chdir(folder.parent)
    assert find_model("mine", tmp_path / "elsewhere") == by_name


@pytest.mark.parametrize(
    ("unet", "base"),
    [
        ({"cross_attention_dim": 96}, "rehearsal"),
        ({"cross_attention_dim": 768}, "sd15"),
        ({"cross_attention_dim": 1024}, "sd21"),
        ({"cross_attention_dim": 32}, "other"),
        ({"cross_attention_dim": [768, 768]}, "other"),
        ({"cross_attention_dim": 64, "addition_embed_type": "text_time"}, "sdxl"),
    ],
)
def test_the_base_is_read_from_the_unet(tmp_path: Path, unet: dict[str, Any], base: str) -> None:
    assert find_model(str(make_model(tmp_path / "m", **unet)), tmp_path).base == base


def test_the_native_size_follows_the_autoencoder(tmp_path: Path) -> None:
    folder = make_model(tmp_path / "m", sample_size=None)
    assert find_model(str(folder), tmp_path).size == (512, 512)
    (folder / "vae" / "config.json").write_text('{"block_out_channels": [4, 4]}')
    assert find_model(str(folder), tmp_path).size == (128, 128)
    (folder / "vae" / "config.json").write_text("{}")
    assert find_model(str(folder), tmp_path).size == (512, 512)


@pytest.mark.parametrize("sample_size", ["big", [64], ["a", "b"], 0.5])
def test_a_size_that_is_none(tmp_path: Path, sample_size: object) -> None:
    folder = make_model(tmp_path / "m", sample_size=sample_size)
    assert "sample_size" in refused(str(folder), tmp_path)


def test_missing_parts_are_named_all_at_once(tmp_path: Path) -> None:
    folder = make_model(tmp_path / "m")
    shutil.rmtree(folder / "unet")
    shutil.rmtree(folder / "tokenizer")
    assert "folder tokenizer/, unet/ is missing (found " in refused(str(folder), tmp_path)
    (folder / "model_index.json").unlink()
    assert "no model_index.json among scheduler/, text_encoder/, vae/; " in refused(
        str(folder), tmp_path
    )


def test_parts_that_are_not_whole_are_refused(tmp_path: Path) -> None:
    folder = make_model(tmp_path / "m")
    weights = folder / "unet" / "diffusion_pytorch_model.safetensors"
    weights.write_bytes(WEIGHTS[:-1])
    assert "cut short" in refused(str(folder), tmp_path)
    weights.rename(weights.with_suffix(".bin"))
    assert "pickled" in refused(str(folder), tmp_path)


def test_an_xl_model_needs_both_text_encoders(tmp_path: Path) -> None:
    folder = make_model(tmp_path / "m")
    index = json.loads((folder / "model_index.json").read_text())
    index["_class_name"] = "StableDiffusionXLPipeline"
    (folder / "model_index.json").write_text(json.dumps(index))
    assert "folder tokenizer_2/, text_encoder_2/ is missing" in refused(str(folder), tmp_path)


def test_a_bundled_model_that_was_not_installed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(models, "HERE", tmp_path)
    catalogue()  # before the move
    assert "install artflow again" in refused("rehearsal", tmp_path)


ODD = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=5),
    st.sampled_from(["a.safetensors", "..", "", "a/b", "a\0b", "\ud800", "x" * 300, 10**400]),
)
JSON = st.recursive(
    ODD, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner)
)
FILES: dict[str, list[str]] = {
    "model_index.json": ["_class_name", "unet", "vae", "tokenizer", "scheduler"],
    "unet/config.json": ["sample_size", "cross_attention_dim", "addition_embed_type"],
    "vae/config.json": ["block_out_channels", "_class_name"],
    "unet/diffusion_pytorch_model.safetensors.index.json": ["weight_map"],
    "text_encoder/config.json": [],
}


@settings(deadline=None, max_examples=200)
@given(
    st.sampled_from(sorted(FILES)).flatmap(
        lambda name: st.tuples(
            st.just(name),
            JSON
            | st.dictionaries(st.sampled_from(FILES[name] or ["a"]), JSON)
            | st.dictionaries(st.just("weight_map"), st.dictionaries(st.text(max_size=2), ODD)),
        )
    )
)
def test_any_json_is_a_model_or_one_line(
    tmp_path_factory: pytest.TempPathFactory, written: tuple[str, object]
) -> None:
    name, content = written
    folder = tmp_path_factory.getbasetemp() / "any" / Path(name).name
    make_model(folder)
    if name.endswith("index.json") and name.startswith("unet"):
        (folder / "unet" / "diffusion_pytorch_model.safetensors").unlink()
    (folder / name).write_text(json.dumps(content))
    said = refusal(lambda: find_model(str(folder), folder))
    (folder / name).unlink()
    assert said is None or said.splitlines() == [said]


@pytest.mark.parametrize("name", sorted(FILES))
@pytest.mark.parametrize("content", ["[" * 100_000, '{"a":' * 100_000, " " * (9 << 20)])
def test_json_that_is_too_deep_or_too_long(tmp_path: Path, name: str, content: str) -> None:
    folder = make_model(tmp_path / "m")
    (folder / "unet" / "diffusion_pytorch_model.safetensors").unlink()
    (folder / name).write_text(content)
    refused(str(folder), tmp_path)


def header(content: bytes, length: int | None = None) -> bytes:
    return (len(content) if length is None else length).to_bytes(8, "little") + content


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (header(b'{"a": {"data_offsets": [0, "4"]}}'), "is not a safetensors file"),
        (header(b'{"a": {"data_offsets": [0, 4.0]}}'), "is not a safetensors file"),
        (header(b'{"a": {"data_offsets": [0, true]}}'), "is not a safetensors file"),
        (header(b'{"a": {"data_offsets": [4, 0]}}'), "is not a safetensors file"),
        (header(b'{"a": {"data_offsets": 4}}'), "is not a safetensors file"),
        (header(b'{"a": {"data_offsets": [4]}}'), "is not a safetensors file"),
        (header(b'{"a": []}'), "is not a safetensors file"),
        (header(b"[]"), "is not a safetensors file"),
        (header(b'{"a":' * 100_000), "is not a safetensors file"),
        (header(b"\xff\xfe"), "is not a safetensors file"),
        (header(b"{}", 9 << 20), r"a header of 9437184 bytes; allowed: up to 8388608"),
        (header(b"{}", 1 << 62), "a header of 4611686018427387904 bytes"),
        (header(b"{}", 3), "is cut short at 10 bytes"),
        (header(b'{"a": {"data_offsets": [0, 4]}}'), "has 39 of 43 bytes"),
    ],
)
def test_weights_that_are_none(tmp_path: Path, content: bytes, says: str) -> None:
    folder = make_model(tmp_path / "m")
    (folder / "unet" / "diffusion_pytorch_model.safetensors").write_bytes(content)
    assert says in refused(str(folder), tmp_path)


@settings(deadline=None, max_examples=100)
@given(st.binary(max_size=40), st.booleans())
def test_any_bytes_are_weights_or_one_line(
    tmp_path_factory: pytest.TempPathFactory, content: bytes, framed: bool
) -> None:
    file = tmp_path_factory.getbasetemp() / "any.safetensors"
    file.write_bytes(header(content) if framed else content)
    said = refusal(lambda: check_safetensors(file))
    assert said is None or said.splitlines() == [said]


@pytest.mark.parametrize("named", [[], "a", None, 5, {"a": 5}, {"a": "../b"}, {"a": ".."}])
def test_an_index_of_shards_that_is_none(tmp_path: Path, named: object) -> None:
    folder = make_model(tmp_path / "m")
    weights = folder / "unet" / "diffusion_pytorch_model.safetensors"
    weights.unlink()
    weights.with_name(f"{weights.name}.index.json").write_text(json.dumps({"weight_map": named}))
    assert "not the files of tensors; fetch it again" in refused(str(folder), tmp_path)


@pytest.mark.parametrize("call", ["iterdir", "open", "stat"])
def test_what_the_system_refuses_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    folder = make_model(tmp_path / "m")
    shutil.rmtree(folder / "unet")  # so that the folder is listed
    if call == "open":
        make_model(folder)
    real = getattr(Path, call)

    def refuse(self: Path, *arguments: Any, **named: Any) -> Any:
        if self.is_relative_to(folder):
            raise OSError(13, "Permission denied", str(self))
        return real(self, *arguments, **named)

    monkeypatch.setattr(Path, call, refuse)
    assert "cannot be read: Permission denied" in refused(str(folder), tmp_path)


@settings(deadline=None, max_examples=100)
@given(st.one_of(st.binary(max_size=60), st.sampled_from([b"[]", b"5", b"{"])))
def test_a_broken_config_is_one_line(
    tmp_path_factory: pytest.TempPathFactory, content: bytes
) -> None:
    folder = tmp_path_factory.getbasetemp() / "broken"
    if not folder.exists():
        make_model(folder)
    for name in ("model_index.json", "unet/config.json"):
        good = (folder / name).read_bytes()
        (folder / name).write_bytes(content)
        try:
            assert "cannot be read" in (said := refused(str(folder), folder)) or "no JSON" in said
        finally:
            (folder / name).write_bytes(good)


def test_the_show_says_how_to_get_a_bigger_model(tmp_path: Path) -> None:
    fallen_back = told_of(find_model("", tmp_path), "")
    assert fallen_back.startswith("model: rehearsal")
    assert "--model sd-turbo fetches a bigger one" in fallen_back
    assert "artflow presets list" in fallen_back
    assert told_of(find_model("rehearsal", tmp_path), "rehearsal") == "model: rehearsal"


def test_what_is_played_can_be_told_before_it_is_here(tmp_path: Path) -> None:
    assert model_played("", tmp_path) == Played("rehearsal", "rehearsal", (256, 256), True)
    assert model_played("sdxl-turbo", tmp_path) == Played("sdxl-turbo", "sdxl", (512, 512), True)
    assert model_played("nonesuch", tmp_path) is None
