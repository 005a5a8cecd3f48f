"""LiveStream: StreamDiffusion whose every knob can be turned between two frames.

The numbers are upstream's (streamdiffusion 0.1.1, Kodaira et al. 2023, arXiv:2312.12491), bit for
bit; what differs is where they are kept. Upstream rebinds its tensors in `prepare`, and again in
every frame; here each lives in storage of its own that is written in place, so turning a knob is a
few small copies, noise and frames in flight survive it, and a captured CUDA graph stays valid.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final, Literal, NoReturn

import torch
from streamdiffusion import StreamDiffusion
from torch import Tensor

from engine.painter.batch import NoiseDecks, StreamBatch
from engine.painter.feedback import Feedback
from engine.painter.graphs import FrameRunner, Key, Work
from engine.painter.pictures import to_picture, to_signal
from engine.painter.prompts import Conditioning, PromptBook
from engine.painter.schedule import Schedule, timesteps_of
from engine.painter.settings import MAX_STEPS, Settings

KEEPS_STOCK_NOISE: Final = ("self", "initialize")
"""The cfg types whose unconditional prediction is a residual carried from frame to frame."""

ASKS_NEGATIVE: Final = ("full", "initialize")
"""The cfg types that ask the model about the negative prompt."""

FrameKey = tuple[int, str, bool]


def cfg_type_of(settings: Settings) -> str:
    """The cfg type that runs: guidance of 1 or less asks the model no second question.

    `initialize` then runs as `self`, which keeps its stock noise warm, `full` as `none`.
    """
    if settings.guidance > 1.0:
        return settings.guidance_mode
    return "self" if settings.guidance_mode in KEEPS_STOCK_NOISE else "none"


def asks_negative(settings: Settings) -> bool:
    """Whether painting with these needs the negative prompt."""
    return cfg_type_of(settings) in ASKS_NEGATIVE


class LiveStream(StreamDiffusion):
    """A stream batch of 1 to 4 steps over a diffusers pipeline, played by `apply(settings)`.

    Per frame: write the static `input` (h, w, 3) uint8, `apply`, `fill`, `frame`, then read the
    static `output` (h, w, 3) uint8. The device part is `encode` (input to `latent`), which may be
    left out while the input stands still, and `paint` (latent to `output` and `sound`): no host
    decision that their keys do not name, no synchronisation, no allocation that outlives them.

    `posterior` is how an `AutoencoderKL` answers: "mean" (a still input gives a still picture) or
    "sample" (upstream's way: new noise every frame). A v-prediction UNet is converted to upstream's
    epsilon form; SDXL's added conditioning is carried along.
    """

    batch: StreamBatch
    cfg_type: str
    unfilled: int
    """Passes still to run before a picture is whole; `fill` runs them."""

    def __init__(
        self,
        pipe: Any,
        *,
        width: int,
        height: int,
        torch_dtype: torch.dtype = torch.float32,
        posterior: Literal["mean", "sample"] = "mean",
        default_prompt: str = "",
    ) -> None:
        """`width` and `height` are pixels, multiples of the pipeline's `vae_scale_factor`."""
        super().__init__(
            pipe, [0], torch_dtype=torch_dtype, width=width, height=height, cfg_type="none"
        )
        device: torch.device = self.device
        self.schedule = Schedule.of(self.scheduler, device, torch_dtype)
        self.prompts = PromptBook(pipe, default_prompt)
        self.feedback = Feedback(width, height, device)
        self.posterior = posterior
        self.white = torch.full((), 255.0, device=device)
        self.input = torch.zeros((height, width, 3), dtype=torch.uint8, device=device)
        self.output = torch.zeros_like(self.input)
        self.sound = torch.ones((), dtype=torch.bool, device=device)
        self.guidance_scale = torch.ones((), dtype=torch_dtype, device=device)
        self.delta = torch.ones((), dtype=torch_dtype, device=device)

        self._settings = Settings()
        prompt = self.prompts.prompt("")
        latent = (self.latent_height, self.latent_width)
        self.batches = {
            steps: StreamBatch(steps, latent, self.schedule, prompt)
            for steps in range(1, MAX_STEPS + 1)
        }
        # SDXL was trained on the size and crop of each picture: ours is whole and of this size.
        self.time_ids = torch.tensor(
            [height, width, 0, 0, height, width], dtype=torch_dtype, device=device
        ).expand(2 * MAX_STEPS, 6)
        self._held: tuple[Settings, tuple[int, ...]] | None = None
        self._feeding_back = False
        self.generator = torch.Generator().manual_seed(self._settings.seed)
        self.restart()
        # as the autoencoder lays it out in memory: no copy may turn it round
        self.latent = torch.empty_like(self._encoded())

    # The host's part, between frames

    def apply(self, settings: Settings, timesteps: Sequence[int] | None = None) -> bool:
        """Take on `settings`; True when anything is different from the frame before.

        `timesteps` (noisiest first, as many as steps) replace those that strength would give.
        """
        levels = tuple(timesteps or timesteps_of(settings.strength, settings.steps))
        if (settings, levels) == self._held:
            return False
        self._held = (settings, levels)
        self._settings = settings
        self._enter(settings.steps, cfg_type_of(settings))
        self.batch.hold_timesteps(levels)
        self.batch.hold_noise(NoiseDecks(settings.seed, settings.seed_b, settings.seed_mix))
        self.batch.hold_prompt(*self._conditioning(settings))
        self.guidance_scale.fill_(settings.guidance)
        self.delta.fill_(settings.delta)
        self.feedback.apply(settings)
        self._feeding_back = settings.feedback_amount > 0.0
        return True

    def refresh_prompts(self) -> None:
        """Take the prompts from the book anew at the next `apply`: one is encoded otherwise now."""
        self._held = None

    def restart(self) -> None:
        """Forget every frame in flight and the last picture, not the settings."""
        self.batches[self._settings.steps].empty()
        self._use(self.batches[self._settings.steps], cfg_type_of(self._settings))
        self.sound.fill_(True)
        self._painted = False

    @torch.no_grad()
    def fill(self, runner: FrameRunner | None = None) -> None:
        """Run the static input through an unfilled batch, so that the next frame comes out whole.

        Does nothing in a running stream. Upstream shows these first frames: they are brown. What
        `runner` holds is replayed.
        """
        if not self._painted:
            self.output.copy_(self.input)  # what feedback finds before there is a painted picture
            self._painted = True
        if self.unfilled:
            if runner is None:
                runner = FrameRunner()
            runner.run(self.encode_key, self.encode)
            if runner.holds(self.paint_key):
                before = self.output.clone()  # feedback shall not find these pictures
                for _ in range(self.unfilled):
                    runner.run(self.paint_key, self.paint)
                self.output.copy_(before)
            else:
                for _ in range(self.unfilled):
                    self.denoise()
            self.unfilled = 0

    @property
    def frame_key(self) -> FrameKey:
        """Steps, cfg type and whether feedback runs: all that a frame's way depends on."""
        return self.batch.steps, self.cfg_type, self._feeding_back

    @property
    def encode_key(self) -> Key:
        """A captured `encode` serves exactly one of these."""
        return "encode", self._feeding_back

    @property
    def paint_key(self) -> Key:
        """A captured `paint` serves exactly one of these: what it is for, steps, cfg type."""
        return "paint", self.batch.steps, self.cfg_type

    @property
    def parts(self) -> tuple[tuple[Key, Work], ...]:
        """The device part of a frame as it is now."""
        return (self.encode_key, self.encode), (self.paint_key, self.paint)

    @property
    def encodes_anew(self) -> bool:
        """Whether the same input is another latent in every frame."""
        return self._feeding_back or self.posterior == "sample"

    def written(self) -> list[Tensor]:
        """All the storage that a frame writes."""
        batch = self.batch
        waiting = [] if batch.waiting is None else [batch.waiting]
        return [self.latent, self.output, self.sound, batch.stock_noise, *waiting]

    def update_prompt(self, prompt: str) -> None:
        """Put `prompt` on deck a; unlike upstream's, the unconditional half stays."""
        self.apply(replace(self._settings, prompt_a=prompt))

    def prepare(self, *_args: object, **_knobs: object) -> NoReturn:
        """Upstream starts over here. A live stream never does."""
        raise RuntimeError("a LiveStream is always prepared: use apply(settings)")

    def _enter(self, steps: int, cfg_type: str) -> None:
        """Swap to the prepared batch of `steps`, with empty flight when it has rested."""
        if steps != self.batch.steps:
            self.batches[steps].empty()
            self._use(self.batches[steps], cfg_type)
        elif cfg_type in KEEPS_STOCK_NOISE and self.cfg_type not in KEEPS_STOCK_NOISE:
            self.batch.stock_noise.zero_()
            self._use(self.batch, cfg_type)
        self.cfg_type = cfg_type

    def _use(self, batch: StreamBatch, cfg_type: str) -> None:
        self.batch = batch
        self.cfg_type = cfg_type
        # The first stock noise is learnt from a pass of its own where no earlier step gives one.
        self.unfilled = max(batch.steps - 1, 1 if cfg_type in KEEPS_STOCK_NOISE else 0)
        # Upstream's own methods read these names.
        self.denoising_steps_num = self.batch_size = batch.steps
        self.sub_timesteps_tensor = batch.timesteps
        self.alpha_prod_t_sqrt, self.beta_prod_t_sqrt = batch.alpha, batch.beta
        self.c_skip, self.c_out = batch.c_skip, batch.c_out
        self.init_noise, self.stock_noise = batch.noise, batch.stock_noise
        self.x_t_latent_buffer = batch.waiting
        self.prompt_embeds = batch.embeds

    def _conditioning(self, settings: Settings) -> tuple[Conditioning, Conditioning | None]:
        asked = self.cfg_type in ASKS_NEGATIVE
        return (
            self.prompts.decks(settings.prompt_a, settings.prompt_b, settings.prompt_mix),
            self.prompts.negative(settings.negative) if asked else None,
        )

    # The device's part

    def frame(self) -> None:
        """Paint the static input into the static output."""
        self.encode()
        self.paint()

    @torch.no_grad()
    def encode(self) -> None:
        """The static input, feedback mixed in, into the static latent (1, 4, h/8, w/8)."""
        self.latent.copy_(self._encoded())

    @torch.no_grad()
    def paint(self) -> None:
        """The static latent into the static output."""
        self.give_out(self.denoise())
        if self.cfg_type in KEEPS_STOCK_NOISE:
            self.sound.copy_(torch.isfinite(self.batch.stock_noise).all())

    @torch.no_grad()
    def denoise(self) -> Tensor:
        """One pass of the static latent: a denoised one (1, 4, h/8, w/8)."""
        return self.predict_x0_batch(self._noised(self.latent))

    @torch.no_grad()
    def give_out(self, latent: Tensor) -> None:
        """A denoised latent (1, 4, h/8, w/8) into the static output."""
        self.output.copy_(to_picture(self.decode_image(latent)))

    @torch.no_grad()
    def encode_image(self, image_tensors: Tensor) -> Tensor:
        """(1, 3, h, w) in -1..1 -> latent at the noise level of the first step."""
        return self._noised(self._latent_of(image_tensors))

    @torch.no_grad()
    def _encoded(self) -> Tensor:
        signal = to_signal(self.input, self.white)
        if self._feeding_back:
            signal = self.feedback.mix(signal, to_signal(self.output, self.white))
        return self._latent_of(signal)

    def _latent_of(self, signal: Tensor) -> Tensor:
        encoded = self.vae.encode(signal.to(self.device, self.vae.dtype))
        if not hasattr(encoded, "latent_dist"):  # AutoencoderTiny has no posterior
            latent = encoded.latents
        elif self.posterior == "sample":
            latent = encoded.latent_dist.sample(self.generator)
        else:
            latent = encoded.latent_dist.mode()
        scaled: Tensor = (latent * self.vae.config.scaling_factor).to(self.dtype)
        return scaled

    def _noised(self, latent: Tensor) -> Tensor:
        """At the noise level of the first step."""
        noised: Tensor = self.batch.alpha[0] * latent + self.batch.beta[0] * self.batch.noise[0]
        return noised

    @torch.no_grad()
    def decode_image(self, x_0_pred_out: Tensor) -> Tensor:
        """Latent -> (1, 3, h, w), about -1..1."""
        latent = (x_0_pred_out / self.vae.config.scaling_factor).to(self.vae.dtype)
        picture: Tensor = self.vae.decode(latent, return_dict=False)[0]
        return picture

    @torch.no_grad()
    def predict_x0_batch(self, x_t_latent: Tensor) -> Tensor:
        """One pass of the batch: a new latent goes in, the oldest comes out denoised.

        Everything else moves on one step and waits, re-noised with its row's noise.
        """
        batch = self.batch
        if batch.waiting is None:
            return self.unet_step(x_t_latent, batch.timesteps)[0]
        rows = torch.cat((x_t_latent, batch.waiting))
        batch.stock_noise.copy_(torch.cat((batch.noise[:1], batch.stock_noise[:-1])))
        denoised, _ = self.unet_step(rows, batch.timesteps)
        batch.waiting.copy_(batch.alpha[1:] * denoised[:-1] + batch.beta[1:] * batch.noise[1:])
        return denoised[-1:]

    @torch.no_grad()
    def unet_step(
        self, x_t_latent: Tensor, t_list: Tensor, idx: int | None = None
    ) -> tuple[Tensor, Tensor]:
        """Denoised rows (n, 4, h, w) and the guided noise prediction they came from."""
        assert idx is None, "a stream batch takes all its steps at once"
        batch = self.batch
        text, uncond = self._predict(x_t_latent, t_list)
        if self.cfg_type == "initialize":
            # The true unconditional prediction of the newest frame is the stock of the others.
            assert uncond is not None
            batch.stock_noise[:1].copy_(uncond)
        if self.cfg_type in KEEPS_STOCK_NOISE:
            uncond = batch.stock_noise * self.delta
        guided = text if uncond is None else uncond + self.guidance_scale * (text - uncond)
        if self.cfg_type == "self":
            # On the device, so that a fader may cross 1 without a change of frame key.
            guided = torch.where(self.guidance_scale > 1.0, guided, text)

        denoised = self.scheduler_step_batch(guided, x_t_latent)
        if self.cfg_type in KEEPS_STOCK_NOISE:
            # The residual noise (paper, section 3.2): carry the stock along the same step.
            carried = self.scheduler_step_batch(guided, batch.beta * batch.stock_noise)
            next_noise = torch.cat((batch.noise[1:], batch.noise[:1]))
            batch.stock_noise.copy_(next_noise + batch.alpha_next * carried / batch.beta_next)
        return denoised, guided

    def _predict(self, x: Tensor, t: Tensor) -> tuple[Tensor, Tensor | None]:
        """The UNet's noise prediction for the rows and, where asked for, without the prompt."""
        batch = self.batch
        asked = {"full": batch.steps, "initialize": 1}.get(self.cfg_type, 0)
        alpha, beta = batch.alpha, batch.beta
        if asked:
            x, t = torch.cat((x[:asked], x)), torch.cat((t[:asked], t))
        first = batch.steps - asked
        more: dict[str, Any] = {}
        if batch.pooled is not None:
            time_ids = self.time_ids[: batch.steps + asked]
            more["added_cond_kwargs"] = {"text_embeds": batch.pooled[first:], "time_ids": time_ids}
        prediction: Tensor = self.unet(
            x, t, encoder_hidden_states=batch.embeds[first:], return_dict=False, **more
        )[0]
        if self.schedule.v_prediction:
            if asked:
                alpha, beta = torch.cat((alpha[:asked], alpha)), torch.cat((beta[:asked], beta))
            prediction = alpha * prediction + beta * x
        return prediction[asked:], prediction[:asked] if asked else None
