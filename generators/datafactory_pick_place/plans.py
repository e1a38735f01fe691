"""What planning a move gives: a pick, a place, or a refusal."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from datafactory.grasps.ranking import Grasp
from datafactory.planning.timing import Trajectory
from datafactory.scene_graph.relations import Placement
from datafactory_pick_place.execution import Motion

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Refusal:
    """Planning found no way.

    Attributes:
        stage: ``grasp`` or ``plan``.
        reason: Reason code.
        tried: Number of candidates tried.
    """

    stage: str
    reason: str
    tried: int


@dataclass(frozen=True, eq=False)
class PickPlan:
    """A planned pick.

    Attributes:
        grasp: The grasp.
        q_grasp: (dof,) arm posture at the grasp.
        transit: Free motion to the pre-grasp.
        approach: Straight motion to the grasp.
        placements: Place poses, the one proven reachable first.
        q_place: (dof,) arm posture at the first place pose.
    """

    grasp: Grasp
    q_grasp: Array
    transit: Motion
    approach: Motion
    placements: tuple[Placement, ...]
    q_place: Array


@dataclass(frozen=True, eq=False)
class PlacePlan:
    """A planned place.

    Attributes:
        placement: Where the object shall rest.
        transit: Free motion to above the place pose, holding the object.
        lower: Straight motion down to the release pose.
        gap: Height above the resting pose at which the object is released, metres.
    """

    placement: Placement
    transit: Trajectory
    lower: Trajectory
    gap: float
