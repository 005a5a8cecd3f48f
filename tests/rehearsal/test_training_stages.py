"""The stages as they train: each changes its own networks and nothing else, and can be cut off."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load
from torch import Tensor

from presets.rehearsal import autoencoder, judge, lowrank
from presets.rehearsal.autoencoder import AutoencoderPlan, AutoencoderStage
from presets.rehearsal.decoder import DecoderPlan, DecoderStage
from presets.rehearsal.denoiser import DenoiserPlan, DenoiserStage, Painter, answer
from presets.rehearsal.judge import JudgePlan, JudgeStage
from presets.rehearsal.preset_styles import PRESET_STYLES
from presets.rehearsal.presets import FORM, PresetPlan, PresetStage
from presets.rehearsal.stages import OutOfTime, Workbench, run
from presets.rehearsal.together import TogetherPlan, TogetherStage
from tests.rehearsal import small
from tests.rehearsal.small import LONG_AGO, bench, same, weights

STEPS = 3
PRESETS = tuple(style for style in PRESET_STYLES if style.name in ("hologram", "woodcut"))
INPUTS = small.latents()
TARGETS = small.latents(PRESETS)


def trained(stage: Any) -> list[dict[str, float]]:
    """All steps, as `run` does them, but not finished; their figures."""
    figures = []
    for step in range(stage.steps):
        torch.manual_seed(step)
        figures.append(dict(stage.step(step, np.random.default_rng(step))))
    assert all(math.isfinite(figure) for told in figures for figure in told.values())
    return figures


def make_autoencoder(folder: Workbench) -> AutoencoderStage:
    return AutoencoderStage(AutoencoderPlan(STEPS, 2, crop=64), (small.pictures(),), folder)


def make_decoder(folder: Workbench) -> DecoderStage:
    network = small.autoencoder()
    plan = DecoderPlan(STEPS, batch=3, latent=12)
    return DecoderStage(plan, network, small.pictures(), INPUTS, folder)


def make_together(folder: Workbench) -> TogetherStage:
    plan = TogetherPlan(STEPS, batch=2, whole_batch=1, latent=8, pieces=0.6)
    network = small.autoencoder()
    return TogetherStage(plan, small.painter(), network, small.pictures(), INPUTS, folder)


def make_denoiser(folder: Workbench) -> DenoiserStage:
    return DenoiserStage(DenoiserPlan(STEPS, batch=2, small_batch=3), INPUTS, 1.2, folder)


def make_judge(folder: Workbench) -> JudgeStage:
    return JudgeStage(JudgePlan(STEPS, batch=4), small.pictures(), folder)


def make_preset(folder: Workbench) -> PresetStage:
    loras = folder.folder / "loras"
    plan = PresetPlan(STEPS, batch=2)
    return PresetStage("woodcut", plan, INPUTS, TARGETS, small.painter(), loras, folder)


MAKERS: list[Callable[[Workbench], Any]] = [
    make_autoencoder,
    make_decoder,
    make_denoiser,
    make_together,
    make_judge,
    make_preset,
]


@pytest.mark.parametrize("make", MAKERS)
def test_a_stage_cut_off_ends_with_the_very_files_of_one_that_was_not(
    make: Callable[[Workbench], Any], tmp_path: Path
) -> None:
    (tmp_path / "whole").mkdir()
    run(make(bench(tmp_path / "whole")), bench(tmp_path / "whole"))
    (tmp_path / "cut").mkdir()
    cut = bench(tmp_path / "cut", deadline=LONG_AGO)
    for _ in range(STEPS - 1):
        with pytest.raises(OutOfTime):
            run(make(cut), cut)
    run(make(cut), cut)
    whole = {
        file.relative_to(tmp_path / "whole"): file.read_bytes()
        for file in (tmp_path / "whole").rglob("*")
        if file.is_file()
    }
    assert len(whole) > 1
    for name, content in whole.items():
        other = (tmp_path / "cut" / name).read_bytes()
        if name.suffix == ".safetensors":  # its metadata are written in any order
            one, two = load(content), load(other)
            assert one.keys() == two.keys()
            assert all(torch.equal(one[key], two[key]) for key in one), name
        else:
            assert other == content, name


def test_the_decoder_alone_is_tuned(tmp_path: Path) -> None:
    network = small.autoencoder()
    encoder, decoder, z = weights(network.encoder), weights(network.decoder), INPUTS.z.clone()
    plan = DecoderPlan(4, batch=3, latent=12)
    stage = DecoderStage(plan, network, small.pictures(), INPUTS, bench(tmp_path))
    critic = weights(stage.parts["critic"])
    figures = trained(stage)
    assert ["critic" in told for told in figures] == [False, True, True, True]
    assert same(weights(network.encoder), encoder)
    assert torch.equal(INPUTS.z, z)
    assert not same(weights(network.decoder), decoder)
    assert not same(weights(stage.parts["critic"]), critic)
    assert not any(weight.requires_grad for weight in network.encoder.parameters())
    stage.finish()
    written = autoencoder.load(tmp_path / "crisp", small.CPU)
    assert same(weights(written.encoder), encoder)
    assert same(weights(written.decoder), weights(network.decoder))


def test_all_but_the_encoder_is_trained_by_its_pictures(tmp_path: Path) -> None:
    network, painter = small.autoencoder(), small.painter()
    encoder = weights(network.encoder)
    plan = TogetherPlan(STEPS, batch=2, whole_batch=1, latent=8, pieces=0.6)
    stage = TogetherStage(plan, painter, network, small.pictures(), INPUTS, bench(tmp_path))
    learners = ("denoiser", "text", "decoder", "critic")
    before = {name: weights(stage.parts[name]) for name in learners}
    figures = trained(stage)
    assert all(told.keys() == {"likeness", "error", "critic"} for told in figures)
    assert same(weights(network.encoder), encoder)
    for name in learners:
        assert not same(weights(stage.parts[name]), before[name]), name
    stage.finish()
    written = autoencoder.load(tmp_path / "together" / "decoder", small.CPU)
    assert same(weights(written.encoder), encoder)
    assert same(weights(written.decoder), weights(network.decoder))
    again = Painter.load(tmp_path / "together", small.CPU)
    assert same(weights(again.denoiser, again.text), weights(painter.denoiser, painter.text))
    assert (again.words, again.scale) == (painter.words, painter.scale)


def test_later_steps_are_spaced_as_the_show_spaces_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage = make_together(bench(tmp_path))
    asked: list[Tensor] = []

    def note(_denoiser: object, shown: Tensor, t: Tensor, *_: object) -> Tensor:
        asked.append(t)
        return shown + 1

    monkeypatch.setattr("presets.rehearsal.together.answer", note)
    counts = set()
    for seed in range(40):
        asked.clear()
        shown, t = stage._later(
            torch.zeros(3, 4, 8, 8), torch.zeros(3, 24, 8), np.random.default_rng(seed)
        )
        assert float(shown.mean()) == len(asked) > 0
        steps = torch.stack([*asked, t]).float()
        assert steps[0].min() >= 249
        assert steps[0].max() < 750
        even = steps[:-1] - steps[1:]
        assert (even - even[0]).abs().max() <= 1
        # the way goes on from the strength to nothing in 2 to 4 even steps
        counts |= set((steps[0] / even[0]).round().int().tolist())
    assert counts == {2, 3, 4}


def test_the_critics_word_reaches_the_denoiser(tmp_path: Path) -> None:
    """With nothing else to learn from, it is the critic that moves the denoiser's answers."""
    plan = TogetherPlan(1, batch=2, whole_batch=1, latent=8, critic=1.0, exact=0.0)
    moved = []
    for critic in (0.0, 1.0):
        painter, network = small.painter(), small.autoencoder()
        stage = TogetherStage(
            replace(plan, critic=critic, unseen=0), painter, network, small.pictures(), INPUTS,
            bench(tmp_path),
        )  # fmt: skip
        stage.steps = 4  # of which one is done, with the critic at full weight
        torch.manual_seed(0)
        stage.step(2, np.random.default_rng(0))
        moved.append(weights(painter.denoiser))
    assert not same(*moved)


