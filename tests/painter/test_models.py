"""Model folders, whole and broken."""

from __future__ import annotations

import json
import shutil
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
import pytest
import torch
from diffusers import AutoencoderKL
from safetensors.torch import load_file, save_file

from engine.errors import ModelError
from engine.painter.diffusion import DiffusionPainter
from engine.painter.model_files import Part
from engine.painter.models import Model, _precision, best_device, load_model
from engine.painter.settings import Settings
from tests.painter import tiny

REHEARSAL = Path(__file__).parents[2] / "presets" / "models" / "rehearsal"
UNET = "unet/diffusion_pytorch_model.safetensors"


def silent(_share: float, _what: str) -> None: ...


def load(folder: Path, **options: Any) -> Model:
    return load_model(folder, device="cpu", report=silent, **options)


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> Callable[[tiny.Family], Path]:
    """Saved tiny pipelines, one folder for each family; not to be written to."""
    made: dict[str, Path] = {}

    def folder(family: tiny.Family) -> Path:
        if family not in made:
            made[family] = tmp_path_factory.mktemp(family)
            tiny.pipeline(family, vae="kl").save_pretrained(made[family])
        return made[family]

    return folder


@pytest.fixture
def broken(folders: Callable[[tiny.Family], Path], tmp_path: Path) -> Path:
    """A copy of the SD 1.5 folder, to break."""
    return Path(shutil.copytree(folders("sd15"), tmp_path / "model"))


def edit(path: Path, **changes: Any) -> None:
    path.write_text(json.dumps({**json.loads(path.read_text("utf-8")), **changes}), "utf-8")


