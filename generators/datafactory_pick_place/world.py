"""The task as a Gymnasium environment, in the very physics that makes the data.

An episode's index plays the role of the attempt index: ``reset(options={"index": i})`` lays out
exactly the scene of attempt i. Actions are absolute joint targets and a gripper opening, the same
quantities the dataset stores.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import gymnasium
import numpy as np
from numpy.typing import NDArray

from datafactory.belt import BELT
from datafactory.binding import ManipulationSpec
from datafactory.episode import episode_id
from datafactory.errors import SpecError
from datafactory.geometry import Pose
from datafactory.scene import WorldState
from datafactory.scene_graph.goal import GoalProgress, check_goal
from datafactory.scene_graph.graph import Goal
from datafactory.sim.assembly import assemble
from datafactory.sim.measure import Measurer
from datafactory.sim.recorder import Recorder
from datafactory_pick_place import judge
from datafactory_pick_place.attempt import HOLD_S, SETTLE_S
from datafactory_pick_place.disturb import SceneDisturber, draw_disturbance
from datafactory_pick_place.execution import Execution, Stop
from datafactory_pick_place.language import Phrasing, phrase, refer
from datafactory_pick_place.maker import PickPlaceMaker
from datafactory_pick_place.record import asset_record, object_records
from datafactory_pick_place.sampling import draw_scene
from datafactory_pick_place.streams import AttemptStreams

if TYPE_CHECKING:
    from datafactory.render.live import Still

Observation = dict[str, NDArray[np.float32]]


EPISODE_S = 20
LIFTED_M = 0.02
BOTH_FINGERS = 3
MAX_SKIPPED = 200


def _reals(*shape: int) -> gymnasium.spaces.Box[Any]:
    """Unbounded float32 numbers."""
    return gymnasium.spaces.Box(-np.inf, np.inf, shape, dtype=np.float32)


class PickPlaceWorld(gymnasium.Env[Any, Any]):
    """One task as an environment.

    Observations: ``joint_position`` (dof,) rad, ``gripper_opening`` (n_arms,), ``eef_pose`` (7,)
    world_from_tcp ((n_arms, 7) for several arms), ``object_poses`` (n, 7) world_from_object, all
    float32. Actions: (dof + n_arms,) float32: absolute joint targets of all arms in rad and the
    gripper openings in [0, 1].
    The info of ``reset`` holds the instruction and the objects; that of ``step`` holds ``success``,
    ``foul`` (the reason code of the first forbidden contact), ``grasped`` (every object to be moved
    was lifted once), ``placed`` (the goal's relations held, in order), and another ``instruction``
    at the moment at which the goal changes.

    Args:
        spec: Bound task.
        seed: Run seed; use one that made no training data.
        max_frames: Frames after which an episode is truncated; 20 s per arm and object to move if
            None.
    """

    def __init__(self, spec: ManipulationSpec, seed: int, max_frames: int | None = None) -> None:
        self.bound = spec
        self.run_seed = seed
        self._limit = max_frames
        self.max_frames = max_frames or 0
        self.maker = PickPlaceMaker(spec, seed)
        robot = self.maker.robot
        arms = len(robot.arms)
        lower = [q for arm in robot.arms for q in arm.joint_lower]
        upper = [q for arm in robot.arms for q in arm.joint_upper]
        low = np.array([*lower, *[0.0] * arms], dtype=np.float32)
        high = np.array([*upper, *[1.0] * arms], dtype=np.float32)
        self.action_space = gymnasium.spaces.Box(low, high, dtype=np.float32)
        dof = robot.dof
        self.observation_space = gymnasium.spaces.Dict({
            "joint_position": _reals(dof),
            "gripper_opening": _reals(arms),
            "eef_pose": _reals(7) if arms == 1 else _reals(arms, 7),
            "object_poses": gymnasium.spaces.Sequence(_reals(7), stack=True),
        })  # fmt: skip
        self._next_index = 0
        self.index = -1
        self._kinematics = self.maker.kinematics

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Observation, dict[str, Any]]:
        """Lays out the scene of the next index, or of ``options["index"]``.

        A seed continues from the index of that number. Indices whose layout fails are skipped,
        unless asked for through ``options``.
        """
        super().reset(seed=seed)
        asked = None if options is None else options.get("index")
        following = self._next_index if seed is None else seed
        index = following if asked is None else int(asked)
        for _ in range(MAX_SKIPPED):
            words, refusal = self._lay_out(index)
            if not refusal:
                break
            if asked is not None:
                raise SpecError(f"attempt {index} is no fair start", why=refusal)
            index += 1
        else:
            raise SpecError(
                f"no fair start among {MAX_SKIPPED} indices", why=refusal,
                remedy="see `datafactory generate --dry-run` for the reasons",
            )  # fmt: skip
        self._next_index = index + 1
        self.index = index
        info = {
            "index": index,
            "instruction": words.instruction,
            "paraphrases": words.paraphrases,
            "instruction_split": words.split,
            **self._description(),
        }
        return self._observe(), info

    def still(self) -> Still:
        """What stays the same during the present episode, for images of it."""
        from datafactory.render.live import Still

        scene = self.recorder.scene
        return Still(
            key=episode_id(self.bound.spec_hash, self.run_seed, self.index),
            robot=scene.robot.name,
            model=scene.model,
            objects=object_records(scene, None),
            assets=tuple(asset_record(o.asset) for o in scene.scene.objects),
            world_from_base=scene.scene.world_from_base.vector(),
        )

    def posture(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Generalised positions (nq,) and world_from_tcp (arms, 7) now."""
        poses = np.asarray(self._observe()["eef_pose"], dtype=np.float64).reshape(-1, 7)
        return self.recorder.data.qpos.copy(), poses

    def _description(self) -> dict[str, Any]:
        """What stays the same during an episode."""
        scene = self.recorder.scene.scene
        return {
            "robot": scene.robot,
            "world_from_base": scene.world_from_base.vector(),
            "objects": tuple(o.name for o in scene.objects),
            "object_sizes": np.array([o.asset.extents for o in scene.objects]),
            "object_uids": tuple(o.asset.uid for o in scene.objects),
        }

    def _lay_out(self, index: int) -> tuple[Phrasing, str]:
        """Prepares the scene of an index; the text says why it is no fair start."""
        streams = AttemptStreams(self.bound, self.run_seed, index)
        draw = draw_scene(self.bound, self.maker.robot, streams, self.maker.sources)
        rng = streams["language"]
        if draw.scene is None:
            words = phrase(draw.play, draw.assets, rng)
            return words, f"layout_infeasible: {', '.join(draw.unsatisfied)}"
        scene = assemble(draw.scene, self.maker.robot)
        self._stand(draw.scene.world_from_base)
        self.recorder = Recorder(scene, self.bound.fps)
        self.recorder.settle(SETTLE_S)
        self._measurer = Measurer(scene)
        self._progress = GoalProgress(draw.play.goal)
        self._held_frames = 0
        initial = self._measurer.state_of(self.recorder.data)
        self._starts = initial.poses
        initial = replace(initial, starts=self._starts)
        goal = draw.play.goal
        self._subjects = {r.subject for r in goal.relations()}
        self._initial = initial
        self._bystanders = [n for n in initial.poses if n not in self._subjects]
        self._watch = Execution(scene, self.recorder)
        surfaces = {"table"} if scene.belt is None else {"table", BELT}
        for hand in self._watch.hands:
            hand.touchable = {scene.entity(n) for n in self._subjects}
            hand.supports = {scene.entity(n) for n in goal.names() | surfaces}
        self._foul: Stop | None = None
        self._grasped: set[str] = set()
        self._rest_height = {n: float(initial.poses[n].position[2]) for n in self._subjects}
        arms = len(scene.arms)
        self.max_frames = self._limit or EPISODE_S * self.bound.fps * len(self._subjects) * arms
        _, reason = judge.started(
            scene, self.recorder.data, initial, goal, diverged=self.recorder.diverged
        )
        phrases: dict[str, str] = {}
        if not reason and draw.play.case.refer:
            phrases, checks = refer(draw.play, initial, rng)
            reason = "" if all(c.passed for c in checks) else "ambiguous_reference"
        words = phrase(draw.play, draw.assets, rng, phrases)
        disturbance = draw_disturbance(self.bound, draw.play, words, streams)
        self._disturber: SceneDisturber | None = None
        if disturbance is not None:
            self._disturber = SceneDisturber(scene, self.recorder, disturbance)
        return words, reason

    def step(
        self, action: NDArray[np.float32]
    ) -> tuple[Observation, float, bool, bool, dict[str, Any]]:
        """Holds absolute targets for one frame; reward 1 and termination on success."""
        targets = np.asarray(action, dtype=np.float32)
        dof = len(self.recorder.target_q)
        self.recorder.set_targets(targets[:dof], targets[dof:])
        said = self._disturb()
        self.recorder.tick()
        state = replace(self._measurer.state_of(self.recorder.data), starts=self._starts)
        self._progress = self._progress.advance(state)
        self._foul = self._foul or self._watch.violation()
        self._held_frames = self._held_frames + 1 if self._holds(state) else 0
        success = self._held_frames >= round(HOLD_S * self.bound.fps) and self._clear(state)
        truncated = self.recorder.frame >= self.max_frames or self.recorder.diverged
        self._note_grasps(state)
        info = {
            "success": success,
            "foul": self._foul.reason if self._foul else "",
            "grasped": self._grasped == self._subjects,
            "placed": self._progress.done,
            **said,
        }
        return self._observe(), float(success), success, truncated, info

    def _note_grasps(self, state: WorldState) -> None:
        """Remembers which subjects were held by both fingers and off their support."""
        for name in self._subjects - self._grasped:
            lifted = float(state.poses[name].position[2]) - self._rest_height[name]
            entity, arms = self.recorder.scene.entity(name), range(len(self.recorder.scene.arms))
            held = any(self.recorder.pad_contacts(entity, k) == BOTH_FINGERS for k in arms)
            if lifted > LIFTED_M and held:
                self._grasped.add(name)

    def _disturb(self) -> dict[str, str]:
        """Lets the scene's disturbance happen; what is said then is the info's instruction."""
        what = self._disturber
        if what is None:
            return {}
        before = what.happened
        what.before_frame()
        goal = what.disturbance.goal
        if before or not what.happened or goal is None:
            return {}
        self._progress = GoalProgress(goal)
        for hand in self._watch.hands:
            hand.supports |= {self.recorder.scene.entity(n) for n in goal.names()}
        return {"instruction": what.disturbance.instruction}

    def _clear(self, state: WorldState) -> bool:
        """The verdict's last demands: gripper open and away, nothing forbidden on the way."""
        scene = self.recorder.scene
        checks = (
            *judge.robot_clear(scene, state, self._watch, self._subjects),
            *judge.execution_limits(self.recorder, self._watch),
        )
        return self._foul is None and all(c.passed for c in checks)

    def expert(self) -> NDArray[np.float32] | None:
        """The expert's actions (T, dof + n_arms) for the scene that ``reset`` laid out.

        Planned and verified anew; None when the expert's attempt was rejected.
        """
        episode = self.maker.attempt(self.index)
        self._stand(self.recorder.scene.scene.world_from_base)
        if not episode.verdict.accepted or episode.trajectory is None:
            return None
        track = episode.trajectory
        return np.column_stack([track.action_joint, track.per_arm(track.action_gripper)])

    def _holds(self, state: WorldState) -> bool:
        """Goal reached and still true, nothing moving, nothing touched, no bystander moved."""
        goal = self._progress.goal
        if not self._progress.done or not check_goal(goal, state, stage=len(goal.stages) - 1).holds:
            return False
        checks = (
            *judge.resting(self.recorder.scene, self.recorder.data, "hold"),
            *judge.earlier_stages(goal, state, self._moved_in(goal)),
            *judge.bystanders(self._bystanders, self._initial, state),
        )
        touching = any("robot" in (c.a, c.b) for c in state.contacts)
        return all(c.passed for c in checks) and not touching

    @staticmethod
    def _moved_in(goal: Goal) -> list[set[str]]:
        """What each stage may move: the subjects of its alternatives."""
        return [{r.subject for alt in stage for r in alt} for stage in goal.stages]

    def _stand(self, world_from_base: Pose) -> None:
        for kinematics in self._kinematics:
            kinematics.world_from_base = world_from_base

    def _observe(self) -> Observation:
        scene, data = self.recorder.scene, self.recorder.data
        q = np.array(data.qpos[scene.arm_qpos])
        arms = zip(self._kinematics, scene.arms, strict=True)
        poses = np.array([k.fk(q[part.joints]).vector() for k, part in arms], dtype=np.float32)
        rows = scene.object_qpos[:, None] + np.arange(7)
        return {
            "joint_position": q.astype(np.float32),
            "gripper_opening": np.array(self._watch.openings(), dtype=np.float32),
            "eef_pose": poses if len(poses) > 1 else poses[0],
            "object_poses": data.qpos[rows].astype(np.float32),
        }
