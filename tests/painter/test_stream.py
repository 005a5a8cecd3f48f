"""LiveStream against upstream's StreamDiffusion, bit for bit, in fp32 on the CPU."""

from __future__ import annotations

from dataclasses import fields, is_dataclass, replace
from functools import cache
from random import Random
from typing import Any

import PIL.Image
import pytest
import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from engine.painter.batch import StreamBatch
from engine.painter.settings import Settings
from engine.painter.stream import LiveStream
from tests.painter import tiny
from tests.painter.reference import GUIDANCE_MODES, assert_same_frames, live, paint, upstream

STEPS = (1, 2, 3, 4)
START = Settings(
    prompt_a="neon city", negative="blurry", guidance=1.7, delta=0.7, seed=5, strength=0.6
)


@cache
def pipe(family: tiny.Family, vae: Any = "tiny", v: bool = False) -> Any:
    return tiny.pipeline(family, vae=vae, v=v)


@pytest.mark.parametrize("steps", STEPS)
@pytest.mark.parametrize("mode", GUIDANCE_MODES)
@pytest.mark.parametrize(("family", "vae"), [("sd15", "kl"), ("sd21", "tiny")])
def test_equals_upstream(family: tiny.Family, vae: str, mode: str, steps: int) -> None:
    settings = replace(START, guidance_mode=mode, steps=steps)
    theirs = upstream(pipe(family, vae), settings)
    ours = live(pipe(family, vae), posterior="sample")
    ours.generator.set_state(theirs.generator.get_state())
    ours.apply(settings)
    assert_same_frames(ours, theirs, 20)


@pytest.mark.parametrize("guidance", [0.0, 1.0])
@pytest.mark.parametrize("mode", ["none", "self"])
def test_equals_upstream_without_guidance(mode: str, guidance: float) -> None:
    settings = replace(START, guidance_mode=mode, guidance=guidance, steps=2)
    ours = live(pipe("sd15"))
    ours.apply(settings)
    assert_same_frames(ours, upstream(pipe("sd15"), settings), 5)


def test_explicit_timesteps_equal_upstream_index_list() -> None:
    settings = replace(START, steps=3)
    levels = (700, 311, 12)
    ours = live(pipe("sd21"))
    assert ours.apply(settings, levels)
    assert not ours.apply(settings, levels)
    assert_same_frames(ours, upstream(pipe("sd21"), settings, timesteps=levels), 6)


class Walk:
    """A performer turning one knob after the other, in an order that the seed decides."""

    def __init__(self, seed: int, settings: Settings) -> None:
        self.random = Random(seed)
        self.settings = settings

    def turn(self) -> list[Settings]:
        """A few changes of different knobs, one at a time."""
        r = self.random
        words = " ".join(r.choices(tiny.WORDS, k=4))
        # where upstream runs: full and initialize need guidance above 1
        least = 0.0 if self.settings.guidance_mode in ("none", "self") else 1.05
        knobs: dict[str, Any] = {
            "prompt_a": words,
            "negative": " ".join(r.choices(tiny.WORDS, k=2)),
            "guidance": r.uniform(least, 3.0),
            "delta": r.uniform(0.0, 2.0),
            "seed": r.randrange(2**31),
            "strength": r.random(),
        }
        turned = []
        for name in r.sample(list(knobs), r.randint(1, 4)):
            self.settings = replace(self.settings, **{name: knobs[name]})
            turned.append(self.settings)
        return turned


@pytest.mark.parametrize("steps", STEPS)
@pytest.mark.parametrize("mode", GUIDANCE_MODES)
@pytest.mark.parametrize("family", ["sd15", "sd21"])
def test_live_changes_equal_upstream_with_carried_buffers(
    family: tiny.Family, mode: str, steps: int
) -> None:
    walk = Walk(steps, replace(START, guidance_mode=mode, steps=steps))
    ours = live(pipe(family))
    ours.apply(walk.settings)
    theirs = upstream(pipe(family), walk.settings)
    pictures = []
    for number, signal in enumerate(tiny.signals(20)):
        if number % 3 == 2:
            for settings in walk.turn():
                ours.apply(settings)
            theirs = upstream(pipe(family), walk.settings, before=theirs)
        (our_latent, our_picture), (latent, picture) = paint(ours, signal), paint(theirs, signal)
        assert torch.equal(our_latent, latent), f"latents of frame {number} differ"
        assert torch.equal(our_picture, picture), f"pictures of frame {number} differ"
        pictures.append(our_picture)
    assert not torch.equal(pictures[1], pictures[2])


