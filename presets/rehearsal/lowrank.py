"""Low-rank additions to a frozen denoiser, and the three ways their files are written.

LoRA (Hu et al., 2021): a layer W gets W + weight * alpha / rank * up @ down. Convolutions get it as
LoCon does: a k x k convolution to `rank` channels, then a 1 x 1 back.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

# as trainers name their targets; convolutions of the residual blocks are what LoCon adds
ATTENTION: Final = (
    "to_q", "to_k", "to_v", "to_out.0", "ff.net.0.proj", "ff.net.2", "proj_in", "proj_out",
)  # fmt: skip
CONVOLUTIONS: Final = ("conv1", "conv2")
FORMS: Final = ("kohya", "peft", "locon")
_Layer = nn.Linear | nn.Conv2d


class LowRank(nn.Module):
    """The addition to one layer; `weight` is the fader."""

    down: _Layer
    up: _Layer

    def __init__(self, layer: _Layer, rank: int) -> None:
        super().__init__()
        self.weight = 1.0
        if isinstance(layer, nn.Conv2d):
            self.down = nn.Conv2d(
                layer.in_channels,
                rank,
                _pair(layer.kernel_size),
                _pair(layer.stride),
                layer.padding if isinstance(layer.padding, str) else _pair(layer.padding),
                bias=False,
            )
            self.up = nn.Conv2d(rank, layer.out_channels, 1, bias=False)
        else:
            self.down = nn.Linear(layer.in_features, rank, bias=False)
            self.up = nn.Linear(rank, layer.out_features, bias=False)
        nn.init.normal_(self.down.weight, std=1 / rank)
        nn.init.zeros_(self.up.weight)

    def forward(self, here: Tensor) -> Tensor:
        added: Tensor = self.up(self.down(here))
        return self.weight * added


def _pair(sizes: tuple[int, ...]) -> tuple[int, int]:
    down, across = sizes
    return down, across


class Additions(nn.Module):
    """LowRank for every wanted layer of a denoiser, played along by forward hooks."""

    def __init__(self, denoiser: Any, rank: int, *, convolutions: bool) -> None:
        super().__init__()
        device = next(denoiser.parameters()).device
        self._hooks: list[Any] = []
        self.names: list[str] = []
        self.each: list[LowRank] = []
        for name, layer in wanted_layers(denoiser, convolutions=convolutions):
            added = LowRank(layer, rank).to(device)
            self._hooks.append(layer.register_forward_hook(_playing(added)))
            self.names.append(name)
            self.each.append(added)
        self.layers = nn.ModuleList(self.each)  # so that they are trained and kept

    def set_weight(self, weight: float) -> None:
        """The fader: 0 leaves the denoiser as it was."""
        for added in self.each:
            added.weight = weight

    def detach(self) -> None:
        """Take them off the denoiser again."""
        for hook in self._hooks:
            hook.remove()
        self._hooks.clear()


def _playing(added: LowRank) -> Any:
    def hook(_layer: nn.Module, given: tuple[Tensor, ...], made: Tensor) -> Tensor:
        return made + added(given[0])

    return hook


def wanted_layers(denoiser: Any, *, convolutions: bool) -> Iterator[tuple[str, _Layer]]:
    """Names and layers that get an addition, in the denoiser's order."""
    ends = tuple("." + name for name in (*ATTENTION, *(CONVOLUTIONS if convolutions else ())))
    for name, layer in denoiser.named_modules():
        if name.endswith(ends) and isinstance(layer, nn.Linear | nn.Conv2d):
            yield name, layer


def save(additions: Additions, form: str, file: Path, metadata: Mapping[str, str]) -> None:
    """Write them in fp16 as `form` of FORMS says; alpha is the rank, so that its scale is 1."""
    tensors: dict[str, Tensor] = {}
    for name, layer in zip(additions.names, additions.each, strict=True):
        down, up = layer.down.weight, layer.up.weight
        if form == "peft":
            tensors[f"unet.{name}.lora_A.weight"] = down
            tensors[f"unet.{name}.lora_B.weight"] = up
        else:
            key = "lora_unet_" + name.replace(".", "_")
            tensors[f"{key}.lora_down.weight"] = down
            tensors[f"{key}.lora_up.weight"] = up
            tensors[f"{key}.alpha"] = torch.tensor(float(down.shape[0]))
    kept = {key: value.detach().half().cpu().contiguous() for key, value in tensors.items()}
    file.parent.mkdir(parents=True, exist_ok=True)
    part = file.with_suffix(".part")
    save_file(kept, part, metadata=dict(metadata))
    part.replace(file)


def load(denoiser: Any, file: Path) -> Additions:
    """Additions from a file that `save` wrote, in any form, playing on the denoiser."""
    tensors = load_file(file)
    by_key = {
        key: name
        for name, _ in wanted_layers(denoiser, convolutions=True)
        for key in (f"unet.{name}", "lora_unet_" + name.replace(".", "_"))
    }
    found: dict[str, dict[str, Tensor]] = {}
    for key, tensor in tensors.items():
        for ending, part in (
            (".lora_down.weight", "down"), (".lora_A.weight", "down"),
            (".lora_up.weight", "up"), (".lora_B.weight", "up"), (".alpha", "alpha"),
        ):  # fmt: skip
            if key.endswith(ending):
                found.setdefault(by_key[key.removesuffix(ending)], {})[part] = tensor.float()
    rank = next(iter(found.values()))["down"].shape[0]
    convolutions = any(name.endswith(CONVOLUTIONS) for name in found)
    additions = Additions(denoiser, rank, convolutions=convolutions)
    for name, layer in zip(additions.names, additions.each, strict=True):
        parts = found[name]
        scale = float(parts["alpha"]) / rank if "alpha" in parts else 1.0
        layer.down.weight.data.copy_(parts["down"])
        layer.up.weight.data.copy_(parts["up"] * scale)
    return additions.requires_grad_(False)
