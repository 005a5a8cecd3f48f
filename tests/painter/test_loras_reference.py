"""The mixed weights are those of diffusers' own `load_lora_weights` and `fuse_lora`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final, get_args

import diffusers
import pytest

from engine.painter.lora_tensors import stage
from engine.painter.loras import LoraMixer
from tests.painter import lora_files, tiny
from tests.painter.lora_files import CONVOLUTIONS, LINEAR, TEXT, Tensors

pytestmark = [
    # with diffusers 0.24 peft is among the test requirements: there it may not be missing
    pytest.mark.skipif(
        find_spec("peft") is None and not diffusers.__version__.startswith("0.24."),
        reason="diffusers loads LoRAs with peft, which is not here",
    ),
    pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::UserWarning"),
]

FAMILIES: Final = get_args(tiny.Family)
CLOSE: Final = 1e-6


def fused(family: tiny.Family, files: Mapping[str, Path], weights: Mapping[str, float]) -> Any:
    pipe = tiny.pipeline(family)
    for name, path in files.items():
        pipe.load_lora_weights(str(path.parent), weight_name=path.name, adapter_name=name)
    pipe.set_adapters(list(files), [weights[name] for name in files])
    pipe.fuse_lora()
    return pipe


def compare(
    family: tiny.Family, made: Sequence[Tensors], weights: Sequence[float], folder: Path
) -> None:
    """Every weight of the model, and that those of the LoRAs have changed."""
    share = dict(zip("abcdef", weights, strict=False))
    files = {
        name: lora_files.saved(tensors, folder / f"{name}.safetensors")
        for name, tensors in zip(share, made, strict=True)
    }
    expected = lora_files.weights_of(fused(family, files, share))
    pipe = tiny.pipeline(family)
    before = lora_files.weights_of(pipe)
    model = lora_files.model_of(family, pipe)
    mixer = LoraMixer(model)
    touched = set()
    for name, path in files.items():
        staged = stage(path, model, base=family)
        mixer.add(name, staged)
        touched |= set(staged.deltas)
    mixer.set_weights(share)
    assert mixer.apply().layers == len(touched)
    changed = 0
    for key, weight in lora_files.weights_of(pipe).items():
        largest, error = expected[key].abs().max(), (weight - expected[key]).abs().max()
        assert error <= CLOSE * largest, f"{key}: {error} of {largest}"
        changed += not weight.equal(before[key])
    assert changed == len(touched)


@pytest.mark.parametrize("family", FAMILIES)
def test_kohyas_form_with_ranks_and_alphas_mixed(family: tiny.Family, tmp_path: Path) -> None:
    pipe = tiny.pipeline(family)
    made = [
        lora_files.lora(pipe, "kohya", text=TEXT),
        lora_files.lora(pipe, "kohya", text=TEXT, seed=1, ranks=(8, 2, 5), alphas=(8, 1, 50)),
    ]
    compare(family, made, (0.7, -0.4), tmp_path)


@pytest.mark.parametrize("family", FAMILIES)
def test_pefts_form(family: tiny.Family, tmp_path: Path) -> None:
    pipe = tiny.pipeline(family)
    made = [
        lora_files.lora(pipe, "peft", ranks=(64,), alphas=(64,)),
        lora_files.lora(pipe, "peft", LINEAR, TEXT, seed=1, ranks=(1,), alphas=(1,)),
        lora_files.lora(pipe, "peft", CONVOLUTIONS, seed=2, ranks=(16,), alphas=(16,)),
    ]
    compare(family, made, (1.0, 0.5, -2.0), tmp_path)


@pytest.mark.parametrize("family", FAMILIES)
def test_old_diffusers_form(family: tiny.Family, tmp_path: Path) -> None:
    pipe = tiny.pipeline(family)
    attention, text = lora_files.ATTENTION, TEXT[:4]
    made = [
        lora_files.lora(pipe, "old", attention, text, ranks=(4,), alphas=(4,)),
        lora_files.lora(pipe, "old", attention, text, seed=1, ranks=(32,), alphas=(32,)),
    ]
    compare(family, made, (0.3, 1.5), tmp_path)


@pytest.mark.parametrize("family", FAMILIES)
def test_every_form_at_once(family: tiny.Family, tmp_path: Path) -> None:
    pipe = tiny.pipeline(family)
    made = [
        lora_files.lora(pipe, "kohya", text=TEXT),
        lora_files.lora(pipe, "peft", text=TEXT, seed=1, ranks=(2,), alphas=(2,)),
        lora_files.lora(pipe, "old", lora_files.ATTENTION, seed=2, ranks=(64,), alphas=(64,)),
    ]
    compare(family, made, (0.5, 0.25, 1.0), tmp_path)
