"""Names and velocity addresses of a stored model's joints, read from its MJCF text."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from dataclasses import dataclass

from datafactory.store.stored import StoredEpisode

_POSITIONS = {"free": 7, "ball": 4, "slide": 1, "hinge": 1}
_VELOCITIES = {"free": 6, "ball": 3, "slide": 1, "hinge": 1}
MODEL_PREFIX = "robot/"


@dataclass(frozen=True)
class Joints:
    """The controlled joints of an episode.

    Attributes:
        names: Their names, without the prefix of the robot's model.
        velocities: Index into ``qvel`` of each; empty when velocities are not known.
    """

    names: tuple[str, ...]
    velocities: tuple[int, ...]


def controlled_joints(episode: StoredEpisode) -> Joints:
    """The controlled joints of an episode; numbered ones when it has no model that fits."""
    t = episode.trajectory
    dof = t.action_joint.shape[1]
    addresses = t.joint_addresses or tuple(range(dof))
    table = _table(episode.replay.mjcf, t.qpos.shape[1]) if episode.replay is not None else {}
    if all(a in table for a in addresses):
        found = [table[a] for a in addresses]
        return Joints(tuple(name for name, _ in found), tuple(v for _, v in found))
    numbered = tuple(f"joint_{k}" for k in range(dof))
    return Joints(numbered, addresses if t.qvel.shape[1] == dof else ())


def _table(mjcf: str, positions: int) -> dict[int, tuple[str, int]]:
    """Position address -> (name, velocity address); MuJoCo numbers joints in document order.

    Empty when the joints written out do not make up all ``positions`` (types may be inherited).
    """
    world = ElementTree.fromstring(mjcf).find("worldbody")
    found: dict[int, tuple[str, int]] = {}
    position = velocity = 0
    for joint in world.iter() if world is not None else ():
        if joint.tag not in ("joint", "freejoint"):
            continue
        kind = "free" if joint.tag == "freejoint" else joint.get("type", "hinge")
        name = joint.get("name", f"joint_{len(found)}").removeprefix(MODEL_PREFIX)
        found[position] = (name, velocity)
        position += _POSITIONS[kind]
        velocity += _VELOCITIES[kind]
    return found if position == positions else {}
