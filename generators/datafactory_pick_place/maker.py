"""The per-process maker: holds the robot and caches, and turns an attempt index into an episode."""

from __future__ import annotations

import time
from dataclasses import replace

import numpy as np

from datafactory.binding import ManipulationSpec
from datafactory.episode import AssetRecord, Episode, Verdict
from datafactory.planning.kinematics import ArmKinematics
from datafactory.planning.timing import JointLimits
from datafactory.plugin import load
from datafactory.robots import load_robot
from datafactory.robots.model import Arm
from datafactory.scene_graph.graph import Goal
from datafactory.sim.assembly import SceneModel, assemble
from datafactory.sim.engine import compile_mjcf
from datafactory_assets.source import AssetSource
from datafactory_pick_place import judge
from datafactory_pick_place.ability import require_able
from datafactory_pick_place.arms import ArmsAttempt
from datafactory_pick_place.arrange import layout_region
from datafactory_pick_place.attempt import Attempt, Rejected
from datafactory_pick_place.belt_attempt import BeltAttempt
from datafactory_pick_place.clock import StageClock
from datafactory_pick_place.direct import DirectReach
from datafactory_pick_place.disturb import SceneDisturber, draw_disturbance
from datafactory_pick_place.disturbed_attempt import DisturbedAttempt
from datafactory_pick_place.handover_plan import PassingReach
from datafactory_pick_place.intercept import BeltReach
from datafactory_pick_place.jolts import Jolts
from datafactory_pick_place.language import Phrasing, phrase, refer
from datafactory_pick_place.reach import Reach
from datafactory_pick_place.record import asset_record, finished, refused_draw, robot_assets
from datafactory_pick_place.sampling import Draw, draw_scene
from datafactory_pick_place.streams import AttemptStreams
from datafactory_pick_place.two_hands import TwoHandsAttempt

# Shares of the robot's own velocity, acceleration and jerk limits.
FREE_MOTION = (0.5, 0.2, 0.03)
CONTACT_MOTION = (0.4, 0.18, 0.03)


def motion_limits(arm: Arm, shares: tuple[float, float, float]) -> JointLimits:
    """An arm's limits scaled for one kind of motion."""
    velocity, acceleration, jerk = shares
    return JointLimits(
        lower=np.array(arm.joint_lower),
        upper=np.array(arm.joint_upper),
        velocity=velocity * np.array(arm.velocity_limit),
        acceleration=acceleration * np.array(arm.acceleration_limit),
        jerk=jerk * np.array(arm.jerk_limit),
    )


def asset_sources(names: tuple[str, ...]) -> tuple[AssetSource, ...]:
    """The task's asset sources, in its order.

    Raises:
        UnknownNameError: No installed plugin provides one of them.
    """
    return tuple(load("asset source", name)() for name in names)


