"""The part of the conformance checks that simulates: settling, filling, sealing. Needs MuJoCo."""

from __future__ import annotations

import math

import mujoco
import numpy as np

from datafactory_assets.asset import Array, Cavity, RigidAsset, Shape, StablePose

SETTLE_S = 0.6
MAX_DRIFT_M = 0.005
MAX_TILT_RAD = math.radians(3.0)
BALL_RADIUS_M = 0.008
WALL_TOLERANCE_M = 0.0015
BALL_TOLERANCE_M = 0.002

_HEADER = (
    '<mujoco><option timestep="0.002" cone="elliptic" impratio="10" integrator="implicitfast"/>'
)


def check_physics(
    asset: RigidAsset,
    ball_m: float = BALL_TOLERANCE_M,
    wall_m: float = WALL_TOLERANCE_M,
) -> None:
    """Settles an asset in its stable poses; a container also holds a ball and has no gaps.

    Args:
        asset: The asset.
        ball_m: How near to the floor the ball must rest, metres.
        wall_m: How near to the sides of the cavity the walls must be, metres.

    Raises:
        AssertionError: Naming the asset and what it did.
    """
    for pose in asset.stable_poses:
        drift, tilt = settle(asset, pose)
        if drift > MAX_DRIFT_M or tilt > MAX_TILT_RAD:
            raise AssertionError(
                f"{asset.family} seed {asset.seed}: moved {1e3 * drift:.1f} mm and "
                f"{math.degrees(tilt):.1f} degrees from its pose {pose.name!r} at rest"
            )
    if asset.cavity is None:
        return
    ball = drop_ball(asset)
    resting = asset.cavity.floor_z + BALL_RADIUS_M
    if not asset.cavity.contains(ball[None])[0] or abs(ball[2] - resting) > ball_m:
        raise AssertionError(
            f"{asset.family} seed {asset.seed}: a ball dropped into it is at "
            f"{np.round(ball, 4).tolist()}, not on its floor at z = {resting:.4f}"
        )
    gap = wall_gap(asset, asset.cavity)
    if gap > wall_m:
        raise AssertionError(
            f"{asset.family} seed {asset.seed}: its walls are up to {1e3 * gap:.1f} mm away from "
            "the sides of its cavity"
        )


def model_xml(
    asset: RigidAsset,
    pose: StablePose,
    *,
    free: bool = True,
    extra: str = "",
    extra_assets: str = "",
) -> str:
    """MJCF of an asset at a stable pose on a plane.

    Args:
        asset: The asset; its body is called ``asset``.
        pose: Where it stands.
        free: Give it a free joint.
        extra: Further elements of the worldbody.
        extra_assets: Further elements of the asset section.
    """
    geoms, meshes = [], []
    for i, shape in enumerate(asset.shapes):
        kind = "mesh" if shape.kind == "convex" else shape.kind
        place = f'pos="{_row(shape.position)}" quat="{_row(shape.quat)}"'
        form = f'size="{_row(shape.size)}"'
        if shape.kind == "convex":
            form = f'mesh="hull{i}"'
            meshes.append(_hull(i, shape))
        geoms.append(
            f'<geom type="{kind}" {form} {place} mass="0" '
            f'friction="{asset.friction} 0.005 0.0001"/>'
        )
    tensor = asset.inertia
    full = (tensor[0][0], tensor[1][1], tensor[2][2], tensor[0][1], tensor[0][2], tensor[1][2])
    joint = "<freejoint/>" if free else ""
    return (
        f"{_HEADER}<asset>{''.join(meshes)}{extra_assets}</asset><worldbody>"
        f'<geom type="plane" size="1 1 1"/>{extra}'
        f'<body name="asset" pos="0 0 {pose.height!r}" quat="{_row(pose.quat)}">{joint}'
        f'<inertial pos="{_row(asset.com)}" mass="{asset.mass!r}" fullinertia="{_row(full)}"/>'
        f"{''.join(geoms)}</body></worldbody></mujoco>"
    )


