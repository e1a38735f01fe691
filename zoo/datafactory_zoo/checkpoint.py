"""Checkpoints: a folder that says everything needed to act, and everything needed to go on.

::

    checkpoints/00002000/
        policy.json            policy, network sizes, recipe, lineage of the data
        processors.json        inputs, action form, statistics by robot, with content hashes
        model.safetensors      averaged weights: what acts
        training.safetensors   weights, optimiser moments, random states: what goes on
        training.json          step, sampler, counters

A checkpoint is written beside its place and renamed into it: what is there is whole, and a full
disk leaves the one before untouched.
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from datafactory.errors import DatasetCorruptError, SpecError, StorageError, UnknownNameError
from datafactory_zoo.eyes import Sight
from datafactory_zoo.policy import Agent, Policy, configured, policy_class
from datafactory_zoo.processors import Processors

FOLDER = "checkpoints"
FORMAT = 1


@dataclass(frozen=True, eq=False)
class Checkpoint:
    """A checkpoint on disk.

    Attributes:
        folder: Its folder.
        description: Contents of ``policy.json``.
        processors: By robot.
    """

    folder: Path
    description: Mapping[str, Any]
    processors: Mapping[str, Processors]

    @property
    def step(self) -> int:
        """Optimiser steps it was made after."""
        return int(self.description["step"])

    def robot(self, name: str | None = None) -> str:
        """The robot to act on: the one named, or the only one.

        Raises:
            SpecError: The policy was trained for other robots.
        """
        known = sorted(self.processors)
        if name is None and len(known) == 1:
            return known[0]
        if name is None or name not in self.processors:
            raise SpecError(
                f"this policy does not act on robot '{name}'", where=str(self.folder),
                why="it was trained on " + ", ".join(known),
                remedy=f"use --robot {known[0]}, or train on data of that robot",
            )  # fmt: skip
        return name

    def sight(self, robot: str) -> Sight | None:
        """How the pictures of a robot's training data were drawn; None when nobody knows."""
        for part in self.description["data"]:
            if part.get("robot") == robot and part["sight"] is not None:
                return Sight.from_dict(part["sight"])
        return None

    def policy(self, device: str = "cpu") -> Policy:
        """The network with its averaged weights, in evaluation mode."""
        kind = policy_class(self.description["policy"])
        config = configured(kind, self.description["size"], self.description["network"])
        policy = kind(next(iter(self.processors.values())).io, config)
        policy.load_state_dict(read_tensors(self.folder / "model.safetensors"))
        return policy.to(device).eval()

    def agent(self, robot: str | None = None, *, device: str = "cpu", seed: int = 0) -> Agent:
        """The policy ready to act on a robot."""
        return Agent(self.policy(device), self.processors[self.robot(robot)], seed)


def read_tensors(path: Path) -> dict[str, torch.Tensor]:
    """Tensors of a safetensors file.

    Raises:
        DatasetCorruptError: It is missing or damaged.
    """
    try:
        return load_file(path)
    except (OSError, SafetensorError) as error:
        raise DatasetCorruptError(
            "a checkpoint cannot be read", where=str(path), why=str(error).split("\n")[0],
            remedy="use another checkpoint of the run",
        ) from error  # fmt: skip


def find_checkpoint(path: str | Path) -> Path:
    """The checkpoint's folder: the path itself, or the newest checkpoint of a run's folder.

    Raises:
        SpecError: There is none.
    """
    folder = Path(path)
    if (folder / "policy.json").is_file():
        return folder
    found = sorted((folder / FOLDER).glob("[0-9]*/policy.json"))
    if not found:
        raise SpecError(f"there is no checkpoint in '{folder}'",
                        why="it is neither a checkpoint nor a training run",
                        remedy="datafactory train RECIPE --data DATASET --out RUN")  # fmt: skip
    return found[-1].parent


def read_checkpoint(path: str | Path) -> Checkpoint:
    """Opens a checkpoint, or the newest one of a run.

    Raises:
        SpecError: There is none, it is of a newer format, or it was changed.
    """
    folder = find_checkpoint(path)
    try:
        description = json.loads((folder / "policy.json").read_text())
        data = json.loads((folder / "processors.json").read_text())
    except (OSError, ValueError) as error:
        raise DatasetCorruptError("a checkpoint cannot be read", where=str(folder),
                                  why=str(error)) from error  # fmt: skip
    if description.get("format", 0) > FORMAT:
        raise SpecError("this checkpoint was made by a newer datafactory", where=str(folder),
                        remedy="pip install --upgrade datafactory")  # fmt: skip
    processors = {
        robot: Processors.from_dict(part, str(folder / "processors.json"))
        for robot, part in data["robots"].items()
    }
    if not processors:
        raise UnknownNameError("a checkpoint without processors", where=str(folder))
    return Checkpoint(folder, description, processors)


def write_checkpoint(
    run: Path, step: int, *, description: Mapping[str, Any],
    processors: Mapping[str, Processors], weights: Mapping[str, torch.Tensor],
    training: Mapping[str, torch.Tensor], counters: Mapping[str, Any], keep: int,
) -> Path:  # fmt: skip
    """Writes a checkpoint, whole or not at all, and removes the oldest ones beyond ``keep``.

    Raises:
        StorageError: The disk is full; earlier checkpoints are untouched.
    """
    place = run / FOLDER
    target = place / f"{step:08d}"
    try:
        place.mkdir(parents=True, exist_ok=True)
        staging = Path(tempfile.mkdtemp(prefix=".writing-", dir=place))
    except OSError as error:
        raise _full(target, error) from error
    try:
        _write_json(staging / "policy.json", {"format": FORMAT, "step": step, **description})
        robots = {robot: p.to_dict() for robot, p in processors.items()}
        _write_json(staging / "processors.json", {"robots": robots})
        _write_json(staging / "training.json", counters)
        save_file(_plain(weights), staging / "model.safetensors")
        save_file(_plain(training), staging / "training.safetensors")
        if target.exists():
            shutil.rmtree(target)
        os.replace(staging, target)
    except (OSError, SafetensorError) as error:
        shutil.rmtree(staging, ignore_errors=True)
        raise _full(target, error) from error
    for old in sorted(p for p in place.glob("[0-9]*") if p.is_dir())[:-keep]:
        shutil.rmtree(old)
    return target


def _plain(tensors: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    return {k: v.detach().cpu().contiguous().clone() for k, v in tensors.items()}


def _write_json(path: Path, data: Mapping[str, Any]) -> None:
    path.write_text(json.dumps(data, indent=1, sort_keys=True) + "\n")


def _full(target: Path, error: Exception) -> StorageError:
    return StorageError(
        "a checkpoint cannot be written", where=str(target), why=str(error).split("\n")[0],
        remedy="free space; `datafactory train --resume` goes on from the last checkpoint",
    )  # fmt: skip
