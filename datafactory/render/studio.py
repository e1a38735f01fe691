"""One stored episode becomes the views of all cameras: the whole chain from states to bytes."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from datafactory.errors import SpecError
from datafactory.geometry import Pose
from datafactory.inspection import asset_records
from datafactory.render.annotate import annotate
from datafactory.render.cameras import blocked, camera_shots, compose, inverse, resolve
from datafactory.render.choice import identity
from datafactory.render.look import Look, draw_look
from datafactory.render.media import (
    contact_strip,
    encode_depth,
    encode_images,
    encode_masks,
    thumbnail,
)
from datafactory.render.poses import BodyTrack, body_track, frame_numbers
from datafactory.render.scenery import build_stage, world_from_body
from datafactory.render.sensor import apply_sensor, draw_sensor
from datafactory.render.stage import Bytes, Film, Images, Renderer
from datafactory.render.style import CameraSpec, Style
from datafactory.render.view import Annotations, View
from datafactory.robots import load_robot
from datafactory.seeding import Streams
from datafactory.store.dataset import Dataset
from datafactory.store.encode import canonical_json
from datafactory.store.stored import StoredEpisode

LARGE_IMAGE = 480
"""Images of this many pixels along a side get finer textures."""
SMALL_TEXTURE, LARGE_TEXTURE = 256, 512
CPU_STEPS = ("stage", "render", "annotate", "encode")


@dataclass(frozen=True, eq=False)
class Scene:
    """An episode made ready for the renderer.

    Attributes:
        episode: What is shown.
        look: What was drawn for it.
        frames: (F,) episode frame of each image.
        track: Where everything is.
        film: What the renderer is given.
        streams: The episode's generators.
    """

    episode: StoredEpisode
    look: Look
    frames: NDArray[np.int64]
    track: BodyTrack
    film: Film
    streams: Streams


@dataclass
class Studio:
    """Renders episodes in one style with one renderer. Holds caches, but no history.

    Everything drawn follows from (style seed, episode id, stream name), so an episode looks the
    same whoever renders it and whatever was rendered before.

    Attributes:
        dataset: Where episodes are read.
        style: How they look.
        variant: Name of the variant.
        renderer: What draws them; closed by :meth:`close`.
    """

    dataset: Dataset
    style: Style
    variant: str
    renderer: Renderer
    _meshes: dict[str, bytes] = field(default_factory=dict)
    _cameras: tuple[CameraSpec, ...] = ()

    _identity: str = ""

    def __post_init__(self) -> None:
        self._cameras = resolve(self.style)
        self._identity = identity(self.renderer)

    def close(self) -> None:
        """Frees the renderer."""
        self.renderer.close()

    @staticmethod
    @contextmanager
    def clock(step: str, cpu_s: dict[str, float]) -> Iterator[None]:
        """Adds the CPU seconds of a block to ``cpu_s[step]``."""
        begin = time.process_time()
        try:
            yield
        finally:
            cpu_s[step] = cpu_s.get(step, 0.0) + time.process_time() - begin

    def views(self, which: str | int) -> list[View]:
        """Renders one episode, given by id or position.

        Returns:
            One view per camera, in the style's order.

        Raises:
            DatasetError: The episode has no physics model, so nothing says what it looked like.
            SpecError: A camera stands inside something, or the frame rates do not divide.
        """
        cpu_s: dict[str, float] = {}
        with self.clock("stage", cpu_s):
            scene = self.scene(self.dataset.episode(which))
        with self.clock("render", cpu_s):
            images = self.renderer.render(scene.film)
        with self.clock("annotate", cpu_s):
            known = annotate(
                scene.film,
                images,
                scene.frames.astype(np.int32),
                scene.episode.trajectory,
                scene.episode.objects,
            )
        with self.clock("encode", cpu_s):
            views = self._views(scene, images, known)
        # The cameras share one pass, so each gets its share of what that pass cost.
        share = {step: cpu_s[step] / len(views) for step in CPU_STEPS}
        for view in views:
            view.cpu_s.update(share)
        return views

    def scene(self, episode: StoredEpisode) -> Scene:
        """Makes an episode ready for the renderer; see :meth:`views` for the errors."""
        style = self.style
        streams = Streams(style.seed, f"render/{episode.episode_id}", 0)
        frames = frame_numbers(episode.length, episode.fps, style.fps)
        robot = load_robot(episode.robot)
        track = body_track(episode, self._files(episode), frames, robot.camera_mounts)
        look = draw_look(style, episode.objects, streams.__getitem__)
        records = asset_records(self.dataset, episode.asset_ids)
        stage = build_stage(
            episode.objects, records, robot, look, track, pixels=texture_pixels(style)
        )
        shots = camera_shots(
            self._cameras,
            style,
            world_from_table=table_pose(track),
            world_from_base=Pose.from_vector(track.world_from_base),
            mounts={**track.world_from_mount, "tcp": track.world_from_tcp},
            n_frames=len(frames),
            stream=streams.__getitem__,
        )
        poses = world_from_body(stage, track)
        for shot in shots:
            # A camera on the robot goes where the arm goes; that it dips into something for a
            # moment is how the arm moved, and no reason to refuse the episode.
            moves = np.ptp(shot.world_from_camera, axis=0).max() > 0
            inside = None if moves else blocked(shot, stage, poses)
            if inside is not None:
                raise SpecError(
                    f"the camera '{shot.camera}' sees nothing of the scene",
                    where=f"episode {episode.episode_id}",
                    why=f"it is {inside}",
                    remedy="move it in the style, draw smaller errors (randomise.camera), or leave "
                    f"the episode out: --where \"episode_id != '{episode.episode_id}'\"",
                )
        film = Film(
            stage, poses, shots, shadows=style.shadows, depth=style.depth, samples=style.samples
        )
        return Scene(episode, look, frames, track, film, streams)

    def _files(self, episode: StoredEpisode) -> Mapping[str, bytes]:
        """Mesh files of an episode's model by the name the model uses."""
        names = () if episode.replay is None else episode.replay.mesh_hashes
        missing = [n for n in names if n not in self._meshes]
        ids = {n: n.partition(".")[0] for n in missing}
        found = self.dataset.asset_bytes(sorted(set(ids.values())))
        self._meshes |= {n: found[key] for n, key in ids.items()}
        return {n: self._meshes[n] for n in names}

    def _views(
        self,
        scene: Scene,
        images: Mapping[str, Images],
        known: Mapping[str, Annotations],
    ) -> list[View]:
        look: dict[str, Any] = {"look": asdict(scene.look), "sensor": {}}
        seen: dict[str, Bytes] = {}
        ranges = self.style.randomise.ranges()[3]
        for shot in scene.film.shots:
            rng = scene.streams[f"sensor/{shot.camera}"]
            drawn = draw_sensor(ranges, rng)
            seen[shot.camera] = apply_sensor(images[shot.camera].rgb, drawn, rng)
            look["sensor"][shot.camera] = asdict(drawn)
        text = canonical_json(look)
        return [
            self._view(scene, text, i, seen[shot.camera], images[shot.camera], known[shot.camera])
            for i, shot in enumerate(scene.film.shots)
        ]

    def _view(
        self, scene: Scene, look: str, place: int, rgb: Bytes, images: Images, known: Annotations
    ) -> View:
        style, episode, shot = self.style, scene.episode, scene.film.shots[place]
        base = np.asarray(episode.world_from_base)
        return View(
            episode_id=episode.episode_id,
            variant=self.variant,
            camera=shot.camera,
            renderer=self.renderer.name,
            renderer_version=self._identity,
            style_hash=style.style_hash,
            look_json=look,
            fps=style.fps,
            frames=scene.frames.astype(np.int32),
            intrinsics=shot.intrinsics,
            world_from_camera=shot.world_from_camera.astype(np.float32),
            base_from_camera=compose(inverse(base), shot.world_from_camera).astype(np.float32),
            entities=scene.film.stage.entities,
            video=encode_images(rgb, style.fps, style.codec),
            depth=encode_depth(images.depth_m) if style.depth else None,
            masks=encode_masks(images.entity) if style.masks else None,
            annotations=known,
            phase=_phases(episode, scene.frames),
            thumbnail=thumbnail(rgb[_telling(known)]),
            strip=contact_strip(rgb),
            cpu_s={},
        )


