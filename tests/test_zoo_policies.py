"""Every registered policy: shapes, masks, seeds, and that it can learn something by heart."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

import tests.zoo_fixture  # noqa: F401  (one thread)
from datafactory.errors import SpecError, UnknownNameError
from datafactory.plugin import registered
from datafactory_zoo.interface import PolicyIO
from datafactory_zoo.policy import SIZES, configured, masked_mean, policy_class
from datafactory_zoo.schedules import Diffusion, flow_integrate, flow_times

NAMES = sorted(registered("policy"))
SMALL: dict[str, dict[str, Any]] = {
    "act": {"width": 32, "heads": 2, "hidden": 64, "encoder": 1, "decoder": 1, "latent_layers": 1,
            "backbone": 16, "dropout": 0.0, "kl": 0.1},
    "diffusion_policy": {"widths": (32, 64), "time": 32, "backbone": 16, "points": 8},
    "flow_chunk": {"width": 64, "blocks": 2, "condition": 48, "pyramid": (16, 16, 16, 16),
                   "points": 8, "draws": 2},
}  # fmt: skip


def made(name: str, cameras: tuple[str, ...] = ()):
    kind = policy_class(name)
    options = {**kind.defaults, "chunk": 8, "execute": 4}
    io = PolicyIO(
        robot="r", dof=6, arms=1, fps=20, observation=("joint_position",), cameras=cameras,
        image_size=64, state_width=6, state_dim=8, action_width=7, action_dim=9, **options,
    )  # fmt: skip
    torch.manual_seed(0)
    return kind(io, configured(kind, "tiny", SMALL[name]))


def inputs_of(policy, batch: int = 4) -> dict[str, torch.Tensor]:
    io, g = policy.io, torch.Generator().manual_seed(1)
    mask = torch.zeros(batch, io.chunk, io.action_dim, dtype=torch.bool)
    mask[:, :6, : io.action_width] = True
    found = {
        "state": torch.randn(batch, io.steps, io.state_dim, generator=g),
        "action": torch.rand(batch, io.chunk, io.action_dim, generator=g) * 1.6 - 0.8,
        "action_mask": mask,
    }
    if io.cameras:
        shape = (batch, io.steps, len(io.cameras), 3, io.image_size, io.image_size)
        found["images"] = torch.randn(shape, generator=g)
    return found


def noise() -> torch.Generator:
    return torch.Generator().manual_seed(2)


@pytest.mark.parametrize("cameras", [(), ("front", "wrist")])
@pytest.mark.parametrize("name", NAMES)
def test_loss_gradients_and_chunks(name, cameras):
    policy = made(name, cameras)
    inputs = inputs_of(policy)
    loss, numbers = policy(inputs, noise())
    assert loss.ndim == 0
    assert numbers["loss"] == pytest.approx(float(loss.detach()), rel=1e-5)
    loss.backward()
    without = [n for n, p in policy.named_parameters() if p.grad is None]
    assert not without
    chunk = policy.eval().predict_action_chunk(inputs, noise())
    assert chunk.shape == (4, 8, 9)
    assert torch.isfinite(chunk).all()


@pytest.mark.parametrize("name", NAMES)
def test_padded_targets_give_no_gradient(name):
    """What stands in padded steps of the target may change nothing but itself."""
    policy = made(name).eval()
    inputs = inputs_of(policy)
    action = inputs["action"].clone().requires_grad_()
    target_only = {**inputs, "action": action}
    if name == "act":  # the posterior reads the chunk too, but not its padded steps
        policy(target_only, noise())[0].backward()
        assert not action.grad[:, 6:].any()
        return
    # The network sees the whole noised chunk, so its own output is cut off from the target here.
    with torch.no_grad():
        guess_error = policy(inputs, noise())[0].detach()
    padded = inputs["action"].clone()
    padded[~inputs["action_mask"]] += 1e-4
    assert float(policy({**inputs, "action": padded}, noise())[0].detach()) == pytest.approx(
        float(guess_error), rel=1e-3
    )
    everything = {**inputs, "action_mask": torch.ones_like(inputs["action_mask"])}
    assert float(policy(everything, noise())[0].detach()) != float(guess_error)


@pytest.mark.parametrize("name", NAMES)
def test_the_same_seed_acts_alike(name):
    policy = made(name).eval()
    inputs = inputs_of(policy)
    one = policy.predict_action_chunk(inputs, noise())
    torch.testing.assert_close(one, policy.predict_action_chunk(inputs, noise()))


@pytest.mark.parametrize("name", NAMES)
def test_the_loss_falls(name):
    policy = made(name)
    inputs = {k: v.repeat(8, *[1] * (v.ndim - 1)) for k, v in inputs_of(policy).items()}
    optimiser = torch.optim.AdamW(policy.parameters(), lr=3e-3, weight_decay=0.0)
    generator = noise()
    losses = []
    for _ in range(200):
        loss, _ = policy(inputs, generator)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(float(loss.detach()))
    assert np.mean(losses[-20:]) < 0.75 * np.mean(losses[:5])


def test_flow_chunk_takes_shifts_of_images_out_of_positions():
    policy = made("flow_chunk", ("front", "wrist")).eval()
    inputs = inputs_of(policy)
    moved = torch.tensor([[0.1, 0.0], [0.0, -0.2], [0.3, 0.1], [0.0, 0.0]])
    plain = policy._condition(inputs)
    shifted = policy._condition({**inputs, "moved": moved})
    torch.testing.assert_close(shifted.points, plain.points - moved[:, None, None])
    assert (shifted.code != plain.code)[:3].any(1).all()
    torch.testing.assert_close(shifted.code[3], plain.code[3])


@pytest.mark.parametrize("name", NAMES)
def test_every_size_is_plain_numbers(name):
    kind = policy_class(name)
    assert tuple(kind.sizes) == SIZES
    with pytest.raises(UnknownNameError, match="size 'huge'"):
        configured(kind, "huge", {})
    with pytest.raises(UnknownNameError, match="network setting 'depth'"):
        configured(kind, "tiny", {"depth": 3})


def test_what_does_not_fit_is_refused():
    io = made("diffusion_policy").io
    kind = policy_class("diffusion_policy")
    with pytest.raises(SpecError, match="multiple of 2"):
        kind(replace(io, chunk=7, execute=2), configured(kind, "tiny", SMALL["diffusion_policy"]))
    with pytest.raises(SpecError, match="cannot be executed"):
        replace(io, execute=9)
    with pytest.raises(UnknownNameError, match="policy 'nothing'"):
        policy_class("nothing")


def test_flow_of_a_straight_line_is_exact():
    data = torch.randn(3, 4, 2, generator=noise())
    start = torch.randn(3, 4, 2, generator=torch.Generator().manual_seed(5))
    found = flow_integrate(lambda x, t: start - data, start, 7)
    torch.testing.assert_close(found, data, atol=1e-5, rtol=1e-5)


def test_flow_times_follow_their_distribution():
    t = flow_times(200_000, noise())
    assert float(t.min()) >= 0.001
    assert float(t.max()) <= 1.0
    assert float(t.mean()) == pytest.approx(0.001 + 0.999 * 0.6, abs=3e-3)


def test_diffusion_with_the_true_noise_gives_the_data():
    process = Diffusion(100)
    assert process.alpha_bar[0] > 0.999
    assert process.alpha_bar[-1] < 1e-3
    data = torch.rand(2, 4, 3, generator=noise()) * 1.8 - 0.9

    def estimate(x, level):
        keep = process.alpha_bar[level][:, None, None]
        return (x - keep.sqrt() * data) / (1 - keep).sqrt()

    start = torch.randn(2, 4, 3, generator=noise())
    torch.testing.assert_close(process.sample(estimate, start, 10), data, atol=1e-3, rtol=1e-3)


def test_a_masked_mean_counts_what_is_there():
    values = torch.tensor([[1.0, 100.0], [3.0, 100.0]])
    mask = torch.tensor([[True, False], [True, False]])
    assert float(masked_mean(values, mask)) == 2.0
    assert float(masked_mean(values, mask & False)) == 0.0


def followed(moved: torch.Tensor | None) -> float:
    """Distance of a flow chunk's points from an object that is seen close to the left edge."""
    base = made("flow_chunk", ("front", "wrist"))
    policy = type(base)(replace(base.io, points=("a",)), base.config).eval()
    inputs = inputs_of(policy)
    inputs["points"] = torch.tensor([0.0, -0.95, 1.0]).expand(4, 2, 1, 3)
    if moved is not None:
        inputs["moved"] = moved
    return float(policy(inputs, noise())[1]["looking"])