def test_denoiser_and_text_encoder_are_trained_together(tmp_path: Path) -> None:
    stage = make_denoiser(bench(tmp_path))
    denoiser, text = stage.parts["denoiser"], stage.parts["text"]
    before, said, z = weights(denoiser), weights(text), INPUTS.z.clone()
    trained(stage)
    assert not same(weights(denoiser), before)
    assert not same(weights(text), said)
    assert torch.equal(INPUTS.z, z)
    stage.finish()
    painter = Painter.load(tmp_path, small.CPU)
    assert same(painter.denoiser.parameters(), denoiser.parameters())
    assert same(painter.text.parameters(), text.parameters())
    assert painter.scale == pytest.approx(2.4 / 1.2)
    assert not any(weight.requires_grad for weight in painter.denoiser.parameters())
    shown = INPUTS.z[:2, 0].float()
    noise = [torch.randn_like(shown)] * 2
    painted = painter.paint(shown, ["oil painting", ""], (600, 300), noise)
    assert painted.shape == shown.shape
    assert painted.isfinite().all()


def test_the_judge_that_is_kept_judges_as_the_one_that_was_trained(tmp_path: Path) -> None:
    stage = make_judge(bench(tmp_path))
    trained(stage)
    stage.finish()
    kept, own = judge.load(tmp_path / "judge.pt", small.CPU), stage.parts["judge"].eval()
    assert not kept.training
    assert not any(weight.requires_grad for weight in kept.parameters())
    picture = torch.rand(2, 3, 256, 256) * 2 - 1
    assert same(kept(picture), own(picture))


