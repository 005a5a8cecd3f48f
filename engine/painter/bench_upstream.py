"""ArtFlow and upstream StreamDiffusion on the same weights, in the same run, in turns.

Upstream is played as its own examples do without TensorRT: the model's tiny autoencoder, stream
batch, cfg type none, `stream(picture)`, then its own way back to a picture. Where there is no CUDA,
the body of its `__call__` without the CUDA events.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import nullcontext
from typing import Any, Final

import PIL.Image
import torch
from streamdiffusion import StreamDiffusion

from engine.latest import Picture
from engine.logs import one_line
from engine.painter.attention import as_loaded
from engine.painter.bench_frames import order_statistics, steady, waiter
from engine.painter.diffusion import DiffusionPainter
from engine.painter.models import Model
from engine.painter.settings import Settings

TURNS: Final = 5
_LEVELS: Final = 50


class Upstream:
    """Upstream's class at `steps` of 50, prepared; `paint` is host to host, `core` on the device.

    Raises whatever upstream does with a model that it cannot play.
    """

    def __init__(self, model: Model, size: tuple[int, int], steps: int) -> None:
        levels = [round(_LEVELS * (step + 1) / (steps + 1)) for step in range(steps)]
        self.stream = StreamDiffusion(
            model.pipe,
            levels,
            torch_dtype=model.dtype,
            width=size[0],
            height=size[1],
            cfg_type="none",
        )
        self.stream.prepare(
            model.default_prompt, num_inference_steps=_LEVELS, generator=torch.Generator()
        )
        self._cuda = model.device.type == "cuda"
        self._wait = waiter(model.device)
        noise = torch.randn((1, 3, size[1], size[0]), generator=torch.Generator().manual_seed(0))
        self._signal = noise.to(model.device, model.dtype).clamp(-1, 1)

    def paint(self, picture: Picture) -> Picture:
        """A picture from the host's memory, its answer there: as `DiffusionPainter.paint`."""
        given = PIL.Image.fromarray(picture)
        if self._cuda:  # pragma: no cover - needs a GPU
            painted = self.stream(given)
        else:
            painted = self._through(self.stream.image_processor.preprocess(given))
        unit = (painted / 2 + 0.5).clamp(0, 1)
        home: Picture = (unit[0].permute(1, 2, 0).float().cpu().numpy() * 255).round().astype("u1")
        return home

    def core(self, _picture: Picture) -> None:
        """Encode, denoise and decode alone, of what lies on the device already."""
        self._through(self._signal)
        self._wait()

    @torch.no_grad()
    def _through(self, signal: torch.Tensor) -> torch.Tensor:
        latent = self.stream.encode_image(signal.to(self.stream.device, self.stream.dtype))
        painted: torch.Tensor = self.stream.decode_image(self.stream.predict_x0_batch(latent))
        return painted


def against(
    painter: DiffusionPainter,
    model: Model,
    size: tuple[int, int],
    pictures: Sequence[Picture],
    steps: int,
    seconds: float,
) -> dict[str, Any]:
    """Both for `seconds` each, in `TURNS` turns. `times` is the ratio of their rates; ms.

    Where upstream cannot play the model, `not_possible` says why.
    """
    try:
        upstream = Upstream(model, size, steps)
        upstream.paint(pictures[0])
    except Exception as error:  # whatever upstream's code meets in a model it was not made for
        return {"steps": steps, "not_possible": one_line(f"{type(error).__name__}: {error}")[:200]}
    settings = Settings(steps=steps)
    parts: dict[str, Callable[[Picture], object]] = {
        "artflow": lambda picture: painter.paint(picture, settings),
        "streamdiffusion": upstream.paint,
        "streamdiffusion_core": upstream.core,
    }
    took: dict[str, list[float]] = {name: [] for name in parts}
    for _ in range(TURNS):
        for name, part in parts.items():
            theirs = as_loaded(model.pipe.unet) if name != "artflow" else nullcontext()
            with theirs:
                took[name] += steady(part, pictures, seconds / TURNS)
    rates = {name: len(each) / sum(each) for name, each in took.items()}
    return {
        "steps": steps,
        **{
            name: {"fps": round(rates[name], 2), "frame_ms": order_statistics(each)}
            for name, each in took.items()
        },
        "times": round(rates["artflow"] / rates["streamdiffusion"], 2),
        "times_core": round(rates["artflow"] / rates["streamdiffusion_core"], 2),
    }