def test_points_that_left_a_shifted_image_are_not_looked_for():
    inwards, outwards = torch.tensor([[0.0, 0.1]]), torch.tensor([[0.0, -0.1]])
    assert followed(None) > 0.0
    assert followed(inwards.expand(4, 2)) > 0.0
    assert followed(outwards.expand(4, 2)) == 0.0


def test_auxiliary_features_come_from_what_can_know_them():
    base = made("flow_chunk", ("front", "wrist"))
    names = ("object_in_tcp.a", "object_size.a", "object_in_base.a", "object_in_base.b",
             "object_size.b")  # fmt: skip
    io = replace(base.io, auxiliary=names, auxiliary_widths=(3,) * 5, points=("a",))
    torch.manual_seed(0)
    policy = type(base)(io, base.config).eval()
    inputs = inputs_of(policy)
    told = policy._condition(inputs).told
    assert told.shape == (4, 15)
    assert told.isfinite().all()
    elsewhere = policy._condition({**inputs, "state": inputs["state"] + 1.0}).told
    changed = (elsewhere != told).any(0).reshape(5, 3).any(1).tolist()
    # b is not followed: where it is comes from everything, as what is seen from the tool.
    assert changed == [True, False, False, True, False]
    moved = policy._condition({**inputs, "moved": torch.full((4, 2), 0.1)}).told
    assert (moved != told).any(0).reshape(5, 3).any(1).all()


@pytest.mark.parametrize("changes", [{"pyramid": (8, 16, 16)}, {"draws": 0}])
def test_flow_chunk_names_settings_that_cannot_be(changes):
    base = made("flow_chunk", ("front",))
    with pytest.raises(SpecError) as error:
        type(base)(base.io, replace(base.config, **changes))
    assert error.value.where == f"network.{next(iter(changes))}"
