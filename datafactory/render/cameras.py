"""Cameras of a style: their poses over an episode, projection, and whether they can see at all.

Poses are (7,) or (F, 7) xyz + wxyz; camera axes are OpenCV's (x right, y down, z forward).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from datafactory.errors import SpecError, UnknownNameError, did_you_mean
from datafactory.geometry import (
    Pose,
    normalize,
    quat_conjugate,
    quat_from_axis_angle,
    quat_from_matrix,
    quat_multiply,
    quat_rotate,
)
from datafactory.render.calibration import read_calibration
from datafactory.render.presets import RIG, lens_intrinsics
from datafactory.render.stage import Body, Intrinsics, Shot, Stage
from datafactory.render.style import CameraRanges, CameraSpec, Style

Array = NDArray[np.float64]

COVERED_M = 0.02
"""A surface this near in front of a camera covers it."""
COVERED_SHARE = 0.95
"""Share of the image it must fill to count."""
_INSIDE_WINDING = 0.75
_RAYS = 9


def compose(a_from_b: ArrayLike, b_from_c: ArrayLike) -> Array:
    """a_from_c of poses (..., 7), broadcast against each other."""
    a, b = np.asarray(a_from_b, dtype=np.float64), np.asarray(b_from_c, dtype=np.float64)
    position = a[..., :3] + quat_rotate(a[..., 3:], b[..., :3])
    quat = normalize(quat_multiply(a[..., 3:], b[..., 3:]))
    return np.concatenate([position, quat], axis=-1)


def inverse(a_from_b: ArrayLike) -> Array:
    """b_from_a of poses (..., 7)."""
    a = np.asarray(a_from_b, dtype=np.float64)
    back = quat_conjugate(a[..., 3:])
    return np.concatenate([-quat_rotate(back, a[..., :3]), back], axis=-1)


def transform(a_from_b: ArrayLike, points: ArrayLike) -> Array:
    """Maps points of frame b to frame a.

    Args:
        a_from_b: (7,) one pose for all points, or (F, 7) one for each entry of the first axis.
        points: (..., 3), with (F, 7) poses (F, ..., 3) or (1, ..., 3); metres.
    """
    pose, p = np.asarray(a_from_b, dtype=np.float64), np.asarray(points, dtype=np.float64)
    if pose.ndim == 2:
        pose = pose.reshape(len(pose), *(1,) * (p.ndim - 2), 7)
    return quat_rotate(pose[..., 3:], p) + pose[..., :3]


def camera_from_world(points: ArrayLike, world_from_camera: ArrayLike) -> Array:
    """World points in the camera's frame; shapes as in ``transform``."""
    return transform(inverse(world_from_camera), points)


def project(
    points: ArrayLike, world_from_camera: ArrayLike, intrinsics: Intrinsics
) -> tuple[Array, Array]:
    """Where world points are seen.

    Args:
        points: (..., 3), metres; with (F, 7) poses (F, ..., 3) or (1, ..., 3).
        world_from_camera: (7,) or (F, 7).
        intrinsics: Pinhole parameters.

    Returns:
        uv (..., 2) pixels, NaN behind the camera; and depth (...) metres along the camera's z
        axis, negative behind it. Points outside the image keep their coordinates.
    """
    seen = camera_from_world(points, world_from_camera)
    depth = seen[..., 2]
    ahead = np.where(depth > 0.0, depth, np.nan)
    u = intrinsics.fx * seen[..., 0] / ahead + intrinsics.cx
    v = intrinsics.fy * seen[..., 1] / ahead + intrinsics.cy
    return np.stack([u, v], axis=-1), depth


def unproject(
    uv: ArrayLike, depth_m: ArrayLike, world_from_camera: ArrayLike, intrinsics: Intrinsics
) -> Array:
    """World points (..., 3) seen at pixels uv (..., 2) at depths (...); undoes ``project``."""
    pixel, z = np.asarray(uv, dtype=np.float64), np.asarray(depth_m, dtype=np.float64)
    x = (pixel[..., 0] - intrinsics.cx) / intrinsics.fx * z
    y = (pixel[..., 1] - intrinsics.cy) / intrinsics.fy * z
    return transform(world_from_camera, np.stack([x, y, z], axis=-1))


