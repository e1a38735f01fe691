"""One episode as three OpenUSD layers.

``scene.usdc`` has the geometry and the physics and can be simulated: free bodies are where they
were at frame 0, joints at their reference position, with where they were at frame 0 stated beside.
``episode_NNNNNN.usdc`` has the pose of every body at every frame; its time codes are frame
numbers. ``replay.usda`` is the one to open: it puts the second over the first and switches the
physics off, so that bodies follow the record and nothing else.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from datafactory.exchange.usd_layer import (
    ROOT,
    identifiers,
    label,
    new_layer,
    require_usd,
    set_pose,
    set_pose_samples,
)
from datafactory.exchange.usd_physics import STATIC, plan_tree, start_of, write_physics
from datafactory.exchange.usd_scene import (
    SCENE_FILE,
    Materials,
    add_camera_motion,
    add_cameras,
    add_lights,
    add_surfaces,
)
from datafactory.render.poses import body_track
from datafactory.render.stage import Film, Light, Stage
from datafactory.sim.assembly import OBJECT_PREFIX
from datafactory.sim.engine import compile_mjcf
from datafactory.store.stored import StoredEpisode

REPLAY_FILE = "replay.usda"
_RESERVED = ("materials", "lights", "cameras", "physics", "static")
_SUN = Light("sun", (0.0, 0.0, 3.0), (0.4, 0.5, -0.768), (0.75, 0.75, 0.75), True)
_PLAIN = Film(Stage((), (), (_SUN,), (0.35, 0.35, 0.35)), np.zeros((1, 0, 7)), ())
"""The lights of an episode that is written without a film."""


@dataclass(frozen=True)
class EpisodeFiles:
    """What was written of an episode.

    Attributes:
        scene, motion, replay: File names of the three layers.
        bodies: Prim path by MuJoCo body name.
        cameras: Prim path by camera name.
        remarks: What of the physics model the layers do not express.
    """

    scene: str
    motion: str
    replay: str
    bodies: Mapping[str, str]
    cameras: Mapping[str, str]
    remarks: tuple[str, ...]


def write_episode(
    episode: StoredEpisode,
    meshes: Mapping[str, bytes],
    folder: Path,
    number: int,
    film: Film | None = None,
) -> EpisodeFiles:
    """Writes an episode as OpenUSD.

    Args:
        episode: Stored episode with its physics model.
        meshes: Mesh files by the name the model uses.
        folder: Existing folder.
        number: Number of the episode in the export, part of the motion's file name.
        film: What the episode looks like, one frame per recorded frame. Without it, what is drawn
            is the collision geometry, and there are no cameras.

    Raises:
        MissingPartError: OpenUSD is not installed.
        DatasetError: The episode has no physics model.
        DatasetCorruptError: Its model cannot be read.
    """
    require_usd()
    track = body_track(episode, meshes, np.arange(episode.length))
    assert episode.replay is not None  # body_track needs it too
    model = compile_mjcf(episode.replay.mjcf, meshes)
    shown = [b.name for b in film.stage.bodies] if film else []
    extra = identifiers([n for n in shown if n not in track.names], _RESERVED)
    tree = plan_tree(model, (*_RESERVED, *extra.values()))

    scene = new_layer(folder / SCENE_FILE)
    start = start_of(model, episode.trajectory.qpos[0], episode.trajectory.ctrl[0])
    remarks = write_physics(scene, model, tree, start, hidden=film is not None)
    paths = dict(zip(tree.names, tree.paths, strict=True))
    _label_bodies(scene, episode, paths)
    cameras = _add_film(scene, folder, film, paths, extra) if film else {}
    if film is None:
        add_lights(scene, _PLAIN, folder, {})
    layer = scene.GetRootLayer()
    layer.customLayerData = _facts(episode, remarks)
    layer.Save()

    motion = f"episode_{number:06d}.usdc"
    timed = new_layer(folder / motion, episode.fps, episode.length)
    layer = timed.GetRootLayer()
    for b, poses in enumerate(np.moveaxis(track.world_from_body, 1, 0), start=1):
        if not tree.nested[b] and (poses != start.poses[b]).any():
            set_pose_samples(layer, tree.paths[b], poses)
    add_camera_motion(layer, film.shots if film else (), cameras)
    layer.Save()
    _write_replay(folder, motion, episode)
    bodies = {name: path for name, path in paths.items() if name != "world"}
    return EpisodeFiles(SCENE_FILE, motion, REPLAY_FILE, bodies, cameras, remarks)


def _facts(episode: StoredEpisode, remarks: tuple[str, ...]) -> dict[str, Any]:
    """Where the layer comes from and what it leaves out."""
    from pxr import Vt

    return {
        "datafactory": {
            "episode_id": episode.episode_id,
            "instruction": episode.instructions[-1].text,
            "task": episode.task,
            "robot": episode.robot,
            "generator": f"{episode.generator} {episode.generator_version}",
            "engine": episode.engine,
            "licences": Vt.StringArray(sorted(set(episode.licences))),
            "not_expressed": Vt.StringArray(list(remarks)),
        }
    }


def _label_bodies(scene: Any, episode: StoredEpisode, paths: Mapping[str, str]) -> None:
    """Labels objects with role and category, the rest with the word before the slash."""
    categories = {OBJECT_PREFIX + o.name: o.category for o in episode.objects}
    for name, path in paths.items():
        if name == "world":
            continue
        prim = scene.GetPrimAtPath(path)
        if name in categories:
            label(prim, "class", name.removeprefix(OBJECT_PREFIX))
            label(prim, "category", categories[name])
        else:
            label(prim, "class", name.partition("/")[0])
    for prim in scene.GetPrimAtPath(STATIC).GetChildren():
        label(prim, "class", prim.GetName())


def _add_film(
    scene: Any, folder: Path, film: Film, paths: dict[str, str], extra: Mapping[str, str]
) -> dict[str, str]:
    """Adds looks, lights and cameras; returns the cameras' paths and adds those of new bodies."""
    from pxr import UsdGeom

    materials = Materials(scene, folder)
    first = film.world_from_body[0]
    for body, pose in zip(film.stage.bodies, first, strict=True):
        if body.name in extra:
            paths[body.name] = f"{ROOT}/{extra[body.name]}"
            set_pose(scene.DefinePrim(paths[body.name], "Xform"), pose)
        top = scene.GetPrimAtPath(paths[body.name])
        label(top, "class", film.stage.entities[body.entity])
        look = f"{paths[body.name]}/look"
        UsdGeom.Xform.Define(scene, look)
        add_surfaces(scene, look, body, materials)
    add_lights(scene, film, folder, paths)
    return add_cameras(scene, film.shots)


def _write_replay(folder: Path, motion: str, episode: StoredEpisode) -> None:
    """Layers the motion over the scene and switches everything off that could move a body."""
    from pxr import UsdPhysics

    stage = new_layer(folder / REPLAY_FILE, episode.fps, episode.length)
    stage.GetRootLayer().subLayerPaths = [f"./{motion}", f"./{SCENE_FILE}"]
    for prim in list(stage.Traverse()):
        if prim.IsA(UsdPhysics.Joint) or prim.IsA(UsdPhysics.Scene):
            prim.SetActive(False)
            continue
        if prim.HasAPI(UsdPhysics.ArticulationRootAPI):
            prim.RemoveAPI(UsdPhysics.ArticulationRootAPI)
        if prim.HasAPI(UsdPhysics.RigidBodyAPI):
            UsdPhysics.RigidBodyAPI(prim).CreateRigidBodyEnabledAttr(False)
        if prim.HasAPI(UsdPhysics.CollisionAPI):
            UsdPhysics.CollisionAPI(prim).CreateCollisionEnabledAttr(False)
    stage.GetRootLayer().Save()
