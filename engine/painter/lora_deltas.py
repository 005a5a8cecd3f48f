"""The addition a LoRA makes to one layer, and a mix of them written into the layer's weight.

Everything here is flat: a weight (out, in) or (out, in, k, k) is seen as (out, n), n = in * k * k,
in the order of its own memory, so that a view of it can be written in place. Factors stay factors,
in their file's precision; the sum is made in fp32 and rounded once.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

Kernel = tuple[int, ...]
"""A convolution's (k, k); () for a linear layer."""


class Delta(Protocol):
    """The addition `scale * D` to one layer, D (out, n)."""

    @property
    def scale(self) -> float: ...

    @property
    def factors(self) -> tuple[Tensor, ...]: ...

    def product(self) -> Tensor:
        """D in fp32, newly made."""
        ...


Mix = tuple[tuple[Delta, float], ...]
"""Deltas with their weights, in the order in which they are added."""


@dataclass(frozen=True, slots=True, eq=False)
class LowRank:
    """LoRA and LoCon: D = up @ down; `up` (out, r), `down` (r, n). Hu et al., arXiv:2106.09685."""

    up: Tensor
    down: Tensor
    scale: float

    @property
    def factors(self) -> tuple[Tensor, ...]:
        return self.up, self.down

    def product(self) -> Tensor:
        return self.up.float() @ self.down.float()


@dataclass(frozen=True, slots=True, eq=False)
class Hadamard:
    """LoHa: D = D1 * D2, element by element. FedPara, Hyeon-Woo et al., arXiv:2108.06098."""

    first: LowRank
    second: LowRank
    scale: float

    @property
    def factors(self) -> tuple[Tensor, ...]:
        return *self.first.factors, *self.second.factors

    def product(self) -> Tensor:
        return self.first.product().mul_(self.second.product())


@dataclass(frozen=True, slots=True, eq=False)
class Kronecker:
    """LoKr: D = kron(left, right). Yeh et al. (LyCORIS), arXiv:2309.14859, section 3.

    `left` (a, b); `right` (c, q, m) for out = a * c and n = q * b * m: where channels are last in
    memory, q counts the kernel's places and m channels; else q is 1 and m counts both.
    """

    left: Tensor
    right: Tensor
    scale: float

    @property
    def factors(self) -> tuple[Tensor, ...]:
        return self.left, self.right

    def product(self) -> Tensor:
        left, right = self.left.float(), self.right.float()
        product = left[:, None, None, :, None] * right[None, :, :, None, :]
        return product.reshape(left.shape[0] * right.shape[0], -1)


def channels_last(weight: Tensor) -> bool:
    """Whether the channels of a convolution's weight come last in memory."""
    return weight.dim() == 4 and not weight.is_contiguous()


def flat(weight: Tensor) -> Tensor:
    """A weight (out, in) or (out, in, k, k) as (out, n), the same storage."""
    if channels_last(weight):
        weight = weight.permute(0, 2, 3, 1)
    return weight.view(weight.shape[0], -1)


def in_order(factor: Tensor, kernel: Kernel, last: bool) -> Tensor:
    """A factor (rows, in * k * k) or (rows, in, k, k) as (rows, n), in the order of `flat`.

    `last` says that channels are last in memory.
    """
    return _pieces(factor, kernel, last).reshape(factor.shape[0], -1)


def right_in_order(factor: Tensor, kernel: Kernel, last: bool) -> Tensor:
    """The right factor of a `Kronecker`, (c, d * k * k) or (c, d, k, k), as (c, q, m)."""
    rows = factor.shape[0]
    return _pieces(factor, kernel, last).reshape(rows, kernel[0] * kernel[1] if last else 1, -1)


def _pieces(factor: Tensor, kernel: Kernel, last: bool) -> Tensor:
    if not last:
        return factor
    return factor.reshape(factor.shape[0], -1, *kernel).permute(0, 2, 3, 1)


def compose(pristine: Tensor, mix: Mix, out: Tensor) -> None:
    """`out` = `pristine` + the mix with one rounding; both (out, n), of the same dtype."""
    low = [(delta, weight) for delta, weight in mix if isinstance(delta, LowRank)]
    others = [(delta, weight) for delta, weight in mix if not isinstance(delta, LowRank)]
    if out.dtype is torch.float32:
        total = out  # summed where it stays: nothing of its size need be made
        if low:
            torch.addmm(pristine, *_joined(low), out=out)
        else:
            out.copy_(pristine)
    elif low:
        total = torch.mm(*_joined(low))
    else:
        total = torch.zeros(out.shape, dtype=torch.float32, device=out.device)
    for delta, weight in others:
        total.add_(delta.product(), alpha=weight * delta.scale)
    if total is not out:
        torch.add(pristine, total, out=out)


def _joined(terms: list[tuple[LowRank, float]]) -> tuple[Tensor, Tensor]:
    """Terms of any ranks as one of the sum of their ranks: a single pass over the weight."""
    ups = [delta.up.float() * (weight * delta.scale) for delta, weight in terms]
    downs = [delta.down.float() for delta, _ in terms]
    return (ups[0], downs[0]) if len(terms) == 1 else (torch.cat(ups, 1), torch.cat(downs))
