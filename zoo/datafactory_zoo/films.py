"""Films of episodes, drawn afterwards from where everything was: any policy's, as MP4 files."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from datafactory.render.choice import choose
from datafactory.render.library import load_style
from datafactory.render.live import LiveStudio, LiveWorld
from datafactory.render.media import encode_images
from datafactory.render.style import Style
from datafactory_zoo.eyes import Sight, drawable

LEAST_FPS = 10
HEIGHT = 224
Array = NDArray[np.float64]


@dataclass
class Tape:
    """Where everything was during one episode.

    Attributes:
        fps: Frames kept per second of the episode.
        every: Frames of the world between two that are kept.
        qpos: (nq,) generalised positions of each.
        world_from_tcp: (arms, 7) tools of each.
    """

    fps: int
    every: int
    qpos: list[Array] = field(default_factory=list)
    world_from_tcp: list[Array] = field(default_factory=list)
    _seen: int = 0

    @classmethod
    def of(cls, fps: int, world: Any) -> Tape:
        """An empty tape for a world of so many frames per second.

        Raises:
            SpecError: Nothing can draw this world.
        """
        drawable(world)
        kept = min(d for d in range(1, fps + 1) if fps % d == 0 and d >= min(fps, LEAST_FPS))
        return cls(kept, fps // kept)

    def note(self, world: LiveWorld) -> None:
        """A frame has begun, or the episode has ended."""
        if self._seen % self.every == 0:
            qpos, world_from_tcp = world.posture()
            self.qpos.append(qpos)
            self.world_from_tcp.append(world_from_tcp)
        self._seen += 1


def film_sight(seen: Sight | None) -> Sight:
    """How films look: what the policy saw, larger; one camera in front for one that is blind."""
    if seen is None:
        style = load_style("plain", ["shadows=false"])
        return Sight.of_style(_sized(style, ("front",), 320, 240), "auto")
    width, height = seen.style.size
    scale = max(1.0, HEIGHT / height)
    cameras = seen.style.cameras
    size = (2 * round(scale * width / 2), 2 * round(scale * height / 2))
    return Sight(_sized(seen.style, cameras, *size), seen.renderer)


def _sized(style: Style, cameras: tuple[object, ...], width: int, height: int) -> Style:
    return style.model_copy(update={"cameras": cameras, "size": (width, height)})


def shoot(world: LiveWorld, tape: Tape, sight: Sight) -> bytes:
    """An MP4 file of an episode, the cameras side by side.

    Args:
        world: Its world, laid out for the episode anew.
        tape: Where everything was.
        sight: How it looks; see :func:`film_sight`.
    """
    studio = LiveStudio(sight.style, choose(sight.renderer))
    try:
        studio.begin(world)
        images = studio.images(np.stack(tape.qpos), np.stack(tape.world_from_tcp))
    finally:
        studio.close()
    beside = np.concatenate([images[name] for name in sight.cameras], axis=2)
    return encode_images(beside, tape.fps, "h264").data
