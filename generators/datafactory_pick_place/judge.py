"""The measured checks of a verdict. Each returns ``CheckResult`` values; none decides alone."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet

import mujoco
import numpy as np

from datafactory.episode import CheckResult
from datafactory.geometry import Pose, quat_angle
from datafactory.scene import WorldState
from datafactory.scene_graph.goal import GoalCheck, check_goal
from datafactory.scene_graph.graph import Goal, Relation
from datafactory.scene_graph.relations import RelationCheck, check_relation
from datafactory.sim.assembly import SceneModel
from datafactory.sim.measure import speeds
from datafactory.sim.recorder import Recorder
from datafactory_assets.asset import RigidAsset
from datafactory_pick_place.execution import SUPPORT_FORCE_N, Execution

MAX_SETTLE_DRIFT_M = 0.01
MAX_SETTLE_TILT_RAD = 0.1
MAX_REST_SPEED_M_S = 0.01
MAX_REST_SPIN_RAD_S = 0.15
MAX_HOLD_DRIFT_M = 0.004
MAX_BYSTANDER_M = 0.02
MAX_BYSTANDER_RAD = 0.2
MAX_PENETRATION_M = 0.002
MAX_SUBJECT_TILT_RAD = 0.35
MIN_RETREAT_M = 0.04
MIN_FINAL_OPENING = 0.85


def _at_most(stage: str, check: str, value: float, limit: float, unit: str) -> CheckResult:
    return CheckResult(stage, check, value <= limit, float(value), limit, unit)


def _at_least(stage: str, check: str, value: float, limit: float, unit: str) -> CheckResult:
    return CheckResult(stage, check, value >= limit, float(value), limit, unit)


def flag(stage: str, check: str, holds: bool) -> CheckResult:
    """A yes-or-no check: 1 passed, 0 failed."""
    return CheckResult(stage, check, holds, float(holds), 1.0, "1")


def deepest_penetration(state: WorldState) -> float:
    """Deepest overlap of any two entities, metres, >= 0."""
    return max((-c.distance for c in state.contacts), default=0.0)


def resting(scene: SceneModel, data: mujoco.MjData, stage: str) -> tuple[CheckResult, ...]:
    """No object moves."""
    if not scene.scene.objects:
        return ()
    linear, angular = speeds(scene, data)
    return (
        _at_most(stage, "speed", float(linear.max()), MAX_REST_SPEED_M_S, "m/s"),
        _at_most(stage, "spin", float(angular.max()), MAX_REST_SPIN_RAD_S, "rad/s"),
    )


def settled(scene: SceneModel, data: mujoco.MjData, state: WorldState) -> tuple[CheckResult, ...]:
    """The scene came to rest where it was laid out."""
    drift, tilt = 0.0, 0.0
    for item in scene.scene.objects:
        pose = state.poses[item.name]
        start = item.world_from_object.position
        drift = max(drift, float(np.linalg.norm(state.place(item.name) - start)))
        tilt = max(tilt, quat_angle(pose.quat, item.world_from_object.quat))
    return (
        _at_most("settle", "drift", drift, MAX_SETTLE_DRIFT_M, "m"),
        _at_most("settle", "tilt", tilt, MAX_SETTLE_TILT_RAD, "rad"),
        _at_most("settle", "penetration", deepest_penetration(state), MAX_PENETRATION_M, "m"),
        *resting(scene, data, "settle"),
    )


def relations_hold(relations: Iterable[Relation], state: WorldState) -> tuple[CheckResult, ...]:
    """The initial relations hold in the settled scene."""
    return tuple(flag("settle", str(r), check_relation(r, state).holds) for r in relations)


def _finite(value: float) -> float:
    """Stored numbers are finite: what could not be measured becomes a very large one."""
    return float(np.nan_to_num(value, nan=1e9, posinf=1e9, neginf=-1e9))


def _measures(stage: str, check: RelationCheck) -> list[CheckResult]:
    return [
        CheckResult(
            stage,
            f"{check.relation}:{m.name}",
            m.holds,
            _finite(m.value),
            _finite(m.limit),
            m.unit or "1",
        )
        for m in check.measured
    ]


def goal_checks(check: GoalCheck, stage: str) -> tuple[CheckResult, ...]:
    """The goal, and the measures of the alternative that holds (else of the nearest one)."""
    alternatives = check.stages[0].alternatives
    best = max(alternatives, key=lambda a: a.satisfied / len(a.checks))
    numbers = [m for relation in best.checks for m in _measures(stage, relation)]
    return (flag(stage, "goal_holds", check.holds), *numbers)


def at_rest(
    scene: SceneModel, data: mujoco.MjData, before: WorldState, state: WorldState
) -> tuple[CheckResult, ...]:
    """Nothing moves any more, and nothing moved during the hold."""
    moved = max(
        (float(np.linalg.norm(state.place(n) - before.place(n))) for n in state.poses),
        default=0.0,
    )
    return (
        *resting(scene, data, "hold"),
        _at_most("hold", "drift", moved, MAX_HOLD_DRIFT_M, "m"),
        _at_most("hold", "penetration", deepest_penetration(state), MAX_PENETRATION_M, "m"),
    )


def bystanders(
    names: Iterable[str], start: WorldState, state: WorldState
) -> tuple[CheckResult, ...]:
    """Objects that were not to be moved were not, as seen from what carries them.

    Args:
        names: Every object the robot was not to move.
        start: State at the start.
        state: End state.
    """
    moved, turned = 0.0, 0.0
    for name in names:
        moved = max(moved, float(np.linalg.norm(state.place(name) - start.place(name))))
        turned = max(turned, _turn(state.assets[name], start.poses[name], state.poses[name]))
    return (
        _at_most("hold", "bystander_moved", moved, MAX_BYSTANDER_M, "m"),
        _at_most("hold", "bystander_turned", turned, MAX_BYSTANDER_RAD, "rad"),
    )


def _turn(asset: RigidAsset, left: Pose, now: Pose) -> float:
    """Visible rotation between two poses, rad: none about a solid of revolution's axis."""
    if asset.symmetry == "z":
        cosine = float(left.rotation()[:, 2] @ now.rotation()[:, 2])
        return float(np.arccos(np.clip(cosine, -1.0, 1.0)))
    return quat_angle(left.quat, now.quat)


