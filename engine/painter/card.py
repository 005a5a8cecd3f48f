"""What suits a device: the precision to paint in, and torch's settings for it, made once."""

from __future__ import annotations

import torch

from engine.precision import has_fast_half


def precision_of(device: torch.device) -> torch.dtype:
    """fp16 on CUDA where the card computes fast with it, else fp32."""
    if device.type == "cuda" and has_fast_half(torch.cuda.get_device_capability(device)):
        return torch.float16
    return torch.float32


def set_up(device: torch.device) -> None:
    """torch's settings for painting on `device`; they are the process's own.

    A frame's shapes stay what they are, so cuDNN may try which of its convolutions is the fastest
    for each (cards of the GTX 16 series also need it: the others give them NaN in fp16). TF32
    stays as torch has it, on in convolutions and off in products: those in fp32 are sums of LoRAs.
    Attention takes the kernel that torch chooses.
    """
    if device.type == "cuda":
        torch.backends.cudnn.benchmark = True
