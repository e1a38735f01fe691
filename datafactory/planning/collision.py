"""Collision queries of a robot in a scene, at about ten microseconds each.

The queries run MuJoCo's own broad and narrow phase (the geometry that physics will see) on a
private copy of the scene model whose collision masks are rewritten, so that only robot against
world, robot against itself and held object against both are ever tested. World against world is
never looked at.

Names: an *entity* is a body, or a geom of the world body (``table``, ``floor``).
"""

from __future__ import annotations

import copy
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import mujoco
import numpy as np
from numpy.typing import NDArray

from datafactory.errors import SpecError, UnknownNameError
from datafactory.geometry import Array, Pose
from datafactory.planning.held import HeldFrames
from datafactory.planning.model_index import address_slice, index, indices, names
from datafactory.planning.sampling import bisection, segments

ROBOT = "@robot"
FINGERS = "@fingers"
HELD = "@held"

_WORLD, _ARM, _HAND, _FINGER, _HELD = 1, 2, 4, 8, 16
_AFFINITY = {
    _WORLD: 0,
    _ARM: _WORLD | _ARM | _HAND | _FINGER,
    _HAND: _WORLD,
    _FINGER: _WORLD,
    _HELD: _WORLD | _ARM | _HAND,
}


@dataclass(frozen=True)
class Collision:
    """A pair of entities that are closer than they may be.

    Attributes:
        a, b: Entity names, in the order of their indices in the model.
        distance_m: Signed distance, metres; negative when they overlap.
        limit_m: Smallest distance that was allowed.
    """

    a: str
    b: str
    distance_m: float
    limit_m: float


