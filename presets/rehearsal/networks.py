"""The networks: Stable Diffusion's shapes, small. All plain diffusers and transformers classes.

Measured at 256x256 in fp32 on two threads: encoder 7 ms, denoiser 18, decoder 13.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from diffusers import AutoencoderTiny, UNet2DConditionModel
from diffusers.models.attention_processor import AttnProcessor
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 (the name everyone knows)
from transformers import CLIPTextConfig, CLIPTextModel

from presets.rehearsal.captions import TOKENS

TEXT_WIDTH: Final = 96  # by this width the program knows LoRAs of this base
# The latents' standard deviation. Larger than the usual 1 so that one step from the middle of the
# schedule, where performers play, still sees its input.
LATENT_SPREAD: Final = 2.4
_CHANNELS_LAST: Final = torch.channels_last


def _laid_out(network: Any) -> Any:
    """Channels last in memory, as convolutions like it."""
    return network.to(memory_format=_CHANNELS_LAST)


def autoencoder() -> Any:
    """8x smaller, 4 channels; most of its depth where it is cheap, at low resolution."""
    network = AutoencoderTiny(
        encoder_block_out_channels=(24,) * 4,
        decoder_block_out_channels=(32,) * 4,
        num_encoder_blocks=(0, 1, 3, 4),
        num_decoder_blocks=(5, 4, 1, 0),
    )
    return _laid_out(network)


def denoiser() -> Any:
    """6.4 million parameters; predicts v.

    The prompt reaches it twice: by attention, as usual, and pooled into the time embedding, which
    scales and shifts every residual block. A style is just that (Huang and Belongie, 2017): by
    attention alone it was learned many times slower.
    """
    network = UNet2DConditionModel(
        sample_size=32,
        layers_per_block=1,
        block_out_channels=(48, 96, 144),
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"),
        cross_attention_dim=TEXT_WIDTH,
        attention_head_dim=4,  # the number of heads, for all its name
        norm_num_groups=16,
        resnet_time_scale_shift="scale_shift",
        addition_embed_type="text",
        addition_embed_type_num_heads=4,
    )
    return _laid_out(network)


def fast_backward(network: Any) -> None:
    """On the CPU the fused attention's backward pass is slow; the plain one is not.

    Not to be compiled: torch 2.13's inductor gave the plain one gradients of zero.
    """
    if next(network.parameters()).device.type == "cpu":
        network.set_attn_processor(AttnProcessor())


def text_encoder(words: int) -> Any:
    """Two layers over a vocabulary of whole words."""
    config = CLIPTextConfig(
        vocab_size=words,
        hidden_size=TEXT_WIDTH,
        intermediate_size=2 * TEXT_WIDTH,
        num_hidden_layers=2,
        num_attention_heads=4,
        max_position_embeddings=TOKENS,
        bos_token_id=0,
        eos_token_id=1,
        pad_token_id=1,
    )
    return CLIPTextModel(config)


class PatchCritic(nn.Module):
    """Tells drawn pictures from decoded ones, patch by patch, knowing the style they are meant in.

    A projection discriminator (Miyato and Koyama, 2018) with spectral norm and hinge loss.
    """

    def __init__(self, styles: int, width: int = 32) -> None:
        super().__init__()
        norm = nn.utils.parametrizations.spectral_norm
        self.layers = nn.ModuleList(
            [
                norm(nn.Conv2d(3, width, 4, 2, 1)),
                norm(nn.Conv2d(width, width * 2, 4, 2, 1)),
                norm(nn.Conv2d(width * 2, width * 3, 3, 1, 1)),
            ]
        )
        self.score = norm(nn.Conv2d(width * 3, 1, 1))
        self.style = nn.Embedding(styles, width * 3)
        _laid_out(self)

    def forward(self, picture: Tensor, style: Tensor) -> tuple[Tensor, list[Tensor]]:
        """picture (n, 3, h, w) in -1..1, style (n,); scores (n, 1, h/4, w/4), layers' features."""
        features = []
        here = picture
        for layer in self.layers:
            here = F.leaky_relu(layer(here), 0.2)
            features.append(here)
        told = (here * self.style(style)[:, :, None, None]).sum(1, keepdim=True)
        return self.score(here) + told / here.shape[1] ** 0.5, features


class Judge(nn.Module):
    """A classifier of styles and subjects; trained on drawn pictures, asked about painted ones."""

    def __init__(self, styles: int, subjects: int) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        before = 3
        for after in (24, 48, 72, 96, 128):
            layers += [nn.Conv2d(before, after, 3, 2, 1), nn.BatchNorm2d(after), nn.ReLU()]
            before = after
        self.features = nn.Sequential(*layers)
        self.style = nn.Linear(before, styles)
        self.subject = nn.Sequential(
            nn.Conv2d(before, before, 3, 1, 1),
            nn.ReLU(),
            nn.AdaptiveAvgPool2d(4),
            nn.Flatten(),
            nn.Dropout(0.3),
            nn.Linear(before * 16, subjects),
        )
        _laid_out(self)

    def forward(self, picture: Tensor) -> tuple[Tensor, Tensor]:
        """picture (n, 3, 256, 256) in -1..1; scores (n, styles) and (n, subjects)."""
        found = self.features(picture)
        return self.style(found.mean((2, 3))), self.subject(found)


class Average:
    """The exponential moving average of a network's weights: what is kept in the end."""

    def __init__(self, networks: Iterable[nn.Module], decay: float) -> None:
        self._live = [weight for network in networks for weight in network.parameters()]
        self._mean = [weight.detach().clone() for weight in self._live]
        self._decay = decay

    @torch.no_grad()
    def update(self, step: int) -> None:
        """After each step; the first steps count less."""
        share = 1 - min(self._decay, (step + 1) / (step + 10))
        torch._foreach_lerp_(self._mean, [weight.detach() for weight in self._live], share)

    @torch.no_grad()
    def swap(self) -> None:
        """The mean into the networks and back; always in pairs, or once at the very end."""
        for mean, weight in zip(self._mean, self._live, strict=True):
            kept = weight.detach().clone()
            weight.copy_(mean)
            mean.copy_(kept)

    def state_dict(self) -> dict[str, Any]:
        return {"mean": self._mean}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        for mine, kept in zip(self._mean, state["mean"], strict=True):
            mine.copy_(kept)


def save(network: Any, folder: Path) -> None:
    """In the library's own format, fp32; the weights packed, as the format wants them."""
    for weight in network.parameters():
        weight.data = weight.data.contiguous()
    network.save_pretrained(folder)


def pictures_to_tensor(pixels: Any, device: torch.device) -> Tensor:
    """(n, h, w, 3) bytes to (n, 3, h, w) floats in -1..1."""
    own = np.array(pixels, order="C")  # what is mapped from a file may not be written to
    tensor = torch.from_numpy(own).to(device).permute(0, 3, 1, 2).float()
    return tensor.div(127.5).sub(1).contiguous(memory_format=_CHANNELS_LAST)


def tensor_to_pictures(tensor: Tensor) -> Any:
    """The way back: (n, 3, h, w) in -1..1 to (n, h, w, 3) bytes."""
    scaled = (tensor.float().clamp(-1, 1) + 1) * 127.5 + 0.5
    return scaled.clamp(0, 255).byte().permute(0, 2, 3, 1).cpu().numpy()
