"""What a picture shows of an episode, in metres: object outlines, table, arm posture."""

from __future__ import annotations

import json
import math
import xml.etree.ElementTree as ET
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from datafactory.episode import AssetRecord, ObjectRecord, Replay, Trajectory, Verdict
from datafactory.errors import DatasetCorruptError
from datafactory.geometry import Pose
from datafactory.picture.canvas import Color
from datafactory.picture.palette import object_color
from datafactory.scene_graph.graph import TABLE_OUTLINE

Array = NDArray[np.float64]
ROUND = 20


class Pictured(Protocol):
    """What a picture needs of an attempt: ``Episode`` and stored episodes both have it."""

    @property
    def attempt(self) -> int:
        """Attempt index."""

    @property
    def verdict(self) -> Verdict:
        """The judgement."""

    @property
    def task(self) -> str:
        """Task name."""

    @property
    def instruction(self) -> str:
        """The instruction."""

    @property
    def robot(self) -> str:
        """Robot name."""

    @property
    def world_from_base(self) -> tuple[float, ...]:
        """(7,) robot base pose."""

    @property
    def objects(self) -> tuple[ObjectRecord, ...]:
        """Objects in the scene."""

    @property
    def goal(self) -> Any:
        """Goal as a JSON value."""

    @property
    def trajectory(self) -> Trajectory | None:
        """Recorded frames; None when nothing was executed or kept."""

    @property
    def replay(self) -> Replay | None:
        """Replay data, whose model names the table and the arm."""


@dataclass(frozen=True, eq=False)
class Track:
    """The low-rate path of an attempt whose frames were not kept.

    Attributes:
        fps: Samples per second.
        tcp: (K, 3) positions of the first arm's tool, world, metres.
        object_poses: (K, n_objects, 7) world_from_object.
        tools: (K, a, 3) positions of the tools of all arms; None for one arm.
    """

    fps: float
    tcp: Array
    object_poses: Array
    tools: Array | None = None


@dataclass(frozen=True, eq=False)
class Outline:
    """The geometry of one object for drawing.

    Attributes:
        name: Role name.
        label: Words for people (``red mug``).
        color: Fill.
        pieces: (n, 3) points of each convex collision piece, object frame.
        role: Takes part in the task; distractors do not.
    """

    name: str
    label: str
    color: Color
    pieces: tuple[Array, ...]
    role: bool


@dataclass(frozen=True)
class TableTop:
    """Centre and half extents of the table top in x and y, its height and outline, metres.

    The outline is empty for a plain rectangle.
    """

    center: tuple[float, float]
    half: tuple[float, float]
    height: float
    outline: tuple[tuple[float, float], ...] = ()


