"""What one image of a view shows, in pixels of the resized image."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from datafactory.episode import ObjectRecord
from datafactory.geometry import Pose
from datafactory.qa.answers import Box
from datafactory.qa.references import SUPPORTS, Candidate, references
from datafactory.qa.story import SubTask, relations
from datafactory.render.annotate import CORNERS
from datafactory.render.cameras import project
from datafactory.render.masks import label_at, object_mask
from datafactory.render.view import View
from datafactory.store.stored import StoredEpisode

Array = NDArray[np.float64]

ROOM = "room"
ALMOST_WHOLE = 0.9
"""Without masks, every point of an object seen more than this is taken to be seen."""
NEAR_PX = 2.0
"""A touched point lies on the object's edge as often as not: so near to it is on it."""
SETTLED_S = 0.5
"""The final graph holds in the last half second."""


@dataclass(frozen=True, eq=False)
class Shown:
    """One image with its episode.

    Attributes:
        view: The view.
        episode: What it shows.
        story: The episode's sub-tasks.
        image: Image index.
        width, height: Size of the resized image.
        min_visibility: Objects seen less than this are not asked about.
        min_side: Boxes with shorter sides, in resized pixels, are no answers.
    """

    view: View
    episode: StoredEpisode
    story: tuple[SubTask, ...]
    image: int
    width: int
    height: int
    min_visibility: float
    min_side: int

    @property
    def frame(self) -> int:
        """Episode frame the image shows."""
        return int(self.view.frames[self.image])

    @property
    def objects(self) -> tuple[ObjectRecord, ...]:
        """The episode's objects."""
        return self.episode.objects

    @property
    def _scale(self) -> tuple[float, float]:
        k = self.view.intrinsics
        return self.width / k.width, self.height / k.height

    @property
    def room(self) -> bool:
        """Whether the image shows, or without masks may show, the room and what stands in it."""
        entities, masks = self.view.entities, self.view.masks
        if ROOM not in entities or masks is None:
            return ROOM in entities
        runs = masks.values[masks.offsets[self.image] : masks.offsets[self.image + 1]]
        return bool((runs == entities.index(ROOM)).any())

    def visibility(self, index: int) -> float:
        """Share of an object's outline that is seen."""
        return float(self.view.annotations.visibility[self.image, index])

    def seen(self, index: int) -> bool:
        """Whether any pixel shows the object."""
        return bool(self.view.annotations.visible_pixels[self.image, index] > 0)

    def clear(self, index: int) -> bool:
        """Whether enough of an object is seen to ask about it."""
        return self.visibility(index) >= self.min_visibility and self.box(index, "a") is not None

    def box(self, index: int, label: str) -> Box | None:
        """Tight box around what is seen of an object; None when it is too small."""
        return self._box(self.view.annotations.visible_box[self.image, index], label)

    def _box(self, edges: NDArray[np.floating], label: str) -> Box | None:
        if not np.isfinite(edges).all():
            return None
        sx, sy = self._scale
        left, right = (min(max(round(float(v) * sx), 0), self.width) for v in edges[[0, 2]])
        top, bottom = (min(max(round(float(v) * sy), 0), self.height) for v in edges[[1, 3]])
        if min(right - left, bottom - top) < self.min_side:
            return None
        return Box(label, left, top, right, bottom)

    def pixel(self, uv: NDArray[np.floating]) -> tuple[int, int] | None:
        """The resized image's pixel at image coordinates (2,); None outside the image."""
        if not np.isfinite(uv).all():
            return None
        sx, sy = self._scale
        x, y = math.floor(float(uv[0]) * sx), math.floor(float(uv[1]) * sy)
        return (x, y) if 0 <= x < self.width and 0 <= y < self.height else None

    def shows(self, index: int, uv: NDArray[np.floating]) -> bool:
        """Whether image coordinates (2,) fall on a pixel of an object.

        Without masks, whether the object is seen almost whole.
        """
        masks, k = self.view.masks, self.view.intrinsics
        if masks is None:
            return self.visibility(index) > ALMOST_WHOLE
        x, y = math.floor(float(uv[0])), math.floor(float(uv[1]))
        if not (0 <= x < k.width and 0 <= y < k.height):
            return False
        label = label_at(masks, self.image, x, y)
        return self.view.entities[label] == self.objects[index].name

    def shows_near(self, index: int, uv: NDArray[np.floating]) -> bool:
        """Whether the centre of a pixel of an object is within ``NEAR_PX`` of coordinates (2,).

        Without masks, whether the object is seen almost whole.
        """
        masks = self.view.masks
        if masks is None:
            return self.visibility(index) > ALMOST_WHOLE
        label = self.view.entities.index(self.objects[index].name)
        rows, columns = np.nonzero(object_mask(masks, self.image, label))
        away = np.hypot(columns + 0.5 - float(uv[0]), rows + 0.5 - float(uv[1]))
        return bool((away <= NEAR_PX).any())

    def project(self, world: Array) -> Array:
        """Image coordinates (n, 2) of world points (n, 3) for where the camera is now."""
        return project(world, self.view.world_from_camera[self.image], self.view.intrinsics)[0]

    def region(self, index: int, world_from_object: NDArray[np.floating]) -> Box | None:
        """Box around an object's 3D bounding box if it stood elsewhere; None when cut or small."""
        world_from_camera = Pose.from_vector(self.view.world_from_camera[self.image])
        camera_from_box = Pose.from_vector(self.view.annotations.box_camera[self.image, index])
        now = Pose.from_vector(self.episode.trajectory.object_poses[self.frame, index])
        object_from_box = now.inverse() @ world_from_camera @ camera_from_box
        corners = CORNERS * 0.5 * np.array(self.objects[index].size)
        world = (Pose.from_vector(world_from_object) @ object_from_box).apply(corners)
        uv = self.project(world)
        k = self.view.intrinsics
        if not (np.isfinite(uv).all() and (uv >= 0).all() and (uv <= (k.width, k.height)).all()):
            return None
        return self._box(np.concatenate([uv.min(axis=0), uv.max(axis=0)]), "region")

    @cached_property
    def phrases(self) -> Mapping[int, tuple[str, ...]]:
        """Noun phrases that fit exactly one object that is seen, by object index."""
        support = self._support()
        k = self.view.intrinsics
        found = []
        for i, record in enumerate(self.objects):
            if self.seen(i):
                u = float(self.view.annotations.center_uv[self.image, i, 0])
                x = u / k.width if math.isfinite(u) else None
                found.append(Candidate(i, record, x, support.get(record.name, ())))
        return references(found)

    def _support(self) -> dict[str, tuple[tuple[str, ObjectRecord], ...]]:
        """What stands on or in what, when a stored graph holds now."""
        begin = min((s.hold.closed for s in self.story), default=self.episode.length)
        end = self.episode.length - round(SETTLED_S * self.episode.fps)
        graph = self.episode.initial_graph if self.frame < begin else self.episode.final_graph
        if begin <= self.frame < end or not isinstance(graph, Mapping):
            return {}
        by_name = {o.name: o for o in self.objects}
        found: dict[str, tuple[tuple[str, ObjectRecord], ...]] = {}
        for edge in relations(graph.get("edges", ())):
            if edge.name in SUPPORTS and edge.objects[0] in by_name:
                held = (edge.name, by_name[edge.objects[0]])
                found[edge.subject] = (*found.get(edge.subject, ()), held)
        return found
