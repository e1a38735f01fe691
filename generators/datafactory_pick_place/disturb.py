"""Disturbances: what happens, when it happens, and what of it is recorded.

When a disturbance happens follows from the measured scene alone, not from what the robot is doing,
so it happens in the same way in an attempt and in the environment.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from datafactory.binding import ManipulationSpec, canonical_json
from datafactory.geometry import Array
from datafactory.scene_graph.footprint import asset_geometry
from datafactory.scene_graph.graph import Goal
from datafactory.sim.assembly import SceneModel
from datafactory.sim.recorder import Recorder
from datafactory_assets.asset import RigidAsset
from datafactory_pick_place.casting import Play
from datafactory_pick_place.language import Phrasing, noun_phrase
from datafactory_pick_place.streams import AttemptStreams

CARRY_S = 0.2
"""The object is accelerated and then slowed down for so long each."""
CARRY_RISE_M = 0.008
GRAVITY_M_S2 = 9.81
ROOM_M = 0.03
"""Room kept to other objects, to the table's edge and to the tool on the way."""
CLOSE_M = 0.13
"""With the tool this near it is too late to move the object."""
SIDEWAYS_M = 0.03
"""A tool that is so far to one side sends the object to the other."""
TOOL_M = 0.09
OVER_M = 0.05
"""The tool is clear of the way when it is so far above the object."""
NEAREST_M, FARTHEST_M = 0.34, 0.66
"""The object stays between these distances from the robot's base."""
HEADINGS = 12
LIFTED_M = 0.03
"""A carried object is at least so much above where it stood."""


@dataclass(frozen=True)
class Disturbance:
    """What is to happen to one attempt.

    Attributes:
        kind: ``object_moved`` or ``goal_changed``.
        subject: Role name of the object concerned.
        moved_m: Distance it is moved.
        near_m: It is moved when the tool first comes this near.
        carried_m: The goal changes when the object was first carried this far.
        headings_rad: Directions to move it in, tried in order.
        goal: The new goal.
        instruction: What is said; empty when nothing is.
    """

    kind: str
    subject: str
    moved_m: float
    near_m: float
    carried_m: float
    headings_rad: tuple[float, ...]
    goal: Goal | None
    instruction: str


def draw_disturbance(
    spec: ManipulationSpec, play: Play, phrasing: Phrasing, streams: AttemptStreams
) -> Disturbance | None:  # fmt: skip
    """Draws whether and how an attempt is disturbed; None when it is not.

    Args:
        spec: Bound task.
        play: The case drawn.
        phrasing: The attempt's instruction; a new one is of the same split.
        streams: ``disturb`` draws it.
    """
    disturb = spec.task_spec.disturb
    if disturb is None:
        return None
    rng = streams["disturb"]
    happens = bool(rng.random() < disturb.share)
    kind = disturb.kind[int(rng.integers(len(disturb.kind)))]
    moved_m = float(rng.uniform(*disturb.moved_m))
    near_m = float(rng.uniform(*disturb.near_m))
    carried_m = float(rng.uniform(*disturb.carried_m))
    first = float(rng.uniform(-np.pi, np.pi))
    turns = rng.permutation(HEADINGS) * (2.0 * np.pi / HEADINGS)
    goal, instruction = None, ""
    if kind == "goal_changed" and disturb.instructions is not None:
        goal = disturb.goal
        said = disturb.instructions
        templates = (phrasing.split == "held_out" and said.held_out) or said.train
        words = {name: noun_phrase(asset) for name, asset in play.cast.assets.items()}
        instruction = templates[int(rng.integers(len(templates)))].format(**words)
    if not happens:
        return None
    subject = next(iter(play.goal.relations())).subject
    headings = tuple(float(first + t) for t in turns)
    return Disturbance(
        kind, subject, moved_m, near_m, carried_m, headings, goal, instruction
    )  # fmt: skip


def may_be_pushed(spec: ManipulationSpec, play: Play) -> str:
    """Role name of the object on which an external force may act; empty for none."""
    disturb = spec.task_spec.disturb
    if disturb is None or "object_moved" not in disturb.kind:
        return ""
    return next(iter(play.goal.relations())).subject


