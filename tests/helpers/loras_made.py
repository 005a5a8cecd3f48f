"""LoRAs with contents, made for a model folder, without torch."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from safetensors import safe_open
from safetensors.numpy import save


def strong_lora(model: Path, rank: int = 8, strength: float = 0.5, seed: int = 1) -> bytes:
    """A LoRA in kohya's form on every attention of the UNet, which changes the picture plainly.

    `strength` is the size of an addition beside the size of the weights it is added to.
    """
    random = np.random.default_rng(seed)
    tensors = {}
    path = model / "unet" / "diffusion_pytorch_model.safetensors"
    with safe_open(path, "numpy") as file:
        for key in file.keys():  # noqa: SIM118 - it is no mapping
            name = key.removesuffix(".weight")
            weight = file.get_tensor(key).astype(np.float32)
            if ".attn" not in name or name == key or weight.ndim != 2:
                continue
            down = random.standard_normal((rank, weight.shape[1]), np.float32)
            up = random.standard_normal((weight.shape[0], rank), np.float32)
            up *= strength * weight.std() / np.sqrt(rank)
            lora = "lora_unet_" + name.replace(".", "_")
            tensors[f"{lora}.lora_down.weight"] = down.astype(np.float16)
            tensors[f"{lora}.lora_up.weight"] = up.astype(np.float16)
            tensors[f"{lora}.alpha"] = np.array(rank, np.float16)
    assert tensors, f"no attention in {path}"
    return save(tensors, {"format": "pt"})
