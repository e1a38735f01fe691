"""The part of the conformance checks that uses an asset as what it is for. Needs MuJoCo."""

from __future__ import annotations

import math

import mujoco
import numpy as np

from datafactory_assets.asset import Array, Cavity, RigidAsset
from datafactory_assets.conformance_physics import model_xml

PEG_SHARE = 0.9
PEG_DROP_M = 0.004
PEG_TOLERANCE_M = 0.003
MAX_PEG_TILT_RAD = math.radians(12.0)


def check_function(asset: RigidAsset) -> None:
    """Puts a peg that fits into every slot.

    Raises:
        AssertionError: Naming the asset and what it did.
    """
    for i, (slot, pose) in enumerate(zip(asset.slots, drop_pegs(asset), strict=True)):
        bottom, axis = pose[:3, 3], pose[:3, 2]
        tilt = math.acos(min(1.0, float(axis[2])))
        middle = bottom + 0.5 * (slot.rim_z - slot.floor_z) * axis
        seated = abs(bottom[2] - slot.floor_z) <= PEG_TOLERANCE_M and tilt <= MAX_PEG_TILT_RAD
        if not (seated and slot.contains(middle, margin=-PEG_TOLERANCE_M)[0]):
            raise AssertionError(
                f"{asset.family} seed {asset.seed}: a peg dropped into slot {i} is at "
                f"{np.round(bottom, 4).tolist()}, tilted {math.degrees(tilt):.1f} degrees, "
                f"not standing on its floor at z = {slot.floor_z:.4f}"
            )


def drop_pegs(asset: RigidAsset, duration_s: float = 1.0) -> Array:
    """Drops a prism into every slot of a standing asset, from just above its rim.

    A slot's prism has the smaller of its two outlines, scaled by ``PEG_SHARE``, and its depth.

    Returns:
        (slots, 4, 4) final object_from_peg; a peg's origin is the middle of its lower face.
    """
    meshes, bodies = [], []
    for i, slot in enumerate(asset.slots):
        middle, corners = _peg(slot)
        depth = slot.rim_z - slot.floor_z
        vertices = " ".join(f"{x!r} {y!r} {z!r}" for z in (0.0, depth) for x, y in corners)
        meshes.append(f'<mesh name="peg{i}" vertex="{vertices}"/>')
        bodies.append(
            f'<body name="peg{i}" pos="{middle[0]!r} {middle[1]!r} {slot.rim_z + PEG_DROP_M!r}">'
            f'<freejoint/><geom type="mesh" mesh="peg{i}" density="500" '
            'priority="1" solref="0.005 1"/></body>'
        )
    xml = model_xml(
        asset, asset.stable_poses[0], extra="".join(bodies), extra_assets="".join(meshes)
    )
    model = mujoco.MjModel.from_xml_string(xml)
    data = mujoco.MjData(model)
    mujoco.mj_step(model, data, nstep=round(duration_s / model.opt.timestep))
    mujoco.mj_forward(model, data)
    own = _pose(data, "asset")
    return np.array([np.linalg.inv(own) @ _pose(data, f"peg{i}") for i in range(len(meshes))])


def _peg(slot: Cavity) -> tuple[tuple[float, float], list[tuple[float, float]]]:
    """Middle of a slot's smaller outline, and the peg's corners about it, metres."""
    outline = min((np.array(p) for p in (slot.floor_polygon, slot.rim_polygon)), key=_area)
    middle = outline.mean(axis=0)
    corners = PEG_SHARE * (outline - middle)
    return (float(middle[0]), float(middle[1])), [(float(x), float(y)) for x, y in corners]


def _area(polygon: Array) -> float:
    x, y = polygon.T
    return 0.5 * float(np.sum(x * np.roll(y, -1) - y * np.roll(x, -1)))


def _pose(data: mujoco.MjData, body: str) -> Array:
    """(4, 4) world_from_body."""
    pose = np.eye(4)
    pose[:3, :3] = data.body(body).xmat.reshape(3, 3)
    pose[:3, 3] = data.body(body).xpos
    return pose