def hull(points: Array) -> list[tuple[float, float]]:
    """Convex hull of (n, 2) points, counter-clockwise (monotone chain)."""
    ordered = sorted({(round(float(x), 6), round(float(y), 6)) for x, y in points})
    if len(ordered) < 3:
        return ordered

    def half(sequence: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
        chain: list[tuple[float, float]] = []
        for p in sequence:
            while len(chain) > 1:
                (ax, ay), (bx, by) = chain[-2], chain[-1]
                if (bx - ax) * (p[1] - ay) - (by - ay) * (p[0] - ax) > 0:
                    break
                chain.pop()
            chain.append(p)
        return chain[:-1]

    return half(ordered) + half(ordered[::-1])


def _circle(radius_x: float, radius_y: float, z: float) -> Array:
    angle = np.arange(ROUND) * (2 * math.pi / ROUND)
    return np.stack([radius_x * np.cos(angle), radius_y * np.sin(angle), np.full(ROUND, z)], axis=1)


def piece_points(shape: Mapping[str, Any]) -> Array:
    """Points (n, 3), in the object frame, whose hull is one stored collision shape."""
    kind, size = shape["kind"], [float(v) for v in shape.get("size", ())]
    if kind == "box":
        signs = np.array([[i, j, k] for i in (-1, 1) for j in (-1, 1) for k in (-1, 1)])
        local = signs * np.array(size)
    elif kind == "cylinder":
        local = np.concatenate([_circle(size[0], size[0], z) for z in (-size[1], size[1])])
    elif kind in ("sphere", "ellipsoid", "capsule"):
        radii = size if kind == "ellipsoid" else [size[0]] * 3
        shift = size[1] if kind == "capsule" else 0.0
        rings = []
        for t in np.linspace(-math.pi / 2, math.pi / 2, 9):
            z = radii[2] * math.sin(t) + math.copysign(shift, t)
            rings.append(_circle(radii[0] * math.cos(t), radii[1] * math.cos(t), z))
        local = np.concatenate(rings)
    else:
        local = np.asarray(shape["vertices"], dtype=np.float64).reshape(-1, 3)
    return Pose.of(shape.get("position", (0, 0, 0)), shape.get("quat", (1, 0, 0, 0))).apply(local)


def _box_points(size: Sequence[float]) -> Array:
    half = [0.5 * v for v in size]
    return piece_points({"kind": "box", "size": half, "position": (0, 0, half[2])})


def outlines(episode: Pictured, assets: Iterable[AssetRecord]) -> tuple[Outline, ...]:
    """Drawable geometry of every object, from the stored collision shapes.

    An object whose asset row is not given or holds no shapes is drawn as its bounding box.
    """
    known = {record.asset_id: record for record in assets}
    mentioned = json.dumps(episode.goal)
    found = []
    for item in episode.objects:
        record = known.get(item.asset_id)
        shapes: Sequence[Mapping[str, Any]] = ()
        color = object_color(item.colour)
        if record is not None and record.geometry_format == "shapes-json":
            geometry = json.loads(record.geometry)
            shapes = geometry["shapes"] if isinstance(geometry, Mapping) else geometry
            color = _stored_color(record.params_json) or color
        pieces = tuple(piece_points(s) for s in shapes) or (_box_points(item.size),)
        takes_part = f'"{item.name}"' in mentioned or not item.name.startswith("distractor")
        found.append(Outline(item.name, object_label(item), color, pieces, takes_part))
    return tuple(found)


def object_label(item: ObjectRecord) -> str:
    """``red mug``."""
    return f"{item.colour} {item.category}".strip()


def _stored_color(params_json: str) -> Color | None:
    """The exact main colour from an asset's parameters, softened for paper."""
    params = json.loads(params_json)
    rgba = params.get("rgba") or (params.get("params") or {}).get("rgba")
    if rgba is None:
        return None
    r, g, b = (round(28 + 215 * float(v)) for v in rgba[:3])
    return (r, g, b)


def table_top(replay: Replay | None) -> TableTop | None:
    """Reads the top of the table from the stored model; None when there is none."""
    if replay is None or 'name="table"' not in replay.mjcf:
        return None
    root = ET.fromstring(replay.mjcf)
    outline = np.array([
        [float(v) for v in (custom.get("data") or "").split()]
        for custom in root.iter("numeric")
        if custom.get("name") == TABLE_OUTLINE
    ]).reshape(-1, 2)  # fmt: skip
    for geom in root.iter("geom"):
        if geom.get("name") == "table" and geom.get("type") == "box":
            x, y, z = (float(v) for v in (geom.get("pos") or "0 0 0").split())
            hx, hy, hz = (float(v) for v in (geom.get("size") or "0 0 0").split())
            if not len(outline):
                return TableTop((x, y), (hx, hy), z + hz)
            low, high = outline.min(axis=0), outline.max(axis=0)
            (x, y), (hx, hy) = 0.5 * (low + high), 0.5 * (high - low)
            points = tuple((float(u), float(v)) for u, v in outline)
            return TableTop((float(x), float(y)), (float(hx), float(hy)), z + hz, points)
    return None


def arm_postures(replay: Replay | None, qpos: NDArray[np.float32]) -> list[Array]:
    """Joint positions (m, 3) along the arm, base first, for each row of ``qpos`` (k, nq).

    The longest chain of hinges below one root is taken for the arm. Meshes are not needed.

    Raises:
        DatasetCorruptError: The stored model cannot be read.
    """
    if replay is None or not len(qpos):
        return []
    import mujoco

    try:
        spec = mujoco.MjSpec.from_string(replay.mjcf)
        for geom in list(spec.geoms):
            spec.delete(geom)
        for mesh in list(spec.meshes):
            spec.delete(mesh)
        spec.compiler.boundmass = spec.compiler.boundinertia = 1e-6
        model = spec.compile()
    except ValueError as error:
        raise DatasetCorruptError("the stored model cannot be read", why=str(error)) from error
    if model.nq != qpos.shape[1]:
        raise DatasetCorruptError("the stored model does not fit the stored positions",
                                  why=f"{model.nq} positions, {qpos.shape[1]} stored")  # fmt: skip
    chain = _longest_chain(model)
    data, postures = mujoco.MjData(model), []
    for row in qpos:
        data.qpos[:] = row
        mujoco.mj_kinematics(model, data)
        postures.append(np.array(data.xpos[chain]))
    return postures


def _longest_chain(model: Any) -> list[int]:
    """Body ids from a root to the body with the most jointed ancestors, root included."""
    best: list[int] = []
    best_joints = 0
    for body in range(1, model.nbody):
        chain, joints, b = [], 0, body
        while b:
            chain.append(b)
            joints += int(model.body_jntnum[b])
            b = int(model.body_parentid[b])
        if joints > best_joints:
            best, best_joints = chain[::-1], joints
    return best
