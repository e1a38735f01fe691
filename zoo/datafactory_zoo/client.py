"""Asks a policy server for actions: ours, or one that follows openpi's convention."""

from __future__ import annotations

from collections import deque
from contextlib import ExitStack
from typing import Any

import numpy as np
from numpy.typing import NDArray

from datafactory.errors import MissingPartError, SpecError
from datafactory_zoo.interface import IMAGE
from datafactory_zoo.messages import MAX_MESSAGE, pack, unpack
from datafactory_zoo.rollouts import Look

TIMEOUT_S = 60.0


class PolicyClient:
    """One connection to a policy server.

    Attributes:
        metadata: What the server said of itself.

    Args:
        address: ``ws://host:port``.

    Raises:
        MissingPartError: Nobody listens there.
    """

    def __init__(self, address: str) -> None:
        try:
            from websockets.sync.client import connect
        except ImportError as error:
            raise MissingPartError("policy servers need the library websockets",
                                   remedy="pip install 'datafactory[zoo]'") from error  # fmt: skip
        self._open = ExitStack()
        try:
            self._connection = self._open.enter_context(
                connect(address, compression=None, max_size=MAX_MESSAGE)
            )
        except (OSError, ValueError, TimeoutError) as error:
            raise MissingPartError(
                "no policy server answers", where=address, why=str(error),
                remedy="start one: datafactory serve CHECKPOINT",
            ) from error  # fmt: skip
        self.metadata: dict[str, Any] = self._receive()

    def _receive(self) -> dict[str, Any]:
        answer = self._connection.recv(timeout=TIMEOUT_S)
        if isinstance(answer, str):
            raise SpecError("the policy server refused", why=answer.splitlines()[0])
        message = unpack(answer)
        if not isinstance(message, dict):
            raise SpecError("the policy server sent no map")
        return message

    def infer(self, observation: dict[str, Any]) -> dict[str, Any]:
        """The server's answer to an observation.

        Raises:
            SpecError: It refused it.
        """
        self._connection.send(pack(observation))
        return self._receive()

    def close(self) -> None:
        """Closes the connection."""
        self._open.close()


class ServerActor:
    """A policy server in our worlds; the answer's ``actions`` are absolute targets.

    Args:
        address: ``ws://host:port``.
    """

    def __init__(self, address: str) -> None:
        self._client = PolicyClient(address)
        self._execute = int(self._client.metadata.get("execute", 0))
        self._waiting: deque[NDArray[np.float32]] = deque()

    def begin(self, world: Any, index: int) -> None:
        """Forgets planned actions."""
        del index
        self._waiting.clear()
        self._width = int(world.action_space.shape[0])

    def act(self, look: Look) -> NDArray[np.float32]:
        """The next action of the server's chunk."""
        if not self._waiting:
            actions = np.asarray(self._client.infer(message_of(look))["actions"], np.float32)
            if actions.ndim != 2 or actions.shape[1] != self._width:
                raise SpecError(f"the policy server sent actions of shape {actions.shape}",
                                why=f"(H, {self._width}) absolute targets are needed")  # fmt: skip
            self._waiting.extend(actions[: self._execute or len(actions)])
        return self._waiting.popleft()


def message_of(look: Look) -> dict[str, Any]:
    """The observation message of what an actor sees."""
    arrays = look.arrays
    return {
        "joint_position": arrays.joint_position[0],
        "gripper_opening": arrays.gripper_opening[0],
        "eef_pose": arrays.eef_pose[0],
        "object_poses": arrays.object_poses[0],
        "world_from_base": arrays.world_from_base,
        "objects": list(arrays.roles),
        "object_sizes": arrays.sizes,
        "prompt": look.instruction,
        **{IMAGE + camera: picture for camera, picture in look.pictures.items()},
    }
