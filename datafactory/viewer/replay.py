"""An attempt in 3D: the shapes of its bodies and where they were, from what is stored.

Episodes are shown as the renderer shows them: the same meshes in a plain look, body poses by
forward kinematics of the stored positions. Nothing is stepped. Of a refused attempt the store has
the poses of its objects and of the tool, a few times a second; the robot's joints are not known.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import trimesh
from numpy.typing import NDArray

from datafactory.episode import AssetRecord, ObjectRecord
from datafactory.inspection import Shown, asset_records
from datafactory.picture.world import outlines
from datafactory.render.library import load_style
from datafactory.render.look import draw_look
from datafactory.render.object_visuals import GLOSS, object_surfaces
from datafactory.render.poses import body_track
from datafactory.render.scenery import build_stage, world_from_body
from datafactory.render.stage import Material, Surface
from datafactory.render.unwrap import drawn
from datafactory.robots import load_robot
from datafactory.seeding import Streams
from datafactory.sim.assembly import OBJECT_PREFIX
from datafactory.store.dataset import Dataset
from datafactory.store.stored import StoredEpisode
from datafactory.store.variants import TABLE, scan_renders
from datafactory.viewer.detail import find
from datafactory.viewer.glb import Shape, shape_of
from datafactory.viewer.index import Snapshot
from datafactory_assets.families.materials import COLOURS

SCENERY = frozenset({"floor", "room"})
"""Bodies of a stage that a free camera would only bump into."""
STYLE = "plain"
TEXTURE_PIXELS = 512


@dataclass(frozen=True, eq=False)
class Body:
    """One thing that is drawn.

    Attributes:
        name: Role name of an object; body name of other things.
        kind: ``object``, ``robot`` or ``scenery``.
        shape: Its mesh.
    """

    name: str
    kind: str
    shape: Shape


@dataclass(frozen=True, eq=False)
class Scene:
    """What the 3D view shows.

    Attributes:
        fps: Frames per second.
        bodies: n things.
        poses: (F, n, 7) float32 world poses, xyz + wxyz.
        tools: (F, a, 7) float32 world poses of the tool of each arm.
        focus: (3,) what a camera should look at, metres.
    """

    fps: float
    bodies: tuple[Body, ...]
    poses: NDArray[np.float32]
    tools: NDArray[np.float32]
    focus: tuple[float, float, float]

    def describe(self) -> dict[str, Any]:
        """JSON-ready form without arrays."""
        return {
            "fps": self.fps,
            "frames": len(self.poses),
            "arms": self.tools.shape[1],
            "focus": list(self.focus),
            "bodies": [{"name": b.name, "kind": b.kind, "shape": b.shape.key} for b in self.bodies],
        }

    def arrays(self) -> bytes:
        """Body poses, then tool poses, as little-endian float32."""
        return self.poses.astype("<f4").tobytes() + self.tools.astype("<f4").tobytes()


def scene(snapshot: Snapshot, attempt_id: str) -> Scene:
    """Makes the scene of an attempt; see ``Scenes.get`` for the errors."""
    shown = find(snapshot, attempt_id)
    if isinstance(shown.attempt, StoredEpisode):
        return _episode(snapshot.dataset, shown.attempt, shown.assets)
    return _rejected(shown)


def _episode(dataset: Dataset, episode: StoredEpisode, assets: tuple[AssetRecord, ...]) -> Scene:
    names = () if episode.replay is None else episode.replay.mesh_hashes
    ids = {name: name.partition(".")[0] for name in names}
    data = dataset.asset_bytes(sorted(set(ids.values())))
    meshes = {name: data[key] for name, key in ids.items()}
    robot = load_robot(episode.robot)
    track = body_track(episode, meshes, np.arange(episode.length))
    streams = Streams(0, f"viewer/{episode.episode_id}", 0)
    look = draw_look(load_style(STYLE), episode.objects, streams.__getitem__)
    records = assets or asset_records(dataset, episode.asset_ids)
    stage = build_stage(episode.objects, records, robot, look, track, pixels=TEXTURE_PIXELS)
    poses = world_from_body(stage, track)
    kinds = dict.fromkeys(("arm", "gripper"), "robot")
    kinds |= {item.name: "object" for item in episode.objects}
    kept = [i for i, body in enumerate(stage.bodies) if body.name not in SCENERY]
    bodies = tuple(
        Body(
            stage.bodies[i].name.removeprefix(OBJECT_PREFIX),
            kinds.get(stage.entities[stage.bodies[i].entity], "scenery"),
            shape_of(stage.bodies[i].surfaces),
        )
        for i in kept
    )
    tools = np.asarray(episode.trajectory.eef_pose, np.float32).reshape(episode.length, -1, 7)
    focus = _focus(poses[:, kept], [b.kind == "object" for b in bodies], tools)
    return Scene(episode.fps, bodies, poses[:, kept].astype(np.float32), tools, focus)


def _rejected(shown: Shown) -> Scene:
    attempt, track = shown.attempt, shown.track
    records = {record.asset_id: record for record in shown.assets}
    pieces = {o.name: o.pieces for o in outlines(attempt, shown.assets)}
    bodies = tuple(
        Body(
            item.name,
            "object",
            shape_of(
                object_surfaces(item, records.get(item.asset_id), "", TEXTURE_PIXELS, ())
                or _hulls(item, pieces[item.name])
            ),
        )
        for item in attempt.objects
    )
    if track is None:
        rest = np.array([item.initial_pose for item in attempt.objects]).reshape(1, -1, 7)
        tools, rate = np.zeros((1, 0, 7), np.float32), 1.0
    else:
        rest, rate = track.object_poses, track.fps
        tools = _tool_poses(track.tcp[:, None] if track.tools is None else track.tools)
    focus = _focus(rest, [True] * len(bodies), tools)
    return Scene(rate, bodies, rest.astype(np.float32), tools, focus)


def _tool_poses(tools: NDArray[np.float64]) -> NDArray[np.float32]:
    """(K, a, 7) poses of tools whose positions (K, a, 3) alone are known."""
    poses = np.zeros((*tools.shape[:2], 7), np.float32)
    poses[..., :3], poses[..., 3] = tools, 1.0
    return poses


def _focus(
    poses: NDArray[np.float64], objects: list[bool], tools: NDArray[np.float32]
) -> tuple[float, float, float]:
    """The middle of the objects at the start, or of the tools."""
    points = poses[0][objects][:, :3] if any(objects) else tools[0][:, :3]
    if not len(points):
        return (0.0, 0.0, 0.0)
    x, y, z = (float(v) for v in points.mean(axis=0))
    return (x, y, z)


def _hulls(item: ObjectRecord, pieces: tuple[NDArray[np.float64], ...]) -> tuple[Surface, ...]:
    """An object by its collision pieces, when its source is not installed."""
    r, g, b, _ = COLOURS.get(item.colour, COLOURS["grey"])
    material = Material((r, g, b), gloss=GLOSS.get(item.material, GLOSS["plastic"]))
    found = []
    for i, points in enumerate(pieces):
        hull = trimesh.convex.convex_hull(points)
        vertices, faces = np.asarray(hull.vertices), np.asarray(hull.faces)
        found.append(Surface(f"{item.name}/{i}", drawn(vertices, faces), material))
    return tuple(found)


def cameras(snapshot: Snapshot, attempt_id: str, variant: str) -> list[dict[str, Any]]:
    """Where the cameras of a variant were, image by image."""
    if TABLE not in snapshot.dataset.tables or variant not in snapshot.images.kinds:
        return []
    columns = ["camera", "fps", "length", "width", "height", "fx", "fy", "cx", "cy", "frames",
               "world_from_camera", "variant"]  # fmt: skip
    where = f"episode_id = '{attempt_id}'"
    found = []
    for row in scan_renders(snapshot.dataset, where, columns).to_pylist():
        if row.pop("variant") != variant:
            continue
        poses = np.array(row["world_from_camera"], np.float32).reshape(7, -1).T
        found.append({**row, "world_from_camera": np.round(poses, 5).tolist()})
    return found
