"""An object that follows the tool, as frames written over MuJoCo's."""

from __future__ import annotations

import mujoco
import numpy as np

from datafactory.errors import SpecError
from datafactory.geometry import Pose, quat_to_matrix


class HeldFrames:
    """Moves one free body with a site, without another kinematics pass.

    After ``mj_kinematics`` has placed the site, :meth:`follow` overwrites the frames of the body
    and of its geoms, which is all that collision detection reads.

    Args:
        model: Scene model.
        data: Its data; written by :meth:`follow`.
        body: Index of a body without children, with a free joint.
        site: Index of the site to follow.
        site_from_body: Where the body is held.
    """

    def __init__(
        self,
        model: mujoco.MjModel,
        data: mujoco.MjData,
        body: int,
        site: int,
        site_from_body: Pose,
    ) -> None:
        joint = int(model.body_jntadr[body])
        if joint < 0 or model.jnt_type[joint] != mujoco.mjtJoint.mjJNT_FREE:
            raise SpecError(f"a held body needs a free joint; body {body} has none")
        if int((np.asarray(model.body_parentid) == body).sum()) > 0:
            raise SpecError(f"a held body must be one rigid body; body {body} has children")
        first, count = int(model.body_geomadr[body]), int(model.body_geomnum[body])
        geoms = slice(first, first + count) if count else slice(0, 0)
        rotation = quat_to_matrix(site_from_body.quat)
        inertial = rotation @ quat_to_matrix(model.body_iquat[body])
        turns = rotation @ quat_to_matrix(model.geom_quat[geoms]).reshape(-1, 3, 3)
        self._turns = np.concatenate([rotation[None], inertial[None], turns])
        offsets = np.stack([np.zeros(3), model.body_ipos[body], *model.geom_pos[geoms]])
        self._offsets = site_from_body.apply(offsets)
        self._site_position = data.site_xpos[site]
        self._site_matrix = data.site_xmat[site].reshape(3, 3)
        self._positions = np.empty_like(self._offsets)
        self._matrices = np.empty_like(self._turns)
        self._flat = self._matrices.reshape(-1, 9)
        self._body = (data.xpos[body], data.xmat[body], data.xipos[body], data.ximat[body])
        self._geom_position, self._geom_matrix = data.geom_xpos[geoms], data.geom_xmat[geoms]
        self._quat = data.xquat[body]

    def follow(self) -> None:
        """Writes the frames for the site's present place."""
        rotation = self._site_matrix
        np.dot(self._offsets, rotation.T, out=self._positions)
        self._positions += self._site_position
        np.matmul(rotation, self._turns, out=self._matrices)
        position, matrix, inertial_position, inertial_matrix = self._body
        position[:] = self._positions[0]
        matrix[:] = self._flat[0]
        inertial_position[:] = self._positions[1]
        inertial_matrix[:] = self._flat[1]
        self._geom_position[:] = self._positions[2:]
        self._geom_matrix[:] = self._flat[2:]
        mujoco.mju_mat2Quat(self._quat, matrix)
