"""Tools displaced in training samples, so that a policy learns the way back to the expert's path.

An expert that never errs shows no corrections, and a policy that has drifted off its path sees
what it was never trained on (Ross et al., "A Reduction of Imitation Learning ... to No-Regret
Online Learning", 2011). Stored targets are absolute: with the measured tool moved a little, they
lead back to the path (in the spirit of Ke et al., "Grasping with Chopsticks", 2021). A tool that
holds something, or is about to close or open, is left where it is.
"""

from __future__ import annotations

import torch
from torch import Tensor

from datafactory.errors import SpecError
from datafactory_zoo.interface import OBSERVATION, PolicyIO
from datafactory_zoo.loader import Batch

OPEN = 0.5
"""Opening above which a gripper is taken to hold nothing."""
CHANGE = 0.1
"""Change of the opening target that counts as closing or opening."""
MOVED = ("base_from_tcp", "tcp_from_object")
KEPT = ("gripper_opening", "base_from_object", "object_in_base", "object_size", "world_from_base")


def check_displaceable(io: PolicyIO) -> None:
    """Checks that every input of a policy is known for a displaced tool.

    Raises:
        SpecError: The policy sees images or joints, which would not agree, or acts on joints.
    """
    remedy = "set train.displace_m and train.displace_rad to 0"
    if io.cameras or io.action.space != "eef":
        raise SpecError("the tool cannot be displaced for this policy", where="train.displace_m",
                        why="its images would not show it" if io.cameras
                        else "joint targets do not say where the tool shall be",
                        remedy=remedy)  # fmt: skip
    for name in io.auxiliary:
        if name.partition(".")[0] not in KEPT:
            raise SpecError(f"'{name}' is told as of the undisplaced tool", where="auxiliary",
                            remedy=remedy)  # fmt: skip
    for name in io.observation:
        if name.partition(".")[0] not in (*MOVED, *KEPT):
            raise SpecError(f"feature '{name}' is not known for a displaced tool",
                            where="train.displace_m", remedy=remedy)  # fmt: skip


def _rotations(vectors: Tensor) -> Tensor:
    """(B, 3, 3) of rotation vectors (B, 3), rad."""
    cross = torch.zeros(len(vectors), 3, 3)
    x, y, z = vectors.unbind(-1)
    cross[:, 0, 1], cross[:, 0, 2], cross[:, 1, 2] = -z, y, -x
    rotations: Tensor = torch.linalg.matrix_exp(cross - cross.transpose(1, 2))
    return rotations


def _parts(values: Tensor) -> tuple[Tensor, Tensor]:
    """Positions (B, K, 3, 1) and two rotation columns (B, K, 3, 2) of (B, K, 9)."""
    columns = values[..., 3:].reshape(*values.shape[:-1], 2, 3).transpose(-1, -2)
    return values[..., :3, None], columns


def _joined(position: Tensor, columns: Tensor) -> Tensor:
    return torch.cat([position[..., 0], columns.transpose(-1, -2).flatten(-2)], dim=-1)


def _before(values: Tensor, shift: Tensor, turn: Tensor) -> Tensor:
    """``new_from_x`` of ``tcp_from_x`` (B, K, 9), for ``tcp_from_new`` shift and turn."""
    position, columns = _parts(values)
    back = turn.transpose(1, 2)[:, None]
    return _joined(back @ (position - shift[:, None, :, None]), back @ columns)


def _after(values: Tensor, shift: Tensor, turn: Tensor) -> Tensor:
    """``x_from_new`` of ``x_from_tcp`` (B, K, 9)."""
    position, columns = _parts(values)
    rotation = torch.cat([columns, torch.linalg.cross(columns[..., 0], columns[..., 1])[..., None]],
                         dim=-1)  # fmt: skip
    moved = position + rotation @ shift[:, None, :, None]
    return _joined(moved, rotation @ turn[:, None, :, :2])


def _free(batch: Batch, arm: int, io: PolicyIO) -> Tensor:
    """(B,) whether a gripper is open and stays so while the first actions are executed."""
    target = batch["action.gripper"][:, -io.first : io.execute - io.first, arm]
    still = (target.amax(1) - target.amin(1)) < CHANGE
    free: Tensor = still & (target[:, 0] > OPEN) & (batch["now.gripper_opening"][:, 0, arm] > OPEN)
    return free


def displaced(
    batch: Batch, io: PolicyIO, generator: torch.Generator, position_m: float, rotation_rad: float
) -> Batch:
    """A batch whose free tools are somewhere else.

    Amounts are normally distributed; each sample draws a share of the standard deviations.

    Args:
        batch: Windows with features, ``now`` and actions.
        io: Inputs and outputs of the policy.
        generator: Source of randomness.
        position_m: Largest standard deviation per axis.
        rotation_rad: Largest standard deviation per axis.
    """
    out = dict(batch)
    count = len(batch["now.eef_pose"])
    now = batch["now.eef_pose"].clone()
    for arm in range(io.arms):
        share = torch.rand(count, 1, generator=generator) * _free(batch, arm, io)[:, None]
        shift = torch.randn(count, 3, generator=generator) * position_m * share
        turn = _rotations(torch.randn(count, 3, generator=generator) * rotation_rad * share)
        part = slice(9 * arm, 9 * arm + 9)
        for name in io.observation:
            change = {MOVED[0]: _after, MOVED[1]: _before}.get(name.partition(".")[0])
            if change is not None:
                values = out[OBSERVATION + name].clone()
                values[..., part] = change(values[..., part], shift, turn)
                out[OBSERVATION + name] = values
        place = slice(7 * arm, 7 * arm + 7)
        now[:, 0, place] = _moved_pose(now[:, 0, place], shift, turn)
    out["now.eef_pose"] = now
    return out


def _moved_pose(pose: Tensor, shift: Tensor, turn: Tensor) -> Tensor:
    """(B, 7) ``world_from_new`` of ``world_from_tcp``; quaternions wxyz."""
    w, v = pose[:, 3:4], pose[:, 4:]
    twice = 2.0 * torch.linalg.cross(v, shift)
    place = pose[:, :3] + shift + w * twice + torch.linalg.cross(v, twice)
    # Turns are below half a turn, so w is positive and safe to divide by.
    tw = 0.5 * torch.sqrt((1.0 + turn.diagonal(dim1=1, dim2=2).sum(-1)).clamp(min=1e-6))[:, None]
    tv = torch.stack([turn[:, 2, 1] - turn[:, 1, 2], turn[:, 0, 2] - turn[:, 2, 0],
                      turn[:, 1, 0] - turn[:, 0, 1]], dim=-1) / (4.0 * tw)  # fmt: skip
    quat = torch.cat([w * tw - (v * tv).sum(-1, keepdim=True),
                      w * tv + tw * v + torch.linalg.cross(v, tv)], dim=-1)  # fmt: skip
    return torch.cat([place, quat], dim=-1)
