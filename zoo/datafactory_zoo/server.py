"""Serves a policy over a websocket, in the convention of openpi's clients.

The server greets with a map of metadata; then each message is an observation and each answer a map
with ``actions`` (H, dof + arms): absolute joint targets and gripper openings. An error is answered
as text, and the connection is closed. Loopback only, unless told otherwise.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch

from datafactory.errors import DataFactoryError, MissingPartError, SpecError
from datafactory.geometry import Pose
from datafactory_zoo.eyes import Sight
from datafactory_zoo.features import EpisodeArrays, feature
from datafactory_zoo.interface import IMAGE, OBSERVATION
from datafactory_zoo.loader import Batch, resized
from datafactory_zoo.messages import MAX_MESSAGE, pack, unpack
from datafactory_zoo.policy import Agent
from datafactory_zoo.rollouts import PoseFollower

PORT = 8000
STATE = ("joint_position", "gripper_opening", "eef_pose", "object_poses", "world_from_base")
"""Arrays of an observation; objects, their sizes, the prompt and images come beside them."""


def websockets_library() -> Any:
    """The websockets library.

    Raises:
        MissingPartError: It is not installed.
    """
    try:
        import websockets
    except ImportError as error:
        raise MissingPartError("policy servers need the library websockets",
                               remedy="pip install 'datafactory[zoo]'") from error  # fmt: skip
    return websockets


def observed(message: Mapping[str, Any]) -> EpisodeArrays:
    """One frame of an observation message.

    Raises:
        SpecError: It lacks something.
    """
    needed = (*STATE, "objects", "object_sizes")
    lost = [name for name in needed if name not in message]
    if lost:
        raise SpecError(f"the observation has no '{lost[0]}'",
                        why="it must hold " + ", ".join(needed))  # fmt: skip
    return EpisodeArrays(
        joint_position=np.asarray(message["joint_position"], np.float32).reshape(1, -1),
        gripper_opening=np.asarray(message["gripper_opening"], np.float32).reshape(1, -1),
        eef_pose=np.asarray(message["eef_pose"], np.float32).reshape(1, -1, 7),
        object_poses=np.asarray(message["object_poses"], np.float32).reshape(1, -1, 7),
        world_from_base=np.asarray(message["world_from_base"], np.float64).reshape(7),
        roles=tuple(str(name) for name in message["objects"]),
        sizes=np.asarray(message["object_sizes"], np.float32).reshape(-1, 3),
    )


class PolicyService:
    """Answers observations with chunks of absolute actions.

    Args:
        agent: The policy.
        sight: How the pictures it was trained on were drawn; clients are told.
    """

    def __init__(self, agent: Agent, sight: Sight | None = None) -> None:
        self._agent, self._sight = agent, sight
        self._follower = PoseFollower(agent.io.robot) if agent.io.action.space == "eef" else None

    def metadata(self) -> dict[str, Any]:
        """What a client is told first."""
        io = self._agent.io
        return {
            "policy": self._agent.policy.name, "robot": io.robot, "fps": io.fps,
            "chunk": io.chunk, "execute": io.execute, "cameras": list(io.cameras),
            "observation": list(io.observation), "action": "absolute joints and openings",
            "sight": self._sight.to_dict() if self._sight else None,
        }  # fmt: skip

    def infer(self, message: Mapping[str, Any]) -> dict[str, Any]:
        """Actions for one observation."""
        begin = time.monotonic()
        io = self._agent.io
        if io.steps != 1:
            raise SpecError(f"a policy of {io.steps} observation steps cannot be served",
                            why="an observation message holds one")  # fmt: skip
        arrays = observed(message)
        batch: Batch = {"task": [str(message.get("prompt", ""))]}
        for name in io.observation:
            batch[OBSERVATION + name] = torch.from_numpy(feature(arrays, name))[None]
        for name in io.now:
            batch["now." + name] = torch.from_numpy(feature(arrays, name))[None]
        for camera in io.cameras:
            if IMAGE + camera not in message:
                raise SpecError(f"the observation has no '{IMAGE + camera}'")
            image = torch.from_numpy(np.array(message[IMAGE + camera], np.uint8))
            small = resized(image.permute(2, 0, 1)[None], io.image_size, io.image_size)
            batch[IMAGE + camera] = small[None]
        targets = self._agent.predict_action_chunk(batch)
        arm = targets.joint
        if arm is None:
            assert self._follower is not None
            assert targets.eef is not None
            base, q, rows = Pose.from_vector(arrays.world_from_base), arrays.joint_position[0], []
            for poses in targets.eef[0]:
                q = self._follower.joints(base, q, poses)
                rows.append(q)
            arm = np.stack(rows)[None]
        actions = np.concatenate([arm[0], targets.gripper[0]], axis=-1).astype(np.float32)
        return {"actions": actions, "server_timing": {"infer_ms": 1e3 * (time.monotonic() - begin)}}


def serve(
    service: PolicyService, *, host: str = "127.0.0.1", port: int = PORT,
    ready: Callable[[int], None] | None = None, stop: asyncio.Event | None = None,
) -> None:  # fmt: skip
    """Serves until interrupted, or until ``stop`` is set from its own loop.

    Args:
        service: What answers.
        host: Address to listen on.
        port: Port; 0 for any free one.
        ready: Called with the port once it listens.
        stop: Ends the server.
    """
    asyncio.run(_serve(service, host, port, ready, stop))


async def _serve(
    service: PolicyService, host: str, port: int, ready: Callable[[int], None] | None,
    stop: asyncio.Event | None,
) -> None:  # fmt: skip
    library = websockets_library()

    async def answer(connection: Any) -> None:
        await connection.send(pack(service.metadata()))
        try:
            async for data in connection:
                message = unpack(data) if isinstance(data, bytes) else None
                if not isinstance(message, dict):
                    raise SpecError("an observation is a binary msgpack map")
                await connection.send(pack(service.infer(message)))
        except DataFactoryError as error:
            await connection.send(str(error))
            await connection.close(code=1011, reason="invalid observation")
        except library.ConnectionClosed:
            return

    async with library.serve(answer, host, port, compression=None, max_size=MAX_MESSAGE) as server:
        if ready:
            ready(int(server.sockets[0].getsockname()[1]))
        await (stop or asyncio.Event()).wait()
