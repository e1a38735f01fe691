"""Images of a running world: what a policy sees, in the style its training images were made in.

The chain is that of :mod:`datafactory.render.studio` without a stored episode: the look is drawn
once per episode, then every frame is a film of one image per camera.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

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
        key: What the look is drawn from; the same key and style give the same look.
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
        streams = Streams(style.seed, f"live/{still.key}", 0)
        look = draw_look(style, still.objects, streams.__getitem__)
        self._stage = build_stage(
            still.objects, still.assets, self._robot, look, self._track(world),
            pixels=self._pixels,
        )  # fmt: skip
        self._noise = {}
        for camera in self._cameras:
            rng = streams[f"sensor/{camera.name}"]
            self._noise[camera.name] = (draw_sensor(style.randomise.ranges()[3], rng), rng)

    def _track(self, world: LiveWorld) -> BodyTrack:
        qpos, world_from_tcp = world.posture()
        still = self._still
        return model_track(
            still.model, qpos[None], world_from_tcp[None, 0], world_from_base=still.world_from_base,
            frames=np.zeros(1, np.int64), mounts=self._robot.camera_mounts,
        )  # fmt: skip

    def look(self, world: LiveWorld) -> Mapping[str, Bytes]:
        """(h, w, 3) uint8 sRGB of every camera, now."""
        style, track = self._style, self._track(world)
        streams = Streams(style.seed, f"live/{self._still.key}", 0)  # the same errors every frame
        shots = camera_shots(
            self._cameras,
            style,
            world_from_table=table_pose(track),
            world_from_base=Pose.from_vector(track.world_from_base),
            mounts={**track.world_from_mount, "tcp": track.world_from_tcp},
            n_frames=1,
            stream=streams.__getitem__,
        )
        film = Film(
            self._stage, world_from_body(self._stage, track), shots,
            shadows=style.shadows, depth=False, samples=style.samples,
        )  # fmt: skip
        images = self._renderer.render(film)
        return {
            name: apply_sensor(images[name].rgb, drawn, rng)[0]
            for name, (drawn, rng) in self._noise.items()
        }