def settle(asset: RigidAsset, pose: StablePose) -> tuple[float, float]:
    """Lets an asset go at a stable pose.

    Returns:
        How far its origin moved (metres) and its axes turned (rad) in ``SETTLE_S`` seconds.
    """
    model = mujoco.MjModel.from_xml_string(model_xml(asset, pose))
    data = mujoco.MjData(model)
    start = data.qpos.copy()
    mujoco.mj_step(model, data, nstep=round(SETTLE_S / model.opt.timestep))
    drift = float(np.linalg.norm(data.qpos[:3] - start[:3]))
    cosine = min(1.0, abs(float(np.dot(data.qpos[3:7], start[3:7]))))
    return drift, 2.0 * math.acos(cosine)


def drop_ball(asset: RigidAsset, duration_s: float = 1.0) -> Array:
    """Drops a ball of 8 mm radius into a standing container, from above its rim.

    The ball's contacts are stiff (5 ms): with MuJoCo's default of 20 ms so small a body, falling
    deep, is pushed out through the far side of any floor thinner than its own radius.

    Returns:
        (3,) final position of the ball in the object frame, metres.
    """
    rim = asset.aabb[1][2] + 0.02
    assert asset.cavity is not None
    x, y = _middle(asset.cavity)
    ball = (
        f'<body pos="{x + 0.004!r} {y + 0.003!r} {rim!r}"><freejoint/>'
        f'<geom type="sphere" size="{BALL_RADIUS_M}" density="1000" '
        'priority="1" solref="0.005 1"/></body>'
    )
    xml = model_xml(asset, asset.stable_poses[0], extra=ball)
    model = mujoco.MjModel.from_xml_string(xml)
    data = mujoco.MjData(model)
    mujoco.mj_step(model, data, nstep=round(duration_s / model.opt.timestep))
    body = data.body("asset")
    position: Array = body.xmat.reshape(3, 3).T @ (data.qpos[:3] - body.xpos)
    return position


def wall_gap(asset: RigidAsset, cavity: Cavity, rays: int = 48) -> float:
    """Greatest distance between the cavity's sides and the walls, seen from the middle, metres.

    Infinite when a ray escapes: the wall has a hole.
    """
    xml = model_xml(asset, asset.stable_poses[0], free=False)
    model = mujoco.MjModel.from_xml_string(xml)
    data = mujoco.MjData(model)
    mujoco.mj_forward(model, data)
    worst = 0.0
    hit = np.zeros(1, dtype=np.int32)
    angles = 2.0 * math.pi * (np.arange(rays) + 0.37) / rays
    directions = np.stack([np.cos(angles), np.sin(angles), np.zeros(rays)], axis=1)
    for share in (0.15, 0.5, 0.85):
        height = cavity.floor_z + share * (cavity.rim_z - cavity.floor_z)
        origin = np.array([*_middle(cavity), height])
        expected = _sides(cavity, origin, directions)
        for ray, side in zip(directions, expected, strict=True):
            seen = mujoco.mj_ray(model, data, origin, ray, None, 1, -1, hit)
            worst = max(worst, math.inf if seen < 0.0 else abs(seen - side))
    return worst


def _middle(cavity: Cavity) -> tuple[float, float]:
    """Middle of a cavity's floor, metres."""
    x, y = np.array(cavity.floor_polygon).mean(axis=0)
    return (round(float(x), 9), round(float(y), 9))


def _sides(cavity: Cavity, origin: Array, directions: Array) -> Array:
    """Distances (n,) from origin to the cavity's side along directions (n, 3), by bisection."""
    low, high = np.zeros(len(directions)), np.ones(len(directions))
    for _ in range(24):
        middle = 0.5 * (low + high)
        inside = cavity.contains(origin + middle[:, None] * directions)
        low, high = np.where(inside, middle, low), np.where(inside, high, middle)
    return low


def _hull(index: int, shape: Shape) -> str:
    vertices = " ".join(_row(vertex) for vertex in shape.vertices)
    return f'<mesh name="hull{index}" vertex="{vertices}"/>'


def _row(values: tuple[float, ...]) -> str:
    return " ".join(map(repr, values))
