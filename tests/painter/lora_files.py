"""LoRA files with random tensors for a tiny pipeline, in every form that is spoken."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from engine.painter.lora_tensors import ModelLayers, Staged, stage
from tests.painter import tiny

Tensors = dict[str, Tensor]

RANKS: Final = (4, 1, 16, 64, 3)
ALPHAS: Final = (4.0, 2.0, 1.0, 32.0, 3.0)

ATTENTION: Final = ("to_q", "to_k", "to_v", "to_out.0")
LINEAR: Final = (*ATTENTION, "proj", "net.2", "time_emb_proj", "proj_in", "proj_out")
CONVOLUTIONS: Final = ("conv1", "conv2", "conv_shortcut", "conv")
TEXT: Final = ("q_proj", "k_proj", "v_proj", "out_proj", "fc1", "fc2")
PARTS: Final = {"unet": "unet", "text": "text_encoder", "text2": "text_encoder_2"}


def model_of(family: tiny.Family, pipe: Any = None) -> ModelLayers:
    """The layers of a tiny pipeline, called "tiny"."""
    return ModelLayers.of(tiny.pipeline(family) if pipe is None else pipe, "tiny", family)


def weights_of(pipe: Any) -> dict[tuple[str, str], Tensor]:
    """Copies of every weight of the pipeline, by part and path; peft's wrappers left out."""
    found = {}
    for part in PARTS.values():
        module = getattr(pipe, part, None)
        for name, weight in module.named_parameters() if module is not None else ():
            found[part, name.replace(".base_layer", "")] = weight.detach().clone()
    return found


def modules_of(pipe: Any, part: str, names: Iterable[str]) -> dict[str, nn.Module]:
    """The linear layers and convolutions of a part whose path ends with one of `names`."""
    ends = tuple(f".{name}" for name in names)
    return {
        path: module
        for path, module in getattr(pipe, PARTS[part]).named_modules()
        if path.endswith(ends) and isinstance(module, nn.Linear | nn.Conv2d)
    }


def factors(weight: Tensor, rank: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Up and down for a weight, as every trainer shapes them."""
    down = torch.randn((rank, *weight.shape[1:]), generator=generator) * 0.2
    up = torch.randn((weight.shape[0], rank), generator=generator) * 0.2
    return up.reshape(*up.shape, *[1] * (weight.dim() - 2)), down


def _kohya(part: str, path: str, two: bool) -> tuple[str, str, str | None]:
    prefix = {
        "unet": "lora_unet_",
        "text": "lora_te1_" if two else "lora_te_",
        "text2": "lora_te2_",
    }
    key = prefix[part] + path.replace(".", "_")
    return f"{key}.lora_up.weight", f"{key}.lora_down.weight", f"{key}.alpha"


def _peft(part: str, path: str, two: bool) -> tuple[str, str, str | None]:  # noqa: ARG001
    key = f"{PARTS[part]}.{path}"
    return f"{key}.lora_B.weight", f"{key}.lora_A.weight", None


def _old(part: str, path: str, two: bool) -> tuple[str, str, str | None]:  # noqa: ARG001
    stem, name = path.rsplit(".", 1)
    if part == "unet":
        stem, name = path.removesuffix(".0").rsplit(".", 1)
        key = f"unet.{stem}.processor.{name}_lora"
    else:
        names = {"q_proj": "to_q", "k_proj": "to_k", "v_proj": "to_v", "out_proj": "to_out"}
        key = f"{PARTS[part]}.{stem}.{names[name]}_lora"
    return f"{key}.up.weight", f"{key}.down.weight", None


FORMS: Final[Mapping[str, Callable[[str, str, bool], tuple[str, str, str | None]]]] = {
    "kohya": _kohya,
    "peft": _peft,
    "old": _old,
}


def lora(
    pipe: Any,
    form: str,
    names: Iterable[str] = (*LINEAR, *CONVOLUTIONS),
    text: Iterable[str] = (),
    *,
    seed: int = 0,
    ranks: Sequence[int] = RANKS,
    alphas: Sequence[float] = ALPHAS,
) -> Tensors:
    """A LoRA for the unet's layers of `names`, ranks in turn, and the text encoders' of `text`.

    A text encoder has one rank, the first: diffusers 0.24 can read no other.
    """
    generator = torch.Generator().manual_seed(seed)
    two = getattr(pipe, "text_encoder_2", None) is not None
    turn = itertools.cycle(zip(ranks, alphas, strict=True))
    tensors: Tensors = {}
    for part, wanted in (("unet", names), ("text", text), *((("text2", text),) if two else ())):
        for path, module in modules_of(pipe, part, wanted).items():
            rank, alpha = next(turn) if part == "unet" else (ranks[0], alphas[0])
            weight = module.weight
            assert isinstance(weight, Tensor)
            named = (
                path if part == "unet" or path.startswith("text_model.") else f"text_model.{path}"
            )
            up_key, down_key, alpha_key = FORMS[form](part, named, two)
            tensors[up_key], tensors[down_key] = factors(weight, rank, generator)
            if alpha_key is not None:
                tensors[alpha_key] = torch.tensor(alpha)
    return tensors


def saved(tensors: Mapping[str, Tensor], path: Path) -> Path:
    save_file({key: tensor.contiguous() for key, tensor in tensors.items()}, path)
    return path


def staged(model: ModelLayers, tensors: Mapping[str, Tensor], folder: Path) -> Staged:
    """Through a file of its own, as the painter does it."""
    path = saved(tensors, folder / f"{len(list(folder.iterdir()))}.safetensors")
    return stage(path, model, base=model.base)