class SceneDisturber:
    """Lets one disturbance happen in a running scene.

    Attributes:
        disturbance: What is to happen.
        frame: Frame before which it happened; -1 until then.
        displacement_m: Distance the object was sent; 0 when it is not moved.
    """

    def __init__(self, scene: SceneModel, recorder: Recorder, disturbance: Disturbance) -> None:
        self.disturbance = disturbance
        self.frame = -1
        self.displacement_m = 0.0
        self._scene, self._recorder = scene, recorder
        names = [o.name for o in scene.scene.objects]
        self._index = names.index(disturbance.subject)
        self._start = scene.scene.objects[self._index].world_from_object.position
        self._forces: list[Array] = []

    @property
    def happened(self) -> bool:
        """It has begun."""
        return self.frame >= 0

    @property
    def over(self) -> bool:
        """It happened, and nothing acts on the scene any more."""
        return self.happened and not self._forces

    def before_frame(self) -> None:
        """Disturbs the scene when the moment has come; goes on with what has begun."""
        if self.disturbance.kind == "object_moved":
            self._move_object()
        elif not self.happened and self._carried_far():
            self.frame = self._recorder.frame

    def events(self) -> list[dict[str, object]]:
        """The record of what happened: frame, kind, and the new instruction and goal."""
        if not self.happened:
            return []
        goal = self.disturbance.goal
        return [{
            "frame": self.frame,
            "kind": self.disturbance.kind,
            "instruction": self.disturbance.instruction,
            "goal": "" if goal is None else canonical_json(goal.to_list()),
        }]  # fmt: skip

    def _position(self) -> Array:
        address = self._scene.object_qpos[self._index]
        return np.array(self._recorder.data.qpos[address : address + 3])

    def _tool(self) -> Array:
        return np.array(self._recorder.data.site_xpos[self._scene.arms[0].tcp])

    def _top(self) -> float:
        """World height of the object's top as it stands on the table, metres."""
        scene = self._scene.scene
        return scene.table.height + asset_geometry(scene.objects[self._index].asset).rest(0).top

    def _carried_far(self) -> bool:
        away = self._position() - self._start
        return bool(away[2] > LIFTED_M and np.hypot(*away[:2]) > self.disturbance.carried_m)

    def _move_object(self) -> None:
        push = self._scene.push
        assert push is not None
        if not self.happened:
            apart = float(np.linalg.norm(self._position() - self._tool()))
            way = self._free_way() if CLOSE_M < apart < self.disturbance.near_m else None
            if way is None:
                return
            self.frame = self._recorder.frame
            self.displacement_m = float(np.linalg.norm(way))
            self._forces = self._carrying_forces(way, push.mass_kg)
        force = self._forces.pop(0) if self._forces else np.zeros(3)
        address = self._scene.object_qpos[self._index]
        quat = np.array(self._recorder.data.qpos[address + 3 : address + 7])
        push.set_force(self._recorder.data, quat, force)

    def _carrying_forces(self, way: Array, mass_kg: float) -> list[Array]:
        """World forces (3,) by frame that carry a mass by (2,) metres and put it down at rest.

        Its weight is taken all along; half of the time it is accelerated, half of it slowed down.
        """
        half = round(CARRY_S * self._recorder.fps)
        duration = half / self._recorder.fps
        pull = np.array([way[0], way[1], CARRY_RISE_M]) / duration**2
        weight = np.array([0.0, 0.0, GRAVITY_M_S2])
        return [mass_kg * (weight + pull)] * half + [mass_kg * (weight - pull)] * half

    def _free_way(self) -> Array | None:
        """(2,) displacement along which there is room, or None."""
        for share in (1.0, 0.6):
            for heading in self.disturbance.headings_rad:
                way = (
                    share * self.disturbance.moved_m * np.array([np.cos(heading), np.sin(heading)])
                )
                if self._has_room(way):
                    return np.asarray(way)
        return None

    def _has_room(self, way: Array) -> bool:
        scene = self._scene.scene
        start = self._position()[:2]
        path = start + np.linspace(0.0, 1.0, 5)[:, None] * way
        radius = _radius(scene.objects[self._index].asset) + ROOM_M
        for k, item in enumerate(scene.objects):
            if k == self._index:
                continue
            address = self._scene.object_qpos[k]
            other = np.array(self._recorder.data.qpos[address : address + 2])
            apart = np.linalg.norm(path - other, axis=1)
            room = radius + _radius(item.asset)
            if (apart[1:] < np.minimum(room, apart[0])).any():
                return False
        end, tool = path[-1], self._tool()
        away = start - tool[:2]
        if way @ away < 0.0 and np.linalg.norm(away) > SIDEWAYS_M:
            return False
        over = tool[2] > self._top() + OVER_M
        if not over and np.linalg.norm(path - tool[:2], axis=1).min() < radius + TOOL_M:
            return False
        table = scene.table
        inside = np.abs(end - table.center) + radius <= np.array(table.half_extents)
        far = float(np.linalg.norm(end - scene.world_from_base.position[:2]))
        return bool(inside.all()) and NEAREST_M <= far <= FARTHEST_M


def _radius(asset: RigidAsset) -> float:
    """Radius of an object's footprint as it stands, metres."""
    return asset_geometry(asset).rest(0).radius
