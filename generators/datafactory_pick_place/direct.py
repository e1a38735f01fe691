"""The direct expert: alike scenes get alike motions, which is what small policies learn from.

Among the same grasps and places the varied expert draws from, it takes those that turn the wrist
least, puts things down in the middle of where they may be, and lifts them over what stands in the
way instead of searching a path around it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from datafactory.geometry import Pose, quat_angle
from datafactory.grasps.ranking import Grasp, rank_grasps
from datafactory.scene import WorldState
from datafactory.scene_graph.graph import Relation
from datafactory.scene_graph.relations import Placement
from datafactory_pick_place.poses import LIFT_M
from datafactory_pick_place.reach import Reach
from datafactory_pick_place.surroundings import heights, neighbours

Array = NDArray[np.float64]
GRASPS = 64
PLACES_DRAWN, PLACES_TRIED = 24, 6
TURN_COST = 0.5
"""Score a radian of turning costs; the scores of an object's good grasps differ by some tenths."""
CLEARANCE_M = 0.03
HIGHEST_LIFT_M = 0.25
HALF_TURN = Pose.of((0.0, 0.0, 0.0), (0.0, 0.0, 0.0, 1.0))
"""About the approach; the same grasp to a symmetric gripper."""


class DirectReach(Reach):
    """Plans one arm's motions with as little variety as the scene allows."""

    def grasps(
        self, subject: int, pose: Pose, state: WorldState, q: Array, rng: np.random.Generator
    ) -> list[Grasp]:
        """Grasps by score less what turning to them costs."""
        asset = self.scene.scene.objects[subject].asset
        floor, around = heights(asset, pose)[0], neighbours(self.scene.scene, subject, state)
        self.lift_m = self._lift_over(subject, state)
        found = rank_grasps(asset, pose, self.arm, floor, around, rng, count=GRASPS, variety=0.0)
        if self.arm.finger_geometry.symmetric:
            found += [replace(g, object_from_tcp=g.object_from_tcp @ HALF_TURN) for g in found]
        now = self.kinematics.fk(q).quat
        turn = [quat_angle(now, (pose @ g.object_from_tcp).quat) for g in found]
        cost = [TURN_COST * t - g.score for g, t in zip(found, turn, strict=True)]
        return [found[k] for k in np.argsort(cost, kind="stable")]

    def _lift_over(self, subject: int, state: WorldState) -> float:
        """Lift that takes the underside of an object over everything else that stands there."""
        objects = self.scene.scene.objects
        spans = [heights(o.asset, state.poses[o.name]) for o in objects]
        bottom = spans[subject][0]
        top = max((s[1] for k, s in enumerate(spans) if k != subject), default=bottom)
        return min(max(top + CLEARANCE_M - bottom, LIFT_M), HIGHEST_LIFT_M)

    def placements(
        self, subject: int, relations: Sequence[Relation], state: WorldState,
        rng: np.random.Generator,
    ) -> list[Placement]:  # fmt: skip
        """Places nearest to the middle of those drawn first, each in its present heading first."""
        self.drawn = PLACES_DRAWN
        drawn = super().placements(subject, relations, state, rng)
        pairs = list(zip(drawn[0::2], drawn[1::2], strict=True))
        if not pairs:
            return []
        if self.scene.scene.objects[subject].name in self.targets:
            return drawn  # a place planned beforehand comes first
        at = np.array([plain.world_from_object.position for plain, _ in pairs])
        order = np.argsort(np.linalg.norm(at - at.mean(axis=0), axis=1), kind="stable")
        return [p for k in order[:PLACES_TRIED] for p in reversed(pairs[k])]