class PickPlaceMaker:
    """Makes attempts of one bound task under one run seed."""

    def __init__(self, spec: ManipulationSpec, run_seed: int) -> None:
        self.spec = spec
        self.run_seed = run_seed
        self.robot = load_robot(spec.robot)
        self.sources = asset_sources(spec.task_spec.sources)
        require_able(spec, self.robot, self.sources)
        arms = self.robot.arms
        model = compile_mjcf(self.robot.mjcf, self.robot.meshes)
        self.kinematics = tuple(
            ArmKinematics(
                model,
                arm.joints,
                arm.tcp_site,
                base_body=self.robot.base_body,
                reference=arm.home,
                limit_buffer=0.02,
            )
            for arm in arms
        )
        self._limits = tuple(
            (motion_limits(arm, FREE_MOTION), motion_limits(arm, CONTACT_MOTION)) for arm in arms
        )
        self._robot_assets = {a.asset_id: a for a in robot_assets(self.robot)}

    def attempt(self, index: int) -> Episode:
        """Makes one attempt; a pure function of the spec, the run seed and the index."""
        begin = time.thread_time()
        spec, clock = self.spec, StageClock()
        streams = AttemptStreams(spec, self.run_seed, index)
        with clock.stage("layout"):
            draw = draw_scene(spec, self.robot, streams, self.sources)
            placed = judge.flag("layout", "all_placed", draw.scene is not None)
        if draw.scene is None:
            phrasing = phrase(draw.play, draw.assets, streams["language"])
            verdict = Verdict(False, "layout", "layout_infeasible", (placed,), False, False)
            clock.cpu_s["total"] = time.thread_time() - begin
            return refused_draw(spec, index, draw, phrasing, self.robot, verdict, dict(clock.cpu_s))
        with clock.stage("assemble"):
            scene = assemble(draw.scene, self.robot)
            attempt = self._attempt(scene, draw.play.goal, streams, clock)
            reaches = attempt.reaches if isinstance(attempt, ArmsAttempt) else (attempt.reach,)
            for reach in reaches:
                reach.targets = reaches[0].targets
                reach.region = layout_region(spec, scene.scene.world_from_base)
        if spec.task_spec.randomize.jolt_m:
            attempt.execution.unsteadiness = Jolts(
                streams["jolt"], self.kinematics[0], spec.fps, spec.task_spec.randomize.jolt_m
            )
        attempt.checks.append(placed)
        rejected, phrasing = self._begin(attempt, draw, streams)
        disturbance = draw_disturbance(spec, draw.play, phrasing, streams)
        if disturbance is not None and isinstance(attempt, DisturbedAttempt):
            attempt.disturb(SceneDisturber(scene, attempt.recorder, disturbance))
        rejected = rejected or attempt.run()
        with clock.stage("record"):
            assets: dict[str, AssetRecord] = dict(self._robot_assets)
            for item in draw.scene.objects:
                assets[item.asset.content_hash] = asset_record(item.asset)
            clock.cpu_s["mj_step"] = attempt.recorder.step_cpu_s
            episode = finished(
                spec, index, draw, phrasing, attempt, rejected, self.kinematics, assets
            )
        cpu = {**clock.cpu_s, "total": time.thread_time() - begin}
        return replace(episode, cpu_s=cpu)

    def _attempt(
        self, scene: SceneModel, goal: Goal, streams: AttemptStreams, clock: StageClock
    ) -> Attempt:
        """The attempt that fits the scene: with a belt, with several arms, or plain."""
        arms = list(zip(self.kinematics, self._limits, strict=True))
        rest = (streams, self.spec.fps, clock)
        if len(arms) > 1:
            reaches = [PassingReach(scene, k, *limits, streams["plan"], i)
                       for i, (k, limits) in enumerate(arms)]  # fmt: skip
            return TwoHandsAttempt(scene, goal, reaches, *rest)
        ((kinematics, limits),) = arms
        if scene.belt is not None:
            reach = BeltReach(scene, kinematics, *limits, streams["plan"])
            return BeltAttempt(scene, goal, reach, *rest)
        runner = Attempt if self.spec.task_spec.disturb is None else DisturbedAttempt
        kind = DirectReach if self.spec.task_spec.expert == "direct" else Reach
        return runner(scene, goal, kind(scene, kinematics, *limits, streams["plan"]), *rest)

    def _begin(
        self, attempt: Attempt, draw: Draw, streams: AttemptStreams
    ) -> tuple[Rejected | None, Phrasing]:
        """Settles the scene and words the instruction for what it shows."""
        rejected, rng = attempt.settle(), streams["language"]
        phrases: dict[str, str] = {}
        if rejected is None and draw.play.case.refer:
            assert attempt.initial is not None
            phrases, checks = refer(draw.play, attempt.initial, rng)
            attempt.checks.extend(checks)
            if not all(check.passed for check in checks):
                rejected = Rejected("settle", "ambiguous_reference")
        return rejected, phrase(draw.play, draw.assets, rng, phrases)