def looking(look_from: ArrayLike, look_at: ArrayLike) -> Pose:
    """Pose of a camera at a point that has another point in its image centre.

    The image's upper edge is towards +z of the frame both points are in, and towards +x when the
    camera looks along z.

    Raises:
        SpecError: Both points are the same.
    """
    start, end = np.asarray(look_from, dtype=np.float64), np.asarray(look_at, dtype=np.float64)
    forward = normalize(end - start)
    if not forward.any():
        raise SpecError("a camera cannot look at its own position", why=f"both are {start}")
    up = (0.0, 0.0, 1.0) if abs(forward[2]) < 1.0 - 1e-9 else (1.0, 0.0, 0.0)
    right = normalize(np.cross(forward, up))
    rotation = np.stack([right, np.cross(forward, right), forward], axis=1)
    return Pose.of(start, quat_from_matrix(rotation))


def resolve(style: Style) -> tuple[CameraSpec, ...]:
    """The cameras of a style, in order; those of its calibration file come last.

    Raises:
        UnknownNameError: A camera name is not in the rig, or a lens preset is unknown.
        SpecError: Two cameras have one name, or the calibration file is invalid.
    """
    specs: list[CameraSpec] = []
    for index, camera in enumerate(style.cameras):
        if isinstance(camera, CameraSpec):
            specs.append(camera)
        elif camera in RIG:
            specs.append(RIG[camera])
        else:
            raise UnknownNameError.of("camera", camera, RIG, f"cameras.{index}")
    if style.calibration is not None:
        specs.extend(read_calibration(style.calibration))
    names = [spec.name for spec in specs]
    for spec in specs:
        if names.count(spec.name) > 1:
            raise SpecError(
                f"two cameras are called '{spec.name}'",
                where="cameras",
                remedy="give each camera its own name",
            )
        lens_intrinsics(spec.lens, *style.size, where=f"lens of camera '{spec.name}'")
    return tuple(specs)


def camera_shots(
    specs: Sequence[CameraSpec],
    style: Style,
    *,
    world_from_table: Pose,
    world_from_base: Pose,
    mounts: Mapping[str, NDArray[np.float64]],
    n_frames: int,
    stream: Callable[[str], np.random.Generator],
) -> tuple[Shot, ...]:
    """Poses and intrinsics of all cameras, with the style's random errors.

    The errors of a camera come from its own stream ``camera/<name>``, so they stay the same when
    other cameras are added or removed.

    Args:
        specs: Cameras, as from ``resolve``.
        style: Gives the image size and the ranges of the errors.
        world_from_table: Frame at the centre of the table's top.
        world_from_base: Robot base.
        mounts: world_from_mount (F, 7) of the robot's camera mounts by name, and ``tcp``.
        n_frames: Number of frames F.
        stream: Gives the generator of a named stream.

    Raises:
        SpecError: A camera is mounted on something this robot does not have.
    """
    fixed = {"table": world_from_table, "base": world_from_base, "world": Pose.identity()}
    _, _, ranges, _ = style.randomise.ranges()
    shots = []
    for spec in _on_every_arm(specs, mounts):
        camera_error, zoom, shift = _errors(ranges, stream(f"camera/{spec.name}"))
        if spec.mount in fixed:
            mount = np.broadcast_to(fixed[spec.mount].vector(), (n_frames, 7))
        elif spec.mount in mounts:
            mount = mounts[spec.mount]
        else:
            raise UnknownNameError(
                f"unknown mount '{spec.mount}'",
                where=f"camera '{spec.name}'",
                why="this robot has " + (", ".join(sorted(mounts)) or "no camera mounts"),
                remedy=did_you_mean(spec.mount, [*fixed, *mounts]),
            )
        lens = lens_intrinsics(spec.lens, *style.size, where=f"lens of camera '{spec.name}'")
        shots.append(
            Shot(
                spec.name,
                Intrinsics(
                    lens.width,
                    lens.height,
                    lens.fx * zoom,
                    lens.fy * zoom,
                    lens.cx + shift[0],
                    lens.cy + shift[1],
                ),
                compose(mount, (_mount_from_camera(spec) @ camera_error).vector()),
            )
        )
    return tuple(shots)


