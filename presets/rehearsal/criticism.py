"""What a critic that sees drawn pictures has to say of made ones."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812

from presets.rehearsal import networks
from presets.rehearsal.denoiser import BASE
from presets.rehearsal.stages import Workbench


class Criticism:
    """A critic of pictures by style, taught while it is heard.

    Pictures are (n, 3, h, w) in -1..1, styles (n,) numbers of base styles.
    """

    def __init__(self, bench: Workbench, width: int = 32, learning: float = 4e-4) -> None:
        self._bench = bench
        self._critic = networks.PatchCritic(BASE, width).to(bench.device)
        self._optimizer = torch.optim.AdamW(
            self._critic.parameters(), lr=learning, betas=(0.0, 0.9)
        )

    @property
    def parts(self) -> Mapping[str, Any]:
        return {"critic": self._critic, "critics": self._optimizer}

    def teach(
        self, real: Tensor, made: Tensor, style: Tensor, others: Tensor | None = None
    ) -> float:
        """One step of the hinge loss; its value.

        `others` are drawn pictures of other styles than `style`: to be told from `real`, too (Reed
        et al., 2016), so that it is the style that the critic comes to look at.
        """
        self._critic.requires_grad_(True)
        with self._bench.mixed():
            yes, no = self._critic(real, style)[0], self._critic(made.detach(), style)[0]
            missed = F.relu(1 + no.float()).mean()
            if others is not None:
                wrong = self._critic(others, style)[0]
                missed = (missed + F.relu(1 + wrong.float()).mean()) / 2
            loss = F.relu(1 - yes.float()).mean() + missed
        self._optimizer.zero_grad(set_to_none=True)
        loss.backward()
        self._optimizer.step()
        self._critic.requires_grad_(False)
        return float(loss.detach())

    def hear(self, real: Tensor, made: Tensor, style: Tensor) -> Tensor:
        """What is to be made less of, with a gradient to `made`."""
        with self._bench.mixed():
            told, seen = self._critic(made, style)
            with torch.no_grad():
                _, wanted = self._critic(real, style)
            # features of the layers: close in what the critic looks at, not pixel by pixel
            alike = sum(
                F.l1_loss(one.float(), other.float())
                for one, other in zip(seen, wanted, strict=True)
            )
        return 2.0 * alike - told.float().mean()