@pytest.mark.parametrize(("family", "parts"), [("sd15", 3), ("sd21", 3), ("sdxl", 4)])
def test_loads(
    family: tiny.Family,
    parts: int,
    folders: Callable[[tiny.Family], Path],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def no_network(*_args: object) -> NoReturn:
        raise AssertionError("the network was asked")

    monkeypatch.setattr(socket, "getaddrinfo", no_network)
    monkeypatch.setattr(socket.socket, "connect", no_network)
    heard: list[tuple[float, str]] = []
    model = load_model(
        folders(family),
        device="cpu",
        default_prompt="neon",
        report=lambda share, what: heard.append((share, what)),
    )
    assert (model.kind, model.default_prompt) == (family, "neon")
    assert (model.native_size, model.dtype) == ((32, 32), torch.float32)
    assert not model.pipe.unet.training
    assert not any(p.requires_grad for p in model.pipe.unet.parameters())
    shares = [share for share, _ in heard]
    assert shares == sorted(shares)
    assert (shares[0], shares[-1]) == (0.0, 1.0)
    assert len(set(shares)) == parts + 1
    assert {"unet", "vae", "text_encoder"} <= {what for _, what in heard}
    painter = DiffusionPainter(model, 32, 32)
    assert painter.paint(tiny.picture(1), Settings(prompt_a="cat")).std() > 0


def test_loaded_weights_are_the_saved_ones(folders: Callable[[tiny.Family], Path]) -> None:
    saved = tiny.pipeline("sd15", vae="kl")
    model = load(folders("sd15"))
    for part in ("unet", "vae", "text_encoder"):
        ours = getattr(model.pipe, part).state_dict()
        for name, tensor in getattr(saved, part).state_dict().items():
            assert torch.equal(ours[name], tensor), f"{part} {name}"


def test_rehearsal_model_paints() -> None:
    model = load(REHEARSAL, default_prompt="oil painting")
    assert (model.kind, model.native_size) == ("rehearsal", (256, 256))
    painter = DiffusionPainter(model, 64, 64)
    assert painter.stream.schedule.v_prediction
    half = np.zeros((64, 64, 3), np.uint8)
    half[:, 32:] = 255
    painted = painter.paint(half, Settings(strength=0.3)).astype(int)
    assert painted[:, 40:56].mean() - painted[:, 8:24].mean() > 100  # the subject is still there
    neon = painter.paint(half, Settings(prompt_a="neon cyberpunk", strength=0.3))
    assert np.abs(neon.astype(int) - painted).mean() > 20  # the prompt is heard


def test_half_precision_files_serve_where_there_are_no_others(broken: Path) -> None:
    whole = {name: t.half() for name, t in load_file(broken / UNET).items()}
    save_file(whole, broken / "unet/diffusion_pytorch_model.fp16.safetensors", {"format": "pt"})
    before = load(broken).pipe.unet.conv_in.weight
    (broken / UNET).unlink()
    half = load(broken).pipe.unet.conv_in.weight
    assert half.dtype == torch.float32
    assert torch.equal(half, before.half().float())
    assert not torch.equal(half, before)


def test_a_tiny_autoencoder_takes_the_place_of_the_own(broken: Path, tmp_path: Path) -> None:
    tiny.pipeline("sd15", vae="tiny").vae.save_pretrained(tmp_path / "taesd")
    shutil.rmtree(broken / "vae")
    with pytest.raises(ModelError, match="vae/ is missing"):
        load(broken)
    tiny.pipeline("sd15", vae="kl").vae.save_pretrained(broken / "vae")
    model = load(broken, tiny_autoencoder=tmp_path / "taesd")
    assert type(model.pipe.vae).__name__ == "AutoencoderTiny"
    assert model.native_size == (32, 32)
    DiffusionPainter(model, 32, 32).paint(tiny.picture(1), Settings())
    with pytest.raises(ModelError, match="AutoencoderKL, not AutoencoderTiny"):
        load(broken, tiny_autoencoder=broken / "vae")
    with pytest.raises(ModelError, match=r"no config\.json"):
        load(broken, tiny_autoencoder=broken)


def remove(name: str) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        target = folder / name
        shutil.rmtree(target) if target.is_dir() else target.unlink()

    return change


def write(name: str, data: bytes) -> Callable[[Path], None]:
    return lambda folder: void((folder / name).write_bytes(data))


def configure(name: str, **changes: Any) -> Callable[[Path], None]:
    return lambda folder: edit(folder / name, **changes)


def void(_value: object) -> None: ...


def pickled(folder: Path) -> None:
    (folder / UNET).rename(folder / "unet/diffusion_pytorch_model.bin")


def cut(folder: Path) -> None:
    data = (folder / UNET).read_bytes()
    (folder / UNET).write_bytes(data[:-100])


def lacking(folder: Path) -> None:
    tensors = load_file(folder / UNET)
    del tensors["conv_in.weight"]
    save_file(tensors, folder / UNET, {"format": "pt"})


def other_shape(folder: Path) -> None:
    tensors = load_file(folder / UNET)
    tensors["conv_in.weight"] = torch.zeros(3, 4, 3, 3)
    save_file(tensors, folder / UNET, {"format": "pt"})


def lacking_text(folder: Path) -> None:
    path = folder / "text_encoder/model.safetensors"
    tensors = load_file(path)
    del tensors[next(name for name in tensors if name.endswith("mlp.fc1.weight"))]
    save_file(tensors, path, {"format": "pt"})


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (remove("model_index.json"), r"no model_index\.json among .*unet/.* diffusers format"),
        (write("model_index.json", b"{"), r"model_index\.json cannot be read"),
        (write("model_index.json", b"[]"), "holds no JSON object"),
        (
            configure("model_index.json", _class_name="FluxPipeline"),
            "made for FluxPipeline; this painter plays StableDiffusionPipeline, ",
        ),
        (configure("model_index.json", unet=[None, None]), "names no unet"),
        (remove("unet"), r"folder unet/ is missing \(found .*vae/"),
        (remove("unet/config.json"), r"unet/config\.json is missing"),
        (
            remove(UNET),
            r"has no weights: diffusion_pytorch_model\.safetensors or "
            r"diffusion_pytorch_model\.fp16\.safetensors is missing \(found config\.json\)",
        ),
        (pickled, r"has only diffusion_pytorch_model\.bin: pickled weights can run code"),
        (cut, r"has \d+ of \d+ bytes; fetch it again"),
        (write(UNET, b"version https://git-lfs.github.com/spec/v1\n"), "Git LFS pointer"),
        (write(UNET, b""), "cut short at 0 bytes"),
        (write(UNET, b"\x08" + b"\0" * 7 + b"not json"), "is not a safetensors file"),
        (write(UNET, b"\x02" + b"\0" * 7 + b"{}"), "cannot be loaded|weights lack"),
        (lacking, "cannot be loaded: .*conv_in|weights lack 1 tensors of unet.*conv_in"),
        (other_shape, "unet cannot be loaded: .*conv_in"),
        (lacking_text, "weights lack 1 tensors of text_encoder"),
        (
            remove("tokenizer/tokenizer.json"),
            r"tokenizer\.json, or vocab\.json and merges\.txt, are missing \(found ",
        ),
        (write("tokenizer/tokenizer.json", b"{"), "tokenizer cannot be loaded: "),
        (
            configure("model_index.json", tokenizer=["transformers", "T5Tokenizer"]),
            "tokenizer is a T5Tokenizer; known are CLIPTokenizer",
        ),
        (
            configure("model_index.json", vae=["diffusers", "VQModel"]),
            "vae is a VQModel; known are AutoencoderKL, AutoencoderTiny",
        ),
        (configure("model_index.json", scheduler=["diffusers", "VQModel"]), "is no scheduler"),
        (configure("model_index.json", scheduler=["diffusers", "Nothing"]), "scheduler cannot be"),
        (
            configure("scheduler/scheduler_config.json", prediction_type="sample"),
            "predicts 'sample'; it must be epsilon or v_prediction",
        ),
        (configure("unet/config.json", in_channels=9), "takes 9 channels"),
        (
            configure("unet/config.json", cross_attention_dim=1024),
            "text encoder is 768 wide, its unet reads 1024",
        ),
    ],
)
def test_broken_folders(broken: Path, spoil: Callable[[Path], None], message: str) -> None:
    spoil(broken)
    with pytest.raises(ModelError, match=message) as caught:
        load(broken)
    assert "\n" not in str(caught.value)
    assert str(broken) in str(caught.value)