def _on_every_arm(
    specs: Sequence[CameraSpec], mounts: Mapping[str, NDArray[np.float64]]
) -> Iterator[CameraSpec]:
    """A camera on the ``wrist`` of a robot that has several becomes one on each of them."""
    for spec in specs:
        arms = [m.removesuffix(spec.mount) for m in mounts if m.endswith(f"_{spec.mount}")]
        if spec.mount in mounts or not arms:
            yield spec
            continue
        for arm in arms:
            update = {"name": arm + spec.name, "mount": arm + spec.mount}
            yield spec.model_copy(update=update)


def _mount_from_camera(spec: CameraSpec) -> Pose:
    if spec.pose is not None:
        return Pose.from_vector(spec.pose)
    if spec.look_from is not None and spec.look_at is not None:
        return looking(spec.look_from, spec.look_at)
    return Pose.identity()


def _errors(
    ranges: CameraRanges, rng: np.random.Generator
) -> tuple[Pose, float, tuple[float, float]]:
    """camera_from_camera error, factor of the focal length, shift of the principal point."""
    draws = rng.uniform(-1.0, 1.0, 9)
    turn = math.radians(ranges.rotation_deg) * draws[3:6]
    angle = float(np.linalg.norm(turn))
    quat = quat_from_axis_angle(turn, angle) if angle > 0.0 else (1.0, 0.0, 0.0, 0.0)
    shift = ranges.principal_px * draws[7:9]
    return (
        Pose.of(ranges.position_m * draws[:3], quat),
        1.0 + ranges.focal * float(draws[6]),
        (float(shift[0]), float(shift[1])),
    )


def blocked(shot: Shot, stage: Stage, world_from_body: NDArray[np.float64]) -> str | None:
    """Why a camera cannot see the scene in some frame, or None.

    A camera is blocked when its centre is inside a body (winding number of the body's triangles
    above 0.75: 1 inside a closed mesh, 0 outside, at most 0.5 next to an open sheet), when a
    surface within 2 cm fills 95 % of its image, or when the room or the floor is between it and
    the middle of the table, so that it is outside the room, below the floor or behind a piece of
    furniture. The arm passing in front of a camera is no reason.

    Args:
        shot: The camera.
        stage: What can be seen.
        world_from_body: (F, n_bodies, 7) poses in the order of ``stage.bodies``.

    Returns:
        Words that complete "the camera is ...", such as ``inside 'table'``.
    """
    target = _table_middle(stage, world_from_body)
    for index, body in enumerate(stage.bodies):
        if not body.surfaces:
            continue
        low, high = _bounds(body)
        seen_from = transform(inverse(world_from_body[:, index]), shot.world_from_camera[:, :3])
        near = np.all((seen_from >= low - COVERED_M) & (seen_from <= high + COVERED_M), axis=1)
        walls = target is not None and body.name in ("room", "floor")
        if not (walls or near.any()):
            continue
        triangles = _triangles(body)
        if target is not None and walls:
            goals = transform(inverse(world_from_body[:, index]), target[None])
            for frame in _distinct(seen_from, 0.1):
                ray = goals[frame] - seen_from[frame]
                if (_hits(triangles, seen_from[frame], ray[None]) < 1.0).any():
                    return f"cut off from the table by '{body.name}'"
        frames = np.flatnonzero(near)
        poses = compose(inverse(world_from_body[frames, index]), shot.world_from_camera[frames])
        # A camera fixed to the body has one pose in its frame, whatever the number of frames.
        poses = poses[_distinct(poses, 1e-4)]
        balls = _balls(triangles) if len(poses) else (np.empty((0, 3)), np.empty(0))
        for pose in poses:
            if body.name != "room" and _winding_number(triangles, pose[:3]) > _INSIDE_WINDING:
                return f"inside '{body.name}'"
            if _covered_share(triangles, balls, pose, shot.intrinsics) >= COVERED_SHARE:
                return f"covered by '{body.name}'"
    return None


def _distinct(values: Array, step: float) -> NDArray[np.intp]:
    """First index of each different row (n, k), rounded to ``step``."""
    return np.unique(np.round(values / step), axis=0, return_index=True)[1]


def _bounds(body: Body) -> tuple[Array, Array]:
    """Lowest and highest corner (3,) of a body, in its frame."""
    low = np.min([s.mesh.vertices.min(axis=0) for s in body.surfaces], axis=0)
    high = np.max([s.mesh.vertices.max(axis=0) for s in body.surfaces], axis=0)
    return low.astype(np.float64), high.astype(np.float64)


