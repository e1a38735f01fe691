"""From the moving parts of an attempt to the ``Episode`` value."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from datafactory.binding import ManipulationSpec, canonical_json
from datafactory.episode import (
    ArmSeries,
    AssetRecord,
    Episode,
    ObjectRecord,
    Replay,
    Trajectory,
    Verdict,
)
from datafactory.language.book import Wording, move_text
from datafactory.planning.kinematics import ArmKinematics
from datafactory.robots.model import RobotModel
from datafactory.scene import SceneObject, WorldState
from datafactory.scene_graph.goal import describe_graph
from datafactory.scene_graph.graph import Goal
from datafactory.sim.assembly import SceneModel
from datafactory.sim.recorder import Recording
from datafactory.subtasks import Subtask, subtask_rows
from datafactory_assets.asset import ByContent, RigidAsset
from datafactory_assets.tables import TableAsset, make_table
from datafactory_pick_place.attempt import Attempt, Rejected
from datafactory_pick_place.language import Phrasing
from datafactory_pick_place.sampling import Draw


def trajectory(
    recording: Recording, attempt: Attempt, kinematics: Sequence[ArmKinematics], fps: int
) -> Trajectory:
    """Builds the stored time series from a recording."""
    scene = attempt.scene
    qpos = recording.qpos
    widths, openings = [], []
    for part in scene.arms:
        width = part.arm.gripper_map.widths(qpos[:, part.gripper_qpos].astype(np.float64))
        widths.append(width.astype(np.float32))
        openings.append(np.clip(width / part.arm.gripper_max_width_m, 0.0, 1.0).astype(np.float32))
    q, targets = qpos[:, scene.arm_qpos], recording.target_q
    tcps, goals = (
        [_tcp_poses(k, v[:, p.joints]) for k, p in zip(kinematics, scene.arms, strict=True)]
        for v in (q, targets)
    )
    several = len(scene.arms) > 1
    poses = qpos[:, scene.object_qpos[:, None] + np.arange(7)]
    return Trajectory(
        fps=fps,
        qpos=qpos,
        qvel=recording.qvel,
        ctrl=recording.ctrl,
        eef_pose=_by_arm(tcps),
        gripper_opening=_by_arm(openings),
        gripper_width=_by_arm(widths),
        object_poses=poses,
        action_joint=recording.target_q,
        action_gripper=recording.target_opening,
        action_eef=_by_arm(goals),
        phases=tuple(attempt.execution.phases),
        contacts=recording.contacts,
        joint_addresses=tuple(int(i) for i in scene.arm_qpos) if several else (),
        arms=tuple(ArmSeries(p.arm.name, p.arm.dof) for p in scene.arms) if several else (),
    )


def _by_arm(series: list[NDArray[np.float32]]) -> NDArray[np.float32]:
    """One series of the arms' (T, ...): with an axis of arms where there are several."""
    return series[0] if len(series) == 1 else np.stack(series, axis=1)


def _tcp_poses(kinematics: ArmKinematics, q: NDArray[np.float32]) -> NDArray[np.float32]:
    """world_from_tcp (T, 7) of postures (T, dof)."""
    return kinematics.fk_series(q.astype(np.float64)).astype(np.float32)


def replay(recording: Recording, attempt: Attempt) -> Replay:
    """Builds what re-executes the episode."""
    return Replay(
        mjcf=attempt.scene.mjcf,
        mesh_hashes=tuple(sorted(attempt.scene.robot.meshes)),
        steps_per_frame=attempt.recorder.steps_per_frame,
        frames=recording.checkpoint_frames,
        states=recording.checkpoint_states,
    )


def object_records(scene: SceneModel, final: WorldState | None) -> tuple[ObjectRecord, ...]:
    """Describes the objects of a scene; without a final state the initial pose stands in."""
    return tuple(
        _object_record(item, None if final is None else final) for item in scene.scene.objects
    )


