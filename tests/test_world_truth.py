"""Success as the world reports it means what acceptance means in the data."""

from __future__ import annotations

from dataclasses import replace

import mujoco
import numpy as np
import pytest

from datafactory.geometry import Pose
from datafactory.plugin import find_task
from datafactory.scene import Contact, WorldState
from datafactory.sim.engine import get_state, restart
from datafactory_pick_place.world import PickPlaceWorld


@pytest.fixture
def world() -> PickPlaceWorld:
    """A world of ``put_on_plate`` in which nothing was done yet."""
    generator, info = find_task("put_on_plate")
    made = generator.world(generator.spec(info.spec, robot="primitive_arm"), 3)
    assert isinstance(made, PickPlaceWorld)
    made.reset(seed=1)
    return made


def put_in_world(world: PickPlaceWorld, on_plate: bool, speed: float = 0.0) -> None:
    """Puts a on b, or onto the empty table at the side."""
    recorder = world.recorder
    scene, data = recorder.scene, recorder.data
    items = {item.name: k for k, item in enumerate(scene.scene.objects)}
    thing = scene.scene.object("a").asset
    plate = scene.scene.object("b").asset
    x, y = scene.object_pose(data.qpos, items["b"]).position[:2]
    z = scene.scene.table.height + thing.stable_poses[0].height
    if on_plate:
        assert plate.cavity is not None
        z += plate.cavity.floor_z
    else:
        x, y = 0.3, 0.55
    address, dof = scene.object_qpos[items["a"]], scene.object_dof[items["a"]]
    pose = Pose.of((float(x), float(y), z + 0.0005), thing.stable_poses[0].quat)
    data.qpos[address : address + 7] = pose.vector()
    data.qvel[dof : dof + 6] = (speed, 0, 0, 0, 0, 0)
    restart(scene.model, data, get_state(scene.model, data))


def stay(world: PickPlaceWorld, opening: float = 1.0) -> bool:
    """One frame with the arm where it is; tells the success reported."""
    return bool(world.step(np.append(world.recorder.target_q, opening))[4]["success"])


def test_world_success_has_to_last_half_a_second(world: PickPlaceWorld) -> None:
    put_in_world(world, on_plate=True)
    seen = [stay(world) for _ in range(20)]
    assert not any(seen[: round(0.5 * world.recorder.fps) - 1]), "success before half a second"
    assert seen[-1], "no success although the goal holds for a second"


def test_world_success_needs_an_open_gripper(world: PickPlaceWorld) -> None:
    put_in_world(world, on_plate=True)
    assert not any(stay(world, 0.0) for _ in range(20))


def test_world_success_ends_with_the_goal(world: PickPlaceWorld) -> None:
    """The goal held while the robot touched something; then the object was taken away again."""
    measure = world._measurer.state_of
    touch = Contact("a", "robot", np.zeros(3), np.array([0.0, 0.0, 1.0]), 0.0, 0.0)

    def touched(data: mujoco.MjData) -> WorldState:
        state = measure(data)
        return replace(state, contacts=(*state.contacts, touch))

    put_in_world(world, on_plate=True)
    world._measurer.state_of = touched  # type: ignore[method-assign]
    assert not any(stay(world) for _ in range(15))
    world._measurer.state_of = measure  # type: ignore[method-assign]
    put_in_world(world, on_plate=False)
    assert not any(stay(world) for _ in range(15)), "success although the goal is false"


def test_world_success_needs_rest(world: PickPlaceWorld) -> None:
    put_in_world(world, on_plate=True, speed=0.4)
    assert not stay(world)