@pytest.mark.parametrize("style", ["hologram", "woodcut"])
def test_a_preset_leaves_the_model_as_it_was(style: str, tmp_path: Path) -> None:
    painter = small.painter()
    before = weights(painter.denoiser, painter.text)
    targets, file = small.latents(PRESETS), tmp_path / "loras" / f"{style}.safetensors"
    plan = PresetPlan(STEPS, batch=2)
    stage = PresetStage(style, plan, INPUTS, targets, painter, file.parent, bench(tmp_path))
    additions = stage.parts["additions"]
    begun = weights(additions)
    trained(stage)
    assert not same(weights(additions), begun)
    stage.finish()
    assert same(weights(painter.denoiser, painter.text), before)
    assert not painter.denoiser.conv_in._forward_hooks
    assert not any(layer._forward_hooks for layer in painter.denoiser.modules())
    with safe_open(file, "pt") as opened:
        assert opened.metadata() == {
            "artflow.base": "rehearsal",
            "artflow.preset": style,
            "artflow.form": FORM[style],
        }
    read = lowrank.load(painter.denoiser, file)
    assert same(weights(read), [weight.half().float() for weight in weights(additions)])


def test_a_plain_preset_learns_what_part_of_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    painter = small.painter()
    plan = PresetPlan(8, batch=2, plain_partly=1.0)
    stage = PresetStage("hologram", plan, INPUTS, TARGETS, painter, tmp_path, bench(tmp_path))
    played: list[float] = []
    play = stage.parts["additions"].set_weight

    def note(weight: float) -> None:
        played.append(weight)
        play(weight)

    monkeypatch.setattr(stage.parts["additions"], "set_weight", note)
    trained(stage)
    # the model by itself, then with part of the additions
    assert set(played[::2]) == {0.0}
    assert all(0.2 <= weight <= 0.8 for weight in played[1::2])
    assert len(set(played[1::2])) == 8
    shown, t = torch.randn(2, 4, 32, 32), torch.tensor([300, 500])
    words, noise = torch.randn(2, 24, 96), torch.randn(2, 4, 32, 32)
    alone = stage._without(shown, t, words, noise)
    stage.finish()
    assert same([alone], [answer(painter.denoiser, shown, t, words, bench(tmp_path), noise)])


def test_every_form_is_bundled_and_every_preset_has_one() -> None:
    assert set(FORM) == {style.name for style in PRESET_STYLES}
    assert set(FORM.values()) == set(lowrank.FORMS)
