"""Images of a running world: what a policy sees, in the style its training images were made in.

The chain is that of :mod:`datafactory.render.studio` without a stored episode: the look is drawn
once per episode, as it would be for a rendering of the attempt; moments are drawn when wanted, now
or after the end of the episode.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import mujoco
import numpy as np
from numpy.typing import NDArray

from datafactory.episode import AssetRecord, ObjectRecord
from datafactory.geometry import Pose
from datafactory.render.cameras import camera_shots, resolve
from datafactory.render.look import draw_look
from datafactory.render.poses import BodyTrack, model_track
from datafactory.render.scenery import build_stage, world_from_body
from datafactory.render.sensor import apply_sensor, draw_sensor
from datafactory.render.stage import Bytes, Film, Renderer
from datafactory.render.studio import table_pose, texture_pixels
from datafactory.render.style import Style
from datafactory.robots import load_robot
from datafactory.robots.model import RobotModel
from datafactory.seeding import Streams

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Still:
    """What stays the same while a world runs, as far as drawing needs it.

    Attributes:
        key: Id of the attempt as an episode; the same id and style give the same look, live and
            rendered.
        robot: Registered robot name.
        model: Compiled model.
        objects: Objects of the scene.
        assets: Rows of the ``assets`` table of the objects.
        world_from_base: (7,) robot base.
    """

    key: str
    robot: str
    model: mujoco.MjModel
    objects: tuple[ObjectRecord, ...]
    assets: tuple[AssetRecord, ...]
    world_from_base: Array


@runtime_checkable
class LiveWorld(Protocol):
    """A world whose images can be made."""

    def still(self) -> Still:
        """What stays the same during the present episode."""

    def posture(self) -> tuple[Array, Array]:
        """Generalised positions (nq,) and world_from_tcp (arms, 7) now."""


class LiveStudio:
    """Makes images of worlds in one style with one renderer.

    Args:
        style: How they look; its frame rate does not matter.
        renderer: What draws them; closed by :meth:`close`.
    """

    def __init__(self, style: Style, renderer: Renderer) -> None:
        self._style, self._renderer = style, renderer
        self._cameras = resolve(style)
        self._pixels = texture_pixels(style)

    def close(self) -> None:
        """Frees the renderer."""
        self._renderer.close()

    def begin(self, world: LiveWorld) -> None:
        """Draws the look of the episode that was just laid out."""
        still, style = world.still(), self._style
        self._still = still
        self._robot: RobotModel = load_robot(still.robot)
        streams = self._streams()
        look = draw_look(style, still.objects, streams.__getitem__)
        qpos, world_from_tcp = world.posture()
        self._stage = build_stage(
            still.objects, still.assets, self._robot, look,
            self._track(qpos[None], world_from_tcp[None]), pixels=self._pixels,
        )  # fmt: skip
        self._noise = {}
        for camera in self._cameras:
            rng = streams[f"sensor/{camera.name}"]
            self._noise[camera.name] = (draw_sensor(style.randomise.ranges()[3], rng), rng)

    def _streams(self) -> Streams:
        """The episode's generators, from their beginnings."""
        return Streams(self._style.seed, f"render/{self._still.key}", 0)

    def _track(self, qpos: Array, world_from_tcp: Array) -> BodyTrack:
        still = self._still
        return model_track(
            still.model, qpos, world_from_tcp[:, 0], world_from_base=still.world_from_base,
            frames=np.arange(len(qpos)), mounts=self._robot.camera_mounts,
        )  # fmt: skip

    def images(self, qpos: Array, world_from_tcp: Array) -> Mapping[str, Bytes]:
        """Images of some moments of the episode, whenever they were.

        Args:
            qpos: (F, nq) generalised positions.
            world_from_tcp: (F, arms, 7) tools.

        Returns:
            (F, h, w, 3) uint8 sRGB of every camera.
        """
        style, track = self._style, self._track(qpos, world_from_tcp)
        streams = self._streams()  # the same errors of the cameras at every moment
        shots = camera_shots(
            self._cameras,
            style,
            world_from_table=table_pose(track),
            world_from_base=Pose.from_vector(track.world_from_base),
            mounts={**track.world_from_mount, "tcp": track.world_from_tcp},
            n_frames=len(qpos),
            stream=streams.__getitem__,
        )
        film = Film(
            self._stage, world_from_body(self._stage, track), shots,
            shadows=style.shadows, depth=False, samples=style.samples,
        )  # fmt: skip
        images = self._renderer.render(film)
        return {
            name: apply_sensor(images[name].rgb, drawn, rng)
            for name, (drawn, rng) in self._noise.items()
        }
