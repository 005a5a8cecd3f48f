"""Low-rank additions, against the arithmetic on the weights and against diffusers' own loader."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from engine.painter.models import load_model
from presets.rehearsal import lowrank, networks
from presets.rehearsal.lowrank import FORMS, Additions
from tests.helpers.program import ROOT
from tests.rehearsal.small import same, weights

MODEL = ROOT / "presets" / "models" / "rehearsal"
RANK = 4
LARGEST = 1.5e6  # bytes a bundled preset may have


@pytest.fixture(scope="module")
def denoiser() -> Any:
    """The bundled model's shape; nothing in here may leave anything on it."""
    torch.manual_seed(0)
    return networks.denoiser().eval().requires_grad_(False)


def answer(denoiser: Any) -> Tensor:
    chance = torch.Generator().manual_seed(0)
    latent = torch.randn(2, 4, 16, 16, generator=chance)
    text = torch.randn(2, 24, networks.TEXT_WIDTH, generator=chance)
    with torch.inference_mode():
        made: Tensor = denoiser(latent, torch.tensor([200, 600]), encoder_hidden_states=text).sample
    return made


def trained(denoiser: Any, *, convolutions: bool, rank: int = RANK) -> Additions:
    """Additions as after a training: weights that fp16 can say."""
    additions = Additions(denoiser, rank, convolutions=convolutions)
    chance = torch.Generator().manual_seed(1)
    for added in additions.each:
        for part in (added.down, added.up):
            part.weight.data.normal_(0, 0.1, generator=chance)
            part.weight.data.copy_(part.weight.data.half())
    return additions.requires_grad_(False)


def saved(denoiser: Any, form: str, file: Path) -> Additions:
    additions = trained(denoiser, convolutions=form != "kohya")
    lowrank.save(additions, form, file, {"artflow.base": "rehearsal", "artflow.form": form})
    additions.detach()
    return additions


def product(added: lowrank.LowRank) -> Tensor:
    """up @ down in the shape of the layer's own weight."""
    up, down = added.up.weight, added.down.weight
    return (up.flatten(1) @ down.flatten(1)).view(len(up), *down.shape[1:])