def _triangles(body: Body) -> Array:
    """(m, 3, 3) corners of all triangles in the body's frame."""
    parts = [s.mesh.vertices[s.mesh.faces] for s in body.surfaces]
    return np.concatenate(parts).astype(np.float64)


def _table_middle(stage: Stage, world_from_body: NDArray[np.float64]) -> Array | None:
    """(3,) world point 5 cm above the middle of the table's top; None without a table."""
    for index, body in enumerate(stage.bodies):
        if body.name == "table" and body.surfaces:
            corners = transform(world_from_body[0, index], _triangles(body).reshape(-1, 3))
            middle = 0.5 * (corners.min(axis=0) + corners.max(axis=0))
            return np.array([middle[0], middle[1], corners[:, 2].max() + 0.05])
    return None


def _winding_number(triangles: Array, point: Array) -> float:
    """How often triangles (m, 3, 3) surround a point; solid angles by Van Oosterom and Strackee."""
    a, b, c = np.moveaxis(triangles - point, 1, 0)
    la, lb, lc = (np.linalg.norm(v, axis=1) for v in (a, b, c))
    volume = np.einsum("ij,ij->i", a, np.cross(b, c))
    dots = [np.einsum("ij,ij->i", x, y) for x, y in ((a, b), (b, c), (c, a))]
    half = np.arctan2(volume, la * lb * lc + dots[0] * lc + dots[1] * la + dots[2] * lb)
    return float(half.sum() / (2.0 * math.pi))


def _covered_share(
    triangles: Array, balls: tuple[Array, Array], pose: Array, intrinsics: Intrinsics
) -> float:
    """Share of a grid of image rays that hit triangles at a depth below ``COVERED_M``.

    Args:
        triangles: (m, 3, 3) in the frame of ``pose``.
        balls: Centre (m, 3) and radius (m,) of a ball around each.
        pose: (7,) camera.
        intrinsics: Pinhole parameters.
    """
    grid = (np.arange(_RAYS) + 0.5) / _RAYS
    u, v = np.meshgrid(grid * intrinsics.width, grid * intrinsics.height)
    ends = unproject(np.stack([u, v], axis=-1), np.full_like(u, COVERED_M), pose, intrinsics)
    rays = ends.reshape(-1, 3) - pose[:3]
    reach = float(np.linalg.norm(rays, axis=1).max())
    offset = balls[0] - pose[:3]
    close = np.einsum("mk,mk->m", offset, offset) <= (balls[1] + reach) ** 2
    if not close.any():
        return 0.0
    return float((_hits(triangles[close], pose[:3], rays) < 1.0).mean())


def _balls(triangles: Array) -> tuple[Array, Array]:
    """Centre (m, 3) and radius (m,) of a ball around each triangle (m, 3, 3)."""
    centre = (triangles[:, 0] + triangles[:, 1] + triangles[:, 2]) / 3.0
    offset = triangles - centre[:, None]
    a, b, c = np.einsum("mik,mik->im", offset, offset)
    return centre, np.sqrt(np.maximum(np.maximum(a, b), c))


def _hits(triangles: Array, origin: Array, rays: Array) -> Array:
    """(r,) multiple of each ray (r, 3) at which it first meets a triangle, inf for none.

    Moller and Trumbore's test, for both sides of a triangle.
    """
    corner = triangles[:, 0]
    first, second = triangles[:, 1] - corner, triangles[:, 2] - corner
    p = np.cross(rays[:, None], second)
    determinant = np.einsum("mk,rmk->rm", first, p)
    scale = 1.0 / np.where(determinant == 0.0, np.inf, determinant)
    offset = origin - corner
    u = np.einsum("mk,rmk->rm", offset, p) * scale
    q = np.cross(offset, first)
    v = np.einsum("rk,mk->rm", rays, q) * scale
    t = np.einsum("mk,mk->m", second, q) * scale
    hit = (scale != 0.0) & (u >= 0.0) & (v >= 0.0) & (u + v <= 1.0) & (t > 0.0)
    return np.asarray(np.where(hit, t, np.inf).min(axis=1, initial=np.inf))
