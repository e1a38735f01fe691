"""What the tests of the zoo share: a made-up episode, a small dataset, a small policy."""

from __future__ import annotations

import numpy as np
import torch

from datafactory.geometry import normalize
from datafactory_zoo.features import EpisodeArrays

torch.set_num_threads(1)  # tests run beside one another


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.Generator(np.random.PCG64(seed))


def poses(shape: tuple[int, ...], seed: int = 0) -> np.ndarray:
    g = rng(seed)
    quat = normalize(g.normal(size=(*shape, 4)))
    return np.concatenate([g.normal(size=(*shape, 3)), quat], axis=-1)


def arrays(frames: int = 6, dof: int = 7, arms: int = 1, objects: int = 2) -> EpisodeArrays:
    g = rng(frames)
    f32 = np.float32
    return EpisodeArrays(
        joint_position=g.normal(size=(frames, dof)).astype(f32),
        gripper_opening=g.uniform(size=(frames, arms)).astype(f32),
        eef_pose=poses((frames, arms), 1).astype(f32),
        object_poses=poses((frames, objects), 2).astype(f32),
        world_from_base=poses((), 3),
        roles=("a", "b", "c")[:objects],
        sizes=np.abs(g.normal(size=(objects, 3))).astype(f32),
        action_joint=g.normal(size=(frames, dof)).astype(f32),
        action_gripper=g.uniform(size=(frames, arms)).astype(f32),
        action_eef=poses((frames, arms), 4).astype(f32),
    )


FEATURES = ["joint_position", "gripper_opening", "tcp_from_object.o0"]


def recipe_data(**changes):
    """A recipe that trains in a moment on fake episodes."""
    return {
        "name": "small", "policy": "flow_chunk", "size": "tiny", "observation": FEATURES,
        "network": {"width": 32, "blocks": 1, "condition": 32},
        "chunk": 8, "execute": 4,
        "train": {"steps": 6, "batch": 16, "checkpoint_every": 3, "validate_every": 3,
                  "validation_batches": 1, "log_every": 1, "threads": 1, "device": "cpu"},
        **changes,
    }  # fmt: skip
