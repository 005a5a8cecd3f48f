"""Self-attention that makes queries, keys and values in one product instead of three.

diffusers' own fusing copies the three weights into a new layer, which a mix of LoRAs would not
reach. Here they become views of one weight: whoever writes to one writes to the whole, and nothing
else has to know.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import torch
from diffusers.models.attention_processor import Attention, AttnProcessor2_0
from torch import Tensor, nn
from torch.nn import functional

_UNUSED: Final = ("group_norm", "spatial_norm", "norm_cross", "norm_q", "norm_k")


class OneProduct:
    """A processor of diffusers' attention; `weight` (3 x width, width) is queries, keys, values.

    What is not plain self-attention is left to `plain`.
    """

    def __init__(self, weight: Tensor, plain: Any) -> None:
        self.weight, self.plain = weight, plain

    def __call__(
        self,
        attn: Any,
        hidden_states: Tensor,
        encoder_hidden_states: Tensor | None = None,
        attention_mask: Tensor | None = None,
        temb: Tensor | None = None,
    ) -> Any:
        if encoder_hidden_states is not None or attention_mask is not None:
            return self.plain(attn, hidden_states, encoder_hidden_states, attention_mask, temb)
        batch, length, _ = hidden_states.shape
        query, key, value = (
            each.view(batch, length, attn.heads, -1).transpose(1, 2)
            for each in functional.linear(hidden_states, self.weight).chunk(3, dim=-1)
        )
        seen = functional.scaled_dot_product_attention(query, key, value)
        return attn.to_out[1](attn.to_out[0](seen.transpose(1, 2).reshape(batch, length, -1)))


@torch.no_grad()
def fuse(unet: nn.Module) -> None:
    """Have plain self-attention use one product; where it does so already nothing is moved."""
    for name, module in unet.named_modules():
        if not (name.endswith(".attn1") and _is_plain(module)):
            continue
        parts: list[Any] = [module.to_q, module.to_k, module.to_v]
        before: Any = module.processor
        if isinstance(before, OneProduct):
            if before.weight.data_ptr() == parts[0].weight.data_ptr():
                continue
            before = before.plain
        weight = torch.cat([part.weight for part in parts])
        for part, rows in zip(parts, weight.chunk(3), strict=True):
            part.weight = nn.Parameter(rows, requires_grad=False)
        module.set_processor(OneProduct(weight, before))


@contextmanager
def as_loaded(unet: nn.Module) -> Iterator[None]:
    """Attention as diffusers has it, for a while: what others are measured with."""
    fused = [each for each in unet.modules() if isinstance(each, Attention)]
    before: list[Any] = [each.processor for each in fused]
    for each, processor in zip(fused, before, strict=True):
        if isinstance(processor, OneProduct):
            each.set_processor(processor.plain)
    try:
        yield
    finally:
        for each, processor in zip(fused, before, strict=True):
            each.set_processor(processor)


def _is_plain(attn: Any) -> bool:
    known: tuple[Any, ...] = (AttnProcessor2_0, OneProduct)
    if not (isinstance(attn, Attention) and isinstance(getattr(attn, "processor", None), known)):
        return False
    parts = [attn.to_q, attn.to_k, attn.to_v]
    return (
        all(isinstance(each, nn.Linear) and each.bias is None for each in parts)
        and len({each.weight.shape for each in parts}) == 1
        and all(getattr(attn, name, None) is None for name in _UNUSED)
        and not attn.residual_connection
        and attn.rescale_output_factor == 1.0
    )
