"""What an attempt returns: an ``Episode`` with its ``Verdict``, accepted or not. Plain values."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from datafactory_assets.asset import Licence

Array = NDArray[np.float64]

REASONS: Mapping[str, str] = {
    "layout_infeasible": "no object placement satisfies the initial relations",
    "scene_unstable": "an object moved while the scene settled, or a relation broke",
    "goal_already_true": "the goal held before the robot moved",
    "no_grasp": "no collision-free grasp candidate",
    "ik_failed": "no arm configuration reaches a grasp or place pose",
    "plan_collision": "every found motion collides",
    "plan_timeout": "the motion planner ran out of its budget",
    "joint_limit": "a motion leaves the joint limits",
    "grasp_slip": "the object slipped or the grasp closed on nothing",
    "dropped": "the object left the gripper before it was placed",
    "wrong_target": "the goal holds for another object, or another object was moved",
    "place_missed": "the goal relation does not hold after placing",
    "not_settled": "objects still moved after the robot retreated",
    "robot_contact": "the robot touched something it must not",
    "timeout": "the attempt exceeded its time limit",
    "sim_diverged": "the simulation became unstable",
}
"""The closed set of reason codes with one-line meanings; generators document their own extras."""


@dataclass(frozen=True)
class CheckResult:
    """One measured check of one validation stage.

    Attributes:
        stage: ``layout``, ``settle``, ``grasp``, ``plan``, ``execute``, ``goal`` or ``hold``, or a
            generator's own stage.
        check: Name of the check within the stage.
        passed: Whether it passed.
        value: Measured number.
        limit: Number it was compared with.
        unit: ``m``, ``rad``, ``N``, ``1`` ...
    """

    stage: str
    check: str
    passed: bool
    value: float
    limit: float
    unit: str


@dataclass(frozen=True)
class Verdict:
    """Why an attempt was accepted or refused.

    Attributes:
        accepted: All checks passed.
        stage: Stage that refused it; empty when accepted.
        reason: Reason code; empty when accepted.
        checks: All checks made, in order.
        success_once: The goal was measured true at least once.
        success_at_end: The goal held at the end, after the hold time.
    """

    accepted: bool
    stage: str
    reason: str
    checks: tuple[CheckResult, ...]
    success_once: bool
    success_at_end: bool


@dataclass(frozen=True)
class Phase:
    """A labelled range of frames, ``start`` <= i < ``stop``, for one sub-goal."""

    name: str
    start: int
    stop: int
    subgoal: int = 0


@dataclass(frozen=True)
class ArmSeries:
    """One arm of a robot with several, as its joints lie in the joint series.

    Attributes:
        name: Name of the arm, for example ``left``.
        dof: Number of its joints.
    """

    name: str
    dof: int


@dataclass(frozen=True)
class ContactInterval:
    """Two entities touching over a range of frames, ``start`` <= i < ``stop``.

    Attributes:
        a, b: Entity names (object role, ``table``, ``gripper``, ``arm`` ...), a < b.
        start, stop: Frame range.
        max_force: Largest normal force, newtons.
        max_penetration: Deepest penetration, metres, >= 0.
    """

    a: str
    b: str
    start: int
    stop: int
    max_force: float
    max_penetration: float


@dataclass(frozen=True, eq=False)
class Trajectory:
    """The recorded time series of T frames. Frame i is the state at i / fps, before action i.

    With several arms, joint series hold their joints one arm after the other, and the series of
    grippers and TCPs have an axis more, the second one: (T, n_arms) and (T, n_arms, 7).
    :meth:`per_arm` gives that form for any number of arms.

    Numbers are stored in float32; ``ctrl`` and the actions are float32 *before* they are applied,
    so that what is stored is exactly what was executed.

    Attributes:
        fps: Control and record rate, Hz.
        qpos: (T, nq) float32 generalised positions of the whole model.
        qvel: (T, nv) float32 generalised velocities.
        ctrl: (T, nu) float32 actuator controls held from frame i to i + 1.
        eef_pose: (T, 7) float32 world_from_tcp, xyz + wxyz.
        gripper_opening: (T,) float32, 0 closed to 1 open.
        gripper_width: (T,) float32, metres.
        object_poses: (T, n_objects, 7) float32 world_from_object, in the order of ``objects``.
        action_joint: (T, dof) float32 absolute joint targets, rad.
        action_gripper: (T,) float32 absolute opening target, 0 closed to 1 open.
        action_eef: (T, 7) float32 absolute TCP target, world_from_tcp of ``action_joint``.
        phases: Phase labels covering all frames.
        contacts: Contact intervals.
        joint_addresses: Index into ``qpos`` of each of the ``dof`` controlled joints; empty when
            they are the first ``dof`` entries.
        arms: Name and joints of every arm; empty for one arm.
    """

    fps: int
    qpos: NDArray[np.float32]
    qvel: NDArray[np.float32]
    ctrl: NDArray[np.float32]
    eef_pose: NDArray[np.float32]
    gripper_opening: NDArray[np.float32]
    gripper_width: NDArray[np.float32]
    object_poses: NDArray[np.float32]
    action_joint: NDArray[np.float32]
    action_gripper: NDArray[np.float32]
    action_eef: NDArray[np.float32]
    phases: tuple[Phase, ...]
    contacts: tuple[ContactInterval, ...]
    joint_addresses: tuple[int, ...] = ()
    arms: tuple[ArmSeries, ...] = ()

    @property
    def n_arms(self) -> int:
        """Number of arms."""
        return max(1, len(self.arms))

    def per_arm(self, values: NDArray[np.float32]) -> NDArray[np.float32]:
        """A series of grippers or TCPs with the axis of arms: (T, n_arms) or (T, n_arms, 7)."""
        return values if self.arms else values[:, None]

    @property
    def length(self) -> int:
        """Number of frames T."""
        return int(self.qpos.shape[0])


@dataclass(frozen=True, eq=False)
class Replay:
    """What re-executes an episode bit for bit.

    Attributes:
        mjcf: The model as MJCF text; mesh files are named by content hash.
        mesh_hashes: Names of the mesh files the MJCF needs (rows of the ``assets`` table).
        steps_per_frame: Physics steps of one frame.
        frames: (K,) int32 frame numbers of the checkpoints: 0 first, T (after the last action)
            last.
        states: (K, S) float64 ``mjSTATE_INTEGRATION`` vectors. At every checkpoint the run itself
            was restarted from this vector, so re-execution may begin at any of them.
    """

    mjcf: str
    mesh_hashes: tuple[str, ...]
    steps_per_frame: int
    frames: NDArray[np.int32]
    states: Array


@dataclass(frozen=True)
class ObjectRecord:
    """One object of an episode.

    Attributes:
        name: Role name (``a``, ``b``, ``distractor_0``).
        asset_id: Content hash in the ``assets`` table.
        uid: Asset uid.
        category: Category noun.
        colour: Colour word.
        material: Material name.
        attributes: Attribute words.
        mass: kg, as simulated.
        friction: Sliding friction, as simulated.
        size: (3,) bounding box sides, metres.
        initial_pose, final_pose: (7,) world_from_object, xyz + wxyz.
        licence: SPDX identifier.
    """

    name: str
    asset_id: str
    uid: str
    category: str
    colour: str
    material: str
    attributes: tuple[str, ...]
    mass: float
    friction: float
    size: tuple[float, float, float]
    initial_pose: tuple[float, ...]
    final_pose: tuple[float, ...]
    licence: str


@dataclass(frozen=True)
class AssetRecord:
    """One row of the ``assets`` table, keyed by content hash.

    Attributes:
        asset_id: Content hash (64 hex digits; for meshes the sha256 of the bytes).
        kind: ``rigid``, ``table``, ``robot`` or ``mesh``.
        uid: Readable handle.
        category: Category noun; empty for meshes.
        licence: Full licence.
        size: (3,) bounding box sides, metres; zeros when not applicable.
        mass: kg; 0 when not applicable.
        params_json: How to make it again (source, family, seed, parameters); ``{}`` for meshes.
        geometry: Bytes: collision geometry as canonical JSON, or a mesh file's bytes.
        geometry_format: ``shapes-json``, ``table-json`` or a file suffix such as ``obj``.
    """

    asset_id: str
    kind: str
    uid: str
    category: str
    licence: Licence
    size: tuple[float, float, float]
    mass: float
    params_json: str
    geometry: bytes
    geometry_format: str


@dataclass(frozen=True, eq=False)
class Episode:
    """The value of one attempt, accepted or rejected.

    Everything except ``cpu_s`` is a pure function of (spec, run seed, attempt index).

    Attributes:
        attempt: Attempt index.
        verdict: The judgement.
        task: Task name.
        instruction: The instruction of this episode.
        paraphrases: Other phrasings of the same instruction.
        instruction_split: ``train`` or ``held_out``: where the phrasing comes from.
        robot: Robot name.
        world_from_base: (7,) robot base pose.
        objects: Objects in the scene; empty when the layout failed.
        goal, initial_graph, final_graph: JSON-ready values; empty dicts when not reached.
        trajectory: Recorded frames; None when nothing was executed.
        replay: Replay data; None when nothing was executed.
        metrics: Named numbers (durations in s, lengths in m ...).
        cpu_s: CPU seconds by stage, and ``mj_step``.
        assets: Assets used.
        extra: The generator's own columns.
    """

    attempt: int
    verdict: Verdict
    task: str
    instruction: str
    paraphrases: tuple[str, ...]
    instruction_split: str
    robot: str
    world_from_base: tuple[float, ...]
    objects: tuple[ObjectRecord, ...]
    goal: Any
    initial_graph: Any
    final_graph: Any
    trajectory: Trajectory | None
    replay: Replay | None
    metrics: Mapping[str, float]
    cpu_s: Mapping[str, float]
    assets: tuple[AssetRecord, ...]
    extra: Mapping[str, Any] = field(default_factory=dict)


def episode_id(spec_hash: str, run_seed: int, attempt: int) -> str:
    """Returns the 32 hex digit id of an attempt: blake2b of (spec hash, run seed, attempt)."""
    text = f"{spec_hash}/{run_seed}/{attempt}".encode()
    return hashlib.blake2b(text, digest_size=16).hexdigest()
