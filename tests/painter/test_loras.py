from __future__ import annotations

import gc
import math
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from random import Random
from typing import Any, Final

import numpy as np
import pytest
import torch
from torch import Tensor

from engine.errors import LoraError
from engine.painter.lora_deltas import Mix
from engine.painter.lora_tensors import ModelLayers, Staged
from engine.painter.loras import LoraMixer, Written
from tests.painter import lora_files, tiny
from tests.painter.lora_files import ATTENTION, CONVOLUTIONS, TEXT, Tensors
from tests.painter.reference import live

Weights = Mapping[str, float]


class Clock:
    """Takes a millisecond at every look."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        self.now += 0.001
        return self.now


def lycoris(model: ModelLayers, seed: int = 0) -> Tensors:
    """A LoHa of the attention's queries and a LoKr of the rest and of the resnets' convolutions."""
    generator = torch.Generator().manual_seed(seed)

    def random(*shape: int) -> Tensor:
        return torch.randn(shape, generator=generator) * 0.3

    tensors: Tensors = {}
    for place in model.modules:
        weight = model.weight(place)
        out, n = weight.shape[0], math.prod(weight.shape[1:])
        key = f"lora_unet_{place.path}"
        if place.path.endswith("_to_q"):
            for name in "12":
                tensors[f"{key}.hada_w{name}_a"] = random(out, 2)
                tensors[f"{key}.hada_w{name}_b"] = random(2, n)
            tensors[f"{key}.alpha"] = torch.tensor(1.0)
        elif place.path.endswith(("_to_k", "_conv2")):
            tensors[f"{key}.lokr_w1"] = random(2, 4)
            tensors[f"{key}.lokr_w2"] = random(out // 2, n // 4)
    return tensors


class Rig:
    """A tiny SD 2.1, a mixer, and four LoRAs of different kinds that share layers."""

    def __init__(self, folder: Path, *, half: bool = False, last: bool = True, **options: Any):
        self.pipe = tiny.pipeline("sd21")
        if half:
            self.pipe.unet.half()
            self.pipe.text_encoder.half()
        if last:
            self.pipe.unet.to(memory_format=torch.channels_last)
        self.model = lora_files.model_of("sd21", self.pipe)
        self.mixer = LoraMixer(self.model, **options)
        made = {
            "anime": lora_files.lora(self.pipe, "kohya", (*ATTENTION, *CONVOLUTIONS), ["q_proj"]),
            "ink": lora_files.lora(self.pipe, "peft", ATTENTION, seed=1, ranks=(8,), alphas=(8,)),
            "neon": lycoris(self.model),
            "oil": lora_files.lora(self.pipe, "kohya", CONVOLUTIONS, TEXT, seed=2),
        }
        self.staged = {
            name: lora_files.staged(self.model, tensors, folder) for name, tensors in made.items()
        }
        for name, staged in self.staged.items():
            self.mixer.add(name, staged)

    def weights(self) -> list[Tensor]:
        """Copies of all weights a LoRA may touch."""
        return [self.model.weight(place).clone() for place in self.model.modules]

    def where(self) -> list[tuple[int, tuple[int, ...]]]:
        return [
            (weight.data_ptr(), weight.stride())
            for part in (self.pipe.unet, self.pipe.text_encoder)
            for weight in part.parameters()
        ]

    def mixed(self, weights: Weights) -> list[Tensor]:
        self.mixer.set_weights(weights)
        self.mixer.apply()
        return self.weights()


@pytest.fixture
def rig(tmp_path: Path) -> Rig:
    return Rig(tmp_path)


def same(one: list[Tensor], other: list[Tensor]) -> bool:
    """Bit for bit."""
    return len(one) == len(other) and all(map(torch.equal, one, other))


A: Final = {"anime": 0.8, "neon": 0.5}
B: Final = {"ink": 1.0, "oil": -0.7, "neon": 0.5}


def steps(random: Random, rig: Rig, count: int) -> Iterator[Callable[[], object]]:
    """Changes of every kind, most of them of weights."""
    mixer = rig.mixer
    for _ in range(count):
        name = random.choice(list(rig.staged))
        weights = {each: random.choice((0.0, random.uniform(-2, 2))) for each in rig.staged}
        budget = random.choice((None, 0.0, random.uniform(0, 40)))
        yield random.choices(
            (
                lambda weights=weights: mixer.set_weights(weights),
                lambda budget=budget: mixer.apply(budget),
                lambda name=name: mixer.remove(name),
                lambda name=name: mixer.add(name, rig.staged[name]),
            ),
            (5, 5, 1, 2),
        )[0]


@pytest.mark.parametrize("options", [{}, {"half": True, "last": False}, {"pristine_on_host": True}])
def test_nothing_is_left_after_a_thousand_changes(options: Any, tmp_path: Path) -> None:
    rig = Rig(tmp_path, clock=Clock(), **options)
    pristine, where = rig.weights(), rig.where()
    a = rig.mixed(A)
    assert not same(a, pristine)
    for change in steps(Random(4), rig, 1000):
        change()
    for name, staged in rig.staged.items():
        rig.mixer.add(name, staged)
    b = rig.mixed(B)
    assert not same(a, b)
    assert same(rig.mixed(A), a)
    assert same(rig.mixed(B), b)
    assert same(rig.mixed({"anime": 0.0, "gone": 1.0}), pristine)
    assert rig.mixer.pending == 0
    for name in rig.staged:
        rig.mixer.remove(name)
    rig.mixed(A)
    assert same(rig.weights(), pristine)
    assert rig.where() == where


def test_the_order_of_events_does_not_matter(rig: Rig, tmp_path: Path) -> None:
    everything = {"anime": 0.3, "ink": 0.4, "neon": 0.5, "oil": 0.6}
    expected = rig.mixed(everything)
    (tmp_path / "other").mkdir()
    other = Rig(tmp_path / "other")
    for name in reversed(other.staged):
        other.mixer.remove(name)
    other.mixer.set_weights(dict(reversed(everything.items())))
    for name in reversed(other.staged):
        other.mixer.add(name, other.staged[name])  # counts from now on
        other.mixer.apply()
    assert same(other.weights(), expected)


def exact(rig: Rig, pristine: list[Tensor], mix: Weights) -> list[Tensor]:
    """In fp64."""
    made = []
    for place, before in zip(rig.model.modules, pristine, strict=True):
        total = before.double()
        for name, weight in mix.items():
            delta = rig.staged[name].deltas.get(place)
            if delta is not None:
                product = delta.product().double() * (weight * delta.scale)
                if before.dim() == 4 and not before.is_contiguous():
                    shape = (before.shape[0], *before.shape[2:], before.shape[1])
                    total = total + product.reshape(shape).permute(0, 3, 1, 2)
                else:
                    total = total + product.reshape(before.shape)
        made.append(total)
    return made


def test_half_precision_is_rounded_once_however_often_it_changes(tmp_path: Path) -> None:
    rig = Rig(tmp_path, half=True)
    pristine = rig.weights()
    random = Random(1)
    for _ in range(200):
        rig.mixed({name: random.uniform(-2, 2) for name in rig.staged})
    mix = {"anime": 0.37, "ink": -1.21, "neon": 0.83, "oil": 0.59}
    for found, wanted in zip(rig.mixed(mix), exact(rig, pristine, mix), strict=True):
        assert found.dtype is torch.float16
        error = np.abs(found.double().numpy() - wanted.numpy())
        half_a_step = 0.5 * np.spacing(np.abs(wanted.numpy()).astype(np.float16))
        # fp32 sums may land on the other side of the middle between two numbers
        assert (error <= half_a_step.astype(np.float64) + 1e-5 * wanted.abs().max().item()).all()
        assert (error > half_a_step).mean() < 0.01


def test_only_layers_whose_mix_has_changed_are_written(rig: Rig) -> None:
    mixer = rig.mixer
    assert mixer.apply() == Written()
    mixer.set_weights(A)
    assert mixer.apply().layers == len({*rig.staged["anime"].deltas, *rig.staged["neon"].deltas})
    assert mixer.apply() == Written()
    mixer.set_weights({**A, "ink": 0.0})
    assert mixer.pending == 0
    mixer.set_weights({**A, "anime": 0.7})
    assert mixer.pending == len(rig.staged["anime"].deltas)
    mixer.set_weights(A)  # back before it was written
    assert mixer.pending == 0
    mixer.remove("nobody")
    assert mixer.apply() == Written()


def test_a_ride_of_300_steps_leaves_nothing(rig: Rig) -> None:
    def held() -> tuple[int, int]:
        gc.collect()
        tensors = [each for each in gc.get_objects() if issubclass(type(each), Tensor)]
        return len(tensors), sum(tensor.nbytes for tensor in tensors)

    rig.mixed({"anime": 0.5, "neon": 1.0})
    modules, where, kept = list(rig.pipe.unet.modules()), rig.where(), rig.mixer.pristine_bytes
    before = held()
    for step in range(300):
        rig.mixer.set_weights({"anime": step / 299, "neon": 1.0})
        assert rig.mixer.apply().layers == len(rig.staged["anime"].deltas)
    assert held() == before
    assert rig.mixer.pristine_bytes == kept
    assert rig.where() == where
    assert list(map(id, rig.pipe.unet.modules())) == list(map(id, modules))
    ridden = rig.weights()
    assert same(rig.mixed({}), rig.mixed({"oil": 0.0}))
    assert same(rig.mixed({"anime": 1.0, "neon": 1.0}), ridden)


# A budget.


def test_a_budget_spreads_a_write_over_frames(tmp_path: Path) -> None:
    rig = Rig(tmp_path, clock=Clock())
    expected = rig.mixed(A)
    rig.mixed({})
    rig.mixer.set_weights(A)
    left, turns = rig.mixer.pending, 0
    while rig.mixer.pending:
        written = rig.mixer.apply(10.0).layers
        assert 1 <= written <= 11
        assert rig.mixer.pending == left - written
        left, turns = rig.mixer.pending, turns + 1
    assert turns > 3
    assert same(rig.weights(), expected)
    rig.mixer.set_weights({})
    assert rig.mixer.apply(0.0).layers == 1  # every turn gets somewhere


def test_the_newest_target_wins_in_mid_way(tmp_path: Path) -> None:
    rig = Rig(tmp_path, clock=Clock())
    expected = {name: rig.mixed(mix) for name, mix in {"a": A, "b": B, "none": {}}.items()}
    for mixes in ((A, B), (B, A), (A, B, A), (A, {}), (B, A, {}), ({}, B)):
        for mix in mixes:
            rig.mixer.set_weights(mix)
            rig.mixer.apply(12.0)
        rig.mixer.apply()
        wanted = "a" if mixes[-1] == A else "b" if mixes[-1] == B else "none"
        assert same(rig.weights(), expected[wanted])


def test_a_ride_reaches_every_layer_in_turn(tmp_path: Path) -> None:
    rig = Rig(tmp_path, clock=Clock())
    reached: set[int] = set()
    turns = 0
    count = len(rig.staged["anime"].deltas)
    while len(reached) < count:
        before = rig.weights()
        rig.mixer.set_weights({"anime": 0.5 + turns / 100})
        done = rig.mixer.apply(8.0).layers
        after = rig.weights()
        changed = {n for n, weight in enumerate(after) if not weight.equal(before[n])}
        assert len(changed) == done
        assert not changed & reached  # none has a second turn before all had one
        reached |= changed
        turns += 1
    assert 3 < turns <= count


def test_an_error_in_mid_write_is_made_good(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    pristine = rig.weights()

    def fail(_pristine: Tensor, _mix: Mix, out: Tensor) -> None:
        out.fill_(math.nan)
        raise torch.OutOfMemoryError

    with monkeypatch.context() as patch:
        patch.setattr("engine.painter.loras.compose", fail)
        rig.mixer.set_weights(A)
        with pytest.raises(torch.OutOfMemoryError):
            rig.mixer.apply()
    rig.mixer.set_weights({})
    rig.mixer.apply()
    assert same(rig.weights(), pristine)


# Text encoders.


def test_tells_when_prompts_must_be_encoded_anew(rig: Rig) -> None:
    stream = live(rig.pipe)
    plain = stream.prompts.prompt("neon city").embeds.clone()

    def prompt(weights: Weights, text: bool) -> Tensor:
        rig.mixer.set_weights(weights)
        assert rig.mixer.apply().text is text
        if text:
            stream.prompts.forget()
        return stream.prompts.prompt("neon city").embeds

    assert torch.equal(prompt({"ink": 1.0}, text=False), plain)
    styled = prompt({"ink": 1.0, "oil": 1.0}, text=True)
    assert not torch.allclose(styled, plain)
    assert torch.equal(prompt({"oil": 1.0}, text=False), styled)
    assert torch.equal(prompt({}, text=True), plain)


def test_prompts_wait_for_the_whole_text_encoder(tmp_path: Path) -> None:
    rig = Rig(tmp_path, clock=Clock())
    text = sum(place.component == "text" for place in rig.staged["oil"].deltas)
    for ride in (False, True):
        rig.mixer.set_weights({"oil": 1.0})
        told, seen = 0, 0
        while told < 2 * text:
            if ride:
                rig.mixer.set_weights({"oil": 1.0 + told / 100})
            done = rig.mixer.apply(3.0)
            before, told = told, told + done.layers
            seen += done.text
            assert done.text == (before < text <= told)
            if not rig.mixer.pending:
                break
        assert seen == 1
        rig.mixed({})


# Room.


def test_least_recently_used_go_first(rig: Rig) -> None:
    sizes = {name: staged.size_bytes for name, staged in rig.staged.items()}
    assert rig.mixer.staged_bytes == sum(sizes.values())
    mixer = LoraMixer(rig.model, cap_bytes=sum(sizes.values()))
    for name, staged in rig.staged.items():
        assert mixer.add(name, staged) == ()
    mixer.set_weights({"anime": 1.0, "neon": 0.0})
    mixer.apply()
    assert mixer.staged == ("ink", "neon", "oil", "anime")
    assert mixer.add("pop", rig.staged["ink"]) == ("ink",)
    assert mixer.staged == ("neon", "oil", "anime", "pop")
    assert mixer.add("pop", rig.staged["ink"]) == ()  # in its own place
    mixer.set_weights(dict.fromkeys(mixer.staged, 1.0))
    with pytest.raises(LoraError) as caught:
        mixer.add("more", rig.staged["oil"])
    size, cap = (math.ceil(each / 1e6) for each in (sizes["oil"], sum(sizes.values())))
    assert str(caught.value) == (
        f"'{rig.staged['oil'].file.name}' needs {size} MB beside a mix of {cap} MB; "
        f"allowed: {cap} MB; take a preset out of the mix"
    )
    assert mixer.staged == ("neon", "oil", "anime", "pop")


def test_kept_weights_go_with_the_last_lora(rig: Rig) -> None:
    assert rig.mixer.pristine_bytes == 0
    rig.mixed({"anime": 1.0})
    both = rig.mixer.pristine_bytes
    assert both == sum(rig.model.weight(place).nbytes for place in rig.staged["anime"].deltas)
    rig.mixed({})
    assert rig.mixer.pristine_bytes == both  # it may come again at any moment
    for name in ("anime", "neon", "oil"):
        rig.mixer.remove(name)
    assert rig.mixer.apply() == Written()
    rig.mixed({"ink": 1.0})
    assert 0 < rig.mixer.pristine_bytes < both
    for name in rig.staged:
        rig.mixer.remove(name)
    rig.mixer.apply()
    assert rig.mixer.pristine_bytes == 0


def test_a_weight_is_a_number(rig: Rig) -> None:
    for wrong in (math.nan, math.inf):
        with pytest.raises(ValueError, match="the weight of 'ink' is"):
            rig.mixer.set_weights({"ink": wrong})


def test_another_file_under_the_same_name(rig: Rig) -> None:
    ink = rig.mixed({"ink": 1.0})
    oil = rig.mixed({"oil": 1.0})
    rig.mixer.set_weights({"ink": 1.0})
    rig.mixer.apply()
    replacement: Staged = rig.staged["oil"]
    rig.mixer.add("ink", replacement)
    rig.mixer.apply()
    assert same(rig.weights(), oil)
    rig.mixer.add("ink", rig.staged["ink"])
    rig.mixer.apply()
    assert same(rig.weights(), ink)