def texture_pixels(style: Style) -> int:
    """Edge of the images of textures: large pictures get finer ones."""
    return LARGE_TEXTURE if max(style.size) >= LARGE_IMAGE else SMALL_TEXTURE


def table_pose(track: BodyTrack) -> Pose:
    """world_from_table: the centre of the table's top, or of the floor in front of the base."""
    if track.table is None:
        return Pose.of((0.0, 0.0, track.floor_z), (1.0, 0.0, 0.0, 0.0))
    x, y, _ = track.table.center
    return Pose.of((x, y, track.table.top_z), (1.0, 0.0, 0.0, 0.0))


def _phases(episode: StoredEpisode, frames: NDArray[np.int64]) -> NDArray[np.int16]:
    """(F,) index of the phase each image belongs to; -1 outside all of them."""
    found = np.full(len(frames), -1, np.int16)
    for index, phase in enumerate(episode.trajectory.phases):
        found[(frames >= phase.start) & (frames < phase.stop)] = index
    return found


def _telling(known: Annotations) -> int:
    """The image for a thumbnail: of the middle third, where the grasped object is seen best."""
    count = len(known.tcp_uv)
    if not len(known.grasp_frame):
        return count // 2
    carried = known.visibility[:, known.grasp_object[0]]
    return int(np.argmax(carried[count // 3 : 2 * count // 3 + 1])) + count // 3