class CollisionWorld:
    """A scene seen by the planner.

    Not thread safe. Results depend on the state set through the methods only.

    Args:
        model: Scene model: robot, static geometry, objects as free bodies. It is copied.
        robot_bodies: Names of all bodies of the robot, base and gripper included.
        arm_joints: Arm joint names from base to tip, consecutive in the model.
        finger_bodies: Robot bodies that may touch a held object.
        gripper_joints: Gripper joint names, consecutive in the model; may be empty.
        tcp_site: Site that a held object follows; needed for :meth:`attach`.
        clearance_m: Smallest distance of robot and held object to the world, metres.
        self_clearance_m: Smallest distance within the robot, and of the held object to it.
    """

    def __init__(
        self,
        model: mujoco.MjModel,
        *,
        robot_bodies: Sequence[str],
        arm_joints: Sequence[str],
        finger_bodies: Sequence[str] = (),
        gripper_joints: Sequence[str] = (),
        tcp_site: str | None = None,
        clearance_m: float = 0.003,
        self_clearance_m: float = 0.0,
    ) -> None:
        if model.npair:
            raise SpecError("a scene with explicit contact pairs cannot be planned in")
        self.model = copy.copy(model)
        self.data = mujoco.MjData(self.model)
        self.checks = 0
        self._clearance, self._self_clearance = clearance_m, self_clearance_m
        joints = indices(model, "joint", arm_joints)
        self.dof = len(joints)
        self._arm_qpos = self.data.qpos[address_slice(model.jnt_qposadr[joints], "arm joints")]
        self._gripper_qpos = self.data.qpos[:0]
        if gripper_joints:
            addresses = model.jnt_qposadr[indices(model, "joint", gripper_joints)]
            self._gripper_qpos = self.data.qpos[address_slice(addresses, "gripper joints")]
        self._robot = indices(model, "body", robot_bodies)
        self._fingers = indices(model, "body", finger_bodies)
        if not set(self._fingers) <= set(self._robot):
            raise SpecError("finger_bodies must be among robot_bodies")
        self._site = None if tcp_site is None else index(model, "site", tcp_site)
        self._held: int | None = None
        self._held_frames: HeldFrames | None = None
        self._depth = self._arm_depth(joints)
        self._name_entities()
        self._write_masks()
        self._default_limit = self._robot_limits()
        self._limit = self._default_limit.copy()
        mujoco.mj_kinematics(self.model, self.data)

    def _name_entities(self) -> None:
        """Entity k < nbody is body k; the world's geoms follow, in order."""
        model = self.model
        self._body_of_geom = np.asarray(model.geom_bodyid)
        world_geoms = np.flatnonzero(self._body_of_geom == 0)
        self._entity = self._body_of_geom.copy()
        self._entity[world_geoms] = model.nbody + np.arange(len(world_geoms))
        geom_names = names(model, "geom")
        self._names = names(model, "body") + [geom_names[g] for g in world_geoms]
        self._ids = {name: k for k, name in reversed(list(enumerate(self._names))) if name}

    def _write_masks(self) -> None:
        model = self.model
        model.opt.disableflags = 0
        model.opt.enableflags = 0
        self._solid = np.asarray((model.geom_contype | model.geom_conaffinity) != 0)
        model.geom_margin[:] = 0.0
        model.geom_gap[:] = 0.0
        for body in range(model.nbody):
            self._mask_body(body, _WORLD)
        for body in self._robot:
            kind = _HAND if self._depth[body] == self.dof else _ARM
            self._mask_body(body, _FINGER if body in self._fingers else kind)

    def _arm_depth(self, joints: Sequence[int]) -> NDArray[np.int64]:
        """Number of arm joints between the world and each body (nbody,)."""
        depth = np.zeros(self.model.nbody, dtype=np.int64)
        for joint in joints:
            depth[self.model.jnt_bodyid[joint]] += 1
        for body in range(1, self.model.nbody):
            depth[body] += depth[self.model.body_parentid[body]]
        return depth

    def _mask_body(self, body: int, kind: int) -> None:
        model = self.model
        own = self._body_of_geom == body
        contype, affinity = (kind, _AFFINITY[kind]) if self._solid[own].any() else (0, 0)
        model.geom_contype[own] = np.where(self._solid[own], contype, 0)
        model.geom_conaffinity[own] = np.where(self._solid[own], affinity, 0)
        model.body_contype[body], model.body_conaffinity[body] = contype, affinity
        margin = 0.0 if kind == _WORLD else max(self._clearance, self._self_clearance)
        model.geom_margin[own] = margin
        model.body_margin[body] = margin

    def _robot_limits(self) -> Array:
        """Matrix of smallest allowed distances between entities, nothing held.

        Links joined by one joint always touch. Bodies with the same arm joints below them do not
        move against each other with the arm, nor does a fixed base against the world: such pairs
        are not the planner's to judge.
        """
        model, n = self.model, len(self._names)
        weld = np.asarray(model.body_weldid)
        above = weld[np.asarray(model.body_parentid)[weld]]
        robot = np.array(self._robot)
        limit = np.full((n, n), self._clearance)
        fixed = robot[weld[robot] == 0]
        limit[fixed, :] = limit[:, fixed] = -math.inf
        group, over = weld[robot][:, None], above[robot][:, None]
        depth = self._depth[robot][:, None]
        near = (depth == depth.T) | (group == over.T) | (over == group.T)
        limit[np.ix_(robot, robot)] = np.where(near, -math.inf, self._self_clearance)
        return limit

    def clear_allowances(self) -> None:
        """Takes back every allowance; :meth:`attach` and :meth:`detach` do so as well."""
        self._limit[:] = self._default_limit
        if self._held is not None:
            self._limit[self._held, self._robot] = self._self_clearance
            self._limit[self._robot, self._held] = self._self_clearance

    def set_world(self, qpos: Array) -> None:
        """Sets the positions (nq,) of everything: objects, gripper and arm."""
        self.data.qpos[:] = qpos
        mujoco.mj_kinematics(self.model, self.data)

    def set_gripper(self, gripper_qpos: Sequence[float] | Array) -> None:
        """Sets the gripper joints, in the order given at construction."""
        self._gripper_qpos[:] = gripper_qpos

    def attach(self, body: str, tcp_from_object: Pose) -> None:
        """Makes a free body follow the tcp in every query, in place of any held before."""
        if self._site is None:
            raise SpecError("attach needs tcp_site")
        self.detach()
        self._held = index(self.model, "body", body)
        self._held_frames = HeldFrames(
            self.model, self.data, self._held, self._site, tcp_from_object
        )
        self._mask_body(self._held, _HELD)
        self.clear_allowances()

    def detach(self) -> None:
        """Lets go of the held object; it stands where :meth:`set_world` put it."""
        if self._held is not None:
            self._mask_body(self._held, _WORLD)
            self._held, self._held_frames = None, None
            self.clear_allowances()

    def allow(
        self, a: str | Iterable[str], b: str | Iterable[str], *, depth_m: float = math.inf
    ) -> None:
        """Allows entities of two groups to touch, and to overlap by up to ``depth_m``.

        A name is a body, a geom of the world body, ``ROBOT``, ``FINGERS`` or ``HELD``.
        """
        first, second = self._entities(a), self._entities(b)
        for pair in (np.ix_(first, second), np.ix_(second, first)):
            self._limit[pair] = np.minimum(self._limit[pair], -depth_m)

    def _entities(self, group: str | Iterable[str]) -> list[int]:
        found: list[int] = []
        for name in [group] if isinstance(group, str) else group:
            if name == ROBOT:
                found += self._robot
            elif name == FINGERS:
                found += self._fingers
            elif name == HELD:
                if self._held is None:
                    raise SpecError("no object is held")
                found.append(self._held)
            elif name in self._ids:
                found.append(self._ids[name])
            else:
                raise UnknownNameError.of("body or world geom", name, self._ids)
        return found

    def _touches(self, q: Array) -> bool:
        """Runs the query at q; whether any pair is within the margins, allowed or not."""
        self.checks += 1
        self._arm_qpos[:] = q
        mujoco.mj_kinematics(self.model, self.data)
        if self._held_frames is not None:
            self._held_frames.follow()
        mujoco.mj_collision(self.model, self.data)
        return bool(self.data.ncon)

    def free(self, q: Array) -> bool:
        """Whether joint positions q (dof,), rad, are free of collisions."""
        if not self._touches(q):
            return True
        contact = self.data.contact
        pair = self._entity[contact.geom]
        return bool((contact.dist >= self._limit[pair[:, 0], pair[:, 1]]).all())

    def check(
        self, q: Array, gripper_qpos: Sequence[float] | Array | None = None
    ) -> Collision | None:
        """Returns the worst collision at joint positions q (dof,), rad, or None.

        Args:
            q: (dof,) arm joint positions.
            gripper_qpos: Gripper positions; they stay set for later queries.
        """
        if gripper_qpos is not None:
            self.set_gripper(gripper_qpos)
        if not self._touches(q):
            return None
        contact = self.data.contact
        pair = self._entity[contact.geom]
        limits = self._limit[pair[:, 0], pair[:, 1]]
        excess = contact.dist - limits
        k = int(excess.argmin())
        if excess[k] >= 0.0:
            return None
        a, b = sorted(pair[k].tolist())
        return Collision(self._names[a], self._names[b], float(contact.dist[k]), float(limits[k]))

    def edge_free(
        self, q0: Array, q1: Array, resolution_rad: float = 0.04, *, check_start: bool = True
    ) -> bool:
        """Whether the straight joint-space edge is free; see :meth:`edge_collision`."""
        if check_start and not self.free(q0):
            return False
        span = q1 - q0
        return all(self.free(q0 + t * span) for t in bisection(segments(q0, q1, resolution_rad)))

    def edge_collision(
        self, q0: Array, q1: Array, resolution_rad: float = 0.04
    ) -> Collision | None:
        """The first collision found on a straight joint-space edge, ends included, or None.

        The edge is sampled so that no joint moves more than ``resolution_rad`` between neighbours,
        coarse to fine, which finds a blocked edge early.
        """
        span = q1 - q0
        for t in (0.0, *bisection(segments(q0, q1, resolution_rad))):
            found = self.check(q0 + t * span)
            if found is not None:
                return found
        return None