@pytest.mark.parametrize("knob", ["prompt_a", "negative", "guidance", "delta", "seed", "strength"])
def test_every_knob_is_heard(knob: str) -> None:
    """So that the comparisons above compare something."""
    changed: dict[str, Any] = {
        "prompt_a": "oil painting", "negative": "dog", "guidance": 2.5, "delta": 0.1,
        "seed": 6, "strength": 0.3,
    }  # fmt: skip
    signal = next(iter(tiny.signals(1)))
    pictures = []
    for settings in (START, replace(START, **{knob: changed[knob]})):
        ours = live(pipe("sd15"))
        ours.apply(replace(settings, guidance_mode="initialize", steps=2))
        for _ in range(3):
            picture = paint(ours, signal)[1]
        pictures.append(picture)
    assert not torch.equal(*pictures)


def buffers(thing: Any) -> dict[str, Tensor]:
    """Every tensor that a stream or a batch keeps, by name."""
    names = (each.name for each in fields(thing)) if is_dataclass(thing) else vars(thing)
    return {
        name: getattr(thing, name)
        for name in names
        if isinstance(getattr(thing, name), Tensor) and not name.startswith("_")
    }


def addresses(stream: LiveStream) -> dict[str, int]:
    rooms: dict[str, Any] = {"stream": stream, "feedback": stream.feedback}
    rooms |= {f"batch{steps}": batch for steps, batch in stream.batches.items()}
    found = {
        f"{room}.{name}": tensor.data_ptr()
        for room, thing in rooms.items()
        for name, tensor in buffers(thing).items()
    }
    # these are the same storage as the batch in use: they follow a change of steps, by design
    in_use = {tensor.data_ptr() for tensor in buffers(stream.batch).values()}
    return {
        name: address
        for name, address in found.items()
        if not (name.startswith("stream.") and address in in_use)
    }


@pytest.mark.parametrize("family", ["sd15", "sdxl"])
def test_storage_never_moves(family: tiny.Family) -> None:
    ours = live(pipe(family))
    before = addresses(ours)
    assert len(before) > 40
    random = Random(1)
    walk = Walk(1, START)
    for signal in tiny.signals(12):
        walk.settings = replace(
            walk.settings,
            steps=random.randint(1, 4),
            guidance_mode=random.choice(GUIDANCE_MODES),
            prompt_mix=random.random(),
            prompt_b="cat",
            seed_mix=random.random(),
            feedback_amount=random.choice((0.0, 0.5)),
            feedback_zoom=random.uniform(0.5, 2.0),
            feedback_hue=random.uniform(-180.0, 180.0),
        )
        for settings in walk.turn():
            ours.apply(settings)
        ours.input.copy_(((signal[0] + 1) * 127).to(torch.uint8).permute(1, 2, 0))
        ours.fill()
        ours.frame()
        assert addresses(ours) == before


def test_batches_keep_contents_apart() -> None:
    ours = live(pipe("sd15"))
    assert [batch.steps for batch in ours.batches.values()] == [1, 2, 3, 4]
    assert all(isinstance(batch, StreamBatch) for batch in ours.batches.values())
    every = [address for name, address in addresses(ours).items() if name.startswith("batch")]
    assert len(set(every)) == len(every)


class Converting(torch.nn.Module):
    """A v-prediction UNet as an epsilon one, the way a user of upstream would wrap it."""

    def __init__(self, unet: Any, alphas_cumprod: Tensor) -> None:
        super().__init__()
        self.unet, self.alphas = unet, alphas_cumprod

    def forward(self, x: Tensor, t: Tensor, **options: Any) -> tuple[Tensor]:
        (v,) = self.unet(x, t, **options)
        a = self.alphas[t].view(-1, 1, 1, 1)
        return (a.sqrt() * v + (1 - a).sqrt() * x,)


@pytest.mark.parametrize("steps", [1, 3])
@pytest.mark.parametrize("mode", GUIDANCE_MODES)
def test_v_prediction_equals_upstream_behind_a_converter(mode: str, steps: int) -> None:
    settings = replace(START, guidance_mode=mode, steps=steps)
    theirs = upstream(pipe("sd21", v=True), settings)
    theirs.unet = Converting(theirs.unet, theirs.scheduler.alphas_cumprod)
    ours = live(pipe("sd21", v=True))
    ours.apply(settings)
    assert_same_frames(ours, theirs, 6)


class Conditioned(torch.nn.Module):
    """SDXL's UNet with the extra conditioning that upstream's class leaves out."""

    def __init__(self, pipe: Any, settings: Settings) -> None:
        super().__init__()
        self.unet = pipe.unet
        _, _, self.pooled, self.negative = pipe.encode_prompt(
            settings.prompt_a,
            device="cpu",
            negative_prompt=settings.negative,
            do_classifier_free_guidance=True,
        )
        self.asked = {"full": settings.steps, "initialize": 1}.get(settings.guidance_mode, 0)

    def forward(self, x: Tensor, t: Tensor, **options: Any) -> Any:
        size = tiny.SIZE
        rows = [self.negative] * self.asked + [self.pooled] * (len(x) - self.asked)
        added = {
            "text_embeds": torch.cat(rows),
            "time_ids": torch.tensor([[size, size, 0, 0, size, size]] * len(x), dtype=x.dtype),
        }
        return self.unet(x, t, added_cond_kwargs=added, **options)