def earlier_stages(
    goal: Goal, state: WorldState, moved_in: Sequence[AbstractSet[str]]
) -> tuple[CheckResult, ...]:
    """Earlier stages still hold at the end, unless what they are about was moved again.

    Args:
        goal: The goal.
        state: End state.
        moved_in: Names of the objects moved in each stage.
    """
    checks = []
    for k in range(len(goal.stages) - 1):
        about = {n for alt in goal.stages[k] for r in alt for n in (r.subject, *r.objects)}
        if not about & set().union(*moved_in[k + 1 :]):
            holds = check_goal(goal, state, stage=k).holds
            checks.append(flag("hold", f"stage_{k}_still_holds", holds))
    return tuple(checks)


def upright(intended: Mapping[str, Pose], state: WorldState) -> tuple[CheckResult, ...]:
    """Objects that were put down stand as they were meant to: nothing toppled.

    Args:
        intended: Planned world_from_object of every moved object that has to stand.
        state: End state.
    """
    tilt = 0.0
    for name, pose in intended.items():
        cosine = float(pose.rotation()[2] @ state.poses[name].rotation()[2])
        tilt = max(tilt, float(np.arccos(np.clip(cosine, -1.0, 1.0))))
    return (_at_most("hold", "subject_tilt", tilt, MAX_SUBJECT_TILT_RAD, "rad"),)


def started(
    scene: SceneModel, data: mujoco.MjData, state: WorldState, goal: Goal, *, diverged: bool
) -> tuple[tuple[CheckResult, ...], str]:
    """Whether a settled scene is a fair start: the checks, and a reason code or ``""``."""
    checks: tuple[CheckResult, ...] = (flag("settle", "stable_simulation", not diverged),)
    if diverged:
        return checks, "sim_diverged"
    checks += (*settled(scene, data, state), *relations_hold(scene.scene.relations, state))
    if not all(c.passed for c in checks):
        return checks, "scene_unstable"
    todo = flag("settle", "goal_not_true_yet", not check_goal(goal, state).holds)
    return (*checks, todo), "" if todo.passed else "goal_already_true"


def robot_clear(
    scene: SceneModel, state: WorldState, execution: Execution, moved: set[str]
) -> tuple[CheckResult, ...]:
    """The grippers are open, away from what was moved, and touch nothing."""
    distances = [
        float(np.linalg.norm(state.poses[n].position - tcp.position))
        for n in moved
        for tcp in execution.tcps()
    ]
    nearest, opening = min(distances, default=1.0), min(execution.openings())
    touching = sum("robot" in (c.a, c.b) for c in state.contacts)
    return (
        _at_least("hold", "gripper_opening", opening, MIN_FINAL_OPENING, "1"),
        _at_least("hold", "retreat_distance", nearest, MIN_RETREAT_M, "m"),
        _at_most("hold", "robot_contacts", float(touching), 0.0, "1"),
    )


def execution_limits(recorder: Recorder, execution: Execution) -> tuple[CheckResult, ...]:
    """Bounds over the whole execution."""
    return (
        _at_most("execute", "penetration", recorder.max_penetration, MAX_PENETRATION_M, "m"),
        _at_most("execute", "arm_contact_force", execution.max_arm_force_n, 0.0, "N"),
        _at_most("execute", "brush_force", execution.max_brush_n, SUPPORT_FORCE_N, "N"),
    )
