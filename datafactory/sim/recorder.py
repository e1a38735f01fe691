"""Stepping a scene frame by frame: controls in, frames, checkpoints and contacts out.

The run restarts itself from its own ``mjSTATE_INTEGRATION`` vector at every checkpoint frame
(``mj_resetData`` then ``mj_setState``): MuJoCo's sleep state is not part of that vector, so only a
run that passes through a checkpoint this way can later be re-executed from it bit for bit.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

import mujoco
import numpy as np
from numpy.typing import ArrayLike, NDArray

from datafactory.episode import ContactInterval
from datafactory.sim.assembly import TIMESTEP_S, SceneModel
from datafactory.sim.engine import get_state, restart

Array = NDArray[np.float64]
CHUNK_STEPS = 5
"""Physics steps between two looks at the contacts: 10 ms."""
CHECKPOINT_S = 2.0
"""Seconds between two checkpoints."""


@dataclass(frozen=True, eq=False)
class Recording:
    """What was recorded: T frames before their controls, checkpoints, contacts.

    Attributes:
        qpos, qvel, ctrl: (T, ·) float32; ctrl is what was applied after the frame.
        target_q: (T, dof) float32 targets of all arms.
        target_opening: (T,) float32 gripper opening targets; (T, n_arms) for several arms.
        checkpoint_frames: (K,) int32; checkpoint_states: (K, S) float64.
        contacts: Contact intervals.
        max_penetration: Deepest penetration of any awake contact, metres.
    """

    qpos: NDArray[np.float32]
    qvel: NDArray[np.float32]
    ctrl: NDArray[np.float32]
    target_q: NDArray[np.float32]
    target_opening: NDArray[np.float32]
    checkpoint_frames: NDArray[np.int32]
    checkpoint_states: Array
    contacts: tuple[ContactInterval, ...]
    max_penetration: float


class Recorder:
    """Runs one scene from its home configuration at a fixed frame rate.

    Attributes:
        scene: The compiled scene.
        data: Live simulation data; read only for users.
        frame: Number of frames executed.
        step_cpu_s: CPU seconds spent inside ``mj_step``.
        target_q: (dof,) float32 present targets of all arms, rad.
        target_opening: (n_arms,) float32 present opening targets.
        touching: Pairs of entity indices (a <= b) that touched during the last frame, with the
            largest normal force, newtons, and the deepest penetration, metres.
        max_penetration: Deepest penetration of the run, metres.
        diverged: The engine reported an unstable state.
    """

    def __init__(self, scene: SceneModel, fps: int) -> None:
        self.scene = scene
        self.fps = fps
        self.steps_per_frame = round(1.0 / (fps * TIMESTEP_S))
        self.checkpoint_every = max(1, round(CHECKPOINT_S * fps))
        self.data = mujoco.MjData(scene.model)
        self.data.qpos[:] = scene.home_qpos()
        if scene.belt is not None:
            scene.belt.start(self.data)
        self.frame = 0
        self.step_cpu_s = 0.0
        self.diverged = False
        self.touching: dict[tuple[int, int], tuple[float, float]] = {}
        self._touching: dict[tuple[int, int], tuple[float, float]] = {}
        self._entity: list[int] = scene.geom_entity.tolist()
        self._open: dict[tuple[int, int], list[float]] = {}
        self._intervals: list[ContactInterval] = []
        self.max_penetration = 0.0
        self._qpos: list[Array] = []
        self._qvel: list[Array] = []
        self._ctrl: list[NDArray[np.float32]] = []
        self._target_q: list[NDArray[np.float32]] = []
        self._target_opening: list[NDArray[np.float32]] = []
        self._checkpoints: list[tuple[int, Array]] = []
        self._time = float(self.data.time)
        self._warnings = self.data.warning.number  # a view of live data
        first, count = int(scene.arm_ctrl[0]), len(scene.arm_ctrl)
        contiguous = bool((scene.arm_ctrl == np.arange(first, first + count)).all())
        self._arm_ctrl = slice(first, first + count) if contiguous else scene.arm_ctrl
        self.set_targets(np.asarray(scene.scene.home), 1.0)
        self._hold_activation()

    def _hold_activation(self) -> None:
        """Starts actuator filters at their targets, so that nothing moves at the start."""
        model, data = self.scene.model, self.data
        for i in range(model.nu):
            count = int(model.actuator_actnum[i])
            if count:
                first = int(model.actuator_actadr[i])
                data.act[first : first + count] = data.ctrl[i]

    def set_targets(self, q: ArrayLike, opening: ArrayLike) -> None:
        """Sets targets (dof,) of all arms in rad and opening targets in [0, 1]: one, or (n_arms,).

        Controls are rounded to float32 before they are applied: what is stored is what ran.
        """
        self.target_q = np.asarray(q, dtype=np.float32)
        self.target_opening = np.full(len(self.scene.arms), opening, dtype=np.float32)
        self.data.ctrl[self._arm_ctrl] = self.target_q
        for arm in range(len(self.scene.arms)):
            self._drive_gripper(arm)

    def set_arm(self, arm: int, q: ArrayLike, opening: float) -> None:
        """Sets the targets of one arm (n,) in rad and its gripper; the others keep theirs."""
        self.target_q = self.target_q.copy()
        self.target_q[self.scene.arms[arm].joints] = q
        self.data.ctrl[self._arm_ctrl] = self.target_q
        if self.target_opening[arm] != np.float32(opening):
            self.target_opening = self.target_opening.copy()
            self.target_opening[arm] = opening
            self._drive_gripper(arm)

    def deviate(self, arm: int, offset: Array) -> None:
        """Adds an offset (n,) in rad to the controls of one arm until its targets are set again.

        Targets are recorded without it, controls with it.
        """
        part = self.scene.arms[arm]
        q = self.target_q.copy()
        q[part.joints] += offset
        q[part.joints] = np.clip(q[part.joints], part.arm.joint_lower, part.arm.joint_upper)
        self.data.ctrl[self._arm_ctrl] = q

    def _drive_gripper(self, arm: int) -> None:
        part, opening = self.scene.arms[arm], float(self.target_opening[arm])
        self.data.ctrl[part.gripper_ctrl] = np.float32(part.arm.gripper_ctrl_from_opening(opening))

    def settle(self, duration_s: float) -> None:
        """Lets the scene rest for a while, unrecorded, holding the current targets."""
        begin = time.thread_time()
        steps = round(duration_s / TIMESTEP_S)
        mujoco.mj_step(self.scene.model, self.data, nstep=steps)
        self.step_cpu_s += time.thread_time() - begin
        self._check_divergence(steps)

    def tick(self) -> None:
        """Records a frame and holds the current controls for one frame."""
        model, data = self.scene.model, self.data
        if self.frame % self.checkpoint_every == 0:
            self._checkpoint()
        self._qpos.append(data.qpos.copy())
        self._qvel.append(data.qvel.copy())
        self._ctrl.append(data.ctrl.astype(np.float32))
        self._target_q.append(self.target_q)
        self._target_opening.append(self.target_opening)
        done = 0
        while done < self.steps_per_frame:
            count = min(CHUNK_STEPS, self.steps_per_frame - done)
            begin = time.thread_time()
            mujoco.mj_step(model, data, nstep=count)
            self.step_cpu_s += time.thread_time() - begin
            self._look_at_contacts()
            done += count
        self._sum_up_contacts()
        self.frame += 1
        self._check_divergence(self.steps_per_frame)

    def _checkpoint(self) -> None:
        state = get_state(self.scene.model, self.data)
        self._checkpoints.append((self.frame, state))
        restart(self.scene.model, self.data, state)

    def _check_divergence(self, steps: int) -> None:
        """An unstable state makes MuJoCo reset itself: its clock then is not where it should be.

        Overflowing buffers (contacts dropped without a word) are no better than instability.
        """
        self._time += steps * TIMESTEP_S
        late = abs(self.data.time - self._time) > 0.5 * TIMESTEP_S
        self.diverged = self.diverged or late or any(self._warnings.tolist())

    def _look_at_contacts(self) -> None:
        """Merges the present contacts into the frame's pairs. Plain lists: there are a dozen."""
        data = self.data
        if not data.ncon:
            return
        contact, entity, touching = data.contact, self._entity, self._touching
        forces = data.efc_force.tolist()
        rows = zip(
            contact.geom.tolist(), contact.dist.tolist(), contact.efc_address.tolist(), strict=True
        )
        for (first, second), gap, address in rows:
            if gap > 0.0:
                continue
            a, b = entity[first], entity[second]
            pair = (a, b) if a <= b else (b, a)
            push = forces[address] if address >= 0 else 0.0
            old = touching.get(pair)
            if old is None:
                touching[pair] = (push, -gap)
            elif push > old[0] or -gap > old[1]:
                touching[pair] = (max(old[0], push), max(old[1], -gap))

    def _sum_up_contacts(self) -> None:
        """Closes the frame's pairs and carries them into the contact intervals."""
        touching = self.touching = self._touching
        self._touching = {}
        for pair, (push, depth) in touching.items():
            record = self._open.get(pair)
            if record is None:
                record = self._open[pair] = [self.frame, 0.0, 0.0]
            record[1] = max(record[1], push)
            record[2] = max(record[2], depth)
            self.max_penetration = max(self.max_penetration, depth)
        if len(self._open) > len(touching):
            for pair in [p for p in self._open if p not in touching]:
                self._close(pair)

    def _close(self, pair: tuple[int, int]) -> None:
        start, force, depth = self._open.pop(pair)
        a, b = sorted((self.scene.entities[pair[0]], self.scene.entities[pair[1]]))
        self._intervals.append(ContactInterval(a, b, int(start), self.frame, force, depth))

    def pad_contacts(self, entity: int, arm: int = 0) -> int:
        """Bit mask of an arm's finger sides (1 left, 2 right) that touch an entity now."""
        data, scene = self.data, self.scene
        if not data.ncon:
            return 0
        geom = data.contact.geom
        sides = scene.arms[arm].pad_sides[geom]
        other = scene.geom_entity[geom]
        mask = 0
        for column in (0, 1):
            hit = sides[other[:, 1 - column] == entity, column]
            for side in hit:
                mask |= int(side)
        return mask

    def finish(self) -> Recording:
        """Closes the recording with a last checkpoint after the last frame."""
        for pair in list(self._open):
            self._close(pair)
        state = get_state(self.scene.model, self.data)
        checkpoints = [*self._checkpoints, (self.frame, state)]
        openings = np.array(self._target_opening, dtype=np.float32)
        contacts = sorted(self._intervals, key=lambda c: (c.start, c.a, c.b))
        return Recording(
            qpos=np.array(self._qpos, dtype=np.float32),
            qvel=np.array(self._qvel, dtype=np.float32),
            ctrl=np.array(self._ctrl, dtype=np.float32),
            target_q=np.array(self._target_q, dtype=np.float32),
            target_opening=openings if len(self.scene.arms) > 1 else openings[:, 0],
            checkpoint_frames=np.array([f for f, _ in checkpoints], dtype=np.int32),
            checkpoint_states=np.array([s for _, s in checkpoints]),
            contacts=tuple(contacts),
            max_penetration=self.max_penetration,
        )