def test_a_vocabulary_with_merges(broken: Path) -> None:
    """CLIP's tokenizer as most folders have it."""
    shutil.rmtree(broken / "tokenizer")
    (broken / "tokenizer").mkdir()
    words = ["<|startoftext|>", "<|endoftext|>", "c", "a", "t</w>", "ca", "cat</w>"]
    for name, data in (
        ("vocab.json", json.dumps({word: number for number, word in enumerate(words)})),
        ("merges.txt", "#version: 0.2\nc a\nca t</w>\n"),
        ("tokenizer_config.json", json.dumps({"model_max_length": tiny.TOKENS})),
    ):
        (broken / "tokenizer" / name).write_text(data, "utf-8")
    edit(broken / "model_index.json", tokenizer=["transformers", "CLIPTokenizer"])
    model = load(broken)
    assert model.pipe.tokenizer("cat").input_ids == [0, 6, 1]
    DiffusionPainter(model, 32, 32).paint(tiny.picture(1), Settings(prompt_a="cat"))


def test_missing_shards_are_named(broken: Path) -> None:
    (broken / UNET).unlink()
    index = {"weight_map": {"a": "one.safetensors", "b": "two.safetensors"}}
    (broken / "unet/diffusion_pytorch_model.safetensors.index.json").write_text(json.dumps(index))
    save_file({"a": torch.zeros(1)}, broken / "unet/one.safetensors")
    with pytest.raises(ModelError, match=r"shards missing: two\.safetensors$"):
        load(broken)


def test_another_autoencoders_channels(broken: Path) -> None:
    shutil.rmtree(broken / "vae")
    other: Any = AutoencoderKL(block_out_channels=(4,), norm_num_groups=2, latent_channels=8)
    other.save_pretrained(broken / "vae")
    with pytest.raises(ModelError, match="autoencoder has 8 latent channels, its unet takes 4"):
        load(broken)


@pytest.mark.parametrize(("name", "message"), [("none", "nothing there"), ("file", "not a folder")])
def test_no_folder_at_all(tmp_path: Path, name: str, message: str) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(ModelError, match=message):
        load(tmp_path / name)


def test_sdxl_autoencoder_keeps_full_precision_when_it_must() -> None:
    vae = Part("vae", Path(), "AutoencoderKL", {})
    assert _precision("sdxl", vae, torch.float16) == torch.float32
    assert _precision("sd", vae, torch.float16) == torch.float16
    mended = Part("vae", Path(), "AutoencoderKL", {"force_upcast": False})
    assert _precision("sdxl", mended, torch.float16) == torch.float16
    assert _precision("sdxl", Part("unet", Path(), "X", {}), torch.float16) == torch.float16


@pytest.mark.parametrize(
    ("cuda", "mps", "expected"),
    [(True, False, "cuda"), (False, True, "mps"), (False, False, "cpu")],
)
def test_best_device(cuda: bool, mps: bool, expected: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: cuda)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: mps)
    assert best_device().type == expected