@pytest.mark.parametrize(
    "layer",
    [
        nn.Linear(6, 5),
        nn.Conv2d(6, 5, 1),
        nn.Conv2d(6, 5, 3, padding=1),
        nn.Conv2d(6, 5, 3, stride=2, padding=1),
        nn.Conv2d(6, 5, (1, 3), stride=(2, 1), padding="valid"),
    ],
    ids=["linear", "1x1", "3x3", "stride", "uneven"],
)
def test_an_addition_is_one_to_the_layers_weight(layer: nn.Linear | nn.Conv2d) -> None:
    added = lowrank.LowRank(layer, 3)
    here = torch.randn(2, 7, 6) if isinstance(layer, nn.Linear) else torch.randn(2, 6, 8, 9)
    plain = layer(here)
    assert not added(here).any(), "before its training it adds nothing"
    nn.init.normal_(added.up.weight)
    added.weight = 0.6
    with torch.no_grad():
        together = plain + added(here)
        layer.weight += 0.6 * product(added)
    torch.testing.assert_close(together, layer(here), atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("convolutions", [False, True])
def test_the_fader_goes_from_nothing_to_the_sum_of_the_weights(
    denoiser: Any, convolutions: bool
) -> None:
    before = answer(denoiser)
    additions = trained(denoiser, convolutions=convolutions)
    answers = {}
    for weight in (0.0, 0.5, 1.0):
        additions.set_weight(weight)
        answers[weight] = answer(denoiser)
    additions.detach()
    assert torch.equal(answers[0.0], before)
    assert torch.equal(answer(denoiser), before), "taken off, it is as it was"
    for weight in (0.5, 1.0):
        layers = dict(denoiser.named_modules())
        kept = weights(denoiser)
        for name, added in zip(additions.names, additions.each, strict=True):
            layers[name].weight += weight * product(added)
        summed = answer(denoiser)
        for own, old in zip(denoiser.state_dict().values(), kept, strict=True):
            own.copy_(old)
        assert (summed - before).abs().max() > 0.1
        torch.testing.assert_close(answers[weight], summed, atol=1e-4, rtol=1e-4)


def test_attention_alone_or_the_residual_blocks_too(denoiser: Any) -> None:
    plain = dict(lowrank.wanted_layers(denoiser, convolutions=False))
    every = dict(lowrank.wanted_layers(denoiser, convolutions=True))
    assert all(".attentions." in name for name in plain)
    more = every.keys() - plain.keys()
    assert all(".resnets." in name and name.endswith(("conv1", "conv2")) for name in more)
    layers = denoiser.named_modules()
    wanted = {
        name
        for name, layer in layers
        if isinstance(layer, nn.Linear | nn.Conv2d)
        and (".attentions." in name or ".resnets." in name)
        and not name.endswith(("time_emb_proj", "conv_shortcut"))
    }
    assert every.keys() == wanted
    assert len(more) > 15


def test_additions_begin_alike_and_are_all_trained(denoiser: Any) -> None:
    begun = []
    for _ in range(2):
        torch.manual_seed(5)
        additions = Additions(denoiser, RANK, convolutions=True)
        additions.detach()
        begun.append(weights(additions))
        assert len(list(additions.parameters())) == 2 * len(additions.each)
        assert all(weight.requires_grad for weight in additions.parameters())
    assert same(*begun)


@pytest.mark.parametrize("form", FORMS)
def test_every_form_is_read_back(denoiser: Any, form: str, tmp_path: Path) -> None:
    file = tmp_path / "not yet" / "style.safetensors"
    additions = saved(denoiser, form, file)
    again = lowrank.load(denoiser, file)
    again.detach()
    assert again.names == additions.names
    assert same(weights(again), weights(additions))
    assert not any(weight.requires_grad for weight in again.parameters())
    assert [each.name for each in file.parent.iterdir()] == [file.name], "no part is left"


@pytest.mark.parametrize("form", FORMS)
def test_a_file_says_what_it_is_for_and_is_small(denoiser: Any, form: str, tmp_path: Path) -> None:
    file = tmp_path / "style.safetensors"
    saved(denoiser, form, file)
    with safe_open(file, "pt") as opened:
        assert opened.metadata() == {"artflow.base": "rehearsal", "artflow.form": form}
    tensors = load_file(file)
    assert {tensor.dtype for tensor in tensors.values()} == {torch.float16}
    assert all(key.startswith("unet." if form == "peft" else "lora_unet_") for key in tensors)
    assert any("resnets" in key for key in tensors) == (form != "kohya")
    assert file.stat().st_size < LARGEST


def test_alpha_is_heard(denoiser: Any, tmp_path: Path) -> None:
    file = tmp_path / "style.safetensors"
    additions = saved(denoiser, "kohya", file)
    tensors = load_file(file)
    for key, tensor in tensors.items():
        if key.endswith(".alpha"):
            assert tensor == RANK
            tensor.fill_(RANK / 4)
    save_file(tensors, file)
    again = lowrank.load(denoiser, file)
    again.detach()
    for quarter, whole in zip(again.each, additions.each, strict=True):
        torch.testing.assert_close(product(quarter), product(whole) / 4)


@pytest.mark.parametrize("form", FORMS)
def test_diffusers_plays_and_fuses_the_same(form: str, tmp_path: Path) -> None:
    """Its own loader, through PEFT; diffusers 0.24 does kohya's names itself."""
    pipe = load_model(MODEL, device="cpu", report=lambda *_: None).pipe
    before = answer(pipe.unet)
    saved(pipe.unet, form, tmp_path / "style.safetensors")
    additions = lowrank.load(pipe.unet, tmp_path / "style.safetensors")
    ours = answer(pipe.unet)
    additions.detach()
    assert (ours - before).abs().max() > 0.01
    pipe.load_lora_weights(tmp_path, weight_name="style.safetensors", local_files_only=True)
    torch.testing.assert_close(ours, answer(pipe.unet), atol=1e-5, rtol=1e-5)
    pipe.fuse_lora()
    pipe.unload_lora_weights()
    torch.testing.assert_close(ours, answer(pipe.unet), atol=1e-4, rtol=1e-4)