def _object_record(item: SceneObject, final: WorldState | None) -> ObjectRecord:
    asset = item.asset
    start = item.world_from_object
    end = start if final is None else final.poses[item.name]
    return ObjectRecord(
        name=item.name,
        asset_id=asset.content_hash,
        uid=asset.uid,
        category=asset.category,
        colour=asset.colour,
        material=asset.material,
        attributes=asset.attributes,
        mass=item.mass,
        friction=item.friction,
        size=asset.extents,
        initial_pose=tuple(float(v) for v in start.vector()),
        final_pose=tuple(float(v) for v in end.vector()),
        licence=asset.licence.spdx,
    )


def asset_record(asset: RigidAsset) -> AssetRecord:
    """The ``assets`` row of a rigid asset; geometry is its collision pieces as JSON."""
    return _asset_record(ByContent.of(asset))


@lru_cache(maxsize=8192)
def _asset_record(key: ByContent) -> AssetRecord:
    asset = key.asset
    geometry = {
        "shapes": [asdict(s) for s in asset.shapes],
        "surfaces": [[s.name, s.polygon, s.z] for s in asset.surfaces],
        "com": asset.com,
        "inertia": asset.inertia,
        "rgba": asset.rgba,
    }
    origin = {
        "source": asset.source,
        "family": asset.family,
        "seed": asset.seed,
        "params": json.loads(asset.params_json),
    }
    return AssetRecord(
        asset_id=asset.content_hash,
        kind="rigid",
        uid=asset.uid,
        category=asset.category,
        licence=asset.licence,
        size=asset.extents,
        mass=asset.mass,
        params_json=canonical_json(origin),
        geometry=canonical_json(geometry).encode(),
        geometry_format="shapes-json",
    )


def table_record(table: TableAsset) -> AssetRecord:
    """The ``assets`` row of a piece of furniture; geometry is that of the nominal height."""
    nominal = make_table(table.family, table.seed)
    geometry = {
        "outline": nominal.outline,
        "tops": [asdict(s) for s in nominal.tops],
        "parts": [asdict(p) for p in nominal.parts],
        "height": nominal.height,
    }
    origin = {
        "source": "table",
        "family": table.family,
        "seed": table.seed,
        "params": json.loads(table.params_json),
    }
    half = table.half_extents
    return AssetRecord(
        asset_id=table.content_hash,
        kind="table",
        uid=table.uid,
        category=table.category,
        licence=table.licence,
        size=(2.0 * half[0], 2.0 * half[1], nominal.height),
        mass=0.0,
        params_json=canonical_json(origin),
        geometry=canonical_json(geometry).encode(),
        geometry_format="table-json",
    )


def robot_assets(robot: RobotModel) -> tuple[AssetRecord, ...]:
    """The ``assets`` rows of a robot's mesh files, keyed by the name the MJCF uses."""
    rows = []
    for name, data in sorted(robot.meshes.items()):
        digest, suffix = name.rsplit(".", 1)
        rows.append(
            AssetRecord(
                asset_id=digest,
                kind="mesh",
                uid=f"robot/{robot.name}/{digest[:8]}",
                category="",
                licence=robot.licence,
                size=(0.0, 0.0, 0.0),
                mass=0.0,
                params_json="{}",
                geometry=data,
                geometry_format=suffix,
            )
        )
    return tuple(rows)


def form_text(draw: Draw) -> str | None:
    """The goal form an episode's goal came from, with the members of its sets, as JSON."""
    form = draw.play.case.goal
    if isinstance(form, Goal):
        return None
    sets = {name: list(members) for name, members in draw.play.cast.sets.items()}
    return canonical_json({**form.model_dump(mode="json"), "sets": sets})


