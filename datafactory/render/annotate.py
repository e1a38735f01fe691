"""Per-frame annotations of rendered cameras, computed from states and labelled images.

Where an object is follows from its pose and mesh, exactly and without a renderer; what can be seen
of it follows from the labelled images. Corner k of a 3D box lies on the upper side along x, y and
z where bit 2, 1 and 0 of k is set.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from datafactory.episode import ObjectRecord, Trajectory
from datafactory.geometry import Pose, quat_rotate, quat_to_matrix
from datafactory.render.cameras import camera_from_world, compose, inverse, project
from datafactory.render.holds import acting_arms, contact_points, find_holds, finger_points
from datafactory.render.masks import visible_boxes
from datafactory.render.silhouette import Topology, outline, topology, weld
from datafactory.render.stage import Film, Images, Intrinsics, Shot
from datafactory.render.view import Annotations

Array = NDArray[np.float64]
Frames = NDArray[np.int32] | NDArray[np.int64]

STILL = 1e-6
"""An outline is kept while its pose in the camera's frame changes by no more than this (metres,
entries of the rotation matrix)."""
CORNERS = np.array([[x, y, z] for x in (-1, 1) for y in (-1, 1) for z in (-1, 1)], dtype=float)
"""(8, 3) corners of a box in half side lengths."""


@dataclass(frozen=True, eq=False)
class _Solid:
    """What is drawn of one object, over all of its bodies.

    Attributes:
        entity: Its label in the images.
        bodies: Indices of its bodies in the stage.
        vertices: (k, 3) welded vertices of each body, in that body's frame.
        topology: Triangles over all vertices, body after body.
        center: (3,) centre of its bounding box in the object's frame, metres.
    """

    entity: int
    bodies: tuple[int, ...]
    vertices: tuple[Array, ...]
    topology: Topology
    center: Array


@dataclass(frozen=True, eq=False)
class _Places:
    """World places that are the same for every camera: F frames, n objects, g grasps.

    Attributes:
        boxes: (F, n, 7) world_from_box; sides: (n, 3) of the boxes.
        tcp: (F, 3) of the arm that acts; fingers: (F, 2, 3); grasps: (F, g, 2, 3).
        grasp_object, grasp_frame: (g,) as in ``Annotations``.
    """

    boxes: Array
    sides: Array
    tcp: Array
    fingers: Array
    grasps: Array
    grasp_object: NDArray[np.int32]
    grasp_frame: NDArray[np.int32]


def annotate(
    film: Film,
    images: Mapping[str, Images],
    frames: Frames,
    trajectory: Trajectory,
    objects: Sequence[ObjectRecord],
) -> dict[str, Annotations]:
    """Annotates every camera of a film.

    Args:
        film: What was rendered; an object's bodies carry the entity of its name.
        images: What came out of it, by camera; only ``entity`` is read.
        frames: (F,) episode frame of each rendered frame.
        trajectory: The episode's recorded frames.
        objects: The episode's objects.

    Returns:
        Annotations by camera name, F frames each.
    """
    poses = trajectory.object_poses[frames].astype(np.float64)
    solids = [_solid(film, o.name, poses[0, i]) for i, o in enumerate(objects)]
    places = _places(solids, frames, trajectory, objects)
    return {s.camera: _annotate(film, s, images[s.camera], solids, places) for s in film.shots}


def _solid(film: Film, name: str, world_from_object: Array) -> _Solid:
    """Collects one object's geometry; in the film's first frame it has the pose given."""
    stage = film.stage
    entity = stage.entities.index(name)
    bodies = tuple(i for i, b in enumerate(stage.bodies) if b.entity == entity)
    object_from_world = Pose.from_vector(world_from_object).inverse()
    vertices, faces, spread, total = [], [], [], 0
    for i in bodies:
        meshes = [s.mesh for s in stage.bodies[i].surfaces]
        starts = np.cumsum([0, *(len(m.vertices) for m in meshes)])
        points, mesh = weld(
            np.concatenate([m.vertices for m in meshes]),
            np.concatenate([m.faces + s for m, s in zip(meshes, starts[:-1], strict=True)]),
        )
        vertices.append(points)
        faces.append(mesh.faces + total)
        total += len(points)
        object_from_body = object_from_world @ Pose.from_vector(film.world_from_body[0, i])
        spread.append(object_from_body.apply(points))
    every = np.concatenate(spread)
    center = 0.5 * (every.min(axis=0) + every.max(axis=0))
    return _Solid(entity, bodies, tuple(vertices), topology(np.concatenate(faces)), center)


def _places(
    solids: Sequence[_Solid],
    frames: Frames,
    trajectory: Trajectory,
    objects: Sequence[ObjectRecord],
) -> _Places:
    poses = trajectory.object_poses[frames].astype(np.float64)
    boxes = poses.copy()
    for i, solid in enumerate(solids):
        boxes[:, i, :3] += quat_rotate(poses[:, i, 3:], solid.center[None])
    holds = find_holds(trajectory, [o.name for o in objects])
    acting = acting_arms(trajectory)[frames]
    grasps = np.zeros((len(frames), len(holds), 2, 3))
    for k, hold in enumerate(holds):
        then = Pose.from_vector(trajectory.object_poses[hold.closed, hold.object])
        touched = then.inverse().apply(contact_points(trajectory, hold))
        carrier = poses[:, hold.object, None]
        grasps[:, k] = carrier[..., :3] + quat_rotate(carrier[..., 3:], touched[None])
    return _Places(
        boxes=boxes,
        sides=np.array([o.size for o in objects], dtype=np.float64).reshape(-1, 3),
        tcp=trajectory.per_arm(trajectory.eef_pose)[frames, acting, :3].astype(np.float64),
        fingers=finger_points(trajectory, frames)[np.arange(len(frames)), acting],
        grasps=grasps,
        grasp_object=np.array([h.object for h in holds], dtype=np.int32),
        grasp_frame=np.array([h.closed for h in holds], dtype=np.int32),
    )


def _annotate(
    film: Film, shot: Shot, images: Images, solids: Sequence[_Solid], places: _Places
) -> Annotations:
    def seen(points: Array) -> NDArray[np.float32]:
        return project(points, shot.world_from_camera, shot.intrinsics)[0].astype(np.float32)

    boxes = compose(inverse(shot.world_from_camera)[:, None], places.boxes)
    corners = CORNERS * 0.5 * places.sides[:, None]
    turned = corners @ quat_to_matrix(places.boxes[..., 3:]).swapaxes(-1, -2)
    visible_box, visible = visible_boxes(images.entity, [s.entity for s in solids])
    amodal_box, inside, whole = _outlines(film, shot, solids)
    # The renderer's own rounding may show a pixel or two more than the outline has.
    visibility = visible / np.maximum(np.maximum(whole, visible), 1)
    return Annotations(
        visible_box=visible_box,
        amodal_box=amodal_box,
        visible_pixels=visible,
        amodal_pixels=inside,
        visibility=visibility.astype(np.float32),
        center_uv=seen(places.boxes[..., :3]),
        corners_uv=seen(places.boxes[..., None, :3] + turned),
        box_camera=boxes.astype(np.float32),
        tcp_uv=seen(places.tcp),
        tcp_camera=camera_from_world(places.tcp, shot.world_from_camera).astype(np.float32),
        fingertips_uv=seen(places.fingers),
        grasp_uv=seen(places.grasps),
        grasp_object=places.grasp_object,
        grasp_frame=places.grasp_frame,
    )


def _outlines(
    film: Film, shot: Shot, solids: Sequence[_Solid]
) -> tuple[NDArray[np.float32], NDArray[np.int32], NDArray[np.int32]]:
    """Amodal boxes (F, n, 4), and pixels (F, n) of outlines inside the image and in all."""
    shape = (len(film.world_from_body), len(solids))
    boxes = np.full((*shape, 4), np.nan, dtype=np.float32)
    inside, whole = np.zeros(shape, dtype=np.int32), np.zeros(shape, dtype=np.int32)
    back = inverse(shot.world_from_camera)[:, None]
    for i, solid in enumerate(solids):
        poses = compose(back, film.world_from_body[:, list(solid.bodies)])
        turns, origins = quat_to_matrix(poses[..., 3:]), poses[..., :3]
        source = _drawn(np.concatenate([turns, origins[..., None]], axis=-1))
        in_view = _in_view(solid, turns, origins, shot.intrinsics)
        for f in np.unique(source[in_view[source]]).tolist():
            boxes[f, i], inside[f, i], whole[f, i] = _measured(solid, turns[f], origins[f], shot)
        boxes[:, i], inside[:, i], whole[:, i] = (
            boxes[source, i],
            inside[source, i],
            whole[source, i],
        )
    return boxes, inside, whole


def _in_view(solid: _Solid, turns: Array, origins: Array, k: Intrinsics) -> NDArray[np.bool_]:
    """(F,) whether any part of the image may show the object: its bounding spheres meet the view.

    Nothing of an object that is not in view is visible, whatever its outline outside the image.
    """
    shown = np.zeros(len(turns), dtype=np.bool_)
    edges = (
        (k.fx, 0.0, k.cx),
        (-k.fx, 0.0, k.width - k.cx),
        (0.0, k.fy, k.cy),
        (0.0, -k.fy, k.height - k.cy),
        (0.0, 0.0, 1.0),
    )
    inward = np.array(edges) / np.linalg.norm(edges, axis=1, keepdims=True)
    for body, vertices in enumerate(solid.vertices):
        middle = 0.5 * (vertices.min(axis=0) + vertices.max(axis=0))
        radius = float(np.linalg.norm(vertices - middle, axis=1).max())
        centers = turns[:, body] @ middle + origins[:, body]
        shown |= (centers @ inward.T > -radius).all(axis=1)
    return shown


def _drawn(places: Array) -> NDArray[np.int64]:
    """(F,) frame whose outline serves each frame: the last one from which it has not moved.

    Args:
        places: (F, ...) pose of all bodies in the camera's frame.
    """
    source = np.zeros(len(places), dtype=np.int64)
    for f in range(1, len(places)):
        last = source[f - 1]
        source[f] = last if np.abs(places[f] - places[last]).max() <= STILL else f
    return source


def _measured(
    solid: _Solid, turns: Array, origins: Array, shot: Shot
) -> tuple[tuple[float, float, float, float], int, int]:
    """Amodal box and outline pixels, inside the image and in all, with bodies at these places."""
    points = [v @ r.T + t for v, r, t in zip(solid.vertices, turns, origins, strict=True)]
    k = shot.intrinsics
    whole = outline(np.concatenate(points), solid.topology, k)
    inside = whole.inside(k.width, k.height)
    nothing = (float("nan"),) * 4
    return inside.box() or nothing, inside.pixels, whole.pixels
