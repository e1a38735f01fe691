"""What a policy reads around a moment of an episode: offsets in seconds, padding, images.

Offsets are resolved to the nearest recorded frame, as ``delta_timestamps`` of LeRobotDataset are
(https://github.com/huggingface/lerobot), and refused when the nearest one is too far away.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from datafactory.errors import SpecError
from datafactory_zoo.features import check_feature

Ints = NDArray[np.int64]
_EPS_S = 1e-9


@dataclass(frozen=True)
class WindowField:
    """One low-dimensional entry of a sample.

    Attributes:
        key: Name in the batch; ``<key>_is_pad`` marks offsets outside the episode.
        feature: Feature name.
        offsets_s: Offsets from the sample's moment, seconds, ascending.
    """

    key: str
    feature: str
    offsets_s: tuple[float, ...] = (0.0,)

    def __post_init__(self) -> None:
        check_feature(self.feature)
        _check_offsets(self.key, self.offsets_s)


@dataclass(frozen=True)
class ImageField:
    """Images of one camera in a sample.

    Attributes:
        key: Name in the batch; ``<key>_is_pad`` marks offsets outside the episode.
        camera: Camera name in the rendered variant.
        height, width: Size the images are resized to, pixels.
        offsets_s: Offsets from the sample's moment, seconds, ascending.
    """

    key: str
    camera: str
    height: int
    width: int
    offsets_s: tuple[float, ...] = (0.0,)

    def __post_init__(self) -> None:
        if self.height < 8 or self.width < 8:
            raise SpecError(f"images '{self.key}' of {self.height} x {self.width} pixels",
                            why="at least 8 x 8 are needed")  # fmt: skip
        _check_offsets(self.key, self.offsets_s)


@dataclass(frozen=True)
class PointField:
    """The centre of an object in one camera, in a sample.

    Attributes:
        key: Name in the batch.
        camera: Camera of the variant.
        role: The object.
    """

    key: str
    camera: str
    role: str


@dataclass(frozen=True)
class WindowSpec:
    """What a sample holds.

    Attributes:
        fields: Low-dimensional entries.
        images: Image entries.
        points: Where objects are seen in images, at the sample's moment.
        text: Whether samples carry the instruction under ``task``.
        tolerance_s: Largest distance from an asked moment to the frame that is taken; None for
            half a frame, which every moment inside an episode keeps.
    """

    fields: tuple[WindowField, ...]
    images: tuple[ImageField, ...] = ()
    text: bool = False
    tolerance_s: float | None = field(default=None)
    points: tuple[PointField, ...] = ()

    def __post_init__(self) -> None:
        keys = [f.key for f in self.fields] + [i.key for i in self.images]
        keys += [p.key for p in self.points]
        twice = sorted({k for k in keys if keys.count(k) > 1})
        if twice:
            raise SpecError(f"a sample has two entries called '{twice[0]}'")
        if not keys:
            raise SpecError("a sample needs at least one entry")

    def to_dict(self) -> dict[str, Any]:
        """JSON form."""
        return {
            "fields": [
                {"key": f.key, "feature": f.feature, "offsets_s": list(f.offsets_s)}
                for f in self.fields
            ],
            "images": [
                {"key": i.key, "camera": i.camera, "height": i.height, "width": i.width,
                 "offsets_s": list(i.offsets_s)}
                for i in self.images
            ],
            "text": self.text,
            "tolerance_s": self.tolerance_s,
            "points": [{"key": p.key, "camera": p.camera, "role": p.role} for p in self.points],
        }  # fmt: skip

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> WindowSpec:
        """Reads the JSON form."""
        return cls(
            fields=tuple(
                WindowField(f["key"], f["feature"], tuple(f["offsets_s"])) for f in data["fields"]
            ),
            images=tuple(
                ImageField(i["key"], i["camera"], i["height"], i["width"], tuple(i["offsets_s"]))
                for i in data["images"]
            ),
            text=data["text"],
            tolerance_s=data["tolerance_s"],
            points=tuple(PointField(**p) for p in data["points"]),
        )


def _check_offsets(key: str, offsets_s: tuple[float, ...]) -> None:
    if not offsets_s or list(offsets_s) != sorted(set(offsets_s)):
        raise SpecError(f"offsets of '{key}' are {list(offsets_s)}",
                        why="they must be distinct and ascend, and there must be one")  # fmt: skip


def chunk_offsets(count: int, fps: float, first: int = 0) -> tuple[float, ...]:
    """Offsets in seconds of ``count`` successive frames at ``fps``, from frame ``first`` on."""
    return tuple((first + k) / fps for k in range(count))


def nearest_frames(
    moments_s: NDArray[np.float64], offsets_s: tuple[float, ...], fps: float, tolerance_s: float
) -> Ints:
    """Numbers of the frames nearest to some moments; they may lie outside the episode.

    Args:
        moments_s: (B,) seconds from the episodes' starts.
        offsets_s: K offsets, seconds.
        fps: Frames per second of the recording.
        tolerance_s: Largest distance allowed.

    Returns:
        (B, K) frame numbers; ties go to the later frame.

    Raises:
        SpecError: A frame is farther away than the tolerance.
    """
    wanted = moments_s[:, None] + np.asarray(offsets_s, dtype=np.float64)[None]
    frames = np.floor(wanted * fps + 0.5 + _EPS_S * fps).astype(np.int64)
    distance = np.abs(frames / fps - wanted)
    worst = float(distance.max()) if distance.size else 0.0
    if worst > tolerance_s + 1e-7:
        at = np.unravel_index(int(distance.argmax()), distance.shape)
        raise SpecError(
            f"no frame within {tolerance_s:g} s of offset {offsets_s[at[1]]:g} s",
            why=f"the nearest one at {fps:g} frames per second is {worst:g} s away",
            remedy="use offsets that are multiples of the frame time, or a larger tolerance",
        )
    return frames


def clamp(frames: Ints, lengths: Ints) -> tuple[Ints, NDArray[np.bool_]]:
    """Frames moved into their episodes, and which had to be.

    Args:
        frames: (B, K) frame numbers.
        lengths: (B,) lengths of the episodes.

    Returns:
        (B, K) numbers in [0, length), and (B, K) bool, True for padding.
    """
    last = lengths[:, None] - 1
    pad = (frames < 0) | (frames > last)
    return np.clip(frames, 0, last), pad