@pytest.mark.parametrize("steps", [1, 3])
@pytest.mark.parametrize("mode", GUIDANCE_MODES)
def test_sdxl_equals_upstream_with_its_conditioning_added(mode: str, steps: int) -> None:
    settings = replace(START, guidance_mode=mode, steps=steps)
    theirs = upstream(pipe("sdxl"), settings)
    theirs.unet = Conditioned(pipe("sdxl"), settings)
    ours = live(pipe("sdxl"))
    ours.apply(settings)
    assert_same_frames(ours, theirs, 4)


@torch.no_grad()
def test_sdxl_equals_a_plain_unet_call() -> None:
    settings = Settings(prompt_a="neon city", strength=0.5)
    ours = live(pipe("sdxl"))
    ours.apply(settings)
    x = ours.encode_image(next(iter(tiny.signals(1))))
    embeds, _, pooled, _ = pipe("sdxl").encode_prompt(
        "neon city", device="cpu", do_classifier_free_guidance=False
    )
    added = {"text_embeds": pooled, "time_ids": torch.tensor([[32.0, 32, 0, 0, 32, 32]])}
    noise = pipe("sdxl").unet(x, 500, encoder_hidden_states=embeds, added_cond_kwargs=added).sample
    a = pipe("sdxl").scheduler.alphas_cumprod[500]
    c_skip, c_out = ours.scheduler.get_scalings_for_boundary_condition_discrete(500)
    expected = c_out * (x - (1 - a).sqrt() * noise) / a.sqrt() + c_skip * x
    torch.testing.assert_close(ours.predict_x0_batch(x), expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("mode", ["full", "initialize"])
@pytest.mark.parametrize("steps", [1, 3])
def test_guidance_of_one_or_less_runs_as_plain(mode: str, steps: int) -> None:
    plain, guided = live(pipe("sd15")), live(pipe("sd15"))
    plain.apply(replace(START, guidance_mode="none", steps=steps))
    guided.apply(replace(START, guidance_mode=mode, steps=steps, guidance=1.0))
    assert_same_frames(guided, plain, 4)
    guided.apply(replace(START, guidance_mode=mode, steps=steps, guidance=1.5))
    signal = next(iter(tiny.signals(1, seed=9)))
    assert not torch.equal(paint(guided, signal)[0], paint(plain, signal)[0])


def test_update_prompt_keeps_the_unconditional_half() -> None:
    settings = replace(START, guidance_mode="full", steps=2)
    ours = live(pipe("sd15"))
    ours.apply(settings)
    negative = ours.batch.embeds[:2].clone()
    ours.update_prompt("oil painting")
    assert torch.equal(ours.batch.embeds[:2], negative)
    ours_anew = live(pipe("sd15"))
    ours_anew.apply(replace(settings, prompt_a="oil painting"))
    assert torch.equal(ours.batch.embeds, ours_anew.batch.embeds)


def test_prepare_is_refused() -> None:
    with pytest.raises(RuntimeError, match="apply"):
        live(pipe("sd15")).prepare("a cat")


@pytest.mark.parametrize("mode", GUIDANCE_MODES)
@pytest.mark.parametrize("steps", STEPS)
def test_first_picture_is_what_a_full_batch_shows(mode: str, steps: int) -> None:
    """Upstream needs as many frames of the same input before its picture is whole."""
    settings = replace(START, guidance_mode=mode, steps=steps)
    ours, theirs = live(pipe("sd15")), upstream(pipe("sd15"), settings)
    ours.input.copy_(torch.from_numpy(tiny.picture(3)))
    ours.apply(Settings())  # a start, and then a change of steps
    ours.fill()
    ours.frame()
    ours.apply(settings)
    passes = ours.unfilled
    assert passes >= steps - 1
    ours.fill()
    assert ours.unfilled == 0
    ours.frame()
    preprocessed = theirs.image_processor.preprocess(PIL.Image.fromarray(tiny.picture(3)))
    for _ in range(passes + 1):
        picture = paint(theirs, preprocessed)[1]
    (expected,) = theirs.image_processor.postprocess(picture, output_type="pil")
    assert PIL.Image.fromarray(ours.output.numpy()).tobytes() == expected.tobytes()


@pytest.mark.parametrize(("steps", "mode"), [(1, "none"), (4, "none"), (3, "full")])
def test_still_input_gives_still_pictures(steps: int, mode: str) -> None:
    ours = live(pipe("sd15", "kl"))
    ours.input.copy_(torch.from_numpy(tiny.picture(3)))
    ours.apply(replace(START, steps=steps, guidance_mode=mode))
    ours.fill()
    ours.frame()
    first = ours.output.clone()
    for _ in range(steps + 2):
        ours.frame()
        assert torch.equal(ours.output, first)


def test_sampled_posterior_flickers_as_upstream_does() -> None:
    ours = live(pipe("sd15", "kl"), posterior="sample")
    ours.apply(START)
    signal = next(iter(tiny.signals(1)))
    assert not torch.equal(ours.encode_image(signal), ours.encode_image(signal))


@pytest.mark.parametrize("steps", [1, 3])
@pytest.mark.parametrize("between", [{"steps": 2}, {"guidance_mode": "none"}])
def test_going_back_to_earlier_settings_starts_clean(steps: int, between: dict[str, Any]) -> None:
    """What a batch or its stock noise held before it rested is never shown."""
    ours, fresh = live(pipe("sd15")), live(pipe("sd15"))
    settings = replace(START, steps=steps, guidance_mode="self")
    for seed, each in enumerate((settings, replace(settings, **between), settings)):
        ours.input.copy_(torch.from_numpy(tiny.picture(seed)))
        ours.apply(each)
        ours.fill()
        ours.frame()
    fresh.input.copy_(ours.input)
    fresh.apply(settings)
    fresh.fill()
    fresh.frame()
    assert torch.equal(ours.output, fresh.output)


class Waits(TorchDispatchMode):
    """Counts operations that make the host wait for the device."""

    names = ("_local_scalar_dense", "equal", "nonzero", "is_nonzero")

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self.operations = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self.operations += 1
        if func.overloadpacket.__name__ in self.names:
            self.found.append(str(func))
        return func(*args, **(kwargs or {}))


@pytest.mark.parametrize("family", ["sd15", "sdxl"])
@pytest.mark.parametrize("mode", GUIDANCE_MODES)
def test_a_frame_never_waits_for_the_device(family: tiny.Family, mode: str) -> None:
    ours = live(pipe(family))
    ours.apply(replace(START, guidance_mode=mode, steps=2, feedback_amount=0.5))
    with Waits() as waits:
        ours.frame()
    assert waits.operations > 100
    assert waits.found == []
    with Waits() as waits:
        ours.guidance_scale.item()
    assert waits.found


def test_frame_key_names_all_that_a_captured_frame_depends_on() -> None:
    ours = live(pipe("sd15"))
    ours.apply(START)
    assert ours.frame_key == (1, "none", False)
    ours.apply(replace(START, guidance_mode="full", steps=3, feedback_amount=0.1))
    assert ours.frame_key == (3, "full", True)
    ours.apply(replace(START, guidance_mode="full", guidance=1.0))
    assert ours.frame_key == (1, "none", False)
    ours.apply(replace(START, guidance_mode="self", guidance=0.5))
    assert ours.frame_key == (1, "self", False)


@torch.no_grad()
def test_half_precision_autoencoder_may_differ_from_the_unet() -> None:
    """SDXL's autoencoder stays in fp32 while the stream runs in fp16 (here: bf16)."""
    half = tiny.pipeline("sd15", vae="kl")
    half.unet.to(torch.bfloat16)
    half.text_encoder.to(torch.bfloat16)
    ours = live(half, torch_dtype=torch.bfloat16)
    ours.apply(replace(START, guidance_mode="self", steps=2))
    ours.fill()
    ours.frame()
    assert ours.batch.noise.dtype == torch.bfloat16
    assert ours.output.float().std() > 0


def test_seed_decks_blend_on_the_sphere() -> None:
    ours = live(pipe("sd15"))
    settings = replace(START, seed=1, seed_b=2, steps=2)
    noises = {}
    for mix in (0.0, 0.5, 1.0):
        ours.apply(replace(settings, seed_mix=mix))
        noises[mix] = ours.batch.noise.clone()
    for mix, seed in ((0.0, 1), (1.0, 2)):
        ours.apply(replace(settings, seed=seed, seed_mix=0.0))
        assert torch.equal(noises[mix], ours.batch.noise)
    a, b, half = (noises[mix][0].flatten() for mix in (0.0, 1.0, 0.5))
    angle = torch.acos(a @ b / (a.norm() * b.norm()))
    expected = (a + b) * torch.sin(angle / 2) / torch.sin(angle)
    torch.testing.assert_close(half, expected)
    assert half.norm() > 0.9 * min(a.norm(), b.norm())


def test_apply_says_whether_anything_changed() -> None:
    ours = live(pipe("sd15"))
    assert ours.apply(START)
    assert not ours.apply(replace(START))
    assert ours.apply(replace(START, feedback_hue=10.0))
    ours.refresh_prompts()
    assert ours.apply(replace(START, feedback_hue=10.0))
