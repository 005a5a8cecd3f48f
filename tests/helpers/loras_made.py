"""LoRAs with contents, made for a model folder, without torch."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from safetensors import safe_open
from safetensors.numpy import save


def strong_lora(model: Path, rank: int = 8, strength: float = 0.5, seed: int = 1) -> bytes:
    """A LoRA in kohya's form on attentions and convolutions: the picture changes plainly.

    `strength` is the size of an addition beside the size of the weights it is added to.
    """
    random = np.random.default_rng(seed)
    tensors = {}
    path = model / "unet" / "diffusion_pytorch_model.safetensors"
    with safe_open(path, "numpy") as file:
        for key in file.keys():  # noqa: SIM118 - it is no mapping
            name = key.removesuffix(".weight")
            weight = file.get_tensor(key).astype(np.float32)
            inner = ".attn" in name or (".resnets." in name and ".conv" in name)
            if not inner or name == key or weight.ndim not in (2, 4):
                continue
            out, into, *kernel = weight.shape
            down = random.standard_normal((rank, into, *kernel), np.float32)
            up = random.standard_normal((out, rank, *(1 for _ in kernel)), np.float32)
            up *= strength * weight.std() / np.sqrt(rank)
            lora = "lora_unet_" + name.replace(".", "_")
            tensors[f"{lora}.lora_down.weight"] = down.astype(np.float16)
            tensors[f"{lora}.lora_up.weight"] = up.astype(np.float16)
            tensors[f"{lora}.alpha"] = np.array(rank, np.float16)
    assert tensors, f"no attention in {path}"
    return save(tensors, {"format": "pt"})
