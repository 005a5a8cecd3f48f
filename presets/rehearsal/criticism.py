"""What critics that see drawn pictures have to say of made ones."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from presets.rehearsal import networks
from presets.rehearsal.denoiser import BASE
from presets.rehearsal.stages import Workbench

# how near features of a made picture shall be to the drawn one's, beside the critic's own word
_LIKENESS: Final = 2.0


class Criticism:
    """Critics of pictures by style, taught while they are heard.

    One looks at the pictures as they are, each further one at half the size of the one before, and
    so at twice as much of the picture at once (Wang et al., 2018): a critic that saw patches of 18
    pixels alone let a decoder fill its pictures with cracks along its grid. Pictures are
    (n, 3, h, w) in -1..1, styles (n,) numbers of base styles.
    """

    def __init__(
        self,
        bench: Workbench,
        *,
        width: int = 32,
        sizes: int = 1,
        learning: float = 4e-4,
    ) -> None:
        self._bench = bench
        critics = [networks.PatchCritic(BASE, width) for _ in range(sizes)]
        self._critics = nn.ModuleList(critics).to(bench.device)
        self._optimizer = torch.optim.AdamW(
            self._critics.parameters(), lr=learning, betas=(0.0, 0.9)
        )

    @property
    def parts(self) -> Mapping[str, Any]:
        return {"critic": self._critics, "critics": self._optimizer}

    def teach(
        self, real: Tensor, made: Tensor, style: Tensor, others: Tensor | None = None
    ) -> float:
        """One step of the hinge loss; its value, the mean of all critics.

        `others` are drawn pictures of other styles than `style`: to be told from `real`, too (Reed
        et al., 2016), so that it is the style that a critic comes to look at.
        """
        self._critics.requires_grad_(True)
        loss = torch.zeros((), device=real.device)
        drawn, painted, wrong = real, made.detach(), others
        for critic in self._critics:
            with self._bench.mixed():
                yes, no = critic(drawn, style)[0], critic(painted, style)[0]
                missed = F.relu(1 + no.float()).mean()
                if wrong is not None:
                    different = critic(wrong, style)[0]
                    missed = (missed + F.relu(1 + different.float()).mean()) / 2
                loss = loss + F.relu(1 - yes.float()).mean() + missed
            drawn, painted = _smaller(drawn), _smaller(painted)
            wrong = None if wrong is None else _smaller(wrong)
        loss = loss / len(self._critics)
        self._optimizer.zero_grad(set_to_none=True)
        loss.backward()
        self._optimizer.step()
        self._critics.requires_grad_(False)
        return float(loss.detach())

    def hear(self, real: Tensor, made: Tensor, style: Tensor) -> Tensor:
        """What is to be made less of, the mean of all critics, with a gradient to `made`."""
        loss = torch.zeros((), device=real.device)
        for critic in self._critics:
            with self._bench.mixed():
                told, seen = critic(made, style)
                with torch.no_grad():
                    _, wanted = critic(real, style)
                # close in what the critic looks at, not pixel by pixel
                for one, other in zip(seen, wanted, strict=True):
                    loss = loss + _LIKENESS * F.l1_loss(one.float(), other.float())
                loss = loss - told.float().mean()
            real, made = _smaller(real), _smaller(made)
        return loss / len(self._critics)


def _smaller(pictures: Tensor) -> Tensor:
    return F.avg_pool2d(pictures, 2)