def labelled(attempt: Attempt, wording: Wording) -> list[Subtask]:
    """The sub-tasks of an attempt: one for each move, the final wait belongs to the last one."""
    starts: dict[int, int] = {}
    for phase in attempt.execution.phases:
        if phase.name != "hold":
            starts.setdefault(phase.subgoal, phase.start)
    found = []
    for number, start in starts.items():
        move = attempt.moves[number]
        relations = move.subgoal.relations
        key, text = move_text(relations[0], wording)
        stop = starts.get(number + 1, attempt.recorder.frame)
        others = dict.fromkeys(o for r in relations for o in r.objects)
        found.append(Subtask(key, text, start, stop, move.stage, (move.subgoal.subject, *others)))
    return found


def refused_draw(
    spec: ManipulationSpec, index: int, draw: Draw, phrasing: Phrasing, robot: RobotModel,
    verdict: Verdict, cpu_s: dict[str, float],
) -> Episode:  # fmt: skip
    """The episode of an attempt whose layout failed."""
    return Episode(
        attempt=index,
        verdict=verdict,
        task=spec.task,
        instruction=phrasing.instruction,
        paraphrases=phrasing.paraphrases,
        instruction_split=phrasing.split,
        robot=robot.name,
        world_from_base=(0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0),
        objects=(),
        goal=draw.play.goal.to_list(),
        initial_graph={},
        final_graph={},
        trajectory=None,
        replay=None,
        metrics={"layout_candidates": float(draw.candidates)},
        cpu_s=cpu_s,
        assets=(),
        extra={"subtasks": [], "form": form_text(draw)},
    )


def finished(
    spec: ManipulationSpec, index: int, draw: Draw, phrasing: Phrasing, attempt: Attempt,
    rejected: Rejected | None, kinematics: Sequence[ArmKinematics], assets: dict[str, AssetRecord],
) -> Episode:  # fmt: skip
    """The episode of an attempt that ran, accepted or not."""
    scene, execution = attempt.scene, attempt.execution
    executed = attempt.recorder.frame > 0
    recording = attempt.recorder.finish() if executed else None
    verdict = Verdict(
        accepted=rejected is None,
        stage=rejected.stage if rejected else "",
        reason=rejected.reason if rejected else "",
        checks=tuple(attempt.checks),
        success_once=attempt.goal_held_once,
        success_at_end=rejected is None,
    )
    initial, final = attempt.initial, attempt.final
    metrics = {
        "duration_s": attempt.recorder.frame / attempt.recorder.fps,
        "regrasps": float(attempt.regrasps),
        "slip_m": execution.slip_m,
        "max_penetration_m": attempt.recorder.max_penetration,
        "layout_candidates": float(draw.candidates),
        "collision_checks": float(attempt.reach.world.checks),
        "distractors": float(sum(n.startswith("distractor_") for n in draw.assets)),
        "case": float(spec.task_spec.cases.index(draw.play.case)),
        **attempt.measures(),
    }
    used = [assets[o.asset.content_hash] for o in scene.scene.objects]
    if scene.scene.table.furniture is not None:
        used.append(table_record(scene.scene.table.furniture))
    return Episode(
        attempt=index,
        verdict=verdict,
        task=spec.task,
        instruction=phrasing.instruction,
        paraphrases=phrasing.paraphrases,
        instruction_split=phrasing.split,
        robot=scene.robot.name,
        world_from_base=tuple(float(v) for v in scene.scene.world_from_base.vector()),
        objects=object_records(scene, final),
        goal=attempt.goal.to_list(),
        initial_graph=describe_graph(initial).to_dict() if initial and executed else {},
        final_graph=describe_graph(final).to_dict() if final and executed else {},
        trajectory=trajectory(recording, attempt, kinematics, spec.fps) if recording else None,
        replay=replay(recording, attempt) if recording else None,
        metrics=metrics,
        cpu_s=dict(attempt.clock.cpu_s),
        extra={
            "subtasks": subtask_rows(labelled(attempt, phrasing.wording)),
            "form": form_text(draw),
            **attempt.extra(),
        },
        assets=(*used, *(assets[n.rsplit(".", 1)[0]] for n in sorted(scene.robot.meshes))),
    )
