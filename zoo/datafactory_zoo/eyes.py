"""What policies see in a running world: pictures drawn as those they were trained on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from datafactory.errors import SpecError, UnknownNameError
from datafactory.render.cameras import resolve
from datafactory.render.choice import choose
from datafactory.render.live import LiveStudio, LiveWorld
from datafactory.render.style import Style
from datafactory.store.dataset import Dataset
from datafactory.store.variants import find_variant

Pictures = Mapping[str, NDArray[np.uint8]]
Array = NDArray[np.float64]


class Eyes(Protocol):
    """Makes the images an actor sees."""

    def begin(self, world: Any, index: int) -> None:
        """A new episode was laid out."""

    def look(self, world: Any) -> Pictures:
        """(h, w, 3) uint8 images by camera."""


@dataclass(frozen=True)
class Sight:
    """How pictures are drawn: enough to draw more of the same kind.

    Attributes:
        style: The style, its cameras spelled out.
        renderer: Registered renderer, or ``auto``.
    """

    style: Style
    renderer: str

    @property
    def cameras(self) -> tuple[str, ...]:
        """Names of the cameras."""
        return tuple(camera.name for camera in resolve(self.style))

    def to_dict(self) -> dict[str, Any]:
        """JSON form."""
        return {"style": self.style.to_dict(), "renderer": self.renderer}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Sight:
        """Reads the JSON form."""
        return cls(Style.model_validate(data["style"]), str(data["renderer"]))

    @classmethod
    def of_style(cls, style: Style, renderer: str) -> Sight:
        """Pictures of a style; cameras of a calibration file are taken over."""
        cameras = resolve(style)
        return cls(style.model_copy(update={"cameras": cameras, "calibration": None}), renderer)

    @classmethod
    def of_dataset(cls, dataset: Dataset, variant: str | None) -> Sight | None:
        """How a variant of a dataset was drawn; None for imported images.

        Raises:
            DatasetError: Nothing was rendered, or there are several variants and none was named.
            UnknownNameError: There is no such variant.
        """
        found = find_variant(dataset, variant)
        for run in dataset.runs():
            if run.kind == "render" and run.spec_hash == found.style_hash:
                return cls.of_style(Style.model_validate(run.spec), found.renderer)
        return None

    def check(self, cameras: tuple[str, ...]) -> None:
        """Raises ``UnknownNameError`` when it has not all of some cameras."""
        for camera in cameras:
            if camera not in self.cameras:
                raise UnknownNameError.of("camera", camera, self.cameras, self.style.style)


class LiveEyes:
    """Pictures of worlds in one style.

    Args:
        sight: How they are drawn.
    """

    def __init__(self, sight: Sight) -> None:
        self._studio = LiveStudio(sight.style, choose(sight.renderer))

    def begin(self, world: Any, index: int) -> None:
        """Draws the look of the episode that was just laid out.

        Raises:
            SpecError: Nothing can draw this world.
        """
        del index
        self._studio.begin(drawable(world))

    def look(self, world: Any) -> Pictures:
        """The present moment; drawn when a picture is asked for, then kept."""
        qpos, world_from_tcp = world.posture()
        return _Moment(self._studio, qpos, world_from_tcp)

    def close(self) -> None:
        """Frees the renderer."""
        self._studio.close()


def drawable(world: Any) -> LiveWorld:
    """The world, as something that can be drawn.

    Raises:
        SpecError: It does not say where everything is.
    """
    if not isinstance(world, LiveWorld):
        raise SpecError(
            f"{type(world).__name__} cannot be drawn",
            why="it does not say where everything is",
            remedy="evaluate policies without cameras, and with --films 0",
        )  # fmt: skip
    return world


class _Moment(Mapping[str, NDArray[np.uint8]]):
    """Pictures of one moment. A policy looks only when it plans; most are never drawn."""

    def __init__(self, studio: LiveStudio, qpos: Array, world_from_tcp: Array) -> None:
        self._studio, self._at = studio, (qpos[None], world_from_tcp[None])
        self._drawn: dict[str, NDArray[np.uint8]] | None = None

    def _pictures(self) -> dict[str, NDArray[np.uint8]]:
        if self._drawn is None:
            images = self._studio.images(*self._at)
            self._drawn = {name: frames[0] for name, frames in images.items()}
        return self._drawn

    def __getitem__(self, camera: str) -> NDArray[np.uint8]:
        return self._pictures()[camera]

    def __iter__(self) -> Iterator[str]:
        return iter(self._pictures())

    def __len__(self) -> int:
        return len(self._pictures())
