"""Between data and network: action forms, normalisation, padding, images, text; and back.

Everything a checkpoint needs to be used elsewhere is here, statistics included, and hashed.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
import torch
from numpy.typing import NDArray

from datafactory.errors import SpecError, UnknownNameError
from datafactory_zoo.actions import ChunkStart, Targets, decode, encode
from datafactory_zoo.interface import AUXILIARY, IMAGE, OBSERVATION, POINT, PolicyIO
from datafactory_zoo.loader import Batch, WindowDataset
from datafactory_zoo.statistics import Statistics, StreamingStatistics, stacked
from datafactory_zoo.tokenizers import Tokenizer, tokenizer

Mode = Literal["identity", "mean_std", "min_max", "quantiles"]
Array = NDArray[np.float64]
Inputs = dict[str, torch.Tensor]
STATISTICS_BATCH = 4096
_LEAST_SCALE = 1e-4


@dataclass(frozen=True, eq=False)
class Affine:
    """Normalisation as ``(x - offset) / scale``; both (D,), or (H, D) for chunks."""

    offset: torch.Tensor
    scale: torch.Tensor

    @classmethod
    def of(cls, mode: Mode, statistics: Statistics) -> Affine:
        """The normalisation of a mode. Dimensions that hardly vary are only shifted."""
        if mode not in get_args(Mode):
            raise UnknownNameError.of("normalisation", mode, get_args(Mode))
        if mode == "identity":
            offset, scale = np.zeros_like(statistics.mean), np.ones_like(statistics.mean)
        elif mode == "mean_std":
            offset, scale = statistics.mean, statistics.std
        else:
            low, high = (
                (statistics.min, statistics.max) if mode == "min_max"
                else (statistics.q01, statistics.q99)
            )  # fmt: skip
            offset, scale = 0.5 * (low + high), 0.5 * (high - low)
        scale = np.where(scale > _LEAST_SCALE, scale, 1.0)
        return cls(torch.from_numpy(offset).float(), torch.from_numpy(scale).float())

    def apply(self, values: torch.Tensor) -> torch.Tensor:
        """Normalises (..., D)."""
        return (values - self.offset) / self.scale

    def undo(self, values: torch.Tensor) -> torch.Tensor:
        """The inverse of :meth:`apply`."""
        return values * self.scale + self.offset


def chunk_start(batch: Mapping[str, torch.Tensor], arms: int) -> ChunkStart:
    """What was measured at the present moment of a batch; tools that were not read are NaN."""
    joint = batch["now.joint_position"][:, 0].numpy().astype(np.float64)
    if "now.eef_pose" not in batch:
        return ChunkStart(joint, np.full((len(joint), arms, 7), np.nan),
                          np.full((len(joint), 7), np.nan))  # fmt: skip
    eef, base = (
        batch[f"now.{n}"][:, 0].numpy().astype(np.float64) for n in ("eef_pose", "world_from_base")
    )
    return ChunkStart(joint, eef.reshape(len(eef), arms, 7), base)


def encoded_actions(io: PolicyIO, batch: Mapping[str, torch.Tensor]) -> Array:
    """(B, H, D) action chunks of a batch of stored targets, not normalised."""
    gripper = batch["action.gripper"].numpy().astype(np.float64)
    joint = eef = None
    if io.action.space == "joint":
        joint = batch["action.joint"].numpy().astype(np.float64)
    else:
        eef = batch["action.eef"].numpy().astype(np.float64)
        eef = eef.reshape(*eef.shape[:2], io.arms, 7)
    return encode(io.action, Targets(joint, eef, gripper), chunk_start(batch, io.arms))


def measure(data: WindowDataset, io: PolicyIO, seed: int = 0) -> dict[str, Statistics]:
    """Statistics of state and action over every frame of a dataset, padding left out.

    Actions are measured for each step of the chunk on its own: what is relative to the present
    grows with the step, and one scale for all would bury the first steps in noise.
    """
    state = StreamingStatistics(io.state_width, seed=seed, name="state")
    action = [
        StreamingStatistics(io.action_width, seed=seed, name=f"action {k}", reservoir=20_000)
        for k in range(io.chunk)
    ]
    names, told = list(io.observation), list(io.auxiliary)
    auxiliary = StreamingStatistics(io.auxiliary_width, seed=seed, name="auxiliary")
    plain = data.low_dimensional()
    for start in range(0, len(plain), STATISTICS_BATCH):
        samples = np.arange(start, min(start + STATISTICS_BATCH, len(plain)))
        batch = plain.batch(samples)
        if names:
            state.add(np.concatenate([batch[OBSERVATION + n][:, -1].numpy() for n in names], 1))
        if told:
            auxiliary.add(np.concatenate([batch[AUXILIARY + n][:, -1].numpy() for n in told], 1))
        chunk, pad = encoded_actions(io, batch), batch["action.gripper_is_pad"].numpy()
        for k, part in enumerate(action):
            part.add(chunk[~pad[:, k], k])
    found = {"action": stacked([part.finish() for part in action])}
    if names:
        found["state"] = state.finish()
    if told:
        found["auxiliary"] = auxiliary.finish()
    return found


class Processors:
    """Turns batches into network inputs and network outputs into absolute targets.

    Args:
        io: Inputs and outputs of the policy.
        statistics: ``state`` (D,) and ``action`` (H, D) statistics of the robot.
        state_mode, action_mode: Normalisation.
    """

    def __init__(
        self, io: PolicyIO, statistics: Mapping[str, Statistics], *,
        state_mode: Mode = "mean_std", action_mode: Mode = "min_max",
    ) -> None:  # fmt: skip
        self.io, self.statistics = io, dict(statistics)
        self.state_mode, self.action_mode = state_mode, action_mode
        self._state = Affine.of(state_mode, statistics["state"]) if io.observation else None
        self._action = Affine.of(action_mode, statistics["action"])
        self._auxiliary = Affine.of("mean_std", statistics["auxiliary"]) if io.auxiliary else None
        self._text: Tokenizer | None = tokenizer(io.tokenizer) if io.text_tokens else None

    def to_dict(self) -> dict[str, Any]:
        """JSON form, with a hash over the rest."""
        data = {
            "io": self.io.to_dict(),
            "state_mode": self.state_mode,
            "action_mode": self.action_mode,
            "statistics": {k: v.to_dict() for k, v in self.statistics.items()},
        }
        return {**data, "content_hash": _hash(data)}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any], where: str = "") -> Processors:
        """Reads the JSON form.

        Raises:
            SpecError: It was changed after it was written.
        """
        plain = {k: v for k, v in data.items() if k != "content_hash"}
        if _hash(plain) != data.get("content_hash"):
            raise SpecError("the processors of a checkpoint were changed", where=where,
                            why="their content hash differs",
                            remedy="restore the file, or train again")  # fmt: skip
        statistics = {k: Statistics.from_dict(v) for k, v in data["statistics"].items()}
        return cls(PolicyIO.from_dict(data["io"]), statistics,
                   state_mode=data["state_mode"], action_mode=data["action_mode"])  # fmt: skip

    def observation(self, batch: Batch) -> Inputs:
        """Network inputs of a batch, without actions.

        Returns:
            ``state`` (B, steps, state_dim), ``images`` (B, steps, cameras, 3, h, w) uint8, which
            :mod:`~datafactory_zoo.pictures` normalises on the network's device, ``tokens`` (B, L)
            and ``tokens_mask`` (B, L), as far as the policy has them.
        """
        io, out = self.io, Inputs()
        if self._state is not None:
            raw = torch.cat([batch[OBSERVATION + n] for n in io.observation], dim=-1)
            out["state"] = _padded(self._state.apply(raw), io.state_dim)
        if io.cameras:
            out["images"] = torch.stack([batch[IMAGE + c] for c in io.cameras], dim=2)
        if self._text is not None:
            out["tokens"], out["tokens_mask"] = self._text.encode(batch["task"], io.text_tokens)
        return out

    def training(self, batch: Batch) -> Inputs:
        """Network inputs of a batch with ``action`` (B, H, action_dim) and ``action_mask``.

        Policies with auxiliary features get them as ``auxiliary`` (B, auxiliary_width), those that
        look at objects ``points`` (B, cameras, roles, 3): row, column, whether it is in the image.

        The mask is False at steps after the episode's end and at padded dimensions: they
        contribute no loss.
        """
        io, out = self.io, self.observation(batch)
        action = torch.from_numpy(encoded_actions(io, batch)).float()
        out["action"] = _padded(self._action.apply(action), io.action_dim)
        mask = torch.zeros(out["action"].shape, dtype=torch.bool)
        mask[..., : io.action_width] = ~batch["action.gripper_is_pad"][..., None]
        out["action_mask"] = mask
        if self._auxiliary is not None:
            told = torch.cat([batch[AUXILIARY + n][:, -1] for n in io.auxiliary], dim=-1)
            out["auxiliary"] = self._auxiliary.apply(told)
        if io.points:
            seen = [torch.stack([batch[f"{POINT}{c}.{r}"] for r in io.points], 1)
                    for c in io.cameras]  # fmt: skip
            out["points"] = torch.stack(seen, dim=1)
        return out

    def targets(self, action: torch.Tensor, start: ChunkStart) -> Targets:
        """Absolute targets of predicted chunks (B, H, action_dim)."""
        io = self.io
        chunk = self._action.undo(action.detach().cpu().float()[..., : io.action_width])
        return decode(io.action, chunk.numpy().astype(np.float64), start, io.arms)


def _padded(values: torch.Tensor, width: int) -> torch.Tensor:
    return torch.nn.functional.pad(values, (0, width - values.shape[-1]))


def _hash(data: Mapping[str, Any]) -> str:
    text = json.dumps(data, sort_keys=True, separators=(",", ":"))
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()
