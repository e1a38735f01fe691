"""The part of the conformance checks that uses an asset as what it is for. Needs MuJoCo."""

from __future__ import annotations

import math
from itertools import product

import mujoco
import numpy as np

from datafactory_assets.asset import Array, Cavity, RigidAsset
from datafactory_assets.conformance_physics import model_xml

PEG_SHARE = 0.9
PEG_DROP_M = 0.004
PEG_TOLERANCE_M = 0.003
MAX_PEG_TILT_RAD = math.radians(12.0)
FINGER_RADIUS_M = 0.005
FINGER_HALF_LENGTH_M = 0.030
JOINED_M = 1e-5
RAYS = 24


def check_function(asset: RigidAsset) -> None:
    """Puts a peg that fits into every slot, and a finger through every handle loop.

    A loop is a chain of three or more capsules of the part ``handle``, each starting where the one
    before it ends.

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
    for i, knots in enumerate(handle_loops(asset)):
        if not can_be_threaded(asset, knots):
            raise AssertionError(
                f"{asset.family} seed {asset.seed}: no finger of {1e3 * FINGER_RADIUS_M:.0f} mm "
                f"radius passes through its handle loop {i} without touching it"
            )


def handle_loops(asset: RigidAsset) -> list[Array]:
    """Knots (n, 3) of every handle loop, object frame, metres."""
    chains: list[list[Array]] = []
    for shape in asset.shapes:
        if shape.kind != "capsule" or shape.part != "handle":
            continue
        w, x, y, z = shape.quat
        axis = np.array([2 * (x * z + w * y), 2 * (y * z - w * x), 1 - 2 * (x * x + y * y)])
        start, end = (np.array(shape.position) + k * shape.size[1] * axis for k in (-1.0, 1.0))
        if chains and np.linalg.norm(chains[-1][-1] - start) < JOINED_M:
            chains[-1].append(end)
        else:
            chains.append([start, end])
    return [np.array(chain) for chain in chains if len(chain) > 3]


def can_be_threaded(asset: RigidAsset, knots: Array) -> bool:
    """Whether a straight finger passes through a loop: touching nothing, with all sides closed.

    Args:
        asset: The asset.
        knots: (n, 3) the loop's centre line from end to end, object frame, metres.
    """
    normal = np.linalg.svd(knots - knots.mean(axis=0))[2][2]
    middle = 0.5 * (knots[0] + knots[-1])
    along = 0.5 * (knots[-1] - knots[0])
    chord = along / np.linalg.norm(along)
    reach = (knots - middle) - ((knots - middle) @ chord)[:, None] * chord
    apex = reach[np.linalg.norm(reach, axis=1).argmax()]
    size = 2.0 * max(float(np.linalg.norm(apex)), 2.0 * float(np.linalg.norm(along)))
    u = apex / np.linalg.norm(apex)
    v = np.cross(normal, u)
    turn = np.zeros(4)
    mujoco.mju_quatZ2Vec(turn, normal)
    finger = (
        f'<body name="finger" mocap="true"><geom type="capsule" '
        f'size="{FINGER_RADIUS_M} {FINGER_HALF_LENGTH_M}"/></body>'
    )
    model = mujoco.MjModel.from_xml_string(model_xml(asset, asset.stable_poses[0], extra=finger))
    data = mujoco.MjData(model)
    data.mocap_quat[0] = turn
    own, hit = model.body("finger").id, np.zeros(1, dtype=np.int32)
    geom = int(model.body_geomadr[own])
    for out, side in product((0.5, 0.4, 0.6, 0.3, 0.7, 0.2, 0.8), (0.0, -0.25, 0.25)):
        data.mocap_pos[0] = middle + out * apex + side * along
        mujoco.mj_forward(model, data)
        if any(geom in contact.geom for contact in data.contact):
            continue
        angles = 2.0 * math.pi * np.arange(RAYS) / RAYS
        directions = np.cos(angles)[:, None] * u + np.sin(angles)[:, None] * v
        place = data.mocap_pos[0]
        seen = [mujoco.mj_ray(model, data, place, d, None, 1, own, hit) for d in directions]
        if all(0.0 < distance < size for distance in seen):
            return True
    return False


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
